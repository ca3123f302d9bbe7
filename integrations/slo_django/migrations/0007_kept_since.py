from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("slo_django", "0006_seen_at")]

    operations = [migrations.AddField("servicelevelobjective", "kept_since", models.BigIntegerField(null=True))]
