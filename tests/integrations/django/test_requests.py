"""Requests with a plain answer: counted once, with the right outcome and duration."""

from __future__ import annotations

import pytest
from django.core.signals import request_finished
from django.test import override_settings
from slo_test_project.clock import clock
from slo_test_project.project import COMMON, MIDDLEWARE, OpenProject, Project

from slo_core.http.recorder import HTTPRecorder

INSIDE = "slo_test_project.middleware."
EARLY = [MIDDLEWARE, INSIDE + "answers_early", COMMON]


@pytest.mark.parametrize(
    ("path", "status", "good"),
    [
        ("/", 200, True),
        ("/async/", 200, True),
        ("/status/204/", 204, True),
        ("/status/302/", 302, True),
        ("/status/400/", 400, True),
        ("/status/404/", 404, True),
        ("/status/429/", 429, True),
        ("/status/500/", 500, False),
        ("/status/503/", 503, False),
        ("/missing/", 404, True),
        ("/forbidden/", 403, True),
        ("/refused/", 400, True),
        ("/post-only/", 405, True),
        ("/boom/", 500, False),
        ("/async-boom/", 500, False),
    ],
)
def test_a_view_that_answers_counts_once(project: Project, path: str, status: int, good: bool) -> None:
    """Below 500 is good, from a view as well as by exception; 500 and an unhandled exception are bad."""
    assert project.get(path).status == status

    event = project.only_event()
    assert (event.status, event.outcomes["availability"]) == (status, good)
    assert project.counts() == (1, 0 if good else 1)


def test_the_duration_is_the_applications(project: Project) -> None:
    """400 ms are more than the 300 ms the latency SLO allows, and availability does not mind."""
    project.get("/slow/")

    event = project.only_event()
    assert event.duration_seconds == event.first_byte_seconds == pytest.approx(0.4)
    assert event.outcomes == {"availability": True, "latency": False}


@pytest.mark.parametrize("path", ["/boom/", "/async-boom/"])
def test_an_unhandled_exception_is_bad_whatever_statuses_are(open_project: OpenProject, path: str) -> None:
    """bad_statuses without 5xx forgives a 503, but never an exception."""
    project = open_project(SLO_DEFINITIONS={"availability": {"target": 0.9, "bad_statuses": [429]}})

    project.get(path)
    project.get("/status/503/")

    assert project.counts() == (2, 1)
    assert isinstance(project.events[0].exception, RuntimeError)
    assert project.events[1].exception is None


@pytest.mark.parametrize("path", ["/missing/", "/forbidden/", "/refused/"])
def test_an_exception_that_means_4xx_is_no_failure(project: Project, path: str) -> None:
    """Http404, PermissionDenied and BadRequest are answers."""
    project.get(path)

    assert project.only_event().exception is None


def test_an_exception_hidden_by_a_middleware_is_bad_still(open_project: OpenProject) -> None:
    """A polite page in place of the 500 does not undo the failure."""
    project = open_project(MIDDLEWARE=[MIDDLEWARE, INSIDE + "hides_errors"])

    assert project.get("/boom/").body == b"all is well"
    assert project.counts() == (1, 1)


@pytest.mark.parametrize("path", ["/boom/", "/async-boom/"])
def test_a_propagated_exception_counts_once(open_project: OpenProject, path: str) -> None:
    """DEBUG_PROPAGATE_EXCEPTIONS sends the exception through every middleware and up to the server."""
    project = open_project(DEBUG_PROPAGATE_EXCEPTIONS=True, MIDDLEWARE=EARLY)

    assert isinstance(project.get(path).error, RuntimeError)
    event = project.only_event()
    assert isinstance(event.exception, RuntimeError)
    assert (event.status, event.view_name) == (500, path.strip("/"))
    assert project.counts() == (1, 1)


def test_debug_pages_count_as_what_they_are(open_project: OpenProject) -> None:
    """The technical 500 page is a failure too."""
    project = open_project(DEBUG=True)

    assert project.get("/boom/").status == 500
    assert project.counts() == (1, 1)


def test_system_exit_is_bad(open_for: OpenProject) -> None:
    """A server that aborts its worker raises SystemExit in the view."""
    project = open_for("wsgi")

    assert isinstance(project.get("/leave/").error, SystemExit)
    assert isinstance(project.only_event().exception, SystemExit)
    assert project.counts() == (1, 1)


def test_an_exception_in_a_middleware_inside_counts_once(open_project: OpenProject) -> None:
    """No view was asked, and the failure counts all the same, without a route."""
    project = open_project(MIDDLEWARE=EARLY)

    assert project.get("/broken-middleware/").status == 500
    event = project.only_event()
    assert (event.route, event.view_name) == (None, None)
    assert isinstance(event.exception, RuntimeError)
    assert project.counts() == (1, 1)


