"""Ray on this machine, and a stand-in without it."""

from __future__ import annotations

import importlib.util
import logging
import os
import signal
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from dedupe.engine.plan import Sizes
from dedupe.engine.workers import Facts, Frames, Workers, _join, _split

RAY_MISSING = importlib.util.find_spec("ray") is None
SMALL = Sizes(rows=150, one_search=0, key_cell=400, edges=50)
"""Sizes with which a small file has several partitions, cells and rounds."""


@contextmanager
def start(cpus: int, **options: Any) -> Iterator[None]:
    """Start Ray with as many workers, and stop it at the end."""
    import ray

    ray.init(
        address="local",
        num_cpus=cpus,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        **{"object_store_memory": 200 * 2**20, **options},
    )
    try:
        yield
    finally:
        ray.shutdown()


class Inline(Workers):
    """Runs each task at once in this process."""

    def map(
        self,
        stage: str,
        function: Callable[[Any], Facts],
        items: Sequence[Any],
        **resources: Any,
    ) -> list[Facts]:
        return self._finished(stage, [function(item) for item in items])

    def exchange(
        self,
        stage: str,
        split: Callable[[Any], Frames],
        items: Sequence[Any],
        join: Callable[[int, list[Any]], Facts],
        cells: int,
        *,
        arrow: bool = False,
    ) -> list[Facts]:
        by_item = [list(_split(split, item, 0, cells)) for item in items]
        joined = [
            _join(join, arrow, cell, *(found[cell] for found in by_item)) for cell in range(cells)
        ]
        return self._finished(stage, joined)

    def _finished(self, stage: str, tasks: list[Facts]) -> list[Facts]:
        self.store.finish(stage, {"tasks": tasks})
        return tasks


class Mortal(Workers):
    """Kills the process of one task of each stage, when the task has done its work.

    A stage that exchanges rows has tasks of two kinds: one of each dies.
    """

    deaths: Path
    """Folder with a file for each death."""
    stages: Collection[str] | None = None
    """Stages in which processes die; ``None``: all."""

    def map(
        self,
        stage: str,
        function: Callable[[Any], Facts],
        items: Sequence[Any],
        **resources: Any,
    ) -> list[Facts]:
        return super().map(stage, self._dying(stage, "map", function), items, **resources)

    def exchange(
        self,
        stage: str,
        split: Callable[[Any], Frames],
        items: Sequence[Any],
        join: Callable[[int, list[Any]], Facts],
        cells: int,
        *,
        arrow: bool = False,
    ) -> list[Facts]:
        return super().exchange(
            stage, self._dying(stage, "split", split), items,
            self._dying(stage, "join", join), cells, arrow=arrow,
        )  # fmt: skip

    def _dying(self, stage: str, kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        if self.stages is not None and stage not in self.stages:
            return function
        return partial(die_once, self.deaths / f"{stage}-{kind}", function)


def die_once(death: Path, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in the process of a task, and kill the process, unless one died before."""
    found = function(*arguments)
    with suppress(FileExistsError):
        death.touch(exist_ok=False)
        os.kill(os.getpid(), signal.SIGKILL)
    return found


def workers_of(driver: int) -> Iterator[int]:
    """Find the processes of workers among the descendants of a process."""
    parents, title_of = {}, {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                state = (folder / "stat").read_text().rpartition(")")[2].split()
                parents[int(folder.name)] = int(state[1])
                title_of[int(folder.name)] = (folder / "cmdline").read_text()
    for process, title in title_of.items():
        ancestor = process
        while ancestor in parents and ancestor != driver:
            ancestor = parents[ancestor]
        if ancestor == driver and title.startswith("ray::"):
            yield process


def pair_f1(a: pl.DataFrame, b: pl.DataFrame) -> float:
    """Compare two tables of clusters: F1 of the pairs of records that share a cluster."""
    pairs = []
    for table in (a, b):
        table = table.select(pl.col("id").cast(pl.String), "cluster_id")
        joined = table.join(table, on="cluster_id").filter(pl.col("id") < pl.col("id_right"))
        pairs.append(joined.select("id", "id_right"))
    common = pairs[0].join(pairs[1], on=["id", "id_right"], how="semi").height
    return 2 * common / (pairs[0].height + pairs[1].height)
