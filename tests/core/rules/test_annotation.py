"""Annotations of alerts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from slo_core.rules.annotation import literal


@given(st.text(alphabet='{}"a$ \n'))
def test_text_in_a_template_stays_text(text: str) -> None:
    """A brace is a template of a string; there is no other."""
    escaped = literal(text)

    assert escaped.replace('{{"{"}}', "{") == text
    assert escaped.count("{") == 3 * text.count("{")
