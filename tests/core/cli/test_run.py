"""What holds for every command of `slo`, future ones included. Tests of run, group, completion and terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from slo_core import cli
from slo_core.cli import group, main
from slo_core.cli.group import COMMANDS, slo

Names = tuple[str, ...]


def commands(of: click.Command = slo, names: Names = ()) -> Iterator[tuple[Names, click.Command]]:
    """Every command with its names, groups included."""
    yield names, of
    if isinstance(of, click.Group):
        context = click.Context(of)
        for name in of.list_commands(context):
            command = of.get_command(context, name)
            assert command is not None
            yield from commands(command, (*names, name))


EVERY = dict(commands())

# For each command that does something, arguments that are wrong and what is said of them.
WRONG: dict[Names, tuple[list[str], str]] = {
    ("validate",): (["no.yaml"], "no.yaml: there is no such file"),
    ("rules",): (["no.yaml", "--out", "rules.yml"], "no.yaml: there is no such file"),
    ("dashboard",): (["details"], "'details' is not one of 'overview', 'detail'"),
    ("simulate",): (["no.yaml", "--errors", "10%", "--for", "10m"], "no.yaml: there is no such file"),
    ("status",): (["sqlite:///no.db"], "store sqlite:///no.db: there is no such file"),
    ("incidents",): (["--store", "sqlite:///no.db"], "store sqlite:///no.db: there is no such file"),
    ("gate",): (["sqlite:///no.db", "--min-budget", "10%"], "store sqlite:///no.db: there is no such file"),
    ("annotate",): (["x", "--store", "sqlite:///no.db"], "store sqlite:///no.db: there is no such file"),
    ("store", "copy"): (["sqlite:///no.db", "sqlite:///to.db"], "store sqlite:///no.db: there is no such file"),
    ("store", "forget"): (["a", "--store", "sqlite:///no.db"], "store sqlite:///no.db: there is no such file"),
    ("exporter",): (["--store", "sqlite:///no.db"], "store sqlite:///no.db: there is no such file"),
    ("completion",): (["tcsh"], "'tcsh' is not one of 'bash', 'zsh', 'fish'"),
}


@pytest.mark.parametrize("names", list(EVERY), ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_tells_what_a_command_is_for(names: Names, flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    """On standard output, with success, and with a word about every argument and option."""
    assert main([*names, flag]) == 0

    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.startswith(" ".join(["Usage: slo", *names]))
    command = EVERY[names]
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{parameter.name} has no help"
            assert parameter.opts[0] in printed.out


def test_every_command_is_tried_with_bad_input() -> None:
    """A new one needs a line in the table above."""
    assert {names for names, command in EVERY.items() if not isinstance(command, click.Group)} == WRONG.keys()


@pytest.mark.parametrize("names", list(WRONG), ids=" ".join)
def test_bad_input_is_one_line_and_2(names: Names, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error; nothing is printed beside it, and nothing is written."""
    arguments, message = WRONG[names]

    assert main([*names, *arguments]) == 2

    printed = capsys.readouterr()
    assert printed.out == ""
    errors = [line for line in printed.err.splitlines() if line.startswith("slo: error: ")]
    assert len(errors) == 1
    assert message in errors[0]
    assert "Traceback" not in printed.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("names", list(WRONG), ids=" ".join)
def test_an_option_that_there_is_not_is_wrong_usage(names: Names, capsys: pytest.CaptureFixture[str]) -> None:
    """And shows how the command is used."""
    assert main([*names, "--no-such-option"]) == 2

    assert capsys.readouterr().err.startswith(" ".join(["Usage: slo", *names]))


@pytest.mark.parametrize("names", [names for names in EVERY if names not in WRONG], ids=" ".join)
def test_a_group_without_a_command_shows_its_help(names: Names, capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error, with 2 as in newer versions of click: a script that forgot the command has not succeeded."""
    assert main([*names, "--help"]) == 0
    page = capsys.readouterr().out
    assert "Commands:" in page

    assert main([*names]) == 2

    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", page)


# Options that a user types first, before the arguments that are missing.
HASTY = [("status", "--watch"), ("status", "--watch", "5"), ("status", "--json"), ("status", "--watch", "--json")]


@pytest.mark.parametrize("names", [*WRONG, *HASTY], ids=" ".join)
def test_without_its_arguments_a_command_says_what_it_needs(names: Names, capsys: pytest.CaptureFixture[str]) -> None:
    """Which is how everybody types it first."""
    assert main([*names]) == 2

    printed = capsys.readouterr()
    assert printed.out == ""
    command = " ".join(names).partition(" -")[0]
    assert printed.err.startswith(f"Usage: slo {command} ")
    assert any(word in printed.err.splitlines()[-1] for word in ("Missing", "Expected"))


@pytest.mark.parametrize(
    "argument", ["", " ", "-", "--", "=", ":", "a\0b", "9" * 5_000], ids=lambda text: repr(text[:9])
)
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("names", list(WRONG), ids=" ".join)
def test_odd_and_superfluous_arguments_are_refused_in_words(
    names: Names, count: int, argument: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As an error in one line, which is none of ours that has slipped through."""
    assert main([*names, *[argument] * count]) == 2

    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("slo: error: ")]
    assert len(errors) == 1
    assert "SLO_DEBUG" not in errors[0]


