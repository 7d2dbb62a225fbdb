"""Fit the trees of the comparison model, and its combination with the cross-encoder in a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedupe.config import Config
from dedupe.models.loading import cpu_count
from dedupe.scoring.cascade import DOUBTFUL
from dedupe.scoring.comparison.model import (
    CANDIDATE_FEATURES,
    inputs_of_candidate_pairs,
    take_features,
)
from dedupe.scoring.comparison.oblivious_trees import ObliviousTrees
from dedupe.scoring.cross_encoder.encoder import load_cross_encoder, score_logits
from dedupe.scoring.cross_encoder.text import prepare_texts
from dedupe.training.comparison.data import LabelledPairs
from dedupe.training.data import NEVER_LEARNT
from dedupe.training.data_mix import Tables

JUDGED_PAIRS = 300
"""Doubtful pairs of a set that the combination is fitted to."""
NON_MATCH_WEIGHT = 1.5
"""Weight of a non-match among them: a false match costs more than one that is missed."""
LESSON_WEIGHT = 3.0
"""Weight of a synthetic file of look-alikes: merging these is what users forgive least."""

ScoredSet = tuple[LabelledPairs, NDArray[np.float32]]
"""Pairs of a set with their log odds by the trees."""


@dataclass(frozen=True)
class TreeRecipe:
    """Settings of the trees.

    Parameters
    ----------
    iterations, depth, learning_rate, l2
        Of CatBoost.
    most_pairs
        Pairs of a set that are used; matches come first, and weights restore their share.
    table_weight, published_weight, lesson_weight
        Weight of a set by its kind, for a set of a given size.
    seed
        Seed of the sampling and of the trees.
    """

    iterations: int = 1_500
    depth: int = 6
    learning_rate: float = 0.1
    l2: float = 5.0
    most_pairs: int = 12_000
    table_weight: float = 7.0
    published_weight: float = 1.5
    lesson_weight: float = 2.0
    seed: int = 0


def fit_trees(sets: Sequence[LabelledPairs], recipe: TreeRecipe) -> ObliviousTrees:
    """Fit boosted trees to labelled pairs.

    The weight of a set grows with the square root of its size, so that large sets do not decide
    alone.
    """
    from catboost import CatBoostClassifier, Pool

    rng = np.random.default_rng(recipe.seed)
    samples = [_sample(pairs, recipe, rng) for pairs in sets]
    vectors = np.concatenate(
        [pairs.vectors[rows] for pairs, (rows, _) in zip(sets, samples, strict=True)]
    )
    labels = np.concatenate(
        [pairs.labels[rows] for pairs, (rows, _) in zip(sets, samples, strict=True)]
    )
    weights = np.concatenate([weight for _, weight in samples])
    model = CatBoostClassifier(
        iterations=recipe.iterations,
        depth=recipe.depth,
        learning_rate=recipe.learning_rate,
        l2_leaf_reg=recipe.l2,
        random_seed=recipe.seed,
        thread_count=cpu_count(),
        border_count=64,
        rsm=0.3,
        bootstrap_type="Bernoulli",
        subsample=0.6,
        boosting_type="Plain",
        leaf_estimation_iterations=1,
        allow_writing_files=False,
        verbose=100,
    )
    inputs = vectors.astype(np.float32)
    model.fit(Pool(inputs, labels, weight=weights * len(weights) / weights.sum()))
    trees = export_trees(model, recipe.depth)
    expected = model.predict(inputs[:1000], prediction_type="RawFormulaVal")
    assert np.allclose(trees.log_odds(vectors[:1000]), expected, atol=1e-3)
    return trees


def export_trees(model: Any, depth: int) -> ObliviousTrees:
    """Export the trees of a fitted CatBoost model by its JSON format."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "model.json"
        model.save_model(str(file), format="json")
        stored = json.loads(file.read_text(encoding="utf-8"))
    trees = stored["oblivious_trees"]
    feature = np.full((len(trees), depth), -1, dtype=np.int16)
    limit = np.zeros((len(trees), depth), dtype=np.uint8)
    value = np.zeros((len(trees), 2**depth), dtype=np.float32)
    scale, (base, *_) = stored["scale_and_bias"]
    for number, tree in enumerate(trees):
        for level, split in enumerate(tree["splits"]):
            feature[number, level] = split["float_feature_index"]
            limit[number, level] = int(np.floor(split["border"]))
        leaves = np.array(tree["leaf_values"]) * scale
        value[number, : len(leaves)] = leaves
    return ObliviousTrees(feature, limit, value, np.array([base], dtype=np.float64))


