"""All promises of a `BucketStore`."""

from __future__ import annotations

from slo_core.stores.contract.applying import ApplyingContract
from slo_core.stores.contract.causing import CausingContract
from slo_core.stores.contract.closing import ClosingContract
from slo_core.stores.contract.episodes import EpisodeContract
from slo_core.stores.contract.failing import FailuresContract
from slo_core.stores.contract.marking import MarkingContract
from slo_core.stores.contract.naming import NamingContract
from slo_core.stores.contract.noting import NotingContract
from slo_core.stores.contract.reading import ReadingContract
from slo_core.stores.contract.retention import RetentionContract
from slo_core.stores.contract.sleeping import SleepingContract
from slo_core.stores.contract.timing import TimingContract
from slo_core.stores.contract.totalling import TotallingContract

__all__ = ["StoreContract"]


class StoreContract(
    ApplyingContract,
    NotingContract,
    SleepingContract,
    ReadingContract,
    RetentionContract,
    ClosingContract,
    CausingContract,
    TotallingContract,
    TimingContract,
    MarkingContract,
    EpisodeContract,
    FailuresContract,
    NamingContract,
):
    """
    What every shared store must do; inherit it in a test module of your own and give it a fixture.

    The fixture `make_store` is a function `make_store(service="shop") -> BucketStore`; all stores that it makes in one
    test share their events, as those of several processes do. The store must be empty at the start of each test and be
    reachable. Events are recorded around the store's own clock.

    Of the methods `lose_notes`, `lose_record`, `saved` and `set_back` (see `NotingContract`) and `let_pass` (see
    `SleepingContract`) give those that can happen to your store: notes or a record that another program deletes, a backup
    that is restored, days that pass.

    ```python
    class TestMyStore(StoreContract):
        @pytest.fixture
        def make_store(self, tmp_path):
            return lambda service="shop": MyStore(tmp_path / "slo", service=service)
    ```
    """
