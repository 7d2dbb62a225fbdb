"""A distilled model of the cross-encoder, fitted to the candidate pairs of one file.

The cross-encoder scores a sample of the candidates. Gradient-boosted trees on comparison vectors
are fitted to its log odds (the distilled model). The cross-encoder scores a second, held-out
sample, the audit, which measures where the two agree. There the distilled model decides. The pairs
in between go to the cross-encoder, the most doubtful first::

    candidates ──sample──▶ cross-encoder ──fit──▶ distilled model ──audit──▶ two cuts
        below the lower cut and above the upper one: distilled model · between: cross-encoder

In structured records (many short fields), comparison vectors hold nearly all the evidence. The
distilled model averages over many pairs there and judges doubtful pairs better than single scores
of the cross-encoder do. This was measured on files of people with known duplicates; on titles and
descriptions the opposite holds. For structured records the distilled model therefore decides the
pairs in between as well, as long as it explains the cross-encoder's scores.

Most candidates are non-matches, so a model that rejects every pair would nearly always agree with
the cross-encoder. Fidelity is therefore required on matches: on the pairs that the cross-encoder
calls a match, and on those that the distilled model calls one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dedupe.scoring.boosted_trees import BoostedTrees, export_trees
from dedupe.scoring.comparison import Bytes, as_floats
from dedupe.scoring.logistic import logit, sigmoid
from dedupe.scoring.sampling import smallest_keys, stratified_sample

CASCADE_ABOVE = 6_000
"""Candidates above which a distilled model is fitted; for fewer it would save nothing."""
FIRST_SAMPLE = 768
"""Pairs for the first fit, spread evenly over the similarities."""
SECOND_SAMPLE = 1_024
"""Pairs for the second fit, spread evenly over the probabilities of the first."""
AUDIT = 1_024
"""Held-out pairs that the fidelity is measured on."""
SHORT_AUDIT = 512
"""Held-out pairs that tell whether a distilled model of structured records is trusted; the full
audit is drawn only if it is not."""
MAX_POOL = 1 << 17
"""Pairs that the second sample is drawn from."""
MAX_SAMPLED = FIRST_SAMPLE + SECOND_SAMPLE + AUDIT
MATCH_FROM = 0.5
"""Probability from which a pair counts as a match when the two models are compared."""
STRATA_EDGES = (0.001, 0.005, 0.02, 0.08, 0.25, 0.5, 0.75, 0.92, 0.98, 0.995)
"""Probabilities that separate the strata of samples, so that rare doubtful pairs are drawn."""
DOUBTFUL = (0.02, 0.98)
"""Probabilities between which the distilled model is in doubt."""
MIN_EXPLAINED = 0.5
"""Share of the variance of the cross-encoder's log odds, on doubtful held-out pairs, from which a
distilled model of structured records is trusted."""
CROSS_ENCODER_WEIGHT = 0.3
"""Weight of the cross-encoder's log odds beside those of a trusted distilled model."""
LARGE_FILE = 100_000
"""Records above which probabilities are lowered: the prior odds that a pair of similar records is
a match fall as one over their number (Fellegi and Sunter, "A theory for record linkage", 1969)."""
LOGIT_LIMIT = 6.0
PREDICTION_BLOCK = 1 << 18
"""Pairs whose comparison vectors are converted to floats together."""
Scorer: TypeAlias = "Callable[[NDArray[np.int64]], NDArray[np.float32]]"
"""Takes numbers of pairs and returns the cross-encoder's probabilities, (k,) float32."""


@dataclass(frozen=True)
class CascadeSettings:
    """What decides how pairs are divided between the two models.

    Parameters
    ----------
    fidelity
        Share of the cross-encoder's matches that the distilled model must keep. The false matches
        it may add are limited to one minus this share of them.
    budget
        Most pairs that the cross-encoder scores beyond the samples, the most doubtful first.
    structured
        The records have many short fields: a distilled model that explains the cross-encoder's
        scores decides doubtful pairs too.
    records
        Number of records that the pairs come from.
    seed
        Seed of the fit.
    """

    fidelity: float
    budget: int
    structured: bool
    records: int
    seed: int


