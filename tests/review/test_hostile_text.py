"""Hostile columns, ids and values on every screen of the app: drawn as text, never obeyed."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.segment import Segment
from textual.pilot import Pilot
from textual.widgets import Input

import dedupe
from dedupe.review.app import ReviewApp
from dedupe.review.screens.pairs import PairsScreen
from tests.hostile import HOSTILE, assert_shown_as_text, hostile_table
from tests.review.driver import drive, text_of

pytestmark = pytest.mark.model


@pytest.fixture
def hostile_workspace(tmp_path: Path) -> Path:
    path = tmp_path / f"w{HOSTILE.replace('/', '')}"
    options = {"threshold": 0.5, "review_from": 0.002, "effort": "fast"}
    dedupe.run(hostile_table(), id=f"id {HOSTILE}", output=path, **options)
    return path


def check(app: ReviewApp) -> str:
    """Check every character that the screen sends to the terminal; return them."""
    strips = app.screen._compositor.render_strips()
    shown = "\n".join(segment.text for strip in strips for segment in Segment.filter_control(strip))
    assert_shown_as_text(shown)
    assert app.is_running
    return shown


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
def test_hostile_text_is_drawn_as_text_on_every_screen(
    hostile_workspace: Path, size: tuple[int, int]
) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        seen = check(app)
        for keys in (
            ["x"], ["y"], ["backspace"], ["ctrl+y"], ["n"], ["r"], ["escape"],
            ["slash", *"[/]", "enter"], ["slash", "ctrl+u", "enter"], ["i", *"[/]", "enter"],
            ["escape"], ["c"], ["m"], ["backspace"], ["enter", "down", "right", "v"], ["asterisk"],
            ["space"], ["s"], ["ctrl+z"],
            ["enter", "right", "right", "t"], ["ctrl+u", *"[/]x", "enter"],
            ["ctrl+z"], ["slash", *"[/]", "enter"], ["i", *"[/]", "enter"], ["escape"],
            ["o"], ["left"], ["t"], ["e"], ["p"], ["question_mark"], ["escape"],
        ):  # fmt: skip
            await pilot.press(*keys)
            await app.workers.wait_for_complete()
            await pilot.pause()
            seen += check(app)
        assert "[/]" in seen and "weight [kg]" in seen and "[@click=app.quit]" in seen
        await pilot.press("e")
        await pilot.pause()
        for name, value in (("#rules", f"{HOSTILE}=longest"), ("#folder", f"/dev/null/{HOSTILE}")):
            app.screen.query_one(name, Input).value = value
            await pilot.pause()
            check(app)
        app.screen.query_one("#rules", Input).value = ""
        await pilot.press("ctrl+s")
        await app.workers.wait_for_complete()
        await pilot.pause()
        check(app)

    drive(hostile_workspace, steps, size)


def test_messages_are_text(hostile_workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        for notify in (app.notify, app.screen.notify):
            notify(HOSTILE, title=HOSTILE, severity="error")
            await pilot.pause()
            assert "[@click=app.quit]" in check(app)
        assert isinstance(app.screen, PairsScreen)
        app.screen.draw(HOSTILE)
        assert "[bold red]" in text_of(app, "#note")
        check(app)

    drive(hostile_workspace, steps, (160, 50))
