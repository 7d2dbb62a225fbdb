"""Response time of the review app: ``python -m tests.benchmarks.review WORKSPACE``.

Opens a copy of a workspace in the app, without a terminal, and presses keys. The time of a key is
from the press until the next pair is drawn. What a match would do to the clusters is drawn after
that.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dedupe.review.app import ReviewApp
from dedupe.review.session import Session

KEYS = {
    "y": "match",
    "n": "different",
    "u": "unsure",
    "space": "skip",
    "k": "previous",
    "j": "next",
    "backspace": "undo",
    "ctrl+y": "redo",
    "x": "expand",
    "b": "blind",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--times", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / given.workspace.name
        shutil.copytree(given.workspace, copy, copy_function=link_or_copy)
        start = time.perf_counter()
        session = Session(copy, reviewer="bench")
        opened = time.perf_counter() - start
        times = asyncio.run(press_keys(session, given.times))
        session.close()
    console = Console()
    console.print(
        f"{len(session.keys):,} records, {len(session.pairs.scores.left):,} scored pairs: "
        f"opened in {opened:.1f} s"
    )
    table = Table("key", "", "median ms", "longest ms", box=None)
    for key, found in times.items():
        table.add_row(key, KEYS[key], f"{statistics.median(found):.1f}", f"{max(found):.1f}")
    console.print(table)


def link_or_copy(source: str, target: str) -> str:
    """Copy the decisions, which are written to, and link all other files."""
    if "decisions" in source:
        return shutil.copy2(source, target)
    Path(target).symlink_to(Path(source).absolute())
    return target


class TimedApp(ReviewApp):
    """The app, which notes when it draws."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.drawn: list[float] = []

    def post_display_hook(self) -> None:
        self.drawn.append(time.perf_counter())


async def press_keys(session: Session, times: int) -> dict[str, list[float]]:
    """Measure the milliseconds from each key to the next drawing, `times` times per key."""
    app = TimedApp(session)
    found: dict[str, list[float]] = {key: [] for key in KEYS}
    async with app.run_test(size=(160, 50)) as pilot:
        await pilot.pause(0.5)
        for _ in range(times):
            for key in KEYS:
                app.drawn.clear()
                start = time.perf_counter()
                app.simulate_key(key)
                await pilot.pause(0.2)
                found[key].append((app.drawn[0] - start) * 1000)
    return found


if __name__ == "__main__":
    main()
