"""Templates in annotations: what most of the failures were caused by, and the page that shows them all."""

from __future__ import annotations

from slo_core.conventions import DEFAULT_SERVICE, Label, Metric, quoted
from slo_core.rules.annotation import literal
from slo_core.rules.environment import Environment
from slo_core.rules.promql import duration_text
from slo_core.rules.series import RuleScope

__all__ = ["page_link", "top_cause"]


def top_cause(service: str, *, scope: RuleScope, environment: Environment, seconds: int) -> str:
    """
    A template: a sentence that names the largest cause of the last seconds; nothing where Prometheus knows none.

    Only its name: a cause counts in full from its first scrape on, as one that was never scraped before, and so its number
    may be too high in a Prometheus that has just begun.

    Args:
        service: The service.
        scope: Whose events a store holds.
        environment: Which of its scraped series are read.
        seconds: How far to look back.
    """
    fixed = environment.selecting({Label.SERVICE: "" if (scope, service) == ("process", DEFAULT_SERVICE) else service})
    matchers = [f"{name}={quoted(value)}".replace("%", "%%") for name, value in fixed.items()]
    names = (Label.SLO, *environment.by)
    matchers += [f"{name}=%[{position}]q" for position, name in enumerate(names, start=1)]
    series = f'{Metric.CAUSE_FAILURES}{{{",".join(matchers)},{Label.ROUTE}!="other"}}'
    span = duration_text(seconds)
    grown = f"({series} unless {series} offset {span}) or increase({series}[{span}])"
    by = f"{Label.ROUTE}, {Label.OUTCOME}"
    if scope != "process":
        # Every process that is scraped shows the numbers of the same store.
        grown = f"max by ({Label.STORE_ID}, {by}) ({grown})"
    query = f"topk(1, sum by ({by}) ({grown}) > 0)"
    arguments = " ".join(f"$labels.{name}" for name in names)
    words = f"Most often: {{{{ .Labels.{Label.ROUTE} }}}} {{{{ .Labels.{Label.OUTCOME} }}}}."
    return (
        f"{{{{ with query (printf {quoted(query)} {arguments}) }}}}{{{{ with . | first }}}}\n{words}"
        "{{ end }}{{ end }}"
    )


def page_link(page_url: str) -> str:
    """
    A template: the address of the page of the alert's SLO.

    Args:
        page_url: The address of the status page; what it has of a query stays.
    """
    address, hash_mark, fragment = page_url.partition("#")
    join = "&" if "?" in address else "?"
    return f"{literal(address)}{join}slo={{{{ $labels.{Label.SLO} | urlquery }}}}{hash_mark}{literal(fragment)}"
