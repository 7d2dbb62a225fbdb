"""Candidate pairs of a distributed file: groups of equal texts, and pairs at the homes of records.

A candidate pair is in the files of the homes of both of its records, with the better of its ranks
among the pairs of the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.backends import CANDIDATES, Wanted
from dedupe.engine.plan import Plan, part
from dedupe.engine.workers import Facts, Frames, Workers
from dedupe.scoring.pairs import identical_pairs

BINS = 1 << 16
"""Bins of the histograms of similarities."""
_BLOCK = 1 << 21
"""Pairs of cells that are compared together."""
PAIR = ("left", "right")
RANKED = pl.Schema({**CANDIDATES, "rank": pl.UInt32()})
"""Candidate pairs, and their rank among those of one of their records."""


def bins(similarity: NDArray[np.float32]) -> NDArray[np.int64]:
    """Find the bin of each similarity."""
    scaled = (similarity.astype(np.float64) + 1) * (BINS / 2)
    return np.clip(scaled.astype(np.int64), 0, BINS - 1)


def identical_texts(workers: Workers, plan: Plan) -> None:
    """Find the groups of equal texts; the pairs of each record are in the file of its home."""
    cells = len(plan.homes)
    workers.exchange(
        "equal-texts", partial(_hash_texts, plan), plan.homes, partial(_group, plan), cells
    )
    workers.exchange(
        "identical", partial(to_homes, plan, "equal-texts"), plan.homes,
        partial(_keep, plan, "identical"), cells,
    )  # fmt: skip


def _hash_texts(plan: Plan, home: int) -> Frames:
    """Send the hashes of the texts, and of the ids, of one partition to their cells."""
    records = plan.store.read(part("texts", home))
    hashed = []
    for name in ("text", "id"):
        first, second = (records[name].hash(seed).rename(f"hash{seed}") for seed in (0, 1))
        cell = (first % len(plan.homes)).cast(pl.UInt32).alias("cell")
        empty = (records[name] == "").alias("empty")
        hashed.append(pl.DataFrame([cell, records["row"], first, second, empty]))
    return hashed if plan.id_column is not None else hashed[:1]


def _group(plan: Plan, cell: int, frames: list[pl.DataFrame]) -> Facts:
    """Group the records of equal text, and look for an id that two rows have."""
    rows = frames[0].sort("row")
    digest = pl.concat_str("hash0", pl.lit("-"), "hash1")
    text = rows.select(pl.when("empty").then(pl.lit("")).otherwise(digest))
    _, identical = identical_pairs(text.to_series())
    pairs = identical.select(rows["row"].gather(identical[side]).alias(side) for side in PAIR)
    plan.store.write(part("equal-texts", cell), pairs)
    twice: list[list[int]] = []
    if len(frames) > 1:
        same = (
            frames[1]
            .group_by("hash0", "hash1")
            .agg(pl.col("row").sort())
            .filter(pl.col("row").list.len() > 1)
        )
        twice = [row[:2] for row in same["row"].to_list()[:1]]
    return {"pairs": pairs.height, "twice": twice}


def to_homes(plan: Plan, stage: str, cell: int) -> Frames:
    """Send the pairs of a cell to the homes of both of their records."""
    pairs = plan.store.read(part(stage, cell))
    ends = [plan.home(pairs[side].to_numpy()) for side in PAIR]
    other = ends[0] != ends[1]
    left = pairs.with_columns(pl.Series("cell", ends[0], dtype=pl.UInt32))
    right = pairs.with_columns(pl.Series("cell", ends[1], dtype=pl.UInt32))
    return [pl.concat([left, right.filter(pl.Series(other, dtype=pl.Boolean))])]


def _keep(plan: Plan, stage: str, home: int, frames: list[pl.DataFrame]) -> Facts:
    pairs = frames[0].unique().sort(*PAIR)
    plan.store.write(part(stage, home), pairs)
    return {"pairs": pairs.height}


def distinct_records(plan: Plan, home: int) -> pl.DataFrame:
    """Return the records of a partition, the first of each text: ``row``, ``id`` and ``text``."""
    repeated = plan.store.read(part("identical", home))["right"]
    records = plan.store.read(part("texts", home))
    return records.filter(~pl.col("row").is_in(repeated.implode()))


def meeting_first(of_record: NDArray[np.int64], cell: int) -> Wanted:
    """Tell which pairs meet in no earlier cell: a pair is compared once, wherever it meets."""
    earlier = np.where((of_record >= 0) & (of_record < cell), of_record, -1)
    bit = np.uint64(1) << (earlier % 64).astype(np.uint64)
    bits = np.bitwise_or.reduce(np.where(earlier >= 0, bit, np.uint64(0)), axis=1)

    def wanted(row: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.bool_]:
        first: NDArray[np.bool_] = (bits[row] & bits[other]) == 0
        # Different cells share a bit.
        doubtful = np.flatnonzero(~first)
        block = max(_BLOCK // max(earlier.shape[1], 1) ** 2, 1)
        for at in range(0, len(doubtful), block):
            some = doubtful[at : at + block]
            a, b = earlier[row[some]], earlier[other[some]]
            met = ((a[:, :, None] == b[:, None, :]) & (a >= 0)[:, :, None]).any(axis=(1, 2))
            first[some] = ~met
        return first

    return wanted


def write_candidates(plan: Plan, home: int, pairs: pl.DataFrame) -> Facts:
    """Write the candidate pairs of the records of one home, and count those that it owns."""
    plan.store.write(part("candidates", home), pairs.select(RANKED.names()))
    own = pairs.filter(pl.Series(plan.home(pairs["left"].to_numpy()) == home, dtype=pl.Boolean))
    ranks = int(own["rank"].max() or 0) + 1  # type: ignore[arg-type]
    place = own["rank"].to_numpy().astype(np.int64) * BINS + bins(own["similarity"].to_numpy())
    counts = np.bincount(place, minlength=ranks * BINS)
    filled = np.flatnonzero(counts)
    histogram = pl.DataFrame({"place": filled, "count": counts[filled]})
    plan.store.write(part("candidates/histogram", home), histogram)
    return {"pairs": own.height}


def histogram_of(plan: Plan) -> NDArray[np.int64]:
    """Add up the histograms of the candidate pairs by rank and similarity, (ranks, bins)."""
    total = np.zeros(BINS, dtype=np.int64)
    for home in plan.homes:
        found = plan.store.read(part("candidates/histogram", home))
        place = found["place"].to_numpy()
        if len(place) and place[-1] >= len(total):
            total = np.append(
                total, np.zeros((place[-1] // BINS + 1) * BINS - len(total), np.int64)
            )
        total[place] += found["count"].to_numpy()
    return total.reshape(-1, BINS)


def within_budget(histogram: NDArray[np.int64], most: float) -> tuple[int, int]:
    """Find the last rank and the lowest bin that are within the budget of pairs.

    The pairs of the first rank come first, the most similar ones of a rank before the others: as in
    a local run, but for the pairs of one bin.
    """
    falling = np.cumsum(histogram[:, ::-1].ravel())
    within = int(np.searchsorted(falling, most, side="right"))
    if within >= len(falling):
        return len(histogram), 0
    rank, place = divmod(max(within, 1) - 1, BINS)
    return rank, BINS - 1 - place


def candidates_of(plan: Plan, home: int, cut: tuple[int, int]) -> pl.DataFrame:
    """Return the candidate pairs of the records of a home that are within the budget."""
    pairs = plan.store.read(part("candidates", home))
    rank, place = pairs["rank"].to_numpy(), bins(pairs["similarity"].to_numpy())
    kept = (rank < cut[0]) | ((rank == cut[0]) & (place >= cut[1]))
    return pairs.filter(pl.Series(kept, dtype=pl.Boolean)).select(CANDIDATES.names())


def no_duplicates(found: Sequence[Facts]) -> list[int]:
    """Return two rows that have the same id, if there are any."""
    return next((twice for facts in found for twice in facts["twice"]), [])
