"""The causes of bad events, and how long events took, in the tables of the store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from slo_core.budgets.causes import BlockKey
from slo_core.budgets.events import EventCounts
from slo_core.stores.buckets import Batch
from slo_core.stores.cause_totals import TOTALS
from slo_core.stores.causes import (
    BLOCK_BUCKETS,
    KINDS,
    OPEN,
    BlockKind,
    CauseQuery,
    StoredCauses,
    blocks_to_load,
    parse_block,
)
from slo_core.stores.shared.cause_texts import changed_texts, parts_of, stored_causes
from slo_django.store.bucket_sums import sums_of_row
from slo_django.store.dialect import Dialect
from slo_django.store.rows import placeholders
from slo_django.store.transaction import Transaction

__all__ = ["CAUSE_TABLE", "BatchCauses", "CauseTable"]

T = TypeVar("T")

CAUSE_TABLE = "slo_django_causeblock"

# Of one statement: blocks to look for, and rows to write.
_BLOCKS = 200

# Whether it is there, by the kind of database. Not by a query that fails without it: PostgreSQL gives up the transaction.
_IS_THERE = {
    "postgresql": f"SELECT COUNT(*) WHERE to_regclass('{CAUSE_TABLE}') IS NOT NULL",
    "mysql": f"SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = '{CAUSE_TABLE}'",  # noqa: S608
    "sqlite": f"SELECT COUNT(*) FROM sqlite_master WHERE name = '{CAUSE_TABLE}'",  # noqa: S608
}
_OPEN_KEYS = frozenset((*(kind.open for kind in KINDS), TOTALS))
_OPEN_WIDTHS = ", ".join(str(key.width_seconds) for key in sorted(_OPEN_KEYS))
_OF_SLOS = "FROM slo_django_slo WHERE digest IN"


class BatchCauses(NamedTuple):
    """
    A batch whose causes and latencies are to be added.

    Attributes:
        slo: Key of its SLO.
        batch: The batch.
        reference: As for `add_causes`.
        keeps_seconds: As there.
        bad: How many of its bad events are added to the record.
    """

    slo: int
    batch: Batch
    reference: float
    keeps_seconds: int
    bad: int


class _NotLoadedError(Exception):
    """A block is needed that was not read yet."""


class CauseTable:
    """
    The table of causes and latencies, which a database may not have yet: then none are kept, and everything else goes on.

    Args:
        dialect: Of its database.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._is_known = False

    def is_there(self, transaction: Transaction) -> bool:
        """Whether the database has it; asked until it has."""
        if not self._is_known:
            ((count,),) = transaction.fetch(_IS_THERE[self._dialect.vendor])
            self._is_known = count > 0
        return self._is_known

    def doubt(self) -> None:
        """Ask again: a statement has failed, and perhaps a migration was undone."""
        self._is_known = False

    def open_query(self, keys: Sequence[str]) -> tuple[str, Sequence[object]]:
        """
        The statement that reads the newest buckets and the totals of some SLOs, for `add`.

        Args:
            keys: Their digests; their rows are locked before.
        """
        which = f"slo_id IN (SELECT id {_OF_SLOS} ({placeholders(len(keys))})) AND width IN ({_OPEN_WIDTHS})"
        return f"SELECT slo_id, width, content FROM {CAUSE_TABLE} WHERE {which}{self._dialect.for_update}", keys  # noqa: S608

    def add(
        self, transaction: Transaction, adding: Sequence[BatchCauses], open_rows: Iterable[Sequence[Any]]
    ) -> list[str]:
        """
        Add causes and latencies; what was damaged, fit for a log.

        Args:
            transaction: One that writes.
            adding: At most one for each SLO.
            open_rows: The answer to `open_query`.
        """
        loaded: dict[tuple[int, BlockKey], str] = {(slo, BlockKey(width, 0)): text for slo, width, text in open_rows}
        rows: list[tuple[int, int, int, str]] = []
        damage: list[str] = []
        waiting = [each for each in adding if not self._changed(each, loaded, rows, damage, is_all=False)]
        if waiting:
            wanted = sorted((each.slo, key) for each in waiting for key in _blocks_of(each, loaded))
            loaded.update(self._load(transaction, wanted))
            for each in waiting:
                self._changed(each, loaded, rows, damage, is_all=True)
        rows.sort()
        for start in range(0, len(rows), _BLOCKS):
            part = rows[start : start + _BLOCKS]
            transaction.execute(self._write(len(part)), [value for row in part for value in row])
        return damage

    @staticmethod
    def _changed(
        each: BatchCauses,
        loaded: Mapping[tuple[int, BlockKey], str],
        rows: list[tuple[int, int, int, str]],
        damage: list[str],
        *,
        is_all: bool,
    ) -> bool:
        """Add the rows to be written; whether all was loaded that is needed for them."""
        slo, batch, reference, keeps_seconds, bad = each

        def load(key: BlockKey) -> str | None:
            if not is_all and key not in _OPEN_KEYS:
                raise _NotLoadedError
            return loaded.get((slo, key))

        noticed: list[str] = []
        try:
            changed = changed_texts(
                batch, load, bad=bad, reference=reference, keeps_seconds=keeps_seconds, damage=noticed
            )
        except _NotLoadedError:
            return False
        rows += [(slo, *key, text) for key, text in changed]
        damage += noticed
        return True

    def _load(
        self, transaction: Transaction, wanted: Sequence[tuple[int, BlockKey]]
    ) -> dict[tuple[int, BlockKey], str]:
        texts = {}
        for start in range(0, len(wanted), _BLOCKS):
            part = wanted[start : start + _BLOCKS]
            which = " OR ".join(["slo_id = %s AND width = %s AND block = %s"] * len(part))
            rows = transaction.fetch(
                f"SELECT slo_id, width, block, content FROM {CAUSE_TABLE} WHERE {which}{self._dialect.for_update}",  # noqa: S608
                [value for slo, key in part for value in (slo, *key)],
            )
            texts.update({(slo, BlockKey(width, block)): text for slo, width, block, text in rows})
        return texts

    def _write(self, rows: int) -> str:
        values = ", ".join(["(%s, %s, %s, %s)"] * rows)
        insert = f"INSERT INTO {CAUSE_TABLE} (slo_id, width, block, content) VALUES {values}"  # noqa: S608
        if self._dialect.vendor == "mysql":
            return f"{insert} ON DUPLICATE KEY UPDATE content = VALUES(content)"
        return f"{insert} ON CONFLICT (slo_id, width, block) DO UPDATE SET content = excluded.content"

    def totals(self, transaction: Transaction, keys: Collection[str]) -> dict[str, str]:
        """
        By digest, the totals by cause, as they are stored; nothing for an SLO without any.

        Args:
            transaction: It sees the records at the same moment.
            keys: The digests of the SLOs.
        """
        if not keys or not self.is_there(transaction):
            return {}
        source = (
            f"{CAUSE_TABLE} c JOIN slo_django_slo s ON s.id = c.slo_id WHERE s.digest IN ({placeholders(len(keys))})"
        )
        return dict(
            transaction.fetch(
                f"SELECT s.digest, c.content FROM {source} AND c.width = {TOTALS.width_seconds}",  # noqa: S608
                list(keys),
            )
        )

    def read(
        self, transaction: Transaction, queries: Sequence[CauseQuery], *, keys: Mapping[str, str]
    ) -> list[StoredCauses]:
        """
        The causes of several SLOs: the same few statements for one and for hundreds that ask for the same time.

        Args:
            transaction: All its statements see the same moment.
            queries: What is wanted.
            keys: By SLO, the digest by which its row is looked up.
        """
        by_ranges = _grouped((query.ranges, keys[query.slo]) for query in queries)
        by_blocks = _grouped(((query.kind, query.width_seconds, query.first), keys[query.slo]) for query in queries)
        asking: list[tuple[str, Sequence[object]]] = [
            (f"SELECT digest{sums_of_row(ranges)} {_OF_SLOS} ({placeholders(len(slos))})", slos)
            for ranges, slos in by_ranges.items()
        ]
        if self.is_there(transaction):
            asking += [_blocks_query(*which, slos) for which, slos in by_blocks.items()]
        answers = iter(transaction.fetch_all(asking) if asking else [])
        sums = {(ranges, digest): row for ranges in by_ranges for digest, *row in next(answers)}
        blocks: dict[tuple[tuple[BlockKind, int, int], str], list[tuple[BlockKey, str]]] = {}
        for which, rows in zip(by_blocks, answers, strict=False):
            for digest, width, block, text in rows:
                blocks.setdefault((which, digest), []).append((BlockKey(width, block), text))
        stored = []
        for query in queries:
            key = keys[query.slo]
            # Some drivers make a Decimal of a sum.
            counts = [int(count or 0) for count in sums.get((query.ranges, key), ())]
            events = [EventCounts(*pair) for pair in zip(counts[::2], counts[1::2], strict=True)]
            which = (query.kind, query.width_seconds, query.first)
            stored.append(stored_causes(blocks.get((which, key), ()), events, query.kind))
        return stored


