"""What is published, and that it works away from the checkout."""

from __future__ import annotations

import json
import tarfile
import zipfile
from collections.abc import Callable
from email.parser import Parser
from pathlib import Path

import pytest

PACKAGES = {"slo_core", "slo_asgi", "slo_celery", "slo_django", "slo_flask", "slo_wsgi"}
FRAMEWORKS = ("django", "flask", "starlette", "fastapi", "redis")

Environment = Callable[[str], Callable[[str], str]]


def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def metadata(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


def test_the_wheel_holds_five_packages_and_nothing_else(wheel):
    """A top-level `integrations` or `tests` would collide with packages of users."""
    top = {name.partition("/")[0] for name in names(wheel)}

    assert {name for name in top if not name.endswith(".dist-info")} == PACKAGES


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_every_package_is_typed(wheel, package):
    """Type checkers read our annotations only beside a `py.typed`."""
    assert f"{package}/py.typed" in names(wheel)


def test_the_licence_travels_with_the_wheel(wheel):
    """MIT asks for its text in every copy."""
    assert any(name.endswith("licenses/LICENSE") for name in names(wheel))


def test_every_source_file_is_in_the_wheel(wheel):
    """What .gitignore hides is silently left out of a wheel: nothing of ours may be."""
    root = Path(__file__).resolve().parents[2]
    sources = {
        str(file.relative_to(base))
        for base, package in [
            (root, "slo_core"),
            *[(root / "integrations", name) for name in PACKAGES if name != "slo_core"],
        ]
        for file in (base / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }

    assert sources - set(names(wheel)) == set()


def test_the_core_has_one_dependency(wheel):
    """Whatever else is needed belongs to an extra."""
    required = [line for line in metadata(wheel).get_all("Requires-Dist") if "extra ==" not in line]

    assert required == ["prometheus-client>=0.20"]


def test_every_promised_extra_exists(wheel):
    """The README names them."""
    extras = set(metadata(wheel).get_all("Provides-Extra"))

    assert extras == {
        "all", "asgi", "celery", "cli", "dashboards", "dev", "django", "fastapi", "flask", "redis", "starlette", "wsgi", "yaml",
    }  # fmt: skip


def test_the_sdist_can_run_its_own_tests(sdist):
    """Distributors build and test from it."""
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}

    assert {"pyproject.toml", "README.md", "LICENSE", "tox.ini", "tests/support/slo_servers.py"} <= inside
    assert {"slo_core/__init__.py", "integrations/slo_django/__init__.py"} <= inside


def test_the_core_imports_without_any_framework(environment: Environment):
    """And without prometheus_client, until somebody exports; no thread is started."""
    run = environment("")
    code = "import json, sys, threading, slo_core; print(json.dumps([sorted(sys.modules), threading.active_count()]))"

    modules, threads = json.loads(run(code))

    assert "slo_core.tracking.tracker" in modules
    assert [name for name in modules if name.startswith((*FRAMEWORKS, "prometheus_client"))] == []
    assert threads == 1


def test_the_core_counts_and_exports_on_its_own(environment: Environment):
    """The plain library, installed alone."""
    run = environment("")
    code = """
from slo_core import PrometheusExporter, SLODefinition, SLORegistry
registry = SLORegistry()
registry.define(SLODefinition("availability", 0.999)).record_failure()
print(PrometheusExporter(registry).render()[0].decode())
"""

    assert 'slo_events_total{outcome="bad",slo="availability"} 1.0' in run(code)


def test_the_command_says_what_it_lacks(environment: Environment):
    """It is installed with the plain library, and click is not."""
    run = environment("")

    out = run(
        "import contextlib, sys\nfrom slo_core.cli import main\nwith contextlib.redirect_stderr(sys.stdout): print(main([]))"
    )

    assert out == 'slo: error: it needs click, which is not installed: pip install "slo-suite[cli]"\n2\n'


def test_slo_asgi_needs_no_framework(environment: Environment):
    """The extra `asgi` is empty: ASGI is a protocol."""
    run = environment("")

    out = run("import sys, slo_asgi; slo_asgi.SLOMiddleware; slo_asgi.metrics_app; print('starlette' in sys.modules)")

    assert out == "False\n"


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        ("django", "import slo_django; print(slo_django.get_registry, slo_django.slo_track, slo_django.slo_exempt)"),
        ("flask", "import slo_flask; print(slo_flask.SLO)"),
        ("celery", "import slo_celery; print(slo_celery.instrument_celery)"),
        ("starlette", "import slo_asgi, starlette; print(slo_asgi.instrument)"),
        ("fastapi", "import slo_asgi, fastapi; print(slo_asgi.instrument)"),
    ],
)
def test_each_integration_imports_with_its_own_extra_alone(environment: Environment, extra: str, code: str):
    """One framework never asks for another."""
    others = {"django": "flask", "celery": "django", "flask": "django", "starlette": "django", "fastapi": "django"}

    environment(extra)(f"{code}\nimport importlib.util\nassert importlib.util.find_spec({others[extra]!r}) is None")


def test_the_pytest_fixtures_come_with_the_package(wheel):
    """pytest finds them through an entry point."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
        text = archive.read(name).decode()

    assert "[pytest11]\nslo_suite = slo_core.pytest_plugin" in text
