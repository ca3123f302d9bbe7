"""The SLOs of one service, by name. Tests of registry and registry_internals."""

from __future__ import annotations

import pytest

from slo_core import ConfigError, InMemoryStore, Observation, SLODefinition, SLORegistry, SLOTracker
from slo_core.errors import DuplicateNameError, SLOError, StoreError, UnknownNameError
from slo_core.stores.memory.store import MemoryStore
from slo_core.testing import FakeClock


def test_defining_gives_a_tracker_that_is_found_by_name(clock: FakeClock) -> None:
    """By `get` and by index, in the order of definition."""
    registry = SLORegistry(clock=clock)

    tracker = registry.define(SLODefinition("b", 0.9))
    added = registry.add(SLOTracker(SLODefinition("a", 0.9), clock=clock))

    assert registry.get("b") is registry["b"] is tracker
    assert registry["a"] is added
    assert registry.names() == ["b", "a"]
    assert list(registry) == [tracker, added]
    assert len(registry) == 2
    assert "a" in registry
    assert "c" not in registry
    assert repr(registry) == "SLORegistry(['b', 'a'], service='default', store=MemoryStore())"


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    """A KeyError whose text is a sentence."""
    registry = SLORegistry()
    with pytest.raises(KeyError) as caught:
        registry["checkuot"]
    assert str(caught.value) == "no SLO named 'checkuot' is registered; known: none"

    registry.define(SLODefinition("checkout", 0.9))
    registry.define(SLODefinition("search", 0.9))
    with pytest.raises(UnknownNameError) as caught:
        registry.get("checkuot")
    assert str(caught.value) == "no SLO named 'checkuot' is registered; known: 'checkout', 'search'"
    assert isinstance(caught.value, SLOError)

    with pytest.raises(KeyError, match="no SLO named"):
        registry.get(["checkout"])  # type: ignore[arg-type]  # that is the mistake


def test_a_name_is_registered_once() -> None:
    """Defined or added, it is a ValueError that says so, and nothing has changed."""
    registry = SLORegistry()
    registry.define(SLODefinition("a", 0.9))

    with pytest.raises(ValueError, match="an SLO named 'a' is already registered; choose another name"):
        registry.define(SLODefinition("a", 0.99))
    with pytest.raises(DuplicateNameError):
        registry.add(SLOTracker(SLODefinition("a", 0.99)))

    assert registry["a"].definition.target == 0.9


def test_an_empty_registry_is_false_like_every_empty_container() -> None:
    """Who asks `registry or ...` loses it: ask `is None`."""
    assert not SLORegistry()
    assert len(SLORegistry()) == 0


def test_snapshots_and_alerts_of_all(clock: FakeClock) -> None:
    """In the order of the names, at the instant asked for."""
    registry = SLORegistry(clock=clock)
    for name in ("a", "b"):
        registry.define(SLODefinition(name, 0.999))
    registry["b"].record_failure()
    clock.advance(10)

    assert [(snapshot.name, snapshot.failures) for snapshot in registry.snapshot_all()] == [("a", 0), ("b", 1)]
    assert [snapshot.at for snapshot in registry.snapshot_all(at=5.0)] == [5.0, 5.0]
    assert [(alert.slo_name, alert.window_seconds) for alert in registry.check_burn_rates()] == [
        ("b", 3600),
        ("b", 21_600),
    ]
    assert registry.check_burn_rates(at=clock() - 20) == []


def test_iterating_sees_what_was_there_when_it_began() -> None:
    """An SLO may be defined meanwhile."""
    registry = SLORegistry()
    registry.define(SLODefinition("a", 0.9))

    for tracker in registry:
        registry.define(SLODefinition(f"{tracker.name}2", 0.9))

    assert registry.names() == ["a", "a2"]


class NotingStore(MemoryStore):
    """A store that notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def flush(self) -> None:
        self.calls.append("flush")

    def close(self) -> None:
        self.calls.append("close")


def test_flush_and_close_are_the_stores() -> None:
    """Also at the end of a `with` block."""
    store = NotingStore()
    with SLORegistry(store, service="shop") as registry:
        registry.flush()
        assert registry.store is store
        assert registry.service == "shop"

    assert store.calls == ["flush", "close"]


def test_the_store_may_be_a_url() -> None:
    """Options that it does not know, and unknown schemes are refused."""
    assert SLORegistry("memory://").store.backend == "memory"
    with pytest.raises(StoreError, match="expected no options, got size"):
        SLORegistry("memory://", store_options={"size": 5})
    with pytest.raises(StoreError, match="expected one of the schemes"):
        SLORegistry("memcached://localhost")


def test_a_registry_of_configured_slos_counts_requests(clock: FakeClock) -> None:
    """Those of kind `custom` do not."""
    registry = SLORegistry.from_config(
        {"availability": {"target": "99.9%"}, "orders": {"target": 0.9, "kind": "custom"}}, service="shop", clock=clock
    )

    assert registry.names() == ["availability", "orders"]
    assert registry["availability"].definition.http is not None
    assert registry["orders"].definition.http is None
    assert (registry.service, registry["orders"].snapshot().at) == ("shop", clock())


def test_a_bad_configuration_makes_no_registry() -> None:
    """The path is called as the caller calls it."""
    with pytest.raises(ConfigError, match=r"^settings\.SLO_DEFINITIONS\['a'\]\.target: missing"):
        SLORegistry.from_config({"a": {}}, where="settings.SLO_DEFINITIONS")


def test_listeners_hear_of_every_slo_after_it_was_added() -> None:
    """What was worked out from the definitions is then out of date."""
    registry = SLORegistry()
    heard: list[int] = []
    registry.internals.definition_listeners.append(lambda: heard.append(len(registry.names())))
    for name in "abc":
        registry.define(SLODefinition(name, 0.9))

    assert heard == [1, 2, 3]


@pytest.mark.parametrize("store", [object(), 5, b"memory://"])
def test_what_is_no_store_is_refused(store: object) -> None:
    """With a sentence that says what a store is."""
    with pytest.raises(TypeError, match="expected a URL"):
        SLOTracker(SLODefinition("a", 0.9), store=store)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected a URL"):
        SLORegistry(store)  # type: ignore[arg-type]


def test_a_registry_refuses_a_store_of_single_events() -> None:
    """All its SLOs would be counted as one."""
    with pytest.raises(TypeError, match=r"registry\.add\(SLOTracker"):
        SLORegistry(InMemoryStore(60))  # type: ignore[arg-type]


def test_an_slo_whose_own_store_fails_hides_no_other(clock: FakeClock) -> None:
    """From pages and scrapes; a call that asks for all snapshots raises what that store raised."""

    class Broken(InMemoryStore):
        def window(self, now: float, seconds: int) -> list[Observation]:
            raise OSError("the disk is gone")

    registry = SLORegistry(clock=clock)
    registry.define(SLODefinition("whole", 0.9)).record(True)
    registry.add(SLOTracker(SLODefinition("broken", 0.9), store=Broken(3600), clock=clock))

    snapshots = registry.internals.read_all()

    assert [snapshot.name for _, snapshot in snapshots] == ["whole"]
    assert snapshots.unreadable == ("SLO 'broken' cannot be shown: unexpected OSError",)
    assert registry.internals.errors.total == 1
    with pytest.raises(OSError, match="the disk is gone"):
        registry.snapshot_all()
