"""How long the review app takes for each key: ``python -m tests.benchmarks.review WORKSPACE``.

Opens a workspace (of a million records, say) in the app, without a terminal, and presses keys; a
copy of its decisions is put back at the end. The time of a key is from the press until the terminal
has the next pair on it; what a match would do, which takes clustering, is drawn right after.
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
        # Links instead of copies: only the log of decisions is written to.
        copy = Path(scratch) / given.workspace.name
        shutil.copytree(given.workspace, copy, copy_function=linked)
        start = time.perf_counter()
        session = Session(copy, reviewer="bench")
        opened = time.perf_counter() - start
        times = asyncio.run(pressed(session, given.times))
        session.close()
    console = Console()
    console.print(
        f"{len(session.keys):,} records, {len(session.scores.left):,} scored pairs: "
        f"opened in {opened:.1f} s"
    )
    table = Table("key", "", "median ms", "longest ms", box=None)
    for key, found in times.items():
        table.add_row(key, KEYS[key], f"{statistics.median(found):.1f}", f"{max(found):.1f}")
    console.print(table)


def linked(source: str, target: str) -> str:
    if "decisions" in source:
        return shutil.copy2(source, target)
    Path(target).symlink_to(Path(source).absolute())
    return target


class TimedApp(ReviewApp):
    """The app, and when it drew."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.drawn: list[float] = []

    def post_display_hook(self) -> None:
        self.drawn.append(time.perf_counter())


async def pressed(session: Session, times: int) -> dict[str, list[float]]:
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
