"""The comparison model scores all candidate pairs, and the cross-encoder doubtful ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
import polars as pl
import pytest

import dedupe.scoring.score
from dedupe.config import Config
from dedupe.progress import Progress, silent
from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.comparison.model import (
    CANDIDATE_FEATURES,
    GIVEN_FEATURES,
    GivenPairs,
    load_comparison_model,
    take_features,
)
from dedupe.scoring.logistic import logit, sigmoid
from dedupe.scoring.pairs import PAIRS
from dedupe.scoring.score import (
    HELD_OUT_FILE,
    held_out_scores,
    judge_given,
    max_cross_encoder_pairs,
    pair_key,
    score_pairs,
)

TEXTS = [f"name: {name}" for name in ("ada", "adah", "alan", "grace", "hedy")]
LOG_ODDS = {(0, 0): 1.0, (0, 1): 0.5, (0, 2): -6.0, (1, 2): -2.0, (2, 2): 6.0, (3, 4): 5.0}
"""Log odds of the comparison model, by pair."""
DOUBTFUL = [(0, 1), (1, 2)]
Read = list[tuple[str, str]]


class FakeCrossEncoder:
    """Give every pair the same logit, and remember what it read."""

    vocabulary = frozenset[str]()
    reads_marks = False

    def __init__(self, logit: float) -> None:
        self.logit = logit
        self.read: Read = []

    def logits(self, pairs: Sequence[tuple[str, str]], progress: Progress = silent) -> np.ndarray:
        self.read.extend(pairs)
        progress(len(pairs), len(pairs))
        return np.full(len(pairs), self.logit, dtype=np.float32)


@pytest.fixture(autouse=True)
def known_log_odds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the comparison model give the pairs their known log odds."""

    def log_odds(comparison: Comparison, progress: Progress = silent) -> np.ndarray:
        pairs = zip(comparison.left.tolist(), comparison.right.tolist(), strict=True)
        return np.array([LOG_ODDS[pair] for pair in pairs], dtype=np.float32)

    monkeypatch.setattr(Comparison, "log_odds", log_odds)


@pytest.fixture
def cross_encoder(monkeypatch: pytest.MonkeyPatch) -> FakeCrossEncoder:
    model = FakeCrossEncoder(4.0)
    monkeypatch.setattr(dedupe.scoring.score, "load_cross_encoder", lambda config: model)
    return model


@pytest.fixture
def no_cross_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(config: Config) -> NoReturn:
        raise AssertionError("the cross-encoder is loaded")

    monkeypatch.setattr(dedupe.scoring.score, "load_cross_encoder", load)


def candidates(pairs: Sequence[tuple[int, int]] = tuple(LOG_ODDS)) -> pl.DataFrame:
    left, right = zip(*pairs, strict=True) if pairs else ((), ())
    columns = {"left": left, "right": right, "similarity": [0.5] * len(pairs)}
    schema = {name: PAIRS[name] for name in columns}
    return pl.DataFrame(columns, schema=schema)


def scored(
    frame: pl.DataFrame, progress: Callable[[int, int], None] = silent, **options: object
) -> tuple[dict[tuple[int, int], float], dict[tuple[int, int], str], dict[str, int]]:
    """Score pairs; return log odds and decider by pair, and the facts."""
    comparison = Comparison.of(pl.Series("text", TEXTS), frame)
    found, _, facts = score_pairs(frame, comparison, Config().with_options(**options), progress)
    assert found.schema == PAIRS
    assert found.select(frame.columns).equals(frame)
    keys = found.select("left", "right").rows()
    log_odds = logit(found["probability"].to_numpy().astype(np.float64), 20)
    return (
        dict(zip(keys, log_odds.tolist(), strict=True)),
        dict(zip(keys, found["decided_by"], strict=True)),
        facts,
    )


def texts_of(pairs: Sequence[tuple[int, int]]) -> Read:
    return [(TEXTS[left], TEXTS[right]) for left, right in pairs]


def combined(pair: tuple[int, int], logit: float) -> float:
    """Combine both models for one of the candidates."""
    frame = candidates()
    at = np.flatnonzero([found == pair for found in frame.select("left", "right").rows()])
    vectors = Comparison.of(pl.Series("text", TEXTS), frame).vectors()[at]
    scores = (np.array([score], dtype=np.float32) for score in (LOG_ODDS[pair], logit))
    features = take_features(vectors, CANDIDATE_FEATURES)
    return float(load_comparison_model().combine(*scores, features)[0])


def test_given_pairs_are_combined_with_what_their_vectors_say_of_them(
    cross_encoder: FakeCrossEncoder,
) -> None:
    frame = candidates().with_columns(
        pl.Series("similarity", [1.0, 0.8, 0.2, 0.4, 1.0, 0.9], dtype=pl.Float32)
    )
    comparison = Comparison.of(pl.Series("text", TEXTS), frame)
    found = judge_given(comparison, Config())
    known = np.array(list(LOG_ODDS.values()), dtype=np.float32)
    equal = frame["left"].to_numpy() == frame["right"].to_numpy()
    np.testing.assert_array_equal(found[equal], known[equal])
    assert cross_encoder.read == texts_of([pair for pair in LOG_ODDS if pair[0] != pair[1]])
    left, right, similarity = (
        frame[name].to_numpy()[~equal] for name in ("left", "right", "similarity")
    )
    features = take_features(comparison.vectors(np.flatnonzero(~equal)), GIVEN_FEATURES)
    expected = load_comparison_model().combine_given(
        GivenPairs(left, right, similarity, features), known[~equal], np.full(4, 4.0, np.float32)
    )
    np.testing.assert_array_equal(found[~equal], expected)


