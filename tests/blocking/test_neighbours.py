"""Neighbour lists hold what brute force finds, within and across sources."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from dedupe.blocking.backends import ANY_SOURCE, same_source
from dedupe.blocking.embedding.naming_field import field_values, naming_field
from dedupe.blocking.embedding.tfidf import HashedTfidf
from dedupe.blocking.neighbours import Asked, View, nearest_pairs
from tests.blocking.samples import unit_vectors


@pytest.mark.parametrize("within", [True, False])
def test_each_record_is_paired_with_its_nearest_of_each_list(within: bool) -> None:
    n, k = 150, 3
    vectors = unit_vectors(n, d=24, seed=5)
    source = np.array([4, 9, 9, 2] * 40, dtype=np.uint8)[:n]
    source[::13] = ANY_SOURCE
    cosine = vectors @ vectors.T
    np.fill_diagonal(cosine, -3)
    expected = set()
    for row in range(n):
        own = same_source(source[row], source)
        for allowed in [own, ~own] if within else [~own]:
            for other in np.argsort(-np.where(allowed, cosine[row], -3))[:k]:
                if allowed[other] and other != row:
                    expected.add((min(row, int(other)), max(row, int(other))))
    found = nearest_pairs(View(vectors), k, Asked.all(n), source, within=within)
    assert set(found.select("left", "right").iter_rows()) == expected


def test_the_order_follows_the_features_and_blank_texts_have_no_neighbours() -> None:
    texts = ["name: anna lee", "name: anna leigh", "name: bert lee", ""]
    weights = HashedTfidf.fit(texts)
    vectors = np.array([[1, 0], [1, 0], [0.8, 0.6], [0, 0]], dtype=np.float32)
    found = nearest_pairs(View(vectors, weights, pl.Series(texts)), 3, Asked.all(4))
    assert [row[:2] for row in found.iter_rows()] == [(0, 1), (0, 2), (1, 2)]
    features = weights.features(texts).toarray()
    expected = [features[left] @ features[right] for left, right, _ in found.iter_rows()]
    np.testing.assert_allclose(found["similarity"], expected, atol=1e-6)


def test_only_the_asked_look_and_only_the_searchable_are_found() -> None:
    vectors = unit_vectors(40, d=8, seed=3)
    searchable = np.arange(40) % 3 > 0
    asked = Asked(np.array([4, 7, 9]), searchable)
    found = nearest_pairs(View(vectors), 5, asked)
    cosine = vectors @ vectors.T
    np.fill_diagonal(cosine, -3)
    expected = {
        (min(row, int(other)), max(row, int(other)))
        for row in (4, 7, 9)
        for other in np.argsort(-np.where(searchable, cosine[row], -3))[:5]
    }
    assert set(found.select("left", "right").iter_rows()) == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["a: 12\nb: dark star", "a: 13\nb: alien 3", "a: 14"], ["dark star", "alien 3", ""]),
        (["name: anna", "name: bert"], None),  # the whole text
        (["a: 12\nb: smith", "a: 13\nb: jones"], None),  # one word
        (["a: 12\nb: ann@lee.org", "a: 13\nb: bo@hill.org"], None),  # contacts
        (["a: 12\nb: 77", "a: 13\nb: 78"], None),  # no letters
        (
            ["a: blue\nb: " + "x" * 200, "a: blue\nb: " + "y" * 200, "a: blue\nb: z"],
            None,
        ),  # too long, or alike
        ([], None),
    ],
)
def test_the_naming_field_is_short_and_tells_records_apart(
    texts: list[str], expected: list[str] | None
) -> None:
    label = naming_field(texts)
    assert (None if label is None else field_values(texts, label)) == expected
