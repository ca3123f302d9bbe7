"""What importing the core does: nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

import slo_core


def run(script: str) -> str:
    finished = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=180, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_importing_loads_nothing_heavy_and_starts_nothing() -> None:
    """No prometheus_client, no redis, no command line, no YAML, no framework, no thread, no file; nor does counting."""
    output = run(
        """
        import json, os, sys, threading
        before = set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()
        import slo_core
        tracker = slo_core.SLORegistry().define(slo_core.SLODefinition("a", 0.999))
        tracker.record_success()
        tracker.snapshot()
        after = set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()
        unwanted = ("prometheus_client", "redis", "click", "rich", "yaml", "grafana_foundation_sdk", "sqlite3",
                    "django", "asgiref", "flask", "werkzeug", "starlette", "fastapi", "uvicorn", "gunicorn",
                    "slo_asgi", "slo_celery", "slo_django", "slo_flask", "slo_wsgi", "celery",
                    "asyncio", "multiprocessing", "pytest",
                    "slo_core.metrics.collector", "slo_core.metrics.exposition", "slo_core.metrics.view", "slo_core.cli",
                    "slo_core.stores.buckets", "slo_core.stores.shared.write_behind", "slo_core.stores.sql.sqlite")
        print(json.dumps([[name for name in unwanted if name in sys.modules], threading.active_count(),
                          sorted(after - before)]))
        """
    )

    assert json.loads(output) == [[], 1, []]


def test_logging_comes_with_the_first_registry() -> None:
    """It is a tenth of what the import would take."""
    run(
        """
        import sys
        is_there = "logging" in sys.modules  # a tool that traces the interpreter may have it
        import slo_core
        assert ("logging" in sys.modules) is is_there
        slo_core.SLORegistry()
        assert "logging" in sys.modules
        """
    )


def test_importing_asks_no_clock() -> None:
    """Not even the modules that have one."""
    run(
        """
        import logging, sys, time
        def guarded(clock):
            def ask():
                assert not sys._getframe(1).f_globals["__name__"].startswith("slo_core"), "asked for the time"
                return clock()
            return ask
        for name in ("time", "monotonic", "perf_counter"):
            setattr(time, name, guarded(getattr(time, name)))
        import slo_core, slo_core.http.recorder, slo_core.config.settings, slo_core.testing, slo_core.status.service_status
        """
    )


def test_every_public_name_is_there() -> None:
    """Those that need prometheus_client come when they are asked for."""
    for name in slo_core.__all__:
        assert getattr(slo_core, name) is not None

    assert slo_core.PrometheusExporter.__module__ == "slo_core.metrics.exporter"
    with pytest.raises(AttributeError, match="module 'slo_core' has no attribute 'SLOCollecter'"):
        slo_core.SLOCollecter  # type: ignore[attr-defined]  # noqa: B018


def test_the_protocol_of_shared_stores_comes_when_it_is_asked_for() -> None:
    """By the name it always had; its module alone is a seventh of the import."""
    output = run(
        """
        import sys
        import slo_core
        assert "slo_core.stores.buckets" not in sys.modules
        from slo_core.stores import BucketStore
        print(BucketStore.__module__)
        """
    )

    assert output == "slo_core.stores.buckets\n"
    with pytest.raises(AttributeError, match="module 'slo_core.stores' has no attribute 'BucketStor'"):
        slo_core.stores.BucketStor  # type: ignore[attr-defined]  # noqa: B018


def test_the_documented_names_are_public() -> None:
    """The import line of the documentation."""
    from slo_core import (  # noqa: F401
        AlertRule,
        BurnRateAlert,
        BurnRateSample,
        ConfigError,
        HTTPRule,
        InMemoryStore,
        Observation,
        ObservationStore,
        PrometheusExporter,
        SLOCollector,
        SLODefinition,
        SLORegistry,
        SLOSnapshot,
        SLOTracker,
        slo_exempt,
        slo_track,
        store_from_url,
    )


def test_a_star_import_brings_the_public_names() -> None:
    """And works, though some of them come late."""
    namespace: dict[str, object] = {}
    exec("from slo_core import *", namespace)  # noqa: S102

    assert set(slo_core.__all__) <= namespace.keys()
