import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from dedupe.errors import OptionError, WorkspaceError
from dedupe.resolution.decisions import Decision
from dedupe.workspace.log.decision_log import CURRENT, LOG, DecisionLog, LoggedDecision
from tests.laws import examples


@pytest.fixture
def path(tmp_path):
    return tmp_path / "decisions.sqlite"


def words(decisions):
    """What holds now, by pair."""
    return {(a, b): decision for a, b, decision, *_ in decisions.current().iter_rows()}


def test_record_reads_back(path):
    with DecisionLog(path) as decisions:
        made = decisions.record("b", "a", Decision.MATCH, "ann")
        assert made == LoggedDecision(1, "a", "b", Decision.MATCH, "ann", made.at)
        assert datetime.fromisoformat(made.at).utcoffset() == timedelta(0)
        assert decisions.current().rows() == [("a", "b", "match", "ann", made.at)]
        assert decisions.log().rows() == [(1, "a", "b", "match", None, "ann", made.at, "")]
    with DecisionLog(path, readonly=True) as again:
        assert again.current().rows() == [("a", "b", "match", "ann", made.at)]


def test_empty_log(path):
    with DecisionLog(path) as decisions:
        assert decisions.log().schema == LOG
        assert decisions.current().schema == CURRENT
        assert decisions.undo() == []
        assert decisions.log().height == 0


def test_last_word_wins_and_undo_brings_back_the_one_before(path):
    with DecisionLog(path) as decisions:
        decisions.record("1", "2", Decision.MATCH, "ann")
        decisions.record("3", "4", Decision.UNSURE, "ann")
        decisions.record("2", "1", Decision.DIFFERENT, "bob")
        assert words(decisions) == {("1", "2"): "different", ("3", "4"): "unsure"}
        assert decisions.current()["left_id"].to_list() == ["3", "1"]  # in order of time
        (taken,) = decisions.undo("bob")
        assert (taken.sequence, taken.decision, taken.reviewer) == (3, Decision.DIFFERENT, "bob")
        assert decisions.undo("bob") == []
        assert words(decisions) == {("1", "2"): "match", ("3", "4"): "unsure"}
        assert [decisions.undo()[0].sequence for _ in range(2)] == [2, 1]
        assert decisions.undo() == []
        assert words(decisions) == {}
        log = decisions.log()
        assert log["undoes"].to_list() == [None, None, None, 3, 2, 1]
        assert log["reviewer"].to_list() == ["ann", "ann", "bob", "bob", "ann", "ann"]


steps = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from("abc"),
            st.sampled_from("def"),
            st.sampled_from([*Decision]),
            st.sampled_from(["ann", "bob"]),
        ),
        st.sampled_from([None, "ann", "bob"]),
    ),
    max_size=12,
)


