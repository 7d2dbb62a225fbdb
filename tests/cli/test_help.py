"""The help of every command, and the completion scripts."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dedupe.cli import cli
from dedupe.cli.options import SECTIONS, SectionOption

GOLDEN = Path(__file__).parent / "golden"
UPDATE = "UPDATE_GOLDEN"
WIDTH = 80


def help_of(name: str) -> str:
    """Get the help of a command, or of the program for ``dedupe``."""
    arguments = [] if name == "dedupe" else [name]
    result = CliRunner().invoke(
        cli, [*arguments, "--help"], prog_name="dedupe", terminal_width=WIDTH
    )
    assert result.exit_code == 0
    return result.output


@pytest.mark.parametrize("name", ["dedupe", *sorted(cli.commands)])
def test_help_is_as_in_its_golden_file(name: str) -> None:
    golden = GOLDEN / f"{name}.txt"
    text = help_of(name)
    if UPDATE in os.environ:
        golden.write_text(text, encoding="utf-8")
    assert golden.exists() and text == golden.read_text(encoding="utf-8"), (
        f"the help of {name} differs from {golden.name}; if that is intended, run "
        f"{UPDATE}=1 python -m pytest tests/cli/test_help.py"
    )
    assert max(map(len, text.splitlines())) <= WIDTH


def test_every_golden_file_is_of_a_command() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == {"dedupe", *cli.commands}


def test_every_command_and_option_has_a_help_text() -> None:
    for name, command in cli.commands.items():
        assert command.help, name
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, (name, option.name)


def test_help_of_a_run_lists_every_option_in_its_section() -> None:
    text = help_of("run")
    places = [text.index(f"\n{section}:\n") for section in SECTIONS]
    assert places == sorted(places)
    for option in cli.commands["run"].params:
        if isinstance(option, SectionOption):
            start = text.index(f"\n{option.section}:\n")
            end = min([place for place in places if place > start], default=len(text))
            assert option.opts[-1] in text[start:end]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_names_the_program(shell: str) -> None:
    result = CliRunner().invoke(cli, ["completion", shell])
    assert result.exit_code == 0
    assert "_DEDUPE_COMPLETE" in result.output and "dedupe" in result.output
