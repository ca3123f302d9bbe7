"""One closing line for all environments: adds up their JUnit files, and says which servers were missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

MISSING_SERVER = "missing server: "


def interpreter_runs(environment: str) -> bool:
    """Whether the Python that an environment is named after is on this machine."""
    version = environment.partition("-")[0]
    if not version.startswith("py3"):
        return True
    try:
        subprocess.run([f"python3.{version[3:]}", "--version"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def main(folder: Path, environments: list[str]) -> int:
    """Print the line; 1 where something failed or, in CI, an environment that could have run did not."""
    passed = failed = skipped = 0
    missing: set[str] = set()
    not_run = []
    for environment in environments:
        file = folder / f"{environment}.xml"
        if not file.exists():
            if interpreter_runs(environment):
                not_run.append(environment)
            else:
                print(f"{environment}: not run, this machine has no such Python")
            continue
        for case in ET.parse(file).iter("testcase"):
            skip = case.find("skipped")
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
                print(f"FAILED {environment}: {case.get('classname')}::{case.get('name')}")
            elif skip is not None:
                skipped += 1
                reason = skip.get("message") or ""
                if reason.startswith(MISSING_SERVER):
                    missing.add(reason.removeprefix(MISSING_SERVER))
            else:
                passed += 1
    for environment in not_run:
        print(f"{environment}: did not run, though its Python is here")
    if missing:
        print(f"skipped for want of a server: {'; '.join(sorted(missing))}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return int(bool(failed or not_run or not passed))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
