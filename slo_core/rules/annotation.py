"""Templates in annotations of alerts: text with what Prometheus looks up when the alert fires."""

from __future__ import annotations

from collections.abc import Callable

from slo_core.conventions import quoted
from slo_core.rules.environment import Environment
from slo_core.rules.names import Record, RuleLabel

__all__ = ["CONSTANT", "OF", "SLO", "count_of", "info", "literal", "named_slos", "one_decimal_of", "prologue", "where"]

# In the queries of templates: the labels of the alert's SLO, and the same without those of several environments.
OF, CONSTANT = "%[1]s", "%[2]s"

# Of a character that no one types: it stands where a template puts in a label of its alert.
_MARK = "\ue000"

# In text: the SLO of the alert.
SLO = "{{ $labels.slo }}"


def literal(text: str) -> str:
    """
    Text that Prometheus' templates leave as it is.

    Prometheus expands templates in the annotations and labels of alerts. Every opening brace is quoted, not only double
    ones: a single brace at the end would join those of a template that follows.
    """
    return text.replace("{", '{{"{"}}')


def where(environment: Environment) -> str:
    """A template: the environment of the alert, behind the name of its service."""
    names = [f"{name} {literal(value)}" for name, value in environment.match.items()]
    names += [f"{name} {{{{ $labels.{name} }}}}" for name in environment.by]
    return f" ({', '.join(names)})" if names else ""


def prologue(environment: Environment) -> str:
    """Defines what `count_of` and its like need; it stands in front of the text."""
    of_slo = (RuleLabel.SLOTH_SERVICE, RuleLabel.SLOTH_SLO, *environment.match)
    text = _matchers("constant", of_slo)
    return text + _matchers("of", (*of_slo, *environment.by))


def count_of(query: str) -> str:
    """A template: the value of a query as a whole number; a question mark where it has none."""
    return _looked_up(query, "%.0f")


def one_decimal_of(query: str) -> str:
    """A template: the value of a query rounded down to one decimal, as `slo_core.budgets.wording` does."""
    return _looked_up(f"floor(10 * {query}) / 10", "%.1f")


def info(label: str, *, before: str = "") -> str:
    """A template: a label of the information series of the SLO, with text in front; nothing where it has none."""
    return (
        f'{{{{ with query (printf "{Record.INFO}{{%s}}" $constant) }}}}'
        f'{{{{ with . | first | label "{label}" }}}}{before}{{{{ . }}}}{{{{ end }}}}{{{{ end }}}}'
    )


def named_slos(query: Callable[[Environment], str], environment: Environment) -> str:
    """
    A template: the SLOs that a query answers with, for an alert that is about a service.

    Args:
        query: Makes the query for one environment: that of the alert.
        environment: The environments.
    """
    marks = {name: f"{_MARK}{name}" for name in environment.by}
    # The same series in the one environment that an alert is about: its labels replace the marks.
    expression = query(Environment({**environment.match, **marks}))
    text = quoted(" ".join(line.strip() for line in expression.split("\n")))
    if marks:
        text = text.replace("%", "%%")
        for position, mark in enumerate(marks.values(), start=1):
            text = text.replace(quoted(quoted(mark))[1:-1], f"%[{position}]q")
        text = f"(printf {text} {' '.join(f'$labels.{name}' for name in marks)})"
    return f'{{{{ range query {text} | sortByLabel "slo" }}}}{{{{ .Labels.slo }}}}, {{{{ end }}}}'


def _matchers(variable: str, names: tuple[str, ...]) -> str:
    pattern = ",".join(f"{name}=%q" for name in names)
    return f"{{{{ ${variable} := printf {quoted(pattern)} {' '.join(f'$labels.{name}' for name in names)} }}}}"


def _looked_up(query: str, verb: str) -> str:
    on_one_line = " ".join(line.strip() for line in query.split("\n"))
    arguments = "$of $constant" if CONSTANT in query else "$of"
    shown = f'{{{{ . | first | value | printf "{verb}" }}}}'
    return f"{{{{ with query (printf {quoted(on_one_line)} {arguments}) }}}}{shown}{{{{ else }}}}?{{{{ end }}}}"