@examples(40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_replaying_the_log(tmp_path_factory, steps):
    path = tmp_path_factory.mktemp("replay") / "log.sqlite"
    in_force = []
    with DecisionLog(path) as decisions:
        for step in steps:
            if isinstance(step, tuple):
                before = words(decisions)
                decisions.record(*step)
                decisions.undo()
                assert words(decisions) == before  # decide and undo is nothing
                decisions.record(*step)
                in_force.append(step)
            else:
                mine = [i for i, one in enumerate(in_force) if step in (None, one[3])]
                taken = decisions.undo(step)
                assert bool(taken) == bool(mine)
                if mine:
                    in_force.pop(mine[-1])
            assert words(decisions) == {(a, b): str(v) for a, b, v, _ in in_force}
        lines = decisions.log()
    with DecisionLog(path, readonly=True) as again:
        assert again.log().equals(lines)


def test_ids_are_any_text(path):
    odd = ["", " ", "é", "e\u0301", "名", "\U0001f600", "\uffff", "a'b\"", "10", "9", "x\ny"]
    with DecisionLog(path) as decisions:
        for left in odd:
            for right in odd:
                if left != right:
                    decisions.record(left, right, Decision.MATCH, "ann")
        assert set(words(decisions)) == {(a, b) for a in odd for b in odd if a < b}


def test_what_cannot_be_decided(path):
    with DecisionLog(path) as decisions:
        with pytest.raises(OptionError, match="with itself"):
            decisions.record("a", "a", Decision.MATCH, "ann")
        with pytest.raises(OptionError, match="unknown decision 'maybe'"):
            decisions.record("a", "b", "maybe", "ann")
        assert decisions.log().height == 0


def test_lines_cannot_be_changed(path):
    with DecisionLog(path) as decisions:
        decisions.record("a", "b", Decision.MATCH, "ann")
    other = sqlite3.connect(path)
    for statement in ("DELETE FROM log", "UPDATE log SET reviewer = 'eve'"):
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            other.execute(statement)
    other.close()


def test_readonly(path):
    missing = DecisionLog(path, readonly=True)
    assert missing.current().height == missing.log().height == 0
    assert not path.exists()
    with DecisionLog(path) as decisions:
        decisions.record("a", "b", Decision.MATCH, "ann")
        assert missing.log().height == 1  # made in the meantime
    with pytest.raises(WorkspaceError, match="reading only"):
        missing.record("a", "c", Decision.MATCH, "ann")
    missing.close()
    missing.close()


def test_empty_file_is_an_empty_log(path):
    path.touch()
    with DecisionLog(path, readonly=True) as decisions:
        assert decisions.log().height == decisions.current().height == 0
    with DecisionLog(path) as decisions:
        decisions.record("a", "b", Decision.MATCH, "ann")


def one_line(error):
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("readonly", [True, False])
def test_files_that_are_no_log(path, readonly):
    path.write_bytes(b"left,right\n1,2\n" * 200)
    before = path.read_bytes()
    with pytest.raises(WorkspaceError, match="not an SQLite file") as error:
        DecisionLog(path, readonly=readonly)
    assert str(path) in one_line(error)
    assert path.read_bytes() == before

    other = path.with_name("other.sqlite")
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE log (a)")
    connection.close()
    with pytest.raises(WorkspaceError, match="another SQLite file") as error:
        DecisionLog(other, readonly=readonly)
    one_line(error)


def test_newer_schema(path):
    DecisionLog(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(WorkspaceError, match="newer version") as error:
        DecisionLog(path)
    one_line(error)


def test_folder_that_is_not_there(tmp_path):
    with pytest.raises(WorkspaceError, match="cannot be opened") as error:
        DecisionLog(tmp_path / "no" / "decisions.sqlite")
    one_line(error)


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="root may write anywhere")
def test_folder_that_cannot_be_written_to(path):
    with DecisionLog(path) as decisions:
        decisions.record("a", "b", Decision.MATCH, "ann")
    path.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        with DecisionLog(path, readonly=True) as decisions:
            assert decisions.log().height == 1
        with pytest.raises(WorkspaceError, match="permissions"):
            DecisionLog(path)
    finally:
        path.parent.chmod(0o755)


def test_locked(path):
    with DecisionLog(path, timeout=0.05) as decisions:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(WorkspaceError, match="locked by another process") as error:
            decisions.record("a", "b", Decision.MATCH, "ann")
        one_line(error)
        assert decisions.log().height == 0  # readers are not in the way of a writer
        other.execute("ROLLBACK")
        other.close()
        decisions.record("a", "b", Decision.MATCH, "ann")


def write_many(path, name, start):
    start.wait()
    with DecisionLog(path) as decisions:
        for i in range(40):
            decisions.record(f"{name}{i}", "x" * 3, Decision.MATCH, name)
            if i % 10 == 9:
                decisions.undo(name)


@pytest.mark.slow
def test_processes_writing_at_once_lose_nothing(path):
    context = multiprocessing.get_context("spawn")
    start = context.Event()
    writers = [
        context.Process(target=write_many, args=(path, name, start)) for name in ("ann", "bob")
    ]
    for writer in writers:
        writer.start()
    start.set()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    with DecisionLog(path, readonly=True) as decisions:
        log = decisions.log()
        assert log["sequence"].to_list() == list(range(1, 89))
        assert decisions.current().height == 72


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_killed_after_record_loses_nothing(path):
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from dedupe.workspace.log.decision_log import Decision, DecisionLog\n"
        "decisions = DecisionLog(Path(sys.argv[1]))\n"
        "for i in range(7): decisions.record(str(i), 'x', Decision.MATCH, 'ann')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert ended.returncode == -signal.SIGKILL
    with DecisionLog(path, readonly=True) as decisions:
        assert decisions.current()["left_id"].to_list() == [str(i) for i in range(7)]


def test_choices_are_kept_in_order_and_taken_back_one_by_one(path):
    with DecisionLog(path) as decisions:
        decisions.choose("a", "name", "ann")
        decisions.choose("b", None, "bob")
        last = decisions.choose("c", "name", "ann")
    with DecisionLog(path) as decisions:
        lines = decisions.choices().select("record_id", "column", "reviewer").rows()
        assert lines == [("a", "name", "ann"), ("b", None, "bob"), ("c", "name", "ann")]
        assert decisions.undo("ann") == [last]
        assert decisions.choices()["record_id"].to_list() == ["a", "b"]
        assert decisions.undo()[0].record_id == "b"
        assert decisions.undo("bob") == []
        assert decisions.undo()[0].record_id == "a"
        assert decisions.undo() == []
        assert decisions.choices().is_empty()
    connection = sqlite3.connect(path)
    for change in ("UPDATE log SET record_id = 'z'", "DELETE FROM log"):
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            connection.execute(change)
    connection.close()


def test_labels_are_recorded_all_or_none(path):
    with DecisionLog(path) as log:
        made = log.record_all([("b", "a", Decision.MATCH), ("c", "d", Decision.UNSURE)], "ann")
        assert [(one.sequence, one.left_id, one.decision) for one in made] == [
            (1, "a", Decision.MATCH),
            (2, "c", Decision.UNSURE),
        ]
        with pytest.raises(OptionError, match="unknown decision"):
            log.record_all([("e", "f", Decision.MATCH), ("g", "h", "maybe")], "ann")
        assert log.log().height == 2
        assert log.record_all([], "ann") == []


def test_many_labels_are_one_transaction(path):
    with DecisionLog(path) as log:
        synced = []
        with log._file.writing() as connection:
            connection.set_trace_callback(synced.append)
        labels = [(str(n), "x", Decision.MATCH) for n in range(2_000)]
        log.record_all(labels, "ann")
        assert sum(statement.startswith("COMMIT") for statement in synced) == 2
        assert log.current().height == 2_000


def test_the_latest_line_is_undone_first_whatever_the_clock_says(path, monkeypatch):
    import dedupe.workspace.log.decision_log as module

    class Backwards(datetime):
        hours = iter(range(20, 0, -1))

        @classmethod
        def now(cls, tz=None):
            return datetime(2026, 1, 1, next(cls.hours), tzinfo=tz)

    monkeypatch.setattr(module, "datetime", Backwards)
    with DecisionLog(path) as log:
        log.choose("a", None, "ann")
        log.record("a", "b", Decision.MATCH, "ann")
        assert isinstance(log.undo()[0], LoggedDecision)
        assert log.undo()[0].record_id == "a"
        assert log.undo() == []


def test_what_one_key_press_decides_is_undone_at_once_and_by_nobody_else(path):
    with DecisionLog(path) as log:
        log.record("a", "b", Decision.MATCH, "ann")
        log.record_all([(str(n), "x", Decision.DIFFERENT) for n in range(11)], "ann")
        log.record("a", "b", Decision.DIFFERENT, "bob")
        log.choose("a", "name", "ann", value="Ada")
    with DecisionLog(path) as log:  # by whoever comes back
        assert log.choices()["value"].to_list() == ["Ada"]
        assert log.undo("ann")[0].value == "Ada"
        assert [logged.left_id for logged in log.undo("ann")] == [str(n) for n in range(11)]
        assert words(log) == {("a", "b"): "different"}
        assert [len(log.undo()) for _ in range(3)] == [1, 1, 0]
        log.record_all([("c", "d", Decision.MATCH), ("d", "e", Decision.MATCH)], "ann")
        assert len(log.undo("ann")) == 2


def test_an_older_schema_is_refused_in_one_line(path):
    DecisionLog(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(WorkspaceError, match="older version") as error:
        DecisionLog(path)
    one_line(error)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE log SET decision = 'different' WHERE sequence = 1",
        "UPDATE log SET at = '2000' WHERE sequence = 3",
        "DELETE FROM log WHERE sequence = 2",
        "DELETE FROM log WHERE sequence = 3",
        "DELETE FROM checksum WHERE sequence = 2",
        "DELETE FROM checksum WHERE sequence = 3",
        "DROP TABLE checksum",
    ],
)
def test_a_changed_or_lost_line_is_named(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "log.sqlite"
    with DecisionLog(file) as log:
        for name in "abc":
            log.record(name, "z", Decision.MATCH, "ann")
    with sqlite3.connect(file) as connection:
        connection.execute("DROP TRIGGER no_update")
        connection.execute("DROP TRIGGER no_delete")
        connection.execute(damage)
    connection.close()
    before = file.read_bytes()
    with pytest.raises(WorkspaceError, match=r"is damaged .*restore it from a backup"):
        DecisionLog(file, readonly=True).current()
    with DecisionLog(file) as log, pytest.raises(WorkspaceError, match="is damaged"):
        log.record("d", "z", Decision.MATCH, "ann")
    assert file.read_bytes() == before


def test_a_decision_that_found_the_disk_full_is_not_missed_later(tmp_path: Path) -> None:
    with DecisionLog(tmp_path / "log.sqlite") as log:
        log.record("a", "b", Decision.MATCH, "ann")
        with pytest.raises(ZeroDivisionError), log._file.writing() as connection:
            connection.execute(
                "INSERT INTO log (left_id, right_id, decision, reviewer, at) "
                "VALUES ('c', 'd', 'match', 'ann', '')"
            )
            raise ZeroDivisionError
        log.record("e", "f", Decision.MATCH, "ann")
        assert log.current().height == 2


def test_a_damaged_schema_is_named_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "log.sqlite"
    with DecisionLog(file) as log:
        log.record("a", "b", Decision.MATCH, "ann")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA writable_schema = 1")
        connection.execute("UPDATE sqlite_master SET name = sql, sql = 'x' WHERE name = 'log'")
        connection.commit()
    with pytest.raises(WorkspaceError, match="restore it from a backup") as raised:
        DecisionLog(file, readonly=True).current()
    assert "\n" not in str(raised.value)