def test_only_doubtful_pairs_reach_the_cross_encoder(cross_encoder: FakeCrossEncoder) -> None:
    log_odds, decided_by, facts = scored(candidates())
    assert sorted(cross_encoder.read) == texts_of(DOUBTFUL)
    assert facts == {"judged": 2, "over_budget": 0}
    for pair, known in LOG_ODDS.items():
        doubtful = pair in DOUBTFUL
        expected = combined(pair, 4.0) if doubtful else known
        assert log_odds[pair] == pytest.approx(expected, abs=1e-3)
        same = pair[0] == pair[1]
        assert decided_by[pair] == (
            "cross-encoder" if doubtful else "identical" if same else "comparison"
        )


def test_the_cross_encoder_can_change_the_verdict(cross_encoder: FakeCrossEncoder) -> None:
    likely, _, _ = scored(candidates())
    cross_encoder.logit = -4.0
    unlikely, _, _ = scored(candidates())
    assert likely[0, 1] > 0 > unlikely[0, 1]
    assert likely[0, 2] == unlikely[0, 2]


def test_with_thorough_effort_it_reads_all_pairs_but_those_of_a_record_with_itself(
    cross_encoder: FakeCrossEncoder,
) -> None:
    _, decided_by, facts = scored(candidates(), effort="thorough")
    different = [pair for pair in LOG_ODDS if pair[0] != pair[1]]
    assert sorted(cross_encoder.read) == sorted(texts_of(different))
    assert facts == {"judged": 4, "over_budget": 0}
    assert [pair for pair, by in decided_by.items() if by == "identical"] == [(0, 0), (2, 2)]


@pytest.mark.parametrize("options", [{"effort": "fast"}, {"cross_encoder_pairs": 0}])
@pytest.mark.usefixtures("no_cross_encoder")
def test_without_a_budget_the_cross_encoder_is_never_loaded(options: dict[str, object]) -> None:
    log_odds, decided_by, facts = scored(candidates(), **options)
    assert log_odds == pytest.approx(LOG_ODDS, abs=1e-3)
    assert set(decided_by.values()) == {"comparison", "identical"}
    assert facts == {"judged": 0, "over_budget": 2}


@pytest.mark.usefixtures("no_cross_encoder")
def test_without_doubtful_pairs_the_cross_encoder_is_never_loaded() -> None:
    clear = [pair for pair in LOG_ODDS if pair not in DOUBTFUL]
    assert scored(candidates(clear))[2] == {"judged": 0, "over_budget": 0}
    assert scored(candidates([(0, 0)]), effort="thorough")[2] == {"judged": 0, "over_budget": 0}
    assert scored(candidates([])) == ({}, {}, {"judged": 0, "over_budget": 0})


def test_a_small_budget_goes_to_the_most_doubtful_pair(cross_encoder: FakeCrossEncoder) -> None:
    _, decided_by, facts = scored(candidates(), cross_encoder_pairs=1)
    assert cross_encoder.read == texts_of([(0, 1)])
    assert facts == {"judged": 1, "over_budget": 1}
    assert decided_by[1, 2] == "comparison"


def test_the_order_of_the_pairs_changes_nothing(cross_encoder: FakeCrossEncoder) -> None:
    straight = scored(candidates())
    reverse = scored(candidates().reverse())
    assert straight[0] == reverse[0]
    assert straight[1] == reverse[1]


def test_progress_ends_with_the_pairs_that_were_judged(cross_encoder: FakeCrossEncoder) -> None:
    seen = []
    scored(candidates(), lambda done, total: seen.append((done, total)))
    assert seen[-1] == (2, 2)


def test_pairs_that_a_model_was_fine_tuned_on_keep_their_score_from_before(
    cross_encoder: FakeCrossEncoder, tmp_path: Path
) -> None:
    known = {pair_key(TEXTS[1], TEXTS[0]): 0.02}
    (tmp_path / HELD_OUT_FILE).write_text(json.dumps(known))
    log_odds, _, _ = scored(candidates(), cross_encoder=str(tmp_path))
    before = float(logit(np.array([0.02]), 7)[0])
    assert log_odds[0, 1] == pytest.approx(combined((0, 1), before), abs=1e-3)
    assert log_odds[1, 2] == pytest.approx(combined((1, 2), 4.0), abs=1e-3)


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff"])
def test_a_model_without_readable_held_out_scores_has_none(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / HELD_OUT_FILE).write_bytes(content)
    assert held_out_scores(str(tmp_path)) == {}


def test_the_key_of_a_pair_does_not_depend_on_sides_and_hides_the_texts() -> None:
    assert pair_key("a", "b") == pair_key("b", "a")
    assert (
        len({pair_key("a", "b"), pair_key("a", "a"), pair_key("ab", ""), pair_key("", "ab")}) == 3
    )
    assert "ada" not in pair_key("ada", "adah")


def test_no_more_pairs_are_judged_than_there_are_candidates() -> None:
    assert max_cross_encoder_pairs(1_000, 30, Config()) == 30
    assert max_cross_encoder_pairs(1_000, 9_000, Config()) < 1_000
    assert max_cross_encoder_pairs(1_000, 9_000, Config(effort="fast")) == 0
    assert max_cross_encoder_pairs(1_000, 9_000, Config(effort="thorough")) == 9_000


def test_probabilities_are_those_of_the_log_odds() -> None:
    frame = candidates([(0, 2), (3, 4)])
    found, *_ = score_pairs(frame, Comparison.of(pl.Series(TEXTS), frame), Config(effort="fast"))
    assert found["probability"].to_numpy() == pytest.approx(sigmoid(np.array([-6.0, 5.0])))