@dataclass(frozen=True, eq=False)
class CascadeScores:
    """Probabilities of m pairs, and which model gave them.

    Parameters
    ----------
    probability
        (m,) float32.
    by_cross_encoder
        (m,) bool: scored by the cross-encoder; the others by the distilled model.
    facts
        Number of pairs that the distilled model decided, measured fidelity and cuts; empty where
        there is no distilled model.
    trees
        The distilled model, to score later pairs with; ``None`` where there is none.
    """

    probability: NDArray[np.float32]
    by_cross_encoder: NDArray[np.bool_]
    facts: dict[str, Any]
    trees: BoostedTrees | None = None


@dataclass(frozen=True, eq=False)
class _Audit:
    """Held-out pairs (a,), and how many pairs each one represents (a,)."""

    pairs: NDArray[np.int64]
    weight: NDArray[np.float64]
    explained: float
    trusted: bool


class _Scores:
    """Probabilities that the cross-encoder has given so far; -1 where a pair is not scored."""

    def __init__(self, m: int, scorer: Scorer) -> None:
        self.probability = np.full(m, -1, dtype=np.float32)
        self._scorer = scorer

    def add(self, pairs: NDArray[np.int64]) -> None:
        """Score pairs that are not scored yet."""
        new = pairs[self.probability[pairs] < 0]
        if len(new):
            self.probability[new] = self._scorer(new)

    @property
    def scored(self) -> NDArray[np.bool_]:
        return self.probability >= 0


def cascade(
    vectors: Bytes,
    similarity: NDArray[np.float32],
    sampling_key: NDArray[np.uint64],
    cross_encoder_only: NDArray[np.bool_],
    scorer: Scorer,
    settings: CascadeSettings,
) -> CascadeScores:
    """Score m pairs: clear ones with a distilled model, doubtful ones with the cross-encoder.

    Parameters
    ----------
    vectors
        (m, f) as of :func:`~dedupe.scoring.comparison.comparison_vectors`.
    similarity
        (m,) cosine.
    sampling_key
        (m,) random numbers that depend on the texts of a pair alone: samples are the same in every
        order of the pairs.
    cross_encoder_only
        (m,) bool: pairs that the cross-encoder has to score.
    scorer
        The cross-encoder.
    settings
        Fidelity, budget and kind of the records.
    """
    scores = _Scores(len(vectors), scorer)
    scores.add(np.flatnonzero(cross_encoder_only))
    model = _fit_to_samples(vectors, similarity, sampling_key, scores, settings.seed)
    distilled = _predict(model, vectors)
    audit = _audit(distilled, sampling_key, scores, structured=settings.structured)
    low, high = _cuts(distilled, scores.probability, audit, 1 - settings.fidelity)
    if audit.trusted:
        low = high = MATCH_FROM
    fidelity = _fidelity(distilled, scores.probability, audit, low, high)
    over_budget = _score_doubtful(distilled, sampling_key, scores, (low, high), settings.budget)
    by_cross_encoder = scores.scored
    shift = 0.0
    if audit.trusted:
        scores.probability[by_cross_encoder] = _blend(
            scores.probability[by_cross_encoder], distilled[by_cross_encoder]
        )
        shift = float(np.log(max(settings.records / LARGE_FILE, 1)))
    probability = np.where(by_cross_encoder, scores.probability, distilled)
    if shift:
        probability = sigmoid(logit(probability, LOGIT_LIMIT) - shift).astype(np.float32)
    facts = {
        "pairs": int((~by_cross_encoder).sum()),
        "explained": round(audit.explained, 4),
        "trusted": audit.trusted,
        "over_budget": over_budget,
        "audited": len(audit.pairs),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        **fidelity,
    }
    trees = export_trees(model, vectors[audit.pairs]).shifted(-shift)
    return CascadeScores(probability, by_cross_encoder, facts, trees)


