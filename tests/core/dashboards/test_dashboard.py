"""
Dashboards as documents: what Grafana asks of them, and what their queries ask for.

Tests of every module of the package.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import typing
from collections.abc import Callable, Iterator
from enum import Enum
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from slo_core.conventions import Metric
from slo_core.dashboards import dashboard
from slo_core.dashboards.dashboard import (
    SCHEMA_VERSION,
    Dashboard,
    dashboard_queries,
    dashboard_text,
    detail_dashboard,
    overview_dashboard,
)
from slo_core.errors import ConfigError, SLOError
from slo_core.rules.names import Record

SCHEMA = Draft7Validator(json.loads((Path(__file__).parents[2] / "support" / "grafana_schema.json").read_text()))
VALUES = {"service": "shop", "slo": "availability"}


@pytest.fixture(params=[overview_dashboard, detail_dashboard], ids=["overview", "detail"])
def built(request: pytest.FixtureRequest) -> Dashboard:
    """Each dashboard."""
    board: Dashboard = request.param()
    return board


def panels_of(board: Dashboard) -> list[dict[str, Any]]:
    panels: list[dict[str, Any]] = board["panels"]
    return panels


def values_of(value: Any, key: str) -> Iterator[Any]:
    """Every value of that key, however deep."""
    if isinstance(value, dict):
        if key in value:
            yield value[key]
        for inner in value.values():
            yield from values_of(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from values_of(inner, key)


def test_the_schema_version_is_the_stated_one(built: Dashboard) -> None:
    """And the library's model of it knows every field of every query, and each has the type that it has there."""
    from grafana_foundation_sdk.models.prometheus import Dataquery

    from slo_core.dashboards.panels import models

    assert built["schemaVersion"] == SCHEMA_VERSION == 42
    types = typing.get_type_hints(Dataquery, localns={"dashboard": models})
    for panel in panels_of(built):
        for target in panel.get("targets", ()):
            query = Dataquery.from_json(target)
            assert query.to_json() == {**target, "datasource": query.datasource}
            for name, value in ((name, value) for name, value in vars(query).items() if value is not None):
                kinds = typing.get_args(types[name]) or (types[name],)
                assert any(
                    isinstance(value, kind) or (issubclass(kind, Enum) and value in list(kind)) for kind in kinds
                ), (name, value)


@pytest.mark.parametrize("by", [(), ("env",), ("env", "region")], ids=str)
@pytest.mark.parametrize("build", [overview_dashboard, detail_dashboard])
def test_grafana_13_knows_every_field(build: Callable[..., Dashboard], by: tuple[str, ...]) -> None:
    """Its published types, strictly: a field with another name or of another type fails; an older Grafana reads it, too."""
    assert mistakes_in(build(by)) == []


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("titel",), "SLOs"), (("title",), 1), (("refresh",), 60), (("templating", "list", 1, "definition"), "up"),
        (("templating", "list", 1, "multi"), "no"), (("links", 0, "keepTime"), 1), (("panels", 0, "gridPos", "w"), "4"),
        (("panels", 0, "type"), "singlestat"), (("panels", 0, "options", "colorMode"), "purple"),
        (("panels", 0, "fieldConfig", "defaults", "decimals"), "2"), (("panels", 4, "options", "footer"), {}),
        (("panels", 4, "fieldConfig", "defaults", "custom", "align"), 0), (("panels", 4, "fieldConfig", "overrides"), {}),
        (("panels", 4, "transformations", 0, "id"), 1),
    ],
    ids=lambda part: ".".join(map(str, part)) if isinstance(part, tuple) else "",
)  # fmt: skip
def test_a_field_that_grafana_13_does_not_know_is_seen(where: tuple[str | int, ...], value: object) -> None:
    """Of the page, a variable, a link, a panel, its options, its fields and columns."""
    board: Any = overview_dashboard()
    holder = board
    for name in where[:-1]:
        holder = holder[name]
    holder[where[-1]] = value

    assert mistakes_in(board)


