"""The SLOs of a registry as Prometheus metrics."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from slo_core import AlertRule, PrometheusExporter, SLOCollector, SLODefinition, SLORegistry
from slo_core.budgets.causes import Cause
from slo_core.metrics.collector import causes_shown
from slo_core.stores.base import StoreHealth
from slo_core.stores.memory.store import MemoryLedger, MemoryStore
from slo_core.testing import FakeClock
from slo_servers import wait_until

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


class SharedStore(MemoryStore):
    """A store of a fleet, as the collector sees it; it can be out of reach."""

    backend = "shared"
    scope = "fleet"
    store_id = "5eed"
    is_down = False

    def ledger(self, definition: SLODefinition) -> MemoryLedger:
        store = self

        class Ledger(MemoryLedger):
            def read(self, spans):  # type: ignore[no-untyped-def]
                if store.is_down:
                    raise OSError("out of reach")
                return super().read(spans)

        return Ledger(definition.longest_seconds, clock=self._clock)

    def health(self) -> StoreHealth:
        return StoreHealth(is_up=not self.is_down, flush_lag_seconds=0.5, clock_skew_seconds=-0.25, errors=3)


def text_of(registry: SLORegistry, accept: str = "") -> str:
    return PrometheusExporter(registry).render(accept=accept)[0].decode()


def lines_of(registry: SLORegistry) -> list[str]:
    return [line for line in text_of(registry).splitlines() if not line.startswith("#")]


@pytest.fixture
def registry(clock: FakeClock) -> SLORegistry:
    """One SLO at 99.9 %, 9,856 good and 144 bad events, two hours old."""
    registry = SLORegistry(clock=clock)
    tracker = registry.define(SLODefinition("availability", 0.999))
    clock.advance(hours=2)
    for index in range(10_000):
        tracker.record(index >= 144)
    return registry


def test_the_plain_quick_start_prints_plain_labels(registry: SLORegistry) -> None:
    """In memory, of the default service: `slo` and nothing else. Every series, to the letter."""
    windows = {2592000: 1, 3600: 1, 21600: 1, 300: 1, 1800: 1, 86400: 1, 7200: 1, 259200: 1}
    slo = 'slo="availability"'

    assert sorted(lines_of(registry)) == sorted(
        [
            f"slo_target{{{slo}}} 0.999",
            f"slo_window_seconds{{{slo}}} 2.592e+06",
            f'slo_info{{{slo},slo_window="30d"}} 1.0',
            f"slo_success_ratio{{{slo}}} 0.9856",
            f"slo_error_budget_remaining{{{slo}}} -13.4",
            f"slo_breached{{{slo}}} 0.0",
            f"slo_warming_up{{{slo}}} 1.0",
            f"slo_time_to_exhaustion_seconds{{{slo}}} 0.0",
            f"slo_data_since_seconds{{{slo}}} 1.7e+09",
            f'slo_events_total{{outcome="good",{slo}}} 9856.0',
            f'slo_events_total{{outcome="bad",{slo}}} 144.0',
            f'slo_events_created{{outcome="good",{slo}}} 1.7e+09',
            f'slo_events_created{{outcome="bad",{slo}}} 1.7e+09',
            f"slo_events_dropped_total{{{slo}}} 0.0",
            *(f'slo_window_events{{{slo},window_seconds="{window}"}} 10000.0' for window in windows),
            *(f'slo_window_failures{{{slo},window_seconds="{window}"}} 144.0' for window in windows),
            *(f'slo_burn_rate{{{slo},window_seconds="{window}"}} 14.4' for window in windows if window != 2592000),
            *(
                f'slo_alert_firing{{long_window_seconds="{long}",severity="{severity}",'
                f'short_window_seconds="{short}",{slo}}} {firing}'
                for severity, long, short, firing in (
                    ("page", 3600, 300, 1.0),
                    ("page", 21600, 1800, 1.0),
                    ("ticket", 86400, 7200, 1.0),
                    ("ticket", 259200, 21600, 0.0),
                )  # fmt: skip
            ),
            'slo_store_info{backend="memory",scope="process"} 1.0',
            "slo_store_up 1.0",
            "slo_flush_lag_seconds 0.0",
            "slo_clock_skew_seconds 0.0",
            "slo_store_errors_total 0.0",
            "slo_store_losses_total 0.0",
            "slo_internal_errors_total 0.0",
        ]
    )


def test_a_shared_store_names_the_service_and_itself(clock: FakeClock) -> None:
    """On every series; its health is the answering process's."""
    registry = SLORegistry(SharedStore(clock=clock), service="shop", clock=clock)
    registry.define(SLODefinition("a", 0.9))
    lines = lines_of(registry)

    assert all('slo_service="shop"' in line and 'store_id="5eed"' in line for line in lines)
    assert 'slo_store_info{backend="shared",scope="fleet",slo_service="shop",store_id="5eed"} 1.0' in lines
    assert 'slo_flush_lag_seconds{slo_service="shop",store_id="5eed"} 0.5' in lines
    assert 'slo_clock_skew_seconds{slo_service="shop",store_id="5eed"} -0.25' in lines
    assert 'slo_store_errors_total{slo_service="shop",store_id="5eed"} 3.0' in lines


