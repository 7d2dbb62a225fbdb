"""Index of the distinct texts of a workspace, for incremental linkage and matching.

::

    texts ──embed──▶ int8 vectors ──────────┐
          ──extract──▶ rare features ───────┴─▶ files that grow at their end

A run builds the index, incremental linkage extends it in place, and matching reads it. Its facts
hold the length of each file. Bytes past that length are ignored, so an interrupted extension leaves
nothing to clean up.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from dedupe.blocking.backends import unit_rows
from dedupe.blocking.bi_encoder import BiEncoder, embed, fit_bi_encoder, load_bi_encoder
from dedupe.blocking.candidates import FLAT_LIMIT
from dedupe.blocking.int8 import Int8Vectors
from dedupe.blocking.retrieve import StoredVectors
from dedupe.blocking.tfidf import BUCKET_BITS, HashedTfidf
from dedupe.config import BUNDLED, Config

NO_SLOT = np.uint32(0xFFFFFFFF)
"""Slot of an empty text, which is not indexed."""
_STAGE = "index"
_DTYPES = {
    "vectors": np.int8,
    "scale": np.float32,
    "counts": np.uint8,
    "columns": np.int32,
    "values": np.float32,
}
"""Files of an index: vectors and their scales; for rare features the number per text, and the
columns and values, text after text."""
_PER_FEATURE = ("columns", "values")
_WRITE_BLOCK = 1 << 16


class ArrayStore(Protocol):
    """Stores arrays under the name of a stage and a key, as a workspace does."""

    def save_arrays(self, stage: str, key: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write arrays to one file."""

    def load_arrays(self, stage: str, key: str) -> dict[str, NDArray[Any]] | None:
        """Load arrays; ``None`` if they are missing or damaged."""

    def write_array(self, stage: str, key: str, name: str, at: int, array: NDArray[Any]) -> None:
        """Write rows of an array from row `at` on."""

    def map_array(
        self, stage: str, key: str, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]
    ) -> NDArray[Any] | None:
        """Map the first rows of an array for reading; ``None`` if it has fewer."""


@dataclass(frozen=True, eq=False)
class Index:
    """The index of s distinct texts.

    Parameters
    ----------
    stored
        Vectors and rare features of the texts.
    encoder
        Embeds further texts in the same way.
    facts
        What :func:`open_index` needs: ``key``, ``rows``, ``features``, ``dimensions``,
        ``fitted_on`` (number of texts that the encoder was fitted to), ``grown`` (whether texts
        were appended) and ``checksums``.
    """

    stored: StoredVectors
    encoder: BiEncoder
    facts: Mapping[str, Any]


def save_index(
    store: ArrayStore,
    key: str,
    encoder: BiEncoder,
    vectors: NDArray[np.float32] | Int8Vectors,
    rare: csr_array | None,
) -> dict[str, Any]:
    """Save the index of embedded texts under `key`, and return its facts.

    Parameters
    ----------
    store
        Where the index is saved.
    key
        Key of the search stage.
    encoder
        Embedded the texts.
    vectors
        (s, d) unit vectors.
    rare
        (s, f) rare features with singletons; ``None`` where all vectors are compared.
    """
    if isinstance(encoder, HashedTfidf):
        store.save_arrays(_STAGE, key, encoder.to_arrays())
    files = _DTYPES if rare is not None else ("vectors", "scale")
    facts = {
        "key": key,
        "rows": 0,
        "features": 0,
        "dimensions": vectors.shape[1],
        "fitted_on": len(vectors),
        "grown": False,
        "checksums": dict.fromkeys(files, 0),
    }
    return _append(store, facts, vectors, rare)


def build_index(
    store: ArrayStore, key: str, texts: Sequence[str], config: Config
) -> dict[str, Any]:
    """Embed texts and save their index; see :func:`save_index`."""
    encoder = fit_bi_encoder(config, texts)
    return save_index(store, key, encoder, *embed_for_index(encoder, texts))


def build_index_in_memory(texts: Sequence[str], config: Config) -> Index:
    """Embed texts and build an index that is not saved."""
    encoder = fit_bi_encoder(config, texts)
    return Index(StoredVectors.of(*embed_for_index(encoder, texts)), encoder, {})


