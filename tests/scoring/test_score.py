"""The cross-encoder's score: symmetric, alike in any company, and not blind to any script."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dedupe
from dedupe.config import Config
from dedupe.errors import InputError, ModelError
from dedupe.models.loading import pick_device
from dedupe.records import record_text
from dedupe.scoring.cross_encoder import (
    BATCH_PAIRS,
    CHUNK,
    GPU_FACTOR,
    TEXT_BUDGET,
    cross_encoder_text,
    load_cross_encoder,
    prepare_texts,
    score_logits,
    score_texts,
    spell_unknown,
)
from dedupe.scoring.pairs import PAIRS, identical_pairs
from dedupe.scoring.score import score_pairs


@pytest.fixture(scope="module")
def model():
    return load_cross_encoder(Config())


def person(first: str, last: str, born: str, city: str) -> str:
    return record_text([("first_name", first), ("last_name", last), ("born", born), ("city", city)])


PEOPLE = [
    person("Katherine", "Johnson", "1918-08-26", "Hampton"),
    person("Kathrine", "Jonson", "1918-08-26", "Hampton"),
    person("Dorothy", "Vaughan", "1910-09-20", "Kansas City"),
    person("Mary", "Jackson", "1921-04-09", "Hampton"),
]


def test_matches_and_strangers_are_told_apart(model) -> None:
    left = prepare_texts(model, [PEOPLE[0], PEOPLE[0], PEOPLE[2]])
    right = prepare_texts(model, [PEOPLE[1], PEOPLE[2], PEOPLE[3]])
    match, *strangers = score_texts(model, left, right)
    assert match > 0.8
    assert max(strangers) < 0.2


def test_the_score_is_the_same_from_both_sides(model) -> None:
    texts = prepare_texts(model, PEOPLE)
    left, right = zip(*[(a, b) for a in texts for b in texts if a != b], strict=True)
    there, back = score_texts(model, left, right), score_texts(model, right, left)
    assert np.abs(there - back).max() < 1e-3


def test_the_company_of_other_pairs_changes_little(model) -> None:
    texts = prepare_texts(model, PEOPLE)
    alone = score_texts(model, texts[:1], texts[1:2])[0]
    many = score_texts(model, [*texts[:1], *texts * 20], [*texts[1:2], *texts[::-1] * 20])[0]
    assert many == pytest.approx(alone, abs=0.02)


def test_pairs_keep_their_order_and_schema(model) -> None:
    candidates = pl.DataFrame(
        {"left": [0, 0, 2], "right": [1, 2, 3], "similarity": [0.9, 0.2, 0.1]},
        schema={"left": pl.UInt32, "right": pl.UInt32, "similarity": pl.Float32},
    )
    seen = []
    scored, facts, _ = score_pairs(
        model,
        candidates,
        pl.Series(PEOPLE),
        Config(),
        lambda done, total: seen.append((done, total)),
    )
    assert facts == {}
    assert scored.schema == PAIRS
    assert scored.select(candidates.columns).equals(candidates)
    assert scored["probability"].is_between(0, 1).all()
    assert seen[-1] == (3, 3)


def test_pairs_of_ones_own_are_scored_whatever_their_fields(model) -> None:
    pairs = [
        {
            "left": {"name": "Jon Smith", "born": 1958},
            "right": {"full_name": "jon smith", "x": None},
        },
        {"left": {"name": "Jon Smith"}, "right": {"name": "Petra Huber"}, "note": "passes"},
    ]
    chances = dedupe.score(pairs)
    assert chances.dtype == np.float32
    assert chances[0] > 0.5 > chances[1]
    turned = dedupe.score([{"left": p["right"], "right": p["left"]} for p in pairs])
    np.testing.assert_array_equal(chances, turned)
    assert len(dedupe.score([])) == 0


def test_nan_is_a_missing_value_and_no_word() -> None:
    with_nan, without = (
        {"left": {"name": "Jon Smith", **more}, "right": {"name": "Petra Huber", **more}}
        for more in ({"city": float("nan"), "zip": np.float64("nan")}, {"city": None})
    )
    there, missing = dedupe.score([with_nan, without])
    assert there == pytest.approx(missing, abs=1e-6)  # batches of two add in another order


@pytest.mark.parametrize("pair", [{"left": {}}, {"left": "x", "right": {}}, 3])
def test_what_is_no_pair_is_named_by_its_place(pair: Any) -> None:
    with pytest.raises(InputError, match="pair 2"):
        dedupe.score([{"left": {"a": "x"}, "right": {"a": "y"}}, pair])


def test_many_candidates_are_decided_by_a_student_but_for_what_the_model_has_to(model) -> None:
    rng = np.random.default_rng(0)
    names = [
        f"name: {a} {b}" for a in ["adam", "berta", "carl", "dora", "emil"] for b in range(300)
    ]
    left, right = (rng.integers(0, len(names), 9_000) for _ in range(2))
    candidates = (
        pl.DataFrame({"left": np.minimum(left, right), "right": np.maximum(left, right)})
        .filter(pl.col("left") < pl.col("right"))
        .unique()
        .sort("left", "right")
        .cast(pl.UInt32)
        .with_columns(
            similarity=pl.lit(0.5, dtype=pl.Float32),
            seen=(pl.col("left") % 97 == 0).cast(pl.UInt32),
        )
    )
    asked = []

    class Fake:
        tokenizer = model.tokenizer
        device = model.device

        def predict(self, pairs, **_):
            asked.extend(pairs)
            return np.array([9.0 if a.split()[1] == b.split()[1] else -9.0 for a, b in pairs])

    scored, facts, _ = score_pairs(Fake(), candidates, pl.Series(names), Config())
    assert scored.schema == PAIRS
    assert len(asked) < candidates.height
    assert facts["pairs"] == (scored["decided_by"] == "distilled").sum() > 0
    assert facts["agreement"] > 0.98
    assert (scored.filter(candidates["seen"] > 0)["decided_by"] == "cross-encoder").all()
    everything, none, _ = score_pairs(Fake(), candidates, pl.Series(names), Config(agreement=1.0))
    assert none == {}
    assert (everything["decided_by"] == "cross-encoder").all()


@pytest.mark.parametrize(("device", "times"), [("cpu", 1), ("cuda", GPU_FACTOR)])
def test_a_gpu_is_given_more_at_a_time_and_all_get_their_own_logit(device, times) -> None:
    import torch

    sizes = []

    class Fake:
        def __init__(self) -> None:
            self.device = torch.device(device)

        def predict(self, pairs, batch_size, **_):
            sizes.append((len(pairs), batch_size))
            return np.array([float(a) + float(b) for a, b in pairs])

    left = [str(number) for number in range(3 * CHUNK)]
    logits = score_logits(Fake(), left, left)
    np.testing.assert_array_equal(logits, [2.0 * number for number in range(3 * CHUNK)])
    assert sizes[0] == (min(times * CHUNK, 3 * CHUNK), times * BATCH_PAIRS)


def test_names_in_a_script_the_vocabulary_lacks_are_told_apart(model) -> None:
    texts = [record_text([("name", name)]) for name in ("สมชาย ใจดี", "วิภา สุขใจ", "สมชาย ใจดี ")]
    one, other, _same = prepare_texts(model, texts)
    assert one != other
    tokens = model.tokenizer.tokenize(one)
    assert model.tokenizer.unk_token not in tokens
    assert texts[0] == texts[2]


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=40))
def test_no_text_is_read_as_unknown(text: str) -> None:
    model = _cached_model()
    prepared = prepare_texts(model, [record_text([("name", text)])])[0]
    assert model.tokenizer.unk_token_id not in model.tokenizer(prepared)["input_ids"]


_MODELS: list = []


def _cached_model():
    if not _MODELS:
        _MODELS.append(load_cross_encoder(Config()))
    return _MODELS[0]


def test_long_numbers_are_written_in_twos() -> None:
    assert cross_encoder_text("date: 19580121") == "date: 19 58 01 21"
    assert cross_encoder_text("year: 1958") == "year: 1958"


@given(st.lists(st.text(alphabet="ab \u00e9", max_size=400), min_size=1, max_size=6))
def test_a_long_record_is_cut_where_it_is_longest(values: list[str]) -> None:
    text = "\n".join(f"f{n}: {value}" for n, value in enumerate(values))
    cut = cross_encoder_text(text)
    assert len(cut.replace("\n", "")) <= max(TEXT_BUDGET, len(values))
    short = min(values, key=len)
    if len(text) <= TEXT_BUDGET or len(short) + 4 <= TEXT_BUDGET // (2 * len(values)):
        assert short in cut


def test_known_characters_are_left_alone() -> None:
    assert spell_unknown(["abc é"], {"a", "b", "c", "e", "##e"}) == {}
    assert spell_unknown(["ส"], {"a"}) == {ord("ส"): " 36 26 "}


def test_equal_texts_are_grouped_and_empty_ones_are_not() -> None:
    firsts, pairs = identical_pairs(pl.Series("text", ["x", "y", "x", "", "x", ""]))
    assert firsts.to_list() == [0, 1, 3, 5]
    assert pairs.select("left", "right").rows() == [(0, 2), (0, 4)]
    assert pairs["probability"].to_list() == [1, 1]
    assert pairs.schema == PAIRS


def test_a_missing_model_is_one_clear_error(tmp_path) -> None:
    with pytest.raises(ModelError, match="cannot load the cross-encoder"):
        load_cross_encoder(Config(cross_encoder=str(tmp_path)))


def test_an_unknown_device_is_one_clear_error() -> None:
    with pytest.raises(ModelError, match="device 'quantum' cannot be used"):
        pick_device("quantum")


def test_loading_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    load_cross_encoder(Config())
    assert capfd.readouterr() == ("", "")
