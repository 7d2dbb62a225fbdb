"""Candidate pairs of a distributed file: records that share a rare feature meet in one task.

::

    texts ──▶ equal texts ──▶ weights of features ──▶ vectors ──▶ keys ──▶ cells ──▶ hits
        hits ──▶ home of each record: its nearest ──▶ pairs within the budget

The keys of a record are its rarest features. A cell holds many keys, chosen by their hash: each
record goes to the cells of its keys, and the records of a cell are searched with the inverted index
of a local run. A feature that very many records have is not rare, and no key. A key that still has
more records than half a cell is divided: its records fall into parts, and two parts meet in a cell.
So no cell grows with the file. Up to :attr:`~dedupe.engine.plan.Sizes.one_search` distinct texts,
one task searches all.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from dedupe.blocking.backends import (
    ANY_SOURCE,
    CANDIDATES,
    SHARING_PER_RECORD,
    inverted_hits,
    pair_frame,
    unit_rows,
)
from dedupe.blocking.candidates import limits_of
from dedupe.blocking.embedding.features import COLUMNS, KINDS
from dedupe.blocking.embedding.int8 import Int8Vectors
from dedupe.blocking.embedding.tfidf import DIMENSIONS, MAX_RARE, RARITY_POWER, HashedTfidf
from dedupe.blocking.index import NO_SLOT, Index
from dedupe.blocking.ranking import Sources, neighbour_ranks
from dedupe.blocking.sampling import SAMPLE, NeighbourSample
from dedupe.blocking.sources import (
    source_column,
    source_note,
    source_numbers,
    sources_of_texts,
)
from dedupe.engine.candidates import (
    BINS,
    PAIR,
    RANKED,
    bins,
    distinct_records,
    meeting_first,
    to_homes,
    write_candidates,
)
from dedupe.engine.plan import Plan, part
from dedupe.engine.store import Store
from dedupe.engine.workers import Facts, Frames, Routed, Workers, cpus_of_cluster, naming_record
from dedupe.progress import silent
from dedupe.scoring.sampling import text_hashes


def find_candidates(workers: Workers, plan: Plan) -> Facts:
    """Find the candidate pairs: each is in the files ``candidates`` of the homes of its records.

    Returns
    -------
    dict
        Number of distinct texts, radius, number of pairs, and how they were searched.
    """
    distinct = sum(
        int(found["rows"])
        for found in workers.map("distinct", partial(_count_rows, plan), plan.homes)
    )
    if distinct <= plan.sizes.one_search:
        (found,) = workers.map(
            "search", partial(_search_all, plan), [0],
            cpus=min(cpus_of_cluster(), 4), threads=min(cpus_of_cluster(), 4),
        )  # fmt: skip
        workers.exchange(
            "candidates", partial(to_homes, plan, "search"), [0],
            partial(_keep_candidates, plan), len(plan.homes),
        )  # fmt: skip
        return {"distinct": distinct, **found}
    return {"distinct": distinct, **_search_by_keys(workers, plan, distinct)}


def _count_rows(plan: Plan, home: int) -> Facts:
    """Count the distinct texts of a partition, and their features."""
    texts = distinct_records(plan, home)["text"].to_list()
    counts = HashedTfidf.count(texts, KINDS).ravel()
    bucket = np.flatnonzero(counts).astype(np.uint32)
    plan.store.write(
        part("distinct", home), pl.DataFrame({"bucket": bucket, "count": counts[bucket]})
    )
    return {"rows": len(texts)}


def _search_all(plan: Plan, task: int) -> Facts:
    """Search all records in one task, as a local run does."""
    records = pl.concat([distinct_records(plan, home) for home in plan.homes])
    texts, rows = records["text"].to_list(), records["row"].to_numpy()
    sources, notes = _sources(plan, records)
    index = Index.build(texts, plan.config)
    found = index.candidates(texts, plan.config, sources=sources)
    pairs = found.pairs.with_columns(
        pl.Series(side, rows[found.pairs[side].to_numpy()], dtype=pl.UInt32) for side in PAIR
    )
    plan.store.write(part("search", 0), pairs)
    return {"radius": found.radius, "index": found.index, "notes": [*found.notes, *notes]}


def _sources(plan: Plan, records: pl.DataFrame) -> tuple[Sources | None, tuple[str, ...]]:
    """Find out where the distinct records are from, and what the user should know about it."""
    column = source_column(plan.fields)
    if column is None:
        return None, ()
    named = pl.concat(
        [
            plan.store.read(part("partitions", home), [column])[column].cast(pl.String)
            for home in plan.homes
        ]
    )
    if named.n_unique() > ANY_SOURCE:
        return None, (f"column {column!r} names too many sources to tell them apart",)
    slot = np.full(plan.rows, NO_SLOT, dtype=np.uint32)
    slot[records["row"].to_numpy()] = np.arange(records.height, dtype=np.uint32)
    for home in plan.homes:
        identical = plan.store.read(part("identical", home))
        slot[identical["right"].to_numpy()] = slot[identical["left"].to_numpy()]
    slot[records.filter(pl.col("text") == "")["row"].to_numpy()] = NO_SLOT
    sources = sources_of_texts(source_numbers(named), slot, records.height, plan.config)
    return sources, (source_note(column),)


def _keep_candidates(plan: Plan, home: int, frames: list[pl.DataFrame]) -> Facts:
    pairs = frames[0].sort(*PAIR)
    ranked = pairs.with_columns(pl.lit(0, dtype=pl.UInt32).alias("rank"))
    return write_candidates(plan, home, ranked)


# By keys -----------------------------------------------------------------------------------------


def _search_by_keys(workers: Workers, plan: Plan, distinct: int) -> Facts:
    workers.map("weights", partial(_fit, plan, distinct), [0])
    workers.map("features", partial(_features, plan), plan.homes)
    sampled = workers.map("sample", partial(_draw, plan), [0])[0]["rows"]
    floor = workers.map("survey", partial(_survey, plan), plan.homes)
    sample = NeighbourSample.joined([_load_sample(plan, home, sampled) for home in plan.homes])
    radius, neighbours, most = limits_of(sample, distinct, plan.config)
    shared = np.sum([np.bincount(f["bins"], f["counts"], BINS) for f in floor], axis=0)
    above = np.cumsum(shared[::-1])[::-1]
    allowed = sampled * (SHARING_PER_RECORD + 1)
    lowest = (
        2 * float(np.argmax(above <= allowed)) / BINS - 1 if above[BINS // 2] > allowed else 0.0
    )
    cells = max(round(distinct * plan.sizes.keys / plan.sizes.key_cell), 1)
    hits = workers.exchange(
        "hits", partial(_to_cells, plan, cells), plan.homes,
        partial(_search_cell, plan, cells, radius, lowest, neighbours), cells, arrow=True,
    )  # fmt: skip
    workers.exchange(
        "nearest", partial(to_homes, plan, "hits"), range(cells),
        partial(_rank, plan, neighbours), len(plan.homes),
    )  # fmt: skip
    workers.exchange(
        "candidates", partial(_send_ranks, plan), plan.homes,
        partial(_best_ranks, plan), len(plan.homes),
    )  # fmt: skip
    for stage in ("features", "hits", "nearest"):
        plan.store.empty(stage)
    return {
        "radius": radius,
        "index": "keys",
        "notes": [],
        "most": most,
        "cells": cells,
        "largest_cell": max(int(found["records"]) for found in hits),
        "sharing": round(lowest, 4),
    }


def _fit(plan: Plan, distinct: int, task: int) -> Facts:
    """Add up the counts of all partitions, and fit the weights of the features to them."""
    total = np.zeros(COLUMNS, dtype=np.int64)
    for home in plan.homes:
        found = plan.store.read(part("distinct", home))
        total[found["bucket"].to_numpy()] += found["count"].to_numpy()
    arrays = HashedTfidf.of_counts(total.reshape(KINDS, -1), distinct).to_arrays()
    frame = pl.DataFrame({name: arrays[name] for name in ("seen", "rarity")})
    plan.store.write(part("weights", 0), frame)
    return {"fitted_on": distinct}


@lru_cache(maxsize=1)
def _encoder(store: Store) -> HashedTfidf:
    """Load the weights once for all tasks of a process."""
    found, fitted = store.read(part("weights", 0)), store.finished("weights")
    assert fitted is not None
    return HashedTfidf.from_arrays(
        {
            "seen": found["seen"].to_numpy(),
            "rarity": found["rarity"].to_numpy(),
            "fitted_on": np.array([fitted["tasks"][0]["fitted_on"]]),
            "kinds": np.array([KINDS]),
        }
    )


def _features(plan: Plan, home: int) -> Facts:
    """Embed the distinct texts of a partition, and list their rare features, the rarest first."""
    encoder = _encoder(plan.store)

    def embedded(records: pl.DataFrame) -> tuple[Int8Vectors, csr_array]:
        vectors, rare = encoder.embed_with_features(records["text"].to_list())
        return vectors, encoder.without_singletons(rare)

    records = distinct_records(plan, home)
    vectors, rare = naming_record("features", embedded, records)
    per_row = np.diff(rare.indptr)
    columns = np.full((len(per_row), MAX_RARE), -1, dtype=np.int32)
    columns[np.arange(MAX_RARE) < per_row[:, None]] = rare.indices
    plan.store.write(
        part("features", home), _feature_table(records["row"].to_numpy(), vectors, columns)
    )
    hashes = pl.Series("hash", text_hashes(records["text"], plan.config.seed))
    plan.store.write(part("features/sample", home), _smallest_hashes(records.with_columns(hashes)))
    return {"rows": records.height}


def _feature_table(
    rows: NDArray[np.uint32], vectors: Int8Vectors, columns: NDArray[np.int32]
) -> Any:
    import pyarrow as pa

    return pa.table(
        {
            "row": rows,
            "scale": vectors.scale,
            "vector": _binary(vectors.values),
            "features": _binary(columns),
        }
    )


def _binary(values: NDArray[Any]) -> Any:
    """Make an Arrow array of one value of fixed size for each row of a matrix."""
    import pyarrow as pa

    matrix = np.ascontiguousarray(values)
    kind = pa.binary(matrix.shape[1] * matrix.itemsize)
    return pa.FixedSizeBinaryArray.from_buffers(kind, len(matrix), [None, pa.py_buffer(matrix)])


def _matrix(column: Any, dtype: Any, width: int) -> NDArray[Any]:
    """Restore the matrix of :func:`_binary` from a column of an Arrow table."""
    array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    values = np.frombuffer(array.buffers()[1], dtype=dtype).reshape(-1, width)
    return values[array.offset : array.offset + len(array)]


def _restored(plan: Plan, table: Any) -> tuple[NDArray[np.uint32], Int8Vectors, csr_array]:
    """Restore row numbers, vectors and rare features of an Arrow table of features."""
    rows = table["row"].to_numpy()
    vectors = Int8Vectors(_matrix(table["vector"], np.int8, DIMENSIONS), table["scale"].to_numpy())
    columns = _matrix(table["features"], np.int32, MAX_RARE)
    there = columns >= 0
    indices = columns[there]
    weight = _encoder(plan.store).rarity.ravel()[indices] ** np.float32(1 / RARITY_POWER)
    starts = np.concatenate([[0], np.cumsum(there.sum(axis=1))]).astype(np.int32)
    return rows, vectors, csr_array((weight, indices, starts), shape=(len(rows), COLUMNS))


def _smallest_hashes(records: pl.DataFrame) -> pl.DataFrame:
    """Select the records whose texts have the smallest hashes."""
    return records.sort("hash", "row").head(SAMPLE)


def _draw(plan: Plan, task: int) -> Facts:
    """Draw a sample of the records, which depends on their texts alone."""
    drawn = pl.concat([plan.store.read(part("features/sample", home)) for home in plan.homes])
    sample = _smallest_hashes(drawn).sort("row")
    plan.store.write(part("sample", 0), sample)
    return {"rows": sample.height}


def _survey(plan: Plan, home: int) -> Facts:
    """Compare the sample with the records of a partition: cosines, and those of rare features."""
    sample = plan.store.read(part("sample", 0))
    vectors, rare = _encoder(plan.store).embed_with_features(sample["text"].to_list())
    rows, others, others_rare = _restored(plan, plan.store.read_arrow(part("features", home)))
    place = np.searchsorted(rows, sample["row"].to_numpy())
    place = np.minimum(place, max(len(rows) - 1, 0))
    there = rows[place] == sample["row"].to_numpy() if len(rows) else np.zeros(len(place), bool)
    found = NeighbourSample.compared(vectors[:], np.where(there, place, -1), others)
    shared = unit_rows(_encoder(plan.store).without_singletons(rare)) @ unit_rows(others_rare).T
    counts = np.bincount(bins(shared.data), minlength=BINS)
    filled = np.flatnonzero(counts)
    plan.store.write(part("survey", home), pl.DataFrame({"similarity": found.similarity.ravel()}))
    plan.store.write(part("survey/steps", home), pl.DataFrame({"hits": found.hits.ravel()}))
    return {"bins": filled.tolist(), "counts": counts[filled].tolist()}


def _load_sample(plan: Plan, home: int, sampled: int) -> NeighbourSample:
    similarity = plan.store.read(part("survey", home))["similarity"].to_numpy()
    hits = plan.store.read(part("survey/steps", home))["hits"].to_numpy().reshape(sampled, -1)
    similarity = similarity.reshape(sampled, -1)
    steps = np.linspace(-1, 1, hits.shape[1] + 1, dtype=np.float32)[:-1]
    rows = np.arange(sampled)
    return NeighbourSample(rows, np.zeros(similarity.shape, np.int64), similarity, steps, hits)


def _to_cells(plan: Plan, cells: int, home: int) -> Frames:
    """Send the records of a partition to the cells of their keys."""
    table = plan.store.read_arrow(part("features", home))
    of_record = _cells_of(plan, table, cells)
    first = np.ones(of_record.shape, dtype=bool)
    first[:, 1:] = of_record[:, 1:] != of_record[:, :-1]
    row, place = np.nonzero(first & (of_record >= 0))
    return [Routed(table, row, of_record[row, place])]


def _cells_of(plan: Plan, table: Any, cells: int) -> NDArray[np.int64]:
    """Find the cells of the keys of each record, ascending; -1 where it has fewer.

    The records of a key that is not divided meet in one cell. Those of a divided key are in one of
    its parts each, and every two parts meet in a cell.
    """
    keys = _matrix(table["features"], np.int32, MAX_RARE)[:, : plan.sizes.keys]
    parts = np.where(keys >= 0, _parts_of_keys(plan.store, plan.sizes.key_cell)[keys], 0)
    own = _hashed(table["row"].to_numpy())[:, None] % np.maximum(parts, 1)
    found = []
    for step in range(1, max(int(parts.max(initial=1)), 2)):
        other = (own + step) % np.maximum(parts, 1)
        both = np.minimum(own, other) * parts + np.maximum(own, other)
        meeting = _hashed(keys + _hashed(np.where(parts > 1, both, 0)))
        there = (parts > step) | ((parts == 1) & (step == 1))
        found.append(np.where(there, meeting % cells, -1))
    of_record = np.sort(np.concatenate(found, axis=1), axis=1)
    empty = int((of_record < 0).sum(axis=1).min(initial=of_record.shape[1]))
    return of_record[:, empty:]


@lru_cache(maxsize=1)
def _parts_of_keys(store: Store, most: int) -> NDArray[np.int64]:
    """Divide keys that many records have, so that two parts together have at most half of `most`.

    Returns
    -------
    ndarray
        Number of parts of each feature.
    """
    encoder = _encoder(store)
    records = encoder.records_with(encoder.rarity.ravel())
    return np.where(records > most / 2, np.ceil(4 * records / most), 1).astype(np.int64)


def _hashed(values: NDArray[Any]) -> NDArray[np.int64]:
    """Hash whole numbers to 24 bits."""
    mixed: NDArray[np.uint64] = values.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return (mixed >> np.uint64(40)).astype(np.int64)


def _search_cell(
    plan: Plan,
    cells: int,
    radius: float,
    floor: float,
    neighbours: int,
    cell: int,
    tables: list[Any],
) -> Facts:
    """Search the records of a cell, as a local run searches a large file."""
    table = tables[0].combine_chunks()
    rows, vectors, rare = _restored(plan, table)
    pairs = CANDIDATES.to_frame()
    if len(rows):
        cells_of = _cells_of(plan, table, cells)
        here = _features_here(rare)
        hits = inverted_hits(vectors, here, radius, silent, floor, meeting_first(cells_of, cell))
        pairs = pl.concat([pairs, *(pair_frame(*hit) for hit in hits)])
        pairs = pairs.filter(pl.col("similarity") >= pl.lit(radius, dtype=pl.Float32))
        pairs = _nearest(pairs, neighbours)
    pairs = pairs.with_columns(
        pl.Series(side, rows[pairs[side].to_numpy()], dtype=pl.UInt32) for side in PAIR
    )
    plan.store.write(part("hits", cell), pairs.sort(*PAIR))
    return {"records": len(rows), "pairs": pairs.height}


def _features_here(rare: csr_array) -> csr_array:
    """Leave out the columns of features that no record has: a cell has few of all features."""
    there = np.zeros(rare.shape[1], dtype=bool)
    there[rare.indices] = True
    place = np.cumsum(there, dtype=np.int32) - 1
    shape = rare.shape[0], max(int(place[-1]) + 1, 1)
    return csr_array((rare.data, place[rare.indices], rare.indptr), shape=shape)


def _nearest(pairs: pl.DataFrame, neighbours: int) -> pl.DataFrame:
    ranks = neighbour_ranks(pairs).filter(pl.col("rank") < neighbours)
    return pairs.join(ranks, on=PAIR, how="semi")


def _rank(plan: Plan, neighbours: int, home: int, frames: list[pl.DataFrame]) -> Facts:
    """Rank the pairs of the records of a home, each among those of its record."""
    pairs = frames[0]
    rows = np.unique(np.concatenate([pairs[side].to_numpy() for side in PAIR]))
    compact = pairs.with_columns(
        pl.Series(side, np.searchsorted(rows, pairs[side].to_numpy()), dtype=pl.UInt32)
        for side in PAIR
    )
    ranks = neighbour_ranks(compact, plan.home(rows) == home)
    ranked = compact.join(ranks.filter(pl.col("rank") < neighbours), on=PAIR).with_columns(
        pl.col(side).map_batches(lambda place: pl.Series(rows[place.to_numpy()]), pl.UInt32)
        for side in PAIR
    )
    plan.store.write(part("nearest", home), ranked.cast(RANKED).sort(*PAIR))
    return {"pairs": ranked.height}


def _send_ranks(plan: Plan, home: int) -> Frames:
    return to_homes(plan, "nearest", home)


def _best_ranks(plan: Plan, home: int, frames: list[pl.DataFrame]) -> Facts:
    """Give each pair the better of the ranks that its two records gave it."""
    best = frames[0].group_by(PAIR).agg(pl.col("similarity").first(), pl.col("rank").min())
    return write_candidates(plan, home, best.cast(RANKED).sort(*PAIR))
