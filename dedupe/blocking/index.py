"""What a workspace keeps of its distinct texts, so that others find their like among them.

::

    texts ──embed──▶ vectors, one byte a dimension ─┐
          ──spell──▶ rare features of each ─────────┴─▶ files that grow at their end

A run makes the index, additions extend it in place, matching reads it. What is behind the length
that the facts of the workspace tell does not count: an addition that was stopped leaves nothing
that would have to be cleared away.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from dedupe.blocking.backends import unit_rows
from dedupe.blocking.bi_encoder import embed, fit_bi_encoder, load_bi_encoder
from dedupe.blocking.candidates import FLAT_LIMIT
from dedupe.blocking.int8 import Int8Vectors
from dedupe.blocking.retrieve import Stored
from dedupe.blocking.tfidf import BUCKETS_BITS, HashedTfidf
from dedupe.config import BUNDLED, Config

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


NO_SLOT = np.uint32(0xFFFFFFFF)
"""Place of an empty text: it says nothing, and is not searched."""


_STAGE = "index"


_KINDS = {
    "vectors": np.int8,
    "scale": np.float32,
    "counts": np.uint8,
    "columns": np.int32,
    "values": np.float32,
}


_OF_FEATURES = ("columns", "values")


_BLOCK = 1 << 16


class ArrayStore(Protocol):
    """Keeps arrays under the name of a stage and a key; a workspace does."""

    def save_arrays(self, stage: str, key: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write arrays to one file."""

    def load_arrays(self, stage: str, key: str) -> dict[str, NDArray[Any]] | None:
        """Return arrays that were written; ``None`` if they are missing or damaged."""

    def write_array(self, stage: str, key: str, name: str, at: int, array: NDArray[Any]) -> None:
        """Write the rows of an array from row `at` on."""

    def map_array(
        self, stage: str, key: str, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]
    ) -> NDArray[Any] | None:
        """Return the first rows of an array, mapped for reading; ``None`` if it is shorter."""


@dataclass(frozen=True, eq=False)
class Index:
    """The distinct texts of a workspace, ready to be searched.

    Parameters
    ----------
    stored
        Vectors and rare features of the s texts.
    encoder
        What embeds further texts as those were.
    facts
        ``key``, ``rows``, ``features``, ``dimensions``, ``fitted_on`` (number of texts that the
        weights were fitted to), ``grown`` (whether texts were appended) and ``checksums``: what
        :func:`open_index` needs.
    """

    stored: Stored
    encoder: SentenceTransformer | HashedTfidf
    facts: Mapping[str, Any]


def make_index(
    store: ArrayStore,
    key: str,
    encoder: SentenceTransformer | HashedTfidf,
    vectors: NDArray[np.float32] | Int8Vectors,
    rare: csr_array | None,
) -> dict[str, Any]:
    """Keep an index of texts that were embedded, under `key`; return its facts.

    Parameters
    ----------
    store
        Where to.
    key
        Of the search that it belongs to.
    encoder
        What the vectors were made with.
    vectors
        (s, d) float32, rows of length 1.
    rare
        (s, f) rare features, lone ones as well; ``None`` where none are looked at.
    """
    if isinstance(encoder, HashedTfidf):
        store.save_arrays(_STAGE, key, encoder.arrays())
    facts = {
        "key": key,
        "rows": 0,
        "features": 0,
        "dimensions": vectors.shape[1],
        "fitted_on": len(vectors),
        "grown": False,
        "checksums": dict.fromkeys(_KINDS if rare is not None else ("vectors", "scale"), 0),
    }
    return _appended(store, facts, vectors, rare)


def index_texts(
    store: ArrayStore, key: str, texts: Sequence[str], config: Config
) -> dict[str, Any]:
    """Embed texts and keep an index of them, as :func:`make_index`."""
    encoder = fit_bi_encoder(config, texts)
    return make_index(store, key, encoder, *encoded(encoder, texts))


def index_in_memory(texts: Sequence[str], config: Config) -> Index:
    """Return an index of texts that is not kept."""
    encoder = fit_bi_encoder(config, texts)
    stored = Stored.of(*encoded(encoder, texts))
    return Index(stored, encoder, {})


def encoded(
    encoder: SentenceTransformer | HashedTfidf, texts: Sequence[str]
) -> tuple[NDArray[np.float32] | Int8Vectors, csr_array | None]:
    """Embed texts; return their vectors, and the rare features that an index of them keeps.

    Where rare features are looked at, vectors take a byte a dimension; else there are none.
    """
    if not isinstance(encoder, HashedTfidf) or len(texts) <= FLAT_LIMIT:
        return embed(encoder, texts), None
    return encoder.read(texts)


