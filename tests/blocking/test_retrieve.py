"""New texts retrieve the same stored texts as brute force would."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from dedupe.blocking.backends import CANDIDATES
from dedupe.blocking.candidates import find_candidate_pairs
from dedupe.blocking.retrieve import Retriever, StoredVectors, find_new_candidate_pairs
from dedupe.blocking.tfidf import HashedTfidf
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
    stored = StoredVectors.of(vectors)
    whole = stored.vectors[:].astype(np.float64)
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
        StoredVectors.of(vectors), is_new, searchable, known, 0.0, Config()
    )
    assert found.height <= 5 * 20
    pairs = set(found.select("left", "right").iter_rows())
    for row in range(280, 300):
        nearest = int(np.argsort(-(vectors[row] @ vectors.T))[1])
        assert (min(row, nearest), max(row, nearest)) in pairs


def test_new_texts_retrieve_texts_that_share_rare_features() -> None:
    texts = [f"name: person{n % 97} family{n}\ncity: rome" for n in range(200)]
    old, new = (
        HashedTfidf.fit(texts[:150]),
        [text.replace("person", "persn") for text in texts[:9]],
    )
    all_texts = [*texts, *new]
    vectors = old.embed(all_texts)
    rare = old.rare_features(all_texts, singletons=True)
    is_new = np.arange(len(all_texts)) >= 150
    searchable = np.ones(len(all_texts), dtype=bool)
    none = pl.DataFrame(schema=CANDIDATES)
    stored = StoredVectors.of(vectors, rare)
    found = find_new_candidate_pairs(stored, is_new, searchable, none, 0.2, Config())
    pairs = set(found.select("left", "right").iter_rows())
    assert {(n, 200 + n) for n in range(9)} <= pairs
    retriever = Retriever(stored, searchable)
    for n in range(9):
        rows, cosine = retriever.most_similar(vectors[200 + n], rare[[200 + n]], 3)
        assert rows[0] == 200 + n and n in rows and (np.diff(cosine) <= 0).all()
    searchable[200] = False
    rows, _ = Retriever(stored, searchable).most_similar(vectors[200], rare[[200]], 3)
    assert 200 not in rows and 0 in rows


@given(st.integers(1, 40), st.integers(0, 10**6), st.data())
def test_the_most_similar_texts_are_those_of_brute_force(
    n: int, seed: int, data: st.DataObject
) -> None:
    stored = StoredVectors.of(unit_vectors(n, seed=seed))
    searchable = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    vector = unit_vectors(1, seed=seed + 1)[0]
    rows, cosine = Retriever(stored, searchable).most_similar(vector, None, 5)
    true = stored.vectors[:] @ vector
    assert set(rows) <= set(np.flatnonzero(searchable)) and len(rows) == min(5, searchable.sum())
    assert np.allclose(cosine, np.sort(true[searchable])[::-1][:5], atol=1e-6)
