"""Loads a file with the SLOs of a service: YAML, TOML or JSON, by its ending."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from slo_core.config.definitions import DefinitionsConfig, parse_definitions
from slo_core.config.sources.definition_set import DefinitionSet
from slo_core.config.sources.line_map import SLOS, LineMap, path_of
from slo_core.config.sources.parsed_file import ParsedFile, refusal
from slo_core.conventions import DEFAULT_STORE
from slo_core.errors import ConfigError, Problem, SLOError, nearest
from slo_core.objectives.alert_switches import severity_problems, switch_problems
from slo_core.objectives.definition import SLODefinition
from slo_core.stores.open import known_schemes
from slo_core.stores.url import redacted_url, scope_of_url

__all__ = ["ENDINGS", "load_file"]

_KEYS = ("service", SLOS, "store", "labels", "defaults", "alerts", "severities")
_REMEDY = (
    f"a file holds `service:` and `{SLOS}:`, and may hold `store:`, `labels:`, `defaults:`, `alerts:`, `severities:`"
)

# Two hundred SLOs with every option take a tenth of it.
_LARGEST_BYTES = 1024 * 1024


def load_file(name: str) -> DefinitionSet:
    """
    The definitions in a file.

    Args:
        name: The file, as messages show it.

    Raises:
        ConfigError: Every problem of the file, with its line where that is known.
        SLOError: The file is YAML, and PyYAML is not installed.
    """
    path = Path(name)
    if os.path.isdir(path):  # noqa: PTH112  # Path.is_dir() raises in a folder that may not be entered
        raise refusal(name, None, "expected a file, it is a directory")
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise refusal(
            name, None, f"expected a name that ends with {', '.join(ENDINGS)}, got {path.suffix or 'no ending'}"
        )
    content = read(_text(path, name), file=name)
    try:
        repr(content.value)
    except (ValueError, RecursionError) as exc:  # a hexadecimal number of 5,000 digits, a TOML key of 500 parts
        raise refusal(name, None, "a number in it is too long to be shown, or it is nested too deeply") from exc
    if content.value is None or content.value == {}:
        raise refusal(name, None, "the file is empty", _REMEDY)
    if not isinstance(content.value, dict):
        raise refusal(name, 1, f"expected a mapping, got {type(content.value).__name__}", _REMEDY)
    return _definition_set(content, LineMap(name, {path_of(keys): line for keys, line in content.lines.items()}))


def _text(path: Path, name: str) -> str:
    try:
        with path.open("rb") as opened:
            content = opened.read(_LARGEST_BYTES + 1)
    except FileNotFoundError as exc:
        raise refusal(name, None, "there is no such file", "is the path relative to another folder?") from exc
    except (OSError, ValueError) as exc:  # ValueError: a null byte in the name
        raise refusal(name, None, f"cannot be read: {getattr(exc, 'strerror', None) or exc}") from exc
    if len(content) > _LARGEST_BYTES:
        raise refusal(name, None, "expected at most 1 MiB, it is larger", "is it the right file?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise refusal(
            name, line, f"expected UTF-8, got the byte 0x{content[exc.start]:02x}", "save it as UTF-8"
        ) from exc


def _yaml(text: str, *, file: str) -> ParsedFile:
    try:
        from slo_core.config.sources.yaml_file import read_yaml
    except ImportError as exc:
        raise SLOError(f'{file}: YAML needs PyYAML, which is not installed: pip install "slo-suite[yaml]"') from exc
    return read_yaml(text, file=file)


def _toml(text: str, *, file: str) -> ParsedFile:
    from slo_core.config.sources.toml_file import read_toml

    return read_toml(text, file=file)


def _json(text: str, *, file: str) -> ParsedFile:
    from slo_core.config.sources.json_file import read_json

    if not text.strip():
        return ParsedFile(None)
    return read_json(text, file=file)


_READERS: Mapping[str, Callable[..., ParsedFile]] = {".yaml": _yaml, ".yml": _yaml, ".toml": _toml, ".json": _json}
ENDINGS = tuple(_READERS)


def _definition_set(content: ParsedFile, lines: LineMap) -> DefinitionSet:
    value: dict[Any, Any] = content.value
    problems = [Problem(str(key), "unknown key", nearest(key, _KEYS)) for key in value if key not in _KEYS]
    problems += _service_problems(value)
    store = value.get("store", DEFAULT_STORE)
    problems += _store_problems(store)
    labels = value.get("labels", {})
    if not isinstance(labels, dict):
        problems.append(Problem("labels", f"expected a mapping of label names to texts, got {labels!r}"))
    alerts, severities = value.get("alerts", {}), value.get("severities", {})
    problems += switch_problems("alerts", alerts, of_service=True)
    problems += severity_problems("severities", severities)
    if value.get("defaults", {}) is None:
        problems.append(Problem("defaults", "expected a mapping of options, got None"))
    definitions: tuple[SLODefinition, ...] = ()
    if SLOS not in value:
        problems.append(Problem(SLOS, "missing", "expected the same mapping as SLO_DEFINITIONS"))
    else:
        try:
            definitions = parse_definitions(
                cast("DefinitionsConfig", value[SLOS]), where=SLOS, defaults=value.get("defaults")
            )
        except ConfigError as exc:
            problems += exc.problems
        else:
            if not definitions:
                problems.append(Problem(SLOS, "expected at least one SLO, got none"))
    located = [*content.problems, *lines.located_problems(problems)]
    if located:
        raise ConfigError(located)
    return DefinitionSet(
        where=lines.file,
        definitions=definitions,
        service=value["service"],
        scope=scope_of_url(store),
        labels=labels,
        alerts=alerts,
        severities=severities,
        default_timezone=(value.get("defaults") or {}).get("timezone"),
        lines=lines,
    )


def _service_problems(value: dict[Any, Any]) -> list[Problem]:
    service = value.get("service")
    if "service" not in value:
        return [Problem("service", "missing", "expected the name of the service, as in SLO_SERVICE")]
    if not isinstance(service, str) or not service.strip():
        return [Problem("service", f"expected the name of the service as text, got {service!r}")]
    return []


def _store_problems(store: object) -> list[Problem]:
    if not isinstance(store, str):
        return [Problem("store", f'expected a URL such as "redis://host/0", got {store!r}')]
    schemes = known_schemes()
    if "://" not in store or store.partition(":")[0] not in schemes:
        known = ", ".join(f"{scheme}://" for scheme in sorted({*schemes, "django"}))
        if not store.startswith("django://"):  # only a Django project knows this scheme
            return [Problem("store", f"expected one of the schemes {known}, got {redacted_url(store)!r}")]
    return []
