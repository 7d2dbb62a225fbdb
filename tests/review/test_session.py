"""The review without a screen: order, decisions, undo, what is implied, two reviewers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dedupe.decisions import Decisions, Verdict
from dedupe.errors import OptionError
from dedupe.review.session import ORDERS, Session


@pytest.fixture
def session(workspace: Path) -> Iterator[Session]:
    made = Session(workspace, reviewer="ada")
    yield made
    made.close()


def test_a_decision_is_in_the_file_when_the_call_returns(session: Session, workspace: Path) -> None:
    session.decide(Verdict.MATCH)
    with Decisions(workspace / "decisions.sqlite", readonly=True) as log:
        line = log.log().row(0, named=True)
    assert (line["verdict"], line["reviewer"]) == ("match", "ada")


@pytest.mark.parametrize("order", ORDERS)
def test_every_order_holds_every_pair_once(session: Session, order: str) -> None:
    session.sort(order)
    assert sorted(session.queue.tolist()) == list(range(len(session.left)))
    p = session.probability[session.queue]
    if order == "highest":
        assert (np.diff(p) <= 0).all()
    if order == "lowest":
        matches = p[p >= 0.9]
        assert (p[: len(matches)] >= 0.9).all()
        assert (np.diff(p[: len(matches)]) >= 0).all()
    if order == "useful":
        assert 0.3 < p[0] < 0.95


def test_an_unknown_order_is_refused(session: Session) -> None:
    with pytest.raises(OptionError, match="useful"):
        session.sort("best")


def test_a_text_filters_the_queue(session: Session) -> None:
    session.sort("useful", text="Lovelace")
    texts = session.state.records.texts
    for pair in session.queue.tolist():
        both = texts[int(session.left[pair])] + texts[int(session.right[pair])]
        assert "lovelace" in both
    assert 0 < len(session.queue) < len(session.left)


def test_pairs_that_decisions_imply_are_passed_over(session: Session) -> None:
    def pair(a: int, b: int) -> int:
        found = session.number_of(session.keys[a], session.keys[b])
        assert found is not None
        return found

    session.decide_rows([(0, 1), (1, 2)], Verdict.MATCH)
    assert session.known(pair(0, 2)) == "implied match"
    session.decide_rows([(0, 3)], Verdict.DIFFERENT)
    assert session.effect(pair(2, 3)).contradicts
    assert session.known(pair(2, 3)) == "implied different"
    assert session.passed_over() >= 2
    session.sort("useful")
    seen = set()
    while session.pair is not None:
        seen.add(session.pair)
        session.forward()
    assert not {pair(0, 1), pair(0, 2), pair(2, 3)} & seen


def test_another_reviewers_decisions_are_seen_and_not_undone(
    session: Session, workspace: Path
) -> None:
    other = Session(workspace, reviewer="grace")
    first = session.pair
    assert first is not None
    session.decide(Verdict.MATCH)
    assert other.refresh() and not other.refresh()
    assert other.known(first) == "match"
    assert other.undo() is None
    assert session.undo() is not None
    other.close()


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.sampled_from(["match", "different", "unsure", "undo", "redo"]), max_size=12))
def test_undo_and_redo_to_any_depth(session: Session, actions: list[str]) -> None:
    while session.undo():
        pass
    session.decide_rows([], Verdict.MATCH)  # forgets what could be made again
    session.sort("highest")
    states = [dict(session.verdicts)]
    undone: list[dict[tuple[str, ...], Verdict]] = []
    for action in actions:
        if action == "undo":
            taken = session.undo()
            assert (taken is not None) == (len(states) > 1)
            if taken:
                undone.append(states.pop())
        elif action == "redo":
            made = session.redo()
            assert (made is not None) == bool(undone)
            if made:
                states.append(undone.pop())
        elif session.pair is not None and not session.known(session.pair):
            session.decide(Verdict(action))
            states.append(dict(session.verdicts))
            undone.clear()
        assert session.verdicts == states[-1]


def test_time_left_follows_the_pace(session: Session) -> None:
    assert session.seconds_left() is None
    for _ in range(3):
        time.sleep(0.01)
        session.decide(Verdict.UNSURE)
    left = session.seconds_left()
    assert left is not None and 0 <= left < 60
