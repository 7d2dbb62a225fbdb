"""The search finds what brute force finds, and keeps to its budget."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dedupe.blocking.backends
import dedupe.blocking.candidates
from dedupe.blocking.backends import ANY_SOURCE
from dedupe.blocking.candidates import (
    HITS_PER_RECORD,
    Candidates,
    Sources,
    find_candidate_pairs,
)
from dedupe.blocking.embedding.features import KINDS
from dedupe.blocking.embedding.int8 import Int8Vectors
from dedupe.blocking.embedding.tfidf import HashedTfidf
from dedupe.blocking.neighbours import NamingField, views_of
from dedupe.blocking.sampling import NEIGHBOURS
from dedupe.config import Config
from tests.blocking.samples import misspelled_people, unit_vectors
from tests.laws import examples


def pair_set(found: Candidates) -> set[tuple[int, int]]:
    return set(found.pairs.select("left", "right").iter_rows())


@examples(25)
@given(st.integers(2, 60), st.integers(0, 10**6), st.floats(-0.2, 0.9))
def test_a_given_radius_finds_what_brute_force_finds(n: int, seed: int, radius: float) -> None:
    vectors = unit_vectors(n, seed=seed)
    cosine = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    found = pair_set(find_candidate_pairs(vectors, Config(radius=radius)))
    for left in range(n):
        for right in range(left + 1, n):
            if abs(cosine[left, right] - radius) > 1e-5:
                assert ((left, right) in found) == (cosine[left, right] >= radius)


@examples(15)
@given(st.integers(2, 80), st.integers(0, 10**6))
def test_the_order_of_rows_only_renames_pairs(n: int, seed: int) -> None:
    vectors = unit_vectors(n, seed=seed)
    order = np.random.default_rng(seed).permutation(n)
    found = pair_set(find_candidate_pairs(vectors, Config(radius=0.1)))
    shuffled = pair_set(
        find_candidate_pairs(np.ascontiguousarray(vectors[order]), Config(radius=0.1))
    )
    assert {tuple(sorted((int(order[a]), int(order[b])))) for a, b in shuffled} == found


def test_a_higher_radius_gives_a_subset() -> None:
    vectors = unit_vectors(300)
    low, high = (
        pair_set(find_candidate_pairs(vectors, Config(radius=radius))) for radius in (0.3, 0.6)
    )
    assert high < low


def test_pairs_are_unique_sorted_and_ascending() -> None:
    pairs = find_candidate_pairs(unit_vectors(500, groups=100), Config()).pairs
    assert (pairs["left"] < pairs["right"]).all()
    assert pairs.select("left", "right").is_unique().all()
    assert pairs.equals(pairs.sort("left", "right"))
    assert pairs.schema == dedupe.blocking.backends.CANDIDATES


@pytest.mark.parametrize("budget", [1.0, 5.0, 20.0])
def test_the_budget_bounds_the_candidates(budget: float) -> None:
    found = find_candidate_pairs(unit_vectors(400, groups=20), Config(candidates_per_record=budget))
    assert found.pairs.height <= budget * 400
    assert found.pairs.height > 0.5 * budget * 400
    assert (found.pairs["similarity"] >= np.float32(found.radius) - 1e-6).all()


def test_similarity_is_the_cosine() -> None:
    vectors = unit_vectors(200)
    pairs = find_candidate_pairs(vectors, Config()).pairs
    exact = (vectors[pairs["left"].to_numpy()] * vectors[pairs["right"].to_numpy()]).sum(axis=1)
    np.testing.assert_allclose(pairs["similarity"].to_numpy(), exact, atol=1e-6)


def test_a_dense_group_does_not_take_the_budget_of_others() -> None:
    rng = np.random.default_rng(1)
    dense = unit_vectors(1, seed=2) + 0.05 * rng.normal(size=(300, 16)).astype(np.float32)
    apart = np.repeat(unit_vectors(50, seed=3), 2, axis=0)
    apart += 0.1 * rng.normal(size=apart.shape).astype(np.float32)
    vectors = np.concatenate([dense, apart])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = pair_set(find_candidate_pairs(vectors.astype(np.float32), Config()))
    twins = sum((300 + 2 * i, 301 + 2 * i) in found for i in range(50))
    assert twins >= 45


def test_a_radius_that_admits_every_pair_is_tightened_with_a_note() -> None:
    vectors = unit_vectors(600, d=4)
    found = find_candidate_pairs(vectors, Config(radius=-1.0))
    assert found.notes and "tightened" in found.notes[0]
    assert found.radius > -1
    assert found.pairs.height <= HITS_PER_RECORD * 600


def test_the_result_does_not_depend_on_the_block_size(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = unit_vectors(700, groups=60)
    whole = find_candidate_pairs(vectors, Config())
    monkeypatch.setattr(dedupe.blocking.backends, "QUERY_BLOCK", 64)
    monkeypatch.setattr(dedupe.blocking.candidates, "MAX_HELD_HITS", 2_000)
    assert find_candidate_pairs(vectors, Config()).pairs.equals(whole.pairs)


@pytest.mark.slow
def test_the_inverted_file_finds_nearly_what_the_flat_index_finds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vectors = unit_vectors(3_000, d=32, groups=400)
    flat = find_candidate_pairs(vectors, Config(radius=0.6))
    monkeypatch.setattr(dedupe.blocking.candidates, "FLAT_LIMIT", 1_000)
    ivf = find_candidate_pairs(vectors, Config(radius=0.6))
    assert (flat.index, ivf.index) == ("flat", "ivf")
    assert flat.index_recall == 1.0
    assert len(pair_set(ivf) & pair_set(flat)) >= 0.9 * flat.pairs.height
    assert 0.85 <= ivf.index_recall <= 1.0
    again = find_candidate_pairs(vectors, Config(radius=0.6))
    assert again.pairs.equals(ivf.pairs)


@pytest.mark.slow
def test_records_that_share_rare_features_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, owner = misspelled_people(4_000)
    model = HashedTfidf.fit(texts, KINDS)
    vectors, rare = model.embed(texts), model.rare_features(texts)
    flat = find_candidate_pairs(vectors, Config(), rare=rare)
    monkeypatch.setattr(dedupe.blocking.candidates, "FLAT_LIMIT", 1_000)
    monkeypatch.setattr(dedupe.blocking.backends, "SHARING_BLOCK", 700)
    found = find_candidate_pairs(vectors, Config(), rare=rare)
    small = find_candidate_pairs(Int8Vectors.of(vectors), Config(), rare=rare)
    assert [result.index for result in (flat, found, small)] == ["flat", *["inverted index"] * 2]
    for result in (flat, found, small):
        left, right = (result.pairs[side].to_numpy() for side in ("left", "right"))
        assert (owner[left] == owner[right]).sum() >= 0.99 * len(owner) / 2
    assert found.pairs.height <= 5 * len(texts)
    assert find_candidate_pairs(vectors, Config(), rare=rare).pairs.equals(found.pairs)


def test_pairs_within_one_source_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, _ = misspelled_people(1_200)
    model = HashedTfidf.fit(texts, KINDS)
    vectors, rare = model.embed(texts), model.rare_features(texts)
    source = np.array([0, 1, 1] * 400, dtype=np.uint8)
    source[::50] = ANY_SOURCE
    for limit in (10_000, 100):
        monkeypatch.setattr(dedupe.blocking.candidates, "FLAT_LIMIT", limit)
        found = find_candidate_pairs(
            vectors, Config(), sources=Sources(source, across_only=True), rare=rare
        )
        left, right = (source[found.pairs[side].to_numpy()] for side in ("left", "right"))
        assert found.pairs.height > 300
        assert ((left != right) | (left == ANY_SOURCE)).all()


def test_a_small_source_among_a_large_one_has_its_share() -> None:
    rng = np.random.default_rng(3)
    # A list of records that are alike, and a few of another source, less like their twins.
    alike = unit_vectors(1, d=64, seed=1) + 0.1 * rng.normal(size=(600, 64))
    few = alike[:40] + 0.22 * rng.normal(size=(40, 64))
    vectors = np.concatenate([alike, few])
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    source = np.repeat(np.array([7, 3], dtype=np.uint8), [600, 40])
    twins = {(i, 600 + i) for i in range(40)}
    config = Config(candidates_per_record=2)
    alone = pair_set(find_candidate_pairs(vectors, config))
    listed = pair_set(find_candidate_pairs(vectors, config, sources=Sources(source, False)))
    assert len(listed & twins) >= len(alone & twins) + 5
    assert len(listed) == len(alone) == 1280
    assert any(right < 600 for _, right in listed)


def test_a_view_of_the_naming_field_finds_what_long_descriptions_hide() -> None:
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("bcdfgklmnprst"), 6)) for _ in range(400)]
    texts = []
    for thing in range(200):
        name = " ".join(rng.choice(words, 2))
        for _ in range(2):
            # Shops that describe many things in the same words, unlike each other's.
            shop = rng.choice(words, 60)
            texts.append(f"title: {name}\ndescription: {' '.join(shop)} {thing % 7}")
            shop_again = f"title: {words[thing]} x{thing}\ndescription: {' '.join(shop)}"
            texts.append(shop_again)
    model = HashedTfidf.fit(texts)
    vectors = model.embed(texts)
    twins = {(4 * i, 4 * i + 2) for i in range(200)}
    config = Config(candidates_per_record=1)
    whole = pair_set(find_candidate_pairs(vectors, config))
    views = views_of(texts, model, vectors, NamingField.of(texts))
    found = pair_set(find_candidate_pairs(vectors, config, views=views))
    assert len(views) == 2
    assert len(whole & twins) < 100
    assert len(found & twins) >= 190


def test_pairs_just_outside_are_no_candidates() -> None:
    found = find_candidate_pairs(unit_vectors(800, groups=100), Config(candidates_per_record=2))
    assert found.just_outside.height > 0
    assert found.just_outside.join(found.pairs, on=["left", "right"], how="semi").is_empty()
    assert found.just_outside["seen"].is_between(1, 2).all()
    assert 16 <= found.sampled <= 256


def test_two_records_are_enough() -> None:
    vectors = np.array([[1, 0], [0.8, 0.6]], dtype=np.float32)
    assert find_candidate_pairs(vectors, Config()).pairs.rows() == [(0, 1, pytest.approx(0.8))]


def test_one_record_has_no_pairs() -> None:
    found = find_candidate_pairs(np.array([[1.0, 0.0]], dtype=np.float32), Config())
    assert found.pairs.is_empty()
    assert found.just_outside.is_empty()


def test_progress_ends_at_the_total() -> None:
    progress: list[tuple[int, int]] = []
    find_candidate_pairs(
        unit_vectors(50), Config(), lambda done, total: progress.append((done, total))
    )
    assert progress[-1] == (50, 50)


def test_a_pair_needs_to_be_among_the_nearest_of_one_record_only() -> None:
    pairs = find_candidate_pairs(unit_vectors(1_000, d=8), Config(candidates_per_record=6)).pairs
    degree = pl.concat([pairs["left"], pairs["right"]]).value_counts()["count"]
    # A record is in pairs with its own neighbours, and with records that it is a neighbour of.
    assert degree.max() > NEIGHBOURS
    assert degree.mean() <= 2 * 6
