"""`python -m benchmarks [record] [snapshot] [middleware] [stores] [status_page]`: tables of medians, minima and ratios."""

from __future__ import annotations

import argparse
import importlib
import platform

# Imported when they run: each needs peers or servers of its own.
BENCHMARKS = ("record", "snapshot", "middleware", "stores", "status_page")


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], help="which to run; all when none is named")
    parser.add_argument("--rounds", type=int, default=9, help="rounds of all contenders, interleaved (default 9)")
    arguments = parser.parse_args()
    print(f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}")
    for name in arguments.names or BENCHMARKS:
        importlib.import_module(f"benchmarks.{name}").run(arguments.rounds)


if __name__ == "__main__":
    main()
