"""The review without a screen: order, decisions, undo, what is implied, two reviewers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dedupe
from dedupe.errors import OptionError
from dedupe.resolution.decisions import Decision
from dedupe.review.order import ORDERS
from dedupe.review.session import Session, View
from dedupe.workspace.decision_log import Choice, Decisions
from tests.review.conftest import NAMES, frame

SPECIAL = ("contradictions", "audit")


@pytest.fixture
def session(workspace: Path) -> Iterator[Session]:
    made = Session(workspace, reviewer="ada")
    yield made
    made.close()


def test_a_decision_is_in_the_file_when_the_call_returns(session: Session, workspace: Path) -> None:
    session.decide(Decision.MATCH)
    with Decisions(workspace / "decisions.sqlite", readonly=True) as log:
        line = log.log().row(0, named=True)
    assert (line["decision"], line["reviewer"]) == ("match", "ada")


def pair(session: Session, a: int, b: int) -> int:
    found = session.scores.number(a, b)
    assert found is not None
    return found


@pytest.mark.parametrize("order", [name for name in ORDERS if name not in SPECIAL])
def test_every_order_holds_every_pair_once(session: Session, order: str) -> None:
    session.sort(View(order))
    assert sorted(session.queue.tolist()) == list(range(len(session.scores.left)))
    p = session.scores.probability[session.queue]
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
        session.sort(View("best"))


def test_a_view_leaves_out_what_is_not_looked_for(session: Session) -> None:
    session.sort(View(text="Lovelace", low=0.5, high=0.97))
    texts = session.state.records.texts
    for number in session.queue.tolist():
        a, b = session.ends(number)
        assert "lovelace" in texts[a] + texts[b]
        assert 0.5 <= session.probability(number) <= 0.97
    assert 0 < len(session.queue) < len(session.scores.left)
    assert session.view.filtered == "“Lovelace” 0.5-0.97"


def test_pairs_that_decisions_imply_are_passed_over(session: Session) -> None:
    session.decide_rows([(0, 1), (1, 2)], Decision.MATCH)
    assert session.known(pair(session, 0, 2)) == "implied match"
    session.decide_rows([(0, 3)], Decision.DIFFERENT)
    assert session.effect(pair(session, 2, 3)).contradicts
    assert session.known(pair(session, 2, 3)) == "implied different"
    session.sort(View())
    due = sum(session.known(number).startswith("implied") for number in session.queue.tolist())
    assert session.passed_over() == due >= 2
    seen = set()
    while session.pair is not None:
        seen.add(session.pair)
        session.forward()
    assert not {pair(session, 0, 1), pair(session, 0, 2), pair(session, 2, 3)} & seen


def test_doubtful_pairs_still_to_come_are_counted(session: Session) -> None:
    session.sort(View("highest"))
    while session.pair is not None:
        ahead = session.queue[session.at :].tolist()
        p = session.scores.probability
        due = sum(
            np.float32(0.3) <= p[number] <= np.float32(0.7)
            and session.known(number) not in ("match", "different", "unsure")
            for number in ahead
        )
        assert session.remaining() == due
        session.decide(Decision.UNSURE)
    assert session.remaining() == 0


def test_contradictions_are_a_queue_with_what_leads_to_them(session: Session) -> None:
    session.sort(View("contradictions"))
    before = len(session.queue)
    session.decide_rows([(0, 1), (1, 2)], Decision.MATCH)
    session.decide_rows([(0, 2)], Decision.DIFFERENT)
    assert session.clash_count() >= 1
    session.sort(View("contradictions"))
    ends = [session.ends(number) for number in session.queue.tolist()]
    assert ends[:3] in ([(0, 2), (0, 1), (1, 2)], [(0, 2), (1, 2), (0, 1)])
    assert session.pair is not None and session.known(session.pair) == "different"
    session.decide(Decision.MATCH)
    assert session.clash_count() == 0
    session.sort(View("contradictions"))
    assert len(session.queue) <= before


def test_a_pair_that_was_never_scored_can_contradict(workspace: Path) -> None:
    session = Session(workspace, reviewer="ada", order="highest")
    n = len(session.keys)
    a, b = next(
        (a, b)
        for a in range(n)
        for b in range(a + 1, n)
        if session.group[b] == b and session.scores.number(a, b) is None
    )
    other = next(row for row in range(n) if row not in (a, b))
    session.decide_rows([(a, b)], Decision.DIFFERENT)
    session.decide_rows([(a, other), (b, other)], Decision.MATCH)
    session.sort(View("contradictions"))
    unscored = [number for number in session.queue.tolist() if session.probability(number) is None]
    assert (a, b) in [session.ends(number) for number in unscored]
    session.close()


def test_clusters_follow_each_decision(session: Session) -> None:
    for number in range(0, len(session.scores.left), 3):
        (a, b), effect = session.ends(number), session.effect(number)
        if effect.joined:
            continue
        session.decide_rows([(a, b)], Decision.MATCH)
        labels = session.clusters.labels
        assert labels[a] == labels[b]
        assert session.clusters.size(a) == effect.together
        session.undo()
        assert session.clusters.labels[a] != session.clusters.labels[b]


def test_choices_show_in_the_merged_row_and_are_written(session: Session, workspace: Path) -> None:
    session.decide_rows([(0, 1), (1, 2)], Decision.MATCH)
    assert session.merged(1)["name"] != "A. Lovelace"
    session.choose(2, "name")
    session.choose(1, None)
    merged = session.merged(0)
    assert (merged["name"], merged["id"]) == ("A. Lovelace", "r01")
    assert session.clusters.kept[0] == 1
    written = dedupe.export(workspace).merged
    row = written.filter(pl.col("id") == "r01").row(0, named=True)
    assert {name: row[name] for name in merged} == merged
    again = Session(workspace, reviewer="ada")
    assert again.merged(0) == merged
    taken = again.undo()
    assert isinstance(taken, Choice) and taken.column is None
    assert again.clusters.kept[0] != 1
    assert again.redo() == taken and again.clusters.kept[0] == 1
    again.close()
    # What was written is not what would be written now: a run notices.
    session.refresh()
    session.choose(0, "name")
    assert dedupe.export(workspace).merged.filter(pl.col("id") == "r01")["name"][0] == NAMES[0]


def test_every_merged_row_is_the_one_that_is_written(session: Session, workspace: Path) -> None:
    session.choose(4, "city")
    written = dedupe.export(workspace)
    for row, label in enumerate(session.clusters.labels.tolist()):
        if row == label:
            kept = session.state.records.ids[int(session.clusters.kept[row])]
            line = written.merged.filter(pl.col("id") == kept).row(0, named=True)
            assert session.merged(row) == {name: line[name] for name in session.merged(row)}


def test_an_audit_draws_pairs_and_narrows_the_estimate(session: Session, workspace: Path) -> None:
    session.sort(View("audit"))
    assert session.pair is None
    audit = session.draw_audit()
    session.take_audit(audit)
    assert audit.estimate.basis == "model" and len(session.queue) == 20
    while (number := session.pair) is not None:
        session.decide(Decision.MATCH if session.probability(number) > 0.8 else Decision.DIFFERENT)
    with Decisions(workspace / "decisions.sqlite", readonly=True) as log:
        assert (log.log()["drawn"] != "").sum() == 20
    after = session.draw_audit().estimate
    assert (after.basis != "model", after.drawn >= 20) == (True, True)


def test_pairs_drawn_of_records_added_meanwhile_are_shown(
    session: Session, workspace: Path
) -> None:
    session.sort(View("audit"))
    more = frame().vstack(frame()[:1].with_columns(id=pl.lit("new"), name=pl.lit("Ada Lovelacy")))
    dedupe.run(more, output=workspace, threshold=0.9, review_from=0.3)
    while (audit := session.draw_audit()).pairs:
        session.take_audit(audit)
        while session.pair is not None:
            session.decide(Decision.DIFFERENT)
    assert any("new" in pair for pair in session.decisions)


def test_another_reviewers_decisions_are_seen_and_not_undone(
    session: Session, workspace: Path
) -> None:
    other = Session(workspace, reviewer="grace")
    first = session.pair
    assert first is not None
    session.decide(Decision.MATCH)
    assert other.refresh() and not other.refresh()
    assert other.known(first) == "match"
    assert other.undo() is None
    assert session.undo() is not None
    other.close()


def test_what_another_reviewer_said_meanwhile_is_shown_before_it_is_overruled(
    session: Session, workspace: Path
) -> None:
    other = Session(workspace, reviewer="grace")
    first = session.pair
    assert first is not None and other.pair == first
    session.decide(Decision.MATCH)
    assert other.decide(Decision.DIFFERENT) is None
    assert other.pair == first and other.known(first) == "match"
    made = other.decide(Decision.DIFFERENT)
    assert made is not None and made.reviewer == "grace"
    session.refresh()
    assert session.known(first) == "different"
    with Decisions(workspace / "decisions.sqlite", readonly=True) as log:
        assert log.log()["reviewer"].to_list() == ["ada", "grace"]
    other.close()


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.sampled_from(["match", "different", "unsure", "undo", "redo"]), max_size=12))
def test_undo_and_redo_to_any_depth(session: Session, actions: list[str]) -> None:
    while session.undo():
        pass
    session.decide_rows([], Decision.MATCH)  # forgets what could be made again
    session.sort(View("highest"))
    states = [dict(session.decisions)]
    undone: list[dict[tuple[str, ...], Decision]] = []
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
            session.decide(Decision(action))
            states.append(dict(session.decisions))
            undone.clear()
        assert session.decisions == states[-1]


def test_time_left_follows_the_pace(session: Session) -> None:
    assert session.seconds_left() is None
    for _ in range(3):
        time.sleep(0.01)
        session.decide(Decision.UNSURE)
    left = session.seconds_left()
    assert left is not None and 0 <= left < 60
