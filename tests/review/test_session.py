"""A review without a screen: queue, decisions, undo, implied pairs, clusters, two reviewers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

import dedupe
from dedupe.errors import OptionError
from dedupe.resolution.decisions import Decision
from dedupe.review.order import ORDERS
from dedupe.review.queue import View
from dedupe.review.session import Session
from dedupe.workspace.log.decision_log import Choice, DecisionLog
from tests.laws import examples
from tests.samples import REVIEW_NAMES, review_table

SPECIAL = ("contradictions", "audit")


@pytest.fixture
def session(workspace: Path) -> Iterator[Session]:
    made = Session(workspace, reviewer="ada")
    yield made
    made.close()


def test_a_decision_is_on_disk_when_the_call_returns(session: Session, workspace: Path) -> None:
    session.decide(Decision.MATCH)
    with DecisionLog(workspace / "decisions.sqlite", readonly=True) as log:
        line = log.log().row(0, named=True)
    assert (line["decision"], line["reviewer"]) == ("match", "ada")


def pair(session: Session, a: int, b: int) -> int:
    found = session.pairs.scores.number(a, b)
    assert found is not None
    return found


@pytest.mark.parametrize("order", [name for name in ORDERS if name not in SPECIAL])
def test_every_order_has_every_pair_once(session: Session, order: str) -> None:
    session.sort(View(order))
    assert sorted(session.queue.order.tolist()) == list(range(len(session.pairs.scores.left)))
    p = session.pairs.scores.probability[session.queue.order]
    if order == "highest":
        assert (np.diff(p) <= 0).all()
    if order == "lowest":
        matches = p[p >= 0.9]
        assert (p[: len(matches)] >= 0.9).all()
        assert (np.diff(p[: len(matches)]) >= 0).all()
    if order == "informative":
        assert 0.3 < p[0] < 0.95


def test_an_unknown_order_is_refused(session: Session) -> None:
    with pytest.raises(OptionError, match="informative"):
        session.sort(View("best"))


def test_a_view_filters_by_text_and_probability(session: Session) -> None:
    session.sort(View(text="Lovelace", low=0.5, high=0.97))
    texts = session.records.texts
    for number in session.queue.order.tolist():
        a, b = session.pairs.ends(number)
        assert "lovelace" in texts[a] + texts[b]
        assert 0.5 <= session.pairs.probability(number) <= 0.97
    assert 0 < len(session.queue) < len(session.pairs.scores.left)
    assert session.view.filters == "“Lovelace” 0.5-0.97"


def test_implied_pairs_are_skipped_and_counted(session: Session) -> None:
    session.decide_rows([(0, 1), (1, 2)], Decision.MATCH)
    assert session.known(pair(session, 0, 2)) == "implied match"
    session.decide_rows([(0, 3)], Decision.DIFFERENT)
    assert session.match_effect(pair(session, 2, 3)).contradicts
    assert session.known(pair(session, 2, 3)) == "implied different"
    session.sort(View())
    expected = sum(
        session.known(number).startswith("implied") for number in session.queue.order.tolist()
    )
    assert session.implied_count() == expected >= 2
    seen = set()
    while session.queue.pair is not None:
        seen.add(session.queue.pair)
        session.advance()
    assert not {pair(session, 0, 1), pair(session, 0, 2), pair(session, 2, 3)} & seen


def test_remaining_doubtful_pairs_are_counted(session: Session) -> None:
    session.sort(View("highest"))
    while session.queue.pair is not None:
        ahead = session.queue.order[session.queue.position :].tolist()
        p = session.pairs.scores.probability
        expected = sum(
            np.float32(0.3) <= p[number] < np.float32(0.9)
            and session.known(number) not in ("match", "different", "unsure")
            for number in ahead
        )
        assert session.remaining() == expected
        session.decide(Decision.UNSURE)
    assert session.remaining() == 0


def test_contradictions_are_queued_with_the_decisions_that_lead_to_them(session: Session) -> None:
    session.sort(View("contradictions"))
    before = len(session.queue)
    session.decide_rows([(0, 1), (1, 2)], Decision.MATCH)
    session.decide_rows([(0, 2)], Decision.DIFFERENT)
    assert session.contradiction_count() >= 1
    session.sort(View("contradictions"))
    ends = [session.pairs.ends(number) for number in session.queue.order.tolist()]
    assert ends[:3] in ([(0, 2), (0, 1), (1, 2)], [(0, 2), (1, 2), (0, 1)])
    assert session.queue.pair is not None and session.known(session.queue.pair) == "different"
    session.decide(Decision.MATCH)
    assert session.contradiction_count() == 0
    session.sort(View("contradictions"))
    assert len(session.queue) <= before


def test_a_pair_that_was_never_scored_can_contradict(workspace: Path) -> None:
    session = Session(workspace, reviewer="ada", order="highest")
    n = len(session.keys)
    a, b = next(
        (a, b)
        for a in range(n)
        for b in range(a + 1, n)
        if session.pairs.group[b] == b and session.pairs.scores.number(a, b) is None
    )
    other = next(row for row in range(n) if row not in (a, b))
    session.decide_rows([(a, b)], Decision.DIFFERENT)
    session.decide_rows([(a, other), (b, other)], Decision.MATCH)
    session.sort(View("contradictions"))
    unscored = [
        number
        for number in session.queue.order.tolist()
        if session.pairs.probability(number) is None
    ]
    assert (a, b) in [session.pairs.ends(number) for number in unscored]
    session.close()


@pytest.mark.slow
def test_clusters_follow_each_decision(session: Session) -> None:
    for number in range(0, len(session.pairs.scores.left), 3):
        (a, b), effect = session.pairs.ends(number), session.match_effect(number)
        if effect.joined:
            continue
        session.decide_rows([(a, b)], Decision.MATCH)
        labels = session.clusters.labels
        assert labels[a] == labels[b]
        assert session.clusters.size(a) == effect.together
        session.undo()
        assert session.clusters.labels[a] != session.clusters.labels[b]


def test_choices_show_in_the_merged_row_and_are_exported(session: Session, workspace: Path) -> None:
    session.decide_rows([(0, 1), (1, 2)], Decision.MATCH)
    assert session.merged(1)["name"] != "A. Lovelace"
    session.choose(2, "name")
    session.choose(1, None)
    merged = session.merged(0)
    assert (merged["name"], merged["id"]) == ("A. Lovelace", "r01")
    assert session.clusters.representative[0] == 1
    written = dedupe.export(workspace).merged
    row = written.filter(pl.col("id") == "r01").row(0, named=True)
    assert {name: row[name] for name in merged} == merged
    again = Session(workspace, reviewer="ada")
    assert again.merged(0) == merged
    undone = again.undo()
    assert isinstance(undone[0], Choice) and undone[0].column is None
    assert again.clusters.representative[0] != 1
    assert again.redo() == undone and again.clusters.representative[0] == 1
    again.close()
    # The export follows a later choice.
    session.refresh()
    session.choose(0, "name")
    assert (
        dedupe.export(workspace).merged.filter(pl.col("id") == "r01")["name"][0] == REVIEW_NAMES[0]
    )


def test_a_typed_value_is_in_the_merged_row_and_in_the_export(
    session: Session, workspace: Path
) -> None:
    session.decide_rows([(0, 1), (1, 2)], Decision.MATCH)
    session.type_value(0, "name", "Countess Ada")
    session.type_value(0, "city", "")
    assert session.merged(2)["name"] == "Countess Ada" and not session.merged(2)["city"]
    written = dedupe.export(workspace).merged
    row = written.filter(pl.col("name") == "Countess Ada").row(0, named=True)
    assert {name: row[name] for name in session.merged(0)} == session.merged(0)
    session.choose(2, "name")  # the newest choice holds, whoever the record is
    assert session.merged(0)["name"] == "A. Lovelace"
    again = Session(workspace, reviewer="ada")
    assert again.merged(0)["name"] == "A. Lovelace"
    again.undo()
    assert again.merged(0)["name"] == "Countess Ada"
    assert len(again.undo()) == len(again.undo()) == 1
    assert len(again.undo()) == 2 and not again.undo()  # both decisions of one key press
    assert again.clusters.labels[2] != 0
    again.close()


def test_a_typed_value_is_of_the_type_of_its_column(
    tmp_path: Path, scored_by_likeness: None
) -> None:
    table = review_table().with_columns(age=pl.int_range(pl.len()), born=pl.date(1815, 12, 10))
    dedupe.run(table, output=tmp_path / "t.dedupe", threshold=0.9, review_from=0.3)
    session = Session(tmp_path / "t.dedupe", reviewer="ada")
    session.decide_rows([(0, 1)], Decision.MATCH)
    for column, wrong in (("age", "old"), ("born", "long ago")):
        with pytest.raises(OptionError, match=f"'{wrong}' is not a value of the column '{column}'"):
            session.type_value(0, column, wrong)
    for column, typed in (("age", "36"), ("born", "1852-11-27")):
        session.type_value(0, column, typed)
    written = dedupe.export(tmp_path / "t.dedupe").merged
    assert written.schema["age"] == table.schema["age"]
    assert str(written.filter(pl.col("age") == 36)["born"].to_list()[-1]) == "1852-11-27"
    assert session.merged(0)["age"] == 36
    session.type_value(0, "age", "")
    assert session.merged(0)["age"] is None
    session.close()


def test_every_merged_row_equals_the_exported_one(session: Session, workspace: Path) -> None:
    session.choose(4, "city")
    written = dedupe.export(workspace)
    for row, label in enumerate(session.clusters.labels.tolist()):
        if row == label:
            kept = session.records.ids[int(session.clusters.representative[row])]
            line = written.merged.filter(pl.col("id") == kept).row(0, named=True)
            assert session.merged(row) == {name: line[name] for name in session.merged(row)}


def test_an_audit_draws_pairs_and_narrows_the_estimate(session: Session, workspace: Path) -> None:
    session.sort(View("audit"))
    assert session.queue.pair is None
    audit = session.draw_audit()
    session.take_audit(audit)
    assert audit.estimate.basis == "model" and len(session.queue) == 20
    while (number := session.queue.pair) is not None:
        session.decide(
            Decision.MATCH if session.pairs.probability(number) > 0.8 else Decision.DIFFERENT
        )
    with DecisionLog(workspace / "decisions.sqlite", readonly=True) as log:
        assert (log.log()["drawn"] != "").sum() == 20
    after = session.draw_audit().estimate
    assert (after.basis != "model", after.drawn >= 20) == (True, True)


@pytest.mark.slow
def test_drawn_pairs_of_records_added_meanwhile_are_shown(
    session: Session, workspace: Path
) -> None:
    session.sort(View("audit"))
    more = review_table().vstack(
        review_table()[:1].with_columns(id=pl.lit("new"), name=pl.lit("Ada Lovelacy"))
    )
    dedupe.run(more, output=workspace, threshold=0.9, review_from=0.3)
    while (audit := session.draw_audit()).pairs:
        session.take_audit(audit)
        while session.queue.pair is not None:
            session.decide(Decision.DIFFERENT)
    assert any("new" in pair for pair in session.decisions.by_keys)


def test_decisions_of_another_reviewer_are_seen_but_not_undone(
    session: Session, workspace: Path
) -> None:
    other = Session(workspace, reviewer="grace")
    first = session.queue.pair
    assert first is not None
    session.decide(Decision.MATCH)
    assert other.refresh() and not other.refresh()
    assert other.known(first) == "match"
    assert other.undo() == []
    assert session.undo()
    other.close()


def test_a_decision_of_another_reviewer_is_shown_before_it_is_replaced(
    session: Session, workspace: Path
) -> None:
    other = Session(workspace, reviewer="grace")
    first = session.queue.pair
    assert first is not None and other.queue.pair == first
    session.decide(Decision.MATCH)
    assert other.decide(Decision.DIFFERENT) is None
    assert other.queue.pair == first and other.known(first) == "match"
    made = other.decide(Decision.DIFFERENT)
    assert made is not None and made.reviewer == "grace"
    session.refresh()
    assert session.known(first) == "different"
    with DecisionLog(workspace / "decisions.sqlite", readonly=True) as log:
        assert log.log()["reviewer"].to_list() == ["ada", "grace"]
    other.close()


@examples(25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["match", "different", "unsure", "undo", "redo"]), max_size=12))
def test_undo_and_redo_to_any_depth(session: Session, actions: list[str]) -> None:
    while session.undo():
        pass
    session.decide_rows([], Decision.MATCH)  # forgets what could be made again
    session.sort(View("highest"))
    states = [dict(session.decisions.by_keys)]
    undone: list[dict[tuple[str, ...], Decision]] = []
    for action in actions:
        if action == "undo":
            undone_line = session.undo()
            assert bool(undone_line) == (len(states) > 1)
            if undone_line:
                undone.append(states.pop())
        elif action == "redo":
            made = session.redo()
            assert bool(made) == bool(undone)
            if made:
                states.append(undone.pop())
        elif session.queue.pair is not None and not session.known(session.queue.pair):
            session.decide(Decision(action))
            states.append(dict(session.decisions.by_keys))
            undone.clear()
        assert session.decisions.by_keys == states[-1]


def test_time_left_follows_the_pace(session: Session) -> None:
    assert session.seconds_left() is None
    for _ in range(3):
        time.sleep(0.01)
        session.decide(Decision.UNSURE)
    left = session.seconds_left()
    assert left is not None and 0 <= left < 60
