"""The app, driven by its keys without a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from textual.pilot import Pilot
from textual.widgets import Static

from dedupe.review.app import ReviewApp
from dedupe.review.session import Session
from dedupe.workspace.log.decision_log import DecisionLog

SIZES = [(80, 24), (160, 50)]
Steps = Callable[[ReviewApp, Pilot[bool]], Awaitable[None]]


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


def text_of(app: ReviewApp, name: str) -> str:
    """The text of a widget on one wide page, so that no word is broken."""
    console = Console(width=400, color_system=None)
    with console.capture() as capture:
        console.print(app.screen.query_one(name, Static).content)
    return capture.get()


def decision_lines(workspace: Path) -> pl.DataFrame:
    """Read the lines of the log of decisions."""
    with DecisionLog(workspace / "decisions.sqlite", readonly=True) as log:
        return log.log()
