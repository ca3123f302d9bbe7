"""Configuration: everything that is wrong with it, at once, when the application is made."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from flask import Flask

from slo_core import ConfigError, SLODefinition, SLORegistry
from slo_core.errors import Problem
from slo_flask import SLO
from wsgi_driver import serve

AVAILABILITY = {"availability": {"target": "99.9%"}}


def configured(**config: Any) -> Flask:
    app = Flask("shop")
    app.add_url_rule("/", "home", lambda: "home")
    app.config.update(config)
    return app


def problems_of(app: Flask, **options: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        SLO().init_app(app, **options)
    problems: tuple[Problem, ...] = caught.value.problems
    return [str(problem) for problem in problems]


def test_the_configuration_of_the_application_is_read() -> None:
    """`SLO(app)` is `init_app` at once."""
    app = configured(SLO_DEFINITIONS=AVAILABILITY, SLO_SERVICE="shop", SLO_EXCLUDE=["/private/*"])
    SLO(app)

    serve(app)

    registry = app.extensions["slo"].registry
    assert (registry.names(), registry.service) == (["availability"], "shop")
    assert registry["availability"].snapshot().total == 1
    assert b'slo_service="shop"' in serve(app, path="/metrics").content


def test_every_problem_is_reported_at_once() -> None:
    """Definitions and other settings, each with its path in the user's own code."""
    app = configured(
        SLO_DEFINITIONS={"availability": {"target": 99.9}, "fast": {"target": 0.9, "latncy": "1s"}},
        SLO_METRICS_PATH="metrics",
        SLO_ENABLED="no",
    )

    problems = problems_of(app)

    assert len(problems) == 4
    for place in (
        "app.config['SLO_DEFINITIONS']['availability'].target: expected a ratio between 0 and 1, got 99.9; did you mean",
        "app.config['SLO_DEFINITIONS']['fast']: unknown key 'latncy'; did you mean \"latency\"?",
        "app.config['SLO_METRICS_PATH']",
        "app.config['SLO_ENABLED']",
    ):
        assert any(problem.startswith(place) for problem in problems), (place, problems)


@pytest.mark.parametrize(
    ("slip", "meant"), [("SLO_DEFINITION", "SLO_DEFINITIONS"), ("SLO_METRIC_PATH", "SLO_METRICS_PATH")]
)
def test_an_unknown_setting_names_the_nearest(slip: str, meant: str) -> None:
    """A slip of the finger must not silently count nothing."""
    (problem,) = problems_of(configured(SLO_DEFINITIONS=AVAILABILITY, **{slip: "x"}))

    assert slip in problem
    assert meant in problem


def test_an_application_that_failed_is_left_as_it_was() -> None:
    """After the mistake is mended `init_app` may be called again."""
    app = configured(SLO_DEFINITIONS={"availability": {"target": 2}})
    wsgi_app = app.wsgi_app
    problems_of(app)
    assert ("slo" in app.extensions, app.wsgi_app == wsgi_app) == (False, True)
    assert "slo_metrics" not in app.view_functions

    app.config["SLO_DEFINITIONS"] = AVAILABILITY
    SLO(app)
    serve(app)

    assert app.extensions["slo"].registry["availability"].snapshot().total == 1


def test_missing_definitions_warn_with_what_to_write() -> None:
    """The application still works."""
    app = configured()

    with pytest.warns(UserWarning, match=r'app\.config\["SLO_DEFINITIONS"\] = '):
        SLO(app)

    assert serve(app).content == b"home"


def test_custom_slos_alone_are_no_mistake() -> None:
    """A view may still name them with `slo.track`."""
    app = configured(SLO_DEFINITIONS={"jobs": {"target": 0.9, "kind": "custom"}})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SLO(app)

    serve(app)

    assert app.extensions["slo"].registry["jobs"].snapshot().total == 0


