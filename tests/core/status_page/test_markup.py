"""Names and descriptions in HTML."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from slo_core import SLORegistry
from slo_core.status_page.markup import element, html_of
from slo_core.status_page.view import StatusView
from status_page_text import LINKS, PageText

HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "&lt;b&gt; &amp; 'quotes' \"too\"",
    "x" * 300,
    "🔥 checkout 🧾",
    "תשלום الدفع",
    "a/b?c=d&e#f%2F",
    "</main></html>",
    "<slot></slot>",
]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("is_detail", [False, True])
def test_names_and_descriptions_stay_text(clock, name, is_detail):
    """Whatever they hold: no tag comes of it, and nothing is lost."""
    registry = SLORegistry.from_config({name: {"target": "99%", "description": name, "runbook": name}}, clock=clock)
    plain = SLORegistry.from_config({"a": {"target": "99%", "description": "a", "runbook": "a"}}, clock=clock)

    def page(of, called):
        query = LINKS.detail(called, {}).partition("?")[2] if is_detail else ""
        answer = StatusView(of, path="/slo").respond_page("GET", query=query)
        assert answer.status == 200
        return PageText(answer.body.decode())

    text = page(registry, name)
    assert text.tags == page(plain, "a").tags
    assert name in text.text


@pytest.mark.parametrize("text", HOSTILE)
def test_html_is_what_the_standard_library_writes(text):
    """As text, behind an element and in an attribute; elements without an end have none."""
    tree = element("p", text, element("br"), text, element("b", title=text.replace("<", "")), text, hidden=True)

    assert html_of(tree) == ET.tostring(tree, encoding="unicode", method="html")


def test_no_attribute_opens_a_tag():
    """The standard library leaves the sign as it is in attributes, which is right and harder to check."""
    assert html_of(element("a", href="<script>")) == '<a href="&lt;script&gt;"></a>'
