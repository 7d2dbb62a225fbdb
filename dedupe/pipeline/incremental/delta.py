"""The delta between the records of a workspace and the rows that are added to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.config import Config
from dedupe.errors import InputError, OptionError
from dedupe.io.schema_matching import Linked
from dedupe.io.sources import SOURCE_COLUMN, Input
from dedupe.records.records import Records, content_keys, frame_texts, without_ignored_values
from dedupe.records.value_text import as_texts
from dedupe.workspace.stored import RecordTable


@dataclass(frozen=True, eq=False)
class Delta:
    """How the records of a workspace change.

    Parameters
    ----------
    records
        All n records after the change: those that stay in their order, then the new ones.
    previous
        (n,) int64: row number that each record had before; -1 for a new one.
    changed
        (n,) bool: records that are new, or whose content changed.
    counts
        Number of rows ``given``, ``added``, ``updated``, ``unchanged`` and ``removed``.
    notes
        Lines that the user should read.
    """

    records: Records
    previous: NDArray[np.int64]
    changed: NDArray[np.bool_]
    counts: Mapping[str, int]
    notes: tuple[str, ...]

    @property
    def changes_anything(self) -> bool:
        """Whether any record is added, updated or removed."""
        return any(self.counts[name] for name in ("added", "updated", "removed"))

    @property
    def only_appends(self) -> bool:
        """Whether the earlier records stay as they are."""
        return not (self.counts["updated"] or self.counts["removed"])


@dataclass(frozen=True)
class AddOptions:
    """Options of :func:`~dedupe.pipeline.incremental.add.add`.

    Parameters
    ----------
    reading
        The configuration that the new rows are read with.
    id, replace_all, to
        As for :func:`~dedupe.pipeline.incremental.add.add`.
    """

    reading: Config
    id: str | None
    replace_all: bool
    to: str | None

    def identity(self, source: Input) -> tuple[str, bool, str | None]:
        """Return what distinguishes an addition from others."""
        return source.fingerprint, self.replace_all, self.to


def delta_of(
    source: Input, table: RecordTable, facts: Mapping[str, Any], options: AddOptions
) -> Delta:
    """Compare the rows of `source` with the records of a workspace.

    Parameters
    ----------
    source
        The new rows.
    table
        The records of the workspace.
    facts
        Content of the workspace's facts file.
    options
        How to read the rows, and what they replace.

    Raises
    ------
    InputError
        If the rows cannot be read, or do not have the columns of the workspace.
    OptionError
        If an option does not fit the workspace.
    """
    number = _table_number(table.linked, options.to)
    by_content = table.records.id_column is None
    if _added_before(facts, source, options, by_content=by_content):
        name = " + ".join(source.names)
        nothing = table.records.frame.clear(), [f"{name} was added before: it is not added twice"]
        return _plan(table.records, nothing, number, options, replace_all=False)
    rows = _rows(source, table, facts, options, number)
    return _plan(table.records, rows, number, options, replace_all=options.replace_all)


def _added_before(
    facts: Mapping[str, Any], source: Input, options: AddOptions, *, by_content: bool
) -> bool:
    """Check whether these rows were the last that were added.

    If the workspace identifies records by their content, earlier additions of the file count too.
    """
    added = [(one["fingerprint"], one["replace_all"], one["to"]) for one in facts.get("added", ())]
    if not by_content or not source.paths:
        added = added[-1:]
    elif source.fingerprint == facts.get("original", facts["input"]["fingerprint"]):
        return True
    return options.identity(source) in added


def _table_number(linked: Linked | None, to: str | None) -> int:
    """Return the number of the linked table that the new records belong to; 0 for one table."""
    if linked is None:
        if to is not None:
            raise OptionError("to: the workspace has one table; --to is for linked tables")
        return 0
    names = ", ".join(linked.names)
    if to is None:
        raise OptionError(f"the workspace links tables: choose one with --to: {names}")
    if to not in linked.names:
        raise OptionError(f"to: there is no table {to!r}: {names}")
    return linked.names.index(to)


def _rows(
    source: Input, table: RecordTable, facts: Mapping[str, Any], options: AddOptions, number: int
) -> tuple[pl.DataFrame, list[str]]:
    """Return the new rows under the columns of the workspace, and notes on them."""
    records, read = table.records, source.table(options.reading)
    frame = read.frame
    columns, id = records.frame.columns, options.id
    if table.linked is not None:
        own = table.linked.columns[number]
        if SOURCE_COLUMN not in own:
            frame = frame.drop(SOURCE_COLUMN, strict=False)
        frame = _with_stacked_names(frame, own)
        columns = list(own.values())
    if id is not None and table.linked is not None:
        id = table.linked.columns[number].get(id, id)
    if id is not None:
        frame = _with_id_column(frame, id, records.id_column)
    if SOURCE_COLUMN in frame.columns and SOURCE_COLUMN not in columns:
        frame = frame.drop(SOURCE_COLUMN)
    if (
        SOURCE_COLUMN in columns
        and SOURCE_COLUMN not in frame.columns
        and len(facts["input"]["names"]) > 1
    ):
        frame = frame.with_columns(pl.lit(source.names[0]).alias(SOURCE_COLUMN))
    if unknown := [name for name in frame.columns if name not in columns]:
        raise InputError(
            f"the new records have a column {unknown[0]!r} that the workspace lacks; its "
            f"columns are {', '.join(columns)}"
        )
    if records.id_column is not None and records.id_column not in frame.columns:
        raise InputError(
            f"the new records have no id column {records.id_column!r}: name theirs with --id"
        )
    compared = [role.name for role in records.fields if role.used]
    if not set(compared) & set(frame.columns):
        raise InputError(
            f"the new records have none of the compared columns: {', '.join(compared)}"
        )
    missing = [name for name in columns if name not in frame.columns]
    if table.linked is not None:
        frame = frame.with_columns(pl.lit(table.linked.names[number]).alias(SOURCE_COLUMN))
    columns = records.frame.columns
    notes = list(read.notes)
    notes += [f"the new records have no column {name!r}: it is empty in them" for name in missing]
    return pl.DataFrame([_as_column(name, frame, records.frame[name]) for name in columns]), notes


def _with_id_column(frame: pl.DataFrame, id: str, id_column: str | None) -> pl.DataFrame:
    """Rename the id column of the new rows to that of the workspace."""
    if id_column is None:
        raise OptionError(
            "id: the workspace identifies records by their content, not by an id column: "
            "run dedupe run --id on its input again"
        )
    if id not in frame.columns:
        raise OptionError(f"id: the new records have no column {id!r}")
    if id == id_column:
        return frame
    return frame.drop(id_column, strict=False).rename({id: id_column})


def _with_stacked_names(frame: pl.DataFrame, own: Mapping[str, str]) -> pl.DataFrame:
    """Rename the columns of a linked table to their names in the stacked tables."""
    names = {column: own.get(column, column) for column in frame.columns}
    for column, name in names.items():
        if list(names.values()).count(name) > 1:
            raise InputError(
                f"the new records have a column {column!r} and another that both map to "
                f"{name!r} of the workspace: leave one out"
            )
    return frame.rename(names)


def _as_column(name: str, frame: pl.DataFrame, like: pl.Series) -> pl.Series:
    """Cast a column of the new rows to its type in the workspace."""
    if name not in frame.columns:
        values = pl.Series(name, [None], dtype=like.dtype).new_from_index(0, frame.height)
    else:
        try:
            values = frame[name].cast(like.dtype)
        except pl.exceptions.PolarsError:
            raise InputError(
                f"column {name!r} of the new records is {frame[name].dtype}, and some values "
                f"cannot be read as {like.dtype}, its type in the workspace"
            ) from None
    text = like.dtype == pl.String and like.null_count() == 0
    return values.fill_null("") if text else values


def _plan(
    old: Records,
    rows: tuple[pl.DataFrame, Sequence[str]],
    number: int,
    options: AddOptions,
    *,
    replace_all: bool,
) -> Delta:
    """Find which rows are new, changed, unchanged or removed.

    `number` is that of the linked table that the rows belong to.
    """
    frame, notes = rows
    n, m = len(old), frame.height
    text = as_texts(frame)
    ids, row, same = _matched_by_id(old, text, number, replace_all)
    stays = np.ones(n, dtype=bool)
    if replace_all:
        stays[old.source == number] = False
        stays[row[row >= 0]] = True
    updated, new = np.flatnonzero((row >= 0) & ~same), np.flatnonzero(row < 0)
    taken = np.arange(n)
    taken[row[updated]] = n + updated
    taken = np.concatenate([taken[stays], n + new])
    if len(taken) < 2:
        raise InputError(f"{len(taken)} records would remain: there is nothing to compare")
    counts = {
        "given": m,
        "added": len(new),
        "updated": len(updated),
        "unchanged": int(same.sum()),
        "removed": int((~stays).sum()),
    }
    previous = np.concatenate([np.flatnonzero(stays), np.full(len(new), -1)])
    informative = without_ignored_values(text, options.reading)
    records = _combined(old, frame, text, informative, ids, number, taken)
    return Delta(records, previous, taken >= n, counts, tuple(notes))


def _matched_by_id(
    old: Records, text: pl.DataFrame, number: int, replace_all: bool
) -> tuple[pl.Series | None, NDArray[np.int64], NDArray[np.bool_]]:
    """Find the earlier record of each new row by its id.

    Returns
    -------
    ids
        (m,) ids of the new rows; ``None`` if the workspace has no id column.
    row
        (m,) int64: row number of the earlier record; -1 for a new one.
    same
        (m,) bool: whether its content is unchanged.
    """
    row = np.full(text.height, -1, dtype=np.int64)
    same = np.zeros(text.height, dtype=bool)
    if old.id_column is None:
        if replace_all:
            raise OptionError(
                "replace_all needs ids, and the workspace has no id column: run dedupe run --id "
                "on its input again"
            )
        return None, row, same
    ids = text[old.id_column].rename("id")
    _check_ids(ids)
    ids = _among_tables(ids, old, number)
    known = old.ids.to_frame("id").with_row_index("row").join(ids.to_frame(), on="id", how="semi")
    found = ids.to_frame().join(known, on="id", how="left", maintain_order="left")["row"]
    row = found.cast(pl.Int64).fill_null(-1).to_numpy().copy()
    there = np.flatnonzero(row >= 0)
    earlier, now = as_texts(old.frame[row[there]]), text[there]
    equal = np.ones(len(there), dtype=bool)
    for name in text.columns:
        equal &= (earlier[name] == now[name]).to_numpy()
    same[there] = equal
    return ids, row, same


def _combined(
    old: Records,
    frame: pl.DataFrame,
    text: pl.DataFrame,
    informative: pl.DataFrame,
    ids: pl.Series | None,
    number: int,
    taken: NDArray[np.int64],
) -> Records:
    """Return the records after the change: rows `taken` of the old ones followed by the new.

    `informative` is `text` without the values that mean nothing.
    """
    n, m = len(old), frame.height
    if ids is None:
        first = int((old.source == number).sum())
        numbers = pl.Series("id", np.arange(first, first + m)).cast(pl.String)
        new_ids, new_keys = _among_tables(numbers, old, number), _further_keys(old.keys, text)
    else:
        new_ids, new_keys = ids, ids.rename("key")
    used = [role.name for role in old.fields if role.used]
    texts = frame_texts(informative.select(used)).rename("text")
    unchanged_order = np.array_equal(taken, np.arange(n + m))

    def combined(before: pl.Series, now: pl.Series) -> pl.Series:
        both = pl.concat([before, now])
        return both if unchanged_order else both.gather(taken)

    rows = pl.concat([old.frame, frame])
    return Records(
        frame=rows if unchanged_order else rows[taken],
        ids=combined(old.ids, new_ids),
        keys=combined(old.keys, new_keys),
        texts=combined(old.texts, texts),
        source=np.concatenate([old.source, np.full(m, number, dtype=np.uint8)])[taken],
        fields=old.fields,
        id_column=old.id_column,
    )


def _among_tables(ids: pl.Series, old: Records, number: int) -> pl.Series:
    """Prefix ids with the number of their table, if the ids of the workspace are."""
    if not old.source.any():
        return ids
    tables = pl.DataFrame({"id": old.ids, "table": old.source + 1})
    prefix = pl.concat_str("table", pl.lit(":"))
    if tables.select(pl.col("id").str.starts_with(prefix).all()).item():
        return (f"{number + 1}:" + ids).rename("id")
    others = old.ids.filter(pl.Series(old.source != number))
    if (shared := ids.filter(ids.is_in(others.implode()))).len():
        raise InputError(
            f"id {shared[0]!r} of the new records belongs to a record of another table: "
            "link the tables again"
        )
    return ids


def _check_ids(ids: pl.Series) -> None:
    if (ids == "").any():
        row = int((ids == "").arg_true()[0])
        raise InputError(f"the id is empty in row {row} of the new records: ids must be complete")
    if ids.n_unique() < len(ids):
        twice = ids.filter(ids.is_duplicated())[0]
        raise InputError(f"the new records hold id {twice!r} twice: ids must be unique")


def _further_keys(keys: pl.Series, text: pl.DataFrame) -> pl.Series:
    """Return keys by content, numbered after the earlier rows of the same content."""
    parts = (pl.col("key").str.head(20).alias("digest"), pl.col("key").str.slice(21))
    there = keys.to_frame("key").select(parts[0]).group_by("digest").len("there")
    new = content_keys(text).to_frame("key").select(parts[0], parts[1].cast(pl.Int64).alias("at"))
    return (
        new.join(there, on="digest", how="left", maintain_order="left")
        .select(
            pl.concat_str(
                "digest",
                pl.lit("-"),
                (pl.col("at") + pl.col("there").fill_null(0)).cast(pl.String),
            ).alias("key")
        )
        .to_series()
    )
