"""Draw the README's picture: ``python -m tests.benchmarks.picture samples/contacts.csv OUT.svg``.

Runs the command in a scratch folder and draws what it prints, so the picture is what users see.
"""

from __future__ import annotations

import argparse
import re
import shutil
import tempfile
from pathlib import Path
from unittest.mock import patch

from rich.console import Console

import dedupe.cli


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path)
    given = parser.parse_args()
    console = Console(record=True, width=104, force_terminal=True, highlight=False)
    with tempfile.TemporaryDirectory() as scratch:
        copy = shutil.copy(given.input, scratch)
        result = dedupe.run(copy)
        console.print(f"[dim]$[/] dedupe run {given.input.name}")
        with (
            patch.object(dedupe.cli, "_console", return_value=console),
            patch.dict(result.__dict__, {"workspace": Path(f"{given.input.stem}.dedupe")}),
        ):
            dedupe.cli._print_summary(result, verbose=False)
    # The fonts that rich would have fetched from the network are left to the reader's own.
    svg = re.sub(r"@font-face \{.*?\}", "", console.export_svg(title="dedupe"), flags=re.DOTALL)
    given.output.write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
