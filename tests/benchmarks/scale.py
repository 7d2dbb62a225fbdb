"""How time and memory grow with the number of rows: ``python -m tests.benchmarks.scale``.

Makes people with known duplicates, runs ``dedupe run`` on them as a process with default options,
and prints seconds and peak memory a stage, F1, and for each stage the exponent of n that its
seconds grow with. ``--records`` and ``--gold`` take files of your own instead, smallest first.
``--peer 'COMMAND {records} {gold}'`` runs another tool on the same files, right after, and prints
what it says and how its wall time compares.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from dedupe.training.generators.synthesize import synthesize_pairs

STAGES = ("read", "encode", "search", "score", "cluster", "export")


def make_people(rows: int, folder: Path) -> tuple[Path, Path]:
    """Write `rows` records of people, about three in ten of them another view of one before."""
    records: list[dict[str, str]] = []
    clusters: list[int] = []
    for number, pair in enumerate(synthesize_pairs(rows, 0, ("person",))):
        sides = (pair.left, pair.right) if pair.label else (pair.left,)
        for side in sides:
            records.append({"text": " ".join(value for value in side.values() if value)})
            clusters.append(number)
        if len(records) >= rows:
            break
    frame = pl.DataFrame(records[:rows]).with_row_index("id")
    gold = frame.select("id").with_columns(pl.Series("cluster_id", clusters[:rows]))
    order = np.random.default_rng(0).permutation(rows)
    frame[order].write_csv(folder / f"{rows}.csv")
    gold[order].write_csv(folder / f"{rows}-gold.csv")
    return folder / f"{rows}.csv", folder / f"{rows}-gold.csv"


def measure(records: Path, gold: Path, options: list[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        workspace = str(Path(scratch) / "w.dedupe")
        start = time.perf_counter()
        run = call("run", str(records), "-o", workspace, "--json", *options)
        wall = time.perf_counter() - start
        figures = call("evaluate", workspace, "--gold", str(gold), "--json")
    return {
        "rows": run["rows"],
        "wall": wall,
        "seconds": {stage["stage"]: stage["seconds"] for stage in run["stages"]},
        "peak_mb": max(stage["peak_mb"] for stage in run["stages"]),
        "f1": figures["pair_f1"],
        "precision": figures["pair_precision"],
        "recall": figures["pair_recall"],
        "candidate_recall": figures["candidate_recall"],
        "decided_by": run["decided_by"],
    }


def call(*arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "dedupe", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def run_peer(command: str, records: Path, gold: Path, wall: float) -> None:
    """Run another tool on the same files; print its output and the ratio of wall times."""
    start = time.perf_counter()
    words = shlex.split(command.format(records=records, gold=gold))
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    for line in (done.stdout if done.returncode == 0 else done.stderr).splitlines()[-8:]:
        print(f"<!-- peer: {line} -->")
    print(
        f"<!-- peer {seconds:.1f} s; dedupe took {wall / seconds:.2f} times as long -->", flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--records", type=Path, nargs="*", default=[])
    parser.add_argument("--gold", type=Path, nargs="*", default=[])
    parser.add_argument("--peer", help="command of another tool, with {records} and {gold}")
    parser.add_argument("--options", nargs=argparse.REMAINDER, default=[], help="for dedupe run")
    given = parser.parse_args()
    print(f"| rows | wall s | {' | '.join(STAGES)} | peak MB | cand. recall | P | R | F1 |")
    print("|" + " --- |" * (len(STAGES) + 7))
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        files = list(zip(given.records, given.gold, strict=True)) or [
            make_people(rows, Path(scratch)) for rows in given.rows
        ]
        for records, gold in files:
            one = measure(records, gold, given.options)
            found.append(one)
            cells = [f"{one['seconds'].get(stage, 0):.1f}" for stage in STAGES]
            print(
                f"| {one['rows']:,} | {one['wall']:.1f} | {' | '.join(cells)} | "
                f"{one['peak_mb']:,} | {one['candidate_recall']:.3f} | {one['precision']:.3f} | "
                f"{one['recall']:.3f} | {one['f1']:.4f} |",
                flush=True,
            )
            print(f"<!-- decided by {one['decided_by']} -->", flush=True)
            if given.peer:
                run_peer(given.peer, records, gold, one["wall"])
    if len(found) > 1:
        rows = np.log([one["rows"] for one in found])
        for stage in ("wall", *STAGES):
            seconds = [one["wall"] if stage == "wall" else one["seconds"][stage] for one in found]
            exponent = np.polyfit(rows, np.log(np.maximum(seconds, 0.05)), 1)[0]
            print(f"{stage}: grows with n^{exponent:.2f}")


if __name__ == "__main__":
    main()
