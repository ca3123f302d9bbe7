"""The objects that the project's settings configure: built at first use, replaced when the settings change."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

from django.apps import apps

from slo_core.config.settings import SLOSettings
from slo_core.conventions import LOGGER_NAME
from slo_core.http.recorder import HTTPRecorder
from slo_core.tracking.registry import SLORegistry
from slo_django import conf

if TYPE_CHECKING:
    from slo_core.metrics.view import MetricsView
    from slo_core.status_page.page import StatusPage
    from slo_core.status_page.view import StatusView

__all__ = ["Current", "Installation", "current"]

T = TypeVar("T")


class Installation:
    """
    All objects made from one state of the settings; each is built at its first use.

    A part that cannot be built raises at every use, so that a view and a command report the same mistake.
    """

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: dict[str, object] = {}

    @property
    def settings(self) -> SLOSettings:
        """The settings except the definitions."""
        return self._part("settings", conf.read_settings)

    @property
    def registry(self) -> SLORegistry:
        """The SLOs."""
        return self._part("registry", self._build_registry)

    @property
    def registry_if_built(self) -> SLORegistry | None:
        """The SLOs; None before their first use."""
        return cast("SLORegistry | None", self._parts.get("registry"))

    @property
    def recorder(self) -> HTTPRecorder | None:
        """Counts the requests; None with `SLO_ENABLED = False`."""
        if not self.settings.enabled:
            return None
        return self._part("recorder", self._build_recorder)

    @property
    def metrics_view(self) -> MetricsView | None:
        """Answers scrapes; None with `SLO_ENABLED = False` or `SLO_METRICS_PATH = None`."""
        if not self.settings.enabled or self.settings.metrics_path is None:
            return None
        return self._part("metrics_view", self._build_metrics_view)

    @property
    def status_view(self) -> StatusView | None:
        """Answers at `SLO_STATUS_PATH`; None where that is None, or with `SLO_ENABLED = False`."""
        if not self.settings.enabled or self.settings.status_path is None:
            return None
        return self._part("status_view", self._build_status_view)

    @property
    def status_page(self) -> StatusPage:
        """The content of the pages in the admin."""
        return self._part("status_page", self._build_status_page)

    def retire(self) -> None:
        """Flush and close the store, after the settings have changed."""
        registry = self.registry_if_built
        # A store that a setting holds as an object belongs to the project; the next installation may use it.
        if registry is not None and isinstance(self.settings.store, str):
            registry.close()

    def _part(self, name: str, build: Callable[[], T]) -> T:
        part = self._parts.get(name)
        if part is None:
            # Two threads may both build at first; setdefault is atomic, so all of them use the same one. A lock would
            # have to be made at import, before gevent patches it.
            part = self._parts.setdefault(name, build())
        return cast("T", part)

    def _build_registry(self) -> SLORegistry:
        current.note_missing_app()
        from slo_django.store.opening import batched_store

        settings = self.settings
        store = batched_store(settings)
        registry = SLORegistry.from_config(
            conf.read_definitions(),
            store=store,
            service=settings.service,
            store_options=settings.store_options if isinstance(store, str) else None,
            flush_interval=settings.flush_interval,
            release=settings.release,
            metrics_causes=settings.metrics_causes,
            recent_failures=settings.recent_failures,
            request_id_header=settings.request_id_header,
            trace_url=settings.trace_url,
            where=conf.WHERE + conf.DEFINITIONS,
        )
        registry.internals.store_setting = "SLO_STORE"
        return registry

    def _build_recorder(self) -> HTTPRecorder:
        if not conf.is_store_named():
            from slo_django.default_store import log_default_store

            log_default_store()
        # Idle is allowed: a custom SLO may be fed by views marked with `slo_track`.
        return HTTPRecorder(self.registry, exclude=self.settings.exclude, may_be_idle=True)

    def _build_metrics_view(self) -> MetricsView:
        from slo_core.metrics.view import MetricsView  # prometheus_client is slow to import: with the first scrape

        return MetricsView(self.registry, token=self.settings.metrics_token)

    def _build_status_view(self) -> StatusView:
        from slo_core.status_page.view import StatusView

        path = self.settings.status_path
        assert path is not None  # `status_view` has checked
        return StatusView(self.registry, path=path, token=self.settings.metrics_token)

    def _build_status_page(self) -> StatusPage:
        from slo_core.status_page.page import StatusPage

        return StatusPage(self.registry)


class Current:
    """
    The installation in force.

    Attributes:
        installation: Replaced, never changed: a holder of an older one notices by identity.
    """

    __slots__ = ("_has_noted_app", "installation")

    def __init__(self) -> None:
        self.installation = Installation()
        self._has_noted_app = False

    def replace(self) -> None:
        """The settings have changed: start again, with empty in-memory counts."""
        retired, self.installation = self.installation, Installation()
        retired.retire()

    def note_missing_app(self) -> None:
        """Log, once, that our app is not installed: then none of our checks can say so."""
        if self._has_noted_app or not apps.ready or apps.is_installed("slo_django"):
            return
        self._has_noted_app = True
        logging.getLogger(LOGGER_NAME).warning(
            '"slo_django" is not in settings.INSTALLED_APPS: add it. Without it there are no tables for the counts (unless '
            "SLO_STORE names another store, each process counts for itself, in memory), no checks, no commands and no "
            "admin page."
        )


# Django has one set of settings in a process, and so there is one installation.
current = Current()
