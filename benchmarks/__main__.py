"""`python -m benchmarks [NAME ...] [--rounds N] [--write FILE]`: tables of medians, minima, spread and ratios."""

from __future__ import annotations

import argparse
import os
import platform
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path

from benchmarks.alone import measure
from benchmarks.contest import TargetResult

# Imported when they run: each needs peers or servers of its own.
BENCHMARKS = (
    "startup", "record", "snapshot", "render", "scale", "middleware", "early_answers", "http_load", "stores", "readers",
    "status_page",
)  # fmt: skip
_RESULTS = Path(__file__).with_name("RESULTS.md")
_PACKAGES = (
    "slo-suite", "slo-budget-tracker", "prometheus-client", "prometheus-fastapi-instrumentator", "starlette-exporter",
    "django-prometheus", "prometheus-flask-exporter", "opentelemetry-sdk", "opentelemetry-instrumentation-asgi",
    "opentelemetry-instrumentation-flask", "starlette", "fastapi", "django", "flask", "uvicorn", "gunicorn", "redis",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], help="which to run; all when none is named")
    parser.add_argument("--rounds", type=int, default=9, help="rounds of all contenders, interleaved (default 9)")
    parser.add_argument(
        "--write", nargs="?", type=Path, const=_RESULTS, metavar="FILE", help=f"write them to a file ({_RESULTS.name})"
    )
    arguments = parser.parse_args()
    print(_environment())
    sections: dict[str, str] = {}
    target_results: list[TargetResult] = []
    for name in arguments.names or BENCHMARKS:
        # Each in a process of its own: Django is configured once in a process, and what one leaves behind slows the next.
        with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as process:
            sections[name], reached = process.submit(measure, name, arguments.rounds).result()
        target_results += reached
        if arguments.write is not None:  # after each: the last ones need servers, and may fail
            arguments.write.write_text(_report(sections, target_results, arguments.rounds))


def _environment() -> str:
    return (
        f"{platform.python_implementation()} {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores"
    )


def _versions() -> str:
    versions = []
    for name in _PACKAGES:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            versions.append(f"{name} (not installed)")
    return ", ".join(versions)


def _report(sections: dict[str, str], target_results: list[TargetResult], rounds: int) -> str:
    lines = [
        "# Measured against the peers",
        "",
        f"Written by `python -m benchmarks --write`, {rounds} rounds. {_environment()}, shared with other work: absolute",
        "figures move between machines and between runs, the ratios of one run much less. All contenders of a table are",
        "measured one after the other in each round. Ratios are of minima; spread is the distance between the quartiles.",
        "",
        f"{_versions()}.",
        "",
        "| what | target | measured | |",
        "|---|---|---|---|",
        *(
            f"| {result.what} | {result.target} | {result.measured} | {'met' if result.is_met else '**missed**'} |"
            for result in target_results
        ),
        "",
    ]
    for name, printed in sections.items():
        lines += [f"## {name}", "", "```text", printed.strip("\n"), "```", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
