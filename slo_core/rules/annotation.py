"""Templates in annotations of alerts: text with numbers that Prometheus looks up when the alert fires."""

from __future__ import annotations

from slo_core.conventions import quoted

__all__ = ["count_of", "literal", "one_decimal_of"]


def literal(text: str) -> str:
    """
    Text that Prometheus' templates leave as it is.

    Prometheus expands templates in the annotations and labels of alerts. Every opening brace is quoted, not only double
    ones: a single brace at the end would join those of a template that follows.
    """
    return text.replace("{", '{{"{"}}')


def count_of(query: str) -> str:
    """A template: the value of a query as a whole number; a question mark where it has none."""
    return _looked_up(query, "%.0f")


def one_decimal_of(query: str) -> str:
    """A template: the value of a query rounded down to one decimal, as `slo_core.budgets.wording` does."""
    return _looked_up(f"floor(10 * {query}) / 10", "%.1f")


def _looked_up(query: str, verb: str) -> str:
    on_one_line = " ".join(query.split("\n"))
    shown = f'{{{{ . | first | value | printf "{verb}" }}}}'
    return f"{{{{ with query {quoted(on_one_line)} }}}}{shown}{{{{ else }}}}?{{{{ end }}}}"
