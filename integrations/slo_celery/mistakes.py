"""Mistakes at the installation, as sentences for the log."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from slo_core.conventions import LOGGER_NAME
from slo_core.errors import about_slos, nearest
from slo_core.http.globs import compile_globs
from slo_core.tracking.registry import SLORegistry

__all__ = ["log_mistakes"]


def log_mistakes(registry: SLORegistry, names: Sequence[str], pool: object) -> None:
    """
    Log what is wrong with an installation, one warning for each mistake.

    Args:
        registry: The SLOs.
        names: Of the tasks of the application.
        pool: The worker's.
    """
    logger = logging.getLogger(LOGGER_NAME)
    if all(tracker.definition.task is None for tracker in registry):
        logger.warning(
            'no SLO counts tasks; for a start: {"tasks": {"target": "99%%", "tasks": ["*"]}} among the definitions'
        )
    own = sorted(name for name in names if not name.startswith("celery."))
    for mistake in about_slos(_unmatched(registry, own)):
        logger.warning("%s", mistake)
    processes = type(pool).__module__ == "celery.concurrency.prefork"
    registry.internals.note_workers(lambda: "the pool of Celery's worker" if processes else None)


def _unmatched(registry: SLORegistry, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    for tracker in registry:
        rule = tracker.definition.task
        for pattern in () if rule is None else rule.tasks:
            glob = compile_globs([pattern])
            if glob is not None and not any(glob.match(name) for name in names):
                hint = nearest(pattern, names)
                yield tracker.name, f": tasks: {pattern!r} is the name of no task of this worker; {hint}"
