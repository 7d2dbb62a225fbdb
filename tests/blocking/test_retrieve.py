"""New vectors find what is like them among those stored, as brute force would."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from dedupe.blocking.backends import CANDIDATES
from dedupe.blocking.candidates import search
from dedupe.blocking.retrieve import Nearest, Stored, search_new
from dedupe.blocking.tfidf import HashedTfidf
from dedupe.config import Config


def unit_vectors(n: int, d: int = 16, groups: int = 20, seed: int = 0) -> np.ndarray:
    """Return `n` vectors of length 1 around `groups` centres."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(groups, d))[rng.integers(0, groups, n)]
    vectors = vectors + 0.3 * rng.normal(size=(n, d))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 60), st.integers(0, 10**6), st.floats(-0.2, 0.9), st.data())
def test_new_records_bring_the_pairs_that_brute_force_finds(
    n: int, seed: int, radius: float, data: st.DataObject
) -> None:
    vectors = unit_vectors(n, seed=seed)
    fresh = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    alive = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    stored = Stored.of(vectors)
    whole = stored.vectors[:].astype(np.float64)
    cosine = whole @ whole.T
    assert np.abs(cosine - vectors @ vectors.T).max() < 0.01
    none = pl.DataFrame(schema=CANDIDATES)
    found = search_new(stored, fresh, alive, none, radius, Config(radius=radius))
    pairs = set(found.select("left", "right").iter_rows())
    assert len(pairs) == found.height and found.equals(found.sort("left", "right"))
    for left in range(n):
        for right in range(left + 1, n):
            if abs(cosine[left, right] - radius) > 1e-5:
                due = alive[left] and alive[right] and (fresh[left] or fresh[right])
                assert ((left, right) in pairs) == (due and cosine[left, right] >= radius)


def test_new_records_keep_to_their_budget() -> None:
    vectors = unit_vectors(300, groups=4)
    fresh = np.arange(300) >= 280
    everything = np.ones(300, dtype=bool)
    known = search(vectors[:280], Config()).pairs
    found = search_new(Stored.of(vectors), fresh, everything, known, 0.0, Config())
    assert found.height <= 5 * 20
    pairs = set(found.select("left", "right").iter_rows())
    for row in range(280, 300):
        nearest = int(np.argsort(-(vectors[row] @ vectors.T))[1])
        assert (min(row, nearest), max(row, nearest)) in pairs


def test_new_records_are_found_by_the_rare_features_they_share() -> None:
    texts = [f"name: person{n % 97} family{n}\ncity: rome" for n in range(200)]
    old, new = (
        HashedTfidf.fitted(texts[:150]),
        [text.replace("person", "persn") for text in texts[:9]],
    )
    everything = [*texts, *new]
    vectors = old.embed(everything)
    rare = old.rare_features(everything, lone=True)
    fresh = np.arange(len(everything)) >= 150
    alive = np.ones(len(everything), dtype=bool)
    none = pl.DataFrame(schema=CANDIDATES)
    stored = Stored.of(vectors, rare)
    found = search_new(stored, fresh, alive, none, 0.2, Config())
    pairs = set(found.select("left", "right").iter_rows())
    assert {(n, 200 + n) for n in range(9)} <= pairs
    near = Nearest(stored, alive)
    for n in range(9):
        rows, cosine = near.search(vectors[200 + n], rare[[200 + n]], 3)
        assert rows[0] == 200 + n and n in rows and (np.diff(cosine) <= 0).all()
    alive[200] = False
    rows, _ = Nearest(stored, alive).search(vectors[200], rare[[200]], 3)
    assert 200 not in rows and 0 in rows


@given(st.integers(1, 40), st.integers(0, 10**6), st.data())
def test_the_nearest_are_those_of_brute_force(n: int, seed: int, data: st.DataObject) -> None:
    stored = Stored.of(unit_vectors(n, seed=seed))
    alive = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    vector = unit_vectors(1, seed=seed + 1)[0]
    rows, cosine = Nearest(stored, alive).search(vector, None, 5)
    true = stored.vectors[:] @ vector
    assert set(rows) <= set(np.flatnonzero(alive)) and len(rows) == min(5, alive.sum())
    assert np.allclose(cosine, np.sort(true[alive])[::-1][:5], atol=1e-6)
