"""Time and memory by number of rows: ``python -m tests.benchmarks.scale``.

Makes people with known duplicates, runs ``dedupe run`` on them as a process with default options,
and prints seconds per stage, peak memory, F1 and, for each stage, the exponent of n that its
seconds grow with. ``--records`` and ``--gold`` take your own files instead, smallest first.
``--peer 'COMMAND {records} {gold}'`` runs another tool on the same files afterwards, and prints its
output and the ratio of wall times.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.common import call_dedupe, print_head, print_row
from tests.benchmarks.people import make_people

STAGES = ("read", "encode", "search", "score", "cluster", "export")


def measure(records: Path, gold: Path, options: list[str]) -> dict[str, Any]:
    """Run dedupe on a file, evaluate the clusters, and collect the figures."""
    with tempfile.TemporaryDirectory() as scratch:
        workspace = str(Path(scratch) / "w.dedupe")
        start = time.perf_counter()
        run = call_dedupe("run", str(records), "-o", workspace, "--json", *options)
        wall = time.perf_counter() - start
        figures = call_dedupe("evaluate", workspace, "--gold", str(gold), "--json")
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


def run_peer(command: str, records: Path, gold: Path, wall: float) -> None:
    """Run another tool on the same files, and print its output and the ratio of wall times."""
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
    print_head("rows", "wall s", *STAGES, "peak MB", "cand. recall", "precision", "recall", "F1")
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        files = list(zip(given.records, given.gold, strict=True)) or [
            make_people(rows, Path(scratch)) for rows in given.rows
        ]
        for records, gold in files:
            result = measure(records, gold, given.options)
            results.append(result)
            print_row(
                f"{result['rows']:,}", f"{result['wall']:.1f}",
                *(f"{result['seconds'].get(stage, 0):.1f}" for stage in STAGES),
                f"{result['peak_mb']:,}", f"{result['candidate_recall']:.3f}",
                f"{result['precision']:.3f}", f"{result['recall']:.3f}", f"{result['f1']:.4f}",
            )  # fmt: skip
            print(f"<!-- decided by {result['decided_by']} -->", flush=True)
            if given.peer:
                run_peer(given.peer, records, gold, result["wall"])
    if len(results) > 1:
        rows = np.log([result["rows"] for result in results])
        for stage in ("wall", *STAGES):
            seconds = [{"wall": result["wall"], **result["seconds"]}[stage] for result in results]
            exponent = np.polyfit(rows, np.log(np.maximum(seconds, 0.05)), 1)[0]
            print(f"{stage}: grows with n^{exponent:.2f}")


if __name__ == "__main__":
    main()
