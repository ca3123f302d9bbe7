"""The URL configurations of the project: one, or one for each host or tenant."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from types import CodeType, FunctionType
from typing import NamedTuple

from django.conf import settings
from django.urls import get_resolver
from django.utils.module_loading import import_string

__all__ = ["UrlConfigurations", "url_configurations"]


class UrlConfigurations(NamedTuple):
    """
    The URL configurations of the project.

    Attributes:
        known: Those that the settings name, `ROOT_URLCONF` first.
        may_be_others: Each request may have one of its own: a pattern that none of the known ones has may still match.
    """

    known: tuple[str, ...]
    may_be_others: bool


def url_configurations() -> UrlConfigurations:
    """The URL configurations that the settings name; django-hosts, django-tenants and their like name several."""
    root = getattr(settings, "ROOT_URLCONF", None)
    known = [root] if root else []
    more = [urlconf for urlconf in _named_by_settings() if urlconf not in known and _is_usable(urlconf)]
    may_be_others = bool(more) or any(_chooses_urlconf(path) for path in settings.MIDDLEWARE)
    return UrlConfigurations((*known, *dict.fromkeys(more)), may_be_others)


def _named_by_settings() -> Iterator[str]:
    for name in dir(settings):
        if name == "ROOT_URLCONF" or not name.endswith(("URLCONF", "URLCONFS", "HOSTCONF")):
            continue
        value = getattr(settings, name, None)
        if name.endswith("HOSTCONF") and isinstance(value, str):
            yield from _of_hosts(value)
        else:
            urlconfs = value.values() if isinstance(value, Mapping) else (value,)
            yield from (urlconf for urlconf in urlconfs if isinstance(urlconf, str))


def _of_hosts(hostconf: str) -> Iterator[str]:
    """The URL configurations of django-hosts."""
    try:
        patterns = import_module(hostconf).host_patterns
    except Exception:  # django-hosts reports it itself, and better
        return
    for host in patterns:
        urlconf = getattr(host, "urlconf", None)
        if isinstance(urlconf, str):
            yield urlconf


def _is_usable(urlconf: str) -> bool:
    try:
        get_resolver(urlconf).url_patterns  # noqa: B018  # loads it
    except Exception:  # the setting may mean something else, and only a request needs it
        return False
    return True


def _chooses_urlconf(path: str) -> bool:
    """Whether a middleware sets `request.urlconf`, according to the code of its module."""
    try:
        middleware = import_string(path)
    except Exception:  # any error of a module of the project: Django reports it itself, and better
        return False
    module = sys.modules.get(getattr(middleware, "__module__", None) or "")
    candidates = [middleware, *vars(module).values()] if module is not None else [middleware]
    for candidate in candidates:
        functions = vars(candidate).values() if isinstance(candidate, type) else (candidate,)
        if any(isinstance(each, FunctionType) and _sets_urlconf(each.__code__) for each in functions):
            return True
    return False


def _sets_urlconf(code: CodeType) -> bool:
    # `request.urlconf` is a name, and the text of a getattr() or setattr() is a constant.
    if "urlconf" in code.co_names or ("setattr" in code.co_names and "urlconf" in code.co_consts):
        return True
    return any(isinstance(constant, CodeType) and _sets_urlconf(constant) for constant in code.co_consts)
