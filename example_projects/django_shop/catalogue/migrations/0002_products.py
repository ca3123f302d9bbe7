"""Something to buy."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

PRODUCTS = (("Lamp", 4900), ("Chair", 12900), ("Teapot", 3500))


def add_products(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Put three products on the shelf."""
    product = apps.get_model("catalogue", "Product")
    for name, price_cents in PRODUCTS:
        product.objects.get_or_create(name=name, defaults={"price_cents": price_cents})


class Migration(migrations.Migration):
    """Sample data."""

    dependencies = [("catalogue", "0001_initial")]
    operations = [migrations.RunPython(add_products, migrations.RunPython.noop)]
