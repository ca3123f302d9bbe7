"""The line of each key in a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from slo_core.errors import Problem

__all__ = ["Keys", "LineMap", "path_of"]

# The path to a value from the top of a file: keys of mappings and positions in lists.
Keys = tuple[object, ...]

SLOS = "slos"


def path_of(keys: Keys) -> str:
    """The path to a value as messages write it: `slos['checkout'].alert_rules[0].severity`."""
    text = ""
    for depth, key in enumerate(keys):
        if isinstance(key, int) and not isinstance(key, bool):
            text += f"[{key}]"
        elif depth == 1 and keys[0] == SLOS:
            text += f"[{key!r}]"
        else:
            text += f".{key}" if text else str(key)
    return text


@dataclass(frozen=True, slots=True)
class LineMap:
    """
    The lines of a file's values.

    Attributes:
        file: The name of the file, as it was given; empty for definitions that come from no file.
        lines: The line of each path, counted from 1.
    """

    file: str = ""
    lines: Mapping[str, int] = field(default_factory=dict, repr=False)

    def located(self, path: str) -> str:
        """The path with the file and the line in front; a missing key gets the line of its parent."""
        if not self.file or path.startswith("--"):
            return path  # an option of a command is in no file
        line = self._line_of(path)
        return f"{self.file}: {path}" if line is None else f"{self.file}:{line}: {path}"

    def located_problems(self, problems: Iterable[Problem]) -> list[Problem]:
        """Problems with the file and the line of each; an unknown key has a line of its own."""
        return [replace(problem, path=self._of_problem(problem)) for problem in problems]

    def _of_problem(self, problem: Problem) -> str:
        _, is_key, key = problem.message.partition("unknown key ")
        line = self._line_of(f"{problem.path}.{key[1:-1]}") if is_key else None
        return self.located(problem.path) if line is None else f"{self.file}:{line}: {problem.path}"

    def _line_of(self, path: str) -> int | None:
        above = [known for known in self.lines if path == known or path.startswith((f"{known}.", f"{known}["))]
        return self.lines[max(above, key=len)] if above else None
