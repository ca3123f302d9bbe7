"""System checks: every mistake in the settings that can be told before the first request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage
from django.utils.module_loading import import_string

from slo_core.config.definitions import parse_definitions
from slo_core.config.settings import SLOSettings, unknown_settings
from slo_core.conventions import DEFAULT_STORE
from slo_core.errors import ConfigError, Problem, StoreError, nearest
from slo_core.http.markers import marks_of
from slo_core.objectives.definition import SLODefinition
from slo_core.stores.open import known_schemes, store_from_url
from slo_core.stores.separate_counts import WORKERS_DIFFER, separate_counts
from slo_core.stores.url import redacted_url
from slo_django import conf
from slo_django.store.bucket_store import open_django
from slo_django.url_map import MappedView, mapped_views

__all__ = ["TAG", "CheckID", "register"]

TAG = "slo"


class CheckID:
    """Every id, once; for `SILENCED_SYSTEM_CHECKS`."""

    INVALID_DEFINITION = "slo.E001"
    INVALID_SETTING = "slo.E002"
    INVALID_STORE = "slo.E003"
    NO_DEFINITIONS = "slo.W001"
    UNKNOWN_SETTING = "slo.W002"
    MIDDLEWARE_MISSING = "slo.W003"
    MIDDLEWARE_NOT_FIRST = "slo.W004"
    STORE_OF_ONE_PROCESS = "slo.W005"
    METRICS_WITHOUT_TOKEN = "slo.W006"  # an id
    MATCHES_NOTHING = "slo.W007"
    UNKNOWN_NAME_TRACKED = "slo.W008"
    DOUBTFUL_ALERT_RULE = "slo.W009"
    TABLES_MISSING = "slo.W010"
    STORE_WITHOUT_SERVICE = "slo.W011"
    DEFAULT_RULE_LEFT_OUT = "slo.I001"


def register() -> None:
    """Hand the checks to Django; those about deployment run with `check --deploy` only."""
    for check in (check_definitions, check_settings, check_middleware, check_urls):
        checks.register(check, TAG)
    # With `check --database` and `migrate` only: it asks the database.
    checks.register(check_tables, TAG, checks.Tags.database)
    for check in (check_metrics_token, check_left_out_rules):
        checks.register(check, TAG, deploy=True)


def check_definitions(app_configs: object = None, **_: Any) -> list[CheckMessage]:
    """Every problem of `SLO_DEFINITIONS`, and alert rules in it that make little sense."""
    definitions, problems = _definitions()
    messages: list[CheckMessage] = [_error(problem, CheckID.INVALID_DEFINITION) for problem in problems]
    if not definitions and not problems:
        messages.append(
            checks.Warning(
                f"{conf.WHERE}{conf.DEFINITIONS} defines no SLO: nothing is counted.",
                hint=f'For a start: {conf.DEFINITIONS} = {{"availability": {{"target": "99.9%"}}}}',
                id=CheckID.NO_DEFINITIONS,
            )
        )
    for definition in definitions:
        if definition.alert_rules is not None:
            for concern in definition.alert_concerns:
                messages.append(
                    checks.Warning(
                        f"{_where(definition)}: {concern}.",
                        hint="Change the rule's windows, burn_rate or budget_share, or drop it.",
                        id=CheckID.DOUBTFUL_ALERT_RULE,
                    )
                )
    return messages


def check_settings(app_configs: object = None, **_: Any) -> list[CheckMessage]:
    """The other settings: their values, their names, and whether the store fits."""
    messages: list[CheckMessage] = [
        checks.Warning(
            f"{conf.WHERE}{problem.path}: {problem.message}.",
            hint=_sentence(problem.hint),
            id=CheckID.UNKNOWN_SETTING,
        )
        for problem in unknown_settings(list(conf.given_settings()))
    ]
    try:
        found = conf.read_settings()
    except ConfigError as exc:
        return [*messages, *(_error(problem, CheckID.INVALID_SETTING) for problem in exc.problems)]
    return [*messages, *_store_messages(found)]


def _store_messages(found: SLOSettings) -> Iterator[CheckMessage]:
    store = found.store
    if isinstance(store, str):
        problem = _store_problem(store, found)
        if problem is not None:
            yield _error(problem, CheckID.INVALID_STORE)
            return
        is_of_one_process = store == DEFAULT_STORE
        if store.startswith(_REDIS) and "SLO_SERVICE" not in conf.given_settings():
            yield checks.Warning(
                f"{conf.WHERE}SLO_STORE is used without a SLO_SERVICE: another service with SLOs of the same names, in the "
                "same Redis, would be counted together with this one.",
                hint=f'Name the service: SLO_SERVICE = "{settings.ROOT_URLCONF.partition(".")[0]}".',
                id=CheckID.STORE_WITHOUT_SERVICE,
            )
    else:
        is_of_one_process = store.scope == "process"
    # Nobody asked for it while tests run: it is what they get.
    is_default_of_tests = conf.is_being_tested() and "SLO_STORE" not in conf.given_settings()
    if is_of_one_process and found.enabled and not settings.DEBUG and not is_default_of_tests:
        yield checks.Warning(
            separate_counts(f"{conf.WHERE}SLO_STORE", WORKERS_DIFFER),
            hint=f'Use a shared store: leave SLO_STORE out, or set "sqlite:////path/slo.db" or "redis://host:6379/0". '
            f"With one worker, silence {CheckID.STORE_OF_ONE_PROCESS}.",
            id=CheckID.STORE_OF_ONE_PROCESS,
        )


# TLS and Cluster are more of the same.
_REDIS = ("redis://", "rediss://", "redis+cluster://", "rediss+cluster://")


def _store_problem(url: str, found: SLOSettings) -> Problem | None:
    """What is wrong with a store's URL or options, or with its file; no server is reached out for."""
    where = f"{conf.WHERE}SLO_STORE"
    scheme, colon, _ = url.partition(":")
    if not colon or scheme not in {*known_schemes(), conf.DJANGO_STORE.partition(":")[0]}:
        known = [f"{known}://" for known in known_schemes()]
        expected = f"expected a URL with one of the schemes {', '.join(known)}"
        return Problem(where, f"{expected}, got {redacted_url(url)!r}", nearest(f"{scheme}://", known))
    try:
        if url.startswith(conf.DJANGO_STORE):
            open_django(url, service=found.service, **found.store_options)
        else:
            store_from_url(url, service=found.service, options=found.store_options).close()
    except StoreError as exc:
        return Problem(where, str(exc))
    return None


