"""Every name that other systems see, once: metrics, labels, settings, the logger, the marker of a request."""

from __future__ import annotations

__all__ = ["LOGGER_NAME", "RESERVED_LABELS", "Label", "Metric"]

LOGGER_NAME = "slo_core"

# Key under which a request's marks travel in an ASGI scope or a WSGI environ.
REQUEST_MARKS_KEY = "slo_core.request"

# Key under which an application may put the route template into the ASGI scope itself, for routers nobody knows.
ROUTE_SCOPE_KEY = "slo_route"

# Entry-point group in which stores of other packages register their URL scheme.
STORE_ENTRY_POINT_GROUP = "slo_core.stores"

DEFAULT_SERVICE = "default"
DEFAULT_STORE = "memory://"
DEFAULT_METRICS_PATH = "/metrics"


class Label:
    """Label names."""

    SLO = "slo"
    SERVICE = "slo_service"
    STORE_ID = "store_id"
    WINDOW = "window_seconds"
    OUTCOME = "outcome"
    SEVERITY = "severity"
    LONG_WINDOW = "long_window_seconds"
    SHORT_WINDOW = "short_window_seconds"
    BACKEND = "backend"
    SCOPE = "scope"


RESERVED_LABELS = frozenset(value for name, value in vars(Label).items() if name.isupper()) | {"job", "instance", "le"}


class Metric:
    """Metric names, as in a query."""

    TARGET = "slo_target"
    WINDOW = "slo_window_seconds"
    SUCCESS_RATIO = "slo_success_ratio"
    BUDGET_REMAINING = "slo_error_budget_remaining"
    BREACHED = "slo_breached"
    DATA_SINCE = "slo_data_since_seconds"
    LATENCY_THRESHOLD = "slo_latency_threshold_seconds"
    BURN_RATE = "slo_burn_rate"
    WINDOW_EVENTS = "slo_window_events"
    WINDOW_FAILURES = "slo_window_failures"
    EVENTS = "slo_events_total"
    ALERT_FIRING = "slo_alert_firing"
    STORE_INFO = "slo_store_info"
    STORE_UP = "slo_store_up"
    FLUSH_LAG = "slo_flush_lag_seconds"
    CLOCK_SKEW = "slo_clock_skew_seconds"
    STORE_ERRORS = "slo_store_errors_total"
    EVENTS_DROPPED = "slo_events_dropped_total"
    INTERNAL_ERRORS = "slo_internal_errors_total"
