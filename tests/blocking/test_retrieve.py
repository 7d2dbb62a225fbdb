"""New texts retrieve the same stored texts as brute force would."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from dedupe.blocking.backends import CANDIDATES
from dedupe.blocking.candidates import find_candidate_pairs
from dedupe.blocking.embedding.features import KINDS
from dedupe.blocking.embedding.int8 import Int8Vectors
from dedupe.blocking.embedding.tfidf import HashedTfidf
from dedupe.blocking.index import Index
from dedupe.blocking.retrieve import find_new_candidate_pairs
from dedupe.config import Config
from tests.laws import examples


def unit_vectors(n: int, groups: int = 20, seed: int = 0) -> np.ndarray:
    """Draw `n` unit vectors close to `groups` centres."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(groups, 16))[rng.integers(0, groups, n)]
    vectors = vectors + 0.3 * rng.normal(size=(n, 16))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@examples(25)
@given(st.integers(2, 60), st.integers(0, 10**6), st.floats(-0.2, 0.9), st.data())
def test_new_texts_get_the_pairs_that_brute_force_finds(
    n: int, seed: int, radius: float, data: st.DataObject
) -> None:
    vectors = unit_vectors(n, seed=seed)
    is_new = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    searchable = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    stored = Int8Vectors.of(vectors)
    whole = stored[:].astype(np.float64)
    cosine = whole @ whole.T
    assert np.abs(cosine - vectors @ vectors.T).max() < 0.01
    none = pl.DataFrame(schema=CANDIDATES)
    found = find_new_candidate_pairs(
        stored, is_new, searchable, none, radius, Config(radius=radius)
    )
    pairs = set(found.select("left", "right").iter_rows())
    assert len(pairs) == found.height and found.equals(found.sort("left", "right"))
    for left in range(n):
        for right in range(left + 1, n):
            if abs(cosine[left, right] - radius) > 1e-5:
                expected = (
                    searchable[left] and searchable[right] and (is_new[left] or is_new[right])
                )
                assert ((left, right) in pairs) == (expected and cosine[left, right] >= radius)


def test_new_texts_keep_to_their_budget() -> None:
    vectors = unit_vectors(300, groups=4)
    is_new = np.arange(300) >= 280
    searchable = np.ones(300, dtype=bool)
    known = find_candidate_pairs(vectors[:280], Config()).pairs
    found = find_new_candidate_pairs(
        Int8Vectors.of(vectors), is_new, searchable, known, 0.0, Config()
    )
    assert found.height <= 5 * 20
    pairs = set(found.select("left", "right").iter_rows())
    for row in range(280, 300):
        nearest = int(np.argsort(-(vectors[row] @ vectors.T))[1])
        assert (min(row, nearest), max(row, nearest)) in pairs


def test_new_texts_are_ranked_by_every_view_as_in_a_run() -> None:
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("bcdfgklmnprst"), 6)) for _ in range(300)]
    texts = [
        f"title: {words[n % 120]} {words[120 + n % 120]}\n"
        f"description: {' '.join(rng.choice(words, 20))}"
        for n in range(240)
    ]
    config = Config(candidates_per_record=3)
    index = Index.build(texts, config)
    assert index.names is not None and not isinstance(index.vectors, Int8Vectors)
    whole = index.candidates(texts, config).pairs
    is_new = np.arange(240) >= 220
    known = whole.filter(pl.col("right") < 220)
    found = index.quantized().new_candidates(
        texts, is_new, np.ones(240, dtype=bool), known, 0.0, config
    )
    assert found.height == 3 * 20 and found["right"].min() >= 220
    twins = {(n - 120, n) for n in range(220, 240)}
    assert twins <= set(found.select("left", "right").iter_rows())


def test_new_texts_retrieve_texts_that_share_rare_features() -> None:
    texts = [f"name: person{n % 97} family{n}\ncity: rome" for n in range(200)]
    old, new = (
        HashedTfidf.fit(texts[:150], KINDS),
        [text.replace("person", "persn") for text in texts[:9]],
    )
    all_texts = [*texts, *new]
    vectors = old.embed(all_texts)
    rare = old.rare_features(all_texts, singletons=True)
    is_new = np.arange(len(all_texts)) >= 150
    searchable = np.ones(len(all_texts), dtype=bool)
    none = pl.DataFrame(schema=CANDIDATES)
    found = (
        Index(old, vectors, rare)
        .quantized()
        .new_candidates(all_texts, is_new, searchable, none, 0.2, Config())
    )
    pairs = set(found.select("left", "right").iter_rows())
    assert {(n, 200 + n) for n in range(9)} <= pairs