def check_tables(app_configs: object = None, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """The tables behind `django://` are there; until then events wait in memory, and no request suffers."""
    try:
        store = conf.read_settings().store
        if not isinstance(store, str) or not store.startswith(conf.DJANGO_STORE):
            return []
        found = open_django(store)
        # A database without any table is about to be migrated for the first time.
        if found.alias not in (databases or ()) or found.has_tables() or not found.has_tables("django_migrations"):
            return []
    except (ConfigError, StoreError):  # told by check_settings, or by the database's own check
        return []
    database = "" if found.alias == "default" else f" --database {found.alias}"
    return [
        checks.Warning(
            f"The tables of {store} are missing, or of an older version: events wait in memory until they are there.",
            hint=f"Run manage.py migrate slo_django{database}.",
            id=CheckID.TABLES_MISSING,
        )
    ]


def check_middleware(app_configs: object = None, **_: Any) -> list[CheckMessage]:
    """The middleware is there, and first."""
    position = next((index for index, path in enumerate(settings.MIDDLEWARE) if _is_ours(path)), None)
    if position is None:
        definitions, _problems = _definitions()
        if not any(definition.http is not None for definition in definitions):
            return []
        return [
            checks.Warning(
                f"{_MIDDLEWARE} is not in {conf.WHERE}MIDDLEWARE: no request is counted.",
                hint="Put it first in MIDDLEWARE.",
                id=CheckID.MIDDLEWARE_MISSING,
            )
        ]
    if position == 0:
        return []
    return [
        checks.Warning(
            f"{settings.MIDDLEWARE[position]} is not first in {conf.WHERE}MIDDLEWARE: what those before it "
            "answer is not counted, and their time is not measured.",
            hint="Put it first in MIDDLEWARE.",
            id=CheckID.MIDDLEWARE_NOT_FIRST,
        )
    ]


_MIDDLEWARE = "slo_django.middleware.SLOMiddleware"


def _is_ours(path: str) -> bool:
    from slo_django.middleware import SLOMiddleware

    try:
        found = import_string(path)
    except Exception:  # a module of the project, which may raise anything: Django says so itself, and better
        return False
    return isinstance(found, type) and issubclass(found, SLOMiddleware)


def check_urls(app_configs: object = None, **_: Any) -> list[CheckMessage]:
    """What definitions and marks name exists: views, routes, SLOs."""
    definitions, problems = _definitions()
    views = list(mapped_views())
    messages = [
        checks.Warning(
            f"{_where(definition)}.{key}: {pattern!r} matches no URL pattern of this project.",
            hint=hint,
            id=CheckID.MATCHES_NOTHING,
        )
        for definition in definitions
        for key, pattern, hint in _unmatched_patterns(definition, views)
    ]
    if not problems:  # with a broken definition left out, the marks that name it would be blamed as well
        messages.extend(_unknown_marks(views, [definition.name for definition in definitions]))
    return list(messages)


def _unmatched_patterns(definition: SLODefinition, views: Sequence[MappedView]) -> Iterator[tuple[str, str, str]]:
    from slo_core.http.globs import compile_globs

    rule = definition.http
    if rule is None:
        return
    names = sorted({view.view_name for view in views})
    for pattern in rule.views:
        glob = compile_globs([pattern])
        if glob is not None and not any(glob.match(name) for name in names):
            yield "views", pattern, _sentence(nearest(pattern, names)) or ""
    if rule.unmatched:  # counts paths without a URL pattern, on purpose
        return
    for pattern in rule.routes:
        if not any(view.route.may_match(pattern) for view in views):
            hint = "Routes start with a slash." if not pattern.startswith(("/", "*", "?", "[")) else ""
            yield "routes", pattern, hint or f"If a middleware answers there, silence {CheckID.MATCHES_NOTHING}."


def _unknown_marks(views: Sequence[MappedView], known: list[str]) -> Iterator[checks.Warning]:
    seen = set()
    for mapped in views:
        for name in marks_of(mapped.view).tracked:
            if name not in known and (name, mapped.view_name) not in seen:
                seen.add((name, mapped.view_name))
                yield checks.Warning(
                    f"slo_track({name!r}) on the view {mapped.view_name}: no SLO of that name is defined.",
                    hint=_sentence(nearest(name, known)) if known else None,
                    id=CheckID.UNKNOWN_NAME_TRACKED,
                )


def check_metrics_token(app_configs: object = None, **_: Any) -> list[CheckMessage]:
    """Metrics and the status page are not for everybody."""
    from slo_django import views

    try:
        found = conf.read_settings()
    except ConfigError:  # told by check_settings
        return []
    if not found.enabled or found.metrics_token is not None:
        return []
    mounted = [mapped.view for mapped in mapped_views()]
    told = (
        ("metrics view", found.metrics_path, views.metrics, "give it to Prometheus as authorization.credentials"),
        ("status page", found.status_path, views.page, "give it to readers, as the password of any name"),
    )
    return [
        checks.Warning(
            f"The {name} answers everybody.",
            hint=f"Set SLO_METRICS_TOKEN, and {what_then}.",
            id=CheckID.METRICS_WITHOUT_TOKEN,
        )
        for name, path, view, what_then in told
        if path is not None and view in mounted
    ]


def check_left_out_rules(app_configs: object = None, **_: Any) -> list[CheckMessage]:
    """Names the default alert rules that make no sense for an SLO; nothing is wrong with that."""
    definitions, _problems = _definitions()
    return [
        checks.Info(f"{_where(definition)}: left out the default {concern}.", id=CheckID.DEFAULT_RULE_LEFT_OUT)
        for definition in definitions
        if definition.alert_rules is None
        for concern in definition.alert_concerns
    ]


def _definitions() -> tuple[tuple[SLODefinition, ...], tuple[Problem, ...]]:
    try:
        return parse_definitions(conf.read_definitions(), where=conf.WHERE + conf.DEFINITIONS), ()
    except ConfigError as exc:
        return (), exc.problems


def _where(definition: SLODefinition) -> str:
    return f"{conf.WHERE}{conf.DEFINITIONS}[{definition.name!r}]"


def _error(problem: Problem, check_id: str) -> checks.Error:
    return checks.Error(f"{problem.path}: {problem.message}.", hint=_sentence(problem.hint), id=check_id)


def _sentence(hint: str) -> str | None:
    """A problem's hint as a check shows it."""
    if not hint:
        return None
    text = hint[0].upper() + hint[1:]
    return text if text.endswith(("?", ".", '"', "}")) else f"{text}."