def held_out_log_odds(
    sets: Sequence[LabelledPairs], recipe: TreeRecipe, folds: int
) -> list[NDArray[np.float32]]:
    """Predict each set by trees that were fitted without its family.

    Synthetic files are a family per kind of file.
    """
    families = sorted({pairs.family for pairs in sets})
    # Neighbours in the alphabet are not alike: consecutive families are in different folds.
    fold = {family: number % folds for number, family in enumerate(families)}
    predicted: list[NDArray[np.float32]] = [np.empty(0, dtype=np.float32)] * len(sets)
    for number in range(folds):
        trees = fit_trees([pairs for pairs in sets if fold[pairs.family] != number], recipe)
        for place, pairs in enumerate(sets):
            if fold[pairs.family] == number:
                predicted[place] = trees.log_odds(pairs.vectors)
    return predicted


def unlearnt_pairs(
    sets: Sequence[LabelledPairs], held_out: Sequence[NDArray[np.float32]], tables: Tables
) -> Iterator[ScoredSet]:
    """Yield the pairs that the cross-encoder has not learnt either, with their log odds.

    These are the pairs of the valid clusters of tables, and the published sets of
    :data:`~dedupe.training.data.NEVER_LEARNT`.

    Parameters
    ----------
    sets
        Labelled pairs.
    held_out
        Log odds of each set's pairs as of :func:`held_out_log_odds`.
    tables
        Candidate pairs of full tables by part.
    """
    valid = {
        name.replace("/", "-"): {(pair.left, pair.right) for pair in parts["valid"]}
        for name, parts in tables.items()
    }
    for pairs, log_odds in zip(sets, held_out, strict=True):
        if pairs.kind == "published" and pairs.name in NEVER_LEARNT:
            yield pairs, log_odds
        elif pairs.kind == "table" and pairs.name in valid:
            texts = zip(pairs.left, pairs.right, strict=True)
            rows = np.flatnonzero([pair in valid[pairs.name] for pair in texts])
            yield pairs.take(rows), log_odds[rows]


def fit_combination(scored: Iterable[ScoredSet], seed: int) -> NDArray[np.float64]:
    """Fit the weights of :attr:`~dedupe.scoring.comparison.model.ComparisonModel.combination`.

    Parameters
    ----------
    scored
        Sets that the cross-encoder was not trained on, with the log odds of each pair by trees that
        were not fitted to it.
    seed
        Seed of the sampling.
    """
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(seed)
    model = load_cross_encoder(Config())
    inputs, labels, weights = [], [], []
    for pairs, log_odds in scored:
        doubtful = np.flatnonzero((np.abs(log_odds) < DOUBTFUL) & (pairs.left != pairs.right))
        rows = rng.permutation(doubtful)[:JUDGED_PAIRS]
        if not len(rows):
            continue
        left, right = (
            prepare_texts(model, side[rows].tolist()) for side in (pairs.left, pairs.right)
        )
        logits = score_logits(model, left, right)
        features = take_features(pairs.vectors[rows], CANDIDATE_FEATURES)
        inputs.append(inputs_of_candidate_pairs(log_odds[rows], logits, features))
        labels.append(pairs.labels[rows])
        cost = np.where(labels[-1] == 1, 1.0, NON_MATCH_WEIGHT)
        kind = LESSON_WEIGHT if pairs.kind == "lesson" else 1.0
        weights.append(kind * cost * len(rows) ** -0.5)
    fitted = LogisticRegression(max_iter=1000).fit(
        np.concatenate(inputs), np.concatenate(labels), np.concatenate(weights)
    )
    return np.concatenate([fitted.intercept_, fitted.coef_[0]])


def _sample(
    pairs: LabelledPairs, recipe: TreeRecipe, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Draw pairs of a set, and weigh them so that matches keep their share."""
    kinds = {
        "table": recipe.table_weight,
        "published": recipe.published_weight,
        "lesson": recipe.lesson_weight,
        "domain": recipe.lesson_weight,
    }
    matches, others = (np.flatnonzero(pairs.labels == label) for label in (1, 0))
    if len(pairs) > recipe.most_pairs:
        drawn = rng.permutation(matches)[: recipe.most_pairs // 3]
        others_drawn = rng.permutation(others)[: recipe.most_pairs - len(drawn)]
    else:
        drawn, others_drawn = matches, others
    weight = np.concatenate(
        [
            np.full(len(part), len(whole) / max(len(part), 1))
            for part, whole in ((drawn, matches), (others_drawn, others))
        ]
    )
    total = np.sqrt(min(len(pairs), 10_000)) * kinds[pairs.kind]
    return np.concatenate([drawn, others_drawn]), weight / weight.sum() * total
