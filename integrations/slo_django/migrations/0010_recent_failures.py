from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("slo_django", "0009_marks")]

    operations = [
        migrations.CreateModel(
            name="RecentFailure",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("digest", models.CharField(max_length=64)),
                ("at", models.FloatField()),
                ("content", models.TextField()),
            ],
            options={
                "indexes": [models.Index(fields=["digest", "id"], name="slo_django_failure_of_slo")],
                "default_permissions": (),
            },
        ),
    ]
