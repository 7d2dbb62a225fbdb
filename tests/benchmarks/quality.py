"""How well the default run does on full tables: ``python -m tests.benchmarks.quality DATA_DIR``.

For each folder below DATA_DIR with ``records.csv`` and ``gold.csv`` or ``clusters.csv`` it runs
``dedupe run`` as a process with default options, measures the clusters, and prints one row of a
Markdown table. Where there is a ``source`` column, pairs across sources are counted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

HEAD = (
    "set", "rows", "cand./rec.", "cand. recall", "precision", "recall", "F1",
    "encode s", "search s", "score s", "total s", "peak MB",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """Figures of one table."""

    name: str
    figures: dict[str, Any]
    seconds: dict[str, float]
    peak_mb: int

    @property
    def cells(self) -> list[str]:
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


def tables(data: Path) -> Iterator[tuple[str, Path]]:
    for records in sorted(data.rglob("records.csv")):
        if (records.parent / "gold.csv").exists() or (records.parent / "clusters.csv").exists():
            yield str(records.parent.relative_to(data)), records.parent


def measure(name: str, folder: Path, options: Sequence[str]) -> Row:
    gold = folder / "gold.csv"
    if not gold.exists():
        gold = folder / "clusters.csv"
    with tempfile.TemporaryDirectory() as scratch:
        workspace = str(Path(scratch) / "w.dedupe")
        run = _json("run", str(folder / "records.csv"), "-o", workspace, "--json", *options)
        header = (folder / "records.csv").read_text(encoding="utf-8").split("\n", 1)[0]
        across = ["--across", "source"] if "source" in header.strip().split(",") else []
        figures = _json("evaluate", workspace, "--gold", str(gold), "--json", *across)
    seconds = {stage["stage"]: stage["seconds"] for stage in run["stages"]}
    peak = max(stage["peak_mb"] for stage in run["stages"])
    figures["candidates_per_record"] = run["search"]["candidates_per_record"]
    figures["estimated_recall"] = run["search"]["estimated_recall"]
    return Row(name, figures, seconds, peak)


def _json(*arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "dedupe", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"dedupe {' '.join(arguments)}: {done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def averaged(name: str, rows: Sequence[Row]) -> list[str]:
    def of(key: str) -> str:
        return f"{mean(row.figures[key] for row in rows):.3f}"

    return [
        f"**{name}**",
        f"{sum(row.figures['rows'] for row in rows):,}",
        f"{mean(row.figures['candidates_per_record'] for row in rows):.2f}",
        *(of(key) for key in ("candidate_recall", "pair_precision", "pair_recall", "pair_f1")),
        *("" for _ in range(3)),
        f"{sum(sum(row.seconds.values()) for row in rows):.1f}",
        f"{max(row.peak_mb for row in rows):,}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="*", default=(), help="names of sets")
    parser.add_argument("--options", nargs=argparse.REMAINDER, default=(), help="for dedupe run")
    given = parser.parse_args()
    print(f"| {' | '.join(HEAD)} |\n|{' --- |' * len(HEAD)}", flush=True)
    rows, small = [], []
    for name, folder in tables(given.data):
        if given.only and name not in given.only and name.split("/")[0] not in given.only:
            continue
        row = measure(name, folder, given.options)
        (small if "/" in name else rows).append(row)
        print(f"| {' | '.join(row.cells)} |", flush=True)
    for label, some in (("large tables", rows), ("small tables", small), ("all", rows + small)):
        if some:
            print(f"| {' | '.join(averaged(label, some))} |", flush=True)


if __name__ == "__main__":
    main()
