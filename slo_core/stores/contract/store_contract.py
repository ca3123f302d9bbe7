"""All promises of a `BucketStore`."""

from __future__ import annotations

from slo_core.stores.contract.applying import ApplyingContract
from slo_core.stores.contract.naming import NamingContract
from slo_core.stores.contract.reading import ReadingContract
from slo_core.stores.contract.retention import RetentionContract

__all__ = ["StoreContract"]


class StoreContract(ApplyingContract, ReadingContract, RetentionContract, NamingContract):
    """
    What every shared store must do; inherit it in a test module of your own and give it a fixture.

    The fixture `make_store` is a function `make_store(service="shop") -> BucketStore`; all stores that it makes in one
    test share their events, as those of several processes do. The store must be empty at the start of each test and be
    reachable. Events are recorded around the store's own clock.

    ```python
    class TestMyStore(StoreContract):
        @pytest.fixture
        def make_store(self, tmp_path):
            return lambda service="shop": MyStore(tmp_path / "slo", service=service)
    ```
    """
