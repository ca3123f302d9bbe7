"""The status view in the admin, on every Django: who may look, on which site, under which policy."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.db import connections
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import resolve, reverse

from django_databases import make_tables
from slo_django import get_registry
from slo_django.models import Bucket, SLOStatus

LIST = "/admin/slo_django/slostatus/"
HOSTILE = "a/b?c&d_e <i>%2F</i> \"'"
CHECKOUT = f"{LIST}checkout/change/"

ADMIN = {
    "INSTALLED_APPS": [*settings.INSTALLED_APPS, "django.contrib.messages", "django.contrib.admin"],
    "MIDDLEWARE": [
        "slo_django.middleware.SLOMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    "TEMPLATES": [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    "ROOT_URLCONF": "slo_test_project.admin_urls",
    "LOGIN_URL": "admin:login",
    "SLO_DEFINITIONS": {
        "checkout": {"target": "90%", "kind": "custom", "description": "Customers can <pay>."},
        HOSTILE: {"target": "99%", "kind": "custom"},
    },
}


@pytest.fixture
def admin_site(tmp_path: Path, django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The project with an admin and a database in a file, and a clerk and an SRE who may sign in."""
    monkeypatch.setitem(connections.settings["default"], "NAME", str(tmp_path / "project.db"))
    with django_db_blocker.unblock(), override_settings(**ADMIN):
        connection = connections.create_connection("default")  # the project's own is in memory, and may be open
        monkeypatch.setattr(connections._connections, "default", connection, raising=False)
        try:
            make_tables("default")
            User.objects.create_user("clerk", is_staff=True)
            sre = User.objects.create_user("sre", is_staff=True)
            sre.user_permissions.add(Permission.objects.get(codename="view_slostatus"))
            yield
        finally:
            connection.close()


def signed_in(name: str) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(username=name))
    return client


