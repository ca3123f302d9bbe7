"""`manage.py import_stock stock.csv`: lines of name and price in cents."""

import csv
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from catalogue.models import Product
from slo_django import get_registry


class Command(BaseCommand):
    """Each line is an event of the SLO "stock-import": good if it could be read."""

    help = "Imports products from a CSV file of names and prices in cents."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The file."""
        parser.add_argument("file", type=Path)

    def handle(self, *_: Any, **options: Any) -> None:
        """Import what can be read, name what cannot."""
        tracker = get_registry()["stock-import"]
        with options["file"].open(newline="") as lines:
            for line in csv.reader(lines):
                try:
                    with tracker.track():
                        name, price = line
                        Product.objects.update_or_create(name=name, defaults={"price_cents": int(price)})
                except ValueError:
                    self.stderr.write(f"not a product: {line}")
        snapshot = tracker.snapshot()
        self.stdout.write(f"{snapshot.good} of {snapshot.total} lines imported")
