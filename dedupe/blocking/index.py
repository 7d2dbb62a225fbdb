"""Index of distinct texts, in which every command searches.

::

    texts ──embed──▶ vectors of whole texts, of the naming field, of a second bi-encoder ──┐
          ──extract──▶ rare features ──────────────────────────────────────────────────────┴─▶ index

A run builds the index, searches candidate pairs in it and saves it. An addition loads it, adds
texts, and searches the pairs of these. Matching looks up texts that are not added; see
:mod:`dedupe.blocking.lookup`. Up to :data:`~dedupe.blocking.candidates.FLAT_LIMIT` texts FAISS
finds the neighbours in every view of them; above, those that share rare features are compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from dedupe.blocking.backends import Vectors, unit_rows
from dedupe.blocking.candidates import FLAT_LIMIT, Candidates, find_candidate_pairs
from dedupe.blocking.embedding.bi_encoder import (
    BiEncoder,
    SentenceEncoder,
    embed,
    load_bi_encoder,
    shared_features,
)
from dedupe.blocking.embedding.features import KINDS
from dedupe.blocking.embedding.int8 import Int8Vectors
from dedupe.blocking.embedding.tfidf import HashedTfidf
from dedupe.blocking.index_files import (
    NAMES,
    SEMANTIC,
    STAGE,
    WHOLE,
    ArrayStore,
    append,
    no_files,
    open_files,
)
from dedupe.blocking.neighbours import NamingField, View, views_of
from dedupe.blocking.ranking import Sources
from dedupe.blocking.retrieve import find_new_candidate_pairs
from dedupe.config import BUNDLED, Config
from dedupe.progress import Progress, silent

NO_SLOT = np.uint32(0xFFFFFFFF)
"""Slot of an empty text, which is not indexed."""


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
class Index:
    """The index of n distinct texts.

    Parameters
    ----------
    encoder
        Embedded the texts, and embeds further ones in the same way.
    vectors
        (n, d) unit vectors; quantized where there are rare features, and in an index that is saved.
    rare
        (n, f) rare features with singletons; ``None`` for up to
        :data:`~dedupe.blocking.candidates.FLAT_LIMIT` texts and for other bi-encoders.
    names
        The naming field, where neighbours are searched by it too.
    semantic
        The texts by a second bi-encoder, in a hybrid search.
    facts
        What :meth:`load` needs, of an index that is saved: those of its files (see
        :func:`~dedupe.blocking.index_files.no_files`), ``fitted_on`` (number of texts that the
        encoder was fitted to), ``naming_field`` (its label, or nothing) and ``grown`` (whether
        texts were added).
    """

    encoder: BiEncoder
    vectors: Vectors
    rare: csr_array | None = None
    names: NamingField | None = None
    semantic: Semantic | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def build(cls, texts: Sequence[str], config: Config, earlier: Index | None = None) -> Index:
        """Embed texts.

        With a radius from the user, all pairs at or above it are wanted, and the naming field is
        not looked at.

        Parameters
        ----------
        texts
            n texts.
        config
            ``bi_encoder``, ``bi_encoder_prompt``, ``hybrid`` and ``radius`` are used.
        earlier
            An index of the same texts: what a sentence-transformers model made of them is taken
            from it. ``None``: all is embedded.
        """
        semantic = None if config.bi_encoder == BUNDLED else _semantic(config, texts, earlier)
        if semantic is not None and not config.hybrid:
            return cls(semantic.encoder, semantic.vectors)
        if len(texts) > FLAT_LIMIT:
            encoder = HashedTfidf.fit(texts, KINDS)
            vectors, rare = encoder.embed_with_features(texts)
            return cls(encoder, vectors, rare, semantic=semantic)
        encoder = HashedTfidf.fit(texts)
        names = NamingField.of(texts) if config.radius is None else None
        return cls(encoder, embed(encoder, texts), names=names, semantic=semantic)

    @classmethod
    def load(cls, store: ArrayStore, facts: Mapping[str, Any], config: Config) -> Index | None:
        """Open a saved index; ``None`` if it is missing or damaged."""
        if not facts:
            return None
        model = None if config.bi_encoder == BUNDLED else load_bi_encoder(config)
        if model is not None and not config.hybrid:
            return _opened(store, facts, model)
        weights = store.load_arrays(STAGE, str(facts["key"]))
        if weights is None:
            return None
        of_names = {
            name.removeprefix(NAMES): array
            for name, array in weights.items()
            if name.startswith(NAMES)
        }
        names = HashedTfidf.from_arrays(of_names) if of_names else None
        return _opened(store, facts, HashedTfidf.from_arrays(weights), names, model)

    def save(self, store: ArrayStore, key: str) -> Index:
        """Save the index under `key`, and return it as it can be loaded.

        Parameters
        ----------
        store
            Where the index is saved.
        key
            Key of the search stage.
        """
        encoder, names = self.encoder, self.names
        if isinstance(encoder, HashedTfidf):
            weights = encoder.to_arrays()
            if names is not None:
                of_names = names.weights.to_arrays()
                weights |= {f"{NAMES}{name}": array for name, array in of_names.items()}
            store.save_arrays(STAGE, key, weights)
        dimensions = 0 if self.semantic is None else self.semantic.vectors.shape[1]
        facts = {
            **no_files(key, self.vectors.shape[1], dimensions),
            "fitted_on": len(self.vectors),
            "naming_field": None if names is None else names.label,
            "grown": False,
        }
        return replace(self, facts=append(store, facts, self._all_vectors(), self.rare))

    def add(self, texts: Sequence[str], store: ArrayStore) -> Index:
        """Add texts to a saved index and to its files."""
        if not texts:
            return self
        more = self._embed(texts)
        facts = append(store, self.facts, more._all_vectors(), more.rare)
        semantic = None if self.semantic is None else self.semantic.encoder
        names = None if self.names is None else self.names.weights
        facts["grown"] = True
        extended = _opened(store, facts, self.encoder, names, semantic, check=False)
        assert extended is not None
        return extended

    def _embed(self, texts: Sequence[str]) -> Index:
        """Embed further texts in the same way."""
        vectors: Vectors
        rare = None
        if self.rare is not None and isinstance(self.encoder, HashedTfidf):
            vectors, rare = self.encoder.embed_with_features(texts)
        else:
            vectors = embed(self.encoder, texts)
        names, semantic = self.names, self.semantic
        if names is not None:
            names = replace(names, vectors=names.embed(texts))
        if semantic is not None:
            semantic = Semantic.of(semantic.encoder, texts)
        return Index(self.encoder, vectors, rare, names, semantic)

    def _all_vectors(self) -> dict[str, Vectors]:
        """Name all vectors as the files of an index do."""
        found = {WHOLE: self.vectors}
        if self.names is not None:
            found[NAMES] = self.names.vectors
        if self.semantic is not None:
            found[SEMANTIC] = self.semantic.vectors
        return found

    def quantized(self) -> Index:
        """Return the index as it would be loaded after it is saved."""
        vectors, rare = self.vectors, self.rare
        if not isinstance(vectors, Int8Vectors):
            vectors = Int8Vectors.of(vectors)
        return replace(self, vectors=vectors, rare=None if rare is None else unit_rows(rare))

    @property
    def has_views(self) -> bool:
        """Whether neighbours are searched by views, and not by shared features."""
        return self.rare is None

    def views(self, texts: Sequence[str]) -> tuple[View, ...]:
        """Return the views by which neighbours are searched, or none where features are shared.

        Parameters
        ----------
        texts
            n texts, in the order of the index.
        """
        if not self.has_views:
            return ()
        semantic = None if self.semantic is None else self.semantic.vectors
        return views_of(texts, self.encoder, self.vectors, self.names, semantic)

    def views_of_new(self, texts: Sequence[str]) -> tuple[View, ...]:
        """Return the same views of m texts that are not in the index."""
        return self._embed(texts).views(texts)

    def candidates(
        self,
        texts: Sequence[str],
        config: Config,
        progress: Progress = silent,
        sources: Sources | None = None,
    ) -> Candidates:
        """Find the candidate pairs among all texts.

        Parameters
        ----------
        texts
            n texts, in the order of the index.
        config, progress, sources
            As for :func:`~dedupe.blocking.candidates.find_candidate_pairs`.
        """
        return find_candidate_pairs(
            self.vectors,
            config,
            progress,
            sources,
            shared_features(self.encoder, self.rare),
            self.views(texts),
            None if self.semantic is None else self.semantic.vectors,
        )

    def new_candidates(
        self,
        texts: Sequence[str],
        is_new: NDArray[np.bool_],
        searchable: NDArray[np.bool_],
        known: pl.DataFrame,
        radius: float,
        config: Config,
        sources: Sources | None = None,
    ) -> pl.DataFrame:
        """Find the candidate pairs of new texts, with each other and with earlier ones.

        Parameters
        ----------
        texts
            n texts, in the order of the index; only looked at where it has views.
        is_new, searchable, known, radius, config, sources
            As for :func:`~dedupe.blocking.retrieve.find_new_candidate_pairs`.
        """
        return find_new_candidate_pairs(
            self.vectors,
            is_new,
            searchable,
            known,
            radius,
            config,
            sources,
            self.rare,
            self.views(texts),
        )


def _semantic(config: Config, texts: Sequence[str], earlier: Index | None) -> Semantic:
    """Embed texts with the model that `config` names, or take the vectors of an earlier index."""
    if earlier is None or len(earlier.vectors) != len(texts):
        return Semantic.of(load_bi_encoder(config), texts)
    if earlier.semantic is not None:
        return earlier.semantic
    assert isinstance(earlier.encoder, SentenceEncoder)
    assert isinstance(earlier.vectors, Int8Vectors)
    return Semantic(earlier.encoder, earlier.vectors)


def _opened(
    store: ArrayStore,
    facts: Mapping[str, Any],
    encoder: BiEncoder,
    name_weights: HashedTfidf | None = None,
    model: SentenceEncoder | None = None,
    *,
    check: bool = True,
) -> Index | None:
    """Open the files of an index; ``None`` if one is missing or damaged.

    Parameters
    ----------
    store, facts
        Where the index is saved, and its facts.
    encoder, name_weights, model
        What embeds whole texts, the naming field, and texts a second time.
    check
        Compare the files with their checksums.
    """
    found = open_files(store, facts, check=check)
    if found is None:
        return None
    vectors, rare = found
    names = semantic = None
    if facts["naming_field"] is not None:
        if name_weights is None or NAMES not in vectors:
            return None
        names = NamingField(facts["naming_field"], name_weights, vectors[NAMES])
    if model is not None and model is not encoder:
        if SEMANTIC not in vectors:
            return None
        semantic = Semantic(model, vectors[SEMANTIC])
    return Index(encoder, vectors[WHOLE], rare, names, semantic, facts)


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
