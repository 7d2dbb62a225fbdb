"""The records of two runs, matched by their keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import polars as pl

from dedupe.errors import WorkspaceError
from dedupe.records.records import Records, content_keys
from dedupe.records.value_text import as_texts
from dedupe.scoring.pairs import components
from dedupe.workspace.folder import Workspace
from dedupe.workspace.state import Clustered


@dataclass(frozen=True, eq=False)
class Run:
    """One of the two runs that are compared.

    Parameters
    ----------
    name
        ``"before"`` or ``"after"``.
    workspace
        Its workspace.
    clustered
        Its records, pairs and clusters.
    keys
        (n,) text: key of each record, by which the records of both runs are matched.
    """

    name: str
    workspace: Workspace
    clustered: Clustered
    keys: pl.Series


Runs: TypeAlias = tuple[Run, Run]


def matching_keys(before: Records, after: Records) -> tuple[tuple[pl.Series, pl.Series], str]:
    """Find keys by which the records of two runs can be matched.

    These are the ids, or else the contents of the columns in common.

    Returns
    -------
    keys
        Key of each record, of both runs.
    description
        What the keys are made of.

    Raises
    ------
    WorkspaceError
        If the runs have no column in common.
    """
    if before.id_column == after.id_column and before.id_column is not None:
        return (before.keys, after.keys), f"the id column {before.id_column!r}"
    for column in (before.id_column, after.id_column):
        if column is None:
            continue
        if column in before.frame.columns and column in after.frame.columns:
            ids = [as_texts(side.frame.select(column))[column] for side in (before, after)]
            if all((texts != "").all() and texts.n_unique() == len(texts) for texts in ids):
                return (ids[0], ids[1]), f"the column {column!r}"
    if before.id_column == after.id_column and before.frame.columns == after.frame.columns:
        return (before.keys, after.keys), "the content of the rows"
    common = _common_columns(before, after)
    if not common:
        raise WorkspaceError("the two workspaces have no column in common: nothing to compare")
    contents = [content_keys(as_texts(side.frame.select(common))) for side in (before, after)]
    return (contents[0], contents[1]), "the content of the columns that both have"


def match_records(runs: Runs) -> pl.DataFrame:
    """Match the records of two runs by their keys.

    Returns
    -------
    DataFrame
        One row per key, in the order of the second run, then the records that only the first has:

        - ``key``;
        - ``row``, ``id``, ``label`` and ``cluster``, each with ``_before`` and ``_after``; null in
          the run that has no such record;
        - ``both``: whether both runs have it;
        - ``record``: same, changed, added or removed;
        - ``part``: number of the set of clusters that share records, directly or through others.
    """
    common = _common_columns(runs[0].clustered.records, runs[1].clustered.records)
    frames = [_placed(run, common) for run in runs]
    joined = frames[1].join(
        frames[0], on="key", how="full", coalesce=True, maintain_order="left_right"
    )
    both = joined["row_before"].is_not_null() & joined["row_after"].is_not_null()
    joined = joined.with_columns(
        both.alias("both"),
        pl.when(pl.col("row_before").is_null())
        .then(pl.lit("added"))
        .when(pl.col("row_after").is_null())
        .then(pl.lit("removed"))
        .when(pl.col("content_before") == pl.col("content_after"))
        .then(pl.lit("same"))
        .otherwise(pl.lit("changed"))
        .alias("record"),
    ).drop("content_before", "content_after")
    # Nodes are the clusters of both runs, edges the records that are in both.
    offset = len(runs[0].keys)
    shared = joined.filter(both)
    node = components(
        offset + len(runs[1].keys),
        shared["label_before"].to_numpy(),
        shared["label_after"].to_numpy().astype(np.int64) + offset,
    )
    at = joined.select(
        pl.coalesce("label_before", pl.col("label_after").cast(pl.Int64) + offset).alias("node")
    )["node"]
    return joined.with_columns(pl.Series("part", node[at.to_numpy()]))


def _placed(run: Run, columns: list[str]) -> pl.DataFrame:
    """List the records of a run with their clusters and the content of some columns."""
    records, resolved = run.clustered.records, run.clustered.resolved
    content = as_texts(records.frame.select(columns)).select(
        pl.concat_str(pl.all(), separator="\x1f").alias("content")
    )
    return pl.DataFrame(
        {
            "key": run.keys.rename("key"),
            f"row_{run.name}": np.arange(len(run.keys), dtype=np.uint32),
            f"id_{run.name}": records.ids,
            f"label_{run.name}": resolved.labels,
            f"cluster_{run.name}": resolved.rows["cluster_id"],
            f"content_{run.name}": content["content"],
        }
    )


def _common_columns(before: Records, after: Records) -> list[str]:
    return [name for name in before.frame.columns if name in after.frame.columns]