def test_series_of_a_store_that_was_emptied_get_its_new_id(clock: FakeClock) -> None:
    """Labels are kept from one scrape to the next, but not those of another store."""
    store = SharedStore(clock=clock)
    registry = SLORegistry(store, service="shop", clock=clock)
    registry.define(SLODefinition("orders", 0.9))
    exporter = PrometheusExporter(registry)
    before = exporter.render()[0].decode()

    store.store_id = "0dd"

    assert exporter.render()[0].decode() == before.replace("5eed", "0dd") != before


def test_a_service_with_a_name_is_named_in_memory_too(clock: FakeClock) -> None:
    """Without a store id: there is none."""
    registry = SLORegistry(service="shop", clock=clock)
    registry.define(SLODefinition("a", 0.9))

    assert 'slo_target{slo="a",slo_service="shop"} 0.9' in lines_of(registry)


def test_both_outcomes_are_there_from_the_start(clock: FakeClock) -> None:
    """`rate()` over a counter that appears with its first failure would miss that failure."""
    registry = SLORegistry(clock=clock)
    registry.define(SLODefinition("a", 0.9))
    lines = lines_of(registry)

    assert 'slo_events_total{outcome="good",slo="a"} 0.0' in lines
    assert 'slo_events_total{outcome="bad",slo="a"} 0.0' in lines
    assert 'slo_error_budget_remaining{slo="a"} 1.0' in lines
    assert not any("nan" in line.lower() for line in lines)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, "+Inf"), (2, "18000.0"), (12, "0.0")], ids=["calm", "burning", "spent"]
)
@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_the_time_until_the_budget_is_gone(clock: FakeClock, failures: int, seconds: str, accept: str) -> None:
    """12 of 1200 may fail, 10 are left at 2 an hour; infinite where nothing burns, so that a calm SLO has a series, too."""
    registry = SLORegistry(clock=clock)
    tracker = registry.define(SLODefinition("a", 0.99))
    clock.advance(hours=2)
    for index in range(1200):
        tracker.record(index >= failures)

    assert f'slo_time_to_exhaustion_seconds{{slo="a"}} {seconds}' in text_of(registry, accept).splitlines()


def test_a_latency_slo_tells_its_threshold(clock: FakeClock) -> None:
    """The others have none."""
    config = {"a": {"target": 0.9}, "b": {"target": 0.9, "latency": "300ms"}}
    lines = lines_of(SLORegistry.from_config(config, clock=clock))

    assert [line for line in lines if "latency" in line] == ['slo_latency_threshold_seconds{slo="b"} 0.3']


def test_the_integers_tell_what_was_in_each_window(registry: SLORegistry, clock: FakeClock) -> None:
    """After three hours only the longer windows hold the events."""
    clock.advance(hours=3)
    samples = {
        (sample.name, sample.labels["window_seconds"]): sample.value
        for family in parse_text(text_of(registry))
        for sample in family.samples
        if "window_seconds" in sample.labels
    }

    assert samples["slo_window_events", "3600"] == samples["slo_window_failures", "3600"] == 0
    assert samples["slo_window_events", "21600"] == 10_000
    assert samples["slo_window_failures", "21600"] == 144


def test_labels_of_the_definition_are_on_its_series_alone(clock: FakeClock) -> None:
    """They come with ours, and cannot overwrite them."""
    registry = SLORegistry(clock=clock)
    registry.define(SLODefinition("a", 0.9, labels={"team": "shop"}))
    registry.define(SLODefinition("b", 0.9))
    lines = lines_of(registry)

    assert 'slo_target{slo="a",team="shop"} 0.9' in lines
    assert 'slo_target{slo="b"} 0.9' in lines
    assert all('team="shop"' in line for line in lines if 'slo="a"' in line)
    assert len(list(parse_text(text_of(registry)))) > 10