def mistakes_in(board: Dashboard) -> list[str]:
    """Where it is not a dashboard of Grafana 13."""
    return [f"{list(mistake.absolute_path)}: {mistake.message[:500]}" for mistake in SCHEMA.iter_errors(board)]


def test_the_text_is_the_same_every_time(built: Dashboard) -> None:
    """Dashboards are kept in version control."""
    build = overview_dashboard if built["uid"] == "slo-suite-overview" else detail_dashboard

    assert dashboard_text(built) == dashboard_text(build())
    assert json.loads(dashboard_text(built)) == built
    assert dashboard_text(built).endswith("}\n")


def test_both_say_how_long_a_budget_lasts(built: Dashboard) -> None:
    """By the series that the rules record; it is infinite where nothing burns, and then not shown."""
    assert any(
        query.startswith("max") and "slo:time_to_exhaustion:seconds" in query for query in dashboard_queries(built)
    )


def test_addresses_stay() -> None:
    """Bookmarks and annotations of alerts hold them; Grafana takes 8 to 40 characters."""
    assert overview_dashboard()["uid"] == "slo-suite-overview"
    assert detail_dashboard()["uid"] == "slo-suite-detail"


def test_panels_have_a_place_of_their_own(built: Dashboard) -> None:
    """Numbers are unique, nothing overlaps, and nothing stands over the edge of the 24 columns."""
    panels = panels_of(built)
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    for panel in panels:
        place = panel["gridPos"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24
    for one, other in combinations((panel["gridPos"] for panel in panels), 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below


def test_panels_explain_themselves(built: Dashboard) -> None:
    """A title, and words about what is seen, for the person on call."""
    for panel in panels_of(built):
        assert panel["title"]
        if panel["type"] != "row":
            assert panel["description"].endswith(".")


def test_all_kinds_of_panels_are_there() -> None:
    """Numbers, tables, lines and states."""
    for board in (overview_dashboard(), detail_dashboard()):
        assert {panel["type"] for panel in panels_of(board)} >= {"stat", "table", "timeseries", "state-timeline"}


def test_every_query_goes_to_the_chosen_data_source(built: Dashboard) -> None:
    """It is a variable; no dashboard holds the name of a Prometheus."""
    variables = {variable["name"]: variable for variable in built["templating"]["list"]}

    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    assert {variable["uid"] for variable in values_of(built, "datasource")} == {"${datasource}"}
    for panel in panels_of(built):
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel.get("targets", ()))


def test_service_and_slo_are_variables(built: Dashboard) -> None:
    """On the overview several, and all of them first; on the detail page one."""
    variables = {variable["name"]: variable for variable in built["templating"]["list"]}
    is_overview = built["uid"] == "slo-suite-overview"

    assert list(variables) == ["datasource", "service", "slo"]
    for name in ("service", "slo"):
        assert variables[name]["query"]["query"].startswith("label_values(slo:objective:ratio")
        assert (variables[name]["multi"], variables[name]["includeAll"]) == (is_overview, is_overview)
    assert "$service" in variables["slo"]["query"]["query"]


def test_the_overview_leads_to_the_detail_page() -> None:
    """From each line of the table with its service, SLO, data source and stretch of time; and back."""
    overview, detail = overview_dashboard(), detail_dashboard()
    (links,) = [value for value in values_of(panels_of(overview), "value") if isinstance(value, list)]

    for part in ("/d/slo-suite-detail?", "var-service=${__data.fields.Service}", "var-slo=${__data.fields.SLO}"):
        assert part in links[0]["url"]
    assert "var-datasource=${datasource}" in links[0]["url"]
    assert "${__url_time_range}" in links[0]["url"]
    assert [link["url"] for link in overview["links"]] == ["/d/slo-suite-detail"]
    assert [link["url"] for link in detail["links"]] == ["/d/slo-suite-overview"]


@pytest.mark.parametrize("build", [overview_dashboard, detail_dashboard], ids=["overview", "detail"])
def test_environments_can_be_picked_and_every_query_keeps_to_them(build: Callable[..., Dashboard]) -> None:
    """By a variable for each label; series that know of no environment are targets, which all of them share."""
    board = build(["env", "region"])
    variables = {variable["name"]: variable for variable in board["templating"]["list"]}
    is_overview = board["uid"] == "slo-suite-overview"

    assert list(variables) == ["datasource", "service", "slo", "by_env", "by_region"]
    assert variables["by_env"]["query"]["query"] == "label_values(slo:window_events:sum, env)"
    assert variables["by_env"]["includeAll"] == is_overview
    for query in dashboard_queries(board):
        for selector in re.findall(r"[\w:]*\{.*?\}", query.replace("{__name__", "any{__name__")):
            assert "env" in selector, query
            assert "region" in selector, query
    if is_overview:
        assert "&var-by_env=${__data.fields.env}&var-by_region=${__data.fields.region}&" in json.dumps(board)


def test_a_label_that_cannot_tell_environments_apart_is_refused() -> None:
    """As the rules refuse it: it would be in the way of theirs."""
    with pytest.raises(ConfigError, match="by.*sloth_slo"):
        overview_dashboard("sloth_slo")


def test_columns_that_are_renamed_are_columns_of_the_table(built: Dashboard) -> None:
    """A query's column is called after its letter or word; one without a new name would show its query."""
    for panel in panels_of(built):
        for transformation in panel.get("transformations", ()):
            renamed = transformation["options"].get("renameByName")
            if renamed is None:
                continue
            columns = {f"Value #{target['refId']}" for target in panel["targets"]}
            assert columns == {name for name in renamed if name.startswith("Value #")}
            overridden = {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]}
            assert overridden <= set(renamed.values())


