"""Names that other systems see, defined once: metrics, labels, keys and the logger; and rules for names in Prometheus."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from slo_core.errors import Problem

__all__ = ["LOGGER_NAME", "RESERVED_LABELS", "Alert", "Label", "Metric", "is_encodable", "label_problems", "quoted"]

LOGGER_NAME = "slo_core"

# Key of a request's marks in an ASGI scope or a WSGI environ.
REQUEST_MARKS_KEY = "slo_core.request"
# Where the trace of a request that will probably be bad is noted there.
REQUEST_TRACE_KEY = "slo_core.trace"

# Key under which an application may put the route template into the ASGI scope, for routers that slo-suite does not know.
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
    WINDOW_PERIOD = "window_period"  # only where a calendar and a rolling window have the same `window_seconds`
    OUTCOME = "outcome"
    ROUTE = "route"
    SEVERITY = "severity"
    LONG_WINDOW = "long_window_seconds"
    SHORT_WINDOW = "short_window_seconds"
    BACKEND = "backend"
    SCOPE = "scope"
    WINDOW_NAME = "slo_window"
    TIMEZONE = "slo_timezone"


# `route` is not among them: users had labels of that name before, and series of causes put theirs in its place.
RESERVED_LABELS = frozenset(value for name, value in vars(Label).items() if name.isupper() and value != Label.ROUTE) | {
    "job",
    "instance",
    "le",
}


class Metric:
    """Metric names, as in a query."""

    TARGET = "slo_target"
    WINDOW = "slo_window_seconds"
    INFO = "slo_info"
    RETIRED = "slo_retired_since_seconds"
    SUCCESS_RATIO = "slo_success_ratio"
    BUDGET_REMAINING = "slo_error_budget_remaining"
    BREACHED = "slo_breached"
    WARMING_UP = "slo_warming_up"
    TIME_TO_EXHAUSTION = "slo_time_to_exhaustion_seconds"
    DATA_SINCE = "slo_data_since_seconds"
    LATENCY_THRESHOLD = "slo_latency_threshold_seconds"
    BURN_RATE = "slo_burn_rate"
    WINDOW_EVENTS = "slo_window_events"
    WINDOW_FAILURES = "slo_window_failures"
    EVENTS = "slo_events_total"
    CAUSE_FAILURES = "slo_cause_failures_total"
    ALERT_FIRING = "slo_alert_firing"
    STORE_INFO = "slo_store_info"
    STORE_UP = "slo_store_up"
    FLUSH_LAG = "slo_flush_lag_seconds"
    CLOCK_SKEW = "slo_clock_skew_seconds"
    STORE_ERRORS = "slo_store_errors_total"
    STORE_LOSSES = "slo_store_losses_total"
    EVENTS_DROPPED = "slo_events_dropped_total"
    INTERNAL_ERRORS = "slo_internal_errors_total"


class Alert:
    """
    Names of the alerts that rules bring into Prometheus.

    Attributes:
        FAMILY_OF: The family of each: alerts are switched off, and silence each other, by family.
        OF_SERVICE: Those about a service and its store, not about one SLO.
    """

    BURN = "SLOErrorBudgetBurn"
    BUDGET_EXHAUSTED = "SLOBudgetExhausted"
    BUDGET_LOW = "SLOBudgetLow"
    BUDGET_GONE_SOON = "SLOBudgetGoneSoon"
    NO_TRAFFIC = "SLONoTraffic"
    ABSENT = "SLOAbsent"
    RULES_OUTDATED = "SLORulesOutdated"
    EVENTS_DROPPED = "SLOEventsDropped"
    STORE_DOWN = "SLOStoreDown"
    FLUSH_STUCK = "SLOFlushStuck"
    HISTORY_LOST = "SLOHistoryLost"

    FAMILY_OF: Mapping[str, str] = {
        BURN: "burn",
        BUDGET_EXHAUSTED: "budget",
        BUDGET_LOW: "budget",
        BUDGET_GONE_SOON: "budget",
        NO_TRAFFIC: "traffic",
        ABSENT: "absent",
        RULES_OUTDATED: "rules",
        EVENTS_DROPPED: "store",
        STORE_DOWN: "store",
        FLUSH_STUCK: "store",
        HISTORY_LOST: "store",
    }
    OF_SERVICE = frozenset((RULES_OUTDATED, STORE_DOWN, FLUSH_STUCK, HISTORY_LOST))


def quoted(text: str) -> str:
    """
    A text between quotes, as Prometheus reads it in its text formats, in PromQL and in templates.

    Source: the three escapes of Prometheus' text format, which Go's string literals know too.
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def label_problems(where: str, labels: object, *, reserved: Collection[str], owner: str) -> Iterator[Problem]:
    """
    Problems with labels that a user chose.

    Args:
        where: Their name in messages.
        labels: Names and values.
        reserved: Names that users must not set.
        owner: The owner of the reserved names, for messages.
    """
    if not isinstance(labels, Mapping):
        yield Problem(where, f"expected a mapping of label names to texts, got {labels!r}")
        return
    for name, value in labels.items():
        if not _is_label_name(name):
            expected = "expected a label name of letters, digits and underscores"
            yield Problem(where, f"{expected}, not starting with a digit or two underscores, got {name!r}")
        elif name in reserved:
            yield Problem(where, f"the label {name!r} is set by {owner}", "choose another name")
        if not isinstance(value, str) or not is_encodable(value):
            hint = f'write it in quotes: "{str(value).lower()}"' if isinstance(value, (bool, int, float)) else ""
            yield Problem(where, f"expected text for the label {name!r}, got {value!r}", hint)


def is_encodable(text: str) -> bool:
    """Whether UTF-8 can encode a text; it cannot encode half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_label_name(name: object) -> bool:
    # Python's names of ASCII are those of Prometheus.
    return isinstance(name, str) and name.isascii() and name.isidentifier() and not name.startswith("__")
