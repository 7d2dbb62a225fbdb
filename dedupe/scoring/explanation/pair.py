"""The explanation of one pair: from a start value over its evidence to the probability shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.records.records import Records
from dedupe.scoring.cascade import DOUBTFUL
from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.comparison.record_table import record_table
from dedupe.scoring.comparison.scales import Rows
from dedupe.scoring.explanation.evidence import KINDS, explainer
from dedupe.scoring.explanation.words import pair_words
from dedupe.scoring.logistic import logit, sigmoid

MIN_LOG_ODDS = 0.05
"""Contribution, on either side, from which a kind of evidence is a step of its own."""
LIMIT = 25.0
"""Log odds that stand for certainty."""
TOLERANCE = 1e-5
"""Difference of two probabilities up to which they are the same score."""


@dataclass(frozen=True)
class Step:
    """One step of an explanation.

    Parameters
    ----------
    kind
        Kind of evidence (a name of :data:`~dedupe.scoring.explanation.evidence.KINDS`), ``rest``,
        ``self-training``, ``stored``, ``cross-encoder``, ``identical`` or ``recalibration``.
    label
        The columns that it is from, or what it is called.
    text
        What it is, with the values that made it. Values are those of the records, as they are.
    log_odds
        What it adds to the log odds of a match.
    """

    kind: str
    label: str
    text: str
    log_odds: float


@dataclass(frozen=True)
class Explanation:
    """Why a pair has its probability.

    Parameters
    ----------
    left_id, right_id
        Ids of the records.
    probability
        Probability of a match: ``sigmoid(start + sum of the steps)``.
    decided_by
        What decided it; ``None`` if the pair was not compared by the run.
    start
        Log odds of a candidate pair of which nothing is known.
    steps
        The kinds of evidence, the strongest first; then what the cross-encoder and the
        recalibration changed.
    decision
        The decision of a reviewer on this pair, which counts whatever the probability; ``""`` if
        there is none.
    rule
        The rule that decides this pair, which counts whatever the probability unless a reviewer
        decided, such as ``must agree: country``; ``""`` if there is none.
    """

    left_id: str
    right_id: str
    probability: float
    decided_by: str | None
    start: float
    steps: tuple[Step, ...]
    decision: str = ""
    rule: str = ""

    @property
    def proposed(self) -> bool:
        """Whether the search proposed the pair."""
        return self.decided_by is not None

    @property
    def start_probability(self) -> float:
        """Probability at the start."""
        return float(sigmoid(np.array(self.start)))

    def running(self) -> list[float]:
        """Return the probability after each step."""
        total = self.start + np.cumsum([step.log_odds for step in self.steps])
        found: list[float] = sigmoid(total).tolist()
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return the values as plain JSON types."""
        return {**asdict(self), "steps": [asdict(step) for step in self.steps]}


Similarity = Callable[[int, int], float]
"""Returns the cosine of the embeddings of two rows."""


