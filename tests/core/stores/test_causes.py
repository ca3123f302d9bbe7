"""The layout of causes in stores, against a count of every event by hand."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from slo_core.budgets.causes import Cause, CauseBlock, CauseIncrement
from slo_core.objectives.window import DAY, HOUR
from slo_core.stores.causes import (
    BLOCK_BUCKETS,
    CAUSE_WIDTHS,
    OPEN,
    BlockKey,
    CauseQuery,
    StoredCauses,
    add_causes,
    block_text,
    blocks_to_load,
    first_kept,
    parse_block,
    total_causes,
)

NOW = 1_700_000_000
KEEPS = 30 * DAY
REACHES = {300: 12, HOUR: 40, DAY: 20}


class House:
    """The blocks of one SLO, as texts, and what a store does with them."""

    def __init__(self) -> None:
        self.texts: dict[BlockKey, str] = {}

    def add(self, causes: list[CauseIncrement], reference: float) -> set[BlockKey]:
        newest = parse_block(OPEN, self.texts[OPEN]) if OPEN in self.texts else None
        known = {OPEN, *blocks_to_load(causes, newest=newest)}

        def load(key: BlockKey) -> CauseBlock | None:
            assert key in known
            return parse_block(key, self.texts[key]) if key in self.texts else None

        changed = add_causes(causes, load=load, reference=reference, keeps_seconds=KEEPS)
        self.texts.update((key, block_text(key, block)) for key, block in changed.items())
        return set(changed)

    def prune(self, reference: float) -> None:
        for key in list(self.texts):
            first = 0 if key == OPEN else first_kept(key.width_seconds, newest=reference, keeps_seconds=KEEPS)
            if key != OPEN and key.block < first // BLOCK_BUCKETS[key.width_seconds]:
                del self.texts[key]

    def read(self, width: int, first: int) -> Counter[Cause]:
        blocks = tuple(
            (key.block, parse_block(key, text))
            for key, text in self.texts.items()
            if key.width_seconds == width and key.block >= first // BLOCK_BUCKETS[width]
        )
        newest = parse_block(OPEN, self.texts[OPEN]) if OPEN in self.texts else None
        counts: Counter[Cause] = Counter()
        for cause, bad in total_causes(StoredCauses(blocks, newest), CauseQuery("x", width, first)):
            counts[cause] += bad
        return counts


@pytest.mark.parametrize("cause_count", [3, 32, 60])
def test_every_bad_event_is_in_one_row_of_each_width(cause_count: int) -> None:
    """Late events, pauses and pruning included; each row is exact while there are few causes, and never too high."""
    for seed in range(6):
        rng = random.Random(f"{cause_count} {seed}")
        causes = [Cause(f"GET /{number}", str(500 + number % 4)) for number in range(cause_count)]
        house, truth, now = House(), Counter[tuple[int, Cause]](), NOW
        for step in range(150):
            now += rng.choice([1, 1, 60, 300, 900, 4000, 200_000 if step % 50 == 49 else 1])
            added = Counter[tuple[int, Cause]]()
            for _ in range(rng.randrange(1, 5)):
                at = now - rng.choice([0, 0, 0, 10, 400, 5000, 100_000])
                added[at // 300, rng.choice(causes)] += rng.randrange(1, 9)
            truth.update(added)
            house.add([CauseIncrement(*which, bad) for which, bad in sorted(added.items())], now)
            if step % 10 == 0:
                house.prune(now)
            for width, reach in REACHES.items() if step % 5 == 0 else ():
                first = now // width - reach
                expected = Counter[Cause]()
                for (bucket, cause), bad in truth.items():
                    if bucket * 300 >= first * width:
                        expected[cause] += bad
                counts = house.read(width, first)
                assert counts.total() == expected.total()
                if cause_count <= 32:
                    assert counts == expected
                assert all(bad <= expected[cause] for cause, bad in counts.items() if cause.where)


def test_a_late_heavy_cause_is_shown() -> None:
    """Forty seconds of noise, then an outage in the same bucket: in each width it has a row, and the rest the rest."""
    house = House()
    noise = [CauseIncrement(NOW // 300, Cause(f"GET /{number}", "404"), 1) for number in range(2000)]
    house.add(noise, NOW)
    house.add([CauseIncrement(NOW // 300, Cause("POST /checkout", "503"), 5000)], NOW + 40)
    house.add([CauseIncrement(NOW // 300 + 1, Cause("POST /checkout", "503"), 1)], NOW + 300)

    for width in CAUSE_WIDTHS:
        counts = house.read(width, NOW // width)
        assert counts.most_common(1) == [(Cause("POST /checkout", "503"), 5001)]
        assert (counts.total(), counts[Cause("", "404")]) == (7001, 2000 - 31)


def test_an_ordinary_batch_changes_one_block() -> None:
    """And a newer bucket three more; a batch of the future changes those three, and opens none."""
    house = House()
    house.add([CauseIncrement(NOW // 300, Cause("GET /", "500"), 1)], NOW)

    assert house.add([CauseIncrement(NOW // 300, Cause("GET /", "503"), 1)], NOW + 5) == {OPEN}
    assert len(house.add([CauseIncrement(NOW // 300 + 1, Cause("GET /", "503"), 1)], NOW + 305)) == 4
    assert OPEN not in house.add([CauseIncrement(NOW // 300 + 9, Cause("GET /", "503"), 1)], NOW + 310)
    assert house.read(300, NOW // 300).total() == 4


def test_a_store_whose_clock_was_set_back_opens_todays_bucket_again() -> None:
    """Its newest bucket lies in the future then: it is closed, and nothing is lost."""
    house = House()
    house.add([CauseIncrement(NOW // 300 + 900, Cause("GET /", "500"), 2)], NOW + 900 * 300)

    changed = house.add([CauseIncrement(NOW // 300, Cause("GET /", "500"), 1)], NOW)

    assert OPEN in changed
    assert house.add([CauseIncrement(NOW // 300, Cause("GET /", "500"), 1)], NOW + 1) == {OPEN}
    assert [house.read(width, 0).total() for width in CAUSE_WIDTHS] == [4, 4, 4]


def test_events_older_than_everything_kept_have_no_cause() -> None:
    """Also where the day in which they happened is kept for others."""
    house = House()
    old = NOW - KEEPS - HOUR

    house.add([CauseIncrement(old // 300, Cause("GET /", "500"), 1), CauseIncrement(NOW // 300, Cause("", ""), 2)], NOW)

    assert house.read(DAY, old // DAY) == {Cause("", ""): 2}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1]", '[["a","b"]]', '[["a","b",0]]', '[["a","b",0,-1]]', '[["a",1,0,1]]', '[["a","b",0,1.5]]',
     '[["a","b",24,1]]', '[["a","b",true,1]]', "{}x", "[" * 100_000],
)  # fmt: skip
def test_a_text_that_is_no_block_is_refused(text: str) -> None:
    """Whatever it is: nothing is added to it."""
    with pytest.raises(ValueError, match="block of causes"):
        parse_block(BlockKey(300, 1), text)
