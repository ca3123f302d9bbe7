"""What left on the wire and what was recorded, for each test of a foreign suite."""

from __future__ import annotations

import gc
import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

__all__ = ["DEFINITIONS", "LEDGER_VARIABLE", "Ledger", "LedgerPlugin", "WireRequest"]

# Every request, and those that the application has a route for.
DEFINITIONS: dict[str, dict[str, object]] = {
    "every": {"target": "99%", "unmatched": True},
    "routed": {"target": "99%"},
}

# Where the ledger is written to at the end of the run.
LEDGER_VARIABLE = "SLO_FOREIGN_LEDGER"


@dataclass(slots=True)
class WireRequest:
    """
    One request, seen from outside of everything of slo-suite.

    Attributes:
        method: As it came in.
        status: Of the response that was started; None without one.
        is_complete: The last byte of the response was handed over.
        is_client_gone: The client went away before that.
        is_raised: An exception came out of the application before the response was complete.
        is_broken_off: The response of the application was broken off by an exception, although a layer around it ended it.
        is_last_resort: The framework's own last resort answered an exception that no code of the application handled.
        is_static: A view for static files answered.
        has_route: A router chose an endpoint.
        is_within: The code that serves another request sent it in process: it is part of that one.
    """

    method: str
    status: int | None = None
    is_complete: bool = False
    is_client_gone: bool = False
    is_raised: bool = False
    is_broken_off: bool = False
    is_last_resort: bool = False
    is_static: bool = False
    has_route: bool = False
    is_within: bool = False

    @property
    def is_open(self) -> bool:
        """The response was neither completed nor given up yet."""
        return not (self.is_complete or self.is_client_gone or self.is_raised)

    @property
    def is_redirect(self) -> bool:
        """The status is that of a redirect. 304 is one where no route answered, but a cache may answer so for a route."""
        return self.status is not None and 300 <= self.status < 400

    def outcome(self, slo: str) -> str:
        """Good, bad or left out, for one of `DEFINITIONS`: the README's "What counts, and as what"."""
        if self.is_open or self.method == "OPTIONS" or self.is_static or self.is_within:
            return "left out"
        if slo == "routed" and not self.has_route and (self.status == 404 or self.is_redirect):
            return "left out"
        is_server_error = self.status is not None and self.status >= 500
        if self.is_client_gone:
            return "bad" if is_server_error else "left out"
        if self.is_raised or self.is_broken_off or self.status is None or is_server_error:
            return "bad"
        if self.is_last_resort and not 400 <= self.status < 500:
            return "bad"
        return "good"


@dataclass(slots=True)
class _Entry:
    """The requests of one test, and the registries that were to count them."""

    requests: list[WireRequest] = field(default_factory=list)
    registries: dict[int, Any] = field(default_factory=dict)


class Ledger:
    """Compares, for each test, the requests on the wire with what the registries have counted since the test before."""

    def __init__(self) -> None:
        self._entry = _Entry()
        # What was counted up to the last test, by SLO. The registry is kept, so that no other gets its id.
        self._counted: dict[tuple[int, str], tuple[Any, int, int]] = {}
        self._tests: dict[str, dict[str, Any]] = {}

    def begin(self, method: str, registry: Any) -> WireRequest:
        """A request came in, for an application that this registry counts for."""
        request = WireRequest(method)
        self._entry.requests.append(request)
        self._entry.registries[id(registry)] = registry
        return request

    def close_test(self, name: str) -> None:
        """The test is over: enter its figures."""
        entry, self._entry = self._entry, _Entry()
        if not entry.requests:
            return
        if any(request.is_open for request in entry.requests):
            gc.collect()  # bodies that a test never closed are given up now, not within another test
        self._tests[name] = {
            "wire": {slo: _figures(Counter(each.outcome(slo) for each in entry.requests)) for slo in DEFINITIONS},
            "recorded": {slo: self._recorded(slo, entry) for slo in DEFINITIONS},
            "clients gone": sum(each.is_client_gone for each in entry.requests),
            "requests": [str(request) for request in entry.requests],
        }

    def _recorded(self, slo: str, entry: _Entry) -> dict[str, int]:
        good = bad = 0
        for registry in entry.registries.values():
            key = (id(registry), slo)
            _, good_before, bad_before = self._counted.get(key, (registry, 0, 0))
            snapshot = registry[slo].snapshot()
            self._counted[key] = (registry, snapshot.lifetime_good, snapshot.lifetime_bad)
            good += snapshot.lifetime_good - good_before
            bad += snapshot.lifetime_bad - bad_before
        return {"good": good, "bad": bad, "left out": len(entry.requests) - good - bad}

    def write(self) -> None:
        """Write the ledger to the file that the environment names."""
        Path(os.environ[LEDGER_VARIABLE]).write_text(json.dumps(self._tests, indent=1), encoding="utf-8")


def _figures(outcomes: Counter[str]) -> dict[str, int]:
    return {name: outcomes[name] for name in ("good", "bad", "left out")}


class LedgerPlugin:
    """
    Closes the ledger after each test of a pytest run, and writes it at the end.

    Args:
        ledger: The ledger.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """One test, with its fixtures."""
        result = yield
        self._ledger.close_test(item.nodeid)
        return result

    def pytest_sessionfinish(self) -> None:
        """The run is over."""
        self._ledger.write()
