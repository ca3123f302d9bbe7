"""The marks of a service in Redis: a hash that is read, and written where it has not changed meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from slo_core.budgets.closed_period import KEPT_SECONDS
from slo_core.budgets.marks import Mark
from slo_core.errors import StoreError
from slo_core.stores.marks import KeptMark, in_order, kept_mark, with_marks
from slo_core.stores.redis.blocks import Keys, text_of
from slo_core.stores.redis.cluster import Command
from slo_core.stores.redis.script import Script

__all__ = ["RedisMarks"]

# Others write seldom: with a release, and once in half a minute while two of them run.
_ATTEMPTS = 20

_VERSION = "version"


class RedisMarks:
    """The part of the store that keeps marks."""

    service: str
    _keys: Keys

    def _errors(self) -> AbstractContextManager[None]:
        raise NotImplementedError

    def _answers(self, commands: Sequence[Command]) -> list[Any]:
        raise NotImplementedError

    def add_marks(self, marks: Sequence[Mark]) -> None:
        """Add marks, in one step."""
        script = Script.load("marks.lua")
        key = self._keys.marks
        with self._errors():
            for _ in range(_ATTEMPTS):
                version, kept = self._read_marks()
                before, after = set(kept), set(with_marks(kept, marks))
                if before == after:
                    return
                gone = {_field(row) for row in before - after} - {_field(row) for row in after}
                values = [text for row in after - before for text in (_field(row), repr(row.seen))]
                arguments = (version, int(KEPT_SECONDS), len(gone), *gone, *values)
                command = Command(key, ("EVALSHA", script.sha, 1, key, *arguments), script)
                if self._whole(command) == 1:
                    return
        raise StoreError(f"the marks of service {self.service!r} were changed again and again; nothing was written")

    def marks(self, since: float) -> tuple[Mark, ...]:
        """The marks since an instant, in order of time."""
        with self._errors():
            return in_order(self._read_marks()[1], since)

    def _read_marks(self) -> tuple[str, list[KeptMark]]:
        """The version of the marks, and all of them."""
        # The script that reads a hash without HGETALL, which users of the store may not have the right to.
        script, key = Script.load("read_periods.lua"), self._keys.marks
        answer = self._whole(Command(key, ("EVALSHA", script.sha, 1, key), script))
        fields = {text_of(answer[index]): text_of(answer[index + 1]) for index in range(0, len(answer), 2)}
        version = fields.pop(_VERSION, "")
        rows = (_row(field, seen) for field, seen in fields.items())
        return version, [row for row in rows if row is not None]

    def _whole(self, command: Command) -> Any:
        (answer,) = self._answers([command])
        if isinstance(answer, Exception):
            raise answer
        return answer


def _field(row: KeptMark) -> str:
    return f"{row.kind} {row.at!r} {row.text}"


def _row(field: str, seen: str) -> KeptMark | None:
    kind, _, rest = field.partition(" ")
    at, _, text = rest.partition(" ")
    return kept_mark(at, kind, text, seen)