def open_index(store: ArrayStore, facts: Mapping[str, Any], config: Config) -> Index | None:
    """Return an index that was kept; ``None`` if it is missing or damaged."""
    if not facts:
        return None
    key = str(facts["key"])
    encoder: SentenceTransformer | HashedTfidf
    if config.bi_encoder == BUNDLED:
        weights = store.load_arrays(_STAGE, key)
        if weights is None:
            return None
        encoder = HashedTfidf.of(weights)
    else:
        encoder = load_bi_encoder(config)
    stored = _mapped(store, facts, check=True)
    return None if stored is None else Index(stored, encoder, facts)


def extended(store: ArrayStore, index: Index, texts: Sequence[str]) -> Index:
    """Append texts to an index and to its files."""
    if not texts:
        return index
    vectors: NDArray[np.float32] | Int8Vectors
    rare = None
    if index.stored.rare is None or not isinstance(index.encoder, HashedTfidf):
        vectors = embed(index.encoder, texts)
    else:
        vectors, rare = index.encoder.read(texts)
    facts = {**_appended(store, index.facts, vectors, rare), "grown": True}
    stored = _mapped(store, facts, check=False)
    assert stored is not None
    return Index(stored, index.encoder, facts)


def _mapped(store: ArrayStore, facts: Mapping[str, Any], *, check: bool) -> Stored | None:
    arrays: dict[str, NDArray[Any]] = {}
    for name, checksum in facts["checksums"].items():
        size = facts["features"] if name in _OF_FEATURES else facts["rows"]
        shape = (size, facts["dimensions"]) if name == "vectors" else (size,)
        array = store.map_array(_STAGE, facts["key"], name, np.dtype(_KINDS[name]), shape)
        if array is None or (check and zlib.crc32(array.data) != checksum):
            return None
        arrays[name] = array
    rare = None
    if "counts" in arrays:
        starts = np.concatenate([[0], np.cumsum(arrays["counts"], dtype=np.int32)])
        if starts[-1] != facts["features"]:
            return None
        shape = (facts["rows"], 2 << BUCKETS_BITS)
        rare = csr_array((arrays["values"], arrays["columns"], starts), shape=shape)
    return Stored(Int8Vectors(arrays["vectors"], arrays["scale"]), rare)


def _appended(
    store: ArrayStore,
    facts: Mapping[str, Any],
    vectors: NDArray[np.float32] | Int8Vectors,
    rare: csr_array | None,
) -> dict[str, Any]:
    """Write further texts behind those of `facts`, and return the facts of all."""
    sums = dict(facts["checksums"])
    rows, features = facts["rows"], facts["features"]
    at = {name: features if name in _OF_FEATURES else rows for name in _KINDS}

    def write(name: str, array: NDArray[Any]) -> None:
        array = np.ascontiguousarray(array, dtype=_KINDS[name])
        store.write_array(_STAGE, facts["key"], name, at[name], array)
        sums[name] = zlib.crc32(array.data, sums[name])
        at[name] += len(array)

    for start in range(0, len(vectors), _BLOCK):
        some = slice(start, start + _BLOCK)
        if isinstance(vectors, Int8Vectors):
            block = Int8Vectors(vectors.values[some], vectors.scale[some])
        else:
            block = Int8Vectors.of(vectors[some])
        write("vectors", block.values)
        write("scale", block.scale)
    if rare is not None:
        rare = unit_rows(rare)
        write("counts", np.diff(rare.indptr))
        write("columns", rare.indices)
        write("values", rare.data)
    return {
        **facts,
        "rows": at["vectors"],
        "features": at["columns"],
        "checksums": sums,
    }


def first_slots(texts: pl.Series, firsts: pl.Series, identical: pl.DataFrame) -> NDArray[np.uint32]:
    """Return the place of each text in the index of a run: that of its first row among those.

    (n,) u32; :data:`NO_SLOT` for an empty text. The other two are what
    :func:`~dedupe.scoring.pairs.identical_pairs` says of the texts.
    """
    slot = np.full(len(texts), NO_SLOT, dtype=np.uint32)
    slot[firsts.to_numpy()] = np.arange(len(firsts), dtype=np.uint32)
    slot[identical["right"].to_numpy()] = slot[identical["left"].to_numpy()]
    slot[(texts == "").to_numpy()] = NO_SLOT
    return slot