def _grouped(pairs: Iterable[tuple[T, str]]) -> dict[T, list[str]]:
    groups: dict[T, list[str]] = {}
    for group, key in pairs:
        groups.setdefault(group, []).append(key)
    return groups


def _blocks_of(each: BatchCauses, loaded: Mapping[tuple[int, BlockKey], str]) -> set[BlockKey]:
    """The blocks that a batch may change, but for those of the newest buckets."""
    keys: set[BlockKey] = set()
    for kind, increments, blocks in parts_of(each.batch):
        text = loaded.get((each.slo, kind.open))
        try:
            newest = None if text is None else parse_block(OPEN, text, kind)
        except ValueError:  # it begins again
            newest = None
        keys |= {kind.stored(key) for key in blocks_to_load(increments, blocks, newest=newest)}
    return keys


def _blocks_query(kind: BlockKind, width: int, first: int, slos: Sequence[str]) -> tuple[str, Sequence[object]]:
    which = f"c.width = {kind.open.width_seconds} OR (c.width = %s AND c.block >= %s)"
    source = f"{CAUSE_TABLE} c JOIN slo_django_slo s ON s.id = c.slo_id WHERE s.digest IN ({placeholders(len(slos))})"
    values = [*slos, *kind.stored(BlockKey(width, first // BLOCK_BUCKETS[width]))]
    return f"SELECT s.digest, c.width, c.block, c.content FROM {source} AND ({which})", values  # noqa: S608
