"""Evaluation of clusters and candidates against a gold standard.

Pairs are counted from contingency tables, never listed, so that large clusters cost nothing.
B-cubed is the measure of Bagga and Baldwin [1]_.

References
----------
.. [1] A. Bagga and B. Baldwin, "Entity-based cross-document coreferencing using the vector space
   model", COLING-ACL 1998.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from dedupe.errors import InputError
from dedupe.scoring.pairs import components, identical_groups

Rows: TypeAlias = npt.NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class Gold:
    """The true clusters, or the true pairs, of n rows.

    Parameters
    ----------
    pairs
        (m, 2) uint32 row numbers of the true pairs, unique, sorted, left < right, without their
        transitive closure: a-b and b-c do not imply a-c. ``None``: every two rows with one label.
    labels
        (n,) uint32: the smallest row number of the row's true cluster; with `pairs`, of its
        connected component. A row that the gold standard does not name is alone.
    """

    pairs: Rows | None
    labels: Rows


@dataclass(frozen=True)
class Evaluation:
    """Measures of a result; all but the counts are from 0 to 1.

    With no pair found and none to find, precision and recall are 1; if only one of the two is
    missing, the measure that would be 0/0 is 0. F1 is 0 if both are 0. With no pair to find,
    candidate recall is 1.

    Parameters
    ----------
    rows
        Number of rows.
    true_pairs, found_pairs
        Pairs in the gold standard and in the clusters.
    pair_precision, pair_recall, pair_f1
        Share of the found pairs that are true, of the true pairs that are found, and their
        harmonic mean.
    bcubed_precision, bcubed_recall, bcubed_f1
        The same per row instead of per pair: share of the row's cluster that is in its true
        cluster, and share of its true cluster that is in its cluster, averaged over all rows.
    candidate_recall
        Share of the true pairs that are candidates or have identical text.
    candidates_per_record
        Candidate pairs divided by rows.
    clusters, true_clusters, exact_clusters
        Clusters of two rows or more: found, true, and found exactly as they are true.
    """

    rows: int
    true_pairs: int
    found_pairs: int
    pair_precision: float
    pair_recall: float
    pair_f1: float
    bcubed_precision: float
    bcubed_recall: float
    bcubed_f1: float
    candidate_recall: float
    candidates_per_record: float
    clusters: int
    true_clusters: int
    exact_clusters: int

    def as_dict(self) -> dict[str, int | float]:
        """Convert the measures to a dictionary, in the order of the fields."""
        return asdict(self)


def read_gold(frame: pl.DataFrame, ids: Sequence[str] | npt.NDArray[Any]) -> Gold:
    """Translate a gold standard to row numbers.

    Parameters
    ----------
    frame
        Columns ``id, cluster_id``, or ``id_a, id_b`` with one true pair per row. All are read as
        text; other columns are ignored.
    ids
        (n,) id of each row.

    Raises
    ------
    InputError
        If a column is missing, an id is unknown or empty, or an id has two clusters.
    """
    rows = pl.DataFrame(
        {"id": pl.Series([str(name) for name in ids], dtype=pl.String)}
    ).with_row_index("row")
    if {"id", "cluster_id"} <= set(frame.columns):
        return _gold_of_clusters(frame, rows)
    if {"id_a", "id_b"} <= set(frame.columns):
        return _gold_of_pairs(frame, rows)
    raise InputError(
        "the gold standard needs the columns id and cluster_id, or id_a and id_b; "
        f"it has {', '.join(frame.columns) or 'none'}"
    )


def evaluate(
    labels: Rows,
    pairs: pl.DataFrame,
    gold: Gold,
    across: npt.NDArray[Any] | None = None,
) -> Evaluation:
    """Measure clusters and candidates against a gold standard.

    Parameters
    ----------
    labels
        (n,) cluster of each row.
    pairs
        Candidates: ``left < right`` row numbers and ``decided_by``; rows of identical text are
        stars of ``identical`` pairs, and only their smallest row occurs in the other pairs.
    gold
        The gold standard of the same n rows.
    across
        (n,) value of each row, such as its source: only true, found and candidate pairs whose two
        values differ are counted. Null is a value like any other. The B-cubed measures and the
        numbers of clusters are those of all rows.
    """
    n = len(labels)
    value = np.zeros(n, np.uint32) if across is None else _codes(across)
    true, both, reachable = _true_pairs(labels, pairs, gold, value)
    found = _crossing(value, labels)
    precision, recall = _ratios(both, found, true)
    left, right = (pairs[side].to_numpy() for side in ("left", "right"))
    candidates = pairs.height if across is None else int((value[left] != value[right]).sum())
    return Evaluation(
        rows=n,
        true_pairs=true,
        found_pairs=found,
        pair_precision=precision,
        pair_recall=recall,
        pair_f1=f1(precision, recall),
        candidate_recall=reachable / true if true else 1.0,
        candidates_per_record=candidates / n if n else 0.0,
        **_compared_clusters(labels, gold.labels),
    )


def _true_pairs(labels: Rows, pairs: pl.DataFrame, gold: Gold, value: Rows) -> tuple[int, int, int]:
    """Count the true pairs that differ in `value`: all, those in a cluster, and the candidates."""
    group = identical_groups(len(labels), pairs)
    if gold.pairs is None:
        truth = gold.labels
        return (
            _crossing(value, truth),
            _crossing(value, labels, truth),
            _crossing(value, group, truth) + _reached(pairs, group, truth, value),
        )
    left, right = gold.pairs[:, 0], gold.pairs[:, 1]
    if value.any():
        counted = value[left] != value[right]
        left, right = left[counted], right[counted]
    return (
        len(left),
        int((labels[left] == labels[right]).sum()),
        _candidates_among(group[left], group[right], pairs),
    )


def _compared_clusters(labels: Rows, truth: Rows) -> dict[str, Any]:
    """Compute the B-cubed measures, and count clusters of two rows or more."""
    n = len(labels)
    cells = _cells(labels, truth)
    size, true_size = np.bincount(labels, minlength=n), np.bincount(truth, minlength=n)
    shared = cells["rows"].to_numpy().astype(np.float64)
    cell_size, cell_true = size[cells["k0"].to_numpy()], true_size[cells["k1"].to_numpy()]
    precision = float((shared**2 / cell_size).sum() / n) if n else 1.0
    recall = float((shared**2 / cell_true).sum() / n) if n else 1.0
    exact = (shared == cell_size) & (shared == cell_true) & (shared > 1)
    return {
        "bcubed_precision": precision,
        "bcubed_recall": recall,
        "bcubed_f1": f1(precision, recall),
        "clusters": int((size > 1).sum()),
        "true_clusters": int((true_size > 1).sum()),
        "exact_clusters": int(exact.sum()),
    }


def _gold_of_clusters(frame: pl.DataFrame, rows: pl.DataFrame) -> Gold:
    named = frame.select(pl.col("id", "cluster_id").cast(pl.String)).unique(maintain_order=True)
    at = _rows_of(named["id"], rows)
    if named["cluster_id"].null_count():
        unassigned = named.filter(pl.col("cluster_id").is_null())["id"]
        raise InputError(f"gold standard: id {unassigned[0]!r} has no cluster_id")
    if (duplicated := named["id"].is_duplicated()).any():
        raise InputError(
            f"gold standard: id {named.filter(duplicated)['id'][0]!r} has two clusters"
        )
    first = named.with_columns(at).select(pl.col("row").min().over("cluster_id"))["row"].to_numpy()
    labels = np.arange(rows.height, dtype=np.uint32)
    labels[at.to_numpy()] = first
    return Gold(None, labels)


def _gold_of_pairs(frame: pl.DataFrame, rows: pl.DataFrame) -> Gold:
    ends = frame.select(pl.col("id_a", "id_b").cast(pl.String))
    at = np.stack([_rows_of(ends[name], rows).to_numpy() for name in ends.columns], axis=1)
    at = np.sort(at[at[:, 0] != at[:, 1]], axis=1).astype(np.uint32)
    pairs = np.unique(at, axis=0)
    return Gold(pairs, components(rows.height, pairs[:, 0], pairs[:, 1]))


def _rows_of(ids: pl.Series, rows: pl.DataFrame) -> pl.Series:
    found = ids.alias("id").to_frame().join(rows, on="id", how="left", maintain_order="left")["row"]
    if found.null_count():
        unknown = ids.filter(found.is_null()).unique(maintain_order=True)
        more = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
        name = "an empty id" if unknown[0] is None else f"id {unknown[0]!r}"
        raise InputError(f"gold standard: {name}{more} is not in the data")
    return found


def _codes(values: npt.NDArray[Any]) -> Rows:
    """Replace equal values by equal numbers, from 1."""
    texts = pl.Series(
        ["" if value is None else f"={value}" for value in values.tolist()], dtype=pl.String
    )
    return texts.rank("dense").to_numpy().astype(np.uint32)


def _cells(*keys: npt.NDArray[Any]) -> pl.DataFrame:
    """Make the contingency table of some keys: ``k0``, ``k1`` … and the number of ``rows``."""
    table = pl.DataFrame({f"k{i}": key for i, key in enumerate(keys)})
    return table.group_by(pl.all(), maintain_order=True).agg(pl.len().cast(pl.Int64).alias("rows"))


def _crossing(value: Rows, *keys: npt.NDArray[Any]) -> int:
    """Count the pairs of rows that agree in all `keys` and differ in `value`."""

    def count(*agreeing: npt.NDArray[Any]) -> int:
        size = _cells(*agreeing)["rows"].to_numpy()
        return int((size * (size - 1) // 2).sum())

    # If all values are 0, there was no column to cross, and every pair counts.
    return count(*keys) - (count(*keys, value) if value.any() else 0)


def _reached(pairs: pl.DataFrame, group: Rows, truth: Rows, value: Rows) -> int:
    """Count the true pairs of rows whose groups of identical text are a candidate pair."""
    ends = pl.DataFrame(
        {"left": group[pairs["left"].to_numpy()], "right": group[pairs["right"].to_numpy()]}
    )
    ends = ends.filter(pl.col("left") != pl.col("right")).unique()

    def count(*keys: npt.NDArray[Any]) -> int:
        cells = _cells(group, *keys)
        others = [f"k{i}" for i in range(1, len(keys) + 1)]
        return int(
            ends.join(cells, left_on="left", right_on="k0")
            .join(cells, left_on=["right", *others], right_on=["k0", *others], suffix="_right")
            .select((pl.col("rows") * pl.col("rows_right")).sum())
            .item()
        )

    return count(truth) - (count(truth, value) if value.any() else 0)


def _candidates_among(left: Rows, right: Rows, pairs: pl.DataFrame) -> int:
    """Count the pairs of groups that are one group or a candidate pair."""
    wanted = pl.DataFrame({"left": np.minimum(left, right), "right": np.maximum(left, right)})
    same = wanted.filter(pl.col("left") == pl.col("right")).height
    rest = wanted.filter(pl.col("left") != pl.col("right"))
    return same + rest.join(pairs, on=["left", "right"], how="semi").height


def _ratios(both: int, found: int, true: int) -> tuple[float, float]:
    if not found and not true:
        return 1.0, 1.0
    return both / found if found else 0.0, both / true if true else 0.0


def f1(precision: float, recall: float) -> float:
    """Compute the harmonic mean of precision and recall; 0 if both are 0."""
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