@pytest.mark.parametrize("value", ["", "-", "a\0b", "\ud800", "nan", "9" * 5_000], ids=lambda text: ascii(text[:9]))
@pytest.mark.parametrize("names", list(WRONG), ids=" ".join)
def test_odd_values_of_options_are_refused_in_words(
    names: Names, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each option alone: its value, or the argument that is missing, is the error."""
    options = [param for param in EVERY[names].params if isinstance(param, click.Option) and not param.is_flag]
    for option in options:
        assert main([*names, option.opts[0], value]) == 2

        errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("slo: error: ")]
        assert errors
        assert all("SLO_DEBUG" not in error for error in errors), option.opts


def test_an_unexpected_error_never_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which is what a pipeline takes for "too little budget"; nor is its text shown, which may hold a password."""

    @click.command("broken")
    def broken() -> None:
        """Raise."""
        raise RuntimeError("redis://:hunter2@host")

    monkeypatch.setattr(group, "broken", broken, raising=False)
    monkeypatch.setattr(group, "COMMANDS", {**COMMANDS, "broken": "slo_core.cli.group:broken"})

    assert main(["broken"]) == 2

    assert capsys.readouterr().err.startswith("slo: error: unexpected RuntimeError")
    monkeypatch.setenv("SLO_DEBUG", "1")
    assert main(["broken"]) == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The script names the program and click's variable."""
    assert main(["completion", shell]) == 0

    script = capsys.readouterr().out
    assert "slo" in script
    assert "_SLO_COMPLETE" in script


def run(*arguments: str, code: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, or some code."""
    command = [sys.executable, *(["-c", code] if code else ["-m", "slo_core.cli"]), *arguments]
    folder = str(Path(cli.__file__).parents[2])
    paths = os.pathsep.join([folder, *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": paths, **environment},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_a_shell_completes_commands() -> None:
    """As bash asks for it."""
    script = "import sys; from slo_core.cli import main; sys.exit(main())"

    done = run(code=script, _SLO_COMPLETE="bash_complete", COMP_WORDS="slo s", COMP_CWORD="1")

    assert done.returncode == 0, done.stderr
    assert [line.partition(",")[2] for line in done.stdout.splitlines()] == ["simulate", "status", "store"]


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_its_extra_the_command_says_what_to_install(missing: str) -> None:
    """In one line."""
    done = run(
        code=f"import sys; sys.modules[{missing!r}] = None\nfrom slo_core.cli import main\nsys.exit(main(['--help']))"
    )

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (f'slo: error: it needs {missing}, which is not installed: pip install "slo-suite[cli]"\n')


def test_the_core_needs_none_of_what_the_command_needs() -> None:
    """Nor does a gate in a service of one's own."""
    done = run(
        code="import sys\nfor name in ('click', 'rich', 'yaml'): sys.modules[name] = None\n"
        "import slo_core.status.gate, slo_core.rules.file, slo_core.process.text_file, slo_core.status.sources.open\n"
        "import slo_core.config.sources.module, slo_core.status.sources.http_page, slo_core.status.sources.store, slo_core.cli"
    )

    assert done.returncode == 0, done.stderr


def test_without_pyyaml_yaml_says_what_to_install() -> None:
    """TOML and JSON need nothing."""
    Path("slos.yaml").write_text("service: shop\n")
    code = (
        "import sys; sys.modules['yaml'] = None\nfrom slo_core.cli import main\nsys.exit(main(['rules', 'slos.yaml']))"
    )

    done = run(code=code)

    assert done.returncode == 2
    assert done.stderr == (
        'slo: error: slos.yaml: YAML needs PyYAML, which is not installed: pip install "slo-suite[yaml]"\n'
    )


def test_a_reader_that_goes_away_is_no_error_to_speak_of() -> None:
    """As with `slo rules slos.json | head -1`; but it is not 1 either."""
    Path("slos.json").write_text('{"service": "shop", "slos": {"a": {"target": 0.999}}}')
    read, write = os.pipe()
    os.close(read)
    paths = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2])}

    done = subprocess.run(
        [sys.executable, "-m", "slo_core.cli", "rules", "slos.json"],
        stdout=write,
        stderr=subprocess.PIPE,
        env=paths,
        text=True,
        timeout=180,
        check=False,
    )
    os.close(write)

    assert done.returncode != 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["store", "copy"], ["store", "copy", "a"], ["brew"], ["--brew"]])
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """And shows how it is used."""
    assert main(arguments) == 2

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("Usage: slo")
    assert printed.err.splitlines()[-1].startswith("slo: error: ")