@pytest.mark.usefixtures("admin_site")
class TestAdmin:
    """With a database."""

    @pytest.mark.parametrize("path", [LIST, f"{LIST}status.json", CHECKOUT])
    def test_it_asks_for_its_own_permission(self, path: str) -> None:
        """Strangers are sent to the login; staff without the permission are refused."""
        assert Client().get(path).headers["Location"] == f"/admin/login/?next={path}"
        assert signed_in("clerk").get(path).status_code == 403
        assert signed_in("sre").get(path).status_code == 200

    def test_the_index_links_to_it(self) -> None:
        """For those who may look, and for nobody else."""
        assert f'href="{LIST}"' in signed_in("sre").get("/admin/").content.decode()
        assert LIST not in signed_in("clerk").get("/admin/").content.decode()

    def test_nothing_can_be_changed(self) -> None:
        """There is no page to add or to delete, and nothing is taken by POST."""
        sre = signed_in("sre")
        for path in (f"{LIST}add/", f"{LIST}checkout/delete/", f"{LIST}checkout/history/"):
            assert sre.get(path).status_code == 404
        for path in (LIST, CHECKOUT, f"{LIST}status.json"):
            assert sre.post(path).status_code == 405

    def test_the_list_and_the_page_hold_the_numbers(self) -> None:
        """One of twenty failed where two may: half of the budget is left."""
        checkout = get_registry()["checkout"]
        for good in [True] * 19 + [False]:
            checkout.record(good)
        sre = signed_in("sre")

        for path in (LIST, CHECKOUT):
            text = sre.get(path).content.decode()
            assert "50.0%" in text
            assert "Customers can &lt;pay&gt;." in text
            assert "slo-met" in text
        document = sre.get(f"{LIST}status.json", {"slo": "checkout"}).json()
        assert document["slos"][0]["error_budget_remaining"] == 0.5
        assert sum(document["history"]["bad"]) == 1
        refused = sre.get(f"{LIST}status.json?slo=checkout&range=7x")
        assert (refused.status_code, refused.json()["error"][:22]) == (400, "range: expected one of")
        assert "In the address, range: expected one of" in sre.get(f"{CHECKOUT}?range=7x").content.decode()

    def test_names_go_through_addresses_whole(self) -> None:
        """Slashes, signs and quotes of a name are quoted as the admin does it."""
        sre = signed_in("sre")
        (address,) = re.findall(
            r'href="(/admin/slo_django/slostatus/(?!checkout)[^"]*/change/)"', sre.get(LIST).content.decode()
        )

        page = sre.get(address)

        assert page.status_code == 200
        assert page.context["title"] == HOSTILE
        assert "<i>" not in page.content.decode()
        assert sre.get(f"{LIST}nobody/change/").status_code == 404

    def test_breadcrumbs_are_those_of_this_django(self) -> None:
        """An ordered list since Django 6.1, whose style sheet knows nothing else; the way back is in them."""
        sre = signed_in("sre")
        for path, last in ((LIST, "SLO status"), (CHECKOUT, "<bdi>checkout</bdi>")):
            tag = "ol" if django.VERSION >= (6, 1) else "div"
            (found,) = re.findall(rf'<{tag} class="breadcrumbs">.*?</{tag}>', sre.get(path).content.decode(), re.DOTALL)
            assert last in found
            assert (f'href="{LIST}"' in found) == (path != LIST)
            if tag == "ol":
                assert f'<li aria-current="page">{last}</li>' in found
                assert "&rsaquo;" not in found

    def test_a_name_may_be_the_title_of_the_list(self) -> None:
        """Its page still leads back to the list."""
        with override_settings(SLO_DEFINITIONS={"SLO status": {"target": "90%", "kind": "custom"}}):
            page = signed_in("sre").get(f"{LIST}SLO status/change/")

        assert page.status_code == 200
        assert page.context["slo"]["is_detail"] is True

    def test_a_site_of_ones_own_keeps_its_addresses(self) -> None:
        """Every link leads back to the site that is looked at."""
        text = signed_in("sre").get("/operations/slo_django/slostatus/").content.decode()

        assert "/operations/slo_django/slostatus/checkout/change/" in text
        assert 'href="/admin/' not in text
        assert reverse("operations:slo_django_slostatus_changelist") == "/operations/slo_django/slostatus/"

    def test_times_are_in_djangos_time_zone(self) -> None:
        """The script rewrites them to the reader's own; without it these stand."""
        get_registry()["checkout"].record_success()
        with override_settings(TIME_ZONE="Asia/Kolkata"):
            assert re.search(r"\d\d:\d\d:\d\d IST", signed_in("sre").get(LIST).content.decode())

    def test_wrong_settings_are_told_to_staff(self) -> None:
        """As the checks say it, and never a 500."""
        sre = signed_in("sre")
        with override_settings(SLO_DEFINITIONS={"checkout": {"target": 99.9}}):
            page, document = sre.get(LIST), sre.get(f"{LIST}status.json")

        assert page.status_code == 200
        assert "did you mean &quot;99.9%&quot;?" in page.content.decode()
        assert document.status_code == 503
        assert document.json()["version"] == 1
        assert 'did you mean "99.9%"?' in document.json()["error"]

    def test_it_says_that_counting_is_switched_off(self) -> None:
        """Zeros have a reason."""
        sre = signed_in("sre")
        assert "SLO_ENABLED" not in sre.get(LIST).content.decode()
        with override_settings(SLO_ENABLED=False):
            assert "SLO_ENABLED is False: nothing is counted." in sre.get(LIST).content.decode()

    def test_logins_may_be_required_everywhere(self) -> None:
        """The login page finds the admin's own files, ours among them."""
        middleware = [*ADMIN["MIDDLEWARE"], "django.contrib.auth.middleware.LoginRequiredMiddleware"]
        with override_settings(MIDDLEWARE=middleware):
            assert Client().get(LIST).headers["Location"] == f"/admin/login/?next={LIST}"
            assert signed_in("sre").get(LIST).status_code == 200
            assert Client().get(f"{LIST}assets/slo.css").status_code == 200

    @pytest.mark.skipif(django.VERSION < (6, 0), reason="Django 6.0 brought the policy with nonces")
    def test_a_policy_of_nonces_lets_it_in(self) -> None:
        """Every script and style sheet of ours carries the nonce of the answer, and nothing is inline."""
        middleware = [*ADMIN["MIDDLEWARE"], "django.middleware.csp.ContentSecurityPolicyMiddleware"]
        processors = [*ADMIN["TEMPLATES"][0]["OPTIONS"]["context_processors"], "django.template.context_processors.csp"]
        templates = [{**ADMIN["TEMPLATES"][0], "OPTIONS": {"context_processors": processors}}]
        policy = {
            "default-src": ["'self'"],
            "script-src": ["<CSP_NONCE_SENTINEL>"],
            "style-src": ["<CSP_NONCE_SENTINEL>"],
        }
        with override_settings(MIDDLEWARE=middleware, TEMPLATES=templates, SECURE_CSP=policy):
            for path in (LIST, CHECKOUT):
                page = signed_in("sre").get(path)
                (nonce,) = set(re.findall(r"'nonce-([^']+)'", page.headers["Content-Security-Policy"]))
                ours = re.findall(r"<(?:script|link)[^>]*slostatus/assets[^>]*>", page.content.decode())
                assert len(ours) >= 2
                assert all(f'nonce="{nonce}"' in tag for tag in ours)
                assert not re.search(r"<script(?![^>]*src=)[^>]*>", page.content.decode())
                assert not re.search(r"<[^>]+\sstyle=", page.context["slo"]["body"])

    def test_looking_counts_for_no_slo(self) -> None:
        """Nor does a refused look."""
        with override_settings(SLO_DEFINITIONS={"all": {"target": "90%"}}):
            for name in ("sre", "clerk"):
                for path in (LIST, f"{LIST}status.json", f"{LIST}assets/slo.js"):
                    signed_in(name).get(path)
            for path in (LIST, f"{LIST}status.json", f"{LIST}all/change/"):
                assert Client().get(path).status_code == 302  # to the login page
            address = re.findall(r'"([^"]+/slo[.]js[?]v=[^"]+)"', signed_in("sre").get(LIST).content.decode())[0]
            assert "immutable" in Client().get(address).headers["Cache-Control"]
            assert get_registry()["all"].snapshot().total == 0


