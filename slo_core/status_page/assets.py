"""The style sheets and scripts of the status page."""

from __future__ import annotations

import hashlib
from functools import cached_property
from importlib.resources import files
from urllib.parse import parse_qs

from slo_core.http.answer import Answer, answered, method_not_allowed, plain_text

__all__ = ["Assets"]

_TYPES = {
    "slo.css": "text/css; charset=utf-8",
    "slo.js": "text/javascript; charset=utf-8",
    "slo.svg": "image/svg+xml",
    "slo-paging.svg": "image/svg+xml",
    "slo-ticketing.svg": "image/svg+xml",
    "uplot.css": "text/css; charset=utf-8",
    "uplot.js": "text/javascript; charset=utf-8",
}

# A year: the version in an address changes with the file. While a service is replaced, an instance of one version is asked
# for the files of another: no cache may keep its answer under that address.
_FOREVER = ("Cache-Control", "public, max-age=31536000, immutable")
_NOT_KEPT = ("Cache-Control", "no-cache")


class Assets:
    """The files, read at the first request."""

    @cached_property
    def _bodies(self) -> dict[str, bytes]:
        folder = files("slo_core.status_page") / "static"
        return {name: (folder / name).read_bytes() for name in _TYPES}

    @cached_property
    def version(self) -> str:
        """A hash that changes with any of the files."""
        digest = hashlib.sha256()
        for body in self._bodies.values():
            digest.update(body)
        return digest.hexdigest()[:12]

    def respond(self, method: str, name: str, *, query: str = "", accept_encoding: str = "") -> Answer:
        """
        The answer to a request for a file: 200, 404 for any other name, 405 for anything but GET and HEAD.

        Args:
            method: The HTTP method.
            name: Of the file.
            query: The raw query string: only with the `v` of this version may caches keep the answer.
            accept_encoding: The Accept-Encoding header.
        """
        if refusal := method_not_allowed(method):
            return refusal
        if name not in _TYPES:
            return plain_text(method, 404, "not found\n")
        body = self._bodies[name]
        vary = ("Vary", "Accept-Encoding")
        kept = _FOREVER if parse_qs(query).get("v") == [self.version] else _NOT_KEPT
        return answered(method, 200, _TYPES[name], body, kept, vary, accept_encoding=accept_encoding)
