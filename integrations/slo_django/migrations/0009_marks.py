from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("slo_django", "0008_causes")]

    operations = [
        migrations.CreateModel(
            name="Mark",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "service_digest",
                        "at",
                        "digest",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("service_digest", models.CharField(max_length=64)),
                ("at", models.FloatField()),
                ("digest", models.CharField(max_length=64)),
                ("kind", models.CharField(max_length=16)),
                ("text", models.TextField()),
                ("seen", models.FloatField()),
            ],
            options={
                "default_permissions": (),
            },
        ),
    ]
