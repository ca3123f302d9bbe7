"""Names of causes as applications give them: made short and printable, and never a reason to fail."""

from __future__ import annotations

import re

from slo_core.budgets.causes import Cause
from slo_core.process.internal_errors import InternalErrors

__all__ = ["CauseNames", "checked_cause", "exception_name", "exception_text"]

_LONGEST_CAUSE = 100
_LONGEST_EXCEPTION = 64

# More distinct ones are no constant texts.
_MOST_NAMES = 256

# `type(exception).__name__` could be a metaclass's own, and raise.
_name_of_class = type.__dict__["__name__"].__get__

_NOT_IN_IDENTIFIERS = re.compile(r"\W")


def checked_cause(cause: object, *, what: str) -> str:
    """
    A cause as it was given, where it is a short constant text.

    Args:
        cause: The text.
        what: Where it was given, for the message.

    Raises:
        ValueError: It is none.
    """
    if isinstance(cause, str) and 0 < len(cause) <= _LONGEST_CAUSE and cause.isprintable() and not cause.isspace():
        return str(cause)
    shown = repr(cause[:_LONGEST_CAUSE] if isinstance(cause, str) else type(cause).__name__)
    raise ValueError(f"{what}: expected a constant text of 1 to {_LONGEST_CAUSE} printable characters, got {shown}")


def exception_name(kind: type[BaseException]) -> str:
    """The name of an exception's class, as the outcome of a bad event; never its text."""
    return exception_text(_name_of_class(kind))


def exception_text(name: str) -> str:
    """The same, of a name alone: where the exception itself did not come over from another process."""
    if len(name) <= _LONGEST_EXCEPTION and name.isidentifier():
        return name
    return _NOT_IN_IDENTIFIERS.sub("_", name[:_LONGEST_EXCEPTION])


class CauseNames:
    """
    Causes that an application gives while it serves.

    Args:
        errors: Reports names that are not short constant texts.
    """

    __slots__ = ("_errors", "_seen")

    def __init__(self, errors: InternalErrors) -> None:
        self._errors = errors
        self._seen: set[str] = set()

    def cause(self, where: str, outcome: str) -> Cause:
        """A cause with an outcome that the application has named: an exception's class, a reason."""
        if outcome not in self._seen:
            self._note(outcome)
        return Cause(where, outcome)

    def _note(self, name: str) -> None:
        """Report, once, that there are too many different ones: all but the most frequent are counted as `other`."""
        seen = self._seen
        if len(seen) <= _MOST_NAMES:
            seen.add(name)
            if len(seen) > _MOST_NAMES:
                self._errors.report(
                    f"causes of bad events: expected constant texts, got more than {_MOST_NAMES} different ones; the "
                    "smaller ones are counted as other"
                )

    def tidy(self, cause: object) -> str:
        """A cause that can be kept: cut, and with control characters escaped."""
        try:
            name = checked_cause(cause, what="cause=")
        except ValueError:
            # Without its text: it may hold anything.
            kind = f"a text of {len(cause)} characters" if isinstance(cause, str) else type(cause).__name__
            self._errors.report(
                f"cause=: expected a constant text of 1 to {_LONGEST_CAUSE} printable characters; it was changed",
                detail=f"got {kind}",
            )
            text = cause[: 2 * _LONGEST_CAUSE] if isinstance(cause, str) else type(cause).__name__
            escaped = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
            name = Cause(escaped.strip() or "unnamed", "").cut().where
        if name not in self._seen:
            self._note(name)
        return name