def test_switched_off_nothing_is_counted_or_mounted() -> None:
    """SLO_ENABLED = False: no middleware, no route; the registry is there for code that asks for it."""
    app = configured(SLO_DEFINITIONS=AVAILABILITY, SLO_ENABLED=False)
    wsgi_app = app.wsgi_app
    SLO(app)

    assert app.wsgi_app == wsgi_app
    assert serve(app, path="/metrics").status == 404
    assert app.extensions["slo"].recorder is None
    assert app.extensions["slo"].registry["availability"].snapshot().total == 0


def test_switched_off_mistakes_are_still_reported() -> None:
    """What would fail in production fails in development too."""
    (problem,) = problems_of(configured(SLO_DEFINITIONS={"availability": {"target": 2}}, SLO_ENABLED=False))

    assert "target" in problem


def test_definitions_may_be_objects() -> None:
    """`SLODefinition` objects count every request, unless they say `custom`."""
    app = configured()
    SLO().init_app(app, definitions=[SLODefinition("availability", 0.9), SLODefinition("jobs", 0.9, kind="custom")])

    serve(app)

    registry = app.extensions["slo"].registry
    assert [snap.total for snap in registry.snapshot_all()] == [1, 0]


def test_a_registry_made_elsewhere_is_used() -> None:
    """It brings its own SLOs, store and service."""
    registry = SLORegistry.from_config(AVAILABILITY, service="billing")
    app = configured()
    SLO().init_app(app, registry=registry)

    serve(app)

    with app.app_context():
        assert SLO().registry is registry
    assert registry["availability"].snapshot().total == 1


@pytest.mark.parametrize("setting", ["SLO_DEFINITIONS", "SLO_STORE", "SLO_STORE_OPTIONS", "SLO_SERVICE", "SLO_RELEASE"])
def test_what_is_said_twice_is_refused(setting: str) -> None:
    """Beside `registry=` a setting of the registry's would be passed over in silence."""
    values: dict[str, Any] = {"SLO_DEFINITIONS": AVAILABILITY, "SLO_STORE_OPTIONS": {}}
    app = configured(**{setting: values.get(setting, "memory://")})

    (problem,) = problems_of(app, registry=SLORegistry.from_config(AVAILABILITY))

    assert setting in problem


def test_definitions_beside_a_registry_are_refused() -> None:
    """The registry has its own; more of them are added to it."""
    (problem,) = problems_of(configured(), registry=SLORegistry(), definitions=AVAILABILITY)

    assert problem == "definitions: expected none with registry=; add them with registry.define()"


def test_definitions_beside_definitions_are_refused() -> None:
    """Which of the two was meant cannot be told."""
    (problem,) = problems_of(configured(SLO_DEFINITIONS=AVAILABILITY), definitions=AVAILABILITY)

    assert problem.startswith("app.config['SLO_DEFINITIONS']: expected none with definitions=")


def test_a_metrics_path_that_is_taken_is_refused() -> None:
    """Flask would ask the first route only, and the metrics were never heard of."""
    app = configured(SLO_DEFINITIONS=AVAILABILITY)
    app.add_url_rule("/metrics", "exporter", lambda: "taken")

    (problem,) = problems_of(app)

    assert problem.startswith("app.config['SLO_METRICS_PATH']: the endpoint 'exporter' answers at /metrics already")


def test_an_unknown_store_is_reported_with_the_rest() -> None:
    """Not alone, when there is more."""
    app = configured(SLO_DEFINITIONS={"availability": {"target": 2}}, SLO_STORE="mongo://somewhere/secret")

    problems = problems_of(app)

    assert len(problems) == 2
    assert any(problem.startswith("app.config['SLO_STORE']") for problem in problems)


def test_a_factory_may_make_many_applications_of_one_configuration() -> None:
    """Each has numbers of its own: tests do not see each other's."""
    slo = SLO()

    def create_app() -> Flask:
        app = configured(SLO_DEFINITIONS=AVAILABILITY)
        slo.init_app(app)
        return app

    serve(create_app())
    app = create_app()

    assert app.extensions["slo"].registry["availability"].snapshot().total == 0