@pytest.mark.parametrize(("path", "status", "failures"), [("/limited/", 429, 0), ("/maintenance/", 503, 1)])
def test_an_early_answer_of_a_middleware_counts(
    open_project: OpenProject, path: str, status: int, failures: int
) -> None:
    """A 429 is an answer and a 503 a failure, though no view was asked."""
    project = open_project(MIDDLEWARE=EARLY)

    assert project.get(path).status == status
    assert project.only_event().route is None
    assert project.counts() == (1, failures)


def test_an_early_404_of_a_middleware_is_unmatched(open_project: OpenProject) -> None:
    """No route and a 404: not told from a scanner's guess."""
    project = open_project(MIDDLEWARE=EARLY)

    assert project.get("/gone/").status == 404
    assert project.events == []


def test_a_404_without_a_view_counts_only_when_asked_for(open_project: OpenProject) -> None:
    """Unmatched requests are left out, unless an SLO says `unmatched`."""
    project = open_project(
        SLO_DEFINITIONS={"availability": {"target": 0.9}, "everything": {"target": 0.9, "unmatched": True}}
    )

    assert project.get("/no/such/page/").status == 404
    assert project.only_event().outcomes == {"everything": True}


def test_a_slash_redirect_does_not_count(project: Project) -> None:
    """APPEND_SLASH answers 301 where no route took the path."""
    assert project.get("/slow").status == 301
    assert project.events == []


def test_head_counts_as_get(project: Project) -> None:
    """HEAD to a view is a request like another."""
    project.ask("HEAD", "/")

    assert project.only_event().method == "GET"


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}])
def test_options_does_not_count(open_project: OpenProject, headers: dict[str, str]) -> None:
    """Neither OPTIONS nor a CORS preflight is a request for the service's work."""
    project = open_project(MIDDLEWARE=EARLY)

    project.ask("OPTIONS", "/tracked-class/", headers=headers)
    project.ask("OPTIONS", "/", headers=headers)

    assert project.counts() == (0, 0)


def test_an_unknown_method_counts_as_other(project: Project) -> None:
    """A client cannot make up methods."""
    assert project.ask("FOO", "/").status == 403  # no token against CSRF

    assert project.only_event().method == "_OTHER"


@pytest.mark.parametrize("path", ["/static/app.css", "/finders/admin.css", "/folder/logo.png"])
def test_static_files_do_not_count(open_project: OpenProject, path: str) -> None:
    """Neither what a middleware serves under STATIC_URL, nor Django's own static views."""
    project = open_project(MIDDLEWARE=EARLY)

    project.get(path)

    assert project.events == []


def test_static_files_on_another_host_leave_out_nothing(open_project: OpenProject) -> None:
    """A STATIC_URL with a host says nothing about our paths."""
    project = open_project(MIDDLEWARE=EARLY, STATIC_URL="https://cdn.example/static/")

    assert project.get("/static/app.css").status == 200
    assert project.counts() == (1, 0)


def test_work_after_the_response_is_not_the_requests(project: Project) -> None:
    """Receivers of `request_finished` run after the end: neither their time nor their failure counts."""

    def work(**_: object) -> None:
        clock.advance(0.3)
        raise RuntimeError("background work failed")

    request_finished.connect(work)
    try:
        answer = project.get("/")
    except RuntimeError:
        answer = None
    finally:
        request_finished.disconnect(work)

    assert answer is None or answer.status == 200
    event = project.only_event()
    assert event.duration_seconds == pytest.approx(0.0)
    assert event.outcomes == {"availability": True, "latency": True}


def test_a_signal_for_another_request_changes_nothing(project: Project) -> None:
    """Libraries send got_request_exception with whatever they have, or without a request."""
    from django.core.signals import got_request_exception

    got_request_exception.send(sender=None, request=None)
    got_request_exception.send(sender=None)
    project.get("/")

    assert project.counts() == (1, 0)


def test_a_cancellation_under_wsgi_is_the_applications_failure(open_for: OpenProject) -> None:
    """No server cancels a WSGI request: it is an exception like another."""
    project = open_for("wsgi")

    project.get("/cancelled/")

    assert project.counts() == (1, 1)
    assert not project.only_event().disconnected


@pytest.mark.parametrize(
    "path", ["/", "/async/", "/status/404/", "/boom/", "/no/such/page/", "/stream/", "/slow", "/file/"]
)
def test_the_response_is_untouched(open_project: OpenProject, path: str) -> None:
    """Status, headers, chunks and their order are those of the project without the middleware."""
    project = open_project()
    with_middleware = project.get(path)
    with override_settings(MIDDLEWARE=[name for name in _middleware() if name != MIDDLEWARE]):
        without = project.get(path)

    assert (with_middleware.status, with_middleware.headers) == (without.status, without.headers)
    assert with_middleware.chunks == without.chunks
    assert without.status != 0


def _middleware() -> list[str]:
    from django.conf import settings

    return list(settings.MIDDLEWARE)


