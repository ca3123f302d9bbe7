"""Check of `MIDDLEWARE`."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage
from django.utils.module_loading import import_string

from slo_django import conf
from slo_django.checks.definitions import parsed_definitions
from slo_django.checks.messages import CheckID

__all__ = ["check_middleware"]

_MIDDLEWARE = "slo_django.middleware.SLOMiddleware"


def check_middleware(app_configs: object = None, **_: Any) -> list[CheckMessage]:
    """The middleware is in `MIDDLEWARE`, and first."""
    position = next((index for index, path in enumerate(settings.MIDDLEWARE) if _is_ours(path)), None)
    if position is None:
        definitions, _problems = parsed_definitions()
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


def _is_ours(path: str) -> bool:
    from slo_django.middleware import SLOMiddleware

    try:
        middleware = import_string(path)
    except Exception:  # any error of a module of the project: Django reports it itself, and better
        return False
    return isinstance(middleware, type) and issubclass(middleware, SLOMiddleware)
