"""Time and memory of the engine ray, by stage: ``python -m tests.benchmarks.engine RECORDS``.

Runs the file on a Ray cluster of this machine with 1, 2, … workers, and prints the seconds of each
stage and the most memory that a worker had of its own in it: anonymous memory, thus without the
objects that the workers share. ``--limit-mb`` limits the data of each worker process
(``RLIMIT_DATA``): an allocation beyond it fails, and with it the run. ``--local`` runs the file
with the engine local before, and prints the ratio of the times and the pair F1 of the clusters.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
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
    """Samples the memory of all workers while stages run."""

    def __init__(self) -> None:
        self.stage = ""
        self.peak_mb: dict[str, float] = {}
        self.data_mb: dict[str, float] = {}

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
                workers = list(workers_of(os.getpid(), titles=("ray::",)))
            stage = self.stage
            for worker in workers:
                with suppress(OSError, KeyError):
                    known = memory_of(worker)
                    for peaks, name in ((self.peak_mb, "RssAnon"), (self.data_mb, "VmData")):
                        peaks[stage] = max(peaks.get(stage, 0), known[name])


def memory_of(process: int) -> dict[str, float]:
    """Read the figures of a process that are in kB, in MB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    parts = [line.split() for line in lines if line.endswith(" kB")]
    return {name.rstrip(":"): int(value) * 1024 / 1e6 for name, value, _ in parts}


def limit_of_data(most_mb: int) -> Callable[[], None]:
    """Make the function that limits the data of the process that calls it."""

    def limit_data() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (most_mb * 10**6, most_mb * 10**6))

    return limit_data


def measure(
    records: Path, workers: int, limit_mb: int, sizes: Sizes, folder: Path
) -> dict[str, Any]:
    """Run a file with a number of workers; return the manifest and the peaks by stage."""
    options: dict[str, Any] = {"object_store_memory": None}
    if limit_mb:
        # Stacks of threads count as data of that size, used or not.
        resource.setrlimit(resource.RLIMIT_STACK, (2**20, resource.RLIM_INFINITY))
        options["runtime_env"] = {"worker_process_setup_hook": limit_of_data(limit_mb)}
    sampler = Sampler()
    begin = time.perf_counter()
    with start(workers, **options), sampler.running():
        started = time.perf_counter() - begin
        summary = run_distributed(
            str(records), engine="ray", output=str(folder), report=sampler.report, sizes=sizes
        ).summary
    return {
        "summary": summary,
        "wall": time.perf_counter() - begin,
        "start": started,
        "peak_mb": sampler.peak_mb,
        "data_mb": sampler.data_mb,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("records", type=Path)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--limit-mb", type=int, default=0, help="data of a worker, at most")
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
            print_head("stage", "seconds", "tasks", "own memory MB", "data MB")
            for stage in stages:
                name = stage["stage"]
                print_row(
                    name, f"{stage['seconds']:.1f}", f"{stage['tasks']}",
                    *(f"{found[peaks].get(name, 0):,.0f}" for peaks in ("peak_mb", "data_mb")),
                )  # fmt: skip
            print_row(
                "all", f"{found['wall']:.1f}", "",
                *(f"{max(found[peaks].values()):,.0f}" for peaks in ("peak_mb", "data_mb")),
            )  # fmt: skip
            if given.local:
                clusters = pl.read_parquet(folder / "clusters")
                both = pair_f1(clusters, pl.read_parquet(local / "clusters.parquet"))
                print(
                    f"<!-- {found['wall'] / wall:.2f} times the local run, pair F1 {both:.5f} -->"
                )


if __name__ == "__main__":
    main()
