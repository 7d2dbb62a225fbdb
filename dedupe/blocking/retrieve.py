"""Retrieval of stored texts that are similar to new ones, for incremental linkage.

Where rare features are stored, only texts that share the most of them are compared by cosine;
elsewhere all are. The time depends on the number of new texts, not on a search of the whole file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.backends import (
    ANY_SOURCE,
    CANDIDATES,
    Hits,
    Vectors,
    cosine,
    pair_frame,
    same_source,
)
from dedupe.blocking.candidates import HITS_PER_RECORD
from dedupe.blocking.neighbours import Asked, View
from dedupe.blocking.ranking import (
    Sources,
    neighbour_ranks,
    rank_by_views,
    select_best,
    select_with_cosines,
)
from dedupe.blocking.sampling import NEIGHBOURS
from dedupe.config import Config
from dedupe.models.loading import cpu_count

if TYPE_CHECKING:
    from scipy.sparse import csr_array


MAX_COMPARED = 48
"""Texts that share rare features with a new one and are compared with it by cosine. With a hundred,
as many matches are found (measured on 100,000 synthetic people)."""
DENSE_BLOCK = 256
"""New texts compared with all stored vectors together."""
SPARSE_BLOCK = 512
"""New texts in one query of the inverted index."""
_EXCLUDED = -2
"""Similarity of texts that cannot be a pair; below :data:`NO_NEIGHBOUR`."""


def find_new_candidate_pairs(
    vectors: Vectors,
    is_new: NDArray[np.bool_],
    searchable: NDArray[np.bool_],
    known: pl.DataFrame,
    radius: float,
    config: Config,
    sources: Sources | None = None,
    rare: csr_array | None = None,
    views: Sequence[View] = (),
) -> pl.DataFrame:
    """Find the candidate pairs of new texts, with each other and with earlier ones.

    Parameters
    ----------
    vectors
        (s, d) unit vectors of the texts, earlier and new ones.
    is_new
        (s,) bool.
    searchable
        (s,) bool: texts of records that exist.
    known
        Candidate pairs of earlier texts, of schema :data:`~dedupe.blocking.backends.CANDIDATES`.
    radius
        Cosine similarity from which pairs are candidates.
    config
        ``candidates_per_record`` and ``radius`` are used.
    sources
        Where the texts are from; ``None``: nobody knows.
    rare
        (s, f) rare features, rows of length 1: only texts that share one are compared. ``None``:
        all are.
    views
        Views of the texts, by which neighbours are ranked as in a run; none, or with a radius from
        the user: cosines of the vectors count alone.

    Returns
    -------
    DataFrame
        Schema :data:`~dedupe.blocking.backends.CANDIDATES`: pairs among the nearest of one of their
        texts, `known` pairs included in the ranking; at most ``candidates_per_record`` per new
        text.
    """
    rows = np.flatnonzero(is_new & searchable)
    if views and config.radius is None:
        asked = Asked(rows, searchable)
        ranked = rank_by_views(views, config.candidates_per_record, asked, sources, known)
        most = int(config.candidates_per_record * len(rows))
        return select_with_cosines(ranked, most, vectors)
    source = np.full(len(is_new), ANY_SOURCE, dtype=np.uint8)
    if sources is not None and sources.across_only:
        source = sources.number
    if rare is None:
        hits = _search_dense(vectors, rows, searchable, source)
    else:
        hits = _search_inverted(vectors, rare, rows, searchable, source)
    pairs = pl.concat([pl.DataFrame(schema=CANDIDATES), *(pair_frame(*block) for block in hits)])
    # Excluded pairs have a similarity below -1.
    lowest = max(radius, -1.0)
    pairs = pairs.filter(pl.col("similarity") >= pl.lit(lowest, dtype=pl.Float32)).unique(
        ["left", "right"], keep="first"
    )
    ends = np.zeros(len(is_new), dtype=bool)
    for side in ("left", "right"):
        ends[pairs[side].to_numpy()] = True
    rivals = known.filter(
        pl.Series(ends[known["left"].to_numpy()] | ends[known["right"].to_numpy()])
    )
    ranks = neighbour_ranks(pl.concat([pairs, rivals.cast(CANDIDATES)]), ends, sources)
    if config.radius is not None:
        return select_best(pairs, ranks, int(HITS_PER_RECORD * len(rows)))
    neighbours = max(NEIGHBOURS, int(2 * config.candidates_per_record))
    ranks = ranks.filter(pl.col("rank") < neighbours)
    return select_best(pairs, ranks, int(config.candidates_per_record * len(rows)))


def _search_dense(
    vectors: Vectors,
    rows: NDArray[np.int64],
    searchable: NDArray[np.bool_],
    source: NDArray[np.uint8],
) -> Iterator[Hits]:
    """Compare rows with all searchable texts; yield the :data:`MAX_COMPARED` nearest of each."""
    others = np.flatnonzero(searchable)
    k = min(MAX_COMPARED, len(others) - 1)
    if k < 1 or not len(rows):
        return
    found_among = vectors[others]
    for at in range(0, len(rows), DENSE_BLOCK):
        block = rows[at : at + DENSE_BLOCK]
        similarity = vectors[block] @ found_among.T
        similarity[block[:, None] == others[None, :]] = _EXCLUDED
        similarity[same_source(source[block, None], source[None, others])] = _EXCLUDED
        nearest = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
        found = np.take_along_axis(similarity, nearest, axis=1)
        yield np.repeat(block, k), others[nearest.ravel()], np.minimum(found.ravel(), 1)


def _search_inverted(
    vectors: Vectors,
    rare: csr_array,
    rows: NDArray[np.int64],
    searchable: NDArray[np.bool_],
    source: NDArray[np.uint8],
) -> Iterator[Hits]:
    """Compare rows with the :data:`MAX_COMPARED` texts that share most of their rare features."""
    features, postings = _postings_of(rare, rows, searchable)

    def search_block(at: int) -> Hits:
        shared = features[at : at + SPARSE_BLOCK] @ postings
        block = rows[at : at + SPARSE_BLOCK]
        found = []
        for i, row in enumerate(block.tolist()):
            part = slice(shared.indptr[i], shared.indptr[i + 1])
            texts, weight = shared.indices[part], shared.data[part]
            allowed = (texts != row) & ~same_source(source[texts], source[row])
            found.append(most_sharing(texts[allowed], weight[allowed]))
        row = np.repeat(block, [len(texts) for texts in found])
        other = np.concatenate(found)
        return row, other, cosine(vectors, row, other)

    with ThreadPoolExecutor(cpu_count()) as pool:
        yield from pool.map(search_block, range(0, len(rows), SPARSE_BLOCK))


def _postings_of(
    rare: csr_array, rows: NDArray[np.int64], searchable: NDArray[np.bool_]
) -> tuple[csr_array, csr_array]:
    """Return the features of `rows`, and the searchable texts that have each of these features."""
    from scipy.sparse import csr_array

    own = rare[rows]
    wanted = np.zeros(rare.shape[1], dtype=bool)
    wanted[own.indices] = True
    number = np.cumsum(wanted, dtype=np.int32) - 1
    text = np.repeat(np.arange(rare.shape[0], dtype=np.int32), np.diff(rare.indptr))
    keep = wanted[rare.indices] & searchable[text]
    ends = number[rare.indices[keep]], text[keep]
    width = int(wanted.sum())
    return (
        csr_array((own.data, number[own.indices], own.indptr), shape=(len(rows), width)),
        csr_array((rare.data[keep], ends), shape=(width, rare.shape[0])),
    )


def most_sharing(
    texts: NDArray[np.integer[Any]], weight: NDArray[np.floating[Any]]
) -> NDArray[np.int64]:
    """Select up to :data:`MAX_COMPARED` texts of the largest weight, the first of equal ones.

    Parameters
    ----------
    texts, weight
        (k,) distinct texts, and what each shares.

    Returns
    -------
    ndarray
        Numbers of the texts, sorted.
    """
    if len(texts) > MAX_COMPARED:
        least = np.partition(weight, -MAX_COMPARED)[-MAX_COMPARED]
        above = texts[weight > least]
        equal = np.sort(texts[weight == least])
        texts = np.concatenate([above, equal[: MAX_COMPARED - len(above)]])
    return np.sort(texts).astype(np.int64)
