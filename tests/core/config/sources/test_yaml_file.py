"""YAML without its traps."""

from __future__ import annotations

import pytest

from slo_core.config.sources.load import load_definitions
from written_definitions import Write, problems

BOMBS = {
    "multiplied": "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "merged": "a: &a {x: 1, y: 2}\n" + "".join(
        f"{name}: &{name} {{{', '.join(f'{key}: *{before}' for key in 'klmnopqrst')}}}\n"
        for before, name in zip("abcde", "bcdef", strict=True)
    ),
    "endless": "service: a\nb: &b\n  - *b\n",
    "deep": "a: &a0 [x]\n" + "".join(f"k{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 60)),
}  # fmt: skip


@pytest.mark.parametrize("bomb", list(BOMBS))
def test_anchors_that_multiply_are_refused(bomb: str, write: Write) -> None:
    """Before anybody walks over them: a few lines would be a billion values."""
    (problem,) = problems(write("slos.yaml", BOMBS[bomb]))

    assert problem.startswith("slos.yaml:")
    assert "anchor" in problem


def test_anchors_that_save_typing_are_fine(write: Write) -> None:
    """And a mistake below one is told where it stands."""
    text = "service: a\nslos:\n  x: &x\n    target: {}\n    window: 7d\n  y:\n    <<: *x\n    window: 30d\n"

    definition_set = load_definitions(write("slos.yaml", text.format("0.9")))

    assert [definition.window_seconds for definition in definition_set.definitions] == [604_800, 2_592_000]
    assert [problem.partition(": expected")[0] for problem in problems(write("b.yaml", text.format(90)))] == [
        "b.yaml:4: slos['x'].target",
        "b.yaml:4: slos['y'].target",
    ]
