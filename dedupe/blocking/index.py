"""Index of the distinct texts of a workspace, for incremental linkage and matching.

::

    texts ──embed──▶ int8 vectors, and those of the naming field ──┐
          ──extract──▶ rare features ──────────────────────────────┴─▶ files that grow at their end

A run builds the index, incremental linkage extends it in place, and matching reads it. Its facts
hold the length of each file. Bytes past that length are ignored, so an interrupted extension leaves
nothing to clean up.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from dedupe.blocking.backends import Vectors, unit_rows
from dedupe.blocking.bi_encoder import BiEncoder, SentenceEncoder, embed, load_bi_encoder
from dedupe.blocking.candidates import FLAT_LIMIT
from dedupe.blocking.int8 import Int8Vectors
from dedupe.blocking.neighbours import NAME_DIMENSIONS, NamingField, View, views_of
from dedupe.blocking.retrieve import StoredVectors
from dedupe.blocking.tfidf import BUCKET_BITS, HashedTfidf
from dedupe.config import BUNDLED, Config

NO_SLOT = np.uint32(0xFFFFFFFF)
"""Slot of an empty text, which is not indexed."""
_STAGE = "index"
_NAMES, _SEMANTIC = "names_", "semantic_"
"""Beginnings of the names of arrays of the naming field, and of a second bi-encoder."""
_DTYPES = {
    "vectors": np.int8,
    "scale": np.float32,
    "names_vectors": np.int8,
    "names_scale": np.float32,
    "semantic_vectors": np.int8,
    "semantic_scale": np.float32,
    "counts": np.uint8,
    "columns": np.int32,
    "values": np.float32,
}
"""Files of an index: vectors and their scales, of whole texts, of the naming field and of a second
bi-encoder; for rare features the number per text, and the columns and values, text after text."""
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
class Semantic:
    """n texts embedded by a sentence-transformers model.

    Parameters
    ----------
    encoder
        The model.
    vectors
        (n, e) unit vectors, quantized: a run that finds them stored gets the same.
    """

    encoder: SentenceEncoder
    vectors: Int8Vectors

    @classmethod
    def of(cls, encoder: SentenceEncoder, texts: Sequence[str]) -> Semantic:
        """Embed texts."""
        return cls(encoder, Int8Vectors.of(embed(encoder, texts)))


@dataclass(frozen=True, eq=False)
class Embedded:
    """n embedded texts.

    Parameters
    ----------
    encoder
        Embedded the texts, and embeds further ones in the same way.
    vectors
        (n, d) unit vectors; quantized where there are rare features.
    rare
        (n, f) rare features with singletons; ``None`` for up to
        :data:`~dedupe.blocking.candidates.FLAT_LIMIT` texts and for other bi-encoders.
    names
        The naming field, where neighbours are searched by it too.
    semantic
        The texts by a second bi-encoder, in a hybrid search.
    """

    encoder: BiEncoder
    vectors: Vectors
    rare: csr_array | None = None
    names: NamingField | None = None
    semantic: Semantic | None = None

    def views(self, texts: Sequence[str]) -> tuple[View, ...]:
        """Return the views by which neighbours are searched, or none where features are shared."""
        if self.rare is not None:
            return ()
        semantic = None if self.semantic is None else self.semantic.vectors
        return views_of(texts, self.encoder, self.vectors, self.names, semantic)


@dataclass(frozen=True, eq=False)
class Index:
    """The index of s distinct texts.

    Parameters
    ----------
    stored
        Vectors and rare features of the texts.
    encoder
        Embeds further texts in the same way.
    names
        The naming field, where neighbours are searched by it too.
    semantic
        The texts by a second bi-encoder, in a hybrid search.
    facts
        What :func:`open_index` needs: ``key``, ``rows``, ``features``, ``dimensions``,
        ``semantic_dimensions`` (0 without a second bi-encoder),
        ``fitted_on`` (number of texts that the encoder was fitted to), ``naming_field`` (its
        label, or nothing), ``grown`` (whether texts were appended) and ``checksums``.
    """

    stored: StoredVectors
    encoder: BiEncoder
    names: NamingField | None
    semantic: Semantic | None
    facts: Mapping[str, Any]

    @property
    def has_views(self) -> bool:
        """Whether neighbours are searched by views, and not by shared features."""
        return self.stored.rare is None

    def views(self, texts: Sequence[str]) -> tuple[View, ...]:
        """Return the views by which neighbours are searched, or none where features are shared.

        Parameters
        ----------
        texts
            s texts, in the order of the index.
        """
        if not self.has_views:
            return ()
        semantic = None if self.semantic is None else self.semantic.vectors
        return views_of(texts, self.encoder, self.stored.vectors, self.names, semantic)

    def views_of_new(self, texts: Sequence[str]) -> tuple[View, ...]:
        """Return the same views of m texts that are not stored."""
        names, semantic = self.names, None
        if names is not None:
            names = replace(names, vectors=names.embed(texts))
        if self.semantic is not None:
            semantic = embed(self.semantic.encoder, texts)
        return views_of(texts, self.encoder, embed(self.encoder, texts), names, semantic)


def embed_texts(config: Config, texts: Sequence[str], earlier: Index | None = None) -> Embedded:
    """Embed texts for the search of a run and for an index.

    With a radius from the user, all pairs at or above it are wanted, and the naming field is not
    looked at.

    Parameters
    ----------
    config
        The configuration.
    texts
        n texts.
    earlier
        An index of the same texts: what a sentence-transformers model made of them is taken from
        it. ``None``: all is embedded.
    """
    semantic = None if config.bi_encoder == BUNDLED else _semantic(config, texts, earlier)
    if semantic is not None and not config.hybrid:
        return Embedded(semantic.encoder, semantic.vectors)
    encoder = HashedTfidf.fit(texts)
    if len(texts) > FLAT_LIMIT:
        vectors, rare = encoder.embed_with_features(texts)
        return Embedded(encoder, vectors, rare, semantic=semantic)
    names = NamingField.of(texts) if config.radius is None else None
    return Embedded(encoder, embed(encoder, texts), names=names, semantic=semantic)


def _semantic(config: Config, texts: Sequence[str], earlier: Index | None) -> Semantic:
    """Embed texts with the model that `config` names, or take the vectors of an earlier index."""
    if earlier is None or len(earlier.stored.vectors) != len(texts):
        return Semantic.of(load_bi_encoder(config), texts)
    if earlier.semantic is not None:
        return earlier.semantic
    assert isinstance(earlier.encoder, SentenceEncoder)
    return Semantic(earlier.encoder, earlier.stored.vectors)


def save_index(store: ArrayStore, key: str, embedded: Embedded) -> dict[str, Any]:
    """Save the index of s embedded texts under `key`, and return its facts.

    Parameters
    ----------
    store
        Where the index is saved.
    key
        Key of the search stage.
    embedded
        The texts.
    """
    encoder, names = embedded.encoder, embedded.names
    files = ["vectors", "scale"]
    if isinstance(encoder, HashedTfidf):
        weights = encoder.to_arrays()
        if names is not None:
            of_names = names.weights.to_arrays()
            weights |= {f"{_NAMES}{name}": array for name, array in of_names.items()}
            files += ["names_vectors", "names_scale"]
        store.save_arrays(_STAGE, key, weights)
    if embedded.rare is not None:
        files += ["counts", "columns", "values"]
    semantic = embedded.semantic if isinstance(encoder, HashedTfidf) else None
    if semantic is not None:
        files += ["semantic_vectors", "semantic_scale"]
    facts = {
        "key": key,
        "rows": 0,
        "features": 0,
        "dimensions": embedded.vectors.shape[1],
        "semantic_dimensions": 0 if semantic is None else semantic.vectors.shape[1],
        "fitted_on": len(embedded.vectors),
        "naming_field": None if names is None else names.label,
        "grown": False,
        "checksums": dict.fromkeys(files, 0),
    }
    more = {
        _NAMES: None if names is None else names.vectors,
        _SEMANTIC: None if semantic is None else semantic.vectors,
    }
    return _append(store, facts, embedded.vectors, embedded.rare, more)


def build_index(
    store: ArrayStore, key: str, texts: Sequence[str], config: Config
) -> dict[str, Any]:
    """Embed texts and save their index; see :func:`save_index`."""
    return save_index(store, key, embed_texts(config, texts))


def build_index_in_memory(texts: Sequence[str], config: Config) -> Index:
    """Embed texts and build an index that is not saved."""
    embedded = embed_texts(config, texts)
    stored = StoredVectors.of(embedded.vectors, embedded.rare)
    return Index(stored, embedded.encoder, embedded.names, embedded.semantic, {})


def open_index(store: ArrayStore, facts: Mapping[str, Any], config: Config) -> Index | None:
    """Open a saved index; ``None`` if it is missing or damaged."""
    if not facts:
        return None
    model = None if config.bi_encoder == BUNDLED else load_bi_encoder(config)
    if model is not None and not config.hybrid:
        return _mapped(store, facts, _Encoders(model), check=True)
    weights = store.load_arrays(_STAGE, str(facts["key"]))
    if weights is None:
        return None
    of_names = {
        name.removeprefix(_NAMES): array
        for name, array in weights.items()
        if name.startswith(_NAMES)
    }
    names = HashedTfidf.from_arrays(of_names) if of_names else None
    encoders = _Encoders(HashedTfidf.from_arrays(weights), names, model)
    return _mapped(store, facts, encoders, check=True)


@dataclass(frozen=True, eq=False)
class _Encoders:
    """What embeds the texts of an index, their naming field, and a second time."""

    whole: BiEncoder
    names: HashedTfidf | None = None
    semantic: SentenceEncoder | None = None


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
    names, semantic = index.names, index.semantic
    more = {
        _NAMES: None if names is None else names.embed(texts),
        _SEMANTIC: None if semantic is None else Semantic.of(semantic.encoder, texts).vectors,
    }
    facts = {**_append(store, index.facts, vectors, rare, more), "grown": True}
    encoders = _Encoders(
        index.encoder,
        None if names is None else names.weights,
        None if semantic is None else semantic.encoder,
    )
    extended = _mapped(store, facts, encoders, check=False)
    assert extended is not None
    return extended


def _mapped(
    store: ArrayStore,
    facts: Mapping[str, Any],
    encoders: _Encoders,
    *,
    check: bool,
) -> Index | None:
    """Map the files of an index; ``None`` if one is missing, too short, or fails its checksum."""
    arrays: dict[str, NDArray[Any]] = {}
    dimensions = {
        "vectors": facts["dimensions"],
        "names_vectors": NAME_DIMENSIONS,
        "semantic_vectors": facts["semantic_dimensions"],
    }
    for name, checksum in facts["checksums"].items():
        size = facts["features"] if name in _PER_FEATURE else facts["rows"]
        shape = (size, dimensions[name]) if name in dimensions else (size,)
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
    names = None
    if facts["naming_field"] is not None:
        if encoders.names is None or "names_vectors" not in arrays:
            return None
        vectors = Int8Vectors(arrays["names_vectors"], arrays["names_scale"])
        names = NamingField(facts["naming_field"], encoders.names, vectors)
    semantic = None
    if encoders.semantic is not None:
        if "semantic_vectors" not in arrays:
            return None
        vectors = Int8Vectors(arrays["semantic_vectors"], arrays["semantic_scale"])
        semantic = Semantic(encoders.semantic, vectors)
    stored = StoredVectors(Int8Vectors(arrays["vectors"], arrays["scale"]), rare)
    return Index(stored, encoders.whole, names, semantic, facts)


def _append(
    store: ArrayStore,
    facts: Mapping[str, Any],
    vectors: NDArray[np.float32] | Int8Vectors,
    rare: csr_array | None,
    more: Mapping[str, Vectors | None],
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

    def write_vectors(beginning: str, vectors: Vectors) -> None:
        for start in range(0, len(vectors), _WRITE_BLOCK):
            some = slice(start, start + _WRITE_BLOCK)
            if isinstance(vectors, Int8Vectors):
                block = Int8Vectors(vectors.values[some], vectors.scale[some])
            else:
                block = Int8Vectors.of(vectors[some])
            write(f"{beginning}vectors", block.values)
            write(f"{beginning}scale", block.scale)

    write_vectors("", vectors)
    for beginning, others in more.items():
        if others is not None:
            write_vectors(beginning, others)
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