def explain_pair(
    records: Records,
    comparison: Comparison,
    scored: pl.DataFrame,
    shown: pl.DataFrame,
    a: int,
    b: int,
    similarity_of: Similarity,
) -> Explanation:
    """Explain the probability of two records; no cross-encoder is loaded.

    Parameters
    ----------
    records
        n records.
    comparison
        Comparison of the scored pairs.
    scored
        The pairs as the models scored them, of schema :data:`~dedupe.scoring.pairs.PAIRS`.
    shown
        Pairs with recalibrated probabilities; those that rules decided do not count.
    a, b
        Row numbers, not equal.
    similarity_of
        Called with two rows that are no scored pair.
    """
    # Records of one text are scored by the first of them.
    first_a, first_b = (_first_of_text(records, row) for row in (a, b))
    identical = first_a == first_b and records.texts[a] != ""
    left, right = sorted((first_a, first_b)) if first_a != first_b else sorted((a, b))
    place = _place_of(scored, left, right)
    if identical:
        similarity, vector_of = 1.0, (first_a, first_a)
    elif place is None:
        similarity, vector_of = similarity_of(left, right), (left, right)
    else:
        similarity, vector_of = float(scored["similarity"][place]), (left, right)
    ends = [np.array([row], dtype=np.uint32) for row in vector_of]
    cosine = np.array([similarity], dtype=np.float32)
    if place is None and not identical:
        comparison = _with_pair(comparison, ends[0], ends[1], cosine)
    vector = comparison.vectors_of(ends[0], ends[1], cosine)
    start, contributions = explainer().contributions(vector)
    table = record_table(records.texts.gather([a, b]), comparison.file_statistics)
    words = pair_words(records, table, (a, b), vector[0], similarity)
    steps = [
        Step(kind.name, words.label(kind), words.describe(kind), float(contributions[0, number]))
        for number, kind in enumerate(KINDS)
        if abs(contributions[0, number]) >= MIN_LOG_ODDS
    ]
    steps.sort(key=lambda step: -abs(step.log_odds))
    by_trees = start + float(contributions[0].sum())
    rest = by_trees - start - sum(step.log_odds for step in steps)
    if abs(rest) >= 1e-3:
        steps.append(Step("rest", "everything else", "many small differences", rest))
    else:
        start = start + rest
    decided_by = None if place is None else str(scored["decided_by"][place])
    regression = comparison.file_statistics.regression
    if regression is not None and abs(by_trees) < DOUBTFUL and not identical:
        refined = float(regression.combine(np.array([by_trees], dtype=np.float32), vector)[0])
        steps.append(Step(*_SELF_TRAINING, refined - by_trees))
        by_trees = refined
    probability = float(sigmoid(np.array(by_trees)))
    if place is not None:
        raw = float(scored["probability"][place])
        at = _place_of(shown, left, right)
        by_models = at is not None and shown["decided_by"][at] == scored["decided_by"][place]
        final = float(shown["probability"][at]) if at is not None and by_models else raw
        steps += _later_steps(by_trees, raw, final, str(decided_by))
        probability = final
    return Explanation(records.ids[a], records.ids[b], probability, decided_by, start, tuple(steps))


def _with_pair(
    comparison: Comparison, left: Rows, right: Rows, similarity: NDArray[np.float32]
) -> Comparison:
    """Add a pair, as if the search had proposed it, so that it is compared with the others."""
    return Comparison(
        comparison.texts,
        np.append(comparison.left, left),
        np.append(comparison.right, right),
        np.append(comparison.similarity, similarity),
        comparison.file_statistics,
    )


_LATER = {
    "comparison": (
        "stored",
        "stored score",
        "the pair was scored among other candidates, or by an earlier model",
    ),
    "cross-encoder": (
        "cross-encoder",
        "cross-encoder",
        "reads both texts; it was asked because the comparison model was in doubt",
    ),
    "identical": (
        "identical",
        "identical",
        "equal in all compared columns: the rows count as one record",
    ),
}


_SELF_TRAINING = (
    "self-training",
    "self-training",
    "what the clear pairs of the file tell about doubtful ones",
)
_RECALIBRATION = ("recalibration", "recalibration", "what decisions changed")


def _later_steps(by_trees: float, raw: float, final: float, decided_by: str) -> list[Step]:
    """Make the steps from the score of the comparison model to the probability shown."""
    steps, total = [], by_trees
    compared = float(sigmoid(np.array(by_trees)))
    changes = ((compared, _LATER[decided_by], raw), (raw, _RECALIBRATION, final))
    for before, (kind, label, text), after in changes:
        if abs(before - after) > TOLERANCE:
            change = float(logit(np.array(after), LIMIT)) - total
            steps.append(Step(kind, label, text, change))
            total += change
    return steps


def _first_of_text(records: Records, row: int) -> int:
    """Return the first row with the text of a row; an empty text is a group of its own."""
    text = records.texts[row]
    return row if text == "" else int(records.texts.index_of(text) or 0)


def _place_of(pairs: pl.DataFrame, left: int, right: int) -> int | None:
    """Find a pair among pairs that are sorted by ``left`` and ``right``."""
    lefts, rights = pairs["left"].to_numpy(), pairs["right"].to_numpy()
    begin, end = np.searchsorted(lefts, [left, left + 1])
    place = int(begin + np.searchsorted(rights[begin:end], right))
    return place if place < end and rights[place] == right else None
