"""A command that ends at any of its writes can be repeated, and then nothing is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.reliability.commands import COMMANDS, copied, prepared, state
from tests.reliability.cuts import Killed, cut

pytestmark = pytest.mark.usefixtures("scored_by_likeness")

EVERY_WRITE = bool(os.environ.get("DEDUPE_EVERY_WRITE"))
"""Try every write of every command, which takes minutes, instead of some of them."""


def chosen(count: int, name: str, tried: int) -> list[int]:
    """Choose among `count` writes: all of them, or some that differ from command to command."""
    if EVERY_WRITE:
        return list(range(1, count + 1))
    step = max(count // tried, 1)
    return list(range(1 + (7 * len(name)) % step, count + 1, step))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_was_killed_at_any_write_is_repeated(name: str, tmp_path: Path) -> None:
    before, command = COMMANDS[name]
    start = prepared(tmp_path / "start", before)
    whole = copied(start, tmp_path / "whole")
    with cut(whole) as counting:
        command(whole)
    expected, kept = state(whole), state(start)["decisions"] if before else []
    assert expected["temporary"] == []
    assert counting.count > 1
    for at in chosen(counting.count, name, 3):
        folder = copied(start, tmp_path / str(at))
        with cut(folder, at), pytest.raises(Killed):
            command(folder)
        command(folder)
        found = state(folder)
        for part, value in expected.items():
            assert found[part] == value, f"write {at} of {counting.count}: {part}"
        assert found["decisions"][: len(kept)] == kept
