"""The overview dashboard: a line for each SLO."""

from __future__ import annotations

from collections.abc import Sequence

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


def overview(by: Sequence[str] = ()) -> DashboardBuilder:
    """The dashboard; `by` are labels that tell environments apart."""
    query = OverviewQueries(by)
    name = " ".join((_NAME, *(f"{{{{{label}}}}}" for label in by)))
    page = (
        panels.page(OVERVIEW_TITLE, uid=OVERVIEW_UID, description="Error budgets of all SLOs, counted by slo-suite.")
        .with_variable(panels.variable(Variable.SERVICE, "Service", queries.SERVICES, has_all=True))
        .with_variable(panels.variable(Variable.SLO, "SLO", queries.SLOS_OF_SERVICES, has_all=True))
        .link(panels.link_to(DETAIL_TITLE, DETAIL_UID))
    )
    for label in by:
        page.with_variable(panels.variable(Variable.of_label(label), label, queries.environments(label), has_all=True))
    for title, expr, levels, description in (
        ("SLOs", query.count, None, "SLOs that are recorded."),
        (
            "Budgets exhausted", query.exhausted_count, panels.GOOD_AT_ZERO,
            "SLOs whose error budget is spent. One that warms up is not judged yet.",
        ),
        (
            "Burn alerts firing", query.firing_count, panels.GOOD_AT_ZERO,
            "Multi-window alerts that fire, of any severity.",
        ),
        (
            "Stores out of reach", query.stores_down, panels.GOOD_AT_ZERO,
            "Stores of any service that a process could not read. It shows no SLO until it can.",
        ),
    ):  # fmt: skip
        page.with_panel(panels.stat(title, expr, width=6, unit="none", levels=levels, description=description))
    page.with_panel(_table(query, by))
    page.with_panel(
        panels.time_series(
            "Error budget remaining",
            (query.budget_remaining, name),
            width=12,
            unit="percentunit",
            highest=1,
            description="Share of the budget of each SLO's window that is left; below 0 it is overspent.",
        )
    )
    page.with_panel(
        panels.time_series(
            "Burn rate",
            (query.current_burn_rate, name),
            width=12,
            unit="none",
            highest=1,
            description="How fast each budget is spent right now; at 1 it lasts exactly as long as the SLO's window.",
        )
    )
    page.with_panel(
        panels.state_timeline(
            "Burn alerts",
            query.firing,
            name,
            width=24,
            description="When at least one multi-window alert of the SLO fired.",
            on=("firing", "red"),
            off=("quiet", "green"),
        )
    )
    return page


def _table(query: OverviewQueries, by: Sequence[str]) -> Table:
    columns = {
        RuleLabel.SLOTH_SERVICE: "Service",
        RuleLabel.SLOTH_SLO: "SLO",
        **{label: label for label in by},
        "Value #objective": "Objective",
        "Value #remaining": "Budget remaining",
        "Value #current": "Burn rate now",
        "Value #period": "Burn rate, window",
        "Value #left": "Lasts at this pace",
        "Value #firing": "Alerts firing",
        "Value #measured": "Measured",
    }
    # The link keeps the data source and the time range; the rest is that of the clicked line.
    picked = {Variable.SERVICE: "Service", Variable.SLO: "SLO", **{Variable.of_label(label): label for label in by}}
    of_line = "".join(f"&var-{variable}=${{__data.fields.{column}}}" for variable, column in picked.items())
    source = f"var-{Variable.DATASOURCE}=${{{Variable.DATASOURCE}}}"
    link = {"title": "Details", "url": f"/d/{DETAIL_UID}?{source}{of_line}&${{__url_time_range}}"}
    return (
        panels.table(
            "Error budgets",
            width=24,
            height=_TABLE_HEIGHT,
            description="Click on an SLO for its page. While it warms up, its budget is not judged: the field is empty.",
        )
        .with_target(panels.instant(query.objective, ref="objective"))
        .with_target(panels.instant(query.budget_judged, ref="remaining"))
        .with_target(panels.instant(query.current_burn_rate, ref="current"))
        .with_target(panels.instant(query.period_burn_rate, ref="period"))
        .with_target(panels.instant(query.seconds_left, ref="left"))
        .with_target(panels.instant(query.firing, ref="firing"))
        .with_target(panels.instant(query.measured_seconds, ref="measured"))
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
