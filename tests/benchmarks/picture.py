"""Draw README's pictures: ``python -m tests.benchmarks.picture samples/contacts.csv docs/images``.

Runs dedupe on the file in a temporary folder, draws the summary that it prints, and then the review
app on that workspace: users see the same.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import tempfile
from pathlib import Path
from unittest.mock import patch

from rich.console import Console

import dedupe.cli.summary
from dedupe.review.app import ReviewApp
from dedupe.review.session import Session


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("input", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    console = Console(record=True, width=104, force_terminal=True, highlight=False)
    with tempfile.TemporaryDirectory() as scratch:
        copy = shutil.copy(given.input, scratch)
        result = dedupe.run(copy)
        assert result.workspace is not None
        review = asyncio.run(review_screen(result.workspace))
        console.print(f"[dim]$[/] dedupe run {given.input.name}")
        with (
            patch.object(dedupe.cli.summary, "console", return_value=console),
            patch.dict(result.__dict__, {"workspace": Path(f"{given.input.stem}.dedupe")}),
        ):
            dedupe.cli.summary.print_summary(result, verbose=False)
    write(given.folder / "run.svg", console.export_svg(title="dedupe"))
    write(given.folder / "review.svg", review)


async def review_screen(workspace: Path) -> str:
    """Draw the first screen of the review app as SVG."""
    session = Session(workspace, reviewer="you")
    app = ReviewApp(session)
    async with app.run_test(size=(104, 26)) as pilot:
        await pilot.pause()
        svg = app.export_screenshot()
    session.close()
    return svg


def write(path: Path, svg: str) -> None:
    """Write a picture without the fonts that it would load from the network."""
    plain = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    path.write_text(plain, encoding="utf-8")


if __name__ == "__main__":
    main()
