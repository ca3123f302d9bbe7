"""The tests of a project that uses slo-suite, for Django's own runner."""

from __future__ import annotations

import time

from django.test import SimpleTestCase, TestCase, TransactionTestCase


class Requests:
    """Requests are counted, and scraped, whatever the test may do with databases."""

    def test_requests(self) -> None:
        for path, status in (("/ok", 200), ("/bad", 500), ("/orders", 200), ("/metrics", 200)):
            self.assertEqual(self.client.get(path).status_code, status)  # type: ignore[attr-defined]
        time.sleep(0.25)  # a background thread would have its turn


class Simple(Requests, SimpleTestCase):
    """Without a database."""


class Plain(Requests, TestCase):
    """In a transaction."""


class Transactions(Requests, TransactionTestCase):
    """Tables are emptied afterwards."""
