"""Numbers and dates as the active language of the project writes them."""

from __future__ import annotations

from datetime import datetime

from django.utils.formats import date_format, get_format

from slo_core.budgets.notation import Notation

__all__ = ["notation"]


def notation() -> Notation:
    """
    The notation of the active language: of `LANGUAGE_CODE`, or of the reader where `LocaleMiddleware` chose one.

    Numbers are grouped whatever `USE_THOUSAND_SEPARATOR` says: counts of events are long.
    """
    return Notation(get_format("DECIMAL_SEPARATOR"), get_format("THOUSAND_SEPARATOR"), _moment)


def _moment(instant: datetime) -> str:
    return f"{date_format(instant, 'DATE_FORMAT')} {instant:%H:%M:%S %Z}".strip()
