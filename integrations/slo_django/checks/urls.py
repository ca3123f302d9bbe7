"""Checks of the URL configuration: the views and routes that definitions name, and the views of slo-suite in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage

from slo_core.errors import ConfigError, nearest
from slo_core.http.globs import compile_globs
from slo_core.objectives.definition import SLODefinition
from slo_django import conf
from slo_django.checks.definitions import parsed_definitions, placed
from slo_django.checks.messages import CheckID, sentence
from slo_django.marks import wrapped_callables
from slo_django.url_configurations import url_configurations
from slo_django.url_map import MappedView, mapped_views

__all__ = ["check_hidden_views", "check_metrics_token", "check_metrics_url", "check_urls"]


def check_urls(app_configs: object = None, **_: Any) -> list[CheckMessage]:
    """The views and routes that definitions name exist."""
    if url_configurations().may_be_others:  # a host or tenant may have them
        return []
    definitions, _problems = parsed_definitions()
    views = list(mapped_views())
    unmatched = [
        (definition.name, f"{key}: {pattern!r} matches no URL pattern of this project.", hint)
        for definition in definitions
        for key, pattern, hint in _unmatched_patterns(definition, views)
    ]
    hints = {message: hint for _, message, hint in unmatched}
    return [
        checks.Warning(
            f"{place}{'.' if place.endswith(']') else ': '}{message}", hint=hints[message], id=CheckID.MATCHES_NOTHING
        )
        for place, message in placed((name, message) for name, message, _ in unmatched)
    ]


def _unmatched_patterns(definition: SLODefinition, views: Sequence[MappedView]) -> Iterator[tuple[str, str, str]]:
    rule = definition.http
    if rule is None:
        return
    names = sorted({view.view_name for view in views})
    for pattern in rule.views:
        glob = compile_globs([pattern])
        if glob is not None and not any(glob.match(name) for name in names):
            yield "views", pattern, sentence(nearest(pattern, names)) or ""
    if rule.unmatched:  # counts paths without a URL pattern, on purpose
        return
    for pattern in rule.routes:
        if not any(view.route.may_match(pattern) for view in views):
            hint = "Routes start with a slash." if not pattern.startswith(("/", "*", "?", "[")) else ""
            yield "routes", pattern, hint or f"If a middleware answers there, silence {CheckID.MATCHES_NOTHING}."


def check_metrics_url(app_configs: object = None, **_: Any) -> list[CheckMessage]:
    """The metrics view has an address."""
    from slo_django import views  # as below

    definitions, _problems = parsed_definitions()
    try:
        slo_settings = conf.read_settings()
    except ConfigError:  # reported by check_settings
        return []
    if not definitions or not slo_settings.enabled or slo_settings.metrics_path is None:
        return []
    urlconfs = url_configurations()
    if not urlconfs.known or urlconfs.may_be_others:  # a worker's project answers no requests
        return []
    if any(view in (views.metrics, views.page) for mapped in mapped_views() for view in wrapped_callables(mapped.view)):
        return []
    return [
        checks.Info(
            f"slo_django.urls is not in {conf.WHERE}ROOT_URLCONF: Prometheus has nothing to scrape.",
            hint='Add path("", include("slo_django.urls")), or set SLO_METRICS_PATH = None.',
            id=CheckID.METRICS_WITHOUT_URL,
        )
    ]


def check_hidden_views(app_configs: object = None, **_: Any) -> list[CheckMessage]:
    """No other view has the path of one of ours: of two Django asks the first only."""
    from slo_django import views  # as below

    urlconfs = url_configurations()
    if len(urlconfs.known) != 1 or urlconfs.may_be_others:
        return []
    messages: list[CheckMessage] = []
    first: dict[str, tuple[bool, str]] = {}
    for mapped in mapped_views():
        own = (views.metrics, views.page, views.page_json)
        is_own = any(view in own for view in wrapped_callables(mapped.view))
        if not mapped.route.is_fixed:
            continue
        first_is_own, first_name = first.setdefault(mapped.route.template, (is_own, mapped.view_name))
        if first_is_own != is_own:
            messages.append(
                checks.Warning(
                    f"{mapped.route.template} goes to {first_name!r}: {mapped.view_name!r} has the same path, comes later, and "
                    "never answers.",
                    hint="Set another SLO_METRICS_PATH or SLO_STATUS_PATH, or None.",
                    id=CheckID.HIDDEN_VIEW,
                )
            )
    return messages


def check_metrics_token(app_configs: object = None, **_: Any) -> list[CheckMessage]:
    """The metrics view and the status page ask for a token."""
    from slo_django import views  # not at the start: it imports more of Django than the checks do

    try:
        slo_settings = conf.read_settings()
    except ConfigError:  # reported by check_settings
        return []
    if not slo_settings.enabled or slo_settings.metrics_token is not None:
        return []
    mounted = [mapped.view for mapped in mapped_views()]
    pages = (
        (
            "metrics view",
            slo_settings.metrics_path,
            views.metrics,
            "give it to Prometheus as authorization.credentials",
        ),
        ("status page", slo_settings.status_path, views.page, "give it to readers, as the password of any name"),
    )
    return [
        checks.Warning(
            f"The {name} answers everybody.",
            hint=f"Set SLO_METRICS_TOKEN, and {instruction}.",
            id=CheckID.METRICS_WITHOUT_TOKEN,
        )
        for name, path, view, instruction in pages
        if path is not None and view in mounted
    ]
