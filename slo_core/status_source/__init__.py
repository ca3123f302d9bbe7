"""Where somebody outside a service learns how its SLOs stand: from its pages, or from its store."""

from __future__ import annotations

from slo_core.status_source.open import StatusSource, open_status_source

__all__ = ["StatusSource", "open_status_source"]
