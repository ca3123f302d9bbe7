"""The words and links about causes in annotations; `tests/e2e/test_paging.py` has Prometheus expand them."""

from __future__ import annotations

import pytest

from slo_core import ConfigError, SLODefinition
from slo_core.rules.cause_template import page_link, top_cause
from slo_core.rules.environment import Environment
from slo_core.rules.rule_set import prometheus_rules


def test_a_link_keeps_what_the_address_has() -> None:
    """Its query and fragment; a brace of it is no template."""
    slo = "slo={{ $labels.slo | urlquery }}"
    assert page_link("https://a/slo") == f"https://a/slo?{slo}"
    assert page_link("https://a/{x}?b=1#top") == f'https://a/{{{{"{{"}}}}x}}?b=1&{slo}#top'


def test_the_series_of_the_alerts_service_and_environment_are_asked() -> None:
    """A percent sign in a name is none of `printf`."""
    template = top_cause("50% off", scope="fleet", environment=Environment({"env": "a"}, ("region",)), seconds=3600)

    assert r"slo_service=\"50%% off\",env=\"a\",slo=%[1]q,region=%[2]q" in template
    assert "$labels.slo $labels.region)" in template
    assert "store_id" in template
    assert "store_id" not in top_cause("default", scope="process", environment=Environment(), seconds=300)


def test_rules_have_them_only_where_they_are_asked_for() -> None:
    """Alerts of SLOs link to the page; those of the service do not."""
    definitions = [SLODefinition("jobs", 0.99)]
    plain = prometheus_rules(definitions, service="shop", scope="host")
    asked = prometheus_rules(
        definitions, service="shop", scope="host", page_url="https://a/slo", with_causes=True
    ).file_content()

    alerts = [rule for group in asked["groups"] for rule in group["rules"] if "alert" in rule]
    linked = {rule["alert"] for rule in alerts if "page_url" in rule["annotations"]}
    assert "SLOErrorBudgetBurn" in linked
    assert "SLOStoreDown" not in linked
    assert {r["alert"] for r in alerts if "Most often" in r["annotations"]["description"]} == {"SLOErrorBudgetBurn"}
    assert "Most often" not in str(plain.file_content())
    assert "page_url" not in str(plain.file_content())


def test_a_page_without_http_is_refused() -> None:
    """It would be a link that nothing follows, or that runs a script."""
    with pytest.raises(ConfigError, match="page_url: expected an address with http"):
        prometheus_rules([SLODefinition("jobs", 0.99)], service="shop", scope="host", page_url="javascript:alert(1)")
