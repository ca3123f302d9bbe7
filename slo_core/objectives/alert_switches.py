"""Switches of the alerts that rules bring into Prometheus: each family of alerts may be off, or have another severity."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from slo_core.conventions import Alert, is_encodable
from slo_core.errors import Problem, nearest

__all__ = [
    "AlertSwitches",
    "severity_of",
    "severity_problems",
    "severity_words",
    "switch_problems",
    "switched",
]

# By family or name of an alert: on, off, or the severity that it gets.
AlertSwitches = Mapping[str, "str | bool"]

_ON, _OFF = "on", "off"
# YAML reads `off` and `no` as False.
_WORDS: Mapping[object, str] = {
    True: _ON, False: _OFF, "yes": _ON, "true": _ON, "no": _OFF, "false": _OFF, "none": _OFF, "null": _OFF,
    _ON: _ON, _OFF: _OFF,
}  # fmt: skip


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
        elif not of_service and _is_of_service(name):
            yield Problem(where, f"{name} is about the service, not about one SLO", "switch it for the whole file")
        if not _is_word(value):
            # YAML reads a key without a value as None: it may be what was to be typed, and must not switch anything.
            hint = '"off" switches it off; without the key it stays as it is' if value is None else ""
            yield Problem(where, f'expected "on", "off" or a severity for {name!r}, got {value!r}', hint)


def severity_problems(where: str, severities: object, *, in_use: Collection[str] = ()) -> Iterator[Problem]:
    """
    Problems with other names for severities.

    Args:
        where: Their name in messages.
        severities: By severity, its name.
        in_use: The severities that alerts have; none where that is not known.
    """
    if not isinstance(severities, Mapping):
        yield Problem(where, f'expected a mapping such as {{"page": "critical"}}, got {severities!r}')
        return
    for severity in severities if in_use else ():
        if severity not in in_use:
            path = where if where.startswith("--") else f"{where}.{severity}"
            yield Problem(path, f"no alert has the severity {severity!r}", nearest(severity, in_use))
    for severity, name in severities.items():
        for text in (severity, name):
            if not isinstance(text, str) or not text or not is_encodable(text):
                yield Problem(where, f"expected non-empty text, got {text!r}")


def severity_words(switches: AlertSwitches) -> set[str]:
    """The severities that switches give to alerts."""
    return {word for word in map(_word, switches.values()) if word not in (_ON, _OFF)}


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


def switched(*switches: AlertSwitches) -> dict[str, str]:
    """
    Several switches as one, by name of the alert: the first that names it, or its family, decides.

    Unknown names are left out: look for problems before.
    """
    severities = {alert: severity_of(alert, _ON, switches) for alert in Alert.FAMILY_OF}
    return {alert: severity or _OFF for alert, severity in severities.items() if severity != _ON}


def _is_of_service(name: str) -> bool:
    """Whether no alert of that name or family is about one SLO."""
    return all(alert in Alert.OF_SERVICE for alert, family in Alert.FAMILY_OF.items() if name in (alert, family))


def _is_word(value: object) -> bool:
    if isinstance(value, bool):
        return True
    return isinstance(value, str) and bool(value) and is_encodable(value)


def _word(value: str | bool) -> str:
    if isinstance(value, str):
        return _WORDS.get(value.casefold(), value)  # TOML and an option know text alone: "OFF", "false"
    return _WORDS[value]
