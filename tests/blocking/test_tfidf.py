"""Weights are kept exactly, and rare features serve texts that come later."""

from __future__ import annotations

import numpy as np
import pytest

from dedupe.blocking.tfidf import MOST_LONE, MOST_RARE, HashedTfidf

TEXTS = [
    f"name: person{n % 97} family{n}\ncity: {'berlin' if n % 2 else 'rome'}" for n in range(300)
]
NEW = ["name: nobody that was here", "name: persn3 family3\ncity: rome"]


@pytest.mark.parametrize("n", [1, 2, 300])
def test_kept_weights_make_the_same_vectors(n: int) -> None:
    fitted = HashedTfidf.fitted(TEXTS[:n])
    kept = HashedTfidf.of(fitted.arrays())
    np.testing.assert_array_equal(kept.rarity, fitted.rarity)
    np.testing.assert_array_equal(kept.embed([*TEXTS, *NEW]), fitted.embed([*TEXTS, *NEW]))


def test_kept_weights_are_few_where_the_file_is_small() -> None:
    assert sum(array.nbytes for array in HashedTfidf.fitted(TEXTS[:20]).arrays().values()) < 20_000


def test_features_of_one_record_serve_those_that_come_later() -> None:
    fitted = HashedTfidf.fitted(TEXTS)
    shared = fitted.rare_features([TEXTS[3]], lone=True) @ fitted.rare_features(NEW, lone=True).T
    assert shared.toarray()[0, 1] > shared.toarray()[0, 0]
    for lone, most in ((False, MOST_RARE), (True, MOST_LONE)):
        counts = np.diff(fitted.rare_features(TEXTS, lone=lone).indptr)
        assert counts.max() <= most
    assert fitted.rare_features([], lone=True).shape[0] == 0


def test_one_pass_gives_what_two_give() -> None:
    texts = [f"name: person {i % 40}\ncity: town {i % 7} {i:04}" for i in range(5000)]
    spelling = HashedTfidf.fitted(texts)
    vectors, rare = spelling.read(texts)
    assert np.abs(vectors[np.arange(5000)] - spelling.embed(texts)).max() < 0.005
    due = spelling.rare_features(texts, lone=True)
    assert rare.shape == due.shape and (rare != due).nnz == 0
