"""What names and texts are written as."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from slo_core.conventions import quoted


@given(st.text())
def test_a_literal_of_promql_is_what_was_written(text: str) -> None:
    """Its escapes are among those of JSON."""
    assert json.loads(quoted(text), strict=False) == text
    assert "\n" not in quoted(text)
