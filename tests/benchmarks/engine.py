"""Time and memory of the engine ray, by stage: ``python -m tests.benchmarks.engine RECORDS``.

Runs the file on a Ray cluster of this machine with 1, 2, … workers, and prints the seconds of each
stage and the most memory that a worker had of its own in it: anonymous memory, thus without the
objects that the workers share. With ``--limit-mb``, a worker that has more is killed at once, and a
run ends whose tasks need more. ``--local`` runs the file with the engine local before, and prints
the ratio of the times and the pair F1 of the clusters.
"""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any

import polars as pl

from dedupe.engine.plan import Sizes
from dedupe.engine.run import run_distributed
from tests.benchmarks.common import call_dedupe, print_head, print_row
from tests.engine.clusters import pair_f1, start, workers_of

SECONDS_BETWEEN_SAMPLES = 0.05
SAMPLES_PER_LIST = 20
"""Samples after which the processes of the workers are listed anew."""


class Sampler:
    """Samples the memory of all workers while stages run, and kills those beyond a limit."""

    def __init__(self, limit_mb: int) -> None:
        self.stage = ""
        self.limit_mb = limit_mb
        self.killed = 0
        self.peak_mb: dict[str, float] = {}

    def report(self, stage: str, done: int, total: int) -> None:
        self.stage = stage

    @contextmanager
    def running(self) -> Iterator[None]:
        end = Event()
        thread = Thread(target=self._sample, args=[end])
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()

    def _sample(self, end: Event) -> None:
        workers: list[int] = []
        for number in count():
            if end.wait(SECONDS_BETWEEN_SAMPLES):
                return
            if number % SAMPLES_PER_LIST == 0:
                workers = list(workers_of(os.getpid()))
            stage = self.stage
            for worker in workers:
                with suppress(OSError, IndexError):
                    used = memory_of(worker)
                    self.peak_mb[stage] = max(self.peak_mb.get(stage, 0), used)
                    if self.limit_mb and used > self.limit_mb:
                        os.kill(worker, signal.SIGKILL)
                        self.killed += 1


def memory_of(process: int) -> float:
    """Read the anonymous memory of a process, in MB: what no file and no other process shares."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) * 1024 / 1e6


def measure(
    records: Path, workers: int, limit_mb: int, sizes: Sizes, folder: Path
) -> dict[str, Any]:
    """Run a file with a number of workers; return the manifest and the peaks by stage."""
    sampler = Sampler(limit_mb)
    begin = time.perf_counter()
    with start(workers, object_store_memory=None), sampler.running():
        started = time.perf_counter() - begin
        summary = run_distributed(
            str(records), engine="ray", output=str(folder), report=sampler.report, sizes=sizes
        ).summary
    return {
        "summary": summary,
        "wall": time.perf_counter() - begin,
        "start": started,
        "peak_mb": sampler.peak_mb,
        "killed": sampler.killed,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("records", type=Path)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--limit-mb", type=int, default=0, help="own memory of a worker, at most")
    parser.add_argument("--one-search", type=int, default=Sizes.one_search)
    parser.add_argument("--local", action="store_true", help="run the engine local, too")
    parser.add_argument("--folder", type=Path, help="where to keep the results")
    given = parser.parse_args()
    sizes = Sizes(one_search=given.one_search)
    with nullcontext(given.folder) if given.folder else tempfile.TemporaryDirectory() as scratch:
        local, wall = Path(scratch) / "local.dedupe", 0.0
        if given.local:
            begin = time.perf_counter()
            call_dedupe(
                "run", str(given.records), "-o", str(local), "--format", "parquet", "--json"
            )
            wall = time.perf_counter() - begin
            print(f"<!-- engine local: {wall:.1f} s -->", flush=True)
        for workers in given.workers:
            folder = Path(scratch) / f"{workers}"
            found = measure(given.records, workers, given.limit_mb, sizes, folder)
            stages = found["summary"]["stages"]
            print(f"<!-- {workers} workers: {found['wall']:.1f} s, start {found['start']:.1f} -->")
            print_head("stage", "seconds", "tasks", "own memory MB")
            for stage in stages:
                name = stage["stage"]
                peak = found["peak_mb"].get(name, 0)
                print_row(name, f"{stage['seconds']:.1f}", f"{stage['tasks']}", f"{peak:,.0f}")
            print_row("all", f"{found['wall']:.1f}", "", f"{max(found['peak_mb'].values()):,.0f}")
            if given.limit_mb:
                print(f"<!-- {found['killed']} workers killed beyond {given.limit_mb} MB -->")
            if given.local:
                clusters = pl.read_parquet(folder / "clusters")
                both = pair_f1(clusters, pl.read_parquet(local / "clusters.parquet"))
                print(
                    f"<!-- {found['wall'] / wall:.2f} times the local run, pair F1 {both:.5f} -->"
                )


if __name__ == "__main__":
    main()