@pytest.mark.parametrize("inside", ["sync_only", "async_only"])
@pytest.mark.parametrize("path", ["/", "/async/", "/boom/", "/async-boom/"])
def test_a_middleware_of_one_mode_inside_ours(open_project: OpenProject, inside: str, path: str) -> None:
    """Whatever mode Django puts us in, the request counts once and right."""
    project = open_project(MIDDLEWARE=[MIDDLEWARE, INSIDE + inside], SLO_DEFINITIONS={"availability": {"target": 0.9}})

    project.get(path)

    event = project.only_event()
    assert event.view_name == {"/": "home", "/async/": "async-home"}.get(path, path.strip("/"))
    assert project.counts() == (1, 1 if "boom" in path else 0)


def test_installed_twice_counts_once(open_project: OpenProject) -> None:
    """The outermost installation counts; the inner one stands aside."""
    project = open_project(MIDDLEWARE=[MIDDLEWARE, MIDDLEWARE, COMMON])

    project.get("/")
    project.get("/boom/")

    assert project.counts() == (2, 1)


def test_an_installation_around_django_counts_in_our_place(open_project: OpenProject) -> None:
    """An ASGI or WSGI middleware around Django shares the marker of the request, so nothing counts twice."""
    from slo_core.http.recorder import HTTPRecorder

    project = open_project()
    outer = HTTPRecorder(project.registry)
    request_scope: dict[str, object] = {}
    observed = outer.begin(request_scope, "GET", "/")
    assert observed is not None

    project.get("/", request_scope=request_scope)
    observed.status = 200
    outer.finish(observed)

    assert project.counts() == (1, 0)


def test_another_services_slos_count_beside_ours(open_project: OpenProject) -> None:
    """An installation of other SLOs around Django does not silence ours."""
    from slo_core import SLORegistry
    from slo_core.http.recorder import HTTPRecorder

    project = open_project()
    other = SLORegistry.from_config({"edge": {"target": 0.9}}, service="edge")
    recorder = HTTPRecorder(other)
    request_scope: dict[str, object] = {}
    observed = recorder.begin(request_scope, "GET", "/")
    assert observed is not None

    project.get("/", request_scope=request_scope)
    observed.status = 200
    recorder.finish(observed)

    assert project.counts() == (1, 0)
    assert other["edge"].snapshot().total == 1


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("POST", "/", {"headers": {"Content-Length": "many"}}),
        ("POST", "/", {"headers": {"Content-Length": "-5"}}),
        ("GET", "/" + "a" * 65_536, {}),
        ("GET", "/?" + "a=%FF&" * 100, {}),
        ("FOO", "/no/such/page/", {}),
        ("GET", "/caf\u00e9/", {}),
        ("GET", "//", {}),
    ],
)
def test_malformed_requests_are_no_error_of_ours(
    project: Project, caplog: pytest.LogCaptureFixture, method: str, path: str, options: dict[str, object]
) -> None:
    """Whatever comes over the wire, Django answers it as it would without us."""
    answer = project.ask(method, path, **options)

    assert answer.error is None
    assert answer.status in (200, 301, 403, 404)
    assert [record for record in caplog.records if record.name == "slo_core"] == []
    assert project.registry.internals.errors.total == 0


def test_a_path_that_is_no_utf8_is_no_error_of_ours(open_for: OpenProject) -> None:
    """Django reads broken bytes in a WSGI path as percent-encoded."""
    project = open_for("wsgi")

    answer = project.get("/", request_scope={"PATH_INFO": "/caf\xe9/\xff"})

    assert (answer.status, answer.error) == (404, None)
    assert project.registry.internals.errors.total == 0


def test_an_error_of_ours_leaves_the_response_alone(
    open_for: OpenProject, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What breaks inside the middleware is logged and counted, and the client is answered."""
    from slo_django.served_request import ServedRequest

    def broken(*_: object) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(ServedRequest, "_follow", broken)
    project = open_for("asgi")

    assert project.get("/async-stream/").body.endswith(b"chunk 4\n")
    assert project.registry.internals.errors.total == 1
    assert "could not be followed" in caplog.text


def test_a_failed_request_leaves_no_cycle_behind() -> None:
    """An exception's traceback leads to the request: the request must not lead back to the exception."""
    import gc
    import weakref

    from django.test import RequestFactory

    from slo_django.middleware import SLOMiddleware

    class Failure(Exception):
        pass

    def fail(request: object) -> None:
        raise Failure

    middleware = SLOMiddleware(fail)  # type: ignore[arg-type]  # raises before it could return anything
    gc.collect()
    gc.disable()
    try:
        request = RequestFactory().get("/")
        found = weakref.ref(request)
        try:  # pytest.raises would hold on to the traceback
            middleware(request)
        except Failure:
            pass
        del request
        assert found() is None
    finally:
        gc.enable()


def test_a_request_that_cannot_be_taken_up_is_answered(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The same for what breaks before the view is asked."""

    def broken(*_: object) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(HTTPRecorder, "begin", broken)

    assert project.get("/").body == b"home"
    assert project.registry.internals.errors.total == 1
    assert "could not be taken up" in caplog.text
