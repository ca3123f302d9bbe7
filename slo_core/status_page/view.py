"""The views of `/slo`, `/slo.json` and the files of the page, for frameworks without an admin."""

from __future__ import annotations

import json
from collections.abc import Mapping

from slo_core.errors import ConfigError, UnknownNameError, described
from slo_core.http.answer import Answer, answered, checked_token, is_authorized, method_not_allowed, plain_text
from slo_core.status.json_view import JSON_VERSION
from slo_core.status_page.assets import Assets
from slo_core.status_page.links import relative_links
from slo_core.status_page.markup import element, html_of
from slo_core.status_page.page import PageContent, StatusPage
from slo_core.status_page.query import PageQuery
from slo_core.tracking.registry import SLORegistry

__all__ = ["StatusView", "json_answer"]

_JSON = "application/json"
_HTML = "text/html; charset=utf-8"

# No foreign sources, no inline scripts or styles, and no frame on other sites.
_HEADERS = (
    ("Content-Security-Policy", "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"),
    ("Referrer-Policy", "same-origin"),
)
# Browsers ask a person for the token as a password.
_CHALLENGE = ("WWW-Authenticate", 'Basic realm="slo", charset="UTF-8"')


class StatusView:
    """
    Answers requests for the status page.

    Args:
        registry: The SLOs.
        path: The path of the page: "/slo". Its JSON is at "/slo.json", its files are below "/slo/".
        token: The token to ask for, as a bearer token or as the password of Basic with any name; None asks for none.

    Raises:
        ValueError: The token is empty.
    """

    __slots__ = ("_assets", "_links", "_name", "_page", "_token")

    def __init__(self, registry: SLORegistry, *, path: str, token: str | None = None) -> None:
        self._name = path.rstrip("/").rpartition("/")[2]
        self._links = relative_links(self._name)
        self._page = StatusPage(registry)
        self._assets = Assets()
        self._token = checked_token(token)

    def respond_page(
        self, method: str, *, query: str = "", authorization: str = "", accept_encoding: str = ""
    ) -> Answer:
        """
        The page: 200 also while the store is away, 401 without the token, 404 for an unknown SLO, 405.

        It says which parameters it does not understand, and shows what it shows without them.

        It reads the store and may wait for it: call it off the event loop.

        Args:
            method: The HTTP method.
            query: The raw query string: `slo`, `range`, `causes`; `state`, `sort`.
            authorization: The Authorization header.
            accept_encoding: The Accept-Encoding header.
        """
        refusal = self._refusal(method, authorization)
        if refusal is not None:
            return refusal
        asked = PageQuery(query)
        name = asked.pop("slo", None)
        try:
            if name is None:
                content = self._page.overview(asked, links=self._links)
            else:
                content = self._page.detail(name, asked, links=self._links)
        except UnknownNameError as exc:
            return plain_text(method, 404, f"{exc.args[0]}\n")
        body = self._html_page(content, is_detail=name is not None).encode("utf-8", "replace")
        vary = ("Vary", "Accept-Encoding")
        return answered(method, 200, _HTML, body, vary, *_HEADERS, accept_encoding=accept_encoding)

    def respond_json(
        self, method: str, *, query: str = "", authorization: str = "", accept_encoding: str = ""
    ) -> Answer:
        """
        The JSON: 200, 400 for wrong parameters, 401 without the token, 404 for an unknown SLO, 405, 503 while the store
        is away.

        Args:
            method: The HTTP method.
            query: The raw query string: `slo`, `range`.
            authorization: The Authorization header.
            accept_encoding: The Accept-Encoding header.
        """
        refusal = self._refusal(method, authorization)
        return refusal or json_answer(self._page, method, PageQuery(query), accept_encoding=accept_encoding)

    def respond_asset(self, method: str, name: str, *, query: str = "", accept_encoding: str = "") -> Answer:
        """A file of the page; see `Assets.respond`. It needs no token."""
        return self._assets.respond(method, name, query=query, accept_encoding=accept_encoding)

    def _refusal(self, method: str, authorization: str) -> Answer | None:
        if refusal := method_not_allowed(method):
            return refusal
        if not is_authorized(authorization, self._token, or_basic=True):
            text = "unauthorized: send the token as Authorization: Bearer, or as the password of Basic\n"
            return plain_text(method, 401, text, _CHALLENGE)
        return None

    def _html_page(self, content: PageContent, *, is_detail: bool) -> str:
        asset, version = self._links.asset, self._assets.version
        styles = [element("link", rel="stylesheet", href=f"{asset(name)}?v={version}") for name in content.styles]
        scripts = [element("script", src=f"{asset(name)}?v={version}", defer=True) for name in content.scripts]
        head = element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element(
                "title", " | ".join(filter(None, (content.news, content.title if is_detail else "", "SLO status")))
            ),
            element("link", rel="icon", href=f"{asset(content.icon)}?v={version}"),
            *styles,
            *scripts,
        )
        back = element("p", element("a", "All SLOs", href=self._links.overview({}))) if is_detail else None
        # The content is HTML already: it replaces the marker.
        main = element("main", back, element("h1", content.title, dir="auto"), element("slot"))
        frame = html_of(element("html", head, element("body", main, class_="slo-page"), lang="en"))
        before, _, after = frame.rpartition("<slot></slot>")
        return f"<!DOCTYPE html>\n{before}{content.html}{after}\n"


def json_answer(page: StatusPage, method: str, query: Mapping[str, str], *, accept_encoding: str = "") -> Answer:
    """
    The JSON of a page: 200, 400 for wrong parameters, 404 for an unknown SLO, 503 while the store is away.

    Args:
        page: The page.
        method: The HTTP method.
        query: `slo`, `range`.
        accept_encoding: The Accept-Encoding header.
    """
    status, view = 200, {}
    try:
        view = page.json_view(query)
    except ConfigError as exc:
        status, view = 400, {"version": JSON_VERSION, "error": str(exc)}
    except UnknownNameError as exc:
        status, view = 404, {"version": JSON_VERSION, "error": str(exc.args[0])}
    except Exception as exc:  # the status code says so
        store = page.registry.store
        status = 503
        view = {
            "version": JSON_VERSION,
            "service": page.registry.service,
            "store": {"backend": store.backend, "scope": store.scope, "is_up": False},
            "error": f"the store cannot be read: {described(exc)}",
        }
    body = json.dumps(view, allow_nan=False).encode()
    vary = ("Vary", "Accept-Encoding")
    return answered(method, status, _JSON, body, vary, *_HEADERS, accept_encoding=accept_encoding)
