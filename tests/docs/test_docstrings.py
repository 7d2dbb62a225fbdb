"""The examples in docstrings run, and every public function has one."""

from __future__ import annotations

import doctest
import inspect
import pkgutil
import shutil
from importlib import import_module
from pathlib import Path

import polars as pl
import pytest

import dedupe

SAMPLE = Path(dedupe.__file__).parent / "cli/demo_contacts.csv"
WITHOUT_EXAMPLE = {"train"}
"""Functions whose example would take minutes."""


def examples() -> dict[str, doctest.DocTest]:
    """Find the docstrings with examples, by name."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = {}
    for module in pkgutil.walk_packages(dedupe.__path__, "dedupe."):
        if not module.name.startswith("dedupe.training") and module.name != "dedupe.__main__":
            for test in finder.find(import_module(module.name)):
                found[test.name] = test
    found |= {test.name: test for test in finder.find(dedupe) if test.name == "dedupe"}
    return {name: test for name, test in found.items() if test.examples}


EXAMPLES = examples()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with the contacts and their workspace."""
    folder = tmp_path_factory.mktemp("docstrings")
    shutil.copy(SAMPLE, folder / "contacts.csv")
    dedupe.run(folder / "contacts.csv", effort="fast")
    return folder


def reads_contacts(name: str) -> bool:
    return "contacts." in (EXAMPLES[name].docstring or "")


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.model if reads_contacts(n) else ()) for n in EXAMPLES],
)
def test_the_example_prints_what_it_shows(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = EXAMPLES[name]
    if reads_contacts(name):
        shutil.copytree(request.getfixturevalue("made"), tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    test.globs |= {"dedupe": dedupe, "pl": pl}
    printed: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(test, out=printed.append, clear_globs=False)
    assert runner.failures == 0, "".join(printed)


def test_every_public_function_has_an_example() -> None:
    public = {name: getattr(dedupe, name) for name in dedupe.__all__}
    functions = {name: found for name, found in public.items() if inspect.isfunction(found)}
    without = {name for name, found in functions.items() if ">>>" not in (found.__doc__ or "")}
    assert without == WITHOUT_EXAMPLE
