"""What every task of a distributed run knows: options, partitions, and columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedupe.column_roles import ColumnRole
from dedupe.config import Config
from dedupe.engine.store import Store


@dataclass(frozen=True)
class Sizes:
    """How much a task holds; the memory of a worker depends on these alone.

    Parameters
    ----------
    rows
        Rows of a partition.
    one_search
        Distinct texts up to which one task searches the candidates, as a local run does.
    key_cell
        Records that meet in one task of the search by keys, on average.
    keys
        Rarest features of a record that are its keys.
    edges
        Edges up to which one task finds the connected components.
    judged
        Pairs that the cross-encoder judges in one task.
    objects
        Objects that an exchange between tasks holds at once, one for each item and cell.
    """

    rows: int = 65_536
    one_search: int = 150_000
    key_cell: int = 50_000
    keys: int = 10
    edges: int = 8_000_000
    judged: int = 256
    objects: int = 1_000_000


@dataclass(frozen=True)
class Plan:
    """A distributed run, as far as it is known.

    Parameters
    ----------
    store
        The stages up to the scores.
    late
        The stages after them, which depend on the threshold and on what is written.
    config
        The configuration.
    sizes
        How much a task holds.
    starts
        First row of each partition, and the number of rows at the end. Row numbers count from the
        first row of the first file. The home of a row is its partition.
    fields
        One role per column.
    id_column
        Name of the id column; ``None`` if ids are row numbers.
    """

    store: Store
    late: Store
    config: Config
    sizes: Sizes = Sizes()
    starts: tuple[int, ...] = (0,)
    fields: tuple[ColumnRole, ...] = ()
    id_column: str | None = None

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.starts[-1]

    @property
    def homes(self) -> range:
        """Numbers of the partitions."""
        return range(len(self.starts) - 1)

    def home(self, rows: NDArray[Any]) -> NDArray[np.uint32]:
        """Find the partition of each row."""
        found: NDArray[np.uint32] = (np.searchsorted(self.starts, rows, side="right") - 1).astype(
            np.uint32
        )
        return found


def part(stage: str, number: int) -> str:
    """Name the file of one partition of a stage."""
    return f"{stage}/part-{number:05}"
