"""How long what is kept: each number is written once, and Redis's script has the same ones as Python."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

import slo_core.stores
import slo_django
from slo_core.stores.layout import NOTES_KEPT_SECONDS, WIDTHS, kept_seconds
from slo_core.stores.redis.blocks import BLOCK_BUCKETS, SCRIPT_CONSTANTS
from slo_core.stores.redis.script import Script
from slo_core.stores.shared.outbox import GIVEN_UP_SECONDS, WRITER_SECONDS

FOLDERS = [Path(package.__path__[0]) for package in (slo_core.stores, slo_django)]

# Widths and spans of tiers, buckets kept, seconds of notes and records; they follow from slo_core/objectives/window.py.
RETENTION = {900, 3600, 86_400, 3722, 1444, 90_000, 604_800}

# A factor of which such a number may be made.
HOURS_OF_A_DAY = 24


def numbers_of_python(text: str) -> set[float]:
    """Every number in it, but not those in strings and comments."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {float(ast.literal_eval(token.string)) for token in tokens if token.type == tokenize.NUMBER}


def numbers_of_lua(text: str) -> set[float]:
    """Every number in it, also in strings that hold nothing else, but not in formats and comments."""
    code = re.sub(r"--.*|'[^']*[^'\d][^']*'", "", text)
    return {float(number) for number in re.findall(r"(?<![\w.])\d[\d.]*", code)}


# The contract's numbers are examples, each worked out by hand.
MODULES = sorted(path for folder in FOLDERS for path in folder.rglob("*.py") if path.parent.name != "contract")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: "/".join(path.parts[-2:]))
def test_no_store_has_a_retention_of_its_own(path: Path) -> None:
    """A number that stands twice is changed once."""
    assert not numbers_of_python(path.read_text()) & {*RETENTION, HOURS_OF_A_DAY}


@pytest.mark.parametrize("path", sorted(FOLDERS[0].rglob("*.lua")), ids=lambda p: p.name)
def test_no_script_has_a_number_but_places(path: Path) -> None:
    """What is kept, and for how long, comes from Python."""
    assert max(numbers_of_lua(path.read_text())) <= 25  # where a nonce begins, after three numbers of eight bytes


def test_the_script_begins_with_the_numbers_of_the_layout() -> None:
    """Width by width what is kept, and for how long a note is."""
    constants = dict(
        re.findall(r"^local ([A-Z_]+) = (\S.*)$", Script.load("apply.lua", SCRIPT_CONSTANTS).text, re.MULTILINE)
    )

    seconds, minutes, quarter_hour, day = WIDTHS
    assert constants["BUCKETS_KEPT"] == f"{{[1] = {kept_seconds(seconds, 0)}, [60] = {kept_seconds(minutes, 0) // 60}}}"
    assert constants["BLOCK_BUCKETS"] == "{" + ", ".join(f"[{w}] = {BLOCK_BUCKETS[w]}" for w in WIDTHS) + "}"
    assert (constants["QUARTER_HOUR"], constants["DAY"]) == (str(quarter_hour), str(day))
    assert int(constants["SWEPT_SECONDS"]) > NOTES_KEPT_SECONDS
    least, slack, edge = (int(constants[name]) for name in ("LEAST_KEPT_SECONDS", "SLACK_SECONDS", "EDGE_BUCKETS"))
    for width in (quarter_hour, day):
        assert (-(-(least + slack) // width) + edge) * width == kept_seconds(width, 0)


def test_every_constant_is_used_by_the_script() -> None:
    """One that is missing would be nil, one that is not used would say nothing."""
    bare = re.sub(r"--.*", "", Script.load("apply.lua").text)

    used = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)*\b", re.sub(r"'[^']*'", "", bare)))

    assert used - {"KEYS", "ARGV", "INCREMENT", "OTHER_FIELDS"} == set(SCRIPT_CONSTANTS)


def test_a_writer_takes_a_new_id_before_its_notes_are_forgotten() -> None:
    """And gives a batch up earlier: the store could not tell any more whether it has it."""
    assert GIVEN_UP_SECONDS < WRITER_SECONDS < NOTES_KEPT_SECONDS
