"""New, changed and vanished records, told from those that a workspace has."""

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
from dedupe.io.sources import STACKED, Input
from dedupe.records import Records, as_texts, content_keys, frame_texts
from dedupe.workspace.state import TableRead


@dataclass(frozen=True, eq=False)
class Arrivals:
    """What becomes of the records.

    Parameters
    ----------
    records
        All n records as they will be: those kept in their order, then the new ones.
    before
        (n,) int64: row number that each record had; -1 for a new one.
    given
        (n,) bool: records that are new or changed.
    counts
        Rows ``given``, ``added``, ``updated``, ``unchanged`` and ``removed``.
    notes
        What the user should know, a line each.
    """

    records: Records
    before: NDArray[np.int64]
    given: NDArray[np.bool_]
    counts: Mapping[str, int]
    notes: tuple[str, ...]

    @property
    def touches(self) -> bool:
        """Whether anything changes."""
        return any(self.counts[name] for name in ("added", "updated", "removed"))

    @property
    def appends(self) -> bool:
        """Whether the records that were there stay as they are."""
        return not (self.counts["updated"] or self.counts["removed"])


@dataclass(frozen=True)
class Asked:
    """How the new records are to be read, and what they are; see :func:`add`."""

    reading: Config
    id: str | None
    replace_all: bool
    to: str | None

    def of(self, source: Input) -> tuple[str, bool, str | None]:
        """Return what tells an addition from others."""
        return source.fingerprint, self.replace_all, self.to


def arrivals_of(
    source: Input, table: TableRead, facts: Mapping[str, Any], asked: Asked
) -> Arrivals:
    """Tell what becomes of the records of a workspace when those of `source` come.

    Parameters
    ----------
    source
        The rows that come.
    table
        The records that are there.
    facts
        What the facts file of the workspace says.
    asked
        How the rows are to be read, and what they are.

    Raises
    ------
    InputError
        If the rows cannot be read, or do not have the columns of the workspace.
    OptionError
        If what is asked does not go with the workspace.
    """
    number = _table_number(table.linked, asked.to)
    by_content = table.records.id_column is None
    if _in_it_already(facts, source, asked, by_content=by_content):
        name = " + ".join(source.names)
        nothing = table.records.frame.clear(), [f"{name} is in it already: it is not added twice"]
        return _planned(table.records, nothing, number, replace_all=False)
    rows = _rows(source, table, facts, asked, number)
    return _planned(table.records, rows, number, replace_all=asked.replace_all)


def _in_it_already(
    facts: Mapping[str, Any], source: Input, asked: Asked, *, by_content: bool
) -> bool:
    """Tell whether these rows were added last.

    Where nothing but their content tells records, a file counts as added whenever it was.
    """
    added = [(one["fingerprint"], one["replace_all"], one["to"]) for one in facts.get("added", ())]
    if not by_content or not source.paths:
        added = added[-1:]
    elif source.fingerprint == facts.get("original", facts["input"]["fingerprint"]):
        return True
    return asked.of(source) in added


def _table_number(linked: Linked | None, to: str | None) -> int:
    """Return which of the linked tables the new records belong to; 0 where none are linked."""
    if linked is None:
        if to is not None:
            raise OptionError("to: the workspace is of one table; only linked ones are told apart")
        return 0
    names = ", ".join(linked.names)
    if to is None:
        raise OptionError(f"the workspace links tables: say with --to which one grows: {names}")
    if to not in linked.names:
        raise OptionError(f"to: there is no table {to!r}: {names}")
    return linked.names.index(to)


def _rows(
    source: Input, table: TableRead, facts: Mapping[str, Any], asked: Asked, number: int
) -> tuple[pl.DataFrame, list[str]]:
    """Return the new rows under the columns of the workspace, and notes on them."""
    records, frame = table.records, source.table(asked.reading).frame
    columns, id = records.frame.columns, asked.id
    if table.linked is not None:
        own = table.linked.columns[number]
        if STACKED not in own:
            frame = frame.drop(STACKED, strict=False)
        frame = _under_the_stack(frame, own)
        columns = list(own.values())
    if id is not None and table.linked is not None:
        id = table.linked.columns[number].get(id, id)
    if id is not None:
        if records.id_column is None:
            raise OptionError(
                "id: the workspace knows its records by their content, not by an id column: "
                "run dedupe run --id on its input again"
            )
        if id not in frame.columns:
            raise OptionError(f"id: the new records have no column {id!r}")
        if id != records.id_column:
            frame = frame.drop(records.id_column, strict=False).rename({id: records.id_column})
    if STACKED in frame.columns and STACKED not in columns:
        frame = frame.drop(STACKED)
    if STACKED in columns and STACKED not in frame.columns and len(facts["input"]["names"]) > 1:
        frame = frame.with_columns(pl.lit(source.names[0]).alias(STACKED))
    if unknown := [name for name in frame.columns if name not in columns]:
        raise InputError(
            f"the new records have a column {unknown[0]!r}, which the workspace has not; its "
            f"columns are {', '.join(columns)}"
        )
    if records.id_column is not None and records.id_column not in frame.columns:
        raise InputError(
            f"the new records have no id column {records.id_column!r}: name theirs with --id"
        )
    compared = [use.name for use in records.fields if use.used]
    if not set(compared) & set(frame.columns):
        raise InputError(
            f"the new records have none of the columns compared: {', '.join(compared)}"
        )
    missing = [name for name in columns if name not in frame.columns]
    if table.linked is not None:
        frame = frame.with_columns(pl.lit(table.linked.names[number]).alias(STACKED))
    columns = records.frame.columns
    notes = [f"the new records have no column {name!r}: it is empty in them" for name in missing]
    return pl.DataFrame([_as_column(name, frame, records.frame[name]) for name in columns]), notes


