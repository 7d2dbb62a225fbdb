"""Labels from elsewhere, recorded as decisions."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from dedupe.errors import InputError
from dedupe.io.tables import read_table
from dedupe.resolution.decisions import Decision
from dedupe.resolution.outputs import own_ids
from dedupe.workspace.folder import Workspace, open_workspace
from dedupe.workspace.state import open_state
from dedupe.workspace.stored import RecordTable

_LABELS = {
    **{decision.value: decision for decision in Decision},
    **dict.fromkeys(("1", "true", "yes", "y"), Decision.MATCH),
    **dict.fromkeys(("0", "false", "no", "n"), Decision.DIFFERENT),
}


MOST_LISTED = 5
"""Unknown ids that an error names."""


def decision_log(workspace: str | Path) -> pl.DataFrame:
    """Return the log of decisions of a workspace, also of one that lost everything else.

    Returns
    -------
    DataFrame
        Schema :data:`~dedupe.workspace.decision_log.LOG`.

    Raises
    ------
    WorkspaceError
        If there is no workspace, or its log cannot be read.
    """
    opened = Workspace(Path(workspace))
    if not opened.decisions_file.exists():
        opened = open_workspace(workspace)
    with opened.decisions(readonly=True) as log:
        return log.log()


def import_decisions(
    workspace: str | Path, labels: str | Path | pl.DataFrame, *, reviewer: str = "import"
) -> int:
    """Record labels as decisions, all or none; return how many.

    Parameters
    ----------
    workspace
        Folder of the workspace.
    labels
        Table of ``id_a``, ``id_b`` and ``label``: match, different or unsure, or 1 or 0. For two
        linked tables the first id may be that of the first table and the second that of the other.
    reviewer
        Who labelled the pairs.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    InputError
        If a column is missing, an id is unknown, or a label is none of these. Nothing is recorded.
    """
    opened = open_workspace(workspace)
    table = open_state(opened).table
    frame = labels if isinstance(labels, pl.DataFrame) else read_table(labels).frame
    missing = [name for name in ("id_a", "id_b", "label") if name not in frame.columns]
    if missing:
        raise InputError(
            f"the labels have no column {missing[0]!r}: they need id_a, id_b and label"
        )
    keys = dict(zip(table.records.ids, table.records.keys, strict=True))
    frame = frame.select(pl.col("id_a", "id_b", "label").cast(pl.String))
    if not all(frame[side].is_in(list(keys)).all() for side in ("id_a", "id_b")):
        frame = with_table_numbers(frame, table)
    named = dict.fromkeys(frame.select("id_a", "id_b").rows(), None)
    unknown = list(dict.fromkeys(one for pair in named for one in pair if one not in keys))
    if unknown:
        listed = ", ".join(map(repr, unknown[:MOST_LISTED]))
        more = f" and {len(unknown) - MOST_LISTED:,} more" if len(unknown) > MOST_LISTED else ""
        ids = "an id" if len(unknown) == 1 else f"{len(unknown):,} ids"
        raise InputError(f"the labels name {ids} that the data does not have: {listed}{more}")
    decisions = []
    for left, right, label in frame.iter_rows():
        decision = _LABELS.get(str(label).strip().lower())
        if decision is None:
            raise InputError(f"unknown label {label!r}: use match, different, unsure, 1 or 0")
        decisions.append((keys[left], keys[right], decision))
    with opened.decisions() as log:
        return len(log.record_all(decisions, reviewer))


def with_table_numbers(pairs: pl.DataFrame, table: RecordTable) -> pl.DataFrame:
    """Prefix ids with the number of their table, where the ids of the records have it.

    Ids of two linked tables may be equal; the first id of a pair then belongs to the first table.
    """
    ids, own = table.records.ids, own_ids(table.records)
    two = table.linked is not None and len(table.linked.names) == 2
    if not two or (ids == own).all() or not {"id_a", "id_b"} <= set(pairs.columns):
        return pairs
    return pairs.with_columns(
        (pl.lit(f"{number}:") + pl.col(name).cast(pl.String)).alias(name)
        for number, name in ((1, "id_a"), (2, "id_b"))
    )
