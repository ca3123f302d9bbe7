"""The marks of the service behind a store that writes behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from slo_core.errors import StoreError
from slo_core.stores.buckets import BucketStore

if TYPE_CHECKING:
    from slo_core.budgets.marks import Mark
    from slo_core.stores.shared.delivery import Delivery

__all__ = ["SharedMarks"]


class SharedMarks:
    """The part of `WriteBehindStore` that is about marks."""

    _buckets: BucketStore
    _delivery: Delivery

    def notice_fork(self) -> None:
        """Start empty in a child."""
        raise NotImplementedError

    def use_release(self, release: str) -> None:
        """Mark this release when the store has the first events that are counted with it."""
        self._delivery.releases.release = release

    def add_marks(self, marks: Sequence[Mark]) -> None:
        """
        Write marks now.

        Raises:
            StoreError: The store keeps no marks, or is out of reach; nothing was written.
        """
        from slo_core.stores.marks import MarkStore

        buckets = self._buckets
        if not isinstance(buckets, MarkStore):
            raise StoreError(f"the store {buckets.backend} keeps no marks: it has no add_marks and no marks")
        self.notice_fork()
        self._delivery.read(lambda: buckets.add_marks(marks))

    def marks(self, since: float) -> tuple[Mark, ...]:
        """
        The marks of the service at or after an instant, in order of time; none where the store keeps none.

        Raises:
            StoreError: The store is out of reach.
        """
        from slo_core.stores.marks import MarkStore

        buckets = self._buckets
        if not isinstance(buckets, MarkStore):
            return ()
        self.notice_fork()
        return self._delivery.read(lambda: buckets.marks(since), sends_first=False)