def _under_the_stack(frame: pl.DataFrame, own: Mapping[str, str]) -> pl.DataFrame:
    """Give the columns of a linked table the names that they have among all tables."""
    names = {column: own.get(column, column) for column in frame.columns}
    for column, name in names.items():
        if list(names.values()).count(name) > 1:
            raise InputError(
                f"the new records have a column {column!r} beside another that is the field "
                f"{name!r} of the workspace: leave one out"
            )
    return frame.rename(names)


def _as_column(name: str, frame: pl.DataFrame, like: pl.Series) -> pl.Series:
    """Return a column of the new rows in the type that it has in the workspace."""
    if name not in frame.columns:
        values = pl.Series(name, [None], dtype=like.dtype).new_from_index(0, frame.height)
    else:
        try:
            values = frame[name].cast(like.dtype)
        except pl.exceptions.PolarsError:
            raise InputError(
                f"column {name!r} of the new records is {frame[name].dtype}, and some of it cannot "
                f"be read as {like.dtype}, which it is in the workspace"
            ) from None
    text = like.dtype == pl.String and like.null_count() == 0
    return values.fill_null("") if text else values


def _planned(
    old: Records, given_rows: tuple[pl.DataFrame, Sequence[str]], number: int, replace_all: bool
) -> Arrivals:
    """Tell which rows are new, changed, as they were, or gone.

    `number` is that of the table which the rows belong to.
    """
    frame, notes = given_rows
    n, m = len(old), frame.height
    text = as_texts(frame)
    row = np.full(m, -1, dtype=np.int64)
    same = np.zeros(m, dtype=bool)
    if old.id_column is not None:
        ids = text[old.id_column].rename("id")
        _check_ids(ids)
        ids = _among_tables(ids, old, number)
        known = (
            old.ids.to_frame("id").with_row_index("row").join(ids.to_frame(), on="id", how="semi")
        )
        found = ids.to_frame().join(known, on="id", how="left", maintain_order="left")["row"]
        row = found.cast(pl.Int64).fill_null(-1).to_numpy().copy()
        there = np.flatnonzero(row >= 0)
        was, now = as_texts(old.frame[row[there]]), text[there]
        equal = np.ones(len(there), dtype=bool)
        for name in text.columns:
            equal &= (was[name] == now[name]).to_numpy()
        same[there] = equal
    elif replace_all:
        raise OptionError(
            "replace_all goes by ids, and the workspace has no id column: run dedupe run --id on "
            "its input again"
        )
    kept = np.ones(n, dtype=bool)
    if replace_all:
        kept[old.source == number] = False
        kept[row[row >= 0]] = True
    updated, new = np.flatnonzero((row >= 0) & ~same), np.flatnonzero(row < 0)
    taken = np.arange(n)
    taken[row[updated]] = n + updated
    taken = np.concatenate([taken[kept], n + new])
    if len(taken) < 2:
        raise InputError(f"{len(taken)} records would be left: there is nothing to compare")
    if old.id_column is None:
        first = int((old.source == number).sum())
        new_ids = pl.Series("id", np.arange(first, first + m)).cast(pl.String)
        new_ids = _among_tables(new_ids, old, number)
        new_keys = _further_keys(old.keys, text)
    else:
        new_ids, new_keys = ids, ids.rename("key")
    used = [use.name for use in old.fields if use.used]
    texts = frame_texts(text.select(used)).rename("text")
    appends = np.array_equal(taken, np.arange(n + m))

    def some(before: pl.Series, now: pl.Series) -> pl.Series:
        both = pl.concat([before, now])
        return both if appends else both.gather(taken)

    rows = pl.concat([old.frame, frame])
    records = Records(
        frame=rows if appends else rows[taken],
        ids=some(old.ids, new_ids),
        keys=some(old.keys, new_keys),
        texts=some(old.texts, texts),
        source=np.concatenate([old.source, np.full(m, number, dtype=np.uint8)])[taken],
        fields=old.fields,
        id_column=old.id_column,
    )
    counts = {
        "given": m,
        "added": len(new),
        "updated": len(updated),
        "unchanged": int(same.sum()),
        "removed": int((~kept).sum()),
    }
    before = np.concatenate([np.flatnonzero(kept), np.full(len(new), -1)])
    return Arrivals(records, before, taken >= n, counts, tuple(notes))


def _among_tables(ids: pl.Series, old: Records, number: int) -> pl.Series:
    """Return ids of records of one table as they are told from those of the others."""
    if not old.source.any():
        return ids
    tables = pl.DataFrame({"id": old.ids, "table": old.source + 1})
    prefix = pl.concat_str("table", pl.lit(":"))
    if tables.select(pl.col("id").str.starts_with(prefix).all()).item():
        return (f"{number + 1}:" + ids).rename("id")
    others = old.ids.filter(pl.Series(old.source != number))
    if (shared := ids.filter(ids.is_in(others.implode()))).len():
        raise InputError(
            f"id {shared[0]!r} of the new records is that of a record of another table: "
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
    """Return keys by content, counting on where rows of the same content were there before."""
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
