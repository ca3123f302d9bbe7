"""Clients that remember what they saw, and scrapers that do not forgive a counter that dips."""

from __future__ import annotations

import http.client
import json
import random
import socket
import threading
import time
from collections import Counter
from types import TracebackType

from prometheus_client.parser import text_string_to_metric_families

from slo_servers import HOST, fetch, wait_until

__all__ = ["Clients", "Highest", "Scraper", "Totals", "scrape", "send", "settled", "shown", "totals", "workers_up"]

# (SLO, "good" or "bad") to events
Totals = Counter[tuple[str, str]]

_KINDS = {
    "/ok": [("availability", "good")],
    "/bad": [("availability", "bad")],
    "/orders": [("availability", "good"), ("orders", "good")],
    "/nowhere": [],
}
_STATUS = {"/ok": 200, "/bad": 500, "/orders": 200, "/nowhere": 404}
# As load balancers do it. uvicorn serves a connection that it took while it was closing its door for as long as its client
# stays, and would not end.
_REQUESTS_PER_CONNECTION = 100


def scrape(port: int) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample of `/metrics`, from whichever worker answers."""
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    try:
        connection.request("GET", "/metrics", headers={"Connection": "close"})
        response = connection.getresponse()
        text = response.read().decode()
        assert response.status == 200, text
    finally:
        connection.close()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def totals(port: int) -> Totals | None:
    """`slo_events_total`; None while the store is away."""
    found = Totals()
    for (name, labels), value in scrape(port).items():
        of = dict(labels)
        if name == "slo_store_up" and value == 0:
            return None
        if name == "slo_events_total":
            found[of["slo"], of["outcome"]] = int(value)
    return +found


def shown(port: int) -> Totals:
    """`slo_events_total`; a store that a busy machine keeps from answering in time is asked again."""

    def read() -> tuple[Totals] | None:
        counted = totals(port)
        return None if counted is None else (counted,)

    return wait_until(read, message="the store is away")[0]


def settled(port: int) -> Totals:
    """What `/metrics` says once it has said it for two seconds, whichever worker answers."""
    last: list[Totals | None] = []

    def is_settled() -> bool:
        time.sleep(0.1)
        try:
            last.append(totals(port))
        except (OSError, http.client.HTTPException):  # that worker has just been replaced
            last.append(None)
        return len(last) >= 20 and last[-1] is not None and all(counted == last[-1] for counted in last[-20:])

    wait_until(is_settled, message="the numbers do not come to rest")
    at_rest = last[-1]
    assert at_rest is not None
    return at_rest


def workers_up(port: int, count: int) -> set[int]:
    """The processes of that many workers of `fleet_service`, once each has answered; counts for no SLO."""
    pids: set[int] = set()

    def all_answer() -> bool:
        pids.add(int(json.loads(fetch(f"http://{HOST}:{port}/threads"))["pid"]))
        return len(pids) == count

    wait_until(all_answer, message=f"fewer than {count} workers answer")
    return pids


class Clients:
    """
    Clients that send requests until they have sent enough, or the `with` block ends.

    Attributes:
        seen: What the answers were worth.
        broken: Requests whose answers did not come.
        slowest: Seconds of the longest answer.
        slow: Answers that took longer than a third of a second; the shortest time-out of a store is half a second.
        slow_at: When each of them came, by the monotonic clock.
        wrong: Answers that were not what they should be.
    """

    def __init__(
        self, port: int, *, requests: int | None = None, clients: int = 4, pause: float = 0.0, bad_percent: int = 8
    ) -> None:
        self.port = port
        self.seen = Totals()
        self.broken = 0
        self.slowest = 0.0
        self._times: list[float] = []
        self.slow_at: list[float] = []
        self.wrong: list[str] = []
        self._pause = pause
        self._weights = [88 - bad_percent, bad_percent, 10, 2]
        self._lock = threading.Lock()
        self._stop = threading.Event()
        share = None if requests is None else requests // clients
        self._threads = [threading.Thread(target=self._send, args=(index, share)) for index in range(clients)]

    def _send(self, index: int, share: int | None) -> None:
        chooser = random.Random(index)
        connection = http.client.HTTPConnection(HOST, self.port, timeout=60)
        sent = 0
        while not self._stop.is_set() and (share is None or sent < share):
            path = chooser.choices(list(_KINDS), self._weights)[0]
            sent += 1
            if sent % _REQUESTS_PER_CONNECTION == 0:
                connection.close()
            started = time.monotonic()
            try:
                connection.request("GET", path)
                # A server that sends head and body apart is kept waiting for 40 ms by a kernel that is slow to confirm.
                connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                response = connection.getresponse()
                response.read()
                status = response.status
            except (OSError, http.client.HTTPException):
                connection.close()
                with self._lock:
                    self.broken += 1
                self._stop.wait(0.05)  # whoever is being restarted needs a moment
                continue
            took = time.monotonic() - started
            with self._lock:
                self.slowest = max(self.slowest, took)
                self._times.append(took)
                if took > 1 / 3:
                    self.slow_at.append(started + took)
                self.seen.update(_KINDS[path])
                if status != _STATUS[path]:
                    self.wrong.append(f"{path}: {status}")
            if self._pause:
                self._stop.wait(self._pause)
        connection.close()

    @property
    def p99(self) -> float:
        """Within how many seconds 99 of 100 answers came."""
        times = sorted(self._times)
        return times[len(times) * 99 // 100] if times else 0.0

    @property
    def slow(self) -> int:
        """How many were slow."""
        return len(self.slow_at)

    @property
    def answers(self) -> int:
        """So far, of all that count."""
        return self.seen["availability", "good"] + self.seen["availability", "bad"]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def join(self) -> None:
        """Until they have sent what they should."""
        for thread in self._threads:
            thread.join()

    def stop(self) -> None:
        """They finish what they are at."""
        self._stop.set()
        self.join()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def send(port: int, *, requests: int, clients: int = 4) -> Clients:
    """Send so many requests, and say what came back."""
    with Clients(port, requests=requests, clients=clients) as found:
        found.join()
    return found


class Highest:
    """The highest totals that any of several scrapers has been shown."""

    def __init__(self) -> None:
        self._totals = Totals()
        self._lock = threading.Lock()

    def so_far(self) -> Totals:
        """Those of every scrape that has ended."""
        with self._lock:
            return self._totals.copy()

    def note(self, totals: Totals) -> None:
        """A scrape has ended."""
        with self._lock:
            self._totals |= totals


class Scraper:
    """
    Scrapes `/metrics` all the time, until the `with` block ends.

    Args:
        port: Of the service.
        pause: Seconds between an answer and the next question.
        highest: Shared with other scrapers: no scrape may show less than one that ended before it began.

    Attributes:
        scrapes: How many times.
        dips: Counters that went down from a scrape to one that began later.
        away: Scrapes that said that the store was.
    """

    def __init__(self, port: int, *, pause: float = 0.02, highest: Highest | None = None) -> None:
        self.scrapes = self.away = 0
        self.dips: list[str] = []
        self._port = port
        self._pause = pause
        self._highest = highest or Highest()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.wait(self._pause):
            last = self._highest.so_far()
            try:
                found = totals(self._port)
            except (OSError, http.client.HTTPException):
                continue
            self.scrapes += 1
            if found is None:
                self.away += 1
                continue
            self.dips += [f"{key}: {last[key]} -> {found[key]}" for key in last if found[key] < last[key]]
            self._highest.note(found)

    def __enter__(self) -> Scraper:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
