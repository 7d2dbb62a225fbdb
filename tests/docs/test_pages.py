"""Pages that show commands and their output: a reader who types the commands sees the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.docs.session import BLOCK, ROOT, agrees, prepare, run_page

PAGES = [
    page
    for page in sorted((ROOT / "docs").rglob("*.md"))
    if BLOCK.search(page.read_text(encoding="utf-8"))
]
UPDATE = "UPDATE_DOCS"


@pytest.mark.model
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_what_its_commands_print(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    shown = page.read_text(encoding="utf-8")
    printed = run_page(shown)
    if UPDATE in os.environ:
        page.write_text(printed, encoding="utf-8")
    else:
        assert shown == printed, f"run {UPDATE}=1 python -m pytest tests/docs, and read the change"


def test_a_page_that_shows_something_else_would_be_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    right = "```console\n$ cat a.txt\none\ntwo\n$ head -n 1 a.txt\none\n```\n"
    right += "```pycon\n>>> 1 + 1\n2\n```\n"
    assert run_page(right) == right
    wrong = right.replace("\none\n```", "\ntwo\n```").replace("\n2\n", "\n3\n")
    assert run_page(wrong) == right


def test_dots_stand_for_any_lines_and_times_may_differ() -> None:
    assert agrees(["a", "...", "took 2.5 s"], ["a", "b", "c", "took 12 s"])
    assert agrees(["at most 504 MB"], ["at most 1,555 MB"])
    assert agrees(["..."], [])
    assert not agrees(["a", "..."], ["b", "c"])
    assert not agrees(["took 2 rows"], ["took 3 rows"])


def test_figures_may_differ_in_their_last_digits() -> None:
    assert agrees(["F1 0.9512, 12.50 in all"], ["F1 0.9487, 12.61 in all"])
    assert not agrees(["F1 0.9512"], ["F1 0.9212"])
    assert not agrees(["F1 0.95"], ["F1 0.95 or so"])
