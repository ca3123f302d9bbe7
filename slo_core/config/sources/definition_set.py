"""Definitions as they were found somewhere, with what belongs to all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

from slo_core.config.sources.line_map import LineMap
from slo_core.conventions import DEFAULT_SERVICE
from slo_core.errors import Problem
from slo_core.objectives.definition import SLODefinition
from slo_core.stores.base import Store, StoreScope

__all__ = ["DefinedSLOs", "DefinitionSet"]

_BY_POSITION = re.compile(r"definitions\[(\d+)\]")


class _Defined(Protocol):
    @property
    def definition(self) -> SLODefinition: ...


@runtime_checkable
class DefinedSLOs(Protocol):
    """The part of an `SLORegistry` that says what is defined. The registry itself stands above this package."""

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
        where: What they are called in messages: the file, `module:attribute`.
        definitions: The SLOs, in their order.
        service: Whose they are.
        scope: Whose events a store of theirs holds; None where that is not known.
        labels: For every alert of theirs.
        lines: Where each of them is written.
        slos: What messages call the definitions.
    """

    where: str
    definitions: tuple[SLODefinition, ...]
    service: str = DEFAULT_SERVICE
    scope: StoreScope | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    lines: LineMap = field(default_factory=LineMap)
    slos: str = "slos"

    @classmethod
    def of_registry(cls, registry: DefinedSLOs, *, where: str) -> DefinitionSet:
        """
        The SLOs of an application that runs in this process.

        Args:
            registry: The SLOs.
            where: What they are called in messages.
        """
        return cls(
            where=where,
            definitions=tuple(tracker.definition for tracker in registry),
            service=registry.service,
            scope=registry.store.scope,
            slos=where,
        )

    def path_of(self, name: str) -> str:
        """An SLO as messages call it, with its line."""
        return self.lines.located(f"{self.slos}[{name!r}]")

    def located(self, problems: Iterable[Problem]) -> list[Problem]:
        """Problems that were found later on, of rules for example, with the place where the mistake is written."""
        return [replace(problem, path=self._located(problem.path)) for problem in problems]

    def _located(self, path: str) -> str:
        by_position = _BY_POSITION.match(path)
        if by_position is None:
            return self.lines.located(path)
        return self.path_of(self.definitions[int(by_position[1])].name) + path[by_position.end() :]
