"""Names of SLOs and services, and the identity of a store."""

from __future__ import annotations

from slo_core.budgets.events import EventCounts
from slo_core.stores.contract.batches import batch_of, declared
from slo_core.stores.contract.store_content import now_of, totals_of

__all__ = ["NamingContract"]


class NamingContract:
    """Whatever two SLOs or services are called, their events are kept apart."""

    def test_names_are_exact(self, make_store) -> None:  # type: ignore[no-untyped-def]  # a fixture of the user's
        """Upper and lower case, spaces at the end, quotes, braces and any script tell SLOs apart."""
        store = make_store()
        now = now_of(store)
        names = ["a", "A", "a ", "á", "{a}", "a/b", 'it\'s "x"\n\\', "%41", "支払い", "x" * 300]
        for count, name in enumerate(names, start=1):
            store.apply([batch_of([(now, count, 0)], number=1, slo=name, declaration=declared(now))])

        assert store.names() == sorted(names)
        assert [totals_of(store, name).good for name in names] == list(range(1, len(names) + 1))

    def test_services_are_kept_apart(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """An SLO of the same name in another service is another one; all services of a store are known."""
        shop, post = make_store("shop"), make_store("post/office {1}")
        now = now_of(shop)
        shop.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(now))])
        post.apply([batch_of([(now, 0, 2)], number=1, writer="b" * 32, declaration=declared(now))])

        assert (totals_of(shop), totals_of(post)) == (EventCounts(1, 0), EventCounts(0, 2))
        assert shop.services() == ["post/office {1}", "shop"]
        assert shop.names() == ["availability"]

    def test_the_identity_stays(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """The same for every store object, also after closing; its clock is near ours by the store's own account."""
        store, other = make_store("shop"), make_store("other")
        identity = store.identity()
        store.close()

        applied = store.apply([])

        assert other.identity() == store.identity() == applied.identity == identity
        assert len(identity.store_id) == 32
        assert abs(identity.created - applied.now) < 600
