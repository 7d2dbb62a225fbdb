"""Quality of default runs on full tables: ``python -m tests.benchmarks.quality DATA_DIR``.

Runs ``dedupe run`` as a process with default options on each folder below DATA_DIR with
``records.csv`` and ``gold.csv`` or ``clusters.csv``, evaluates the clusters and prints one row of a
Markdown table per folder. If there is a ``source`` column, only pairs across sources count.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from tests.benchmarks.common import call_dedupe, gold_file, print_head, print_row, tables

HEAD = (
    "set", "rows", "cand./record", "cand. recall", "precision", "recall", "F1",
    "encode s", "search s", "score s", "total s", "peak MB",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """Figures of one table: of its evaluation, seconds per stage, memory in MiB."""

    name: str
    figures: dict[str, Any]
    seconds: dict[str, float]
    peak_mb: int

    @property
    def cells(self) -> list[str]:
        """The figures as the cells of one row."""
        f, s = self.figures, self.seconds
        return [
            self.name,
            f"{f['rows']:,}",
            f"{f['candidates_per_record']:.2f}",
            *(f"{f[name]:.3f}" for name in (
                "candidate_recall", "pair_precision", "pair_recall", "pair_f1"
            )),
            *(f"{s.get(stage, 0):.1f}" for stage in ("encode", "search", "score")),
            f"{sum(s.values()):.1f}",
            f"{self.peak_mb:,}",
        ]  # fmt: skip


def measure(name: str, folder: Path, options: Sequence[str]) -> Row:
    """Run dedupe on one table and evaluate the clusters."""
    gold = str(gold_file(folder))
    with tempfile.TemporaryDirectory() as scratch:
        workspace = str(Path(scratch) / "w.dedupe")
        run = call_dedupe("run", str(folder / "records.csv"), "-o", workspace, "--json", *options)
        header = (folder / "records.csv").read_text(encoding="utf-8").split("\n", 1)[0]
        across = ["--across", "source"] if "source" in header.strip().split(",") else []
        figures = call_dedupe("evaluate", workspace, "--gold", gold, "--json", *across)
    seconds = {stage["stage"]: stage["seconds"] for stage in run["stages"]}
    peak = max(stage["peak_mb"] for stage in run["stages"])
    figures["candidates_per_record"] = run["search"]["candidates_per_record"]
    figures["estimated_recall"] = run["search"]["estimated_recall"]
    return Row(name, figures, seconds, peak)


def averaged(name: str, rows: Sequence[Row]) -> list[str]:
    """Average the figures of several tables, as the cells of one row."""

    def mean_of(key: str) -> str:
        return f"{mean(row.figures[key] for row in rows):.3f}"

    return [
        f"**{name}**",
        f"{sum(row.figures['rows'] for row in rows):,}",
        f"{mean(row.figures['candidates_per_record'] for row in rows):.2f}",
        *(mean_of(key) for key in ("candidate_recall", "pair_precision", "pair_recall", "pair_f1")),
        *("" for _ in range(3)),
        f"{sum(sum(row.seconds.values()) for row in rows):.1f}",
        f"{max(row.peak_mb for row in rows):,}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="*", default=(), help="names of sets")
    parser.add_argument("--options", nargs=argparse.REMAINDER, default=(), help="of dedupe run")
    given = parser.parse_args()
    print_head(*HEAD)
    large: list[Row] = []
    small: list[Row] = []
    for name, folder in tables(given.data, given.only):
        row = measure(name, folder, given.options)
        (small if "/" in name else large).append(row)
        print_row(*row.cells)
    for label, rows in (("large tables", large), ("small tables", small), ("all", large + small)):
        if rows:
            print_row(*averaged(label, rows))
    known = [row.figures for row in large + small if row.figures["estimated_recall"] is not None]
    errors = [abs(row["estimated_recall"] - row["candidate_recall"]) for row in known]
    print(
        f"\nestimated candidate recall: known for {len(known)} of {len(large + small)} tables",
        end="",
    )
    print(f", off by {mean(errors):.3f} on average, {max(errors):.3f} at most" if errors else "")


if __name__ == "__main__":
    main()
