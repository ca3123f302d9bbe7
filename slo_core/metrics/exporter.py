"""The exporter that renders SLOs in the text formats of Prometheus."""

from __future__ import annotations

import re
from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from slo_core.metrics.collector import ServicesCollector, SLOCollector
from slo_core.metrics.exposition import OPEN_METRICS, can_write, write
from slo_core.tracking.registry import SLORegistry

__all__ = ["PrometheusExporter"]


# Fifteen times the length of Prometheus' own header.
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
        # Not the global registry, which belongs to the application.
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
            is_open_metrics = content_type.startswith(OPEN_METRICS)
            return write(collector.families(with_exemplars=is_open_metrics), content_type), content_type
        return encode(self._collector_registry), content_type


def _understood(accept: str) -> str:
    """
    An Accept header without the offers whose version is not a number.

    `choose_encoder` fails at such a version, or repeats it in the Content-Type of the answer, line breaks included.
    """
    if len(accept) > _LONGEST_ACCEPT:
        return ""
    return ",".join(offer for offer in accept.split(",") if _is_understood(offer))


def _is_understood(offer: str) -> bool:
    parameters = (parameter.strip().partition("=") for parameter in offer.split(";"))
    return all(_VERSION.fullmatch(value) for name, _, value in parameters if name == "version")
