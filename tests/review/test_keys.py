"""The keys that decide, undo and move, without a model."""

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


def test_moving_decides_nothing(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        first = app.session.queue.pair
        await pilot.press("space", "j", "down", "right")
        assert app.session.queue.position == 4
        await pilot.press("k", "up", "left", "up", "up")
        assert app.session.queue.pair == first
        await pilot.press("q")

    assert drive(workspace, steps) is False
    assert decision_lines(workspace).is_empty()


def test_space_skips_decided_pairs_and_arrows_do_not(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        await pilot.press("y", "k")
        assert app.session.queue.position == 0 and "decided: match" in text_of(app, "#scores")
        await pilot.press("j", "y", "k", "k", "space")
        assert app.session.queue.pair is not None and not app.session.known(app.session.queue.pair)

    drive(workspace, steps)
