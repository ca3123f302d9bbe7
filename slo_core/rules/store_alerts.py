"""Alerting rules about the store of a service, on which all of its SLOs depend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from slo_core.conventions import Alert, Label, Metric, quoted
from slo_core.objectives.window import DAY
from slo_core.rules.annotation import literal, where
from slo_core.rules.environment import Environment
from slo_core.rules.promql import aggregated, bracketed, duration_text, selected
from slo_core.rules.rule import AlertingRule, alerting_rule
from slo_core.rules.severities import TICKET, Severities

__all__ = ["store_alerts"]

# Processes flush every one to five seconds; an event that has waited a minute is stuck.
_STUCK_SECONDS = 60


def store_alerts(
    service: str,
    *,
    environment: Environment,
    severities: Severities,
    labels: Mapping[str, str],
    links: Mapping[str, str],
) -> Iterator[AlertingRule | None]:
    """
    The rules about the shared store of a service.

    Args:
        service: The service.
        environment: Which of its scraped series are read.
        severities: Those that are configured.
        labels: Labels of every alert.
        links: Annotations of every alert.
    """
    of_service, by_service = environment.selecting({Label.SERVICE: service}), environment.of_service
    title = literal(service) + where(environment)

    def alert(name: str, expr: str, *, summary: str, description: str, pending: str = "") -> AlertingRule | None:
        return alerting_rule(
            name,
            expr,
            severity=TICKET,
            severities=severities,
            labels=labels,
            annotations={"summary": summary, "description": description, **links},
            pending=pending,
        )

    yield alert(
        Alert.STORE_DOWN,
        _store_down(of_service, environment),
        pending="2m",
        summary=f"The SLO store of {title} is out of reach",
        description=(
            "At least one process cannot read it, and shows no SLO until it can. Events wait in memory and are counted "
            "once the store is back; a process that ends before takes its own with it."
        ),
    )
    # Each scrape is answered by one of several workers: the one that is stuck answers now and then.
    lag = selected(Metric.FLUSH_LAG, of_service, range_seconds=300)
    yield alert(
        Alert.FLUSH_STUCK,
        f"{aggregated('max', by_service, f'max_over_time({lag})')} > {_STUCK_SECONDS}",
        summary=f"Events of {title} do not reach the SLO store",
        description=(
            'A process has held events for {{ $value | printf "%.0f" }} seconds; they are counted once it can hand them '
            "over. Its log says what keeps it from that."
        ),
    )
    yield alert(
        Alert.HISTORY_LOST,
        _history_lost(environment, service),
        pending="5m",  # processes that are replaced one after the other may be missing for a moment
        summary=f"The SLO store of {title} was replaced, its history is lost",
        description=(
            "The store_id is another one than within the last hour: the store was emptied, a container kept it on no "
            "volume, or a host that has an SQLite of its own was replaced. Budgets look better than they are until a "
            "window has passed."
        ),
    )


def _store_down(of_service: Mapping[str, str], environment: Environment) -> str:
    """
    Fires where a process says that it cannot read the store.

    One that has never read it does not know of which services it is, or which it has of itself. It speaks for a service that
    was there within the last week, and that no process shows now.
    """
    up = selected(Metric.STORE_UP, of_service)
    nameless = selected(Metric.STORE_UP, {**of_service, Label.SERVICE: ""})
    by, by_environment = environment.by, f"on ({', '.join(environment.by)})"
    known = aggregated("count", by, f"present_over_time({up}[{duration_text(7 * DAY)}:1h])")
    return (
        f"{aggregated('min', environment.of_service, up)} == 0\nor\n"
        f"{aggregated('min', by, nameless)} == 0\nand {by_environment}\n{known}\n"
        f"unless {by_environment}\n{up}"
    )


def _history_lost(environment: Environment, service: str) -> str:
    """
    Fires where a store of the last hour is gone, another one is new in this hour, and it knows less of an SLO.

    A copy knows as much: since when the SLO is measured, and how many events it had.
    """
    matchers = f"{selected('', environment.selecting({Label.SERVICE: service}))[:-1]},{Label.STORE_ID}!={quoted('')}}}"
    by_service, by_slo = environment.of_service, environment.of_slo
    by_store = (*by_service, Label.STORE_ID)
    now, recently, before = (
        aggregated("count", by_store, text)
        for text in (
            f"{Metric.STORE_INFO}{matchers}",
            f"present_over_time({Metric.STORE_INFO}{matchers}[1h])",
            f"{Metric.STORE_INFO}{matchers} offset 1h",
        )
    )
    stores = {"": f"{now}\nunless\n{before}", " offset 1h": f"{recently}\nunless\n{now}"}

    def known(operator: str, series: str, ago: str) -> str:
        of_store = aggregated("max", (*by_slo, Label.STORE_ID), series)
        return aggregated(operator, by_slo, f"{of_store}\nand on ({', '.join(by_store)})\n{bracketed(stores[ago])}")

    since, since_before = (known("max", f"{Metric.DATA_SINCE}{matchers}{ago}", ago) for ago in stores)
    events, events_before = (
        known("sum", f"sum without ({Label.OUTCOME}) ({Metric.EVENTS}{matchers}{ago})", ago) for ago in stores
    )
    return aggregated("count", by_service, f"{since}\n>\n{since_before}\nor\n{events}\n<\n{events_before}")
