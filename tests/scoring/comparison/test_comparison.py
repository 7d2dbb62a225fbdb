"""The comparison of candidates: log odds of all pairs, and what is known of their neighbours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import dedupe.scoring.comparison.comparison
from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.comparison.model import CANDIDATE_FEATURES
from dedupe.scoring.comparison.scales import UNKNOWN
from dedupe.scoring.comparison.vectors import feature_names
from tests.scoring.comparison.samples import all_pairs, ends, features_of, texts_of

AROUND = ("margin left", "margin right", "rivals left", "rivals right", "rank among candidates")


def candidates(left: np.ndarray, right: np.ndarray) -> pl.DataFrame:
    similarity = np.linspace(0.2, 0.9, len(left), dtype=np.float32)
    return pl.DataFrame({"left": left, "right": right, "similarity": similarity})


@pytest.fixture
def comparison() -> Comparison:
    """Return all pairs of six records, and each of them with itself."""
    names = ("ann lee", "anne lee", "bob ray", "cleo fox", "cleo foxx", "dan hill")
    records = [{"name": name, "city": "rome", "phone": f"030 {n}2345"} for n, name in
               enumerate(names)]  # fmt: skip
    return Comparison.of(texts_of(records), candidates(*all_pairs(6)))


def test_log_odds_do_not_depend_on_blocks_and_progress_counts_the_pairs(
    comparison: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, seen = comparison.log_odds(), []
    assert whole.shape == (len(comparison),) == (21,)
    assert whole.dtype == np.float32
    monkeypatch.setattr(dedupe.scoring.comparison.comparison, "BLOCK", 8)
    blocks = comparison.log_odds(lambda done, total: seen.append((done, total)))
    np.testing.assert_array_equal(blocks, whole)
    assert seen == [(8, 21), (16, 21), (21, 21)]


def test_features_by_name_are_those_of_the_vectors_in_any_blocks(
    comparison: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = np.array([20, 3, 4, 11, 0, 9, 17])
    columns = [feature_names().index(name) for name in CANDIDATE_FEATURES]
    expected = comparison.vectors(some)[:, columns]
    np.testing.assert_array_equal(comparison.features(CANDIDATE_FEATURES, some), expected)
    monkeypatch.setattr(dedupe.scoring.comparison.comparison, "BLOCK", 3)
    np.testing.assert_array_equal(comparison.features(CANDIDATE_FEATURES, some), expected)
    assert comparison.features(CANDIDATE_FEATURES, some[:0]).shape == (0, len(columns))


def test_a_query_that_other_records_change_has_the_features_that_it_has_alone(
    comparison: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = np.array([2, 3, 4, 5])
    monkeypatch.setattr(
        Comparison,
        "_queries_that_are_unlike_alone",
        lambda self: [query] if self is comparison else [],
    )
    # Among fewer records, a token is rarer or more common: the features are others.
    records = np.unique([comparison.left[query], comparison.right[query]])
    alone = Comparison.of(
        comparison.texts.gather(records),
        pl.DataFrame(
            {
                "left": np.searchsorted(records, comparison.left[query]).astype(np.uint32),
                "right": np.searchsorted(records, comparison.right[query]).astype(np.uint32),
                "similarity": comparison.similarity[query],
            }
        ),
    )
    columns = [feature_names().index(name) for name in CANDIDATE_FEATURES]
    found = comparison.features(CANDIDATE_FEATURES, np.array([5, 12, 3]))
    np.testing.assert_array_equal(found[[0, 2]], alone.vectors(np.array([3, 1]))[:, columns])
    np.testing.assert_array_equal(found[1], comparison.vectors(np.array([12]))[0, columns])
    assert (found[[0, 2]] != comparison.vectors(np.array([5, 3]))[:, columns]).any()


def test_a_record_is_no_rival_of_its_own_pairs(comparison: Comparison) -> None:
    own = comparison.left == comparison.right
    assert np.isnan(comparison.neighbours[own]).all()
    assert np.isfinite(comparison.neighbours[~own]).all()
    others = Comparison.of(
        comparison.texts, candidates(comparison.left, comparison.right).filter(~pl.Series(own))
    )
    np.testing.assert_array_equal(comparison.neighbours[~own], others.neighbours)
    for features in features_of(comparison.vectors(np.flatnonzero(own))):
        assert {features[name] for name in AROUND} == {UNKNOWN}


def test_pairs_that_are_not_all_candidates_have_no_known_neighbours(
    comparison: Comparison,
) -> None:
    alone = replace(comparison, with_neighbours=False)
    for with_them, without in zip(
        features_of(comparison.vectors()), features_of(alone.vectors()), strict=True
    ):
        assert {without[name] for name in AROUND} == {UNKNOWN}
        others = set(with_them) - set(AROUND)
        assert all(with_them[name] == without[name] for name in others)


def test_a_comparison_of_no_pairs() -> None:
    nothing = Comparison.of(texts_of([{"name": "ann"}] * 2), candidates(*ends([])))
    assert len(nothing) == len(nothing.log_odds()) == len(nothing.vectors()) == 0
