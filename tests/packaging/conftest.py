"""One wheel and one sdist for all tests of this folder, and clean environments to install them into."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a freshly built wheel and sdist."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)], check=True)
    return folder


@pytest.fixture(scope="session")
def wheel(distributions: Path) -> Path:
    """The wheel."""
    return next(distributions.glob("*.whl"))


@pytest.fixture(scope="session")
def sdist(distributions: Path) -> Path:
    """The source distribution."""
    return next(distributions.glob("*.tar.gz"))


Run = Callable[[str], str]


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Callable[[str], Run]:
    """`environment("flask")` installs the wheel with that extra alone; the result runs code there, away from here."""
    made: dict[str, Run] = {}

    def make(extra: str) -> Run:
        if extra not in made:
            folder = tmp_path_factory.mktemp(f"venv-{extra or 'bare'}")
            venv.create(folder, with_pip=False)
            executable = folder / "bin" / "python"
            wanted = f"{wheel}[{extra}]" if extra else str(wheel)
            install = [sys.executable, "-m", "pip", "--python", str(executable), "install", "-q", wanted]
            subprocess.run(install, check=True)

            def run(code: str) -> str:
                # -I: neither the current folder nor any variable of ours helps the import.
                command = [str(executable), "-I", "-W", "error", "-c", code]
                done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
                assert done.returncode == 0, done.stderr
                return done.stdout

            made[extra] = run
        return made[extra]

    return make
