"""The detail dashboard: everything about one SLO."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders.dashboard import Dashboard as DashboardBuilder
from grafana_foundation_sdk.builders.dashboard import Row
from grafana_foundation_sdk.builders.table import Panel as Table

from slo_core.conventions import Label
from slo_core.dashboards import panels, queries
from slo_core.dashboards.names import DETAIL_TITLE, DETAIL_UID, OVERVIEW_TITLE, OVERVIEW_UID, Variable
from slo_core.dashboards.queries import DetailQueries
from slo_core.rules.names import RuleLabel

__all__ = ["detail"]

_WINDOW = f"{{{{{RuleLabel.SLOTH_WINDOW}}}}}"
_RULE = f"{{{{{Label.LONG_WINDOW}}}}} s / {{{{{Label.SHORT_WINDOW}}}}} s"
_STORE = f"{{{{{Label.STORE_ID}}}}}"


def detail(by: Sequence[str] = ()) -> DashboardBuilder:
    """The dashboard; `by` are labels that tell environments apart."""
    query = DetailQueries(by)
    page = (
        panels.page(DETAIL_TITLE, uid=DETAIL_UID, description="One SLO, counted by slo-suite.")
        .with_variable(panels.variable(Variable.SERVICE, "Service", queries.SERVICES, has_all=False))
        .with_variable(panels.variable(Variable.SLO, "SLO", queries.SLOS_OF_SERVICE, has_all=False))
        .link(panels.link_to(OVERVIEW_TITLE, OVERVIEW_UID))
    )
    for label in by:
        page.with_variable(panels.variable(Variable.of_label(label), label, queries.environments(label), has_all=False))
    _budget(page, query)
    _burning(page.with_row(Row("How fast it burns")), query)
    _traffic(page.with_row(Row("Traffic and store")), query)
    return page


def _budget(page: DashboardBuilder, query: DetailQueries) -> None:
    for title, expr, unit, levels, description in (
        ("Objective", query.objective, "percentunit", None, "The share of events that must be good."),
        (
            "Budget remaining", query.budget_judged, "percentunit", panels.BUDGET_LEVELS,
            "Share of the error budget of the SLO's window that is left; below 0 it is overspent. Nothing while it warms up.",
        ),
        (
            "Burn rate now", query.current_burn_rate, "none", panels.BURN_LEVELS,
            "Over the shortest recorded window; at 1 the budget lasts exactly as long as the SLO's window.",
        ),
        ("Burn rate, window", query.period_burn_rate, "none", None, "Over the SLO's whole window."),
        (
            "Lasts at this pace", query.seconds_left, "s", None,
            "Until the budget is spent, at the pace of the shortest long alert window; at a burn rate of 1 or less: never.",
        ),
        (
            "Measured", query.measured_seconds, "s", None,
            "For how long the SLO has been measured. A budget means little before that is most of the window.",
        ),
    ):  # fmt: skip
        page.with_panel(panels.stat(title, expr, width=4, unit=unit, levels=levels, description=description))
    page.with_panel(
        panels.time_series(
            "Error budget remaining",
            (query.budget_remaining, "remaining"),
            width=24,
            unit="percentunit",
            highest=1,
            description="Below 0 it is overspent.",
        )
    )
    page.with_panel(
        panels.time_series(
            "How long the budget lasts",
            (query.seconds_left, "at this pace"),
            width=24,
            unit="s",
            description=(
                "At the pace of the shortest long alert window; at a burn rate of 1 or less it is never spent. "
                "A gap is a time in which nothing burned; 0 is spent."
            ),
        )
    )


def _burning(page: DashboardBuilder, query: DetailQueries) -> None:
    page.with_panel(
        panels.time_series(
            "Burn rate by window",
            (query.burn_rates, _WINDOW),
            width=12,
            unit="none",
            highest=1,
            description="An alert fires when its long and its short window are both at or over its factor.",
        )
    )
    page.with_panel(
        panels.time_series(
            "Error ratio by window",
            (query.error_ratios, _WINDOW),
            (query.allowed_error_ratio, "allowed"),
            width=12,
            unit="percentunit",
            description="Share of bad events, and the share that the objective allows.",
        )
    )
    page.with_panel(
        panels.state_timeline(
            "Burn alerts",
            query.firing,
            _RULE,
            width=12,
            description="When each multi-window alert fired, as Prometheus saw it; long and short window in seconds.",
            on=("firing", "red"),
            off=("quiet", "green"),
        )
    )
    page.with_panel(_windows(query))


def _windows(query: DetailQueries) -> Table:
    columns = {
        RuleLabel.SLOTH_WINDOW: "Window",
        "Value #events": "Events",
        "Value #failures": "Failures",
        "Value #errors": "Error ratio",
        "Value #burn": "Burn rate",
    }
    return (
        panels.table("Windows", width=12, height=panels.HEIGHT, description="The counts behind the ratios, as of now.")
        .with_target(panels.instant(query.events, ref="events"))
        .with_target(panels.instant(query.failures, ref="failures"))
        .with_target(panels.instant(query.error_ratios, ref="errors"))
        .with_target(panels.instant(query.burn_rates, ref="burn"))
        .with_transformation(panels.renamed(columns))
        .override_by_name("Error ratio", panels.column("percentunit", decimals=3))
        .override_by_name("Burn rate", panels.column("none", levels=panels.BURN_LEVELS, decimals=2))
    )


def _traffic(page: DashboardBuilder, query: DetailQueries) -> None:
    page.with_panel(
        panels.time_series(
            "Events",
            (query.events_per_second, "all"),
            (query.failures_per_second, "bad"),
            width=12,
            unit="cps",
            description="Events a second that count for the SLO: mean of five minutes.",
        )
    )
    page.with_panel(
        panels.state_timeline(
            "Store",
            query.store_up,
            _STORE,
            width=6,
            description="Whether every process could read the store. One that could not shows no SLO, and counts on.",
            on=("in reach", "green"),
            off=("out of reach", "red"),
        )
    )
    page.with_panel(
        panels.time_series(
            "Waiting for the store",
            (query.flush_lag, _STORE),
            width=6,
            unit="s",
            description="Age of the oldest event that a process has not handed over to the store yet.",
        )
    )
