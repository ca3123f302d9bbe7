"""The settings beside the definitions."""

from __future__ import annotations

import math

import pytest

from slo_core import ConfigError, InMemoryStore
from slo_core.config.settings import SETTING_NAMES, SLOSettings, unknown_settings
from slo_core.stores.memory.store import MemoryStore


def test_the_documented_defaults() -> None:
    """Nothing configured is a working configuration."""
    settings = SLOSettings()

    assert (settings.store, settings.store_options, settings.flush_interval) == ("memory://", {}, None)
    assert (settings.exclude, settings.metrics_path, settings.metrics_token) == ((), "/metrics", None)
    assert (settings.status_path, settings.enabled, settings.service) == (None, True, "default")
    assert settings.release is None


def test_the_names_are_the_documented_ones() -> None:
    """The same in Django, Flask and keywords."""
    assert set(SETTING_NAMES) == {
        "store", "store_options", "flush_interval", "exclude", "metrics_path", "metrics_token", "status_path", "enabled",
        "service", "release", "metrics_causes", "recent_failures", "request_id_header", "trace_url",
    }  # fmt: skip


def test_settings_are_read_by_their_prefixed_names() -> None:
    """What belongs to others is passed over; lists are taken as tuples; None turns the metrics off."""
    settings = SLOSettings.from_mapping(
        {"SLO_EXCLUDE": ["/healthz"], "SLO_METRICS_PATH": None, "SLO_SERVICE": "shop", "DEBUG": True, "store": 5}
    )

    assert settings == SLOSettings(exclude=("/healthz",), metrics_path=None, service="shop")


def test_a_store_may_be_an_object() -> None:
    """One that is a store."""
    store = MemoryStore()
    assert SLOSettings(store=store).store is store
    with pytest.raises(ConfigError, match='store: expected a URL such as "memory://", got'):
        SLOSettings(store=InMemoryStore(60))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("store", [None, 5, object()]),
        ("store_options", [None, "x", []]),
        ("flush_interval", [0, -1, math.nan, math.inf, "1", True]),
        ("exclude", ["/x", None, [5], [""], 5]),
        ("metrics_path", ["metrics", "", 5, True]),
        ("metrics_token", ["", 5, b"x"]),
        ("enabled", ["False", 0, None]),
        ("service", ["", None, 5]),
        ("release", ["", "4.2\n", 4.2, b"4.2", "x" * 101]),
    ],
)
def test_a_bad_setting_is_named(name: str, values: list[object]) -> None:
    """By the name it was set with."""
    for value in values:
        with pytest.raises(ConfigError) as caught:
            SLOSettings.from_mapping({f"SLO_{name.upper()}": value}, where="settings.")
        (problem,) = caught.value.problems
        assert problem.path == f"settings.SLO_{name.upper()}"


def test_all_bad_settings_are_reported_at_once() -> None:
    """As everywhere."""
    with pytest.raises(ConfigError) as caught:
        SLOSettings.from_mapping({"SLO_STORE": None, "SLO_ENABLED": "no", "SLO_SERVICE": ""})

    assert [problem.path for problem in caught.value.problems] == ["SLO_STORE", "SLO_ENABLED", "SLO_SERVICE"]


def test_no_secret_shows() -> None:
    """Neither in the repr nor in a complaint about the token."""
    settings = SLOSettings(
        store="redis://:hunter2@localhost", store_options={"password": "hunter2"}, metrics_token="hunter2"
    )
    assert "hunter2" not in repr(settings)

    with pytest.raises(ConfigError) as caught:
        SLOSettings(metrics_token=b"hunter2")  # type: ignore[arg-type]
    assert "hunter2" not in str(caught.value)


def test_unknown_settings_are_told_with_the_nearest_known_one() -> None:
    """`SLO_STROE` would otherwise leave the store unused."""
    names = ["SLO_STROE", "SLO_DEFINITIONS", "SLO_STORE", "DEBUG", "SLO_CELERY", "SLOW"]

    (problem,) = unknown_settings(names, known=frozenset({"SLO_CELERY"}))

    assert str(problem) == 'SLO_STROE: unknown setting; did you mean "SLO_STORE"?'


@pytest.mark.parametrize(
    ("setting", "value", "hint"),
    [
        (
            "enabled",
            "false",
            "it is text, not a truth value: drop the quotes; compare text from an environment variable",
        ),
        ("enabled", 1, "did you mean True?"),
        ("flush_interval", "1", "it is text, not a number: write 1 without quotes"),
        ("flush_interval", "5s", "it takes a number: write 5"),
        ("exclude", "/health, /ready", "did you mean ['/health', '/ready']?"),
        ("metrics_path", "metrics", 'did you mean "/metrics"?'),
        ("status_path", "none", "None, without quotes, mounts none"),
    ],
)
def test_text_of_an_environment_variable_is_refused_with_what_to_write(setting: str, value: object, hint: str) -> None:
    """All of it is text, also "false", which Python takes for true."""
    with pytest.raises(ConfigError) as caught:
        SLOSettings(**{setting: value})  # type: ignore[arg-type]

    (problem,) = caught.value.problems
    assert problem.hint.startswith(hint)
