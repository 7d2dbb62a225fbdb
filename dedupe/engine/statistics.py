"""Statistics of a distributed file: how often its values occur, by one reduce.

Each task prepares the records of its partition as a local run does, and counts their values. The
counts are added up by value, and every task that compares records looks them up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.engine.plan import Plan, part
from dedupe.engine.reading import count_distinct, values_of_fields
from dedupe.engine.store import Store
from dedupe.engine.workers import Facts, Frames, Workers, naming_record
from dedupe.scoring.comparison.record_table import (
    GROUP,
    NAME_GROUPS,
    PLACE_GROUPS,
    SHARED,
    RecordTable,
    record_table,
)
from dedupe.scoring.comparison.statistics import CLASS_OF_TOKEN, COUNTS, FileStatistics
from dedupe.scoring.comparison.values.fields import MAX_FIELDS
from dedupe.scoring.comparison.values.roles import Role, field_role, given_roles, main_labels
from dedupe.scoring.comparison.values.shared_values import others_sharing
from dedupe.scoring.comparison.values.text_steps import Texts, series
from dedupe.scoring.comparison.values.token_table import TokenTable

RAREST = 2**21
"""Records per record that has a value, from which the value counts as unique: the comparison
vectors tell no rarer values apart, and the table of counts stays small in a file of any size."""
_COUNTED = pl.Schema({"kind": pl.String(), "value": pl.String(), "count": pl.Int32()})
_SHARING = pl.Schema(
    {
        "kind": pl.String(),
        "value": pl.String(),
        "names": pl.List(pl.UInt64()),
        "places": pl.List(pl.UInt64()),
    }
)


@dataclass(frozen=True, eq=False)
class SharedStatistics(FileStatistics):
    """Statistics whose counts are in the store, and looked up by joins.

    Parameters
    ----------
    store
        Where they are.
    cells
        Number of their files.
    """

    store: Store = field(default_factory=lambda: Store(""))
    cells: int = 0

    def look_up(
        self, kind: str, values: Texts, here: NDArray[np.int32] | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
        """Look up the counts of some values, as :meth:`FileStatistics.look_up` does."""
        known = _counts_of(self.store, self.cells).get(kind)
        if known is None:
            none = np.zeros(len(values), np.float32)
            return np.ones(len(values), np.int32), none, none
        found = series(values).to_frame().join(known, on="value", how="left", maintain_order="left")
        count, names, places = (
            found[name].fill_null(default).to_numpy()
            for name, default in (("count", 1), ("names", 0), ("places", 0))
        )
        return count.astype(np.int32), names, places


@lru_cache(maxsize=1)
def _counts_of(store: Store, cells: int) -> dict[str, pl.DataFrame]:
    """Load the counts once for all tasks of a process."""
    counts = pl.concat([store.read(part("counts", cell)) for cell in range(cells)])
    return {
        str(kind): rows.drop("kind")
        for (kind,), rows in counts.partition_by("kind", as_dict=True).items()
    }


@dataclass(frozen=True, eq=False)
class _PartialStatistics(FileStatistics):
    """Records what is looked up, instead of answering it."""

    counted: tuple[list[pl.DataFrame], ...] = ()

    def look_up(
        self, kind: str, values: Texts, here: NDArray[np.int32] | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
        assert here is not None
        frame = (
            series(values)
            .to_frame()
            .select(pl.lit(kind).alias("kind"), "value", pl.Series("count", here, dtype=pl.Int32))
        )
        self.counted[0].append(frame)
        none = np.zeros(len(values), np.float32)
        return np.ones(len(values), np.int32), none, none


def file_statistics(workers: Workers, plan: Plan, texts: Sequence[Facts]) -> SharedStatistics:
    """Find the roles of the fields, and count the values of the file.

    Parameters
    ----------
    workers, plan
        The run.
    texts
        What the stage of the texts found of each partition.
    """
    facts = _roles(plan, texts)
    cells = len(plan.homes)
    workers.exchange(
        "counts", partial(_count, plan, facts), plan.homes, partial(_add_up, plan), cells
    )
    return SharedStatistics(
        facts.records, facts.roles, facts.main, COUNTS.to_frame(), store=plan.store, cells=cells
    )


def _roles(plan: Plan, texts: Sequence[Facts]) -> FileStatistics:
    """Tell the roles of the fields from the first records, and from the counts of all."""
    first = plan.store.read(part("texts", 0), ["text"])["text"]
    if len(plan.homes) == 1:  # what is counted exactly needs no estimate
        values = values_of_fields(first)
        counted = {label: (found.n_unique(), len(found)) for label, found in values.items()}
    else:
        sketches: dict[str, list[Any]] = {}
        for found in texts:
            for label, sketch in found["fields"].items():
                sketches.setdefault(label, []).append(sketch)
        counted = {label: count_distinct(found) for label, found in sketches.items()}
        fullest = sorted(counted, key=lambda label: (-counted[label][1], label))[:MAX_FIELDS]
        values = values_of_fields(first, fullest)
    compared = [field.name for field in plan.fields if field.used]
    given: dict[str, Role] = given_roles(compared, plan.config.kind)
    roles = [
        field_role(label, found, given.get(label), counted[label])
        for label, found in values.items()
    ]
    return FileStatistics(plan.rows, tuple(roles), tuple(main_labels(roles)), COUNTS.to_frame())


def counts_of_texts(statistics: SharedStatistics, texts: pl.Series) -> pl.DataFrame:
    """Select the counts of the values that some records have."""
    counted: list[pl.DataFrame] = []
    asked = _PartialStatistics(
        statistics.records, statistics.roles, statistics.main, statistics.counts, counted=(counted,)
    )
    record_table(texts, asked)
    values = pl.concat([_COUNTED.to_frame(), *counted]).select("kind", "value").unique()
    known = (statistics.store.read(part("counts", cell)) for cell in range(statistics.cells))
    found = [counts.join(values, on=["kind", "value"], how="semi") for counts in known]
    return pl.concat(found).sort("kind", "value")


def _count(plan: Plan, facts: FileStatistics, home: int) -> Frames:
    """Count the values of one partition, and list the tokens beside those that may be shared."""
    records = plan.store.read(part("texts", home), ["row", "text"])
    counted: list[pl.DataFrame] = []
    statistics = _PartialStatistics(
        facts.records, facts.roles, facts.main, facts.counts, counted=(counted,)
    )

    def prepare(rows: pl.DataFrame) -> RecordTable:
        counted.clear()
        return record_table(rows["text"], statistics)

    table = naming_record("counts", prepare, records)
    counts = pl.concat([_COUNTED.to_frame(), *counted])
    sharing = pl.concat([_SHARING.to_frame(), *_sharing(table)])
    return _with_cells(counts, plan), _with_cells(sharing, plan)


def _with_cells(frame: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    key = pl.struct("kind", "value").hash(0) % len(plan.homes)
    return frame.with_columns(key.cast(pl.UInt32).alias("cell"))


def _sharing(table: RecordTable) -> list[pl.DataFrame]:
    """List the values that several things may share, with the names and places of each record."""
    names = table.tokens.names.hash(0).to_numpy()
    found = []
    for name in SHARED:
        if name not in table.groups:
            continue
        group = table.groups[name]
        rows = np.flatnonzero(group.codes >= 0)
        values = pl.Series("value", group.values.tolist(), dtype=pl.String)
        found.append(
            pl.DataFrame(
                {
                    "kind": pl.Series([f"group:{name}"], dtype=pl.String).new_from_index(
                        0, len(rows)
                    ),
                    "value": values.gather(group.codes[rows]),
                    "names": _tokens_of(table.tokens, names, rows, NAME_GROUPS),
                    "places": _tokens_of(table.tokens, names, rows, PLACE_GROUPS),
                },
                schema=_SHARING,
            )
        )
    return found


def _tokens_of(
    tokens: TokenTable, hashes: NDArray[np.uint64], rows: NDArray[np.int64], groups: Sequence[str]
) -> pl.Series:
    """List the hashes of the tokens that some records have in some role groups."""
    numbers = tokens.tokens[rows]
    wanted = (numbers >= 0) & np.isin(tokens.groups[rows], [GROUP[name] for name in groups])
    place = np.repeat(np.arange(len(rows), dtype=np.uint32), wanted.sum(axis=1))
    listed = (
        pl.DataFrame({"place": place, "token": hashes[numbers[wanted]]})
        .group_by("place")
        .agg("token")
    )
    every = pl.DataFrame({"place": np.arange(len(rows), dtype=np.uint32)})
    joined = every.join(listed, on="place", how="left", maintain_order="left")["token"]
    return joined.fill_null(pl.Series([[]], dtype=pl.List(pl.UInt64)))


def _add_up(plan: Plan, cell: int, frames: list[pl.DataFrame]) -> Facts:
    """Add up the counts of the values of one cell, and find the other names and places of each."""
    counts, sharing = frames
    is_class = pl.col("kind") == CLASS_OF_TOKEN
    count = pl.col("count")
    # A class below zero says that the token has several in its partition.
    own = pl.when(count < 0).then(-1 - count).otherwise(count)
    classes = (
        counts.filter(is_class)
        .group_by("kind", "value")
        .agg(
            (own.max() + 2).alias("count"),
            ((count < 0).any() | (own.min() < own.max())).alias("several"),
        )
        .filter("several")
        .drop("several")
    )
    least = max(2, plan.rows // RAREST)
    values = (
        counts.filter(~is_class).group_by("kind", "value").agg(count.sum()).filter(count >= least)
    )
    found = pl.concat([values, classes.cast(_COUNTED)])
    shared = _others(sharing.join(values, on=["kind", "value"], how="semi"))
    made = found.join(shared, on=["kind", "value"], how="left").with_columns(
        pl.col("names", "places").fill_null(0)
    )
    made = made.select(pl.col(name).cast(dtype) for name, dtype in COUNTS.items())
    plan.store.write(part("counts", cell), made.sort("kind", "value"))
    return {"values": made.height}


def _others(sharing: pl.DataFrame) -> pl.DataFrame:
    """Estimate how many other names and places have each value, as a local run does."""
    distinct = sharing.select("kind", "value").unique(maintain_order=True).with_row_index("code")
    codes = (
        sharing.select("kind", "value")
        .join(distinct, on=["kind", "value"], how="left", maintain_order="left")["code"]
        .cast(pl.Int32)
        .to_numpy()
    )
    here = np.bincount(codes, minlength=distinct.height).astype(np.int32)
    found = {
        name: others_sharing(codes, here, _token_table(sharing[name]), [0])
        for name in ("names", "places")
    }
    return distinct.select("kind", "value", *(pl.Series(name, found[name]) for name in found))


def _token_table(tokens: pl.Series) -> TokenTable:
    """Make a table of tokens, all of role group 0, from a list of hashes for each record."""
    lengths = tokens.list.len().to_numpy()
    flat = tokens.explode().drop_nulls()
    distinct, number = np.unique(flat.to_numpy(), return_inverse=True)
    width = int(lengths.max(initial=1))
    matrix = np.full((len(tokens), width), -1, dtype=np.int32)
    matrix[np.arange(width) < lengths[:, None]] = number
    none = np.zeros(len(distinct), dtype=np.int32)
    return TokenTable(
        tokens=matrix,
        groups=np.zeros(matrix.shape, dtype=np.uint8),
        classes=none.astype(np.uint8),
        counts=none,
        bits=none.astype(np.float32),
        letters=none.astype(np.uint64),
        given_names=none.astype(np.uint16),
        names=pl.Series(dtype=pl.String),
        several=none.astype(np.bool_),
    )