def test_queries_have_their_variables_filled_in(built: Dashboard) -> None:
    """All of them, in the order of the panels; nothing is left to Grafana."""
    queries = dashboard_queries(built, VALUES)

    assert len(queries) == sum(len(panel.get("targets", ())) for panel in panels_of(built))
    assert all("$" not in query for query in queries)
    assert any('"shop"' in query for query in queries)
    assert any("$service" in query for query in dashboard_queries(built))


def test_queries_name_series_that_there_are(built: Dashboard) -> None:
    """Recorded ones, the application's own, and Prometheus' ALERTS."""
    known = {value for name, value in (*vars(Metric).items(), *vars(Record).items()) if name.isupper()} | {"ALERTS"}

    for query in dashboard_queries(built, VALUES):
        named = set(re.findall(r"\b(?:slo:[\w:]+|ALERTS|slo_(?!service\b)\w+)", query))
        assert named
        assert named - {"slo:sli_error:ratio_rate"} <= known


def test_panels_in_a_folded_row_are_not_forgotten() -> None:
    """Grafana moves them into the row."""
    folded = {"panels": [{"type": "row", "panels": [{"targets": [{"expr": "up"}]}]}, {"targets": [{"expr": "a$b"}]}]}

    assert dashboard_queries(folded, {"b": "c"}) == ["up", "ac"]


def test_without_the_library_it_is_told_how_to_install_it() -> None:
    """In a Python in which it cannot be imported."""
    code = (
        "import sys; sys.modules['grafana_foundation_sdk'] = None\n"
        "from slo_core.dashboards.dashboard import overview_dashboard, detail_dashboard\n"
        "for build in (overview_dashboard, detail_dashboard):\n"
        "    try: build()\n"
        "    except Exception as exc: print(type(exc).__name__, exc)\n"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    lines = process.stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert line.startswith(
            'SLOError dashboards need the Grafana Foundation SDK: pip install "slo-suite[dashboards]"; here it says: '
        )


def test_nobody_is_shown_warnings_of_the_library() -> None:
    """In a Python in which a warning would be an error."""
    code = "from slo_core.dashboards.dashboard import overview_dashboard; print(overview_dashboard()['title'])"

    process = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)

    assert (process.stdout, process.stderr) == ("SLOs\n", "")


def test_another_schema_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was never looked at must not pass as the stated one."""
    monkeypatch.setattr(dashboard, "SCHEMA_VERSION", 41)

    with pytest.raises(SLOError, match="expected the Grafana Foundation SDK to write schema version 41, it writes 42"):
        overview_dashboard()
