"""The overview dashboard: a line for each SLO."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard as DashboardBuilder
from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.models import dashboard as models

from slo_core.dashboards import panels, queries
from slo_core.dashboards.names import DETAIL_TITLE, DETAIL_UID, OVERVIEW_TITLE, OVERVIEW_UID, Variable
from slo_core.dashboards.queries import OverviewQueries
from slo_core.rules.names import RuleLabel

__all__ = ["overview"]

_NAME = f"{{{{{RuleLabel.SLOTH_SERVICE}}}}} {{{{{RuleLabel.SLOTH_SLO}}}}}"
_TABLE_HEIGHT = 12

# The link keeps the data source and the time range; the SLO is that of the clicked line.
_DETAIL_LINK = (
    f"/d/{DETAIL_UID}?var-{Variable.DATASOURCE}=${{{Variable.DATASOURCE}}}"
    f"&var-{Variable.SERVICE}=${{__data.fields.Service}}&var-{Variable.SLO}=${{__data.fields.SLO}}&${{__url_time_range}}"
)


def overview() -> DashboardBuilder:
    """The dashboard."""
    query = OverviewQueries
    page = (
        panels.page(OVERVIEW_TITLE, uid=OVERVIEW_UID, description="Error budgets of all SLOs, counted by slo-suite.")
        .with_variable(panels.variable(Variable.SERVICE, "Service", queries.SERVICES, has_all=True))
        .with_variable(panels.variable(Variable.SLO, "SLO", queries.SLOS_OF_SERVICES, has_all=True))
        .link(panels.link_to(DETAIL_TITLE, DETAIL_UID))
    )
    for title, expr, levels, description in (
        ("SLOs", query.COUNT, None, "SLOs that are recorded."),
        ("Budgets exhausted", query.EXHAUSTED_COUNT, panels.GOOD_AT_ZERO, "SLOs whose error budget is spent."),
        (
            "Burn alerts firing", query.FIRING_COUNT, panels.GOOD_AT_ZERO,
            "Multi-window alerts that fire, of any severity.",
        ),
        (
            "Stores out of reach", query.STORES_DOWN, panels.GOOD_AT_ZERO,
            "Stores of any service that a process could not read. It shows no SLO until it can.",
        ),
    ):  # fmt: skip
        page.with_panel(panels.stat(title, expr, width=6, unit="none", levels=levels, description=description))
    page.with_panel(_table())
    page.with_panel(
        panels.time_series(
            "Error budget remaining",
            (query.BUDGET_REMAINING, _NAME),
            width=12,
            unit="percentunit",
            highest=1,
            description="Share of the budget of each SLO's window that is left; below 0 it is overspent.",
        )
    )
    page.with_panel(
        panels.time_series(
            "Burn rate",
            (query.CURRENT_BURN_RATE, _NAME),
            width=12,
            unit="none",
            description="How fast each budget is spent right now; at 1 it lasts exactly as long as the SLO's window.",
        )
    )
    page.with_panel(
        panels.state_timeline(
            "Burn alerts",
            query.FIRING,
            _NAME,
            width=24,
            description="When at least one multi-window alert of the SLO fired.",
            on=("firing", "red"),
            off=("quiet", "green"),
        )
    )
    return page


def _table() -> Table:
    query = OverviewQueries
    columns = {
        RuleLabel.SLOTH_SERVICE: "Service",
        RuleLabel.SLOTH_SLO: "SLO",
        "Value #objective": "Objective",
        "Value #remaining": "Budget remaining",
        "Value #current": "Burn rate now",
        "Value #period": "Burn rate, window",
        "Value #left": "Lasts at this pace",
        "Value #firing": "Alerts firing",
        "Value #measured": "Measured",
    }
    link = {"title": "Details", "url": _DETAIL_LINK}
    return (
        panels.table(
            "Error budgets",
            width=24,
            height=_TABLE_HEIGHT,
            description="Click on an SLO for its page. A budget means little before most of the window is measured.",
        )
        .with_target(panels.instant(query.OBJECTIVE, ref="objective"))
        .with_target(panels.instant(query.BUDGET_REMAINING, ref="remaining"))
        .with_target(panels.instant(query.CURRENT_BURN_RATE, ref="current"))
        .with_target(panels.instant(query.PERIOD_BURN_RATE, ref="period"))
        .with_target(panels.instant(query.SECONDS_LEFT, ref="left"))
        .with_target(panels.instant(query.FIRING, ref="firing"))
        .with_target(panels.instant(query.MEASURED_SECONDS, ref="measured"))
        .with_transformation(panels.renamed(columns))
        .override_by_name("SLO", [models.DynamicConfigValue(id_val="links", value=[link])])
        .override_by_name("Objective", panels.column("percentunit"))
        .override_by_name("Budget remaining", panels.column("percentunit", levels=panels.BUDGET_LEVELS, decimals=1))
        .override_by_name("Burn rate now", panels.column("none", levels=panels.BURN_LEVELS, decimals=1))
        .override_by_name("Burn rate, window", panels.column("none", decimals=2))
        .override_by_name("Lasts at this pace", panels.column("s", decimals=1))
        .override_by_name("Alerts firing", panels.column("none", levels=panels.GOOD_AT_ZERO))
        .override_by_name("Measured", panels.column("s", decimals=1))
    )
