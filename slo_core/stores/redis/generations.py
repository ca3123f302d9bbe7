"""The generations that stand in the names of blocks: blocks of a record that was lost are not those of the next."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any

from slo_core.stores.redis.batch_call import other_generation

__all__ = ["Generations"]

# Names are settled at the second attempt, unless the record is lost again meanwhile.
_ATTEMPTS = 3


class Generations:
    """
    By SLO, the generation of its record as it was last seen.

    Attributes:
        are_used: Whether new records have one: not in a store that a version before them has made, whose processes may
            still use it. None before the store was asked.
    """

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self.are_used: bool | None = None

    def known(self, slo: str) -> str:
        """That of an SLO's record, as far as it is known."""
        return self._known.get(slo, "")

    def proposed(self, slo: str) -> str:
        """That of an SLO's record, or one for a record that is made now."""
        generation = self._known.get(slo)
        if generation is None:
            generation = secrets.token_hex(8) if self.are_used else ""
        return generation

    def note(self, slo: str, generation: str) -> None:
        """
        Remember what a script has answered.

        Args:
            slo: The SLO.
            generation: As in `Note`.
        """
        if generation:
            self._known[slo] = generation.removeprefix("g")
        else:
            self._known.pop(slo, None)

    def repeat(self, slos: Sequence[str], answers: list[Any], again: Callable[[Sequence[int]], Sequence[Any]]) -> None:
        """
        Repeat calls that have named blocks of another generation than the record's.

        Args:
            slos: Of each call.
            answers: Of each call; replaced by those of the repetition.
            again: Repeats the calls of some indexes, with the generations that are known then.
        """
        for _ in range(_ATTEMPTS):
            others = {index: other for index, one in enumerate(answers) if (other := other_generation(one)) is not None}
            if not others:
                return
            self._known.update((slos[index], other) for index, other in others.items())
            for index, answer in zip(others, again(list(others)), strict=True):
                answers[index] = answer
