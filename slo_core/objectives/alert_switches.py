"""Switches of the alerts that rules bring into Prometheus: each family of alerts may be off, or have another severity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from slo_core.conventions import Alert, is_encodable
from slo_core.errors import Problem, nearest

__all__ = [
    "AlertSwitches",
    "severity_of",
    "severity_problems",
    "switch_problems",
]

# By family or name of an alert: on, off, or the severity that it gets.
AlertSwitches = Mapping[str, "str | bool | None"]

_ON, _OFF = "on", "off"
# YAML reads `off` and `no` as False, and `null` or nothing as None.
_WORDS: Mapping[object, str] = {True: _ON, False: _OFF, None: _OFF, "none": _OFF, "no": _OFF, "yes": _ON}


def switch_problems(where: str, switches: object, *, of_service: bool) -> Iterator[Problem]:
    """
    Problems with switches that a user wrote.

    Args:
        where: Their name in messages.
        switches: By family or name of an alert.
        of_service: Whether they are those of a service, and not of one SLO.
    """
    if not isinstance(switches, Mapping):
        yield Problem(where, f'expected a mapping such as {{"traffic": "off"}}, got {switches!r}')
        return
    known = {*Alert.FAMILY_OF.values(), *Alert.FAMILY_OF}
    for name, value in switches.items():
        if name not in known:
            yield Problem(where, f"unknown alert {name!r}", nearest(name, known))
        elif name in Alert.OF_SERVICE and not of_service:
            yield Problem(where, f"{name} is about the service, not about one SLO", "switch it for the whole file")
        if not _is_word(value):
            yield Problem(where, f'expected "on", "off" or a severity for {name!r}, got {value!r}')


def severity_problems(where: str, severities: object) -> Iterator[Problem]:
    """Problems with other names for severities: by severity, its name."""
    if not isinstance(severities, Mapping):
        yield Problem(where, f'expected a mapping such as {{"page": "critical"}}, got {severities!r}')
        return
    for severity, name in severities.items():
        for text in (severity, name):
            if not isinstance(text, str) or not text or not is_encodable(text):
                yield Problem(where, f"expected non-empty text, got {text!r}")


def severity_of(alert: str, default: str, switches: Iterable[AlertSwitches]) -> str | None:
    """
    The severity of an alert.

    Args:
        alert: Its name.
        default: Its severity where nothing switches it.
        switches: Those of the SLO, of the file and of the command, in this order: the first that names the alert, or
            its family, decides.

    Returns:
        None where it is off.
    """
    for switch in switches:
        for name in (alert, Alert.FAMILY_OF[alert]):
            if name in switch:
                word = _word(switch[name])
                return None if word == _OFF else default if word == _ON else word
    return default


def _is_word(value: object) -> bool:
    if value is None or isinstance(value, bool):
        return True
    return isinstance(value, str) and bool(value) and is_encodable(value)


def _word(value: str | bool | None) -> str:
    if isinstance(value, str):
        return _WORDS.get(value, value)
    return _WORDS[value]
