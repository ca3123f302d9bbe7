"""`instrument_celery`: arguments, and what its tasks count, run in this process."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from slo_core import SLODefinition, SLORegistry
from slo_core.errors import ConfigError
from slo_core.testing import FakeClock

pytest.importorskip("celery")

from billiard.exceptions import TimeLimitExceeded, WorkerLostError  # noqa: E402
from celery import Celery, signals  # noqa: E402
from celery.exceptions import Reject  # noqa: E402

from slo_celery import instrument_celery  # noqa: E402
from slo_celery.mistakes import log_mistakes  # noqa: E402


@pytest.fixture
def app() -> Iterator[Celery]:
    """Its tasks run in this process."""
    app = Celery("shop", broker="memory://", backend="cache+memory://", set_as_current=False)
    app.conf.task_always_eager = True
    yield app
    app.close()


def add_tasks(app: Celery) -> None:
    @app.task(name="shop.pay", shared=False)
    def pay() -> None:
        pass

    @app.task(name="shop.refuse", shared=False)
    def refuse() -> None:
        raise ValueError

    @app.task(name="shop.recover", bind=True, shared=False)
    def recover(self) -> None:
        if self.request.retries < 2:
            raise self.retry(countdown=0)


def counts(registry: SLORegistry, name: str = "all") -> tuple[int, int]:
    """All events, and bad ones."""
    snapshot = registry[name].snapshot()
    return snapshot.total, snapshot.failures


def run(app: Celery, *names: str) -> None:
    for name in names:
        app.tasks[name].delay()


@pytest.mark.parametrize("first", ["tasks", "slos"])
def test_tasks_may_be_defined_before_or_after(app: Celery, first: str):
    """Each counts once, by how it ends."""
    if first == "tasks":
        add_tasks(app)
    registry = instrument_celery(app, {"all": {"target": 0.9}})
    if first == "slos":
        add_tasks(app)

    run(app, "shop.pay", "shop.refuse", "shop.recover")

    assert counts(registry) == (3, 1)
    assert app.slo_registry is registry


def test_a_second_call_changes_nothing(app: Celery):
    """It warns, and returns the first registry."""
    registry = instrument_celery(app, {"all": {"target": 0.9}})
    add_tasks(app)

    with pytest.warns(UserWarning, match="called twice"):
        assert instrument_celery(app, {"other": {"target": 0.9}}) is registry

    run(app, "shop.pay")
    assert counts(registry) == (1, 0)


def test_tasks_of_another_application_count_for_that_alone(app: Celery):
    """Celery's signals are sent to all."""
    other = Celery("other", broker="memory://", set_as_current=False)
    other.conf.task_always_eager = True
    registries = [instrument_celery(each, {"all": {"target": 0.9}}) for each in (app, other)]
    add_tasks(app)
    add_tasks(other)

    run(app, "shop.pay", "shop.refuse")
    run(other, "shop.pay")

    assert [counts(registry) for registry in registries] == [(2, 1), (1, 0)]
    other.close()


def test_a_registry_made_elsewhere_counts(app: Celery):
    """Its SLOs for requests are left alone."""
    registry = SLORegistry()
    registry.define(SLODefinition("all", 0.9, kind="task"))
    registry.define(SLODefinition("pages", 0.9, kind="http"))
    add_tasks(app)

    assert instrument_celery(app, registry=registry, exclude=["shop.refuse"]) is registry
    run(app, "shop.pay", "shop.refuse")

    assert (counts(registry), counts(registry, "pages")) == ((1, 0), (0, 0))


def test_disabled_it_counts_nothing_and_checks_all_the_same(app: Celery):
    """As in every other framework."""
    registry = instrument_celery(app, {"all": {"target": 0.9}}, enabled=False)
    add_tasks(app)

    run(app, "shop.pay")

    assert counts(registry) == (0, 0)
    with pytest.raises(ConfigError):
        instrument_celery(Celery(set_as_current=False), {"all": {}}, enabled=False)


def test_mistakes_in_the_arguments_are_named(app: Celery, monkeypatch: pytest.MonkeyPatch):
    """Where they are, and what to do."""
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    with pytest.raises(TypeError, match="expected a Celery application, got str"):
        instrument_celery("shop", {})  # type: ignore[call-overload]
    with pytest.raises(ConfigError, match="name its tasks"):
        instrument_celery(app, {"all": {"target": 0.9, "routes": ["/pay"]}})
    with pytest.raises(ConfigError, match="add them with registry.define"):
        instrument_celery(app, {}, registry=SLORegistry())  # type: ignore[call-overload]
    with pytest.raises(ConfigError, match="expected none with registry="):
        instrument_celery(app, registry=SLORegistry(), service="shop")  # type: ignore[call-overload]


def test_a_message_carries_when_its_task_was_due(app: Celery):
    """Its eta, or when it was sent; only where an SLO asks for it, and not again when it is retried."""
    clock = FakeClock()
    instrument_celery(
        app, {"due": {"target": 0.9, "tasks": ["shop.*"], "latency": "5s", "latency_from": "due"}}, clock=clock
    )

    def sent(name: str, **headers: object) -> object:
        signals.before_task_publish.send(sender=name, headers=headers, body=None)
        return headers.get("slo_due")

    assert sent("shop.pay", eta=None) == clock()
    assert sent("shop.pay", eta=datetime.fromtimestamp(2_000_000_000, UTC).isoformat()) == 2_000_000_000
    assert sent("shop.pay", eta="soon") == clock()
    assert sent("shop.pay", slo_due=7.0) == 7.0
    assert sent("mail.send") is None


