import numpy as np
import polars as pl
import pytest

from dedupe.scoring.logistic import logit
from dedupe.scoring.pairs import PAIRS
from dedupe.scoring.recalibration import (
    FEWEST_LESSONS,
    adapted,
    best_cut,
    correct,
    learn_decisions,
    likelihood,
)
from dedupe.scoring.recalibration_features import rivals


def people(rng: np.random.Generator, count: int) -> tuple[pl.Series, pl.DataFrame, np.ndarray]:
    """Return texts, pairs and the truth where the city tells matches, which no model knows."""
    texts, rows, truth = [], [], []
    for i in range(count):
        match = bool(rng.random() < 0.5)
        texts.append(f"name: person {i}\ncity: town {i}\ncode: {rng.integers(99)}")
        city = f"town {i}" if match else f"village {i + 500}"
        texts.append(f"name: person {i} x\ncity: {city}\ncode: {rng.integers(99)}")
        rows.append((2 * i, 2 * i + 1))
        truth.append(match)
    left, right = zip(*rows, strict=True)
    pairs = pl.DataFrame(
        {
            "left": left,
            "right": right,
            "similarity": rng.uniform(0.5, 0.9, count),
            "probability": rng.uniform(0.2, 0.8, count),
            "decided_by": ["cross-encoder"] * count,
        },
        schema=PAIRS,
    )
    return pl.Series(texts), pairs, np.array(truth)


def decisions(pairs: pl.DataFrame, truth: np.ndarray, count: int) -> pl.DataFrame:
    return pairs.head(count).select(
        "left",
        "right",
        pl.Series("decision", np.where(truth[:count], "match", "different")),
    )


def test_what_tells_matches_is_learnt_for_pairs_nobody_decided() -> None:
    texts, pairs, truth = people(np.random.default_rng(0), 300)
    new, found = correct(pairs, texts, decisions(pairs, truth, 60))
    assert found is not None
    assert found.changed
    assert found.decisions == 60
    assert found.loss_after < found.loss_before

    def right(frame: pl.DataFrame) -> float:
        return float(((frame["probability"].to_numpy() >= 0.5) == truth)[60:].mean())

    assert right(pairs) < 0.65
    assert right(new) > 0.95
    assert new.drop("probability").equals(pairs.drop("probability"))


def test_decisions_that_tell_nothing_change_nothing() -> None:
    texts, pairs, _ = people(np.random.default_rng(1), 200)
    sure = pairs.with_columns(probability=pl.Series([0.9, 0.1] * 100, dtype=pl.Float32))
    said = np.random.default_rng(2).random(200) < sure["probability"].to_numpy()
    new, found = correct(sure, texts, decisions(sure, said, 40))
    assert found is not None
    if not found.changed:
        assert new.equals(sure)
    assert found.loss_after <= found.loss_before


@pytest.mark.parametrize("count", [0, 5])
def test_too_few_decisions_change_nothing(count: int) -> None:
    texts, pairs, truth = people(np.random.default_rng(3), 40)
    new, found = correct(pairs, texts, decisions(pairs, truth, count))
    assert found is None
    assert new.equals(pairs)


def test_decisions_of_one_kind_change_nothing() -> None:
    texts, pairs, _ = people(np.random.default_rng(4), 40)
    new, found = correct(pairs, texts, decisions(pairs, np.ones(40, dtype=bool), 30))
    assert found is None
    assert new.equals(pairs)


def test_the_same_decisions_in_another_order_give_the_same() -> None:
    texts, pairs, truth = people(np.random.default_rng(5), 100)
    said = decisions(pairs, truth, 40)
    assert correct(pairs, texts, said)[0].equals(correct(pairs, texts, said.reverse())[0])


def test_what_follows_from_decisions_is_learnt_from_too() -> None:
    texts, pairs, truth = people(np.random.default_rng(6), 100)
    said = decisions(pairs, truth, 40)
    # The first pair as well, through a third record that has no scored pair at all.
    third = pl.DataFrame(
        {"left": [0, 1], "right": [200, 200], "decision": ["match", "match"]},
        schema=said.schema,
    )
    texts = pl.concat([texts, pl.Series(["name: third"])])
    _, found = correct(pairs, texts, pl.concat([said.slice(1), third]))
    assert found is not None
    assert found.decisions == 40


def test_sure_pairs_nobody_looked_at_hold_the_rest() -> None:
    rng = np.random.default_rng(7)
    before = np.concatenate([np.zeros(30), np.full(400, 6.0), np.full(400, -6.0)])
    signs = rng.standard_normal((830, 3))
    truth = (rng.random(30) < 0.1).astype(float)
    truth[0] = 1.0
    after, found = learn_decisions(before, signs, np.arange(30), truth, np.arange(830))
    assert found.changed
    assert (after[30:430] > 0).all()
    assert (after[430:] < 0).all()


def test_merging_pays_from_half_the_best_f1() -> None:
    assert best_cut(np.array([1.0, 1.0, 0.0])) == pytest.approx(0.5)
    assert best_cut(np.array([0.0, 0.0])) == 0.5
    rng = np.random.default_rng(8)
    p = rng.random(500)
    cut = best_cut(p)

    def expected(limit: float) -> float:
        kept = p[p >= limit]
        return 2 * kept.sum() / (len(kept) + p[p >= 0.05].sum())

    assert expected(cut) >= max(expected(limit) for limit in (0.1, 0.25, 0.5, 0.75)) - 0.002


