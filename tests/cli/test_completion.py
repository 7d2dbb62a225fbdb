"""Shell completion offers options, files and folders."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from dedupe.cli import cli
from tests.cli.callers import Invoke


def offered(*words: str) -> list[tuple[str, str]]:
    """What is offered for the last word: type and value."""
    complete = ShellComplete(cli, {}, "dedupe", "_DEDUPE_COMPLETE")
    found = complete.get_completions(list(words[:-1]), words[-1])
    return [(item.type, item.value) for item in found]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["run", "cust"], "file"),
        (["run", "a.csv", "b"], "file"),
        (["run", "a.csv", "-o", "x"], "dir"),
        (["run", "a.csv", "--config", "x"], "file"),
        (["run", "a.csv", "--cross-encoder", "x"], "dir"),
        (["link", "a.csv", "b"], "file"),
        (["profile", "a"], "file"),
        (["add", "w", "a"], "file"),
        *(([name, "w"], "dir") for name in ("add", "export", "review", "evaluate", "train")),
        *(([name, "w"], "dir") for name in ("decisions", "match", "diff")),
        (["diff", "w", "v"], "dir"),
        (["evaluate", "w", "--gold", "g"], "file"),
        (["decisions", "w", "--import", "l"], "file"),
        (["score", "p"], "file"),
        (["score", "p", "-o", "x"], "file"),
    ],
)
def test_files_and_folders_are_left_to_the_shell(words: list[str], kind: str) -> None:
    assert offered(*words) == [(kind, words[-1])]


def test_whatever_is_a_file_or_folder_is_completed() -> None:
    names = {"FILE", "PATH", "INPUT", "TABLE", "NEW", "WORKSPACE", "FOLDER", "PAIRS", "MODEL"}
    checked = []
    for command in cli.commands.values():
        for parameter in command.params:
            name = (parameter.metavar or parameter.human_readable_name).rstrip(".0123456789")
            is_table = name == "TABLE" and isinstance(parameter, click.Option)
            if name.split()[0].rstrip(".") in names and not is_table:
                context = click.Context(command, info_name="dedupe")
                kinds = [item.type for item in parameter.shell_complete(context, "x")]
                assert kinds in (["file"], ["dir"]), f"{command.name} {name}"
                checked.append(name)
    assert len(checked) > 30


def test_options_commands_and_choices_are_offered() -> None:
    assert ("plain", "--threshold") in offered("run", "a.csv", "--thr")
    assert ("plain", "review") in offered("rev")
    assert ("plain", "parquet") in offered("run", "a.csv", "--format", "par")


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_a_file_name(tmp_path: Path, invoke: Invoke) -> None:
    code, script, _ = invoke("completion", "bash")
    assert code == 0
    (tmp_path / "completion.bash").write_text(script)
    asked = "compopt() { echo asked: $2; }; source completion.bash; complete -p dedupe"
    answer = "dedupe() { printf 'file,cust\\n'; }; COMP_WORDS=(dedupe run cust); COMP_CWORD=2"
    done = subprocess.run(
        ["bash", "-c", f"{asked}; {answer}; _dedupe_completion dedupe"],
        cwd=tmp_path, capture_output=True, text=True, check=True, env=os.environ,
    )  # fmt: skip
    assert "_dedupe_completion" in done.stdout and "asked: default" in done.stdout, done
