"""`slo validate`: what is wrong, what is doubtful, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from slo_core.cli import main

pytestmark = pytest.mark.usefixtures("slos_yaml")


def test_what_is_doubtful_is_warned_of_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    """At 90 % a total outage burns at 10: a factor of 14.4 is never reached. It is no error."""
    assert main(["validate", "slos.yaml"]) == 0

    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "availability: 99.9% in 30d, 4 alert rules",
        "checkout: 90.0% in 30d, 3 alert rules",
        "slos.yaml: 2 SLOs of service shop, valid; store scope fleet",
    ]
    assert printed.err == (
        "slo: warning: slos.yaml:6: slos['checkout']: left out the default alert rule page 1h/5m: its factor 14.4 can "
        "never be reached: at a target of 0.9 a total outage burns at 10\n"
    )


def test_every_mistake_has_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """Both with the place to look at."""
    Path("slos.yaml").write_text("service: shop\nslos:\n  a: {target: 2}\n  b: {targte: 0.9, target: 0.9}\n")

    assert main(["validate", "slos.yaml"]) == 2

    assert [line.partition(": expected")[0] for line in capsys.readouterr().err.splitlines()] == [
        "slo: error: slos.yaml:3: slos['a'].target",
        "slo: error: slos.yaml:4: slos['b']: unknown key 'targte'; did you mean \"target\"?",
    ]


@pytest.mark.parametrize(
    ("slos", "where"),
    [
        ("a: {target: 0.999}", "slos.yaml:2: defaults.timezone: "),
        ("a: {target: 0.999}, b: {target: 0.999}", "slos.yaml:2: defaults.timezone: "),
        ("a: {target: 0.999, timezone: Asia/Tokyo}", "slos.yaml:3: slos['a']: "),
        ("a: {target: 0.999}, b: {target: 0.999, window: month}", None),
    ],
)
def test_a_time_zone_without_effect_is_named_where_it_stands(
    slos: str, where: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """That of all SLOs once, and not at all where one of them has a calendar window."""
    text = f"service: s\ndefaults: {{timezone: Europe/Berlin}}\nslos: {{{slos}}}\nstore: redis://h/0\n"
    Path("slos.yaml").write_text(text)

    assert main(["validate", "slos.yaml"]) == 0

    warnings = [line for line in capsys.readouterr().err.splitlines() if "has no effect" in line]
    assert [line.partition("timezone '")[0] for line in warnings] == ([f"slo: warning: {where}"] if where else [])
