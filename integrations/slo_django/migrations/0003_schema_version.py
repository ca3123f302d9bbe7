from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("slo_django", "0002_status")]

    operations = [
        migrations.AddField(
            model_name="store",
            name="schema_version",
            field=models.PositiveSmallIntegerField(db_default=1),
        ),
    ]
