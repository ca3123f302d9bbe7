"""From the URL of a store to the store."""

from __future__ import annotations

import traceback
from collections.abc import Iterable

import pytest

from slo_core import store_from_url
from slo_core.errors import StoreError
from slo_core.stores.memory.store import MemoryStore
from slo_core.stores.open import known_schemes
from slo_core.testing import FakeClock


def test_memory(clock: FakeClock) -> None:
    """A new one each time, on the clock it is given."""
    store = store_from_url("memory://", clock=clock)

    assert isinstance(store, MemoryStore)
    assert store.created == clock()
    assert store_from_url("memory://") is not store_from_url("memory://")


@pytest.mark.parametrize("url", ["memory://somewhere", "memory:", "memory", "memory:///x", "memory://?x=1"])
def test_memory_takes_no_address(url: str) -> None:
    """Who gives one means something that does not exist."""
    with pytest.raises(StoreError, match='expected exactly "memory://"'):
        store_from_url(url)


@pytest.mark.parametrize("url", ["", "nowhere", "nowhere://x", "://", None, 5])
def test_an_unknown_scheme_is_answered_with_the_known_ones(url: str) -> None:
    """The built-in ones and those of installed packages."""
    with pytest.raises(StoreError, match=r"expected one of the schemes .*memory://"):
        store_from_url(url)


def test_an_unknown_url_is_shown_without_its_password() -> None:
    """The message ends in a log."""
    with pytest.raises(StoreError) as caught:
        store_from_url("nowhere://user:hunter2@host/0")

    assert "nowhere://user:***@host/0" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("scheme", [*known_schemes(), "nowhere"])
@pytest.mark.parametrize("address", ["hun/ter2@host", "hun?ter2@host", "hun#ter2@host", "hunter2@host:port/x/"])
@pytest.mark.parametrize("options", [{}, {"teapot": 1}])
def test_a_traceback_holds_no_part_of_a_password(scheme: str, address: str, options: dict[str, object]) -> None:
    """Nor does what the error was made of: a start-up that fails prints it all."""
    with pytest.raises(StoreError) as caught:
        store_from_url(f"{scheme}://somebody:{address}", service="shop", options=options)

    text = "".join(traceback.format_exception(caught.value))
    assert "hun" not in text
    assert "ter2" not in text


def test_an_unknown_scheme_is_answered_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """For those of the known ones that need something which is not installed."""
    with pytest.raises(StoreError, match="expected one of the schemes") as installed:
        store_from_url("nowhere://host")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(StoreError) as caught:
        store_from_url("nowhere://host")

    assert "needs" not in str(installed.value)
    message = str(caught.value)
    for scheme in ("redis", "rediss", "redis+cluster", "rediss+cluster"):
        assert f"; {scheme}:// needs slo-suite[redis]" in message
    assert "; django:// needs slo-suite[django]" in message
    assert "sqlite:// needs" not in message


class EntryPoint:
    """What an installed package registers in the group `slo_core.stores`."""

    name = "teapot"

    def load(self) -> object:
        return self.make

    def make(self, url: str, **keywords: object) -> MemoryStore:
        self.called = (url, keywords)
        return MemoryStore()


def test_other_packages_register_their_schemes(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> None:
    """The factory is called with the URL, the service, the clock and the options."""
    entry_point = EntryPoint()

    def entry_points(*, group: str, name: str = "teapot") -> Iterable[EntryPoint]:
        return [entry_point] if (group, name) == ("slo_core.stores", "teapot") else []

    monkeypatch.setattr("importlib.metadata.entry_points", entry_points)

    store_from_url("teapot://kitchen", service="shop", clock=clock, options={"size": 5})

    assert entry_point.called == ("teapot://kitchen", {"service": "shop", "clock": clock, "size": 5})
    assert "teapot" in known_schemes()
