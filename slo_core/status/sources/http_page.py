"""The status source of a running service: its `/slo.json` or `/metrics`."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from email.message import Message
from email.utils import parsedate_to_datetime
from time import time
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from slo_core.budgets.cause_shares import CauseBreakdown
from slo_core.budgets.episodes import Episode
from slo_core.budgets.latencies import Latencies
from slo_core.budgets.recent_failures import RecentFailure
from slo_core.errors import SLOError, StoreError
from slo_core.status.incidents import ServiceIncidents, check_slo
from slo_core.status.service_status import ServiceStatus
from slo_core.status.sources.json_view import services_of_json
from slo_core.status.sources.metrics_page import services_of_metrics
from slo_core.status.sources.published_causes import causes_of_json
from slo_core.status.sources.published_failures import failures_of_json
from slo_core.status.sources.published_incidents import incidents_of_json
from slo_core.status.sources.published_latencies import latencies_of_json
from slo_core.stores.url import redacted_url

__all__ = ["HTTPStatusSource"]

_SECONDS = 10.0

# A page of a thousand SLOs is a tenth of this.
_LARGEST_BYTES = 32 * 1024 * 1024

# What any page can make the code below raise.
_DAMAGED = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)

_ACCEPT = "application/json, text/plain;version=0.0.4;q=0.5"


class HTTPStatusSource:
    """
    Fetches a page at each read.

    Args:
        address: Its http or https address.
        token: Bearer token; None sends none.
        service: The only service to show; None shows all on the page.
        clock: Returns seconds since the epoch; dates the numbers of a page where neither it nor the server does.
    """

    def __init__(
        self, address: str, *, token: str | None = None, service: str | None = None, clock: Callable[[], float] = time
    ) -> None:
        self._address = address
        self._shown = redacted_url(address)
        self._token = token
        self._service = service
        self._clock = clock

    def read(self) -> list[ServiceStatus]:
        """
        The services on the page.

        Raises:
            StoreError: No answer, or a server error.
            SLOError: Not a page of slo-suite, the wrong token, or the requested service is missing.
        """
        body, content_type, at = self._fetch(self._address)
        try:
            services = self._parsed(body, content_type, at)
        except _DAMAGED as exc:
            raise SLOError(
                f"{self._shown}: expected the JSON or the metrics of slo-suite, got "
                f"{content_type or 'something else'} that cannot be read "
                f"({type(exc).__name__}: {exc}); is it of a newer slo-suite?"
            ) from exc
        if self._service is not None:
            held = ", ".join(repr(status.service) for status in services) or "none"
            services = [status for status in services if status.service == self._service]
            if not services:
                raise SLOError(f"{self._shown}: expected service {self._service!r}, it shows {held}")
        return services

    def causes(self, asked: Sequence[tuple[str, str]]) -> list[CauseBreakdown | str]:
        """The causes of the last hour, or why they are not known, of SLOs that the last read has shown."""
        answers: list[CauseBreakdown | str] = []
        for _, slo in asked:
            try:
                answers.append(self._causes(slo))
            except StoreError as exc:  # the others would wait in vain, too
                return answers + [str(exc)] * (len(asked) - len(answers))
            except SLOError as exc:
                answers.append(str(exc))
        return answers

    def incidents(self, *, since: float, slo: str | None = None) -> list[ServiceIncidents]:
        """The incidents of the services on the page, as `StatusSource.incidents`: a request for each SLO."""
        services = self.read()
        check_slo(slo, [snapshot.name for status in services for _, snapshot in status.snapshots])
        answers = []
        for status in services:
            names = [snapshot.name for _, snapshot in status.snapshots if slo is None or snapshot.name == slo]
            episodes = sorted(
                (each for name in names for each in self._incidents(name) if each.end is None or each.start >= since),
                key=lambda each: (-each.start, each.slo, each.rule),
            )
            answers.append(ServiceIncidents(status.service, episodes, status.error))
        return answers

    def _incidents(self, slo: str) -> list[Episode]:
        page = self._page_of(slo)
        if page is None:
            raise SLOError(f"{self._shown}: metrics do not say when alerts fired; name the service's /slo.json")
        try:
            return incidents_of_json(page, slo=slo)
        except _DAMAGED as exc:
            raise SLOError(f"{self._shown}: the incidents cannot be read ({type(exc).__name__}: {exc})") from exc

    def recent_failures(self, service: str, slo: str) -> list[RecentFailure]:
        """The last bad events of an SLO that the last read has shown, the newest first; none where they cannot be read."""
        try:
            page = self._page_of(slo)
            return [] if page is None else failures_of_json(page)
        except (SLOError, *_DAMAGED):  # the causes, which come first, say why
            return []

    def _page_of(self, slo: str) -> Any:
        """The JSON of one SLO; None where the page is none."""
        address = urlsplit(self._address)._replace(query=urlencode({"slo": slo}, errors="replace"), fragment="")
        body, content_type, _ = self._fetch(urlunsplit(address))
        try:
            return json.loads(body) if content_type == "application/json" else None
        except _DAMAGED as exc:
            raise SLOError(f"{self._shown}: expected JSON, got something else ({type(exc).__name__})") from exc

    def latencies(self, asked: Sequence[tuple[str, str]]) -> list[Latencies | None]:
        """How long events took in the last hour; None for an SLO without a threshold, and where it is not known."""
        return [self._latencies(slo) for _, slo in asked]

    def _latencies(self, slo: str) -> Latencies | None:
        try:
            page = self._page_of(slo)
            return None if page is None else latencies_of_json(page, span="1h")
        except (SLOError, *_DAMAGED):  # the causes of the same page say why
            return None

    def _causes(self, slo: str) -> CauseBreakdown | str:
        page = self._page_of(slo)
        if page is None:
            return "metrics do not say what failed; name the service's /slo.json"
        try:
            return causes_of_json(page, slo=slo, span="1h")
        except _DAMAGED as exc:
            raise SLOError(f"{self._shown}: the causes cannot be read ({type(exc).__name__}: {exc})") from exc

    def close(self) -> None:
        """Does nothing: no connection stays open."""

    def _parsed(self, body: bytes, content_type: str, at: float) -> list[ServiceStatus]:
        if content_type == "application/json":
            return services_of_json(json.loads(body), address=self._shown)
        if content_type in ("text/plain", "application/openmetrics-text"):
            return services_of_metrics(body.decode(), address=self._shown, at=at)
        raise SLOError(
            f"{self._shown}: expected JSON or metrics, got {content_type or 'no content type'}; "
            "the address ends with /slo.json or /metrics"
        )

    def _fetch(self, address: str) -> tuple[bytes, str, float]:
        """The body of an answer, its content type, and when the server says that it was made."""
        request = urllib.request.Request(address, headers={"Accept": _ACCEPT})  # noqa: S310  # http or https: see open_status_source
        if self._token is not None:
            # Unredirected: the token must not reach another host.
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            with _opener().open(request, timeout=_SECONDS) as response:
                return _read(response), response.headers.get_content_type(), self._date(response.headers)
        except urllib.error.HTTPError as exc:
            with exc:
                content_type = exc.headers.get_content_type()
                if exc.code in (400, 404, 503) and content_type == "application/json":
                    body = _read(exc)
                    if exc.code == 503 or _is_own_refusal(
                        body
                    ):  # it says that the store is away, or what it cannot show
                        return body, content_type, self._date(exc.headers)
            raise self._refused(exc.code) from None
        except (ValueError, http.client.InvalidURL) as exc:  # an address that cannot be sent
            raise SLOError(f"{self._shown}: expected an address such as http://host:8000/slo.json ({exc})") from exc
        except (OSError, http.client.HTTPException) as exc:
            reason = exc.reason if isinstance(exc, urllib.error.URLError) else exc
            raise StoreError(f"{self._shown}: no answer: {str(reason) or type(reason).__name__}") from exc

    def _date(self, headers: Message) -> float:
        # The clock that the numbers were counted by, rather than this machine's: a month begins when it does there.
        try:
            return parsedate_to_datetime(headers["Date"]).timestamp()
        except (TypeError, ValueError, OverflowError):  # without a date, or with something else
            return self._clock()

    def _refused(self, status: int) -> SLOError:
        if status >= 500:
            return StoreError(f"{self._shown}: answered with status {status}; what does the service's log say?")
        if status in (401, 403):
            reason = "the token is refused" if self._token is not None else "it asks for a token"
            return SLOError(
                f"{self._shown}: {reason} (status {status}); give SLO_METRICS_TOKEN's in a file, or in SLO_TOKEN"
            )
        hint = "; the address ends with /slo.json (SLO_STATUS_PATH) or /metrics" if status == 404 else ""
        return SLOError(f"{self._shown}: answered with status {status}{hint}")


def _opener() -> urllib.request.OpenerDirector:
    """An opener for http and https only; the default one of `urllib` follows redirects to ftp as well."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener


def _is_own_refusal(body: bytes) -> bool:
    try:
        page = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(page, dict) and "version" in page and "error" in page


def _read(response: http.client.HTTPResponse | urllib.error.HTTPError) -> bytes:
    body = response.read(_LARGEST_BYTES + 1)
    if len(body) > _LARGEST_BYTES:
        raise SLOError("the answer is longer than 32 MiB: it is no page of slo-suite")
    return body