@pytest.mark.parametrize(
    ("due", "bad"),
    [(1_700_000_000 - 6.0, 1), (1_700_000_000 - 4.0, 0), ("soon", 0), (True, 0), (float("nan"), 0), ([1] * 1000, 0)],
    ids=str,
)
def test_a_task_is_timed_since_it_was_due(app: Celery, due: object, bad: int):
    """By what its message says; what is no time is passed over, and its run alone is timed."""
    registry = instrument_celery(
        app, {"due": {"target": 0.9, "latency": "5s", "latency_from": "due"}}, clock=FakeClock()
    )

    class Task:
        name = "shop.pay"

        class request:
            slo_due = due

    Task.app = app
    signals.task_success.send(sender=Task, runtime=1.0)

    assert counts(registry, "due") == (1, bad)


def test_the_cause_of_a_failure_is_the_class_of_its_exception(app: Celery):
    """Also where that cannot be pickled."""
    registry = instrument_celery(app, {"all": {"target": 0.9}})

    class Local(Exception):
        def __reduce__(self) -> str:
            raise TypeError("it holds a lock")

    @app.task(name="shop.lock", shared=False)
    def lock() -> None:
        raise Local

    lock.delay()

    (share,) = registry["all"].causes(3600).causes
    assert (share.where, share.outcome) == ("shop.lock", "Local")


def test_a_parent_that_says_twice_that_a_task_was_lost_counts_it_once(app: Celery):
    """At a time limit newer versions do. Another task is another failure, and a rejected one is none."""
    registry = instrument_celery(app, {"all": {"target": 0.9}})
    add_tasks(app)
    task = app.tasks["shop.pay"]

    for exception, task_id in (
        (TimeLimitExceeded(1), "a"), (TimeLimitExceeded(1), "a"), (WorkerLostError(), "b"), (Reject(), "c"),
    ):  # fmt: skip
        signals.task_failure.send(sender=task, task_id=task_id, exception=exception)

    assert counts(registry) == (2, 2)


def test_patterns_that_name_no_task_are_logged(app: Celery, caplog: pytest.LogCaptureFixture):
    """Once, when a worker is ready; with the name that is nearest."""
    registry = instrument_celery(app, {"all": {"target": 0.9}, "pay": {"target": 0.9, "tasks": ["shop.payy"]}})

    with caplog.at_level(logging.WARNING):
        log_mistakes(registry, ["shop.pay", "celery.chain"], None)

    assert "SLO 'pay': tasks: 'shop.payy' is the name of no task of this worker" in caplog.text
    assert "shop.pay" in caplog.text.partition("worker")[2]


def test_a_registry_without_task_slos_is_logged(caplog: pytest.LogCaptureFixture):
    """Nothing is counted, and nothing else would say so."""
    with caplog.at_level(logging.WARNING):
        log_mistakes(SLORegistry(), [], None)

    assert "no SLO counts tasks" in caplog.text


def test_what_a_pools_process_counted_is_handed_over_when_it_ends(app: Celery, tmp_path):
    """`worker_process_shutdown` is the last thing that runs in it."""
    url = f"sqlite:///{tmp_path / 'slo.db'}"
    instrument_celery(app, {"all": {"target": 0.9}}, store=url, flush_interval=600)
    add_tasks(app)
    run(app, "shop.pay")

    signals.worker_process_shutdown.send(sender="host", pid=1, exitcode=0)

    with SLORegistry(url) as registry:
        registry.define(SLODefinition("all", 0.9, kind="task"))
        assert counts(registry) == (1, 0)


DJANGO = """
import django
from django.conf import settings
from celery import Celery
from slo_celery import instrument_celery
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "not_read_yet"
app = Celery("shop", broker="memory://", backend="cache+memory://")
app.conf.task_always_eager = True
assert instrument_celery(app) is None
settings.configure(
    INSTALLED_APPS=["slo_django"], SLO_STORE="memory://",
    SLO_DEFINITIONS={"pages": {"target": "99%"}, "tasks": {"target": "99%", "tasks": ["shop.*"]}},
)
django.setup()
@app.task(name="shop.pay", shared=False)
def pay(): pass
pay.delay()
from slo_django import get_registry
print([(tracker.name, tracker.snapshot().total) for tracker in get_registry()])
from django.test import override_settings
with override_settings(SLO_ENABLED=False):
    pay.delay()
    print([tracker.snapshot().total for tracker in get_registry()])
with override_settings(SLO_DEFINITIONS={"tasks": {}}):
    pay.delay()
    print("the task has run")
"""


def test_the_settings_of_a_django_project_hold_the_slos():
    """They are read with the first task; one registry counts requests and tasks. Mistakes in them stop no task."""
    pytest.importorskip("django")

    done = subprocess.run([sys.executable, "-c", DJANGO], capture_output=True, text=True, check=False)

    assert done.stdout.splitlines() == ["[('pages', 0), ('tasks', 1)]", "[0, 0]", "the task has run"], done.stderr
    assert "Celery's tasks are not counted" in done.stderr


def test_without_definitions_and_without_django_it_says_what_is_missing():
    """In a process that belongs to no project."""
    code = "from celery import Celery; from slo_celery import instrument_celery; instrument_celery(Celery())"
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)

    assert "definitions: missing; expected SLOs such as" in done.stderr
