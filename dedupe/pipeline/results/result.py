"""The result of a run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from dedupe.config import FORMATS, TARGETS
from dedupe.errors import OptionError
from dedupe.io.config_file import write_config
from dedupe.io.tables import check_format, output_format, write_table
from dedupe.pipeline.results.explain import explain_rows, rows_of
from dedupe.pipeline.results.views import as_html, as_text, headline
from dedupe.records.records import field_labels
from dedupe.resolution.outputs import Outputs
from dedupe.scoring.comparison.values.roles import kind_of_role
from dedupe.scoring.explanation.pair import Explanation
from dedupe.workspace.folder import Workspace
from dedupe.workspace.state import Clustered

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
    open
        Returns the state and the clusters behind them.

    Examples
    --------
    >>> result = dedupe.run("contacts.csv", effort="fast")
    >>> result.clusters.columns[-4:]
    ['cluster_id', 'cluster_size', 'confidence', 'is_representative']
    >>> result.merged.write_parquet("contacts-merged.parquet")
    """

    summary: Mapping[str, Any]
    workspace: Path | None
    make: Callable[[], Outputs]
    open: Callable[[], Clustered]

    def __repr__(self) -> str:
        """Say what was found, in one line."""
        place = None if self.workspace is None else str(self.workspace)
        return f"Result({headline(self.summary)!r}, workspace={place!r})"

    def _repr_html_(self) -> str:
        """Show the figures and a few clusters in a notebook."""
        return as_html(self.summary, self.clustered)

    def show(self) -> None:
        """Print the figures and a few clusters.

        Examples
        --------
        >>> dedupe.run("contacts.csv", effort="fast").show()
        33 of 80 rows are duplicates; 47 rows are left after merging. ...
        """
        sys.stdout.write(as_text(self.summary, self.clustered))

    def explain(self, left_id: str, right_id: str) -> Explanation:
        """Explain the probability of two records; see :func:`dedupe.explain`.

        Parameters
        ----------
        left_id, right_id
            Ids of the records, as in :attr:`pairs`.

        Raises
        ------
        OptionError
            If a record does not exist, or both are the same one.

        Examples
        --------
        >>> result = dedupe.export("contacts.dedupe")
        >>> {step.label: step.text for step in result.explain("9", "74").steps}["email"]
        'the same: samuel91@web.example.org, as in 2 other rows'
        """
        state = self.clustered.state
        rows = rows_of(state, left_id, right_id)
        workspace = None if self.workspace is None else Workspace(self.workspace)
        return explain_rows(state, self.clustered.pairs, *rows, workspace)

    def write_config(self, path: str | Path) -> None:
        """Write the configuration of the run as a TOML file, with what the run decided.

        These are the options that are not the defaults, the id column, the compared columns with
        the kind of each, and the threshold. ``dedupe run INPUT --config FILE`` does the same again.

        Parameters
        ----------
        path
            The file; it is replaced.

        Raises
        ------
        OutputError
            If the file cannot be written.

        Examples
        --------
        >>> dedupe.run("contacts.csv", effort="fast").write_config("contacts.toml")
        """
        clustered = self.clustered
        records, config = clustered.state.table.records, clustered.config
        compared = records.compared_columns
        roles = {
            field.label: field.role for field in clustered.state.comparison.file_statistics.roles
        }
        kinds = {
            column: kind_of_role(roles[label])
            for column, label in zip(compared, field_labels(compared), strict=True)
            if label in roles
        }
        always: dict[str, Any] = {
            "id": records.id_column,
            "fields": compared,
            "ignore": None,
            "kind": dict(sorted({**config.kind, **kinds}.items())),
            "threshold": config.threshold,
            "review_from": config.review_from,
            **dict.fromkeys(TARGETS),
        }
        write_config(Path(path), config, always)

    @cached_property
    def clustered(self) -> Clustered:
        """The state and the clusters behind the tables."""
        return self.open()

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

    def write(self, file: str | Path, table: str = "merged") -> None:
        """Write one output table to a file, in the format of its ending.

        Parameters
        ----------
        file
            A name that ends in ``.csv``, ``.tsv``, ``.parquet``, ``.jsonl``, ``.xlsx``, ``.ipc``,
            ``.sqlite`` or ``.duckdb``. A link is followed.
        table
            Name of the table: ``merged``, ``clusters``, ``removed`` or ``pairs``; when tables are
            linked, also ``matches`` and ``unmatched-NAME``.

        Raises
        ------
        OptionError
            If the ending is none of these, or there is no such table.
        OutputError
            If the file cannot be written, or the format cannot hold the values.

        Examples
        --------
        >>> dedupe.export("contacts.dedupe").write("clusters.xlsx", table="clusters")
        """
        path = Path(file)
        format = output_format(path)
        if format is None:
            endings = ", ".join(f".{name}" for name in FORMATS)
            raise OptionError(f"cannot tell the format of {file}: end its name in one of {endings}")
        check_format(format)
        tables = self.outputs.tables()
        if table not in tables:
            raise OptionError(f"there is no table {table!r}: the tables are {', '.join(tables)}")
        dialect = self.outputs.dialect
        if path.suffix.lower() == ".tsv":
            dialect = replace(dialect, delimiter="\t")
        safe = bool(self.summary["config"]["safe_csv"])
        target = path.resolve() if path.is_symlink() else path
        write_table(tables[table], target, format=format, dialect=dialect, safe_csv=safe)

    def _of_link(self, name: str) -> pl.DataFrame:
        if name not in self.outputs.more:
            raise AttributeError(f"only linked tables have {name}: use dedupe.link")
        return self.outputs.more[name]
