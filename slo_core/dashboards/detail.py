"""The detail dashboard: everything about one SLO."""

from __future__ import annotations

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
_RULE = f"{{{{{Label.SEVERITY}}}}} {{{{{Label.LONG_WINDOW}}}}} s / {{{{{Label.SHORT_WINDOW}}}}} s"
_STORE = f"{{{{{Label.STORE_ID}}}}}"


def detail() -> DashboardBuilder:
    """The dashboard."""
    page = (
        panels.page(DETAIL_TITLE, uid=DETAIL_UID, description="One SLO, counted by slo-suite.")
        .with_variable(panels.variable(Variable.SERVICE, "Service", queries.SERVICES, has_all=False))
        .with_variable(panels.variable(Variable.SLO, "SLO", queries.SLOS_OF_SERVICE, has_all=False))
        .link(panels.link_to(OVERVIEW_TITLE, OVERVIEW_UID))
    )
    _budget(page)
    _burning(page.with_row(Row("How fast it burns")))
    _traffic(page.with_row(Row("Traffic and store")))
    return page


def _budget(page: DashboardBuilder) -> None:
    query = DetailQueries
    for title, expr, unit, levels, description in (
        ("Objective", query.OBJECTIVE, "percentunit", None, "The share of events that must be good."),
        (
            "Budget remaining", query.BUDGET_REMAINING, "percentunit", panels.BUDGET_LEVELS,
            "Share of the error budget of the SLO's window that is left; below 0 it is overspent.",
        ),
        (
            "Burn rate now", query.CURRENT_BURN_RATE, "none", panels.BURN_LEVELS,
            "Over the shortest recorded window; at 1 the budget lasts exactly as long as the SLO's window.",
        ),
        ("Burn rate, window", query.PERIOD_BURN_RATE, "none", None, "Over the SLO's whole window."),
        (
            "Lasts at this pace", query.SECONDS_LEFT, "s", None,
            "Until the budget is spent, at the pace of the shortest long alert window; nothing where nothing burns.",
        ),
        (
            "Measured", query.MEASURED_SECONDS, "s", None,
            "For how long the SLO has been measured. A budget means little before that is most of the window.",
        ),
    ):  # fmt: skip
        page.with_panel(panels.stat(title, expr, width=4, unit=unit, levels=levels, description=description))
    page.with_panel(
        panels.time_series(
            "Error budget remaining",
            (query.BUDGET_REMAINING, "remaining"),
            width=24,
            unit="percentunit",
            highest=1,
            description="Below 0 it is overspent.",
        )
    )
    page.with_panel(
        panels.time_series(
            "How long the budget lasts",
            (query.SECONDS_LEFT, "at this pace"),
            width=24,
            unit="s",
            description="At the pace of the shortest long alert window. A gap is a time in which nothing burned; 0 is spent.",
        )
    )


def _burning(page: DashboardBuilder) -> None:
    query = DetailQueries
    page.with_panel(
        panels.time_series(
            "Burn rate by window",
            (query.BURN_RATES, _WINDOW),
            width=12,
            unit="none",
            description="An alert fires when its long and its short window are both at or over its factor.",
        )
    )
    page.with_panel(
        panels.time_series(
            "Error ratio by window",
            (query.ERROR_RATIOS, _WINDOW),
            (query.ALLOWED_ERROR_RATIO, "allowed"),
            width=12,
            unit="percentunit",
            description="Share of bad events, and the share that the objective allows.",
        )
    )
    page.with_panel(
        panels.state_timeline(
            "Burn alerts",
            query.FIRING,
            _RULE,
            width=12,
            description="When each multi-window alert fired, as Prometheus saw it; long and short window in seconds.",
            on=("firing", "red"),
            off=("quiet", "green"),
        )
    )
    page.with_panel(_windows())


def _windows() -> Table:
    query = DetailQueries
    columns = {
        RuleLabel.SLOTH_WINDOW: "Window",
        "Value #events": "Events",
        "Value #failures": "Failures",
        "Value #errors": "Error ratio",
        "Value #burn": "Burn rate",
    }
    return (
        panels.table("Windows", width=12, height=panels.HEIGHT, description="The counts behind the ratios, as of now.")
        .with_target(panels.instant(query.EVENTS, ref="events"))
        .with_target(panels.instant(query.FAILURES, ref="failures"))
        .with_target(panels.instant(query.ERROR_RATIOS, ref="errors"))
        .with_target(panels.instant(query.BURN_RATES, ref="burn"))
        .with_transformation(panels.renamed(columns))
        .override_by_name("Error ratio", panels.column("percentunit", decimals=3))
        .override_by_name("Burn rate", panels.column("none", levels=panels.BURN_LEVELS, decimals=2))
    )


def _traffic(page: DashboardBuilder) -> None:
    query = DetailQueries
    page.with_panel(
        panels.time_series(
            "Events",
            (query.EVENTS_PER_SECOND, "all"),
            (query.FAILURES_PER_SECOND, "bad"),
            width=12,
            unit="cps",
            description="Events a second that count for the SLO: mean of five minutes.",
        )
    )
    page.with_panel(
        panels.state_timeline(
            "Store",
            query.STORE_UP,
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
            (query.FLUSH_LAG, _STORE),
            width=6,
            unit="s",
            description="Age of the oldest event that a process has not handed over to the store yet.",
        )
    )
