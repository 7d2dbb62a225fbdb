"""What README.md and the documentation promise: their commands, code, links and paths."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import polars as pl
import pytest
from click.testing import CliRunner

import dedupe
from dedupe.cli import cli
from dedupe.io.config_file import read_config
from tests.samples import people_table, write_workspace

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

CHEAP = ("profile", "export", "evaluate", "decisions", "diff", "completion")
"""Commands that need no model."""


def blocks(page: Path, language: str) -> list[str]:
    """Find the fenced code blocks of a language."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def inline(page: Path) -> list[str]:
    """Find the code within sentences and tables."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)
    return [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", text)]


def dedupe_commands(line: str) -> Iterator[list[str]]:
    """Find the arguments of each call of dedupe in a line of shell."""
    words = shlex.shlex(line, posix=True, punctuation_chars="|&>")
    words.whitespace_split = True
    call: list[str] = []
    for word in [*words, "&&"]:
        if word in ("|", "&&", ">"):
            if call and Path(call[0]).name == "dedupe":
                yield call[1:]
            call = []
        else:
            call.append(word)


def shell_lines() -> Iterator[tuple[str, list[str]]]:
    for page in PAGES:
        for line in "".join(blocks(page, "sh")).splitlines():
            for arguments in dedupe_commands(line):
                yield f"{page.name}: {' '.join(arguments)}", arguments


def table_commands() -> list[list[str]]:
    """Find the commands in the first column of README's table."""
    rows = re.findall(r"^\| `dedupe ([^`]+)` \|", README.read_text(encoding="utf-8"), re.MULTILINE)
    return [shlex.split(row) for row in rows]


SHELL_LINES = dict(shell_lines())


def parse(arguments: list[str]) -> None:
    """Parse a command line without running it; click raises an error if it is wrong."""
    group = click.Context(cli, info_name="dedupe", **cli.context_settings)
    name, command, rest = cli.resolve_command(group, list(arguments))
    assert command is not None
    command.make_context(name, rest, parent=group)


@pytest.mark.parametrize("arguments", SHELL_LINES.values(), ids=SHELL_LINES)
def test_every_command_in_a_code_block_is_understood(arguments: list[str]) -> None:
    parse(arguments)


def test_a_wrong_command_would_be_noticed() -> None:
    for wrong in (["run"], ["run", "a.csv", "--agreement", "1"], ["fly", "a.csv"]):
        with pytest.raises(click.UsageError):
            parse(wrong)


def test_the_table_of_commands_lists_every_command() -> None:
    commands = table_commands()
    for arguments in commands:
        parse(arguments)
    assert {arguments[0] for arguments in commands} == set(cli.commands)


def test_every_public_name_is_documented() -> None:
    text = (ROOT / "docs/reference/python.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\.\. auto\w+:: (\w+)$", text, re.MULTILINE)) == set(dedupe.__all__)


CHROMIUM = {"--headless", "--hide-scrollbars", "--window-size", "--screenshot"}
"""Options of the browser that takes the picture of the report."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_that_is_named_exists(page: Path) -> None:
    options = (
        {
            name
            for command in cli.commands.values()
            for parameter in command.params
            for name in (*parameter.opts, *parameter.secondary_opts)
        }
        | {"--help", "--version"}
        | CHROMIUM
    )
    sources = [*(ROOT / "tests/benchmarks").glob("*.py"), ROOT / "tests/conftest.py"]
    sources += [ROOT / "dedupe/training/train.py", ROOT / "tests/fuzz/__main__.py"]
    sources += (ROOT / "tests/reliability").glob("*.py")
    other = "".join(source.read_text(encoding="utf-8") for source in sources)
    named = {
        word.partition("=")[0]
        for code in inline(page)
        for word in code.split()
        if word.startswith("--") and len(word) > 2
    }
    assert {name for name in named - options if f'"{name}' not in other} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_and_module_that_is_named_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    text = re.sub(r"https://(?!github\.com/dedupe-tui/)\S+", "", text)  # paths of others
    paths = set(re.findall(r"(?<![\w.])(?:dedupe|tests|samples|docs)/[\w/.-]*\w", text))
    paths = {path for path in paths if ".dedupe" not in path}
    modules = set(re.findall(r"python -m ((?:dedupe|tests)[\w.]+)", text))
    paths |= {module.replace(".", "/") + ".py" for module in modules}
    mains = {path: ROOT / path.removesuffix(".py") / "__main__.py" for path in paths}
    packages = {path for path, main in mains.items() if main.exists()}
    assert {path for path in paths - packages if not (ROOT / path).exists()} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    here = "https://github.com/dedupe-tui/dedupe-tui/blob/main/"
    for target in targets:
        if target.startswith(here):
            assert (ROOT / target.removeprefix(here)).exists(), target
        elif target and "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_and_toml_blocks_are_valid(page: Path, tmp_path: Path) -> None:
    for code in blocks(page, "python"):
        compile(code, str(page), "exec")
    for number, code in enumerate(blocks(page, "toml")):
        path = tmp_path / f"{number}.toml"
        path.write_text(code, encoding="utf-8")
        dedupe.Config().with_options(**read_config(path))


@pytest.mark.slow
def test_commands_without_a_model_run_as_the_table_shows_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scored_by_likeness: None
) -> None:
    monkeypatch.chdir(tmp_path)
    people_table().write_csv("contacts.csv")
    dedupe.run("contacts.csv")
    for name in ("old", "new"):
        write_workspace(Path(f"{name}.dedupe"), {"a": "ada", "b": "adah"}, {("a", "b"): 0.6})
    for arguments in table_commands():
        if arguments[0] in CHEAP:
            result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
            assert result.exit_code == 0, f"{arguments}: {result.output}"


@pytest.mark.model
def test_the_python_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "samples").mkdir()
    few = pl.read_csv(ROOT / "samples/contacts.csv", infer_schema=False).head(60)
    few.write_csv(tmp_path / "samples/contacts.csv")
    monkeypatch.chdir(tmp_path)
    found: dict[str, object] = {}
    for code in blocks(README, "python"):
        exec(code, found)
    result = found["result"]
    assert isinstance(result, dedupe.Result)
    assert result.merged.height + result.summary["rows_merged"] == 60