def _fit_to_samples(
    vectors: Bytes,
    similarity: NDArray[np.float32],
    sampling_key: NDArray[np.uint64],
    scores: _Scores,
    seed: int,
) -> Any:
    """Score two samples and fit the distilled model to all pairs scored so far.

    The first sample is spread over the similarities, the second over the probabilities that a
    model fitted to the first one predicts.
    """

    def fit_to_scored() -> Any:
        scored = np.flatnonzero(scores.scored)
        # A fixed order of summation: the fit does not depend on the order of the rows.
        scored = scored[np.argsort(sampling_key[scored], kind="stable")]
        return _fit(vectors[scored], scores.probability[scored], seed)

    edges = np.unique(np.quantile(similarity, np.linspace(0, 1, 17)[1:-1]))
    strata = np.searchsorted(edges, similarity)
    scores.add(stratified_sample(strata, sampling_key, FIRST_SAMPLE, ~scores.scored))
    pool = smallest_keys(sampling_key, MAX_POOL)
    strata = _strata(_predict(fit_to_scored(), vectors[pool]))
    sample = stratified_sample(strata, sampling_key[pool], SECOND_SAMPLE, ~scores.scored[pool])
    scores.add(pool[sample])
    return fit_to_scored()


def _audit(
    distilled: NDArray[np.float32],
    sampling_key: NDArray[np.uint64],
    scores: _Scores,
    *,
    structured: bool,
) -> _Audit:
    """Score held-out pairs, spread over the distilled model's probabilities."""
    unscored = ~scores.scored
    strata = _strata(distilled)
    trusted = False
    if structured:
        pairs = stratified_sample(strata, sampling_key, SHORT_AUDIT, unscored)
        scores.add(pairs)
        trusted = _explained(distilled[pairs], scores.probability[pairs]) >= MIN_EXPLAINED
    if not trusted:
        pairs = stratified_sample(strata, sampling_key, AUDIT, unscored)
        scores.add(pairs)
    population = np.bincount(strata[unscored], minlength=len(STRATA_EDGES) + 1)
    drawn = np.bincount(strata[pairs], minlength=len(STRATA_EDGES) + 1)
    weight = (population / np.maximum(drawn, 1))[strata[pairs]]
    explained = _explained(distilled[pairs], scores.probability[pairs])
    return _Audit(pairs, weight, explained, trusted)


def _score_doubtful(
    distilled: NDArray[np.float32],
    sampling_key: NDArray[np.uint64],
    scores: _Scores,
    cuts: tuple[float, float],
    budget: int,
) -> int:
    """Score up to `budget` pairs between the cuts; return how many more there are."""
    low, high = cuts
    doubtful = np.flatnonzero(~scores.scored & (distilled > low) & (distilled < high))
    order = np.lexsort((sampling_key[doubtful], np.abs(distilled[doubtful] - MATCH_FROM)))
    scores.add(doubtful[order[:budget]])
    return max(len(doubtful) - budget, 0)


