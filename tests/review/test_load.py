"""A review with thousands of decisions in the log."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dedupe.resolution.decisions import Decision
from dedupe.review.queue import View
from dedupe.review.session import Session
from dedupe.workspace.log.decision_log import DecisionLog
from tests.laws import tries
from tests.samples import write_workspace

DECISIONS = 5_000
OPEN_PAIRS = 50


def decided_workspace(path: Path, decisions: int) -> Path:
    """Write a chain of records with a decision about each two neighbours, and some open pairs.

    Matches and differences alternate, so that every pair of next but one neighbours is implied.
    """
    records = decisions + 1 + 2 * OPEN_PAIRS
    ids = [f"r{row:05}" for row in range(records)]
    neighbours = [(row, row + 1) for row in range(decisions)]
    implied = [(row, row + 2) for row in range(decisions - 1)]
    open_pairs = [(row, row + 1) for row in range(decisions + 1, records, 2)]
    workspace = write_workspace(
        path,
        {key: f"name {key}" for key in ids},
        {(ids[a], ids[b]): 0.4 for a, b in [*neighbours, *implied, *open_pairs]},
        recalibrate=False,
    )
    kinds = (Decision.MATCH, Decision.DIFFERENT)
    with DecisionLog(workspace / "decisions.sqlite") as log:
        log.record_all(((ids[a], ids[b], kinds[a % 2]) for a, b in neighbours), "ada")
    return workspace


def review_time(workspace: Path) -> float:
    """Measure the processor time to open a review, and to decide and draw a few pairs."""
    start = time.process_time()
    session = Session(workspace, reviewer="grace")
    for _ in range(5):
        pair = session.queue.pair
        assert pair is not None
        session.match_effect(pair)
        session.decide(Decision.MATCH)
        assert session.contradiction_count() == 0
        assert session.implied_count() > 0
        session.remaining()
        session.decisions.counts()
    session.undo()
    session.sort(View("contradictions"))
    session.close()
    return time.process_time() - start


@pytest.mark.slow
def test_time_does_not_grow_with_the_square_of_the_decisions(tmp_path: Path) -> None:
    small = decided_workspace(tmp_path / "small.dedupe", DECISIONS // 4)
    large = decided_workspace(tmp_path / "large.dedupe", DECISIONS)
    review_time(small)  # imports and caches
    seconds = [min(review_time(workspace) for _ in range(tries(3))) for workspace in (small, large)]
    # Four times as many decisions: a ratio of 4 is linear, 16 is quadratic.
    assert seconds[1] / seconds[0] < 9, seconds
