"""The rows of the store's tables: text in ASCII, keys of equal length, records."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from slo_core.stores.buckets import SLORecord
from slo_core.stores.shared.damage import damage_in_record

__all__ = [
    "RECORD_COLUMNS",
    "digest",
    "name_in",
    "packed",
    "placeholders",
    "record_of",
    "record_or_trouble",
    "unpacked",
]

RECORD_COLUMNS = (
    "name", "good", "bad", "dropped", "errors", "since", "newest", "keeps_seconds", "definition", "fingerprint",
    "changed_at", "seen_at", "kept_since",
)  # fmt: skip


def record_of(row: Sequence[Any]) -> SLORecord:
    """The record in a row of `RECORD_COLUMNS`."""
    name, good, bad, dropped, errors, since, newest, keeps, definition, fingerprint, changed_at, seen_at, kept_since = (
        row
    )
    return SLORecord(
        slo=unpacked(name),
        good=good,
        bad=bad,
        dropped=dropped,
        errors=errors,
        data_since=since,
        last_event_at=newest,
        keeps_seconds=keeps,
        definition=unpacked(definition),
        fingerprint=fingerprint,
        definition_changed_at=changed_at,
        seen_at=seen_at or None,
        kept_since=kept_since,
    )


def record_or_trouble(row: Sequence[Any]) -> SLORecord | str:
    """The record in a row of `RECORD_COLUMNS`; or why there is none that this package has written."""
    try:
        record = record_of(row)
    except Exception as exc:  # from anything in a table
        return f"{type(exc).__name__}: {exc}"
    return damage_in_record(record) or record


def name_in(text: Any) -> str:
    """A name that was packed; as it is where it is another program's, which no SLO has then."""
    try:
        return unpacked(text)
    except Exception:  # from anything in a table
        return str(text)


def digest(text: str) -> str:
    """A key for text of any length, exact where a database's own comparison is not."""
    return hashlib.sha256(text.encode()).hexdigest()


def packed(text: str) -> str:
    """Text in ASCII: whatever the database's encoding, it comes back as it was."""
    return text.encode("unicode_escape").decode("ascii")


def unpacked(text: str) -> str:
    """The text that was packed."""
    return text.encode("ascii").decode("unicode_escape")


def placeholders(count: int) -> str:
    """So many of the marks that stand for a value in a statement."""
    return ", ".join(["%s"] * count)
