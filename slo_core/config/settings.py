"""The settings other than `SLO_DEFINITIONS`, with the same names and meanings in Django, Flask and `instrument()`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from slo_core.budgets.recent_failures import DEFAULT_RECENT_FAILURES
from slo_core.config.failure_settings import failure_settings_problems
from slo_core.conventions import DEFAULT_METRICS_PATH, DEFAULT_SERVICE, DEFAULT_STORE
from slo_core.errors import ConfigError, Problem, nearest, truth_hint, unquoted_hint
from slo_core.stores.base import Store

__all__ = ["SETTING_NAMES", "SLOSettings", "default_service", "unknown_settings"]

PREFIX = "SLO_"


@dataclass(frozen=True, slots=True, kw_only=True)
class SLOSettings:
    """
    How slo-suite runs in one application.

    Attributes:
        store: URL of the store, or a `Store`.
        store_options: Options of that store.
        flush_interval: Seconds between two writes to a shared store; None leaves it to the store.
        exclude: Globs of routes and paths that never count, in addition to the default ones.
        metrics_path: Path of the metrics view; None mounts none.
        metrics_token: Bearer token that the metrics view and the status page ask for; None asks for none.
        status_path: Path of the status page; None mounts none.
        enabled: False counts, flushes and mounts nothing.
        service: Name of the service.
        release: The release that counts, for the marks of the service; None marks none.
        metrics_causes: The metrics view shows what bad events were caused by, too.
        recent_failures: So many bad events of each SLO are kept one by one, the newest; 0 keeps none.
        request_id_header: The name of the request header with the id that is kept with them; None keeps none.
        trace_url: The address of a trace, with the placeholder `{trace_id}`; None links none.
    """

    # Not in the repr: a URL or an option may hold a password.
    store: Store | str = field(default=DEFAULT_STORE, repr=False)
    store_options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    flush_interval: float | None = None
    exclude: tuple[str, ...] = ()
    metrics_path: str | None = DEFAULT_METRICS_PATH
    metrics_token: str | None = field(default=None, repr=False)
    status_path: str | None = None
    enabled: bool = True
    service: str = DEFAULT_SERVICE
    release: str | None = None
    metrics_causes: bool = False
    recent_failures: int = DEFAULT_RECENT_FAILURES
    request_id_header: str | None = None
    trace_url: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.exclude, list):
            object.__setattr__(self, "exclude", tuple(self.exclude))
        problems = tuple(_problems(self))
        if problems:
            raise ConfigError(problems)

    @classmethod
    def from_mapping(cls, values: Mapping[str, object], *, where: str = "") -> SLOSettings:
        """
        The settings among `values`, by their names with `SLO_`; other names are ignored.

        Args:
            values: `vars` of a settings object, a Flask config.
            where: Prefix of names in messages: `"settings."`.

        Raises:
            ConfigError: Every setting that is wrong, by name.
        """
        given = {name: values[PREFIX + name.upper()] for name in SETTING_NAMES if PREFIX + name.upper() in values}
        try:
            return cls(**given)  # type: ignore[arg-type]  # __post_init__ looks at every value
        except ConfigError as exc:
            raise ConfigError(
                Problem(f"{where}{PREFIX}{problem.path.upper()}", problem.message, problem.hint)
                for problem in exc.problems
            ) from None


SETTING_NAMES = tuple(f.name for f in fields(SLOSettings))


def default_service(root_urlconf: object, store: object) -> str:
    """
    The service of a Django project that does not name it.

    Projects may share a database; they do not share the name of their package.

    Args:
        root_urlconf: `ROOT_URLCONF`.
        store: `SLO_STORE`.
    """
    project = str(root_urlconf or "").partition(".")[0]
    is_in_database = isinstance(store, str) and store.startswith("django://")
    return project if is_in_database and project else DEFAULT_SERVICE


def unknown_settings(names: Iterator[str] | list[str], *, known: frozenset[str] = frozenset()) -> Iterator[Problem]:
    """
    Names that start with `SLO_` but are no setting: most often typing errors.

    Args:
        names: Names that are set.
        known: More names that are allowed: the settings of an integration.
    """
    allowed = {PREFIX + name.upper() for name in SETTING_NAMES} | {"SLO_DEFINITIONS"} | known
    for name in names:
        if name.startswith(PREFIX) and name not in allowed:
            yield Problem(name, "unknown setting", nearest(name, allowed))


def _problems(settings: SLOSettings) -> Iterator[Problem]:
    # A wrong value may hold the store's password: the message shows its type only.
    if not isinstance(settings.store, (str, Store)):
        yield Problem("store", f'expected a URL such as "memory://", got {type(settings.store).__name__}')
    if not isinstance(settings.store_options, Mapping):
        yield Problem("store_options", f"expected a mapping, got {type(settings.store_options).__name__}")
    interval = settings.flush_interval
    is_number = isinstance(interval, (int, float)) and not isinstance(interval, bool)
    if interval is not None and not (is_number and 0 < interval < math.inf):
        yield Problem("flush_interval", f"expected seconds above 0, got {interval!r}", _seconds_hint(interval))
    exclude = settings.exclude
    if not isinstance(exclude, tuple) or not all(isinstance(pattern, str) and pattern for pattern in exclude):
        yield Problem("exclude", f"expected a list of texts, got {exclude!r}", _list_hint(exclude))
    path = settings.metrics_path
    if path is not None and not (isinstance(path, str) and path.startswith("/")):
        yield Problem("metrics_path", f'expected a path such as "/metrics", or None, got {path!r}', _path_hint(path))
    status = settings.status_path
    if status is not None and not (isinstance(status, str) and status.startswith("/") and status.strip("/")):
        yield Problem("status_path", f'expected a path such as "/slo", or None, got {status!r}', _path_hint(status))
    elif status is not None and status == path:
        yield Problem("status_path", f"expected another path than that of the metrics, got {status!r}")
    token = settings.metrics_token
    if token is not None and not (isinstance(token, str) and token):
        yield Problem("metrics_token", "expected non-empty text, or None")
    switches = {"enabled": settings.enabled, "metrics_causes": settings.metrics_causes}
    yield from (
        Problem(name, f"expected True or False, got {value!r}", truth_hint(value))
        for name, value in switches.items()
        if not isinstance(value, bool)
    )
    if not isinstance(settings.service, str) or not settings.service:
        yield Problem("service", f"expected non-empty text, got {settings.service!r}")
    if settings.release is not None:
        from slo_core.budgets.marks import mark_text_problem  # most services name none

        problem = mark_text_problem(settings.release)
        if problem is not None:
            yield Problem("release", f"{problem}, or None", unquoted_hint(settings.release))
    yield from failure_settings_problems(
        recent_failures=settings.recent_failures,
        request_id_header=settings.request_id_header,
        trace_url=settings.trace_url,
    )


def _seconds_hint(interval: object) -> str:
    if isinstance(interval, str) and not unquoted_hint(interval):
        from slo_core.objectives.duration import parse_duration  # only a mistake needs it

        try:
            return f"it takes a number: write {parse_duration(interval):g}"
        except ValueError:
            return ""
    return unquoted_hint(interval)


def _list_hint(exclude: object) -> str:
    if not isinstance(exclude, str) or not exclude:
        return ""
    return f"did you mean {[pattern.strip() for pattern in exclude.split(',')]!r}?"


def _path_hint(path: object) -> str:
    if path is False or path in ("", "/", "none", "None", "null", "off", "false"):
        return "None, without quotes, mounts none"
    return f'did you mean "/{path}"?' if isinstance(path, str) and path[:1].isalpha() and "://" not in path else ""
