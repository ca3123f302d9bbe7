"""The content of the status page, to be put into a framework's admin or a page of its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import partial
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

from slo_core.budgets.changes import last_release, mark_before_burn, marks_since
from slo_core.budgets.episodes import Episode
from slo_core.budgets.history import history, ranges_of
from slo_core.budgets.marks import Mark
from slo_core.budgets.notation import present_notation
from slo_core.budgets.recent_failures import RecentFailure
from slo_core.budgets.snapshot import SLOSnapshot, SLOSnapshots, measured_in_window
from slo_core.budgets.timeline import Timeline
from slo_core.conventions import DEFAULT_SERVICE, LOGGER_NAME
from slo_core.errors import ConfigError, Problem, described
from slo_core.objectives.definition import SLODefinition
from slo_core.status.causes import CAUSE_SPANS, SLOCauses, causes_json, read_causes
from slo_core.status.failures import failures_json
from slo_core.status.incidents import incidents_json
from slo_core.status.json_view import history_json, status_json
from slo_core.status.latencies import SLOLatencies, latency_json, read_latencies
from slo_core.status.state import FIRING_STATES, Burning, burning_now
from slo_core.status_page.burning_causes import BurningCauses
from slo_core.status_page.changes import change_list, changes_json, marks_in
from slo_core.status_page.definition_links import link_line
from slo_core.status_page.detail import CHARTS, alert_table, history_table, range_choices, series_names
from slo_core.status_page.facts import facts
from slo_core.status_page.failing import failing_section, fitting_span, main_cause, span_text
from slo_core.status_page.filters import labels_of
from slo_core.status_page.headline import firing_rules, headline
from slo_core.status_page.incident_list import INCIDENT_SPANS, IncidentList, incidents_link
from slo_core.status_page.incidents import incident_section
from slo_core.status_page.links import Links
from slo_core.status_page.markup import Node, element, html_of, timestamp
from slo_core.status_page.overview import SORTS, overview
from slo_core.status_page.query import PageQuery, choice_problem, json_problems, label_problems, unknown_problems
from slo_core.status_page.recent_failures import recent_failures_section
from slo_core.status_page.response_times import latency_section
from slo_core.status_page.selection import SHOWN_STATES
from slo_core.status_page.sparklines import Sparklines
from slo_core.stores.separate_counts import ONE_ANSWERED, separate_counts
from slo_core.tracking.incidents import incidents_from
from slo_core.tracking.registry import SLORegistry
from slo_core.tracking.shared_read import SharedRead
from slo_core.tracking.tracker import SLOTracker

__all__ = ["PageContent", "StatusPage"]

REFRESH_SECONDS = 15


@dataclass(frozen=True, slots=True)
class PageContent:
    """
    The content of a page.

    Attributes:
        title: Of the page.
        html: The content as safe HTML.
        styles: File names of its style sheets, in their order.
        scripts: File names of its scripts, in their order.
        news: What fires, for the title of the window: "2 paging"; empty while nothing does.
        icon: File name of its icon.
    """

    title: str
    html: str
    styles: tuple[str, ...] = ("slo.css",)
    scripts: tuple[str, ...] = ("slo.js",)
    news: str = ""
    icon: str = "slo.svg"


class _Past(NamedTuple):
    """What the page of one SLO is made of, read at one moment."""

    snapshot: SLOSnapshot
    timeline: Timeline
    marks: tuple[Mark, ...]
    causes: SLOCauses
    latencies: SLOLatencies | None
    episodes: tuple[Episode, ...] | str
    recent: tuple[RecentFailure, ...]


class StatusPage:
    """
    Shows the SLOs of a registry.

    When the store cannot be read, the HTML says so, and `json_view` raises.

    Args:
        registry: The SLOs.
    """

    __slots__ = ("_causes", "_incidents", "_pasts", "_sparklines", "registry")

    def __init__(self, registry: SLORegistry) -> None:
        self.registry = registry
        self._sparklines = Sparklines(registry)
        self._causes = BurningCauses(registry)
        self._incidents = IncidentList(registry)
        # By SLO: requests for its page at about the same time share one read.
        self._pasts: dict[str, SharedRead[_Past]] = {}

    def overview(self, query: Mapping[str, str], *, links: Links, zone: tzinfo = UTC) -> PageContent:
        """
        The list of all SLOs.

        Args:
            query: Of the address: `state`, `sort`, any number of `label`; or `incidents`, for the list of all incidents.
            links: The addresses of the page.
            zone: The time zone that times are written in.
        """
        if "incidents" in query:
            return self._incident_list(query, links=links, zone=zone)
        service = self.registry.service
        title = "Service level objectives" + (f" of {service}" if service != DEFAULT_SERVICE else "")
        try:
            snapshots = self.registry.internals.read_shared()
        except Exception as exc:  # the page says so
            return PageContent(title, html_of(_frame(self._away(exc), is_up=False, searchable=True)))
        lines = self._sparklines.begin()
        causes = self._causes.begin(
            [definition.name for definition, each in snapshots if burning_now(each) is not None]
        )
        tables = overview(snapshots, query=query, links=links, lines=lines, causes=causes, zone=zone)
        at = max((snapshot.at for _, snapshot in snapshots), default=time.time())
        missing = [element("p", reason, class_="slo-note", role="alert", dir="auto") for reason in snapshots.unreadable]
        burning = [burning_now(snapshot) for _, snapshot in snapshots]
        counts = [(state, burning.count(state)) for state in FIRING_STATES if state in burning]
        asked = _questions(
            query,
            choice_problem(query, "state", SHOWN_STATES),
            choice_problem(query, "sort", SORTS),
            *label_problems(query, labels_of(snapshots)),
            *unknown_problems(query, ("state", "label", "sort", "incidents")),
        )
        return PageContent(
            title,
            html_of(
                _frame(
                    *asked, *self._notes(), *missing, tables, incidents_link(links), _read_at(at, zone), searchable=True
                )
            ),
            news=", ".join(f"{count} {state}" for state, count in counts),
            icon=_icon(counts[0][0] if counts else None),
        )

    def _incident_list(self, query: Mapping[str, str], *, links: Links, zone: tzinfo) -> PageContent:
        """The incidents of all SLOs."""
        asked = _questions(
            query, choice_problem(query, "incidents", INCIDENT_SPANS), *unknown_problems(query, ("incidents",))
        )
        try:
            content, at = self._incidents.content(query.get("incidents"), links=links, zone=zone)
        except Exception as exc:  # the page says so
            return PageContent("Incidents", html_of(_frame(self._away(exc), is_up=False)))
        return PageContent("Incidents", html_of(_frame(*asked, *self._notes(), *content, _read_at(at, zone))))

    def detail(self, name: str, query: Mapping[str, str], *, links: Links, zone: tzinfo = UTC) -> PageContent:
        """
        The page of one SLO.

        Args:
            name: The SLO.
            query: Of the address: `range`, `causes`.
            links: The addresses of the page.
            zone: The time zone that times are written in.

        Raises:
            UnknownNameError: There is no such SLO.
        """
        tracker = self.registry.get(name)
        definition = tracker.definition
        ranges = ranges_of(definition)
        about = element("p", definition.description, dir="auto") if definition.description else None
        styles, scripts = ("uplot.css", "slo.css"), ("uplot.js", "slo.js")
        try:
            snapshot, timeline, marks, causes, latencies, episodes, recent = self._past(tracker)
            chosen = query.get("range", "")
            chosen = chosen if chosen in ranges else _fitting_range(ranges, definition, snapshot)
            past = history(definition, snapshot, timeline, range_seconds=ranges[chosen])
        except Exception as exc:  # the page says so
            return PageContent(name, html_of(_frame(about, self._away(exc), is_up=False)), styles, scripts)
        rules = firing_rules(definition, snapshot, timeline)
        charts = [
            element(
                "figure",
                element("figcaption", caption),
                element("div", class_="slo-chart", data_chart=chart),
            )
            for chart, caption in CHARTS.items()
        ]
        burning, kept = burning_now(snapshot), _understood(query, range=ranges, causes=CAUSE_SPANS)
        span = fitting_span(query.get("causes"), snapshot)
        failing = failing_section(definition, snapshot, causes, span=span, query=kept, links=links, zone=zone)
        times = latency_section(definition, latencies, span=span, span_text=span_text(definition, span))
        alerts = alert_table(definition, rules, zone)
        changes = change_list(
            marks_in(past, snapshot, marks),
            last_release(snapshot, timeline, marks, most_seconds=definition.window_seconds),
            zone,
        )
        incidents = incident_section(name, episodes, at=snapshot.at, links=links, zone=zone)
        frame = _frame(
            about,
            *_questions(
                query,
                choice_problem(query, "range", ranges),
                choice_problem(query, "causes", CAUSE_SPANS),
                *unknown_problems(query, ("range", "causes")),
            ),
            headline(
                definition,
                snapshot,
                timeline,
                rules,
                zone,
                began=mark_before_burn(definition, snapshot, timeline, marks),
                because=main_cause(causes, snapshot),
            ),
            link_line(definition),
            *self._notes(),
            # While something burns, what it is and what changed come before the rules that say so.
            *((alerts, failing, times, changes) if burning is None else (failing, times, changes, alerts)),
            incidents,
            recent_failures_section(name, recent, trace_url=self.registry.internals.trace_url, links=links, zone=zone),
            element("h2", "The past"),
            range_choices(definition, chosen, links, query=kept),
            element(
                "div",
                *charts,
                class_="slo-charts",
                hidden=True,
                data_json=links.json({"slo": name, "range": chosen}),
            ),
            history_table(past, zone),
            facts(definition, snapshot, self.registry, zone),
            series_names(definition, self.registry),
            _read_at(snapshot.at, zone),
        )
        return PageContent(
            name, html_of(frame), styles, scripts, news=burning if burning in FIRING_STATES else "", icon=_icon(burning)
        )

    def json_view(self, query: Mapping[str, str]) -> dict[str, Any]:
        """
        The same as JSON: see `status_json`; with `slo` in the query, that SLO only, its history (`history_json`) the marks of
        the service (`changes_json`), its causes (`causes_json`) and its recent failures (`failures_json`).

        Args:
            query: Of the address: `slo`, and with it `range`.

        Raises:
            ConfigError: There is no such parameter, or no such range.
            UnknownNameError: There is no such SLO.
            StoreError: The store cannot be read.
        """
        problems = tuple(json_problems(query))
        if problems:
            raise ConfigError(problems)
        name = query.get("slo")
        if name is None:
            return {**status_json(self.registry, snapshots=self.registry.internals.read_shared()), "note": self._note()}
        tracker = self.registry.get(name)
        definition, ranges = tracker.definition, ranges_of(tracker.definition)
        problem = choice_problem(query, "range", ranges)
        if problem is not None:
            raise ConfigError([problem])
        seconds = ranges[query["range"]] if "range" in query else definition.window_seconds
        snapshot, timeline, marks, causes, latencies, episodes, recent = self._past(tracker)
        view = status_json(self.registry, snapshots=SLOSnapshots([(definition, snapshot)]))
        past = history(definition, snapshot, timeline, range_seconds=seconds)
        changes = changes_json(definition, snapshot, timeline, past, marks)
        return {
            **view,
            "note": self._note(),
            "history": history_json(past),
            **changes,
            **causes_json(causes),
            **incidents_json(episodes),
            **latency_json(latencies),
            **failures_json(recent),
        }

    def _past(self, tracker: SLOTracker) -> _Past:
        store = self.registry.store
        if store.scope == "process":
            return _read_past(self.registry, tracker)
        read = self._pasts.get(tracker.name)
        if read is None:
            shared = self.registry.internals.shared(partial(_read_past, self.registry, tracker))
            read = self._pasts.setdefault(tracker.name, shared)
        return read()

    def _notes(self) -> list[Node]:
        notes: list[Node] = []
        if not self.registry.store.health().is_up:
            text = "The last attempt to reach the store failed: events wait in memory, and the numbers may lag behind."
            notes.append(element("p", text, class_="slo-note", role="status"))
        note = self._note()
        if note:
            notes.append(element("p", note, class_="slo-note"))
        return notes

    def _note(self) -> str | None:
        """The note for a page, which the counting process serves; `status_note` is for commands in other processes."""
        store = self.registry.store
        if store.scope != "process":
            return None
        return separate_counts(f"The store {store.backend}://", ONE_ANSWERED)

    def _away(self, exc: Exception) -> ET.Element:
        """The message in place of numbers."""
        logger = logging.getLogger(LOGGER_NAME)
        reason = described(exc)
        self.registry.internals.errors.report("the store could not be read for the status page", exc)
        logger.debug("the status page shows no numbers: %s", reason)
        return element(
            "div",
            element("p", element("strong", "The store cannot be read, so there are no numbers to show.")),
            element("p", reason, dir="auto"),
            element("p", "Requests are served and counted all the same. This page tries again by itself."),
            class_="slo-note slo-away",
            role="alert",
        )


def _icon(burning: Burning | None) -> str:
    return f"slo-{burning}.svg" if burning in FIRING_STATES else "slo.svg"


def _fitting_range(ranges: Mapping[str, int], definition: SLODefinition, snapshot: SLOSnapshot) -> str:
    """The shortest range while a rule fires or waits, else the shortest that shows all that is measured."""
    if any(alert.is_firing or alert.waiting is not None for alert in snapshot.alerts):
        return next(iter(ranges))
    measured = measured_in_window(definition, snapshot)
    return next((name for name, seconds in ranges.items() if seconds >= measured), list(ranges)[-1])


def _understood(query: Mapping[str, str], **known: Collection[str]) -> dict[str, str]:
    """Parameters of the address that the links of the page keep: those with one of the known values."""
    return {name: query[name] for name, values in known.items() if query.get(name) in values}


def _read_past(registry: SLORegistry, tracker: SLOTracker) -> _Past:
    snapshot, timeline = tracker.snapshot(), tracker.internals.timeline()
    marks = registry.internals.marks(marks_since(tracker.definition, snapshot.at))
    episodes = incidents_from(tracker, snapshot, timeline, marks)
    causes, latencies = read_causes(tracker, snapshot), read_latencies(tracker, snapshot)
    (recent,) = registry.internals.recent_failures([tracker])
    return _Past(snapshot, timeline, marks, causes, latencies, episodes, recent)


def _questions(query: Mapping[str, str], *problems: Problem | None) -> list[Node]:
    """Notes on parameters of the address that are not understood: the page shows what it shows without them."""
    repeated = query.problems if isinstance(query, PageQuery) else ()
    known = [problem for problem in (*repeated, *problems) if problem is not None]
    texts = [f"In the address, {problem}" for problem in known]
    ended = [text if text.endswith("?") else f"{text}." for text in texts]
    return [element("p", text, class_="slo-note", role="status") for text in ended]


def _frame(*content: Node, is_up: bool = True, searchable: bool = False) -> ET.Element:
    """The live content below the tools of the script, which stay hidden without the script."""
    tools: list[Node] = []
    if searchable:
        box = element("input", type="search", id="slo-search", autocomplete="off")
        # The script says there which SLOs that page do not match.
        tools += [element("label", "Find ", box), element("span", role="status", id="slo-unmatched")]
    tools += [
        element("button", "Pause", type="button", id="slo-pause", aria_pressed="false"),
        # The first part is for routine messages, the second for those that screen readers announce.
        element("span", element("span"), element("span", role="status"), id="slo-message"),
    ]
    notation = present_notation()
    return element(
        "div",
        element("div", *tools, class_="slo-tools", hidden=True),
        element("div", *content, id="slo-live", data_store="up" if is_up else "away"),
        id="slo-status",
        class_="slo-status",
        data_refresh=str(REFRESH_SECONDS),
        # Without them the script writes numbers as the reader's browser does.
        data_decimal=None if notation is None else notation.decimal,
        data_thousands=None if notation is None else notation.thousands,
    )


def _read_at(at: float, zone: tzinfo) -> ET.Element:
    return element("p", "Read ", timestamp(at, zone), class_="slo-read")
