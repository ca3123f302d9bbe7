"""What GitHub runs: everything that tox runs, and of others' code only what is pinned."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def without_comments(workflow: Path) -> str:
    """The workflow's text; a `#` in a value of it would end the line too early."""
    return re.sub(r"(^|\s)#.*", "", workflow.read_text(encoding="utf-8"), flags=re.MULTILINE)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.name)
def test_actions_and_images_are_pinned_by_hash(workflow: Path):
    """A tag may be moved to other code; the version in the comment is for people."""
    text = workflow.read_text(encoding="utf-8")
    actions = re.findall(r"\buses: (.*)", text)
    images = re.findall(r"\b(?:container|image): (.*)", text)

    assert [action for action in actions if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)] == []
    assert [image for image in images if not re.fullmatch(r"[\w./:-]+@sha256:[0-9a-f]{64}", image)] == []


def test_the_list_of_environments_stands_in_tox_ini_alone():
    """A list of its own would forget the environment that is added next."""
    workflow = without_comments(ROOT / ".github" / "workflows" / "ci.yml")
    listed = re.search(r"^env_list = (.*)$", (ROOT / "tox.ini").read_text(encoding="utf-8"), re.MULTILINE)
    assert listed is not None

    assert "- run: bash .ci/run\n" in workflow
    assert [name for name in listed[1].split(", ") if re.search(rf"(?<![\w/-]){name}(?![\w/-])", workflow)] == []


def test_one_job_stands_for_all_others():
    """Branch protection requires one check: it runs even if others failed, and waits for each of them."""
    workflow = without_comments(ROOT / ".github" / "workflows" / "ci.yml")
    jobs = re.findall(r"^  (\w+):$", workflow.partition("\njobs:\n")[2], re.MULTILINE)
    gate = workflow.partition("\n  gate:\n")[2]

    assert re.findall(r"needs: \[(.*)\]", gate) == [", ".join(job for job in jobs if job != "gate")]
    assert "    if: always()\n" in gate
