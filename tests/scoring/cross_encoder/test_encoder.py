"""The cross-encoder's score: symmetric, the same in any batch, and meaningful in every script."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dedupe
from dedupe.config import Config
from dedupe.errors import ModelError
from dedupe.records.records import record_text
from dedupe.scoring.cross_encoder.encoder import (
    BATCH_PAIRS,
    CHUNK,
    GPU_FACTOR,
    TorchPairModel,
    load_cross_encoder,
    score_logits,
    score_texts,
)
from dedupe.scoring.cross_encoder.text import (
    prepare_texts,
)
from tests.laws import examples


@pytest.fixture(scope="module")
def model():
    return load_cross_encoder(Config())


def person(first: str, last: str, born: str, city: str) -> str:
    return record_text([("first_name", first), ("last_name", last), ("born", born), ("city", city)])


def fields(text: str) -> Iterator[tuple[str, str]]:
    for line in text.split("\n"):
        label, _, value = line.partition(": ")
        yield label, value


PEOPLE = [
    person("Katherine", "Johnson", "1918-08-26", "Hampton"),
    person("Kathrine", "Jonson", "1918-08-26", "Hampton"),
    person("Dorothy", "Vaughan", "1910-09-20", "Kansas City"),
    person("Mary", "Jackson", "1921-04-09", "Hampton"),
]


@pytest.mark.model
def test_the_bundled_models_score_matches_high_and_non_matches_low() -> None:
    match, *non_matches = dedupe.score(
        [
            {"left": dict(fields(PEOPLE[a])), "right": dict(fields(PEOPLE[b]))}
            for a, b in ((0, 1), (0, 2), (2, 3))
        ]
    )
    assert match > 0.8
    assert max(non_matches) < 0.2


@pytest.mark.model
def test_matches_score_higher_than_non_matches(model) -> None:
    left = prepare_texts(model, [PEOPLE[0], PEOPLE[0], PEOPLE[2]])
    right = prepare_texts(model, [PEOPLE[1], PEOPLE[2], PEOPLE[3]])
    match, *non_matches = score_texts(model, left, right)
    assert match > 0.8
    assert max(non_matches) < 0.2


@pytest.mark.model
def test_the_score_does_not_depend_on_the_order_of_the_records(model) -> None:
    texts = prepare_texts(model, PEOPLE)
    left, right = zip(*[(a, b) for a in texts for b in texts if a != b], strict=True)
    straight, swapped = score_texts(model, left, right), score_texts(model, right, left)
    assert np.abs(straight - swapped).max() < 1e-3


@pytest.mark.model
def test_other_pairs_in_the_batch_change_little(model) -> None:
    texts = prepare_texts(model, PEOPLE)
    alone = score_texts(model, texts[:1], texts[1:2])[0]
    many = score_texts(model, [*texts[:1], *texts * 20], [*texts[1:2], *texts[::-1] * 20])[0]
    assert many == pytest.approx(alone, abs=1e-4)


@pytest.mark.model
@pytest.mark.parametrize(("device", "times"), [("cpu", 1), ("cuda", GPU_FACTOR)])
def test_a_gpu_gets_larger_batches_and_logits_keep_their_order(device, times) -> None:
    import torch

    sizes = []

    class LengthModel:
        def __init__(self) -> None:
            self.device = torch.device(device)
            self.model = SimpleNamespace(config=SimpleNamespace())

        def predict(self, pairs, batch_size, **_):
            sizes.append((len(pairs), batch_size))
            return np.array([float(a) + float(b) for a, b in pairs])

    left = [str(number) for number in range(3 * CHUNK)]
    logits = score_logits(TorchPairModel(LengthModel()), left, left)
    np.testing.assert_array_equal(logits, [2.0 * number for number in range(3 * CHUNK)])
    assert sizes[0] == (min(times * CHUNK, 3 * CHUNK), times * BATCH_PAIRS)


@pytest.mark.model
def test_names_in_a_script_without_tokens_stay_different(model) -> None:
    texts = [record_text([("name", name)]) for name in ("สมชาย ใจดี", "วิภา สุขใจ", "สมชาย ใจดี ")]
    one, other, _same = prepare_texts(model, texts)
    assert one != other
    assert "[UNK]" not in model.tokenizer.encode(one).tokens
    assert texts[0] == texts[2]


@pytest.mark.model
@examples(50)
@given(text=st.text(max_size=40))
def test_no_text_has_an_unknown_token(model, text: str) -> None:
    prepared = prepare_texts(model, [record_text([("name", text)])])[0]
    assert "[UNK]" not in model.tokenizer.encode(prepared).tokens


@pytest.mark.model
def test_a_missing_model_raises_one_clear_error(tmp_path) -> None:
    with pytest.raises(ModelError, match="cannot load the cross-encoder"):
        load_cross_encoder(Config(cross_encoder=str(tmp_path)))


@pytest.mark.model
def test_loading_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    load_cross_encoder(Config())
    assert capfd.readouterr() == ("", "")
