"""
The tables of the store behind `django://`, and the model of the status view in the admin.

`slo_django.store.bucket_store` writes the tables, with upserts of its own.
"""

from __future__ import annotations

from django.db import models

__all__ = [
    "Bucket",
    "CauseBlock",
    "ClosedPeriod",
    "Episode",
    "Mark",
    "Note",
    "RecentFailure",
    "SLOStatus",
    "ServiceLevelObjective",
    "Store",
]


class Store(models.Model):
    """The identity of the store: one row."""

    id = models.PositiveSmallIntegerField(primary_key=True)
    store_id = models.CharField(max_length=32)
    created = models.FloatField()
    # The tables' version, for processes that know older tables only. A default of the database, because processes from
    # before this column write the row without it.
    schema_version = models.PositiveSmallIntegerField(db_default=1)

    class Meta:
        default_permissions = ()


class ServiceLevelObjective(models.Model):
    """
    Everything about an SLO except its buckets.

    Databases differ in which names they compare as equal: rows are identified by digests of the names, in ASCII.
    """

    id = models.BigAutoField(primary_key=True)
    digest = models.CharField(max_length=64, unique=True)
    service_digest = models.CharField(max_length=64, db_index=True)
    service = models.TextField()
    name = models.TextField()
    good = models.BigIntegerField()
    bad = models.BigIntegerField()
    dropped = models.BigIntegerField()
    errors = models.BigIntegerField()
    since = models.FloatField()
    newest = models.BigIntegerField(null=True)
    keeps_seconds = models.BigIntegerField()
    definition = models.TextField()
    fingerprint = models.CharField(max_length=64)
    changed_at = models.FloatField(null=True)
    # Defaults of the database, because processes from before these columns write rows without them.
    generation = models.CharField(max_length=16, db_default="")
    applied = models.BigIntegerField(db_default=0)
    swept = models.BigIntegerField(db_default=0)
    swept_at = models.FloatField(db_default=0.0)
    notes = models.BigIntegerField(db_default=0)
    seen_at = models.FloatField(db_default=0.0)
    kept_since = models.BigIntegerField(null=True)

    class Meta:
        db_table = "slo_django_slo"
        default_permissions = ()


class Bucket(models.Model):
    """Events of one SLO in one stretch of time."""

    # In this order: a sum over neighbouring buckets reads neighbouring rows.
    pk = models.CompositePrimaryKey("slo_id", "width", "bucket")
    slo_id = models.BigIntegerField()
    width = models.IntegerField()
    bucket = models.BigIntegerField()
    good = models.BigIntegerField()
    bad = models.BigIntegerField()

    class Meta:
        default_permissions = ()


class Note(models.Model):
    """The last batch of a writer for an SLO."""

    pk = models.CompositePrimaryKey("writer", "slo_id")
    writer = models.CharField(max_length=32)
    slo_id = models.BigIntegerField()
    number = models.BigIntegerField()
    noted_at = models.FloatField(db_index=True)
    nonce = models.CharField(max_length=16, db_default="")
    applied = models.BigIntegerField(db_default=0)

    class Meta:
        indexes = (models.Index(fields=("slo_id", "noted_at"), name="slo_django_note_age"),)
        default_permissions = ()


class ClosedPeriod(models.Model):
    """A day, week, month or quarter of an SLO that is over: kept for 25 months."""

    # In this order: the latest periods of an SLO are neighbours. The kind is part of it, and no choice between known ones:
    # corrections may come as rows of another kind.
    pk = models.CompositePrimaryKey("slo_id", "start", "kind", "fingerprint")
    slo_id = models.BigIntegerField()
    start = models.BigIntegerField()
    kind = models.CharField(max_length=32)
    fingerprint = models.CharField(max_length=64)
    ends = models.BigIntegerField()
    good = models.BigIntegerField()
    bad = models.BigIntegerField()
    target = models.FloatField()
    measured_since = models.BigIntegerField()
    is_final = models.PositiveSmallIntegerField()

    class Meta:
        default_permissions = ()


class CauseBlock(models.Model):
    """What the bad events of one SLO were caused by, in a few neighbouring stretches of time."""

    pk = models.CompositePrimaryKey("slo_id", "width", "block")
    slo_id = models.BigIntegerField()
    width = models.IntegerField()
    block = models.BigIntegerField()
    content = models.TextField()

    class Meta:
        default_permissions = ()


class Mark(models.Model):
    """A change of a service: a release, a deploy, a note."""

    # A digest of kind and text: databases differ in which texts they compare as equal.
    pk = models.CompositePrimaryKey("service_digest", "at", "digest")
    service_digest = models.CharField(max_length=64)
    at = models.FloatField()
    digest = models.CharField(max_length=64)
    kind = models.CharField(max_length=16)
    text = models.TextField()
    seen = models.FloatField()

    class Meta:
        default_permissions = ()


class Episode(models.Model):
    """What the firing of an alert rule was: kept for 25 months after it has ended."""

    # A digest of the rule: severities are texts of any length.
    pk = models.CompositePrimaryKey("slo_id", "start", "rule")
    slo_id = models.BigIntegerField()
    start = models.BigIntegerField()
    rule = models.CharField(max_length=64)
    content = models.TextField()

    class Meta:
        default_permissions = ()


class RecentFailure(models.Model):
    """One of the last bad events of an SLO."""

    # In the order in which they came.
    id = models.BigAutoField(primary_key=True)
    digest = models.CharField(max_length=64)
    at = models.FloatField()
    content = models.TextField()

    class Meta:
        indexes = (models.Index(fields=("digest", "id"), name="slo_django_failure_of_slo"),)
        default_permissions = ()


class _NoRows(models.Manager["SLOStatus"]):
    """
    The manager of a model without a table: every query is empty, and none reaches the database.

    Code that goes through all models, such as `dumpdata`, queries this one too.
    """

    def get_queryset(self) -> models.QuerySet[SLOStatus]:
        return super().get_queryset().none()


class SLOStatus(models.Model):
    """
    The status view of the admin: a permission and a place in the list of applications, without a table.

    Users with the permission `slo_django.view_slostatus` may look.
    """

    # Stated, because a project's DEFAULT_AUTO_FIELD would make a migration of its own.
    id = models.PositiveSmallIntegerField(primary_key=True)

    objects = _NoRows()

    class Meta:
        managed = False
        base_manager_name = "objects"  # `dumpdata --all` goes past the default manager
        default_permissions = ("view",)
        verbose_name = verbose_name_plural = "SLO status"
