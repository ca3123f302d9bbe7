from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("slo_django", "0007_kept_since")]

    operations = [
        migrations.CreateModel(
            name="CauseBlock",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "slo_id", "width", "block", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("slo_id", models.BigIntegerField()),
                ("width", models.IntegerField()),
                ("block", models.BigIntegerField()),
                ("content", models.TextField()),
            ],
            options={
                "default_permissions": (),
            },
        ),
    ]
