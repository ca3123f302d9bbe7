"""The released source distribution of an installed package, from the package index."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path

__all__ = ["SdistError", "released_sdist"]

# Where archives are kept between runs; tox sets it to a folder of its own.
CACHE_VARIABLE = "SLO_FOREIGN_CACHE"


class SdistError(Exception):
    """The index cannot be reached, or has no source distribution of that version."""


def released_sdist(package: str) -> Path:
    """
    The unpacked source distribution of a package, in the version that is installed.

    Args:
        package: Its name on the index.

    Raises:
        SdistError: It cannot be downloaded.
    """
    cache = Path(os.environ.get(CACHE_VARIABLE) or Path(tempfile.gettempdir()) / "slo-suite-foreign")
    requirement = f"{package}=={version(package)}"
    folder = cache / requirement
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            archive = _download(requirement, Path(scratch))
            with tarfile.open(archive) as tar:
                tar.extractall(Path(scratch) / "unpacked", filter="data")
            (unpacked,) = (Path(scratch) / "unpacked").iterdir()
            unpacked.rename(folder)  # the last step: a folder that is there is whole
    return folder


def _download(requirement: str, folder: Path) -> Path:
    # pip verifies the hash that the index names.
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"--dest={folder}"]
    command += [f"--no-binary={requirement.partition('==')[0]}", requirement]
    # pip builds the metadata of the package, in an environment of its own.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    archives = list(folder.glob("*.tar.gz"))
    if run.returncode or not archives:
        reason = (run.stderr.strip().splitlines() or ["no archive"])[-1]
        raise SdistError(f"the package index (sdist of {requirement}: {reason})")
    return archives[0]
