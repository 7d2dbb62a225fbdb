"""Additions compared with one run: ``python -m tests.benchmarks.additions DATA_DIR``.

Takes febrl3 and cddb below DATA_DIR, and your own table with ``--people FILE --gold FILE``.
Shuffles the rows, runs dedupe on the first tenth, adds nine more tenths, and runs it on all rows in
the same order; each step is a process with default options. Prints the F1 of both ways, the F1 of
one against the other, and the seconds of each step. ``--one-percent`` measures instead how long it
takes to add the last two hundredths, one after the other, to a run on the rest.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from tests.benchmarks.common import call_dedupe, gold_file, print_head, print_row

STEPS = 10
SETS = ("febrl3", "cddb")


def seconds_of(*arguments: str) -> float:
    """Time a command of dedupe, its start included."""
    start = time.perf_counter()
    call_dedupe(*arguments, "--json")
    return time.perf_counter() - start


def joined_pairs(workspace: Path, ids: str) -> set[tuple[str, str]]:
    """Collect the pairs of ids that share a cluster."""
    clusters = pl.read_csv(workspace / "clusters.csv", infer_schema=False)
    shared = clusters.filter(pl.len().over("cluster_id") > 1).select(ids, "cluster_id")
    both = shared.join(shared, on="cluster_id", suffix="_other")
    return set(both.filter(pl.col(ids) < pl.col(f"{ids}_other")).select(
        ids, f"{ids}_other"
    ).iter_rows())  # fmt: skip


def split(frame: pl.DataFrame, folder: Path, sizes: list[int]) -> list[Path]:
    """Write consecutive parts of a table, of `sizes` rows each."""
    files, at = [], 0
    for number, size in enumerate(sizes):
        files.append(folder / f"part{number}.csv")
        frame[at : at + size].write_csv(files[-1])
        at += size
    return files


def measure_one_percent(name: str, frame: pl.DataFrame, folder: Path) -> None:
    """Add the last two hundredths to a run on the rest, and print the seconds."""
    added = frame.height // 100
    files = split(frame, folder, [frame.height - 2 * added, added, added])
    run = seconds_of("run", str(files[0]), "-o", str(folder / "most"))
    print(f"{name}: run of {frame.height - 2 * added:,} rows {run:.1f} s", flush=True)
    for file in files[1:]:
        addition = seconds_of("add", str(folder / "most"), str(file))
        print(f"{name}: 1% added in {addition:.2f} s: {addition / run:.1%}", flush=True)


def measure(name: str, records: Path, gold: Path, *, one_percent: bool) -> None:
    """Compare adding tenths of a table with one run over it, and print the figures."""
    frame = pl.read_csv(records, infer_schema=False)
    frame = frame[np.random.default_rng(0).permutation(frame.height)]
    ids = "id" if "id" in frame.columns else frame.columns[0]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if one_percent:
            measure_one_percent(name, frame, folder)
            return
        bounds = np.linspace(0, frame.height, STEPS + 1).astype(int)
        files = split(frame, folder, np.diff(bounds).tolist())
        frame.write_csv(folder / "all.csv")
        whole, steps = folder / "whole", folder / "steps"
        at_once = seconds_of("run", str(folder / "all.csv"), "-o", str(whole))
        seconds = [seconds_of("run", str(files[0]), "-o", str(steps))]
        seconds += [seconds_of("add", str(steps), str(file)) for file in files[1:]]
        figures = [
            call_dedupe("evaluate", str(workspace), "--gold", str(gold), "--json")
            for workspace in (whole, steps)
        ]
        pairs = [joined_pairs(workspace, ids) for workspace in (whole, steps)]
    agree = 2 * len(pairs[0] & pairs[1]) / max(len(pairs[0]) + len(pairs[1]), 1)
    print_row(
        name, f"{frame.height:,}", f"{figures[0]['pair_f1']:.4f}", f"{figures[1]['pair_f1']:.4f}",
        f"{agree:.4f}", f"{at_once:.1f}", " ".join(f"{step:.1f}" for step in seconds),
        f"{sum(seconds) / at_once:.2f}",
    )  # fmt: skip


def sets(data: Path | None, people: Path | None, gold: Path | None) -> Iterator[
    tuple[str, Path, Path]
]:  # fmt: skip
    """Name the tables to measure, with the files of their records and gold standards."""
    for name in SETS if data is not None else ():
        assert data is not None
        yield name, data / name / "records.csv", gold_file(data / name)
    if people is not None and gold is not None:
        yield "people", people, gold


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--only", nargs="*", default=(), help="names of sets")
    parser.add_argument("--people", type=Path)
    parser.add_argument("--gold", type=Path)
    parser.add_argument("--one-percent", action="store_true")
    given = parser.parse_args()
    if not given.one_percent:
        print_head("set", "rows", "F1 at once", "F1 in steps", "F1 of one against the other",
                   "run s", "steps s", "steps / run")  # fmt: skip
    for name, records, gold in sets(given.data, given.people, given.gold):
        if not given.only or name in given.only:
            measure(name, records, gold, one_percent=given.one_percent)


if __name__ == "__main__":
    main()
