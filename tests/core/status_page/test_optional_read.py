"""A part of the page that may be missing."""

from __future__ import annotations

from slo_core import SLORegistry
from slo_core.errors import StoreError
from slo_core.status_page.optional_read import or_nothing


def test_what_cannot_be_read_is_left_out(clock):
    """A store that is away is said elsewhere; what a user's store raises is counted."""
    registry = SLORegistry(clock=clock)

    def failing(exception):
        def read():
            raise exception

        return read

    assert or_nothing(lambda: {"a": 1}, registry, "lost") == {"a": 1}
    assert or_nothing(failing(StoreError("away")), registry, "lost") == {}
    assert registry.internals.errors.total == 0
    assert or_nothing(failing(ValueError()), registry, "lost") == {}
    assert registry.internals.errors.total == 1
