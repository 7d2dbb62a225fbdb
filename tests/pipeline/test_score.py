"""Pairs of records given directly are scored as pairs of one small file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

import dedupe
from dedupe.config import Config
from dedupe.errors import InputError, OptionError
from dedupe.pipeline.score import scored_batches
from dedupe.progress import Progress, silent

Pair = Mapping[str, Mapping[str, Any]]

ANN = {"name": "Ann Lee", "street": "12 High Street", "city": "Paris", "email": "ann@firma.de"}
MISSPELT = {**ANN, "name": "Anne Lee", "street": "12 high st."}
BOB = {"name": "Bob Ray", "street": "5 Low Road", "city": "Rome", "email": "ray@other.org"}
PAIRS: list[Pair] = [{"left": ANN, "right": MISSPELT}, {"left": ANN, "right": BOB}]


def turned(pairs: Sequence[Pair]) -> list[Pair]:
    return [{"left": pair["right"], "right": pair["left"]} for pair in pairs]


@pytest.mark.model
def test_matches_are_likely_and_others_are_not() -> None:
    probability = dedupe.score(PAIRS, effort="fast")
    assert probability.dtype == np.float32
    assert probability[0] > 0.7
    assert probability[1] < 0.3


@pytest.mark.model
def test_sides_and_the_order_of_pairs_change_nothing() -> None:
    probability = dedupe.score(PAIRS, effort="fast")
    np.testing.assert_array_equal(dedupe.score(turned(PAIRS), effort="fast"), probability)
    np.testing.assert_array_equal(dedupe.score(PAIRS[::-1], effort="fast"), probability[::-1])
    again = dedupe.score([*PAIRS, PAIRS[0]], effort="fast")
    assert again[2] == again[0]


def test_a_record_and_its_copy_match() -> None:
    (probability,) = dedupe.score([{"left": ANN, "right": dict(ANN)}], effort="fast")
    assert probability > 0.7


def test_records_may_have_different_fields_and_none() -> None:
    pairs = [
        {"left": {"name": "Jon Smith", "born": 1958}, "right": {"full_name": "jon smith", "x": 1}},
        {"left": {}, "right": {"name": None}},
        {"left": {"name": "Jon"}, "right": {}, "note": "passes"},
    ]
    probability = dedupe.score(pairs, effort="fast")
    assert probability.shape == (3,)
    assert ((probability >= 0) & (probability <= 1)).all()
    assert len(dedupe.score([], effort="fast")) == 0


def test_nan_is_a_missing_value() -> None:
    with_nan, without = (
        [{"left": {**ANN, **more}, "right": {**BOB, **more}}]
        for more in ({"zip": float("nan"), "age": np.float64("nan")}, {"zip": None})
    )
    assert dedupe.score(with_nan, effort="fast") == dedupe.score(without, effort="fast")


@pytest.mark.parametrize("pair", [{"left": {}}, {"left": "x", "right": {}}, 3, None])
def test_an_item_that_is_no_pair_is_named_by_its_number(pair: Any) -> None:
    with pytest.raises(InputError, match="pair 2"):
        dedupe.score([{"left": {"a": "x"}, "right": {"a": "y"}}, pair], effort="fast")


@pytest.mark.model
def test_pairs_of_an_iterator_are_scored_in_batches() -> None:
    pairs = [*PAIRS, *turned(PAIRS), PAIRS[0]]
    batches = list(scored_batches(iter(pairs), Config(effort="fast"), size=2))
    assert [len(batch) for batch, _ in batches] == [2, 2, 1]
    assert [pair for batch, _ in batches for pair in batch] == pairs
    np.testing.assert_array_equal(batches[0][1], batches[1][1])
    # An item that is no pair is named by its number in all of them.
    with pytest.raises(InputError, match="pair 6"):
        list(scored_batches(iter([*pairs, 3]), Config(effort="fast"), size=2))


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(OptionError, match="colour"):
        dedupe.score(PAIRS, colour="red")


@pytest.mark.parametrize("effort", ["balanced", "thorough"])
def test_the_cross_encoder_reads_every_pair_of_different_records(
    monkeypatch: pytest.MonkeyPatch, effort: str
) -> None:
    read: list[tuple[str, str]] = []

    class Reader:
        """A cross-encoder that remembers what it read."""

        vocabulary = frozenset[str]()
        reads_marks = False

        def logits(
            self, pairs: Sequence[tuple[str, str]], progress: Progress = silent
        ) -> np.ndarray:
            read.extend(pairs)
            return np.zeros(len(pairs), dtype=np.float32)

    monkeypatch.setattr("dedupe.scoring.score.load_cross_encoder", lambda config: Reader())
    dedupe.score([*PAIRS, {"left": ANN, "right": ANN}], effort=effort)
    assert len(read) == 2
    assert all("name: ann lee" in pair for pair in (" ".join(texts) for texts in read))


@pytest.mark.model
def test_both_models_agree_on_clear_pairs() -> None:
    probability = dedupe.score(PAIRS)
    assert probability[0] > 0.7
    assert probability[1] < 0.3
    np.testing.assert_allclose(dedupe.score(turned(PAIRS)), probability, atol=1e-3)
