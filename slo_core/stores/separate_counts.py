"""Sentences about a store that counts in each process for itself, as `memory://` does."""

from __future__ import annotations

__all__ = ["NOT_SEEN_HERE", "ONE_ANSWERED", "WORKERS_DIFFER", "separate_counts", "share_a_store"]

# The consequence: for a service with several workers, for readers of a page of one worker, and for a command.
WORKERS_DIFFER = "each scrape shows another worker's numbers, and a restart forgets them"
ONE_ANSWERED = (
    "these are the numbers of the one that answered, since it was started. Where several run, configure a shared store"
)
NOT_SEEN_HERE = (
    "this process does not see what the running service has counted. Read the service's /metrics, or configure a "
    "shared store"
)


def separate_counts(store: str, consequence: str) -> str:
    """
    The fact and its consequence, as sentences.

    Args:
        store: The setting, or `"The store memory://"`.
        consequence: One of those above.
    """
    return f"{store} counts in each process for itself: {consequence}."


def share_a_store(setting: str) -> str:
    """
    The remedy, as sentences.

    Args:
        setting: Where the store is named: `"SLO_STORE"`, or `"store="`.
    """
    urls = '"sqlite:///slo.db" on one host, "redis://host:6379/0", or "django://default" in Django'
    return f"Set {setting} to a store that all workers share: {urls}."
