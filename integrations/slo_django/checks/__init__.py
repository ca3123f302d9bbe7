"""System checks: mistakes in the settings, found before the first request."""

from __future__ import annotations

from django.core import checks

from slo_django.checks.definitions import check_definitions, check_left_out_rules
from slo_django.checks.marks import check_marks
from slo_django.checks.messages import CheckID
from slo_django.checks.middleware import check_middleware
from slo_django.checks.settings import check_settings, check_tables
from slo_django.checks.sqlite import check_left_behind, check_sqlite
from slo_django.checks.urls import check_hidden_views, check_metrics_token, check_metrics_url, check_urls

__all__ = ["TAG", "CheckID", "register"]

TAG = "slo"


def register() -> None:
    """Hand the checks to Django; those about deployment run with `check --deploy` only."""
    for check in (
        check_definitions, check_settings, check_middleware, check_urls, check_metrics_url, check_hidden_views, check_marks,
        check_sqlite, check_left_behind,
    ):  # fmt: skip
        checks.register(check, TAG)
    # With `check --database` and `migrate` only: it queries the database.
    checks.register(check_tables, TAG, checks.Tags.database)
    for check in (check_metrics_token, check_left_out_rules):
        checks.register(check, TAG, deploy=True)
