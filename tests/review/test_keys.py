"""The keys that decide, undo and redo, without a model."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from dedupe.review.app import ReviewApp
from tests.review.driver import SIZES, decision_lines, drive, text_of


@pytest.mark.parametrize("size", SIZES)
def test_keys_decide_undo_and_redo(workspace: Path, size: tuple[int, int]) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        for count, key in enumerate("ynu", start=1):
            await pilot.press(key)
            assert decision_lines(workspace).height == count
        await pilot.press("backspace")
        assert app.session.decisions.counts() == {"match": 1, "different": 1, "unsure": 0}
        await pilot.press("ctrl+y")
        assert app.session.decisions.counts()["unsure"] == 1
        await pilot.press("ctrl+z", "ctrl+z", "ctrl+z", "ctrl+z")
        assert "nothing to undo" in text_of(app, "#note")
        assert sum(app.session.decisions.counts().values()) == 0
        await pilot.press("y", "q")

    assert drive(workspace, steps, size) is True
    assert decision_lines(workspace)["decision"].drop_nulls().to_list() == [
        "match", "different", "unsure", "unsure", "match"
    ]  # fmt: skip