def _blend(
    cross_encoder: NDArray[np.float32], distilled: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Average the log odds of the two models."""
    log_odds = CROSS_ENCODER_WEIGHT * logit(cross_encoder, LOGIT_LIMIT) + (
        1 - CROSS_ENCODER_WEIGHT
    ) * logit(distilled, LOGIT_LIMIT)
    return sigmoid(log_odds).astype(np.float32)


def _explained(distilled: NDArray[np.float32], cross_encoder: NDArray[np.float32]) -> float:
    """Compute the share of variance of the cross-encoder's log odds that is explained (R²).

    Only pairs that the distilled model doubts count: the others are easy in every file.
    """
    low, high = DOUBTFUL
    doubtful = (distilled > low) & (distilled < high)
    target = logit(cross_encoder[doubtful], LOGIT_LIMIT)
    predicted = logit(distilled[doubtful], LOGIT_LIMIT)
    variance = float(target.var()) if len(target) > 1 else 0.0
    return 1 - float(np.mean((target - predicted) ** 2)) / variance if variance else 0.0


def _fit(vectors: Bytes, probability: NDArray[np.float32], seed: int) -> Any:
    """Fit boosted trees to the log odds of pairs."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    # More similar is never less likely a match, which a few thousand pairs cannot show. The last
    # feature counts fields that only one record has: it may go either way.
    monotonic = np.ones(vectors.shape[1], dtype=int)
    monotonic[-1] = 0
    model = HistGradientBoostingRegressor(
        max_iter=160,
        learning_rate=0.08,
        max_leaf_nodes=16,
        min_samples_leaf=8,
        l2_regularization=1.0,
        monotonic_cst=monotonic,
        early_stopping=False,
        random_state=seed,
    )
    inputs = as_floats(vectors)
    # A feature that is missing in every sampled pair has no values to bin.
    inputs[:, np.isnan(inputs).all(axis=0)] = 0
    return model.fit(inputs, logit(probability, LOGIT_LIMIT))


def _predict(model: Any, vectors: Bytes) -> NDArray[np.float32]:
    """Predict the probability of each pair, block by block."""
    probability = np.empty(len(vectors), dtype=np.float32)
    for at in range(0, len(vectors), PREDICTION_BLOCK):
        block = slice(at, at + PREDICTION_BLOCK)
        probability[block] = sigmoid(model.predict(as_floats(vectors[block])))
    return probability


def _strata(probability: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.searchsorted(np.array(STRATA_EDGES), probability, side="right")


def _cuts(
    distilled: NDArray[np.float32],
    cross_encoder: NDArray[np.float32],
    audit: _Audit,
    allowed_error: float,
) -> tuple[float, float]:
    """Choose the probabilities up to which and from which the distilled model decides.

    At or below the lower cut lies at most `allowed_error` of the cross-encoder's matches. At or
    above the upper cut lie at most that many non-matches, as a share of the same matches.
    """
    order = np.argsort(distilled[audit.pairs], kind="stable")
    ranked, weight = distilled[audit.pairs][order], audit.weight[order]
    match = cross_encoder[audit.pairs][order] >= MATCH_FROM
    most = allowed_error * float(weight[match].sum())
    lost = np.cumsum(np.where(match, weight, 0.0))
    wrong = np.cumsum(np.where(match, 0.0, weight)[::-1])[::-1]
    below = int(np.searchsorted(lost, most, side="right"))
    above = int((wrong > most).sum())
    low = float(ranked[below - 1]) if below else 0.0
    high = float(ranked[above]) if above < len(ranked) else 1.0
    return min(low, MATCH_FROM), max(high, MATCH_FROM)


def _fidelity(
    distilled: NDArray[np.float32],
    cross_encoder: NDArray[np.float32],
    audit: _Audit,
    low: float,
    high: float,
) -> dict[str, float]:
    """Measure how well the distilled model agrees with the cross-encoder where it decides.

    Returns
    -------
    dict
        ``agreement``: share of the decided pairs that both call a match or both do not;
        ``matches_kept``: share of the cross-encoder's matches that are not lost;
        ``matches_shared``: share of the distilled model's matches that the cross-encoder shares.
    """
    predicted, weight = distilled[audit.pairs], audit.weight
    decided = (predicted <= low) | (predicted >= high)
    match = predicted >= MATCH_FROM
    target = cross_encoder[audit.pairs] >= MATCH_FROM
    lost = float(weight[decided & ~match & target].sum())
    matches = float(weight[target].sum())
    return {
        "agreement": _share(weight[decided & (match == target)], weight[decided]),
        "matches_kept": 1 - (lost / matches if matches else 0.0),
        "matches_shared": _share(weight[decided & match & target], weight[decided & match]),
    }


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> float:
    total = float(whole.sum())
    return round(float(part.sum()) / total if total else 1.0, 5)
