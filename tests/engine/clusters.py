"""Ray on this machine, and a stand-in without it."""

from __future__ import annotations

import importlib.util
import logging
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from dedupe.engine.plan import Sizes
from dedupe.engine.workers import Facts, Frames, Workers, _join, _split

RAY_MISSING = importlib.util.find_spec("ray") is None
SMALL = Sizes(rows=150, one_search=0, key_cell=400, edges=50)
"""Sizes with which a small file has several partitions, cells and rounds."""


@contextmanager
def start(cpus: int) -> Iterator[None]:
    """Start Ray with as many workers, and stop it at the end."""
    import ray

    ray.init(
        num_cpus=cpus,
        object_store_memory=200 * 2**20,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
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
        return [function(item) for item in items]

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
        by_item = [list(_split(split, item, cells)) for item in items]
        return [
            _join(join, arrow, cell, *(found[cell] for found in by_item)) for cell in range(cells)
        ]


def kill_a_worker() -> bool:
    """Kill one process that runs a task for this one; tell whether there was one."""
    for worker in _workers_of(os.getpid()):
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
            return True
    return False


def _workers_of(driver: int) -> Iterator[int]:
    """Find the processes of tasks among the descendants of a process."""
    parents, titles = {}, {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                state = (folder / "stat").read_text().rpartition(")")[2].split()
                parents[int(folder.name)] = int(state[1])
                titles[int(folder.name)] = (folder / "cmdline").read_text()
    for process, title in titles.items():
        ancestor = process
        while ancestor in parents and ancestor != driver:
            ancestor = parents[ancestor]
        if ancestor == driver and title.startswith(("ray::_call", "ray::_split", "ray::_join")):
            yield process
