"""Stages on Ray: tasks on partitions, and exchanges between them.

Ray schedules the tasks, moves what they return, spills it to disk where memory is short, and runs a
task again whose worker died. A finished stage is in the store, and is not run again.
"""

from __future__ import annotations

import ctypes
import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.engine.plan import Sizes
from dedupe.engine.store import Store
from dedupe.errors import DedupeError, EngineError, needs_extra
from dedupe.models.loading import CPUS
from dedupe.progress import Report

_logger = logging.getLogger(__name__)

CLIENT = "ray://"
"""Beginning of the address of a Ray client server."""
TOKENS = "RAY_AUTH_MODE"
"""Environment variable that makes Ray send the token of a cluster."""
RETRIES = 5
"""Times that a task is run again whose worker died."""
SECONDS_TO_ANSWER = 10
"""Seconds within which a cluster has to answer."""

_ALLOCATION = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # it gives memory back
    # glibc gives back what is free in its first arena only, and a task must not wait for that.
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
}
"""Environment of the processes of tasks: how they allocate memory."""

Facts = dict[str, Any]
"""What a task found, in plain JSON types."""
Frames = Sequence[Any]
"""Polars frames, each with a column ``cell``, or :class:`Routed` tables."""


@dataclass(frozen=True, eq=False)
class Routed:
    """Rows of an Arrow table that go to cells.

    Parameters
    ----------
    table
        The table.
    row, cell
        (m,) a row of the table, and a cell that it goes to; a row may go to several.
    """

    table: Any
    row: NDArray[np.int64]
    cell: NDArray[np.int64]


@contextmanager
def connected(engine: str) -> Iterator[None]:
    """Connect to a Ray cluster, or start one on this machine, and leave it at the end.

    Parameters
    ----------
    engine
        ``"ray"``: the cluster of the environment variable ``RAY_ADDRESS``, or else one that is
        started here; or the address of a cluster, ``ray://host:port`` or ``host:port``.

    Raises
    ------
    EngineError
        If Ray is missing, or the cluster does not answer.
    """
    with needs_extra("ray", "the engine ray", EngineError):
        import ray
    if ray.is_initialized():
        yield
        return
    address = os.environ.get("RAY_ADDRESS", "") if engine == "ray" else engine
    if address not in ("", "auto", "local"):
        _check_answers(address)
    try:
        ray.init(
            address=address or "local",
            include_dashboard=False if address in ("", "local") else None,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except Exception as error:
        what = address or "on this machine"
        token = f"; if it wants a token, set {TOKENS}=token" if TOKENS not in os.environ else ""
        raise EngineError(f"cannot use the Ray cluster {what}: {_one_line(error)}{token}") from None
    try:
        yield
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    host, _, port = address.removeprefix(CLIENT).rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), SECONDS_TO_ANSWER).close()
    except (OSError, ValueError) as error:
        raise EngineError(
            f"the Ray cluster {address} does not answer ({_one_line(error)}): start it with "
            "ray start --head, or mend the address"
        ) from None


