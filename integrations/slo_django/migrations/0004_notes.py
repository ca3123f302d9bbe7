from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("slo_django", "0003_schema_version")]

    operations = [
        migrations.AddField("note", "nonce", models.CharField(max_length=16, db_default="")),
        migrations.AddField("note", "applied", models.BigIntegerField(db_default=0)),
        migrations.AddField("servicelevelobjective", "generation", models.CharField(max_length=16, db_default="")),
        migrations.AddField("servicelevelobjective", "applied", models.BigIntegerField(db_default=0)),
        migrations.AddField("servicelevelobjective", "swept", models.BigIntegerField(db_default=0)),
        migrations.AddField("servicelevelobjective", "swept_at", models.FloatField(db_default=0.0)),
        migrations.AddField("servicelevelobjective", "notes", models.BigIntegerField(db_default=0)),
        migrations.AddIndex("note", models.Index(fields=("slo_id", "noted_at"), name="slo_django_note_age")),
    ]
