"""Features that recalibration learns from."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.records import record_text
from dedupe.scoring.augment.records import corrupt_record
from dedupe.scoring.comparison import MISSING, Bytes, compared_fields, comparison_vectors
from dedupe.scoring.logistic import LOGIT_LIMIT, Floats, Numbers, logit

LEAST = 0.01
"""Probability below which a pair stays as it is: there are too many to look at."""


PLAIN = (0.05, 0.97)


COPIES = 200
"""Lessons of matches that copies fill up to where pairs are too few. Measured on tables where they
are: with more, or beside enough pairs, they help less."""


def rivals(left: Any, right: Any, score: Floats, n: int) -> Floats:
    """Return the score of the best other pair of each pair's two records.

    Parameters
    ----------
    left, right
        (m,) row numbers.
    score
        (m,) logits.
    n
        Number of rows.

    Returns
    -------
    ndarray
        (m, 4): the best other score of the left record and of the right one, the lower of both
        first, and the logarithms of how many pairs each is in, the smaller first. A record without
        another pair has the lowest score.
    """
    ends = np.concatenate([left, right]).astype(np.int64)
    both = np.concatenate([score, score])
    order = np.lexsort((-both, ends))
    row, ranked = ends[order], both[order]
    first = np.flatnonzero(np.append(True, row[1:] != row[:-1]))
    best, second = (np.full(n, -LOGIT_LIMIT) for _ in range(2))
    best[row[first]] = ranked[first]
    more = first[first + 1 < len(row)]
    more = more[row[more + 1] == row[more]]
    second[row[more]] = ranked[more + 1]
    count = np.log1p(np.bincount(ends, minlength=n))
    other = np.stack([np.where(score >= best[side], second[side], best[side])
                      for side in (left, right)])  # fmt: skip
    counts = np.stack([count[left], count[right]])
    return np.column_stack([other.min(0), other.max(0), counts.min(0), counts.max(0)])


def recalibration_features(
    pairs: pl.DataFrame,
    texts: pl.Series,
    probability: Floats,
    looked: Numbers,
    least: float = LEAST,
    copies: int = 0,
) -> tuple[Floats, Floats]:
    """Return what is known of the pairs looked at, (m, f), and of damaged copies, (c, f).

    How far a value is from others is measured by the pairs above `least`.
    """
    left, right = (pairs[side].to_numpy() for side in ("left", "right"))
    scored = (pairs["decided_by"] != "identical").to_numpy()
    before = logit(probability[looked])
    others = np.flatnonzero(scored & (probability >= least))
    others = np.union1d(others, looked)
    rival = rivals(left[others], right[others], logit(probability[others]), len(texts))
    rival = rival[np.searchsorted(others, looked)]
    names, at = np.unique(np.concatenate([left[looked], right[looked]]), return_inverse=True)
    ends = at.astype(np.uint32).reshape(2, -1)
    similarity = pairs["similarity"].to_numpy()[looked]
    own, made = _copies(texts.gather(names), copies)
    ends = np.hstack([ends, [own, len(names) + np.arange(len(own))]]).astype(np.uint32)
    likely = probability[looked] >= 0.5
    # A copy is as similar as likely pairs are: its vector is not worth the making.
    usual = np.median(similarity[likely] if likely.any() else similarity)
    similarity = np.append(similarity, np.full(len(own), usual, dtype=np.float32))
    values = compared_fields(pl.concat([texts.gather(names), made]))
    told = comparison_vectors(values, ends[0], ends[1], similarity)
    compared = np.append(probability[looked] > least, np.zeros(len(own), dtype=bool))
    standing = _standing(before, rival)
    plain = np.flatnonzero(before > logit(np.array(PLAIN[1])))
    plain = plain[np.argsort(-before[plain], kind="stable")]
    as_usual = np.zeros((len(own), standing.shape[1]))
    if len(plain):
        as_usual = standing[np.resize(plain, len(own))]
    signs = np.hstack([_standardised(told, compared), np.vstack([standing, as_usual])])
    return signs[: len(looked)], signs[len(looked) :]


def _copies(texts: pl.Series, count: int) -> tuple[Numbers, pl.Series]:
    """Return rows of some texts, whichever way they are numbered, and a damaged copy of each."""
    rows, made = [], []
    for row in np.argsort(texts.hash(0).to_numpy(), kind="stable").tolist() if count else ():
        record = dict(line.partition(": ")[::2] for line in texts[row].split("\n"))
        copy = record_text(corrupt_record(record, Random(texts[row])).items())
        if copy and copy != texts[row]:
            rows.append(row)
            made.append(copy)
        if len(rows) == count:
            break
    return np.array(rows, dtype=np.int64), pl.Series(texts.name, made, dtype=pl.String)


def _standardised(told: Bytes, likely: NDArray[np.bool_]) -> Floats:
    """Return features about 0 with a spread of 1, and which of them are missing."""
    missing = told == MISSING
    values = np.where(missing, np.nan, told.astype(np.float64))
    some = values[likely] if likely.any() else values
    filled = ~np.isnan(some).all(axis=0)
    values, missing, some = values[:, filled], missing[:, filled], some[:, filled]
    mean = np.nanmean(some, axis=0)
    values = np.where(missing, mean, values) - mean
    spread = np.where(np.isnan(some), mean, some).std(axis=0)
    varied = spread > 0.25
    alone = missing[likely].mean(axis=0) if likely.any() else missing.mean(axis=0)
    gaps = missing[:, (alone > 0.02) & (alone < 0.98)].astype(np.float64)
    gaps = np.unique(gaps, axis=1) if gaps.shape[1] else gaps
    return np.hstack([np.clip(values[:, varied] / spread[varied], -4, 4), gaps])


def _standing(before: Floats, rival: Floats) -> Floats:
    """Return how each pair stands among the others of its records."""
    low, high = rival[:, 0], rival[:, 1]
    standing: Floats = np.column_stack(
        [(before - high) / 4, (before - low) / 4, high / 4, rival[:, 2:]]
    )
    standing -= standing.mean(axis=0)
    return standing
