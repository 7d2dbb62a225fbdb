"""Word lists are data files that all have a comment and are all read."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from dedupe.scoring.comparison.values.word_data import nicknames
from dedupe.scoring.word_lists import read_lines
from dedupe.training.augment.word_lists import word_groups, word_list, word_pairs

pytestmark = pytest.mark.model

ROOT = files("dedupe")
FOLDERS = ("dedupe.training.augment", "dedupe.training", "dedupe.scoring.comparison.values")


@pytest.mark.parametrize("package", FOLDERS)
def test_every_list_begins_with_a_comment_and_has_no_empty_line(package: str) -> None:
    for file in (files(package) / "words").iterdir():
        first, *lines = file.read_text(encoding="utf-8").splitlines()
        assert first.startswith("# "), file.name
        assert lines == list(read_lines(package, file.name.removesuffix(".txt"))), file.name
        assert all(line == line.strip() and line for line in lines), file.name


@pytest.mark.parametrize("package", FOLDERS)
def test_every_list_is_read(package: str) -> None:
    named = {
        name
        for file in ROOT.rglob("*.py")  # type: ignore[attr-defined]
        for name in re.findall(r"[\"'](\w+)[\"']", file.read_text(encoding="utf-8"))
    }
    lists = {file.name.removesuffix(".txt") for file in (files(package) / "words").iterdir()}
    assert lists - named == set()


def test_lists_groups_and_pairs_are_split() -> None:
    assert word_list("months")[:2] == ("january", "february")
    assert ("andrew", "andy", "drew") in nicknames()
    assert word_groups("company_forms")
    assert ("rn", "m") in word_pairs("lookalikes")
    assert dict(word_pairs("soundalikes"))["gh"] == ""
