"""Metrics rendered in the text formats of Prometheus."""

from __future__ import annotations

import re
from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from slo_core.metrics.collector import ServicesCollector, SLOCollector
from slo_core.metrics.exposition import can_write, write
from slo_core.tracking.registry import SLORegistry

__all__ = ["PrometheusExporter"]


# Prometheus' own header is a fifteenth of it.
_LONGEST_ACCEPT = 4096
_VERSION = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}")


class PrometheusExporter:
    """
    Renders SLOs in Prometheus' text formats.

    Args:
        registry: The SLOs: a registry, or a collector of several.
    """

    __slots__ = ("_collector", "_collector_registry")

    def __init__(self, registry: SLORegistry | Collector) -> None:
        # A registry of its own: the global one belongs to the application.
        self._collector_registry = CollectorRegistry(auto_describe=False)
        self._collector = SLOCollector(registry) if isinstance(registry, SLORegistry) else registry
        self._collector_registry.register(self._collector)

    @property
    def collector_registry(self) -> CollectorRegistry:
        """The `prometheus_client` registry that holds the collector."""
        return self._collector_registry

    def render(self, *, accept: str = "", names: Iterable[str] = ()) -> tuple[bytes, str]:
        """
        The exposition and its content type.

        Args:
            accept: The scraper's Accept header; decides the format.
            names: Metric names to restrict the output to (`name[]`); all when empty.
        """
        encode, content_type = choose_encoder(_understood(accept))
        wanted = tuple(names)
        if wanted:
            return encode(self._collector_registry.restricted_registry(wanted)), content_type
        collector = self._collector
        if isinstance(collector, (SLOCollector, ServicesCollector)) and can_write(content_type):
            return write(collector.collect(), content_type), content_type
        return encode(self._collector_registry), content_type


def _understood(accept: str) -> str:
    """
    What an Accept header offers, without offers of a version that is none.

    `choose_encoder` fails at one that is no number, and repeats it in the Content-Type of the answer, line breaks included.
    """
    if len(accept) > _LONGEST_ACCEPT:
        return ""
    return ",".join(offer for offer in accept.split(",") if _is_understood(offer))


def _is_understood(offer: str) -> bool:
    parameters = (parameter.strip().partition("=") for parameter in offer.split(";"))
    return all(_VERSION.fullmatch(value) for name, _, value in parameters if name == "version")
