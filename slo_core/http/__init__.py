"""One HTTP request becomes good, bad or left out. `slo_track` and `slo_exempt` mark views."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slo_core.http.markers import slo_exempt, slo_track

__all__ = ["slo_exempt", "slo_track"]


def __getattr__(name: str) -> object:
    # Lazy: importing a module of this package must not import the marks as well.
    if name in __all__:
        from slo_core.http import markers

        return getattr(markers, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