@pytest.mark.parametrize(
    "name",
    ['quo"te', "line\nbreak", "back\\slash", "\\n", "größe", "🔥", "日本", 'a="b",c', "tab\t", "\x7f", "a\rb", " "],
)
@pytest.mark.parametrize("openmetrics", [False, True])
def test_names_and_label_values_parse_back(clock: FakeClock, name: str, openmetrics: bool) -> None:
    """Whatever they hold."""
    registry = SLORegistry(clock=clock)
    rule = AlertRule("1h", "5m", severity=name, burn_rate=2)
    registry.define(SLODefinition(name, 0.9, labels={"team": name}, alert_rules=(rule,)))

    check_names(registry, name, openmetrics=openmetrics)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1))
def test_any_name_parses_back(name: str) -> None:
    """Any text that UTF-8 can encode."""
    registry = SLORegistry(clock=FakeClock())
    registry.define(SLODefinition(name, 0.9, labels={"team": name}, alert_rules=()))

    check_names(registry, name, openmetrics=True)


def test_what_another_program_does_to_a_scrape_stays_in_it(clock: FakeClock) -> None:
    """Relabelling changes labels in place; the next scrape has its own."""
    registry = SLORegistry(clock=clock)
    registry.define(SLODefinition("a", 0.9))
    collector = SLOCollector(registry)
    before = [family.samples for family in collector.collect()]
    assert before
    for family in collector.collect():
        for sample in family.samples:
            assert type(sample.labels) is dict
            sample.labels["cluster"] = "eu"

    assert [family.samples for family in collector.collect()] == before


def check_names(registry: SLORegistry, name: str, *, openmetrics: bool) -> None:
    text = text_of(registry, OPENMETRICS if openmetrics else "")
    families = list(parse_openmetrics(text) if openmetrics else parse_text(text))
    samples = [sample for family in families for sample in family.samples if "slo" in sample.labels]
    assert samples
    assert {(sample.labels["slo"], sample.labels["team"]) for sample in samples} == {(name, name)}
    assert {sample.labels["severity"] for sample in samples if "severity" in sample.labels} <= {name}


def test_counters_are_counters_with_the_birth_of_the_store(registry: SLORegistry) -> None:
    """In OpenMetrics `_created` belongs to the family; everything else of an SLO is a gauge."""
    families = {family.name: family for family in parse_openmetrics(text_of(registry, OPENMETRICS))}

    assert families["slo_events"].type == "counter"
    created = [sample for sample in families["slo_events"].samples if sample.name == "slo_events_created"]
    assert [sample.value for sample in created] == [1_700_000_000.0] * 2
    assert {name for name, family in families.items() if family.type == "counter"} == {
        "slo_events", "slo_events_dropped", "slo_store_errors", "slo_store_losses", "slo_internal_errors",
    }  # fmt: skip
    assert {family.type for family in families.values()} == {"counter", "gauge"}
    assert all(family.documentation for family in families.values())


def test_it_lives_in_a_registry_of_the_users_own(registry: SLORegistry) -> None:
    """Beside the application's metrics, whatever the registry's settings."""
    for own in (CollectorRegistry(), CollectorRegistry(auto_describe=True)):
        Counter("logins", "Logins.", registry=own).inc()
        own.register(SLOCollector(registry))

        text = generate_latest(own).decode()

        assert "logins_total 1.0" in text
        assert 'slo_target{slo="availability"} 0.999' in text
        assert own.get_sample_value("slo_events_total", {"slo": "availability", "outcome": "bad"}) == 144.0


def test_registering_it_twice_is_a_clash_of_names(registry: SLORegistry) -> None:
    """Because its names are described; nothing was read for that."""
    own = CollectorRegistry()
    own.register(SLOCollector(registry))

    with pytest.raises(ValueError, match="Duplicated timeseries"):
        own.register(SLOCollector(registry))


def test_describing_does_not_read_the_store(clock: FakeClock) -> None:
    """It happens at import time."""
    store = SharedStore(clock=clock)
    registry = SLORegistry(store, clock=clock)
    registry.define(SLODefinition("a", 0.9))
    store.is_down = True

    CollectorRegistry().register(SLOCollector(registry))
    PrometheusExporter(registry)

    names = {family.name for family in SLOCollector(registry).describe()}
    assert registry.internals.errors.total == 0
    assert {"slo_target", "slo_events", "slo_store_up", "slo_alert_firing"} <= names


