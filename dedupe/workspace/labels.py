"""Labels from elsewhere, recorded as decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import polars as pl

from dedupe.errors import InputError
from dedupe.io.dialect import Table
from dedupe.io.formats.excel import cell_address
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

_FORMS = (
    ("id_a", "id_b", "label"),
    ("left_id", "right_id", "decision"),
    ("pair", "id", "decision"),
)
"""Columns of a table of labels. In the last form, a pair is two rows with the same number."""

MOST_LISTED = 5
"""Unknown ids that an error names."""

Place = Callable[[int, str], str]
"""Names the place of a value by its row, from 0, and the name of its column."""


def decision_log(workspace: str | Path) -> pl.DataFrame:
    """Return the log of decisions of a workspace, also of one that lost everything else.

    Returns
    -------
    DataFrame
        Schema :data:`~dedupe.workspace.log.decision_log.LOG`.

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
        Table of ``id_a``, ``id_b`` and ``label``, or of ``left_id``, ``right_id`` and ``decision``,
        or a workbook of :func:`~dedupe.review.offline.sheet.write_review_sheet`. A label is match,
        different or unsure, or 1 or 0; an empty one is no decision. For two linked tables the first
        id may be that of the first table and the second that of the other.
    reviewer
        Who labelled the pairs.

    Returns
    -------
    int
        Number of decisions.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    InputError
        If a column is missing, an id is unknown, or a label is none of these. Nothing is recorded.

    Examples
    --------
    >>> labels = pl.DataFrame({"id_a": ["43"], "id_b": ["69"], "label": ["different"]})
    >>> dedupe.import_decisions("contacts.dedupe", labels, reviewer="ann")
    1
    """
    opened = open_workspace(workspace)
    table = open_state(opened).table
    if isinstance(labels, pl.DataFrame):
        frame = labelled_pairs(labels, lambda row, column: f"row {row + 1:,}")
    else:
        read = read_table(labels)
        frame = labelled_pairs(read.frame, _places(read))
    keys = dict(zip(table.records.ids, table.records.keys, strict=True))
    if not all(frame[side].is_in(list(keys)).all() for side in ("id_a", "id_b")):
        frame = with_table_numbers(frame, table)
    named = dict.fromkeys(frame.select("id_a", "id_b").rows(), None)
    unknown = list(dict.fromkeys(one for pair in named for one in pair if one not in keys))
    if unknown:
        listed = ", ".join(map(repr, unknown[:MOST_LISTED]))
        more = f" and {len(unknown) - MOST_LISTED:,} more" if len(unknown) > MOST_LISTED else ""
        ids = "an id" if len(unknown) == 1 else f"{len(unknown):,} ids"
        raise InputError(f"the labels name {ids} that the data does not have: {listed}{more}")
    decisions = [
        (keys[left], keys[right], Decision(decision)) for left, right, decision in frame.iter_rows()
    ]
    if not decisions:
        return 0
    with opened.decisions() as log:
        return len(log.record_all(decisions, reviewer))


def labelled_pairs(frame: pl.DataFrame, place: Place) -> pl.DataFrame:
    """Find the labelled pairs in a table of any form.

    Parameters
    ----------
    frame
        The table; a row without a label says nothing.
    place
        Names a label in messages.

    Returns
    -------
    DataFrame
        ``id_a``, ``id_b``, and ``label`` as the text of a :class:`Decision`.

    Raises
    ------
    InputError
        If a column is missing, a label is unknown, or a pair has one row, three or two labels.
    """
    form = max(_FORMS, key=lambda names: sum(name in frame.columns for name in names))
    missing = [name for name in form if name not in frame.columns]
    if missing:
        raise InputError(
            f"the labels have no column {missing[0]!r}: they need {form[0]}, {form[1]} and "
            f"{form[2]}"
        )
    rows = frame.select(pl.col(name).cast(pl.String).fill_null("") for name in form).rows()
    labels: dict[int, Decision] = {}
    for row, (_, _, text) in enumerate(rows):
        if label := text.strip().lower():
            if label not in _LABELS:
                raise InputError(
                    f"unknown {form[2]} {text!r} in {place(row, form[2])}: use match, different, "
                    "unsure, 1 or 0"
                )
            labels[row] = _LABELS[label]
    if form[0] == "pair":
        found = _pairs_of_rows(rows, labels, lambda row: place(row, form[2]))
    else:
        found = [(rows[row][0], rows[row][1], label.value) for row, label in labels.items()]
    names = ("id_a", "id_b", "label")
    return pl.DataFrame(found, schema=dict.fromkeys(names, pl.String), orient="row")


def _pairs_of_rows(
    rows: Sequence[tuple[str, ...]], labels: Mapping[int, Decision], place: Callable[[int], str]
) -> list[tuple[str, str, str]]:
    """Find the labelled pairs whose two records are in two rows, wherever these are."""
    rows_of: dict[str, list[int]] = {}
    for row, (pair, _, _) in enumerate(rows):
        rows_of.setdefault(pair.strip(), []).append(row)
    found = []
    for pair, both in rows_of.items():
        labelled = [row for row in both if row in labels]
        if not labelled:
            continue
        if not pair:
            raise InputError(f"{place(labelled[0])} decides a row that has no number of a pair")
        if len(both) != 2:
            raise InputError(
                f"{place(labelled[0])} decides pair {pair}, which has two rows, not {len(both)}: "
                "give both rows the same number in the column pair"
            )
        if len({labels[row] for row in labelled}) > 1:
            raise InputError(f"{place(labelled[0])} and {place(labelled[1])} differ on pair {pair}")
        found.append((rows[both[0]][1], rows[both[1]][1], labels[labelled[0]].value))
    return found


def _places(table: Table) -> Place:
    """Name a value by its cell in a workbook, and by its row in other tables."""
    if table.dialect.format != "xlsx":
        return lambda row, column: f"row {row + 1:,} of {table.name}"
    number = {name: at for at, name in enumerate(table.frame.columns, start=table.first_column)}
    return lambda row, column: (
        f"cell {cell_address(table.first_row + row, number[column])} of {table.name}"
    )


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
