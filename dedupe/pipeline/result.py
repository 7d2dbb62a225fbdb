"""The result of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from dedupe.resolution.outputs import Outputs

_UNMATCHED = "unmatched-"


@dataclass(frozen=True, eq=False)
class Result:
    """What a run found.

    Parameters
    ----------
    summary
        Counts, fields, figures of the search and the clusters, seconds and memory per stage: the
        content of ``manifest.json``.
    workspace
        Folder of the workspace; ``None`` for a run in memory.
    make
        Makes the output tables when they are first needed.

    Examples
    --------
    >>> result = dedupe.run("contacts.csv")                             # doctest: +SKIP
    >>> result.merged.write_parquet("contacts-merged.parquet")          # doctest: +SKIP
    """

    summary: Mapping[str, Any]
    workspace: Path | None
    make: Callable[[], Outputs]

    @cached_property
    def outputs(self) -> Outputs:
        """All output tables."""
        return self.make()

    @property
    def clusters(self) -> pl.DataFrame:
        """Every input row with its cluster; see :class:`~dedupe.resolution.outputs.Outputs`."""
        return self.outputs.clusters

    @property
    def merged(self) -> pl.DataFrame:
        """One row per cluster; see :class:`~dedupe.resolution.outputs.Outputs`."""
        return self.outputs.merged

    @property
    def removed(self) -> pl.DataFrame:
        """Rows merged into others; see :class:`~dedupe.resolution.outputs.Outputs`."""
        return self.outputs.removed

    @property
    def pairs(self) -> pl.DataFrame:
        """Every scored pair; see :class:`~dedupe.resolution.outputs.Outputs`."""
        return self.outputs.pairs

    @property
    def matches(self) -> pl.DataFrame:
        """The links between tables; see :class:`~dedupe.resolution.outputs.Outputs`."""
        return self._of_link("matches")

    @property
    def unmatched(self) -> dict[str, pl.DataFrame]:
        """The rows of each linked table that have no match, by the name of the table."""
        self._of_link("matches")
        more = self.outputs.more
        return {
            name.removeprefix(_UNMATCHED): table
            for name, table in more.items()
            if name.startswith(_UNMATCHED)
        }

    def _of_link(self, name: str) -> pl.DataFrame:
        if name not in self.outputs.more:
            raise AttributeError(f"only linked tables have {name}: use dedupe.link")
        return self.outputs.more[name]