def embed_for_index(
    encoder: BiEncoder, texts: Sequence[str]
) -> tuple[NDArray[np.float32] | Int8Vectors, csr_array | None]:
    """Embed texts for the search of a run and for an index.

    Returns
    -------
    vectors
        (s, d) unit vectors; quantized where there are rare features.
    rare
        (s, f) rare features with singletons; ``None`` for up to
        :data:`~dedupe.blocking.candidates.FLAT_LIMIT` texts and for other bi-encoders.
    """
    if not isinstance(encoder, HashedTfidf) or len(texts) <= FLAT_LIMIT:
        return embed(encoder, texts), None
    return encoder.embed_with_features(texts)


def open_index(store: ArrayStore, facts: Mapping[str, Any], config: Config) -> Index | None:
    """Open a saved index; ``None`` if it is missing or damaged."""
    if not facts:
        return None
    encoder: BiEncoder
    if config.bi_encoder == BUNDLED:
        weights = store.load_arrays(_STAGE, str(facts["key"]))
        if weights is None:
            return None
        encoder = HashedTfidf.from_arrays(weights)
    else:
        encoder = load_bi_encoder(config)
    stored = _map_files(store, facts, check=True)
    return None if stored is None else Index(stored, encoder, facts)


def extend_index(store: ArrayStore, index: Index, texts: Sequence[str]) -> Index:
    """Append texts to an index and to its files."""
    if not texts:
        return index
    vectors: NDArray[np.float32] | Int8Vectors
    rare = None
    if index.stored.rare is None or not isinstance(index.encoder, HashedTfidf):
        vectors = embed(index.encoder, texts)
    else:
        vectors, rare = index.encoder.embed_with_features(texts)
    facts = {**_append(store, index.facts, vectors, rare), "grown": True}
    stored = _map_files(store, facts, check=False)
    assert stored is not None
    return Index(stored, index.encoder, facts)


def _map_files(store: ArrayStore, facts: Mapping[str, Any], *, check: bool) -> StoredVectors | None:
    """Map the files of an index; ``None`` if one is missing, too short, or fails its checksum."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, checksum in facts["checksums"].items():
        size = facts["features"] if name in _PER_FEATURE else facts["rows"]
        shape = (size, facts["dimensions"]) if name == "vectors" else (size,)
        array = store.map_array(_STAGE, facts["key"], name, np.dtype(_DTYPES[name]), shape)
        if array is None or (check and zlib.crc32(array.data) != checksum):
            return None
        arrays[name] = array
    rare = None
    if "counts" in arrays:
        starts = np.concatenate([[0], np.cumsum(arrays["counts"], dtype=np.int32)])
        if starts[-1] != facts["features"]:
            return None
        shape = (facts["rows"], 2 << BUCKET_BITS)
        rare = csr_array((arrays["values"], arrays["columns"], starts), shape=shape)
    return StoredVectors(Int8Vectors(arrays["vectors"], arrays["scale"]), rare)


def _append(
    store: ArrayStore,
    facts: Mapping[str, Any],
    vectors: NDArray[np.float32] | Int8Vectors,
    rare: csr_array | None,
) -> dict[str, Any]:
    """Append texts to the files that `facts` describe, and return the facts of all texts."""
    checksums = dict(facts["checksums"])
    rows, features = facts["rows"], facts["features"]
    end = {name: features if name in _PER_FEATURE else rows for name in _DTYPES}

    def write(name: str, array: NDArray[Any]) -> None:
        array = np.ascontiguousarray(array, dtype=_DTYPES[name])
        store.write_array(_STAGE, facts["key"], name, end[name], array)
        checksums[name] = zlib.crc32(array.data, checksums[name])
        end[name] += len(array)

    for start in range(0, len(vectors), _WRITE_BLOCK):
        some = slice(start, start + _WRITE_BLOCK)
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
    return {**facts, "rows": end["vectors"], "features": end["columns"], "checksums": checksums}


def assign_slots(
    texts: pl.Series, firsts: pl.Series, identical: pl.DataFrame
) -> NDArray[np.uint32]:
    """Find the slot of each text in the index that a run builds.

    Parameters
    ----------
    texts
        (n,) record texts.
    firsts, identical
        Rows of the distinct texts, which are indexed in this order, and pairs of identical text, as
        of :func:`~dedupe.scoring.pairs.identical_pairs`.

    Returns
    -------
    ndarray
        (n,) uint32; :data:`NO_SLOT` for an empty text.
    """
    slot = np.full(len(texts), NO_SLOT, dtype=np.uint32)
    slot[firsts.to_numpy()] = np.arange(len(firsts), dtype=np.uint32)
    slot[identical["right"].to_numpy()] = slot[identical["left"].to_numpy()]
    slot[(texts == "").to_numpy()] = NO_SLOT
    return slot
