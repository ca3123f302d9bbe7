"""Panels, queries and variables for both dashboards."""

from __future__ import annotations

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders.dashboard import Dashboard as DashboardBuilder
from grafana_foundation_sdk.builders.dashboard import DashboardLink, DatasourceVariable, QueryVariable, ThresholdsConfig
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.statetimeline import Panel as StateTimeline
from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.builders.timeseries import Panel as TimeSeries
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    DataSourceRef,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from slo_core.dashboards.names import TAG, Variable

__all__ = [
    "BUDGET_LEVELS",
    "BURN_LEVELS",
    "GOOD_AT_ZERO",
    "HEIGHT",
    "column",
    "instant",
    "link_to",
    "page",
    "renamed",
    "stat",
    "state_timeline",
    "steps",
    "table",
    "time_series",
    "variable",
]

HEIGHT = 8
_STAT_HEIGHT = 4

_GREEN, _YELLOW, _ORANGE, _RED = "green", "yellow", "orange", "red"

# The value from which a colour applies. A budget is low where `SLOBudgetLow` fires.
Levels = tuple[tuple[float | None, str], ...]
BUDGET_LEVELS: Levels = ((None, _RED), (0.000_001, _ORANGE), (0.1, _YELLOW), (0.25, _GREEN))
BURN_LEVELS: Levels = ((None, _GREEN), (1, _YELLOW), (6, _ORANGE), (14.4, _RED))
GOOD_AT_ZERO: Levels = ((None, _GREEN), (1, _RED))

_SOURCE = DataSourceRef(type_val="prometheus", uid=f"${{{Variable.DATASOURCE}}}")


def page(title: str, *, uid: str, description: str) -> DashboardBuilder:
    """An empty dashboard with a data source to choose."""
    return (
        DashboardBuilder(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .timezone("browser")
        .time("now-24h", "now")
        .refresh("1m")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .with_variable(DatasourceVariable(Variable.DATASOURCE).label("Data source").type("prometheus"))
    )


def variable(name: str, label: str, query: str, *, has_all: bool) -> QueryVariable:
    """A variable with the values that a query finds; `has_all` lets several of them be chosen."""
    query_variable = (
        QueryVariable(name)
        .label(label)
        .datasource(_SOURCE)
        .query({"query": query, "refId": name})
        .definition(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(has_all)
        .include_all(has_all)
    )
    if has_all:
        query_variable = query_variable.all_value(".+").current(
            models.VariableOption(selected=True, text="All", value="$__all")
        )
    return query_variable


def link_to(title: str, uid: str) -> DashboardLink:
    """A link at the top of a dashboard that keeps the time range and the variables."""
    return (
        DashboardLink(title)
        .type(models.DashboardLinkType.LINK)
        .url(f"/d/{uid}")
        .icon("dashboard")
        .include_vars(True)
        .keep_time(True)
    )


def _ranged(expr: str, legend: str, *, ref: str = "A") -> Dataquery:
    """A query over the time range of the dashboard."""
    return Dataquery().expr(expr).range().legend_format(legend).ref_id(ref).datasource(_SOURCE)


def instant(expr: str, *, ref: str = "A", legend: str = "__auto") -> Dataquery:
    """A query as of now, for a table or a single number."""
    query = Dataquery().expr(expr).instant().format(PromQueryFormat.TABLE).ref_id(ref).datasource(_SOURCE)
    return query.legend_format(legend)


def steps(levels: Levels) -> ThresholdsConfig:
    """Colours of values."""
    thresholds = [models.Threshold(value=value, color=color) for value, color in levels]
    return ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(thresholds)


def stat(title: str, expr: str, *, width: int, unit: str, description: str, levels: Levels | None = None) -> Stat:
    """One number as of now."""
    query = Dataquery().expr(expr).instant().ref_id("A").datasource(_SOURCE)
    panel = (
        Stat()
        .title(title)
        .description(description)
        .datasource(_SOURCE)
        .height(_STAT_HEIGHT)
        .span(width)
        .unit(unit)
        .no_value("-")
        .graph_mode(BigValueGraphMode.NONE)
        .reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(query)
    )
    return panel.thresholds(steps(levels if levels is not None else ((None, "text"),)))


def time_series(
    title: str, *lines: tuple[str, str], width: int, unit: str, description: str, highest: float | None = None
) -> TimeSeries:
    """Lines over time, a query and a legend each; the axis holds 0 and `highest`. A gap in the data is one in the line."""
    panel = (
        TimeSeries()
        .title(title)
        .description(description)
        .datasource(_SOURCE)
        .height(HEIGHT)
        .span(width)
        .unit(unit)
        .line_width(1)
        .fill_opacity(0)
        .show_points(VisibilityMode.NEVER)
        .legend(
            common_builders.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(common_builders.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
        .axis_soft_min(0)
    )
    if highest is not None:
        panel = panel.axis_soft_max(highest)
    for index, (expr, legend) in enumerate(lines):
        panel = panel.with_target(_ranged(expr, legend, ref=chr(ord("A") + index)))
    return panel


def state_timeline(
    title: str, expr: str, legend: str, *, width: int, description: str, on: tuple[str, str], off: tuple[str, str]
) -> StateTimeline:
    """
    Rows that are on (1 and more) or off (0).

    Args:
        title: Title of the panel.
        expr: The query.
        legend: The name of each row.
        width: Of 24 columns.
        description: What it shows.
        on: Text and colour of 1 and more.
        off: Text and colour of 0.
    """
    mappings: list[models.ValueMapping] = [
        models.ValueMap({"0": models.ValueMappingResult(text=off[0], color=off[1], index=0)}),
        models.RangeMap(
            models.DashboardRangeMapOptions(
                from_val=1, to=None, result=models.ValueMappingResult(text=on[0], color=on[1], index=1)
            )
        ),
    ]
    return (
        StateTimeline()
        .title(title)
        .description(description)
        .datasource(_SOURCE)
        .height(HEIGHT)
        .span(width)
        .merge_values(True)
        .show_value(VisibilityMode.NEVER)
        .mappings(mappings)
        .legend(common_builders.VizLegendOptions().show_legend(False))
        .with_target(_ranged(expr, legend))
    )


def table(title: str, *, width: int, height: int, description: str) -> Table:
    """One line for each combination of labels, and a column for each query; without queries yet."""
    return (
        Table()
        .title(title)
        .description(description)
        .datasource(_SOURCE)
        .height(height)
        .span(width)
        .filterable(False)
        .with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
    )


def renamed(names: dict[str, str]) -> models.DataTransformerConfig:
    """Columns by their new names, in that order; the time of the queries is left out."""
    return models.DataTransformerConfig(
        id_val="organize",
        options={
            "excludeByName": {"Time": True},
            "indexByName": {name: index for index, name in enumerate(names)},
            "renameByName": names,
        },
    )


def column(unit: str, *, levels: Levels | None = None, decimals: int | None = None) -> list[models.DynamicConfigValue]:
    """How a column of a table is written."""
    properties = [models.DynamicConfigValue(id_val="unit", value=unit)]
    if decimals is not None:
        properties.append(models.DynamicConfigValue(id_val="decimals", value=decimals))
    if levels is not None:
        properties.append(models.DynamicConfigValue(id_val="thresholds", value=steps(levels).build()))
        properties.append(models.DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-text"}))
    return properties
