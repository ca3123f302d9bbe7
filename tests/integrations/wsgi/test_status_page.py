"""The status page of a plain WSGI application: all its parts, and none of its requests count."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from slo_core import HTTPRule, SLODefinition, SLORegistry
from slo_wsgi import SLOMiddleware, status_wsgi_app
from wsgi_driver import Answer, serve


class Shop:
    """An application that hands everything below `path` to the status page."""

    def __init__(self, path: str, **options: Any) -> None:
        self.registry = SLORegistry()
        self.registry.define(SLODefinition("availability", 0.9, http=HTTPRule(unmatched=True)))
        status = status_wsgi_app(self.registry, path=path, **options)

        def application(environ: Any, start_response: Any) -> Any:
            if environ["PATH_INFO"].startswith(path):
                return status(environ, start_response)
            start_response("200 OK", [])
            return [b"answer"]

        self.app = SLOMiddleware(application, registry=self.registry)

    def ask(self, path: str, method: str = "GET", **extra: Any) -> Answer:
        return serve(self.app, method, path, **extra)


def test_the_page_its_json_and_its_files_answer_and_count_for_nothing() -> None:
    """At the path that was chosen; other methods and paths are refused."""
    shop = Shop("/internal/slo")
    shop.ask("/orders")

    page, document = shop.ask("/internal/slo"), shop.ask("/internal/slo.json?slo=availability&range=6h")
    others = {
        "/internal/slo/slo.js": 200,
        "/internal/slo/other.js": 404,
        "/internal/slower": 404,
        "/internal/slo/": 404,
    }

    assert (page.status, document.status, shop.ask("/internal/slo", "POST").status) == (200, 200, 405)
    assert b"availability" in page.content
    assert json.loads(document.content)["slos"][0]["total"] == 1
    (query,) = re.findall(r"slo[.]js[?](v=\w+)", page.content.decode())
    assert "immutable" in dict(shop.ask(f"/internal/slo/slo.js?{query}").headers)["Cache-Control"]
    assert {path: shop.ask(path).status for path in others} == others
    assert shop.registry["availability"].snapshot().total == 1


def test_a_token_is_asked_for() -> None:
    """As a bearer token or as a password; an empty one is refused where it is given."""
    shop = Shop("/slo", token="secret")

    assert shop.ask("/slo").status == shop.ask("/slo.json").status == 401
    assert shop.ask("/slo", HTTP_AUTHORIZATION="Bearer secret").status == 200
    assert shop.ask("/slo.json", HTTP_AUTHORIZATION="Basic eDpzZWNyZXQ=").status == 200
    with pytest.raises(ValueError, match="expected non-empty text"):
        status_wsgi_app(SLORegistry(), token="")
