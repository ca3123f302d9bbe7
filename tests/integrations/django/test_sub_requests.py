"""Requests that a view sends to its own application, in process, are part of its own request."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.test import AsyncClient, AsyncRequestFactory, Client, RequestFactory
from django.urls import path
from slo_test_project import views
from slo_test_project.drivers import serve_wsgi
from slo_test_project.project import OpenProject

from slo_django.middleware import SLOMiddleware


def by_client(request: HttpRequest) -> HttpResponse:
    return HttpResponse(Client(raise_request_exception=False).get("/boom/").content)


async def by_async_client(request: HttpRequest) -> HttpResponse:
    await AsyncClient(raise_request_exception=False).get("/boom/")
    return HttpResponse()


async def by_client_in_a_thread(request: HttpRequest) -> HttpResponse:
    await sync_to_async(by_client)(request)
    return HttpResponse()


async def by_tasks(request: HttpRequest) -> HttpResponse:
    await asyncio.gather(*(AsyncClient(raise_request_exception=False).get("/boom/") for _ in range(2)))
    return HttpResponse()


def by_factory(request: HttpRequest) -> HttpResponse:
    handler = BaseHandler()
    handler.load_middleware()
    return HttpResponse(status=handler.get_response(RequestFactory().get("/")).status_code)


def by_driver(request: HttpRequest) -> HttpResponse:
    return HttpResponse(serve_wsgi("GET", "/", application=WSGIHandler()).body)


def by_thread_pool(request: HttpRequest) -> HttpResponse:
    return async_to_sync(by_client_in_a_thread)(request)


def by_copy(request: HttpRequest) -> HttpResponse:
    handler = BaseHandler()
    handler.load_middleware()
    return HttpResponse(status=handler.get_response(WSGIRequest({**RequestFactory().get("/").META})).status_code)


def preview(request: HttpRequest) -> HttpResponseBase:
    """As Wagtail renders a page for its editors: through the middlewares, without a URL."""
    dummy = RequestFactory().get("/the/page/")
    dummy.is_dummy = True  # type: ignore[attr-defined]  # Wagtail's

    class Handler(BaseHandler):
        def _get_response(self, request: HttpRequest) -> HttpResponse:
            return HttpResponse("preview", status=int(dummy.headers.get("X-Status", "200")))

    handler = Handler()
    handler.load_middleware()
    return handler.get_response(dummy)


class Urls:
    """Views that send requests, and those that they send them to."""

    senders = [
        by_client,
        by_async_client,
        by_client_in_a_thread,
        by_tasks,
        by_factory,
        by_driver,
        by_thread_pool,
        by_copy,
        preview,
    ]
    urlpatterns = [
        *(path(f"{sender.__name__}/", sender, name=sender.__name__) for sender in senders),
        path("boom/", views.boom),
        path("", views.home),
    ]


@pytest.mark.parametrize("sender", [sender.__name__ for sender in Urls.senders])
def test_the_outer_request_counts_once(open_project: OpenProject, sender: str) -> None:
    """The client saw one request and one answer, and the next request counts as ever."""
    project = open_project(ROOT_URLCONF=Urls)

    assert project.get(f"/{sender}/").status == 200
    assert project.get("/").status == 200

    assert [event.view_name for event in project.events][0] == sender
    assert project.counts() == (2, 0)


def test_a_preview_outside_a_request_counts_for_nothing(open_for: OpenProject) -> None:
    """Wagtail renders pages in commands too; no client asks for them."""
    project = open_for("wsgi", ROOT_URLCONF=Urls)

    assert preview(RequestFactory().get("/")).content == b"preview"

    assert project.counts() == (0, 0)


def test_a_request_of_a_task_that_outlives_its_request_counts(open_for: OpenProject) -> None:
    """It is part of nothing any more."""
    project = open_for("asgi", ROOT_URLCONF=Urls)
    tasks = []

    async def run() -> None:
        async def later(_: HttpRequest) -> HttpResponse:
            async def ask() -> None:
                await answered.wait()
                await AsyncClient().get("/")

            tasks.append(asyncio.create_task(ask()))
            return HttpResponse()

        answered = asyncio.Event()
        middleware = SLOMiddleware(later)
        await middleware(AsyncRequestFactory().get("/outer/"))  # type: ignore[misc]  # async, because `later` is
        answered.set()
        await asyncio.gather(*tasks)

    asyncio.run(run())
    assert project.counts() == (2, 0)


LAZY = """
import sys
from django.conf import settings
settings.configure(
    SECRET_KEY="x", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, INSTALLED_APPS=["slo_django"], SLO_STORE="memory://",
    MIDDLEWARE=["slo_django.middleware.SLOMiddleware"], SLO_DEFINITIONS={"availability": {"target": 0.99}},
)
import django
django.setup()
import io
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.urls import path
from slo_django import get_registry

def warms(request):
    from django.test import Client
    return HttpResponse(Client().get("/").content)

urlpatterns = [path("warms/", warms), path("", lambda request: HttpResponse())]
assert "django.test.client" not in sys.modules
application = WSGIHandler()
for _ in range(2):
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/warms/", "SERVER_NAME": "shop", "SERVER_PORT": "80",
               "wsgi.input": io.BytesIO(), "wsgi.url_scheme": "http", "wsgi.errors": sys.stderr}
    application(environ, lambda *arguments: None).close()
print(get_registry()["availability"].snapshot().total)
"""


def test_a_view_may_load_the_test_client_itself() -> None:
    """Its first request is no other than its second."""
    ended = subprocess.run([sys.executable, "-c", LAZY], capture_output=True, text=True, timeout=60)

    assert ended.stdout == "2\n", ended.stderr
