from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("slo_django", "0001_shared_store")]

    operations = [
        migrations.CreateModel(
            name="SLOStatus",
            fields=[("id", models.PositiveSmallIntegerField(primary_key=True, serialize=False))],
            options={
                "verbose_name": "SLO status",
                "verbose_name_plural": "SLO status",
                "managed": False,
                "base_manager_name": "objects",
                "default_permissions": ("view",),
            },
        ),
    ]
