"""The queue of a review: which pairs come, in which order, and which one is shown."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from dedupe.errors import OptionError
from dedupe.review.order import ORDERS
from dedupe.review.pairs import PairNumbers, ReviewPairs

LONGEST_DECISION = 60.0
"""Seconds that one decision counts at most: a longer one includes a break."""

RECENT_DECISIONS = 50
"""Latest decisions that the pace is measured on."""


_RANGE = re.compile(r"\s*([01]?\.?\d*)\s*(?:-|–|to|\s)\s*([01]?\.?\d*)\s*")


@dataclass(frozen=True)
class View:
    """Which pairs the queue holds, and in which order.

    Parameters
    ----------
    order
        A name of :data:`~dedupe.review.order.ORDERS`.
    text
        Only pairs with a record that contains it.
    low, high
        Only pairs with a probability from `low` to `high`, both inclusive.
    record_id
        Only pairs of the record with this id.

    Raises
    ------
    OptionError
        If the order is unknown.
    """

    order: str = "informative"
    text: str = ""
    low: float = 0.0
    high: float = 1.0
    record_id: str = ""

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise OptionError(f"unknown order {self.order!r}: use one of {', '.join(ORDERS)}")

    @property
    def filters(self) -> str:
        """The filters in a few words; empty if there are none."""
        words = [f"“{self.text}”"] if self.text else []
        if (self.low, self.high) != (0.0, 1.0):
            words.append(f"{self.low:g}-{self.high:g}")
        if self.record_id:
            words.append(f"of {self.record_id}")
        return " ".join(words)


def parse_range(typed: str) -> tuple[float, float] | None:
    """Parse two probabilities; nothing typed means all, and ``None`` means no range."""
    if not typed:
        return 0.0, 1.0
    found = _RANGE.fullmatch(typed)
    try:
        low, high = (float(bound) for bound in found.groups()) if found else (1.0, 0.0)
    except ValueError:
        return None
    return (low, high) if 0 <= low <= high <= 1 else None


class PairQueue:
    """Pairs in the order of review, and the position in it.

    Parameters
    ----------
    pairs
        All pairs of the review.
    order
        Numbers of the pairs in the queue, the first to review first.
    position
        Place of the current pair, from 0; at the end of the queue there is none.
    """

    def __init__(self, pairs: ReviewPairs, order: PairNumbers, position: int = 0) -> None:
        self.order = order
        self.position = position
        self._place = np.full(len(pairs), -1, dtype=np.int64)
        self._place[order] = np.arange(len(order))
        scored = order < len(pairs.doubtful)
        doubtful = np.zeros(len(order), dtype=bool)
        doubtful[scored] = pairs.doubtful[order[scored]]
        self._doubtful = doubtful
        self._doubtful_before = np.concatenate([[0], np.cumsum(doubtful)])

    def __len__(self) -> int:
        return len(self.order)

    def __contains__(self, pair: int) -> bool:
        return bool(pair < len(self._place) and self._place[pair] >= 0)

    @property
    def pair(self) -> int | None:
        """Number of the current pair; ``None`` at the end of the queue."""
        return int(self.order[self.position]) if 0 <= self.position < len(self) else None

    def advance(self, is_done: Callable[[int], bool]) -> None:
        """Go to the next pair that is not done."""
        self.position += 1
        while (pair := self.pair) is not None and is_done(pair):
            self.position += 1

    def move(self, steps: int) -> None:
        """Go `steps` places on, or back if negative, within the queue."""
        self.position = min(max(self.position + steps, 0), max(len(self) - 1, 0))

    def go_to(self, pair: int) -> None:
        """Go to a pair, if it is in the queue."""
        if pair in self:
            self.position = int(self._place[pair])

    def with_next(self, pairs: ReviewPairs, pair: int) -> PairQueue:
        """Move a pair that is still to come to the current position."""
        if pair not in self or self._place[pair] <= self.position:
            return self
        before, after = self.order[: self.position], self.order[self.position :]
        order = np.concatenate([before, [pair], after[after != pair]]).astype(np.int64)
        return PairQueue(pairs, order, self.position)

    def doubtful_left(self, decided: Iterable[int]) -> int:
        """Count the doubtful pairs from the current position on, without the `decided` ones."""
        position = max(self.position, 0)
        total = int(self._doubtful_before[-1] - self._doubtful_before[min(position, len(self))])
        places = self._place[np.fromiter(decided, dtype=np.int64)]
        places = places[places >= position]
        return total - int(np.count_nonzero(self._doubtful[places]))


class Pace:
    """How fast a reviewer decides."""

    def __init__(self) -> None:
        self._seconds: list[float] = []
        self.restart()

    def restart(self) -> None:
        """Note that the reviewer sees another pair from now on."""
        self._shown_at = time.monotonic()

    def decided(self) -> None:
        """Note that the reviewer decided the pair shown."""
        self._seconds.append(min(time.monotonic() - self._shown_at, LONGEST_DECISION))
        self.restart()

    def seconds_for(self, pairs: int) -> float | None:
        """Estimate the time that `pairs` decisions take; ``None`` before the third decision."""
        if len(self._seconds) < 3:
            return None
        return float(np.median(self._seconds[-RECENT_DECISIONS:])) * pairs
