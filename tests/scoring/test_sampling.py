"""Samples depend on texts alone, are the same in every version, and even over strata."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from dedupe.scoring.sampling import sampling_keys, smallest_keys, stratified_sample, text_hashes


def test_the_hash_of_a_text_is_blake2b_of_its_utf8() -> None:
    digest = hashlib.blake2b("ñandú".encode(), digest_size=8, salt=b"0").digest()
    assert text_hashes(["ñandú"]).tolist() == [int.from_bytes(digest, "little")]
    assert text_hashes([]).dtype == np.uint64


def test_the_seed_changes_all_hashes() -> None:
    texts = [str(n) for n in range(1000)]
    assert (text_hashes(texts, 0) != text_hashes(texts, 1)).all()
    assert len(np.unique(text_hashes(texts, -(2**70)))) == 1000


def test_half_a_surrogate_is_hashed() -> None:
    one, other = text_hashes(["\ud800", "\udfff"])
    assert one != other


@given(st.lists(st.text(max_size=5), min_size=2, max_size=10, unique=True), st.data())
def test_keys_do_not_depend_on_sides_or_on_the_order_of_rows(
    texts: list[str], data: st.DataObject
) -> None:
    n = len(texts)
    left, right = (a.astype(np.uint32) for a in np.triu_indices(n, 1))
    keys = sampling_keys(pl.Series(texts), left, right, 3)
    np.testing.assert_array_equal(keys, sampling_keys(pl.Series(texts), right, left, 3))
    order = np.array(data.draw(st.permutations(range(n))))
    place = np.argsort(order)
    shuffled = pl.Series([texts[i] for i in order])
    np.testing.assert_array_equal(keys, sampling_keys(shuffled, place[left], place[right], 3))


def test_the_pairs_with_the_smallest_keys_are_a_fair_sample() -> None:
    texts = pl.Series([f"name: person {n}" for n in range(300)])
    left, right = np.triu_indices(300, 1)
    sample = np.argsort(sampling_keys(texts, left, right, 0))[:5_000]
    assert 0.45 < (left[sample] % 2).mean() < 0.55
    assert 95 < left[sample].mean() < 105  # of all pairs: 99.3


def test_the_smallest_keys_are_selected_in_order() -> None:
    keys = np.array([5, 1, 9, 3], dtype=np.uint64)
    assert smallest_keys(keys, 2).tolist() == [1, 3]
    assert smallest_keys(keys, 9).tolist() == [0, 1, 2, 3]


@given(
    st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=60),
    st.integers(1, 40),
)
def test_strata_share_a_sample_evenly_and_small_ones_are_drawn_whole(
    pairs: list[tuple[int, bool]], count: int
) -> None:
    strata, allowed = (np.array(column) for column in zip(*pairs, strict=True))
    keys = np.random.default_rng(0).permutation(len(pairs)).astype(np.uint64)
    sample = stratified_sample(strata, keys, count, allowed)
    assert allowed[sample].all() and (np.diff(sample) > 0).all()
    drawn, there = (np.bincount(strata[rows], minlength=5) for rows in (sample, allowed))
    assert min(count, there.sum()) - 5 < drawn.sum() <= count
    for stratum in np.flatnonzero(drawn < there):  # only large strata are not drawn whole
        assert drawn[stratum] >= drawn.max() - 1
        of_stratum = np.flatnonzero(allowed & (strata == stratum))
        expected = of_stratum[np.argsort(keys[of_stratum])][: drawn[stratum]]
        assert set(sample[strata[sample] == stratum]) == set(expected)