def test_everything_collected_was_described(registry: SLORegistry) -> None:
    """And with the same type."""
    collector = SLOCollector(registry)
    described = {family.name: family.type for family in collector.describe()}

    assert {family.name: family.type for family in collector.collect()}.items() <= described.items()


def test_a_store_out_of_reach_says_so_and_shows_no_old_numbers(clock: FakeClock) -> None:
    """`slo_store_up` 0; the SLO series are gone until it is back."""
    store = SharedStore(clock=clock)
    registry = SLORegistry(store, clock=clock)
    registry.define(SLODefinition("a", 0.9)).record(True)
    store.is_down = True

    down = lines_of(registry)
    assert 'slo_store_up{slo_service="default",store_id="5eed"} 0.0' in down
    assert not any('slo="a"' in line for line in down)
    assert 'slo_internal_errors_total{slo_service="default",store_id="5eed"} 1.0' in down

    # What another worker has read since may be higher: a counter would seem to go back.
    assert not any(line.startswith("slo_store_errors_total") for line in down)

    store.is_down = False
    is_up = 'slo_store_up{slo_service="default",store_id="5eed"} 1.0'
    up = wait_until(lambda: is_up in (lines := lines_of(registry)) and lines)  # a failure is shared for a second
    assert any(line.startswith("slo_events_total") for line in up)


def test_a_store_out_of_reach_takes_no_other_metrics_with_it(clock: FakeClock) -> None:
    """A user's own `/metrics` goes on."""
    store = SharedStore(clock=clock)
    store.is_down = True
    registry = SLORegistry(store, clock=clock)
    registry.define(SLODefinition("a", 0.9))
    own = CollectorRegistry()
    Counter("logins", "Logins.", registry=own).inc()
    own.register(SLOCollector(registry))

    assert "logins_total 1.0" in generate_latest(own).decode()


def test_an_empty_registry_shows_its_store() -> None:
    """And no SLO."""
    text = text_of(SLORegistry())

    assert "slo_store_up 1.0" in text
    assert "slo_target" not in text


def windows_shown(registry: SLORegistry, metric: str) -> Iterator[str]:
    for line in lines_of(registry):
        if line.startswith(f"{metric}{{"):
            yield line.split('window_seconds="')[1].split('"')[0]


def test_a_burn_rate_is_shown_for_burn_and_alert_windows(clock: FakeClock) -> None:
    """The SLO's own window only if it is one of them."""
    registry = SLORegistry(clock=clock)
    registry.define(
        SLODefinition("a", 0.9, 7200, (7200,), alert_rules=(AlertRule("1h", "5m", severity="page", burn_rate=2),))
    )

    assert sorted(windows_shown(registry, "slo_burn_rate")) == ["300", "3600", "7200"]
    assert sorted(windows_shown(registry, "slo_window_events")) == ["300", "3600", "7200"]


def test_bad_events_are_shown_by_their_causes_where_that_is_on(clock: FakeClock) -> None:
    """31 causes, and the rest: together they are all bad events. Without the setting there is no such series."""
    registry, silent = SLORegistry(clock=clock, metrics_causes=True), SLORegistry(clock=clock)
    for each in (registry, silent):
        tracker = each.define(SLODefinition("jobs", 0.9, labels={"route": "theirs"}))
        tracker.record_failure()
        for number in range(40):
            for _ in range(1 + (number == 0)):
                with pytest.raises(LookupError), tracker.track(cause=f'job "{number}"'):
                    raise LookupError
            clock.advance(seconds=2)

    lines = [line for line in lines_of(registry) if line.startswith("slo_cause_failures_total")]
    assert len(lines) == 32
    assert 'slo_cause_failures_total{outcome="LookupError",route="job \\"0\\"",slo="jobs"} 2.0' in lines
    assert 'slo_cause_failures_total{outcome="other",route="other",slo="jobs"} 10.0' in lines
    assert sum(float(line.rpartition(" ")[2]) for line in lines) == 42
    assert 'slo_events_total{outcome="bad",route="theirs",slo="jobs"} 42.0' in lines_of(registry)
    assert "slo_cause_failures" not in text_of(silent)
    assert list(parse_openmetrics(text_of(registry, OPENMETRICS)))


@pytest.mark.parametrize("where", ["", "GET /\n", "GET /\ud800", "x" * 101])
def test_names_that_harm_the_text_are_a_part_of_the_rest(where: str) -> None:
    """One row of a damaged store takes nothing else with it."""
    assert causes_shown([(Cause(where, "503"), 3), (Cause("GET /", "503"), 2)], bad=9) == {
        ("GET /", "503"): 2,
        ("other", "other"): 7,
    }
