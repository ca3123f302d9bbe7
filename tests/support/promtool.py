"""The real promtool: checks rules, and runs them over series that a test makes up."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slo_servers import require

__all__ = ["STALE", "Lapse", "check_rules", "labelled", "run_lapses"]

# A value: here the series ends, as when its target is gone.
STALE = "stale"

Value = float | str | None


def promtool(*arguments: str, cwd: Path) -> str:
    """What promtool prints; it must succeed."""
    command = [require("promtool", package="prometheus"), *arguments]
    found = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)
    assert found.returncode == 0, f"{found.stdout[-6000:]}\n{found.stderr[-6000:]}"
    return found.stdout


def check_rules(text: str, folder: Path) -> str:
    """`promtool check rules` on a rule file."""
    (folder / "rules.yml").write_text(text)
    return promtool("check", "rules", "rules.yml", cwd=folder)


def labelled(metric: str, **labels: str) -> str:
    """A series as promtool writes it."""
    return (
        f"{metric}{{{','.join(f'{name}={json.dumps(value, ensure_ascii=False)}' for name, value in labels.items())}}}"
    )


@dataclass
class Lapse:
    """
    Time that passes in steps, what is scraped in it, and what must be found.

    Attributes:
        step_seconds: From one scrape and evaluation to the next.
        series: Values at each step; None where nothing was scraped.
        queries: (query, step, expected values by series).
        alerts: All that fire of one name at a step, each with its labels and annotations.
    """

    step_seconds: int = 60
    series: dict[str, Sequence[Value]] = field(default_factory=dict)
    queries: list[tuple[str, int, Mapping[str, float]]] = field(default_factory=list)
    alerts: dict[tuple[str, int], list[tuple[Mapping[str, str], Mapping[str, str]]]] = field(default_factory=dict)

    def scrape(self, metric: str, values: Sequence[Value], **labels: str) -> None:
        """Add a series."""
        name = labelled(metric, **labels)
        assert name not in self.series, name
        self.series[name] = values

    def expect(self, query: str, step: int, expected: Mapping[str, float] | float | None) -> None:
        """At that step the query has these series; one without labels; None: none."""
        found = {} if expected is None else expected if isinstance(expected, Mapping) else {"{}": expected}
        self.queries.append((query, step, found))

    def document(self) -> dict[str, Any]:
        """As promtool reads it."""
        return {
            "interval": f"{self.step_seconds}s",
            "input_series": [{"series": name, "values": notation(values)} for name, values in self.series.items()],
            "promql_expr_test": [
                {
                    "expr": query,
                    "eval_time": f"{step * self.step_seconds}s",
                    "exp_samples": [{"labels": labels, "value": value} for labels, value in expected.items()],
                }
                for query, step, expected in self.queries
            ],
            "alert_rule_test": [
                {
                    "alertname": name,
                    "eval_time": f"{step * self.step_seconds}s",
                    "exp_alerts": [
                        {"exp_labels": labels, "exp_annotations": annotations} for labels, annotations in expected
                    ],
                }
                for (name, step), expected in self.alerts.items()
            ],
        }


def notation(values: Iterable[Value]) -> str:
    """Values as promtool writes them, runs of the same one put together."""
    runs: list[list[Any]] = []
    for value in values:
        if runs and runs[-1][0] == value:
            runs[-1][1] += 1
        else:
            runs.append([value, 1])
    return " ".join(_run(value, length) for value, length in runs)


def _run(value: Value, length: int) -> str:
    if value == STALE:
        return " ".join([STALE] * length)
    if value is None:
        return f"_x{length}"
    return f"{value!r}+0x{length - 1}"


def flow_yaml(document: object) -> str:
    """JSON, which is YAML and written a hundred times faster; only characters beyond 16 bits are escaped in another way."""

    def character(pair: re.Match[str]) -> str:
        code = ord(json.loads(f'"{pair[0]}"'))
        return f"\\U{code:08x}"

    return re.sub(r"\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}", character, json.dumps(document))


def run_lapses(rules: Mapping[str, object], lapses: Iterable[Lapse], folder: Path) -> None:
    """`promtool test rules`: the rules, run over each of the lapses."""
    lapses = list(lapses)
    (step_seconds,) = {lapse.step_seconds for lapse in lapses}
    (folder / "rules.json").write_text(flow_yaml(rules))
    tests = {
        "rule_files": ["rules.json"],
        "evaluation_interval": f"{step_seconds}s",
        # Not by chance: a rule that reads another group's records then sees those of the same step.
        "group_eval_order": [group["name"] for group in rules["groups"]],  # type: ignore[attr-defined,index]
        "tests": [lapse.document() for lapse in lapses],
    }
    (folder / "tests.json").write_text(flow_yaml(tests))
    promtool("test", "rules", "tests.json", cwd=folder)
