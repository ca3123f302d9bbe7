"""Instants as people and files write them."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["parse_instant"]

# The first and the last year of which the periods around an incident lie in the calendar, at any place.
_FIRST_YEAR, _LAST_YEAR = 1970, 9998


def parse_instant(text: str) -> float:
    """
    Seconds since the epoch.

    Args:
        text: ISO 8601, in UTC where it has no offset: `"2026-03-01"`, `"2026-03-01T12:00+01:00"`; or seconds since the epoch.

    Raises:
        ValueError: Not an instant, or outside of the years 1970 to 9998.
    """
    try:
        try:
            seconds = float(text)
        except ValueError:
            instant = datetime.fromisoformat(text.strip())
            seconds = (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()
        year = datetime.fromtimestamp(seconds, UTC).year
    except (ValueError, OverflowError, OSError):  # OSError: beyond what the platform's calendar knows
        year = 0
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise ValueError(
            f'expected a time such as "2026-03-01T12:00Z", or seconds since the epoch, from {_FIRST_YEAR} to {_LAST_YEAR}, '
            f"got {text!r}"
        )
    return seconds
