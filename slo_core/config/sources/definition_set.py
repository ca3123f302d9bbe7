"""The SLO definitions of one service, with their service, store scope and labels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

from slo_core.config.sources.line_map import LineMap
from slo_core.conventions import DEFAULT_SERVICE
from slo_core.errors import Problem
from slo_core.objectives.alert_switches import AlertSwitches
from slo_core.objectives.definition import SLODefinition
from slo_core.stores.base import Store, StoreScope

__all__ = ["DefinedSLOs", "DefinitionSet"]

_BY_POSITION = re.compile(r"definitions\[(\d+)\]")


class _Defined(Protocol):
    @property
    def definition(self) -> SLODefinition: ...


@runtime_checkable
class DefinedSLOs(Protocol):
    """The part of an `SLORegistry` that holds definitions. The registry itself stands above this package."""

    @property
    def service(self) -> str: ...

    @property
    def store(self) -> Store: ...

    def define(self, definition: SLODefinition) -> _Defined: ...

    def __iter__(self) -> Iterator[_Defined]: ...

    def __len__(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionSet:
    """
    The SLOs of one service.

    Attributes:
        where: Where they come from, for messages: the file, `module:attribute`.
        definitions: The SLOs, in their order.
        service: The service.
        scope: Whose events its store holds; None where that is not known.
        labels: Labels for every alert.
        alerts: Switches of the alerts, for those SLOs that do not set them themselves.
        severities: Other names for severities: `{"page": "critical"}`.
        default_timezone: The time zone of those SLOs that do not give one; None where the file gives none for all.
        lines: The line of each definition in its file.
        slos: The name of the definitions in messages.
    """

    where: str
    definitions: tuple[SLODefinition, ...]
    service: str = DEFAULT_SERVICE
    scope: StoreScope | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    alerts: AlertSwitches = field(default_factory=dict)
    severities: Mapping[str, str] = field(default_factory=dict)
    default_timezone: str | None = None
    lines: LineMap = field(default_factory=LineMap)
    slos: str = "slos"

    @classmethod
    def of_registry(cls, registry: DefinedSLOs, *, where: str) -> DefinitionSet:
        """
        The SLOs of an application that runs in this process.

        Args:
            registry: The SLOs.
            where: Where they come from, for messages.
        """
        return cls(
            where=where,
            definitions=tuple(tracker.definition for tracker in registry),
            service=registry.service,
            scope=registry.store.scope,
            slos=where,
        )

    def path_of(self, name: str) -> str:
        """The name of an SLO in messages, with its line."""
        return self.lines.located(f"{self.slos}[{name!r}]")

    def located(self, problems: Iterable[Problem]) -> list[Problem]:
        """Problems of later checks, such as of rules, with the line of each mistake."""
        return [replace(problem, path=self._located(problem.path)) for problem in problems]

    def _located(self, path: str) -> str:
        by_position = _BY_POSITION.match(path)
        if by_position is None:
            return self.lines.located(path)
        return self.path_of(self.definitions[int(by_position[1])].name) + path[by_position.end() :]
