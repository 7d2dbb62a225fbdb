"""Adding in steps against one run on the whole: ``python -m tests.benchmarks.additions DATA_DIR``.

For febrl3 and cddb below DATA_DIR, and a table of your own with ``--people FILE --gold FILE``: the
rows are shuffled, the first tenth is run and nine more tenths are added, each as a process with
default options; beside it one run on all rows in the same order. Printed are the F1 of both, the
F1 of one against the other, seconds of each step, and with ``--one-percent`` what adding the last
two hundredths, one after the other, to a run on the others costs.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from tests.benchmarks.scale import call

STEPS = 10
SETS = ("febrl3", "cddb")


def timed(*arguments: str) -> float:
    start = time.perf_counter()
    call(*arguments, "--json")
    return time.perf_counter() - start


def joined_pairs(workspace: Path, ids: str) -> set[tuple[str, str]]:
    """Return the pairs of ids that share a cluster."""
    clusters = pl.read_csv(workspace / "clusters.csv", infer_schema=False)
    shared = clusters.filter(pl.len().over("cluster_id") > 1).select(ids, "cluster_id")
    both = shared.join(shared, on="cluster_id", suffix="_other")
    return set(both.filter(pl.col(ids) < pl.col(f"{ids}_other")).select(
        ids, f"{ids}_other"
    ).iter_rows())  # fmt: skip


def split(frame: pl.DataFrame, folder: Path, sizes: list[int]) -> list[Path]:
    files, at = [], 0
    for number, size in enumerate(sizes):
        files.append(folder / f"part{number}.csv")
        frame[at : at + size].write_csv(files[-1])
        at += size
    return files


def measure(name: str, records: Path, gold: Path, *, one_percent: bool) -> None:
    frame = pl.read_csv(records, infer_schema=False)
    frame = frame[np.random.default_rng(0).permutation(frame.height)]
    ids = "id" if "id" in frame.columns else frame.columns[0]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if one_percent:
            some = frame.height // 100
            files = split(frame, folder, [frame.height - 2 * some, some, some])
            first = timed("run", str(files[0]), "-o", str(folder / "most"))
            print(f"{name}: run of {frame.height - 2 * some:,} rows {first:.1f} s", flush=True)
            for file in files[1:]:
                then = timed("add", str(folder / "most"), str(file))
                print(f"{name}: 1% added in {then:.2f} s: {then / first:.1%}", flush=True)
            return
        bounds = np.linspace(0, frame.height, STEPS + 1).astype(int)
        files = split(frame, folder, np.diff(bounds).tolist())
        frame.write_csv(folder / "all.csv")
        whole, steps = folder / "whole", folder / "steps"
        at_once = timed("run", str(folder / "all.csv"), "-o", str(whole))
        seconds = [timed("run", str(files[0]), "-o", str(steps))]
        seconds += [timed("add", str(steps), str(file)) for file in files[1:]]
        figures = [
            call("evaluate", str(one), "--gold", str(gold), "--json") for one in (whole, steps)
        ]
        pairs = [joined_pairs(one, ids) for one in (whole, steps)]
    agree = 2 * len(pairs[0] & pairs[1]) / max(len(pairs[0]) + len(pairs[1]), 1)
    print(
        f"| {name} | {frame.height:,} | {figures[0]['pair_f1']:.4f} | {figures[1]['pair_f1']:.4f} "
        f"| {agree:.4f} | {at_once:.1f} | {' '.join(f'{one:.1f}' for one in seconds)} "
        f"| {sum(seconds) / at_once:.2f} |",
        flush=True,
    )


def sets(data: Path | None, people: Path | None, gold: Path | None) -> Iterator[
    tuple[str, Path, Path]
]:  # fmt: skip
    for name in SETS if data is not None else ():
        assert data is not None
        truth = [data / name / one for one in ("gold.csv", "clusters.csv")]
        yield name, data / name / "records.csv", next(one for one in truth if one.exists())
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
        heads = ("set", "rows", "F1 at once", "F1 in steps", "F1 of one against the other", "run s",
                 "steps s", "steps / run")  # fmt: skip
        print(f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}", flush=True)
    for name, records, gold in sets(given.data, given.people, given.gold):
        if not given.only or name in given.only:
            measure(name, records, gold, one_percent=given.one_percent)


if __name__ == "__main__":
    main()