@dataclass
class Workers:
    """Runs the stages of one run.

    Parameters
    ----------
    store
        Where stages write.
    report
        Called with the progress of each stage.
    objects
        Objects that an exchange holds at once, at most.
    done
        The stages so far, in order: name, seconds, and whether an earlier run computed it.
    """

    store: Store
    report: Report
    objects: int = Sizes.objects
    done: list[Facts] = field(default_factory=list)

    def map(
        self,
        stage: str,
        function: Callable[[Any], Facts],
        items: Sequence[Any],
        *,
        cpus: float = 1,
        gpus: float = 0,
        threads: int = 1,
    ) -> list[Facts]:
        """Call a function for each item in a task of its own.

        Returns
        -------
        list of dict
            What each call returned, in the order of `items`.
        """

        def start() -> list[Any]:
            task = _remote(_call).options(num_cpus=cpus, num_gpus=gpus)
            return [task.remote(function, item, threads) for item in items]

        return self._stage(stage, [start], len(items))

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
        """Bring rows together by their cell: a map over items, a shuffle, and a map over cells.

        Ray holds an object for each item and cell. If these are too many, the cells are done in
        several rounds, in each of which all items are split again.

        Parameters
        ----------
        stage
            Name of the stage.
        split
            Makes frames of an item; their column ``cell`` says where each row goes.
        items
            The items.
        join
            Called with the number of each cell and its rows, frame by frame, in the order of the
            items.
        cells
            Number of cells.
        arrow
            Whether `join` takes Arrow tables; else it takes polars frames.

        Returns
        -------
        list of dict
            What `join` returned for each cell.
        """
        most = max(self.objects // max(len(items), 1), 1)

        def start(first: int) -> list[Any]:
            last = min(first + most, cells)
            joins = _remote(_join)
            if last - first == 1:
                split_one = _remote(_split_for_one_cell)
                by_item = [[split_one.remote(split, item, first)] for item in items]
            else:
                splits = _remote(_split).options(num_returns=last - first)
                by_item = [splits.remote(split, item, first, last) for item in items]
            return [
                joins.remote(join, arrow, cell, *(made[cell - first] for made in by_item))
                for cell in range(first, last)
            ]

        rounds = [partial(start, first) for first in range(0, cells, most)]
        return self._stage(stage, rounds, cells)

    def _stage(
        self, stage: str, rounds: Sequence[Callable[[], list[Any]]], total: int
    ) -> list[Facts]:
        found = self.store.finished(stage)
        if found is not None:
            self.done.append({"stage": stage, "seconds": 0.0, "reused": True})
            return list(found["tasks"])
        begin = time.perf_counter()
        self.report(stage, 0, 0)
        tasks: list[Facts] = []
        for start in rounds:
            tasks += _results(stage, start, _beyond(self.report, len(tasks), total))
        seconds = round(time.perf_counter() - begin, 3)
        self.store.finish(stage, {"tasks": tasks, "seconds": seconds})
        self.done.append({"stage": stage, "seconds": seconds, "tasks": len(tasks)})
        _logger.info("%s: %.1f s, %d tasks", stage, seconds, len(tasks))
        return tasks


def _beyond(report: Report, before: int, total: int) -> Report:
    """Report the tasks of one round, of `total` in all, to those that were done before it."""
    return lambda stage, done, _: report(stage, before + done, total)


def cpus_of_cluster() -> int:
    """Count the cores of the largest machine of the cluster."""
    import ray

    found = [node["Resources"].get("CPU", 1) for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    return max(int(max(found, default=1)), 1)


def gpus_of_cluster() -> float:
    """Count the GPUs of the cluster."""
    import ray

    return float(ray.cluster_resources().get("GPU", 0))  # type: ignore[no-untyped-call]


def _remote(function: Callable[..., Any]) -> Any:
    import ray

    # A task has one core: the libraries must not start a thread for each core of the machine.
    environment = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", CPUS), "1")
    environment |= _ALLOCATION
    return ray.remote(
        max_retries=RETRIES, retry_exceptions=False, runtime_env={"env_vars": environment}
    )(function)


def _results(stage: str, start: Callable[[], list[Any]], report: Report) -> list[Facts]:
    import ray
    from ray.exceptions import RayError, RayTaskError

    try:
        _check_still_there()
        tasks = start()
        waiting = list(tasks)
        while waiting:
            ready, waiting = ray.wait(waiting, num_returns=1, timeout=1, fetch_local=False)
            report(stage, len(tasks) - len(waiting), len(tasks))
            for task in ready:  # a failed one ends the stage at once
                ray.get(task)
            if not ready:
                _check_still_there()
        found: list[Facts] = ray.get(tasks)
    except RayTaskError as error:
        cause = error.cause
        if isinstance(cause, DedupeError):
            raise cause from None
        if isinstance(cause, RayError):
            raise _gone(stage, cause) from None
        raise
    except (RayError, ConnectionError, TimeoutError) as error:
        raise _gone(stage, error) from None
    return found


def _check_still_there() -> None:
    """Find out whether the cluster has gone: Ray would wait a minute, and end the process.

    Raises
    ------
    ConnectionError, TimeoutError
        If it has. A Ray client finds out by itself.
    """
    import ray
    from ray.util.client import ray as client

    if not client.is_connected():  # type: ignore[no-untyped-call]
        host, _, port = ray.get_runtime_context().gcs_address.rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), SECONDS_TO_ANSWER).close()


