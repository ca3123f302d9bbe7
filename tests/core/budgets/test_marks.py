"""What a mark may be."""

from __future__ import annotations

import pytest

from slo_core.budgets.marks import Mark, mark_text


def test_a_text_is_kept_as_it_is() -> None:
    """Spaces at its ends, other scripts, markup."""
    texts = [" a ", "支払い ±", "<b>", "x" * 100]

    assert [Mark(0.0, "note", text).text for text in texts] == texts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "got none"),
        ("  ", "got only spaces"),
        ("x" * 101, "got 101"),
        ("x" * 10**7, "got 10,000,000"),
        ("a\nb", r"in one line, got \\n in 'a\\nb'"),
        ("\x1b[2J", r"got \\x1b"),
        ("\u202eabc", r"got \\u202e"),
        ("\ud800", r"got \\ud800"),
        (b"a", "got bytes"),
        (None, "got NoneType"),
    ],
)
def test_other_texts_are_refused_in_a_short_sentence(text: object, expected: str) -> None:
    """It says what was expected, and repeats no megabytes."""
    with pytest.raises(ValueError, match=f"text: expected 1 to 100 printable characters, .*{expected}") as caught:
        Mark(0.0, "note", text)  # type: ignore[arg-type]

    assert len(str(caught.value)) < 200
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("at", [-1.0, float("nan"), float("inf"), 2.0**41, True, "1"])
def test_a_time_is_one_of_the_calendar(at: object) -> None:
    """From 1970 on."""
    with pytest.raises(ValueError, match="at: expected seconds since the epoch"):
        Mark(at, "note", "a")  # type: ignore[arg-type]


def test_a_kind_is_one_of_three() -> None:
    """The message names them."""
    with pytest.raises(ValueError, match='kind: expected "release", "deploy" or "note", got \'rollback\''):
        Mark(0.0, "rollback", "a")  # type: ignore[arg-type]


def test_a_note_is_quoted_in_a_sentence() -> None:
    """A release is named by its kind."""
    assert mark_text(Mark(0.0, "release", "4.2")) == "release 4.2"
    assert mark_text(Mark(0.0, "note", "migration 0042")) == '"migration 0042"'
