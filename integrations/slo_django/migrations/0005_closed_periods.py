from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("slo_django", "0004_notes")]

    operations = [
        migrations.CreateModel(
            name="ClosedPeriod",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "slo_id",
                        "start",
                        "kind",
                        "fingerprint",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("slo_id", models.BigIntegerField()),
                ("start", models.BigIntegerField()),
                ("kind", models.CharField(max_length=32)),
                ("fingerprint", models.CharField(max_length=64)),
                ("ends", models.BigIntegerField()),
                ("good", models.BigIntegerField()),
                ("bad", models.BigIntegerField()),
                ("target", models.FloatField()),
                ("measured_since", models.BigIntegerField()),
                ("is_final", models.PositiveSmallIntegerField()),
            ],
            options={
                "default_permissions": (),
            },
        ),
    ]
