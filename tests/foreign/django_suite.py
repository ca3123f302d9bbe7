"""Django's own test suite, every label that sends requests, without and with slo-suite: `tox run -e foreign-django`."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

from foreign_suite import DJANGO_WHOLE
from released_sdist import SdistError


def main() -> int:
    """Print the figures and each difference; 1 where there is one, 2 where the suite could not be had."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labels", nargs="*", help="labels of Django's suite; the default is all that send requests")
    labels = parser.parse_args().labels
    suite = replace(DJANGO_WHOLE, arguments=tuple(labels)) if labels else DJANGO_WHOLE
    results = Path(tempfile.mkdtemp(prefix="slo-foreign-django-"))
    try:
        comparison = suite.compare(results, in_full=True)
    except SdistError as exc:
        print(f"missing: {exc}")
        return 2
    assert comparison.baseline is not None
    for name, run in (("without slo-suite", comparison.baseline), ("with slo-suite", comparison.injected)):
        outcomes = Counter(run.outcomes().values())
        print(f"{name}: {outcomes.total()} tests, {outcomes['passed']} passed, {outcomes['failed']} failed", end="")
        print(f", {outcomes['skipped']} skipped")
    wire, recorded = comparison.injected.totals()
    for slo in wire:
        print(f"{slo}: {wire[slo].total()} requests, on the wire {dict(wire[slo])}, recorded {dict(recorded[slo])}")
    changed, miscounted = comparison.changed_outcomes(), comparison.miscounted()
    for name, text in changed.items():
        print(f"{name}: {text}")
    for name, entry in miscounted.items():
        print(f"{name}: on the wire {entry['wire']}, recorded {entry['recorded']}", *entry["requests"], sep="\n    ")
    for name, reason in {**suite.fails, **suite.miscounts}.items():
        print(f"by design, {name}: {reason}")
    if changed or miscounted:
        print(f"output and figures of both runs: {results}")
        return 1
    shutil.rmtree(results)
    print("no other difference")
    return 0


if __name__ == "__main__":
    sys.exit(main())
