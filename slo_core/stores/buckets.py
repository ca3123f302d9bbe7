"""The protocol of shared stores, to implement for a store of your own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, runtime_checkable

from slo_core.budgets.bucket import BucketRange, Increment
from slo_core.budgets.causes import BlockKey, CauseIncrement
from slo_core.budgets.events import EventCounts
from slo_core.stores.base import StoreScope

__all__ = [
    "Applied",
    "Batch",
    "BucketRange",
    "BucketStore",
    "Declaration",
    "DeletingStore",
    "Increment",
    "Note",
    "Query",
    "SLORecord",
    "Series",
    "StoreIdentity",
    "Stored",
]


@dataclass(frozen=True, slots=True)
class Declaration:
    """
    The SLO as a process declares it before its first batch.

    Attributes:
        definition: The SLO as a JSON document, for readers that do not have the configuration.
        fingerprint: Of what the SLO counts; another one means that old and new numbers are of different things.
        keeps_seconds: The longest that any of its windows can ever be.
        since: Since when the process measures it, in seconds since the epoch.
        kept_since: In a copy, as in the record that is copied; None else.
    """

    definition: str
    fingerprint: str
    keeps_seconds: int
    since: float
    kept_since: int | None = None


# A tuple: twenty are made a second, and a frozen dataclass takes three times as long to make.
class Batch(NamedTuple):
    """
    Events of one SLO that one writer hands over together. Frozen: it is sent again exactly as it was.

    Attributes:
        writer: 32 hexadecimal digits, random, one for each process.
        slo: Name of the SLO.
        number: 1 for the writer's first batch of this SLO, then 2, 3...; 0 declares the SLO and is not noted. A number that
            leaves a gap asks what is noted.
        nonce: 16 hexadecimal digits, random, drawn when the batch was frozen: tells it from a batch of the same number
            that a copy of the process made (a clone of its machine).
        increments: Every event once in each width, but for seconds and minutes that are too old to be kept: those may be
            left out. Sorted by width and bucket; some 5,000 at most.
        good: Good events in it.
        bad: Bad events in it.
        earliest: When the earliest event happened, in whole seconds since the epoch; None without events.
        newest: When the newest event happened; None without events.
        dropped: Events that the writer had to give up, to be added to the store's total.
        errors: Failed attempts to reach the store, to be added to its total.
        declaration: In batch 0; any other may bring one too. Else None.
        after: With batch 1: what the store answered to the declaration before it, and when (as `swept_at`). Notes that
            were written later and are gone now may have been this writer's: then the batch may have been added before; and
            a record that is another one now is none that it was sent to.
        is_live: Each event was counted when it happened, by the writer's clock. Those older than everything kept, because
            that clock is weeks behind, count in `good` and `bad` all the same.
        leaves: The writer ends, and nothing of it is under way any more: its note is of no use after this. In a batch that
            asks, with the nonce of the writer's last batch.
        causes: What its bad events were caused by, in ascending order of buckets, added with it and as often: once. In each
            bucket not more events than `increments` hold there; fewer where the cause is not known. A store that keeps no
            causes (see `slo_core.stores.causes.CauseStore`) leaves them.
        cause_blocks: In a copy: the blocks of causes that are copied, as text, to be added as well.
        totals_causes: Its causes are to be added to the totals by cause, too; see `Stored.cause_totals`.
        latencies: How long its events took, where the SLO has a threshold, in the shape of causes: each names one of the
            cells of `slo_core.budgets.latencies`, and `bad` is the number of its events, good and bad. Added as `causes`
            are; a store that is no `slo_core.stores.causes.LatencyStore` leaves them.
        latency_blocks: In a copy: the blocks of latencies, as text, to be added as well.
    """

    writer: str
    slo: str
    number: int
    nonce: str = ""
    increments: Sequence[Increment] = ()
    good: int = 0
    bad: int = 0
    earliest: int | None = None
    newest: int | None = None
    dropped: int = 0
    errors: int = 0
    declaration: Declaration | None = None
    after: Note | None = None
    is_live: bool = False
    leaves: bool = False
    causes: Sequence[CauseIncrement] = ()
    cause_blocks: Sequence[tuple[BlockKey, str]] = ()
    totals_causes: bool = False
    latencies: Sequence[CauseIncrement] = ()
    latency_blocks: Sequence[tuple[BlockKey, str]] = ()


class Note(NamedTuple):
    """
    What an SLO's record says of one writer: which batch of it was added last.

    Attributes:
        number: Of that batch; 0 where the record has no note of the writer.
        nonce: Of that batch.
        applied: How many batches of all writers the record had taken in with it; 0 without a note.
        swept: The highest `applied` of all notes that were ever removed from the record. A note that is missing and was
            beyond it has not been removed: the store itself was set back.
        swept_at: When the latest of those notes was written, by the store's clock; without those of writers that left.
        generation: Random, from the record's creation; empty without a record.
    """

    number: int = 0
    nonce: str = ""
    applied: int = 0
    swept: int = 0
    swept_at: float = 0.0
    generation: str = ""


@dataclass(frozen=True, slots=True)
class StoreIdentity:
    """
    Which store it is.

    Attributes:
        store_id: 32 hexadecimal digits, random, from its creation: an emptied store has another one.
        created: When that was, in seconds since the epoch, by the store's clock.
    """

    store_id: str
    created: float


@dataclass(frozen=True, slots=True)
class Applied:
    """
    The answer of a store to batches.

    Attributes:
        identity: Which store it is.
        now: The store's clock, in seconds since the epoch.
        notes: For each batch what is noted of its writer now: its own number with its own nonce when it is applied (by this
            call or before), a lower one or none when there is a gap, and nothing was applied. None: this SLO could not be
            reached, others could; its batch comes again.
        trouble: Why some could not, fit for a log; None where all could.
        damage: What the store held of the causes of events and could not read, fit for a log: it begins again, and the
            batches are added all the same. None without damage.
    """

    identity: StoreIdentity
    now: float
    notes: tuple[Note | None, ...]
    trouble: str | None = None
    damage: str | None = None

    @property
    def noted(self) -> tuple[int, ...]:
        """The numbers of the notes; -1 for an SLO that could not be reached."""
        return tuple(-1 if note is None else note.number for note in self.notes)


@dataclass(frozen=True, slots=True)
class SLORecord:
    """
    Everything a store holds of an SLO except its buckets.

    Attributes:
        slo: Its name.
        good: Good events ever counted.
        bad: Bad events ever counted.
        dropped: Events that were older than everything kept, or that a writer had to give up.
        errors: Failed attempts of all writers to reach the store.
        data_since: Since when it is measured, in seconds since the epoch.
        last_event_at: When the newest event happened, in whole seconds since the epoch; None before the first.
        keeps_seconds: How far back its coarser buckets are kept.
        definition: The last definition declared, as a JSON document.
        fingerprint: The last one declared.
        definition_changed_at: When another fingerprint was declared than before, by the store's clock; None when it never was.
        idle_seconds: Where buckets expire by the store's clock: how long ago the SLO's last batch was applied. 0 where
            they are kept as seen from the newest event.
        lost_blocks: How often counts that the store had written were gone: it threw them away.
        seen_at: When a process last declared the SLO or handed over events of it, by the store's clock; None where the
            store does not say.
        kept_since: Since when its coarser buckets are kept, where they were kept for a shorter time before it was declared with
            longer windows; see `slo_core.stores.layout.kept_after_growing`. None where they never were.
    """

    slo: str
    good: int
    bad: int
    dropped: int
    errors: int
    data_since: float
    last_event_at: int | None
    keeps_seconds: int
    definition: str
    fingerprint: str
    definition_changed_at: float | None
    idle_seconds: float = 0.0
    lost_blocks: int = 0
    seen_at: float | None = None
    kept_since: int | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """
    The buckets to read of one SLO.

    Attributes:
        slo: Its name.
        ranges: Buckets to be added up, each range for itself.
        is_once: The same sums are not asked for again: a store need not remember them.
        cause_totals: The totals by cause are wanted, too; see `Stored.cause_totals`.
    """

    slo: str
    ranges: tuple[BucketRange, ...] = ()
    is_once: bool = False
    cause_totals: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """
    The record and the sums of one SLO, read at one moment.

    Attributes:
        record: None when the SLO was never declared; then every sum is 0.
        sums: The events of each range of the query, in its order.
        trouble: Why it cannot be read, where it is damaged, fit for a log; None else. Only this SLO is left out then. What
            is read is looked at by the caller: a negative number, say, need not be noticed here.
        closed: The places of sums that are not of buckets but of closed periods, and since when these are counted: minus
            infinity for whole ones. Set by readers, not by a store.
        cause_totals: Where the query wants them, the bad events of all batches with `totals_causes` by their causes, as
            text (see `slo_core.stores.cause_totals`): empty before the first. None where they are not wanted, and in a
            store that keeps none.
    """

    record: SLORecord | None
    sums: tuple[EventCounts, ...]
    trouble: str | None = None
    closed: Mapping[int, float] = field(default_factory=dict)
    cause_totals: str | None = None


# For each range of a query, the buckets that hold events, oldest first.
Series = tuple[list[Increment], ...]


@runtime_checkable
class BucketStore(Protocol):
    """
    A store that several processes share. `WriteBehindStore` does the rest: batching, retries, threads, forks.

    Methods are called by one thread at a time, never while a request waits, and may raise anything when the store is out
    of reach: the batch comes again. The text of a `StoreError` ends in logs and must hold no password; of other exceptions
    only the type is shown. They must return within a bounded time (half a second for one without an answer).
    One object serves one service: `service` keeps the names of several apart. Constructing one reaches out for nothing.
    `slo_core.testing.StoreContract` holds the tests that it must pass.

    Attributes:
        backend: The scheme of its URL, as shown in `slo_store_info`.
        scope: `"host"` or `"fleet"`.
        service: The namespace.
        default_flush_interval: Seconds between two writes, where the user has not said.
    """

    @property
    def backend(self) -> str: ...

    @property
    def scope(self) -> StoreScope: ...

    @property
    def service(self) -> str: ...

    @property
    def default_flush_interval(self) -> float: ...

    def identity(self) -> StoreIdentity:
        """Which store it is; an empty one is set up first."""

    def apply(self, batches: Sequence[Batch]) -> Applied:
        """
        Add batches, each exactly once; an empty store is set up first.

        For each batch: when the number noted for (writer, SLO) is one below the batch's, add all of it, count it in the
        record's `applied`, and note its number, its nonce and that `applied`: all or nothing, whatever happens meanwhile.
        Otherwise leave it. An unknown writer has 0 noted. Without a record and without a declaration nothing is added; nor
        is batch 1 where the record does not fit its `after` any more (see `slo_core.stores.layout.is_outdated`).
        Batch 0 declares the SLO, and is neither counted nor noted.

        Notes belong to the record: they are gone when it is gone, and only with it. They are removed in two ways, and then
        `swept` becomes the highest `applied` of those that went: when a batch `leaves`, and its writer's note has its nonce;
        and with a declaration, when nothing was heard of their writers for 25 hours (`slo_core.stores.layout.SWEPT_SECONDS`),
        some twenty at a time; but not right after a sleep of all (see `AWAKE_SECONDS` there). A record that was lost and is
        made again sees nothing of the old one: no note, no bucket; it has another `generation`. Where notes may vanish by
        another hand, the store notices (it knows how many there are), and sets `swept` to `applied`.

        What to add: each increment to its bucket; `good`, `bad`, `dropped` and `errors` to the record; `data_since` becomes the
        earliest of itself, the declaration's and the earliest event that is kept, `last_event_at` the newest event.
        Increments of buckets older than what is kept (`slo_core.stores.layout.kept_from`) are left out; `layout.admit` works
        out which, and what the record counts as dropped.

        Args:
            batches: At most one for each SLO, with 10,000 increments at most together, after an outage; else with a few.
        """

    def read(self, queries: Sequence[Query]) -> list[Stored]:
        """
        The record and the sums of several SLOs, in their order.

        A record and its sums are of one moment; a batch is seen whole or not at all.
        """

    def series(self, queries: Sequence[Query]) -> list[Series]:
        """
        The buckets that hold events, for charts and copies: of several ranges and SLOs at once, in their order.

        In one round trip, as `read`: a page of an SLO asks for four ranges, a copy for some thousand buckets.
        """

    def names(self) -> list[str]:
        """The SLOs that were declared for this service, sorted; in one round trip, however many there are."""

    def services(self) -> list[str]:
        """Every service that has declared an SLO in this store, sorted."""

    def prune(self) -> int:
        """
        Delete what no window will read again; how many rows went.

        Nothing to do for a store that forgets by itself. Called every ten minutes or so by each writer.
        """

    def close(self) -> None:
        """Release what is held open; a later call opens it again."""

    def forget(self) -> None:
        """In a forked child: let go of the parent's connections without closing or using them."""


@runtime_checkable
class DeletingStore(Protocol):
    """What a `BucketStore` may offer as well: `slo store forget` asks for it."""

    def delete_slo(self, slo: str, *, not_seen_since: float) -> bool:
        """
        Delete everything that the store holds of an SLO, at one moment; whether it holds nothing of it then.

        A name that is left of an SLO whose record has expired goes, too. An SLO whose `seen_at` is later is left alone.

        Args:
            slo: Its name.
            not_seen_since: In seconds since the epoch, by the store's clock; infinity deletes it in any case.
        """
