"""
One HTTP request becomes good, bad or left out.

`slo_track` and `slo_exempt` mark views; `slo_outcome` and `slo_failed` say how a request ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slo_core.http.markers import slo_exempt, slo_track
    from slo_core.http.outcome import slo_failed, slo_outcome

__all__ = ["slo_exempt", "slo_failed", "slo_outcome", "slo_track"]

_MODULES = {"slo_exempt": "markers", "slo_failed": "outcome", "slo_outcome": "outcome", "slo_track": "markers"}


def __getattr__(name: str) -> object:
    # Lazy: importing a module of this package must not import these as well.
    if name in _MODULES:
        from importlib import import_module

        return getattr(import_module(f"slo_core.http.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
