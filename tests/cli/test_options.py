"""Options of the command line and of a configuration file together."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import click
import pytest

from dedupe.cli import cli
from dedupe.cli.given import given, one_source, with_config_file
from dedupe.config import EXPORT_OPTIONS, LINK_MODES, Config
from dedupe.errors import OptionError

NOT_OPTIONS_OF_A_CONFIG = {
    "inputs", "workspace", "output", "table", "config_file", "train", "dry_run", "review", "report",
    "as_json", "quiet", "verbose", "preset", "help", "save_config", "engine",
}  # fmt: skip


def test_an_option_of_the_command_line_overrides_the_file(tmp_path: Path) -> None:
    file = tmp_path / "options.toml"
    file.write_text('threshold = 0.6\ntarget_recall = 0.8\nfields = ["name"]\n')
    for own, expected in (
        ({"target_precision": 0.9, "preset": None}, {"target_precision": 0.9}),
        ({"threshold": 0.7}, {"threshold": 0.7}),
        ({"seed": 1}, {"threshold": 0.6, "target_recall": 0.8, "seed": 1}),
    ):
        assert with_config_file(file, own) == {"fields": ["name"], **expected}
    assert with_config_file(None, {"seed": 2, "id": None}) == {"seed": 2}


@pytest.mark.parametrize("name", ["run", "link", "export"])
def test_every_option_is_a_field_of_the_configuration(name: str) -> None:
    known = {field.name for field in fields(Config)}
    efforts = {"fast": "effort", "thorough": "effort"}
    options = {option.name for option in cli.commands[name].params} - NOT_OPTIONS_OF_A_CONFIG
    own = {efforts.get(str(option), option) for option in options}
    assert own <= known
    if name == "link":
        assert own == known
    if name == "export":
        assert own <= set(EXPORT_OPTIONS)


def test_a_link_flag_is_a_link_mode() -> None:
    flags = [
        option
        for option in cli.commands["link"].params
        if isinstance(option, click.Option) and option.name == "link"
    ]
    assert {option.flag_value for option in flags} == set(LINK_MODES)
    assert {option.opts[0] for option in flags} == {f"--{mode}" for mode in LINK_MODES}


def test_one_input_is_passed_on_and_several_are_a_list() -> None:
    assert one_source(["a.csv"]) == "a.csv"
    assert one_source(("a.csv", "b.csv")) == ["a.csv", "b.csv"]


def test_fast_and_thorough_are_an_effort_and_exclude_each_other() -> None:
    assert given({"fast": True, "thorough": None, "seed": None}) == {"effort": "fast"}
    assert given({"fast": None, "thorough": True}) == {"effort": "thorough"}
    assert given({"fast": None, "thorough": None}) == {}
    with pytest.raises(OptionError, match="--fast and --thorough"):
        given({"fast": True, "thorough": True})
