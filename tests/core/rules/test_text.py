"""Rules as YAML."""

from __future__ import annotations

import sys

import pytest
import yaml

from shop_rules import rules
from slo_core import SLOError
from slo_core.rules.text import rules_text


def test_yaml_reads_back_as_the_document() -> None:
    """Expressions and templates stand in lines of their own, nothing refers elsewhere, and the comment comes first."""
    rule_set = rules(labels={"text": "a: #b {{"}, dashboard_url="https://x/{{")

    text = rules_text(rule_set.file_content(), comment="Made by hand.\nNot \x1bat all.")

    assert text.startswith("# Made by hand.\n# Not \\x1bat all.\ngroups:\n- name: slo/shop/30d\n")
    assert yaml.safe_load(text) == rule_set.file_content() == {"groups": rule_set.groups}
    assert "&id" not in text
    assert "    expr: |-\n      (\n        sum by (slo_service, slo, sloth_window, slo_count) (\n" in text
    assert all(line.count("{{") == line.count("}}") for line in text.splitlines())


def test_yaml_without_pyyaml_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra."""
    monkeypatch.setitem(sys.modules, "yaml", None)

    with pytest.raises(SLOError, match=r'pip install "slo-suite\[yaml\]"'):
        rules_text({})
