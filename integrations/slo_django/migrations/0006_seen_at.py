import time
from typing import Any

from django.db import migrations, models


def begin(apps: Any, schema_editor: Any) -> None:
    """Not known of the SLOs that are there: the time for which one must be missing begins now."""
    slos = apps.get_model("slo_django", "ServiceLevelObjective").objects
    slos.using(schema_editor.connection.alias).update(seen_at=time.time())


class Migration(migrations.Migration):
    dependencies = [("slo_django", "0005_closed_periods")]

    operations = [
        migrations.AddField("servicelevelobjective", "seen_at", models.FloatField(db_default=0.0)),
        migrations.RunPython(begin, migrations.RunPython.noop),
    ]