@pytest.mark.usefixtures("admin_site")
@pytest.mark.parametrize("format_", ["json", "jsonl", "xml", "yaml"])
@pytest.mark.parametrize(
    "arguments", [[], ["--all"], ["--natural-foreign", "--natural-primary"], ["slo_django"], ["slo_django.SLOStatus"]]
)
def test_a_dump_of_the_project_can_be_made_and_loaded(format_: str, arguments: list[str], tmp_path: Path) -> None:
    """The status view has no table, and so no rows; the tables of the store are dumped and loaded like any other."""
    bucket = Bucket(slo_id=7, width=60, bucket=123, good=5, bad=1)
    bucket.save()
    dump = tmp_path / f"dump.{format_}"

    call_command("dumpdata", *arguments, format=format_, output=str(dump), verbosity=0)
    content = dump.read_text(encoding="utf-8")
    assert "slo_django.slostatus" not in content
    assert ("slo_django.bucket" in content) is (arguments != ["slo_django.SLOStatus"])
    if "slo_django.bucket" in content:
        bucket.delete()
        call_command("loaddata", str(dump), verbosity=0)

    assert list(Bucket.objects.values_list("slo_id", "width", "bucket", "good", "bad")) == [(7, 60, 123, 5, 1)]


@pytest.mark.usefixtures("admin_site")
def test_the_status_model_has_no_rows_and_asks_no_database() -> None:
    """Whatever goes through the managers of all models."""
    for manager in (SLOStatus.objects, SLOStatus._default_manager, SLOStatus._base_manager):
        with CaptureQueriesContext(connections["default"]) as queries:
            assert list(manager.using("default").order_by("pk").iterator()) == []
            assert (manager.count(), manager.filter(pk=1).exists(), manager.first()) == (0, False, None)
        assert len(queries) == 0
        assert manager.all().delete() == (0, {})


@pytest.mark.usefixtures("admin_site")
def test_commands_on_all_models_work() -> None:
    """No migration is missing, and a flush keeps the permission."""
    out = io.StringIO()
    call_command("makemigrations", "slo_django", check_changes=True, dry_run=True, verbosity=0)
    call_command("remove_stale_contenttypes", include_stale_apps=True, interactive=False, verbosity=0)
    call_command("sqlflush", stdout=out)
    assert "slo_django_slostatus" not in out.getvalue()
    assert "slo_django" in connections["default"].creation.serialize_db_to_string()

    call_command("flush", interactive=False, verbosity=0)

    assert Permission.objects.filter(codename="view_slostatus").count() == 1


@pytest.mark.usefixtures("admin_site")
@pytest.mark.parametrize(
    ("path", "name"),
    [("", "changelist_view"), ("status.json", "document_view"), ("checkout/change/", "change_view")],
)
def test_views_of_the_admin_have_their_names(path: str, name: str) -> None:
    """They are what debug pages, logs and tracing show of a request."""
    assert resolve(LIST + path).func.__name__ == name
