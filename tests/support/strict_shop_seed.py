"""People who may and may not look, and a past worth looking at: for `strict_shop`."""

from __future__ import annotations

import random
import time

import django

django.setup()

from django.contrib.auth.models import Permission, User  # noqa: E402

from slo_django import get_registry  # noqa: E402

PASSWORD = "correct horse"

clerk = User.objects.create_user("clerk", password=PASSWORD, is_staff=True)
sre = User.objects.create_user("sre", password=PASSWORD, is_staff=True)
sre.user_permissions.add(Permission.objects.get(codename="view_slostatus"))

registry, now, chance = get_registry(), time.time(), random.Random(7)
for quarter in range(30 * 96):
    at = now - quarter * 900 - 1
    bad_share = 0.02 if 300 < quarter < 312 else 0.0004
    for second in range(40):
        registry["history"].record(chance.random() > bad_share, at=at - second * 20)
# The only event of this one so far: measuring it began hours ago.
registry["checkout"].record_success(at=now - 3 * 3600)
registry.flush()
registry.close()