def test_rivals_are_the_best_other_pairs_of_both_records() -> None:
    score = np.array([3.0, 1.0, -2.0])
    found = rivals(np.array([0, 0, 1]), np.array([1, 2, 3]), score, 4)
    assert found[0, :2].tolist() == [-2.0, 1.0]  # 1 has the pair with 3 beside, 0 the one with 2
    assert found[1, :2].tolist() == [-7.0, 3.0]
    assert found[:, 2:].tolist() == [
        [np.log1p(2), np.log1p(2)],
        [np.log1p(1), np.log1p(2)],
        [np.log1p(1), np.log1p(2)],
    ]


def test_logits_are_bounded() -> None:
    assert logit(np.array([0.0, 0.5, 1.0])).tolist() == [-7.0, 0.0, 7.0]


def test_sure_pairs_of_the_file_tell_the_doubtful_ones() -> None:
    rng = np.random.default_rng(9)
    texts, pairs, truth = people(rng, 400)
    # Of half the pairs the model is sure, and right.
    sure = np.where(truth, 0.99, 0.02)
    said = np.where(np.arange(400) < 200, sure, pairs["probability"].to_numpy())
    pairs = pairs.with_columns(probability=pl.Series(said, dtype=pl.Float32))
    nothing = decisions(pairs, truth, 0)
    new, found = correct(pairs, texts, nothing, adapt=True)
    assert found is not None
    assert found.lessons >= 2 * FEWEST_LESSONS
    assert (found.decisions, found.changed) == (0, False)

    def right(frame: pl.DataFrame) -> float:
        return float(((frame["probability"].to_numpy() >= 0.5) == truth)[200:].mean())

    assert right(pairs) < 0.65
    assert right(new) > 0.95
    assert correct(pairs, texts, nothing, adapt=False)[0].equals(pairs)


def test_too_few_sure_pairs_adapt_nothing() -> None:
    texts, pairs, truth = people(np.random.default_rng(10), 60)
    new, found = correct(pairs, texts, decisions(pairs, truth, 0), adapt=True)
    assert found is None
    assert new.equals(pairs)
    before = np.linspace(-6, 6, 40)
    nobody = np.empty(0, dtype=np.int64)
    after, lessons, copies = adapted(before, np.zeros((40, 1)), nobody, np.arange(40))
    assert (lessons, copies) == (0, 0)
    assert (after == before).all()


def test_unlikely_pairs_of_one_score_are_told_apart() -> None:
    texts, pairs, truth = people(np.random.default_rng(11), 600)
    # Of the first half the model is sure, and right; of the rest it knows nothing but one score.
    sure = np.where(truth, 0.99, 0.008)
    said = np.where(np.arange(600) < 300, sure, 0.008)
    pairs = pairs.with_columns(probability=pl.Series(said, dtype=pl.Float32))
    rest, found = truth[300:], likelihood(pairs, texts)[300:]
    assert found[rest].min() > 2 * found[~rest].max()
    order = np.random.default_rng(12).permutation(600)
    assert likelihood(pairs[order], texts) == pytest.approx(likelihood(pairs, texts)[order])


def test_without_sure_pairs_likelihood_is_what_was_scored() -> None:
    texts, pairs, _ = people(np.random.default_rng(13), 60)
    assert (likelihood(pairs, texts) == pairs["probability"].to_numpy()).all()


def test_of_too_many_pairs_the_least_similar_are_as_the_most_unlike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts, pairs, truth = people(np.random.default_rng(14), 400)
    said = np.where(truth, 0.99, 0.008)
    pairs = pairs.with_columns(probability=pl.Series(said, dtype=pl.Float32))
    monkeypatch.setattr("dedupe.scoring.recalibration.MOST_TOLD_APART", 300)
    found = likelihood(pairs, texts)
    last = np.argsort(np.where(truth, 2.0, pairs["similarity"].to_numpy()))[:100]
    assert len(np.unique(found[last])) == 1
    assert found[last[0]] <= found[~truth].min()


def test_copies_stand_in_where_no_pair_is_surely_a_match() -> None:
    rng = np.random.default_rng(15)
    texts, rows, truth = [], [], np.arange(300) < 40
    for i, match in enumerate(truth):
        words = [f"{a}{b}ton" for a, b in rng.integers(100, 999, (4, 2))]
        others = [*words[:3], f"{words[3]}e"] if match else [words[0], "hill", "park", f"end {i}"]
        texts += [f"name: {' '.join(words)}", f"name: {' '.join(others)}"]
        rows.append((2 * i, 2 * i + 1))
    # Those of which the model is in doubt look alike to it; of none it is sure that they match.
    doubt = truth | (np.arange(300) >= 260)
    pairs = pl.DataFrame(
        {
            "left": [a for a, _ in rows],
            "right": [b for _, b in rows],
            "similarity": [0.7] * 300,
            "probability": np.where(doubt, rng.uniform(0.3, 0.7, 300), 0.02),
            "decided_by": ["cross-encoder"] * 300,
        },
        schema=PAIRS,
    )
    said = pl.Series("text", texts)
    new, found = correct(pairs, said, decisions(pairs, truth, 0), adapt=True)
    assert found is not None and found.copies > 0
    chance = new["probability"].to_numpy()
    assert chance[truth].min() > chance[doubt & ~truth].max()
    # However rows are numbered, the copies are of the same records.
    order = rng.permutation(len(texts))
    place = np.argsort(order)
    ends = np.sort(place[pairs.select("left", "right").to_numpy()], axis=1)
    turned = pairs.with_columns(left=pl.Series(ends[:, 0]), right=pl.Series(ends[:, 1])).cast(
        dict(PAIRS)
    )
    again, _ = correct(turned, said.gather(order), decisions(pairs, truth, 0), adapt=True)
    assert again["probability"].to_numpy() == pytest.approx(chance, abs=1e-4)
