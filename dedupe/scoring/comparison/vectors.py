"""Comparison vectors of candidate pairs: what tells whether two records are one thing.

A vector has one byte per feature, and the features mean the same in every file: similarities by
role, weighted by how rare shared values are in this file; values that many records share count for
little; codes, sizes, numbers and other telling tokens that conflict; and how a pair compares with
the other candidates of its records.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.scoring.comparison.field_features import field_features
from dedupe.scoring.comparison.record_table import RecordTable, record_table
from dedupe.scoring.comparison.scales import (
    EQUAL,
    UNKNOWN,
    Bytes,
    Features,
    Rows,
    scaled,
    signed,
)
from dedupe.scoring.comparison.token_features import token_features

BLOCK = 1 << 16
"""Pairs compared together."""
CLOSE = 0.1
"""Candidates of a record count as close to its best one up to this difference of cosines."""
Neighbours = NDArray[np.float32]


def neighbourhood(left: Rows, right: Rows, similarity: NDArray[np.float32], n: int) -> Neighbours:
    """Compare each candidate pair with the other candidates of its two records.

    Parameters
    ----------
    left, right
        (m,) row numbers of all candidate pairs of a file.
    similarity
        (m,) cosine of the two embeddings.
    n
        Number of records.

    Returns
    -------
    ndarray
        (m, 5) float32: how much more similar the pair is than the best other candidate of either
        record, the smaller lead first; log2 of one plus the close candidates of either record,
        the smaller first; and the share of candidate pairs that are less similar.
    """
    ends = np.concatenate([left, right]).astype(np.int64)
    rows = rows_around(ends, np.concatenate([similarity, similarity]), n)
    rank = np.searchsorted(np.sort(similarity), similarity) / max(len(left), 1)
    return pairs_around(similarity, rows[left], rows[right], rank)


def rows_around(ends: NDArray[np.int64], both: NDArray[np.float32], n: int) -> NDArray[np.float32]:
    """Describe the candidates of each record.

    Parameters
    ----------
    ends, both
        Row number and similarity of each candidate of a record: a pair counts for both ends.
    n
        Number of records.

    Returns
    -------
    ndarray
        (n, 3) float32: similarity of the best and of the second candidate, and the number of
        candidates that are close to the best one.
    """
    row, ranked = by_row(ends, both)
    first = np.flatnonzero(np.append(True, row[1:] != row[:-1])[: len(row)])
    best, second = np.zeros(n, dtype=np.float32), np.zeros(n, dtype=np.float32)
    best[row[first]] = ranked[first]
    several = first[first + 1 < len(row)]
    several = several[row[several + 1] == row[several]]
    second[row[several]] = ranked[several + 1]
    close = np.bincount(ends[both >= np.minimum(best[ends], 1) - CLOSE], minlength=n)
    return np.column_stack([best, second, close.astype(np.float32)])


def pairs_around(
    similarity: NDArray[np.float32],
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    rank: NDArray[np.float64],
) -> Neighbours:
    """Compare m pairs with the other candidates of their records.

    Parameters
    ----------
    similarity
        (m,) cosine of the two embeddings.
    left, right
        (m, 3) what :func:`rows_around` says of the two records.
    rank
        (m,) share of the candidate pairs of the file that are less similar.

    Returns
    -------
    ndarray
        As of :func:`neighbourhood`.
    """
    leads = [
        similarity - np.where(similarity >= side[:, 0], side[:, 1], side[:, 0])
        for side in (left, right)
    ]
    others = [np.log2(1 + side[:, 2]) for side in (left, right)]
    return np.column_stack(
        [np.minimum(*leads), np.maximum(*leads), np.minimum(*others), np.maximum(*others), rank]
    ).astype(np.float32)


def by_row(
    ends: NDArray[np.int64], similarity: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Sort row numbers, and the similarities of each row from the highest, by one integer key."""
    bits = similarity.view(np.int32)
    # Integers in the order of the floats, then from the highest.
    falling = ~(bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF)))
    key = np.sort((ends << 32) | (falling.astype(np.int64) + 2**31))
    bits = ~((key & 0xFFFFFFFF) - 2**31).astype(np.int32)
    ranked: NDArray[np.float32] = (bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))).view(np.float32)
    return key >> 32, ranked


def comparison_vectors(
    table: RecordTable,
    left: Rows,
    right: Rows,
    similarity: NDArray[np.float32],
    neighbours: Neighbours | None = None,
) -> Bytes:
    """Compare m pairs of records.

    Parameters
    ----------
    table
        The records, prepared.
    left, right
        (m,) row numbers. A record may be compared with itself.
    similarity
        (m,) cosine of the two embeddings.
    neighbours
        (m, 5) as of :func:`neighbourhood`; NaN or ``None`` where it is not known.

    Returns
    -------
    ndarray
        (m, f) uint8 in Fortran order: the features that :func:`feature_names` names.
    """
    vectors = np.empty((len(left), len(feature_names())), dtype=np.uint8, order="F")
    for at in range(0, len(left), BLOCK):
        block = slice(at, at + BLOCK)
        around = None if neighbours is None else neighbours[block]
        features = _features(table, left[block], right[block], similarity[block], around)
        for number, values in enumerate(features.values()):
            vectors[block, number] = values
    return vectors


@cache
def feature_names() -> tuple[str, ...]:
    """Return the names of the f features, in order."""
    table = record_table(pl.Series(["name: a"] * 2))
    nothing = np.empty(0, dtype=np.uint32)
    return tuple(_features(table, nothing, nothing, np.empty(0, dtype=np.float32), None))


def _features(
    table: RecordTable,
    left: Rows,
    right: Rows,
    similarity: NDArray[np.float32],
    neighbours: Neighbours | None,
) -> Features:
    bits = [table.bits[side] for side in (left, right)]
    return {
        "cosine": scaled(similarity, EQUAL),
        **field_features(table, left, right),
        **token_features(table, left, right),
        "bits of the poorer record": scaled(np.minimum(*bits), 1.5),
        "bits of the richer record": scaled(np.maximum(*bits), 1.5),
        **_neighbour_features(neighbours, len(left)),
    }


def _neighbour_features(neighbours: Neighbours | None, m: int) -> Features:
    """Scale what :func:`neighbourhood` measured."""
    if neighbours is None:
        neighbours = np.full((m, 5), np.nan, dtype=np.float32)
    unknown = np.isnan(neighbours[:, 0])
    low, high, few, many, rank = np.nan_to_num(neighbours).T
    features = {
        "margin left": signed(low, 250),
        "margin right": signed(high, 250),
        "rivals left": scaled(few, 16, 126),
        "rivals right": scaled(many, 16, 126),
        "rank among candidates": scaled(rank, 127),
    }
    return {
        name: np.where(unknown, UNKNOWN, values).astype(np.uint8)
        for name, values in features.items()
    }
