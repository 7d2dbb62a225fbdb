"""The pairs of a review by number: scored pairs, and decided pairs that were never scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.config import Config
from dedupe.records.records import Records

PairNumbers: TypeAlias = NDArray[np.int64]
"""Numbers of pairs."""


@dataclass(frozen=True, eq=False)
class Scores:
    """m scored pairs of n records, sorted by their left and then by their right row.

    Parameters
    ----------
    left, right
        (m,) int64 row numbers.
    probability
        (m,) float32, recalibrated.
    threshold
        Pairs at or above this probability are matches.
    review_from
        Pairs below this probability are clearly different.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    probability: NDArray[np.float32]
    threshold: float
    review_from: float

    def number(self, a: int, b: int) -> int | None:
        """Find the number of the pair of two rows; ``None`` if it was not scored."""
        low, high = min(a, b), max(a, b)
        start, stop = np.searchsorted(self.left, [low, low + 1])
        place = int(start + np.searchsorted(self.right[start:stop], high))
        return place if place < stop and self.right[place] == high else None


class ReviewPairs:
    """The pairs that a review can show: m scored pairs, then decided pairs without a score.

    Parameters
    ----------
    records
        n records.
    config
        ``review_from``, ``link`` and ``within_tables`` are used.
    scores
        The m scored pairs.
    similarity
        (m,) float32 cosines.
    decided_by
        (m,) what scored each pair.
    group
        (n,) uint32: the smallest row with the same text. Texts are scored by this row.
    """

    def __init__(
        self,
        records: Records,
        config: Config,
        scores: Scores,
        similarity: NDArray[np.float32],
        decided_by: pl.Series,
        group: NDArray[np.uint32],
    ) -> None:
        self.records = records
        self.config = config
        self.scores = scores
        self.similarity = similarity
        self.decided_by = decided_by
        self.group = group
        p = scores.probability
        low, high = np.float32(config.review_from), np.float32(config.threshold)
        self.doubtful: NDArray[np.bool_] = (p >= low) & (p < high)
        """(m,) bool: probability from ``review_from`` up to the threshold, as summaries count."""
        self._unscored: list[tuple[int, int]] = []
        self._unscored_number: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        return len(self.scores.left) + len(self._unscored)

    def is_scored(self, pair: int) -> bool:
        """Check whether a pair has a score."""
        return pair < len(self.scores.left)

    def probability(self, pair: int) -> float | None:
        """Look up the probability of a pair; ``None`` if it was never scored."""
        return float(self.scores.probability[pair]) if self.is_scored(pair) else None

    def find(self, a: int, b: int) -> int | None:
        """Find the scored pair of two rows, or of rows with the same two texts."""
        return self.scores.number(int(self.group[a]), int(self.group[b]))

    def number(self, a: int, b: int) -> int:
        """Find the number of a pair of rows; a pair without a score is added."""
        found = self.find(a, b)
        if found is not None:
            return found
        rows = (min(a, b), max(a, b))
        if rows not in self._unscored_number:
            self._unscored_number[rows] = len(self)
            self._unscored.append(rows)
        return self._unscored_number[rows]

    def ends(self, pair: int) -> tuple[int, int]:
        """Look up the two rows of a pair, the smaller first."""
        if not self.is_scored(pair):
            return self._unscored[pair - len(self.scores.left)]
        a, b = int(self.scores.left[pair]), int(self.scores.right[pair])
        source = self.records.source
        if self.config.link and not self.config.within_tables and source[a] == source[b]:
            # A text that both tables hold is scored by its first row: the link is of another row.
            for row, other in ((b, a), (a, b)):
                same_text = self.group == self.group[row]
                elsewhere = np.flatnonzero(same_text & (source != source[other]))
                if len(elsewhere):
                    first = int(elsewhere[0])
                    return min(first, other), max(first, other)
        return a, b

    def selected(self, text: str, low: float, high: float) -> NDArray[np.bool_]:
        """Mark the scored pairs with a text and a probability from `low` to `high`, inclusive.

        Returns
        -------
        ndarray
            (m,) bool; an empty `text` selects every pair.
        """
        p = self.scores.probability
        selected: NDArray[np.bool_] = (p >= np.float32(low)) & (p <= np.float32(high))
        if text:
            contains = self.records.texts.str.contains(text.lower(), literal=True).to_numpy()
            selected &= contains[self.scores.left] | contains[self.scores.right]
        return selected

    def of_records(self, rows: Sequence[int]) -> NDArray[np.bool_]:
        """Mark the scored pairs, (m,) bool, of some rows or of rows with the same texts."""
        concerned = np.zeros(len(self.group), dtype=bool)
        concerned[self.group[list(rows)]] = True
        marked: NDArray[np.bool_] = concerned[self.scores.left] | concerned[self.scores.right]
        return marked

    def between(self, groups: NDArray[np.int64]) -> PairNumbers:
        """List the scored pairs whose two rows are both in `groups`, ascending."""
        member = np.zeros(len(self.group), dtype=bool)
        member[groups] = True
        return np.flatnonzero(member[self.scores.left] & member[self.scores.right])
