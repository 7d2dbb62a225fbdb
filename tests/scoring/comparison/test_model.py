"""The comparison model: its file, what is wrong with other files, and how scores are combined."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from dedupe.errors import ModelError
from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.comparison.match_similarity import similarity_of_matches
from dedupe.scoring.comparison.model import (
    CANDIDATE_FEATURES,
    COMBINATIONS,
    GIVEN_FEATURES,
    LOGIT_LIMIT,
    WEIGHTS,
    ComparisonModel,
    GivenPairs,
    load_comparison_model,
    save_comparison_model,
    take_features,
    unlike_given_names,
)
from dedupe.scoring.comparison.oblivious_trees import ObliviousTrees
from dedupe.scoring.comparison.scales import Bytes
from dedupe.scoring.comparison.vectors import feature_names

LOGITS = st.floats(-20, 20, width=32)


def features_of(m: int, names: Sequence[str] = GIVEN_FEATURES) -> Bytes:
    return np.full((m, len(names)), 128, dtype=np.uint8)


def apart(similarity: Sequence[float], features: Bytes | None = None) -> GivenPairs:
    """Make given pairs of records that have no other pair."""
    rows = np.arange(2 * len(similarity), dtype=np.uint32).reshape(-1, 2)
    if features is None:
        features = features_of(len(similarity))
    return GivenPairs(rows[:, 0], rows[:, 1], np.array(similarity, np.float32), features)


def small_model() -> ComparisonModel:
    """Make a model of one tree that asks for the first feature."""
    trees = ObliviousTrees(
        np.array([[0]], dtype=np.int16),
        np.array([[127]], dtype=np.uint8),
        np.array([[-1, 1]], dtype=np.float32),
        np.zeros(1),
    )
    weights = np.array([0.1, 0.5, 0.3, 0.2])
    of_candidates, of_given = ([3.0, -2.0, 0.5, -1.5], [2.0, -1.0, 0.5, 0.25, -4.0])
    return ComparisonModel(trees, np.append(weights, of_candidates), np.append(weights, of_given))


def refusal(file: Path) -> str:
    with pytest.raises(ModelError) as raised:
        load_comparison_model(file)
    message = str(raised.value)
    assert str(file) in message
    assert "\n" not in message
    return message


def test_a_saved_model_is_loaded_as_it_was(tmp_path: Path) -> None:
    model, file = small_model(), tmp_path / "model.safetensors"
    save_comparison_model(model, file)
    loaded = load_comparison_model(file)
    vectors = np.random.default_rng(0).integers(0, 256, (9, len(feature_names())), dtype=np.uint8)
    np.testing.assert_array_equal(loaded.log_odds(vectors), model.log_odds(vectors))
    np.testing.assert_array_equal(loaded.combination, model.combination)
    np.testing.assert_array_equal(loaded.given_combination, model.given_combination)


def test_the_bundled_model_fits_the_features_and_is_loaded_once() -> None:
    model = load_comparison_model()
    assert model is load_comparison_model()
    assert model.trees.feature.max() < len(feature_names())
    assert model.trees.feature.shape == model.trees.limit.shape
    assert model.trees.value.shape == (len(model.trees.limit), 2 ** model.trees.limit.shape[1])
    assert model.combination.shape == (8,)
    assert model.given_combination.shape == (9,)
    vectors = np.full((1, len(feature_names())), 128, dtype=np.uint8)
    assert np.isfinite(model.log_odds(vectors)).all()


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "cannot load" in refusal(tmp_path / "none.safetensors")


@pytest.mark.parametrize("content", [b"", b"not a model", WEIGHTS.read_bytes()[:20_000]])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "damaged.safetensors"
    file.write_bytes(content)
    assert "cannot load" in refusal(file)


@pytest.mark.parametrize("name", ["feature", "limit", "value", "base", *COMBINATIONS])
def test_a_file_without_an_array_is_refused(tmp_path: Path, name: str) -> None:
    model, file = small_model(), tmp_path / "part.safetensors"
    arrays = {
        **model.trees.to_arrays(),
        "combination": model.combination,
        "given_combination": model.given_combination,
    }
    del arrays[name]
    save_file(arrays, file, metadata={"features": json.dumps(feature_names())})
    assert "cannot load" in refusal(file)


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {"features": json.dumps([*feature_names(), "one more"])},
        {"features": json.dumps(sorted(feature_names()))},
    ],
)
def test_a_model_of_other_features_is_refused(
    tmp_path: Path, metadata: dict[str, str] | None
) -> None:
    model, file = small_model(), tmp_path / "other.safetensors"
    arrays = {
        **model.trees.to_arrays(),
        "combination": model.combination,
        "given_combination": model.given_combination,
    }
    save_file(arrays, file, metadata=metadata)
    assert "other features" in refusal(file)


@given(LOGITS, LOGITS, st.floats(0, 10, width=32))
def test_the_combined_score_rises_with_both_scores_and_is_limited(
    comparison: float, cross_encoder: float, more: float
) -> None:
    model = load_comparison_model()
    one, other = (
        np.array([score, score + more, score], dtype=np.float32)[order]
        for score, order in ((comparison, [0, 1, 2]), (cross_encoder, [0, 2, 1]))
    )
    found = model.combine(one, other, features_of(3, CANDIDATE_FEATURES))
    score, more_similar, more_alike = found
    assert more_similar >= score
    assert more_alike >= score
    assert np.abs(found).max() <= LOGIT_LIMIT
    assert found.dtype == np.float32
    of_given_pairs = model.combine_given(apart([0.5, 0.5, 0.5]), one, other)
    assert of_given_pairs[1] >= of_given_pairs[0] <= of_given_pairs[2]


def test_of_given_pairs_it_counts_whether_they_are_more_alike_than_likely_matches() -> None:
    model = load_comparison_model()

    def combine(similarity: float, of_matches: float) -> float:
        scores = np.array([0.0] + [LOGIT_LIMIT] * 99, dtype=np.float32)
        pairs = apart([similarity] + [of_matches] * 99)
        return float(model.combine_given(pairs, scores, scores)[0])

    assert combine(0.8, 0.6) > combine(0.5, 0.6)
    assert combine(0.5, 0.4) > combine(0.5, 0.9)


def test_of_given_pairs_a_likelier_match_of_a_record_counts_against_its_others() -> None:
    model, pairs = load_comparison_model(), apart([0.7] * 100)
    scores = np.array([3.0] * 99 + [0.5], dtype=np.float32)

    def combine(left: int) -> float:
        joined = replace(pairs, left=np.append(pairs.left[:-1], np.uint32(left)))
        return float(model.combine_given(joined, scores, scores)[-1])

    assert combine(0) < combine(198) - 1


def test_of_candidate_pairs_alike_main_values_count_less_than_the_trees_say() -> None:
    model, doubt = load_comparison_model(), np.zeros(1, dtype=np.float32)
    other, alike = (np.array([[main, *[128] * 6]], dtype=np.uint8) for main in (80, 240))
    assert model.combine(doubt, doubt, alike) < model.combine(doubt, doubt, other) - 0.5


@pytest.mark.parametrize(
    ("left", "right", "unlike"),
    [
        ("verity lee", "briony lee", True),
        ("verity lee", "verty lee", False),
        ("verity lee", "erity lee", False),
        ("verity lee", "v. lee", False),
        ("robert lee", "bob lee", False),
        ("james lee", "lee james", False),
        ("dr john lee", "john lee", False),
        ("mary ann lee", "ann lee", False),
        ("мария lee", "maria lee", False),
        ("мария lee", "борис lee", True),
        ("verity lee", "verity lee", False),
        ("verity lee", " lee", False),
    ],
)
def test_given_names_are_unlike_if_neither_is_a_form_of_the_other(
    left: str, right: str, unlike: bool
) -> None:
    """Twins with rare names count less than a pair whose name is misspelt."""
    names = [
        name.rpartition(" ")[::2] for name in (left, right, *(f"ann{n} ray{n}" for n in range(30)))
    ]
    texts = [f"first: {first}\nlast: {last}\ncity: rome" for first, last in names]
    texts = [text.removeprefix("first: \n") for text in texts]
    pairs = pl.DataFrame(
        {"left": [0], "right": [1], "similarity": [0.8]},
        schema={"left": pl.UInt32, "right": pl.UInt32, "similarity": pl.Float32},
    )
    features = Comparison.of(pl.Series("text", texts), pairs).features(
        CANDIDATE_FEATURES, np.arange(1)
    )
    assert unlike_given_names(features[:, 3:]).tolist() == [unlike]
    model, doubt = load_comparison_model(), np.zeros(1, dtype=np.float32)
    alike = features.copy()
    alike[:, 3:] = 128
    lower = model.combine(doubt, doubt, features) < model.combine(doubt, doubt, alike) - 1
    assert lower.tolist() == [unlike]


@pytest.mark.parametrize("names", [CANDIDATE_FEATURES, GIVEN_FEATURES])
def test_features_are_taken_by_name(names: Sequence[str]) -> None:
    vectors = np.arange(2 * len(feature_names()), dtype=np.uint8).reshape(2, -1)
    columns = [feature_names().index(name) for name in names]
    np.testing.assert_array_equal(take_features(vectors, names), vectors[:, columns])


def test_scores_beyond_the_limit_count_as_the_limit() -> None:
    model = small_model()
    far, limit = (np.array([score], dtype=np.float32) for score in (50, LOGIT_LIMIT))
    some = np.array([[51, 102, 255, 100, 0, 0, 249]], dtype=np.uint8)
    assert model.combine(far, -far, some) == model.combine(limit, -limit, some)
    # Constant, log odds of either model, the lower of the two, the features, and unlike names.
    assert model.combine(np.float32([1]), np.float32([-2]), some) == pytest.approx(
        [0.1 + 0.5 - 0.6 - 0.4 + 0.6 - 0.8 + 0.5 - 1.5]
    )
    given = apart([0.25], np.array([[51, 102]], dtype=np.uint8))
    of_matches = similarity_of_matches(np.array([-0.5], dtype=np.float32), given.similarity)
    found = model.combine_given(given, np.float32([1]), np.float32([-2]))
    assert found == pytest.approx([-0.4 + 0.5 - of_matches + 0.1 + 0.1])
