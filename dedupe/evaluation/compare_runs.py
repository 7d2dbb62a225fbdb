"""Comparison of two runs: which clusters differ, and why.

Records are matched by their keys, clusters by the records that they share. Clusters that share
records, directly or through others, make up one change: a cluster that fell apart is *split*,
several that became one are *joined*, one that gained or lost records, or several that exchanged
records, are *changed*; clusters of records that only one run has *appeared* or *vanished*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from dedupe.errors import WorkspaceError
from dedupe.evaluation.change_causes import causes_of_changes, changed_decisions, differences
from dedupe.evaluation.matched_runs import Run, match_records, matching_keys
from dedupe.workspace.folder import open_workspace
from dedupe.workspace.state import open_state

RUN_CHANGES = ("split", "joined", "changed", "appeared", "vanished")
"""Kinds of changes, in the order in which they are listed."""


@dataclass(frozen=True, eq=False)
class Diff:
    """The differences between the clusters of two runs.

    Parameters
    ----------
    summary
        ``before`` and ``after`` (workspace, input, records, clusters), ``matched_by``, counts of
        ``records``, ``clusters`` and ``decisions``, and ``differences`` of configuration, models,
        fields and version, each as [before, after]: plain JSON types.
    changes
        One row per change: ``change`` (one of :data:`RUN_CHANGES`), ``clusters_before``,
        ``clusters_after`` and ``records`` (lists of ids), ``causes`` (of
        :data:`~dedupe.evaluation.change_causes.CAUSES`), ``why`` in words, and the link that
        changed: ``left_id``, ``right_id``, ``probability_before``, ``probability_after`` (missing
        where the run did not compare the two).
    records
        One row per record of these clusters: ``number`` of the change from 1, ``change``,
        ``id_before``, ``id_after``, ``cluster_before``, ``cluster_after`` (missing in the run that
        has no such record), ``record`` (same, changed, added, removed) and ``why``.
    """

    summary: Mapping[str, Any]
    changes: pl.DataFrame
    records: pl.DataFrame


def diff(before: str | Path, after: str | Path) -> Diff:
    """Find the clusters that differ between two workspaces, and the causes.

    Both are clustered again with the configuration of their last run and their decisions; nothing
    is written and no model is needed.

    Parameters
    ----------
    before, after
        Folders of the workspaces.

    Raises
    ------
    WorkspaceError
        If a workspace is missing, incomplete or damaged, or they have no record in common.

    Examples
    --------
    >>> result = dedupe.run("contacts.csv", output="strict.dedupe", effort="fast", threshold=0.9)
    >>> found = dedupe.diff("contacts.dedupe", "strict.dedupe")
    >>> found.summary["records"]["same"], found.summary["clusters"]["split"] > 0
    (80, True)
    """
    workspaces = (open_workspace(before), open_workspace(after))
    clustered = [open_state(workspace).cluster() for workspace in workspaces]
    keys, matched_by = matching_keys(clustered[0].records, clustered[1].records)
    runs = (
        Run("before", workspaces[0], clustered[0], keys[0]),
        Run("after", workspaces[1], clustered[1], keys[1]),
    )
    records = match_records(runs)
    if not records["both"].any():
        raise WorkspaceError(
            f"{before} and {after} have no record in common (matched by {matched_by}): "
            "there is nothing to compare"
        )
    changes = _changes(records)
    affected = records.join(changes.select("part", "number", "change"), on="part", how="inner")
    decisions = changed_decisions(runs)
    different = differences(runs)
    causes = causes_of_changes(runs, affected, decisions, different)
    summary = {
        **{run.name: _facts(run) for run in runs},
        "matched_by": matched_by,
        "records": _counts(records["record"], ("same", "changed", "added", "removed")),
        "clusters": {
            "same": records["part"].n_unique() - changes.height,
            **_counts(changes["change"], RUN_CHANGES),
        },
        "decisions": _counts(decisions["what"], ("added", "removed", "changed")),
        "differences": different,
    }
    return Diff(summary, _change_table(changes, affected, causes), _record_table(affected, causes))


def _facts(run: Run) -> dict[str, Any]:
    return {
        "workspace": str(run.workspace.path),
        "input": run.workspace.facts()["input"]["names"],
        "records": len(run.clustered.records),
        "clusters": len(np.unique(run.clustered.resolved.labels)),
    }


def _changes(records: pl.DataFrame) -> pl.DataFrame:
    """List the parts in which something changed, numbered in the order of the listing."""
    parts = records.group_by("part", maintain_order=True).agg(
        pl.col("label_before").drop_nulls().n_unique().alias("n_before"),
        pl.col("label_after").drop_nulls().n_unique().alias("n_after"),
        pl.col("both").all().alias("whole"),
        pl.len().alias("size"),
    )
    change = (
        pl.when(pl.col("n_before") == 0)
        .then(pl.lit("appeared"))
        .when(pl.col("n_after") == 0)
        .then(pl.lit("vanished"))
        .when((pl.col("n_before") == 1) & (pl.col("n_after") > 1))
        .then(pl.lit("split"))
        .when((pl.col("n_before") > 1) & (pl.col("n_after") == 1))
        .then(pl.lit("joined"))
        .when((pl.col("n_before") == 1) & (pl.col("n_after") == 1) & pl.col("whole"))
        .then(None)
        .otherwise(pl.lit("changed"))
    )
    return (
        parts.with_columns(change.cast(pl.Enum(RUN_CHANGES)).alias("change"))
        .drop_nulls("change")
        .sort("change", "size", descending=[False, True], maintain_order=True)
        .with_row_index("number", offset=1)
    )


def _change_table(
    changes: pl.DataFrame, affected: pl.DataFrame, causes: pl.DataFrame
) -> pl.DataFrame:
    """Make :attr:`Diff.changes`."""
    shown = pl.coalesce("id_after", "id_before")
    lists = affected.group_by("part", maintain_order=True).agg(
        pl.col("cluster_before").drop_nulls().unique(maintain_order=True).alias("clusters_before"),
        pl.col("cluster_after").drop_nulls().unique(maintain_order=True).alias("clusters_after"),
        shown.alias("records"),
    )
    return (
        changes.select("number", "part", pl.col("change").cast(pl.String))
        .join(lists, on="part", how="left", maintain_order="left")
        .join(causes, on="part", how="left", maintain_order="left")
        .drop("part", "number")
    )


def _record_table(affected: pl.DataFrame, causes: pl.DataFrame) -> pl.DataFrame:
    """Make :attr:`Diff.records`."""
    return (
        affected.sort("number", maintain_order=True)
        .join(causes.select("part", "why"), on="part", how="left", maintain_order="left")
        .select(
            "number",
            pl.col("change").cast(pl.String),
            "id_before",
            "id_after",
            "cluster_before",
            "cluster_after",
            "record",
            "why",
        )
    )


def _counts(values: pl.Series, names: Sequence[str]) -> dict[str, int]:
    """Count each of `names` among the values."""
    counted = dict(values.cast(pl.String).alias("value").value_counts().iter_rows())
    return {name: counted.get(name, 0) for name in names}