def _gone(stage: str, error: Exception) -> EngineError:
    return EngineError(
        f"the Ray cluster went away, or lost workers again and again, in the stage {stage} "
        f"({type(error).__name__}): run the same command again, which goes on after the last "
        "finished stage"
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


# What runs in tasks ------------------------------------------------------------------------------


def _call(function: Callable[[Any], Facts], item: Any, threads: int) -> Facts:
    os.environ[CPUS] = str(threads)
    try:
        with _giving_back_memory():
            return function(item)
    finally:
        os.environ[CPUS] = "1"


def _split(
    split: Callable[[Any], Frames], item: Any, first: int, last: int
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of each cell, one Arrow table a frame: Ray takes them one by one."""
    with _giving_back_memory():
        yield from zip(*(_by_cell(frame, first, last) for frame in split(item)), strict=True)


def _split_for_one_cell(split: Callable[[Any], Frames], item: Any, cell: int) -> tuple[Any, ...]:
    return next(_split(split, item, cell, cell + 1))


@contextmanager
def _giving_back_memory() -> Iterator[None]:
    """Give memory back to the system after a task: the C library keeps what was freed."""
    try:
        yield
    finally:
        if sys.platform == "linux":
            trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl has not
            if trim is not None:
                trim(0)


def _by_cell(frame: Any, first: int, last: int) -> Iterator[Any]:
    if isinstance(frame, Routed):
        table, row, cell = frame.table, frame.row, frame.cell
    else:
        table = frame.drop("cell").to_arrow()
        cell = frame["cell"].to_numpy()
        row = np.arange(len(cell))
    order = np.argsort(cell, kind="stable")
    ends = np.searchsorted(cell[order], np.arange(first, last + 1))
    row = row[order]
    for at in range(last - first):
        yield table.take(row[ends[at] : ends[at + 1]])


def _join(
    join: Callable[[int, list[Any]], Facts], arrow: bool, cell: int, *pieces: tuple[Any, ...]
) -> Facts:
    with _giving_back_memory():
        return join(cell, _joined(arrow, pieces))


def _joined(arrow: bool, pieces: Sequence[tuple[Any, ...]]) -> list[Any]:
    import pyarrow as pa

    tables = [pa.concat_tables(parts) for parts in zip(*pieces, strict=True)]
    return tables if arrow else [pl.DataFrame(pl.from_arrow(table)) for table in tables]


def naming_record(stage: str, function: Callable[[pl.DataFrame], Any], frame: pl.DataFrame) -> Any:
    """Call a function of records, or of pairs; if one of them makes it fail, name that one.

    Parameters
    ----------
    stage
        Name of the stage, for the message.
    function
        Takes a frame with ``row`` or with ``left`` and ``right``, row numbers.
    frame
        The records or pairs.

    Raises
    ------
    EngineError
        If the function fails.
    """
    try:
        return function(frame)
    except DedupeError:
        raise
    except Exception as error:
        rows = _breaking(function, frame)
        names = [name for name in ("row", "left", "right") if name in frame.columns]
        what = "records" if rows.height > 1 else "record" if "row" in names else "pair"
        named = " and ".join(str(rows[name][0]) for name in names)
        raise EngineError(
            f"{what} {named}{' and others' if rows.height > 1 else ''} (rows from 0) break the "
            f"stage {stage}: {type(error).__name__}: {_one_line(error)}; leave them out, and "
            "report this"
        ) from None


def _breaking(function: Callable[[pl.DataFrame], Any], frame: pl.DataFrame) -> pl.DataFrame:
    """Narrow down the rows that make a function fail, half by half."""
    while frame.height > 1:
        middle = frame.height // 2
        halves = frame[:middle], frame[middle:]
        broken = next((half for half in halves if _fails(function, half)), None)
        if broken is None:
            break
        frame = broken
    return frame


def _fails(function: Callable[[pl.DataFrame], Any], frame: pl.DataFrame) -> bool:
    try:
        function(frame)
    except Exception:
        return True
    return False


def merged_counts(facts: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, int]:
    """Add up counts of tasks."""
    return {name: sum(int(found[name]) for found in facts) for name in names}
