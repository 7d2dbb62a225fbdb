"""Features of scored pairs that recalibration is fitted on."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.records import record_text
from dedupe.scoring.augment.records import corrupt_record
from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.comparison.scales import Bytes
from dedupe.scoring.logistic import Floats, Numbers, logit
from dedupe.scoring.sampling import text_hashes

LOGIT_LIMIT = 7.0
MIN_SPREAD = 0.25
"""Spread of a feature, in bytes, up to which it is left out."""
MIN_PROBABILITY = 0.01
"""Probability below which pairs are not recalibrated: there are too many of them."""
CONFIDENT = (0.05, 0.97)
"""Probabilities below and above which a pair counts as a confident non-match or match."""
MAX_SYNTHETIC = 200
"""Number of matches that synthetic pairs fill up to in files with few confident matches. Measured
on such files: more of them, or any of them beside enough confident matches, help less."""


def recalibration_features(
    pairs: pl.DataFrame,
    comparison: Comparison,
    probability: Floats,
    selected: Numbers,
    *,
    min_probability: float = MIN_PROBABILITY,
    synthetic: int = 0,
) -> tuple[Floats, Floats]:
    """Compute the features of selected pairs and of synthetic matches.

    The features are standardised comparison vectors, and how a pair compares with the other pairs
    of its two records.

    Parameters
    ----------
    pairs
        Scored pairs of schema :data:`~dedupe.scoring.pairs.PAIRS`.
    comparison
        Comparison of these pairs.
    probability
        Probabilities of all pairs.
    selected
        (m,) numbers of the pairs to compute features for.
    min_probability
        Pairs from this probability set the scale of the features and count as rivals.
    synthetic
        Most synthetic matches: records, each paired with a corrupted copy of itself.

    Returns
    -------
    features
        (m, f), about 0 on average and about 1 in spread.
    synthetic_features
        (c, f).
    """
    texts = comparison.texts
    left, right = (pairs[side].to_numpy()[selected] for side in ("left", "right"))
    log_odds = logit(probability[selected], LOGIT_LIMIT)
    rivals = _rivals_of_selected(pairs, len(texts), probability, selected, min_probability)
    rows = np.unique(np.concatenate([left, right]))
    originals, copies = _corrupted_copies(texts.gather(rows), synthetic)
    similarity = pairs["similarity"].to_numpy()[selected]
    # A synthetic pair gets the usual similarity of likely matches: embedding it is not worth it.
    likely = probability[selected] >= 0.5
    usual = np.median(similarity[likely] if likely.any() else similarity)
    vectors = comparison.vectors_of(
        np.concatenate([left, rows[originals]]),
        np.concatenate([right, len(texts) + np.arange(len(originals), dtype=np.uint32)]),
        np.concatenate([similarity, np.full(len(originals), usual, dtype=np.float32)]),
        copies,
    )
    compared = np.append(
        probability[selected] > min_probability, np.zeros(len(originals), dtype=bool)
    )
    by_rivals = _rival_features(log_odds, rivals)
    features = np.hstack(
        [
            _standardise(vectors, compared),
            np.vstack([by_rivals, _usual_rivals(by_rivals, log_odds, len(originals))]),
        ]
    )
    return features[: len(selected)], features[len(selected) :]


def best_rivals(left: Any, right: Any, log_odds: Floats, n: int) -> Floats:
    """Find the best other pair of each pair's two records.

    Parameters
    ----------
    left, right
        (m,) row numbers.
    log_odds
        (m,) of the pairs.
    n
        Number of rows.

    Returns
    -------
    ndarray
        (m, 4): log odds of the best other pair of either record, the lower first; and the log of
        one plus the number of pairs of either record, the smaller first. A record without another
        pair has the lowest log odds.
    """
    ends = np.concatenate([left, right]).astype(np.int64)
    both = np.concatenate([log_odds, log_odds])
    order = np.lexsort((-both, ends))
    row, ranked = ends[order], both[order]
    first = np.flatnonzero(np.append(True, row[1:] != row[:-1]))
    best, second = (np.full(n, -LOGIT_LIMIT) for _ in range(2))
    best[row[first]] = ranked[first]
    several = first[first + 1 < len(row)]
    several = several[row[several + 1] == row[several]]
    second[row[several]] = ranked[several + 1]
    count = np.log1p(np.bincount(ends, minlength=n))
    other = np.stack(
        [np.where(log_odds >= best[side], second[side], best[side]) for side in (left, right)]
    )
    counts = np.stack([count[left], count[right]])
    return np.column_stack([other.min(0), other.max(0), counts.min(0), counts.max(0)])


def _rivals_of_selected(
    pairs: pl.DataFrame, n: int, probability: Floats, selected: Numbers, min_probability: float
) -> Floats:
    """Find the rivals of selected pairs among the scored pairs from `min_probability`."""
    scored = (pairs["decided_by"] != "identical").to_numpy()
    others = np.union1d(np.flatnonzero(scored & (probability >= min_probability)), selected)
    left, right = (pairs[side].to_numpy()[others] for side in ("left", "right"))
    rivals = best_rivals(left, right, logit(probability[others], LOGIT_LIMIT), n)
    return rivals[np.searchsorted(others, selected)]


def _corrupted_copies(texts: pl.Series, count: int) -> tuple[Numbers, pl.Series]:
    """Corrupt up to `count` records; return their rows and the texts of the copies.

    The choice of records does not depend on the order of the rows.
    """
    rows, copies = [], []
    for row in np.argsort(text_hashes(texts), kind="stable").tolist() if count else ():
        record = dict(line.partition(": ")[::2] for line in texts[row].split("\n"))
        copy = record_text(corrupt_record(record, Random(texts[row])).items())
        if copy and copy != texts[row]:
            rows.append(row)
            copies.append(copy)
        if len(rows) == count:
            break
    return np.array(rows, dtype=np.int64), pl.Series(texts.name, copies, dtype=pl.String)


def _standardise(vectors: Bytes, compared: NDArray[np.bool_]) -> Floats:
    """Scale features to mean 0 and spread 1.

    Mean and spread are those of the pairs in `compared`, if there are any. Features that hardly
    vary are left out.
    """
    values = vectors.astype(np.float64)
    reference = values[compared] if compared.any() else values
    mean, spread = reference.mean(axis=0), reference.std(axis=0)
    varied = spread > MIN_SPREAD
    scaled: Floats = np.clip((values - mean)[:, varied] / spread[varied], -4, 4)
    return scaled


def _rival_features(log_odds: Floats, rivals: Floats) -> Floats:
    """Compare each pair with its rivals, as of :func:`best_rivals`."""
    low, high = rivals[:, 0], rivals[:, 1]
    features: Floats = np.column_stack(
        [(log_odds - high) / 4, (log_odds - low) / 4, high / 4, rivals[:, 2:]]
    )
    features -= features.mean(axis=0)
    return features


def _usual_rivals(features: Floats, log_odds: Floats, count: int) -> Floats:
    """Give synthetic matches the rival features of confident matches, the most confident first."""
    confident = np.flatnonzero(log_odds > logit(np.array(CONFIDENT[1]), LOGIT_LIMIT))
    confident = confident[np.argsort(-log_odds[confident], kind="stable")]
    if not len(confident):
        return np.zeros((count, features.shape[1]))
    usual: Floats = features[np.resize(confident, count)]
    return usual
