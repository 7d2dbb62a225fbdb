"""The app, driven by its keys."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Input, Static

import dedupe.review.explain
from dedupe.decisions import Decisions
from dedupe.review.app import HelpScreen, ReviewApp
from dedupe.review.session import Session

Steps = Callable[[ReviewApp, Pilot[bool]], Awaitable[None]]
SIZES = [(80, 24), (160, 50)]


def drive(workspace: Path, steps: Steps, size: tuple[int, int] = (80, 24), **options: Any) -> Any:
    async def go() -> Any:
        session = Session(workspace, reviewer="ada")
        app = ReviewApp(session, **options)
        try:
            async with app.run_test(size=size) as pilot:
                await pilot.pause()
                await steps(app, pilot)
        finally:
            session.close()
        return app.return_value

    return asyncio.run(go())


def log(workspace: Path) -> pl.DataFrame:
    with Decisions(workspace / "decisions.sqlite", readonly=True) as decisions:
        return decisions.log()


def text_of(app: ReviewApp, name: str) -> str:
    return str(app.screen.query_one(name, Static).visual)


@pytest.mark.parametrize("size", SIZES)
def test_keys_decide_undo_and_redo(workspace: Path, size: tuple[int, int]) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        for count, key in enumerate("ynu", start=1):
            await pilot.press(key)
            assert log(workspace).height == count
        await pilot.press("backspace")
        assert app.session.counts() == {"match": 1, "different": 1, "unsure": 0}
        await pilot.press("ctrl+y")
        assert app.session.counts()["unsure"] == 1
        await pilot.press("q")

    assert drive(workspace, steps, size) is True
    assert log(workspace)["verdict"].drop_nulls().to_list() == [
        "match", "different", "unsure", "unsure"
    ]  # fmt: skip


def test_moving_decides_nothing(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        first = app.session.pair
        await pilot.press("space", "j", "down")
        assert app.session.pair != first
        await pilot.press("k", "up", "up")
        assert app.session.pair == first
        await pilot.press("q")

    assert drive(workspace, steps) is False
    assert log(workspace).is_empty()


def test_scores_hide_and_what_a_match_would_do_is_said(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        assert "probability" not in text_of(app, "#scores")
        await pilot.press("b")
        assert "probability" in text_of(app, "#scores")
        assert "a match" in text_of(app, "#scores")
        await pilot.press("r")
        assert app.session.order == "lowest"

    drive(workspace, steps, blind=True)


def test_search_and_help(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        await pilot.press("slash")
        assert app.screen.query_one("#search", Input).has_focus
        await pilot.press(*"hopper", "enter")
        assert app.session.filter == "hopper"
        assert "“hopper”" in text_of(app, "#progress")
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape", "n")
        assert log(workspace).height == 1

    drive(workspace, steps)


def test_why_names_fields(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dedupe.review.explain, "load_model", lambda config: None)
    monkeypatch.setattr(
        dedupe.review.explain, "contributions", lambda *_: [("name", 3.2), ("city", -0.4)]
    )

    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        await pilot.press("w")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "name +3.2" in text_of(app, "#said") and "city -0.4" in text_of(app, "#said")

    drive(workspace, steps)


def test_a_cluster_is_confirmed_and_taken_apart(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        await pilot.press("c")
        await pilot.pause()
        before = len(app.screen.listed)
        assert before > 0
        await pilot.press("m")
        assert app.session.counts()["match"] == len(app.screen.rows) - 1
        await pilot.press("backspace")
        app.screen.query_one("#rows", DataTable).focus()
        await pilot.press("space", "s")
        await pilot.pause()
        assert app.session.counts()["different"] >= 1
        assert len(app.screen.listed) <= before

    drive(workspace, steps, (120, 40))


def test_the_threshold_moves_and_its_effect_is_counted(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        await pilot.press("o")
        await app.workers.wait_for_complete()
        await pilot.pause()
        before = text_of(app, "#counts")
        await pilot.press(*["shift+left"] * 4)
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "threshold 0.50" in text_of(app, "#bars")
        assert text_of(app, "#counts") != before

    drive(workspace, steps)


def test_results_are_written_from_the_app(workspace: Path, tmp_path: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        await pilot.press("e")
        await pilot.pause()
        app.screen.query_one("#folder", Input).value = str(tmp_path / "out")
        app.screen.query_one("#rules", Input).value = "name=nonsense"
        await pilot.pause()
        assert "unknown rule" in text_of(app, "#result")
        app.screen.query_one("#rules", Input).value = "name=longest"
        await pilot.pause()
        app.screen.query_one("#write").press()
        await pilot.pause()
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "written to" in text_of(app, "#result")

    drive(workspace, steps, (100, 40))
    assert (tmp_path / "out/merged.csv").exists()


def test_without_colour_differences_are_still_marked(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        svg = app.export_screenshot()
        assert "≠" in svg

    drive(workspace, steps)
