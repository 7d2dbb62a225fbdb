"""Match probabilities of candidate pairs: the comparison model, and behind it the cross-encoder.

The score of a pair does not depend on the order of its records.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.config import Config
from dedupe.progress import Progress, silent
from dedupe.scoring.cascade import cross_encoder_budget, doubtful_pairs
from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.comparison.file_regression import (
    CLEAR,
    MAX_CLEAR,
    MIN_CLEAR,
    FileRegression,
    fit_file_regression,
)
from dedupe.scoring.comparison.model import (
    CANDIDATE_FEATURES,
    GIVEN_FEATURES,
    LOGIT_LIMIT,
    GivenPairs,
    load_comparison_model,
)
from dedupe.scoring.comparison.scales import Bytes
from dedupe.scoring.cross_encoder.encoder import PairModel, load_cross_encoder, score_logits
from dedupe.scoring.cross_encoder.text import prepare_texts
from dedupe.scoring.explanation.short_reasons import reasons_of
from dedupe.scoring.logistic import logit, sigmoid
from dedupe.scoring.pairs import DECIDERS
from dedupe.scoring.sampling import sampling_keys


def score_pairs(
    candidates: pl.DataFrame,
    comparison: Comparison,
    config: Config,
    progress: Progress = silent,
) -> tuple[pl.DataFrame, FileRegression | None, dict[str, Any]]:
    """Score candidate pairs with the comparison model, and doubtful ones with the cross-encoder.

    In a large file, a regression fitted to the clear pairs refines the doubtful ones in between.

    Parameters
    ----------
    candidates
        Columns ``left``, ``right`` (row numbers) and ``similarity``. A record paired with itself
        stands for a group of identical records.
    comparison
        Comparison of these candidates.
    config
        ``effort``, ``cross_encoder_pairs``, ``cross_encoder``, ``device``, ``self_training`` and
        ``seed`` are used.
    progress
        Called with the number of pairs done.

    Returns
    -------
    frame
        Schema :data:`~dedupe.scoring.pairs.PAIRS`, in the order of `candidates`.
    regression
        What the clear pairs told about the doubtful ones; ``None``: nothing.
    facts
        How many pairs the cross-encoder judged, and how many doubtful ones it did not.
    """
    log_odds = comparison.log_odds()
    texts = comparison.texts
    keys = sampling_keys(texts, comparison.left, comparison.right, config.seed)
    regression = _self_train(comparison, log_odds, keys) if config.self_training else None
    reasons = reasons_of(comparison, log_odds)
    # Identical texts tell a cross-encoder nothing: it would call them a match in any file.
    different = np.flatnonzero(comparison.left != comparison.right)
    budget = cross_encoder_budget(len(texts), config)
    chosen, over_budget = doubtful_pairs(log_odds[different], keys[different], budget)
    judged = different[chosen]
    if len(judged):
        progress(0, len(judged))  # the model takes a moment to load
        ends = comparison.left[judged], comparison.right[judged]
        model, held_out = load_cross_encoder(config), held_out_scores(config.cross_encoder)
        features = comparison.features(CANDIDATE_FEATURES, judged)
        log_odds[judged] = judge(
            model, texts, *ends, log_odds[judged], features, held_out, progress
        )
    by_cross_encoder = np.zeros(len(log_odds), dtype=bool)
    by_cross_encoder[judged] = True
    decided_by = np.where(by_cross_encoder, "cross-encoder", "comparison")
    decided_by[comparison.left == comparison.right] = "identical"
    scored = candidates.select("left", "right", "similarity").with_columns(
        pl.Series("probability", sigmoid(log_odds), dtype=pl.Float32),
        pl.Series("decided_by", decided_by).cast(DECIDERS),
        reasons,
    )
    return scored, regression, {"judged": len(judged), "over_budget": over_budget}


def _self_train(
    comparison: Comparison, log_odds: NDArray[np.float32], keys: NDArray[np.uint64]
) -> FileRegression | None:
    """Fit a regression to the clear pairs of a file, and refine the doubtful ones in place."""
    pair = comparison.left != comparison.right
    clear = [np.flatnonzero(pair & side) for side in (log_odds < -CLEAR, log_odds > CLEAR)]
    count = min(*map(len, clear), MAX_CLEAR)
    if count < MIN_CLEAR:
        return None
    drawn = [side[np.argsort(keys[side], kind="stable")[:count]] for side in clear]
    doubtful = comparison.doubtful(log_odds)
    vectors = comparison.vectors(doubtful)
    non_matches, matches = (comparison.vectors(pairs) for pairs in drawn)
    regression = fit_file_regression(non_matches, matches, vectors, log_odds[doubtful])
    if regression is not None:
        log_odds[doubtful] = regression.combine(log_odds[doubtful], vectors)
    return regression


def judge(
    model: PairModel,
    texts: pl.Series,
    left: NDArray[np.uint32],
    right: NDArray[np.uint32],
    log_odds: NDArray[np.float32],
    features: Bytes,
    held_out: Mapping[str, float],
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """Judge candidate pairs with the cross-encoder, and combine both models.

    Parameters
    ----------
    model
        The cross-encoder.
    texts
        (n,) record texts.
    left, right
        (k,) row numbers.
    log_odds
        (k,) of the comparison model.
    features
        (k, 7) :data:`~dedupe.scoring.comparison.model.CANDIDATE_FEATURES` of the pairs.
    held_out
        Probabilities of the pairs that the cross-encoder was fine-tuned on from before it saw them;
        see :func:`held_out_scores`.
    progress
        Called with the number of pairs done.

    Returns
    -------
    ndarray
        (k,) float32: combined log odds.
    """
    logits = cross_encoder_logits(model, texts, left, right, held_out, progress)
    return load_comparison_model().combine(log_odds, logits, features)


def judge_given(comparison: Comparison, config: Config) -> NDArray[np.float32]:
    """Judge pairs that are given as such, without the candidates of a file.

    Parameters
    ----------
    comparison
        Comparison of m pairs. Pairs of two equal texts are judged by the comparison model alone.
    config
        ``cross_encoder`` and ``device`` are used.

    Returns
    -------
    ndarray
        (m,) float32: combined log odds.
    """
    log_odds = comparison.log_odds()
    different = np.flatnonzero(comparison.left != comparison.right)
    if len(different):
        pairs = GivenPairs(
            comparison.left[different],
            comparison.right[different],
            comparison.similarity[different],
            comparison.features(GIVEN_FEATURES, different),
        )
        model, held_out = load_cross_encoder(config), held_out_scores(config.cross_encoder)
        logits = cross_encoder_logits(model, comparison.texts, pairs.left, pairs.right, held_out)
        judged = load_comparison_model().combine_given(pairs, log_odds[different], logits)
        log_odds[different] = judged
    return log_odds


def cross_encoder_logits(
    model: PairModel,
    texts: pl.Series,
    left: NDArray[np.uint32],
    right: NDArray[np.uint32],
    held_out: Mapping[str, float],
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """Compute the cross-encoder's logit of each pair, (k,) float32; see :func:`judge`."""
    rows = np.unique(np.concatenate([left, right]))
    prepared = dict(zip(rows, prepare_texts(model, texts.gather(rows).to_list()), strict=True))
    logits = score_logits(
        model, [prepared[row] for row in left], [prepared[row] for row in right], progress
    )
    if held_out:
        for at, (a, b) in enumerate(zip(left, right, strict=True)):
            known = held_out.get(pair_key(texts[int(a)], texts[int(b)]))
            if known is not None:
                logits[at] = logit(np.array([known]), LOGIT_LIMIT)[0]
    return logits


def max_cross_encoder_pairs(records: int, candidates: int, config: Config) -> int:
    """Return the largest number of candidate pairs that the cross-encoder may have to judge."""
    return int(min(candidates, cross_encoder_budget(records, config)))


HELD_OUT_FILE = "unseen.json"
"""File in the folder of a fine-tuned model: held-out scores of the pairs it was fine-tuned on."""


def held_out_scores(folder: str) -> dict[str, float]:
    """Load the probabilities of a fine-tuned model's training pairs from before it saw them.

    Returns
    -------
    dict
        Probability by :func:`pair_key`; empty for a model that was not fine-tuned on decisions.
    """
    try:
        return dict(json.loads((Path(folder) / HELD_OUT_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def pair_key(left: str, right: str) -> str:
    """Hash a pair of record texts, in either order, to a key that does not reveal them."""
    text = "\0".join(sorted((left, right)))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
