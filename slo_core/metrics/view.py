"""The `/metrics` view that all integrations share: from HTTP requests to answers, without any framework."""

from __future__ import annotations

from urllib.parse import parse_qs

from slo_core.http.answer import Answer, answered, checked_token, is_authorized, method_not_allowed, plain_text
from slo_core.metrics.collector import ServicesCollector
from slo_core.metrics.exporter import PrometheusExporter
from slo_core.tracking.registry import SLORegistry
from slo_core.tracking.store_services import StoreServices

__all__ = ["MetricsView", "services_view"]


class MetricsView:
    """
    Answers scrapes.

    Args:
        registry: The SLOs: a registry, or an exporter of several.
        token: Bearer token to ask for; None asks for none.

    Raises:
        ValueError: The token is empty.
    """

    __slots__ = ("_exporter", "_token")

    def __init__(self, registry: SLORegistry | PrometheusExporter, *, token: str | None = None) -> None:
        self._exporter = PrometheusExporter(registry) if isinstance(registry, SLORegistry) else registry
        self._token = checked_token(token)

    def respond(
        self, method: str, *, accept: str = "", accept_encoding: str = "", authorization: str = "", query: str = ""
    ) -> Answer:
        """
        The answer to one request: 200, 401 without the token, 405 for anything but GET and HEAD.

        It reads the store and may wait for it: call it off the event loop.

        Args:
            method: The HTTP method.
            accept: The Accept header; decides the format.
            accept_encoding: The Accept-Encoding header.
            authorization: The Authorization header.
            query: The raw query string; `name[]` restricts the output.
        """
        if refusal := method_not_allowed(method):
            return refusal
        if not is_authorized(authorization, self._token):
            challenge = ("WWW-Authenticate", 'Bearer realm="metrics"')
            return plain_text(method, 401, "unauthorized: send the token as Authorization: Bearer\n", challenge)
        names = parse_qs(query).get("name[]", ())
        body, content_type = self._exporter.render(accept=accept, names=names)
        return answered(
            method,
            200,
            content_type,
            body,
            ("Vary", "Accept, Accept-Encoding"),
            accept_encoding=accept_encoding,
        )


def services_view(services: StoreServices, *, token: str | None = None) -> MetricsView:
    """
    The view of all services in a store.

    Args:
        services: The services.
        token: Bearer token to ask for; None asks for none.

    Raises:
        ValueError: The token is empty.
    """
    return MetricsView(PrometheusExporter(ServicesCollector(services.read)), token=token)
