from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("slo_django", "0010_recent_failures")]

    operations = [
        migrations.CreateModel(
            name="Episode",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "slo_id",
                        "start",
                        "rule",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("slo_id", models.BigIntegerField()),
                ("start", models.BigIntegerField()),
                ("rule", models.CharField(max_length=64)),
                ("content", models.TextField()),
            ],
            options={
                "default_permissions": (),
            },
        ),
    ]
