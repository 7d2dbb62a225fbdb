"""What people decided about records: append-only logs that lose nothing.

The logs are two tables of an SQLite file: decisions about pairs, and choices of the record that
gives its cluster a value or stands for it. A decision and the undoing of one are a line each; lines
are never changed or deleted. What holds now is derived from them (:meth:`Decisions.current`,
:meth:`Decisions.choices`).
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import polars as pl

from dedupe.errors import OptionError, WorkspaceError
from dedupe.resolution.decisions import CHOICES, Decision

LOG = pl.Schema(
    {
        "sequence": pl.Int64(),
        "left_id": pl.String(),
        "right_id": pl.String(),
        "decision": pl.String(),
        "undoes": pl.Int64(),
        "reviewer": pl.String(),
        "at": pl.String(),
        "drawn": pl.String(),
    }
)
"""Schema of :meth:`Decisions.log`."""


CURRENT = pl.Schema(
    {name: LOG[name] for name in LOG if name not in ("sequence", "undoes", "drawn")}
)
"""Schema of :meth:`Decisions.current`."""


_APPLICATION = 0x64647570  # "ddup": tells the file from SQLite files of other programs


_VERSION = 3


_CHOICES_SINCE = 3


_CHOICES_TABLE = """
CREATE TABLE choices (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    record_id TEXT,
    column TEXT NOT NULL DEFAULT '',
    undoes INTEGER UNIQUE REFERENCES choices (sequence),
    reviewer TEXT NOT NULL,
    at TEXT NOT NULL,
    CHECK ((record_id IS NULL) <> (undoes IS NULL))
);
CREATE TRIGGER no_choice_update BEFORE UPDATE ON choices
BEGIN SELECT RAISE(ABORT, 'lines of the log are never changed'); END;
CREATE TRIGGER no_choice_delete BEFORE DELETE ON choices
BEGIN SELECT RAISE(ABORT, 'lines of the log are never deleted'); END;
"""


_TABLES = f"""
CREATE TABLE log (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    left_id TEXT NOT NULL,
    right_id TEXT NOT NULL,
    decision TEXT CHECK (decision IN ('match', 'different', 'unsure')),
    undoes INTEGER UNIQUE REFERENCES log (sequence),
    reviewer TEXT NOT NULL,
    at TEXT NOT NULL,
    drawn TEXT NOT NULL DEFAULT '',
    CHECK (left_id < right_id),
    CHECK ((decision IS NULL) <> (undoes IS NULL))
);
CREATE TRIGGER no_update BEFORE UPDATE ON log
BEGIN SELECT RAISE(ABORT, 'lines of the log are never changed'); END;
CREATE TRIGGER no_delete BEFORE DELETE ON log
BEGIN SELECT RAISE(ABORT, 'lines of the log are never deleted'); END;
{_CHOICES_TABLE}
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
"""


_UPGRADES = {
    0: _TABLES,
    1: f"""
ALTER TABLE log ADD COLUMN drawn TEXT NOT NULL DEFAULT '';
{_CHOICES_TABLE}
PRAGMA user_version = {_VERSION};
""",
    2: f"""
{_CHOICES_TABLE}
PRAGMA user_version = {_VERSION};
""",
}
"""What makes the tables of the present version out of those of an earlier one; 0: no tables."""


_STANDING = """
FROM log WHERE decision IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM log AS later WHERE later.undoes = log.sequence)
"""


_STANDING_CHOICES = """
FROM choices WHERE record_id IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM choices AS later WHERE later.undoes = choices.sequence)
"""


@dataclass(frozen=True)
class LoggedDecision:
    """One decision of one person at one time.

    Parameters
    ----------
    sequence
        Number of its line in the log, from 1.
    left_id, right_id
        Ids of the two records, ``left_id < right_id`` as text.
    decision
        What was said.
    reviewer
        Who said it.
    at
        When: UTC in ISO 8601, to the microsecond.
    drawn
        Where the pair came up by lot, for an audit: the key of the scores that it was drawn by.
    """

    sequence: int
    left_id: str
    right_id: str
    decision: Decision
    reviewer: str
    at: str
    drawn: str = ""


@dataclass(frozen=True)
class Choice:
    """The record that one person chose for its cluster, whatever cluster that is later.

    Parameters
    ----------
    sequence
        Number of its line among the choices, from 1.
    record_id
        Id of the record.
    column
        The column whose value it gives to the merged row; ``None``: it stands for its cluster.
    reviewer
        Who chose.
    at
        When: UTC in ISO 8601, to the microsecond.
    """

    sequence: int
    record_id: str
    column: str | None
    reviewer: str
    at: str


class Decisions:
    """The logs of decisions and choices in one SQLite file.

    Several processes and threads may use one file at once. A decision is on the disk when
    :meth:`record` returns. To be used in a ``with`` statement, or closed.

    Parameters
    ----------
    path
        The file. It is made if it is missing, unless `readonly`.
    readonly
        Only read. A missing file is then an empty log, and is not made.
    timeout
        Seconds to wait for another process that is writing.

    Raises
    ------
    WorkspaceError
        If the file cannot be opened or made, is not such a log, is locked, or was written by a
        newer version. All methods raise it when the file cannot be read or written any more.
    """

    def __init__(self, path: Path, *, readonly: bool = False, timeout: float = 10.0) -> None:
        self.path = Path(path)
        self._readonly = readonly
        self._timeout = timeout
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        with self._lock:
            self._open()

    def __enter__(self) -> Decisions:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; closing twice is nothing, and using the log opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def record(
        self, left_id: str, right_id: str, decision: Decision, reviewer: str, *, drawn: str = ""
    ) -> LoggedDecision:
        """Append a decision; it is on the disk when this returns.

        Parameters
        ----------
        left_id, right_id
            Ids of the two records, in any order.
        decision
            What is said.
        reviewer
            Who says it.
        drawn
            If the pair came up by lot: the key of the scores that it was drawn by.

        Raises
        ------
        OptionError
            If the two ids are one, or the decision is unknown.
        """
        if left_id == right_id:
            raise OptionError(f"record {left_id!r} cannot be decided against itself: give two ids")
        try:
            decision = Decision(decision)
        except ValueError:
            raise OptionError(
                f"unknown decision {str(decision)!r}: use one of {', '.join(Decision)}"
            ) from None
        left_id, right_id = sorted((left_id, right_id))
        with self._writing() as connection:
            sequence, at = self._append(
                connection, left_id, right_id, decision, None, reviewer, drawn
            )
        return LoggedDecision(sequence, left_id, right_id, decision, reviewer, at, drawn)

    def choose(self, record_id: str, column: str | None, reviewer: str) -> Choice:
        """Append a choice; it is on the disk when this returns.

        Parameters
        ----------
        record_id
            Id of the record chosen.
        column
            The column whose value it gives to the merged row of its cluster; ``None``: it is the
            representative of its cluster.
        reviewer
            Who chooses.
        """
        with self._writing() as connection:
            at = _now()
            cursor = connection.execute(
                "INSERT INTO choices (record_id, column, reviewer, at) VALUES (?, ?, ?, ?)",
                (record_id, column or "", reviewer, at),
            )
            assert cursor.lastrowid is not None
            return Choice(cursor.lastrowid, record_id, column, reviewer, at)

    def undo_choice(self, reviewer: str | None = None) -> Choice | None:
        """Take back the latest choice that still stands, as :meth:`undo` does a decision."""
        with self._writing() as connection:
            line = connection.execute(
                f"SELECT sequence, record_id, column, reviewer, at {_STANDING_CHOICES} "
                "AND (?1 IS NULL OR reviewer = ?1) ORDER BY sequence DESC LIMIT 1",
                (reviewer,),
            ).fetchone()
            if line is None:
                return None
            sequence, record_id, column, by, at = line
            connection.execute(
                "INSERT INTO choices (undoes, reviewer, at) VALUES (?, ?, ?)",
                (sequence, by, _now()),
            )
            return Choice(sequence, record_id, column or None, by, at)

    def undo_latest(self, reviewer: str | None = None) -> LoggedDecision | Choice | None:
        """Take back the latest decision or choice that still stands, whichever is the later."""
        times = []
        for standing in (_STANDING, _STANDING_CHOICES):
            found = self._read(
                f"SELECT max(at) {standing} AND (?1 IS NULL OR reviewer = ?1)", (reviewer,)
            )
            times.append(str(found[0][0] or "") if found else "")
        return self.undo_choice(reviewer) if times[1] > times[0] else self.undo(reviewer)

    def last(self) -> tuple[int, int]:
        """Return the numbers of the last lines of both logs: they grow with whatever is said."""
        if self._old():
            lines = self._read("SELECT ifnull(max(sequence), 0), 0 FROM log")
        else:
            lines = self._read(
                "SELECT (SELECT ifnull(max(sequence), 0) FROM log), "
                "(SELECT ifnull(max(sequence), 0) FROM choices)"
            )
        decisions, choices = lines[0] if lines else (0, 0)
        return int(str(decisions)), int(str(choices))

    def choices(self) -> pl.DataFrame:
        """Return the choices that were not taken back.

        Returns
        -------
        DataFrame
            Schema :data:`CHOICES`; the earliest first, ``column`` null where the record was chosen
            to stand for its cluster. Of two in one cluster the later holds.
        """
        if self._old():
            return pl.DataFrame(schema=CHOICES)
        lines = self._read(
            f"SELECT record_id, nullif(column, ''), reviewer, at {_STANDING_CHOICES} "
            "ORDER BY sequence"
        )
        return pl.DataFrame(lines, schema=CHOICES, orient="row")

    def undo(self, reviewer: str | None = None) -> LoggedDecision | None:
        """Take back the latest decision that still stands, by a line of its own.

        Called again, it takes back the one before, to any depth.

        Parameters
        ----------
        reviewer
            Take back only what this person decided. ``None``: whoever it was; the line then bears
            the name of the one who decided.

        Returns
        -------
        LoggedDecision or None
            What was taken back; ``None`` if nothing was left to be.
        """
        with self._writing() as connection:
            line = connection.execute(
                f"SELECT sequence, left_id, right_id, decision, reviewer, at, drawn {_STANDING} "
                "AND (?1 IS NULL OR reviewer = ?1) ORDER BY sequence DESC LIMIT 1",
                (reviewer,),
            ).fetchone()
            if line is None:
                return None
            sequence, left_id, right_id, decision, by, at, drawn = line
            self._append(connection, left_id, right_id, None, sequence, by)
            return LoggedDecision(sequence, left_id, right_id, Decision(decision), by, at, drawn)

    def current(self) -> pl.DataFrame:
        """Return the last word on each pair that was not taken back.

        Returns
        -------
        DataFrame
            Schema :data:`CURRENT`; a line a pair, the earliest decided first.
        """
        columns = ", ".join(CURRENT)
        lines = self._read(
            f"SELECT {columns} FROM (SELECT *, max(sequence) OVER (PARTITION BY left_id, right_id) "
            f"AS latest {_STANDING}) WHERE sequence = latest ORDER BY sequence"
        )
        return pl.DataFrame(lines, schema=CURRENT, orient="row")

    def log(self) -> pl.DataFrame:
        """Return all lines, the earliest first.

        Returns
        -------
        DataFrame
            Schema :data:`LOG`. A decision has a ``decision``; a line that takes one back has in
            ``undoes`` the ``sequence`` of that decision instead.
        """
        lines = self._read("SELECT * FROM log ORDER BY sequence")
        # A log of version 1 that is only read has not got its last column yet.
        full = [(*line, "") if len(line) < len(LOG) else line for line in lines]
        return pl.DataFrame(full, schema=LOG, orient="row")

    def _append(
        self,
        connection: sqlite3.Connection,
        left_id: str,
        right_id: str,
        decision: Decision | None,
        undoes: int | None,
        reviewer: str,
        drawn: str = "",
    ) -> tuple[int, str]:
        at = _now()
        cursor = connection.execute(
            "INSERT INTO log (left_id, right_id, decision, undoes, reviewer, at, drawn) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (left_id, right_id, decision and decision.value, undoes, reviewer, at, drawn),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid, at

    def _old(self) -> bool:
        """Tell whether the file is only read and has no table of choices yet."""
        version = self._read("PRAGMA user_version")
        return bool(version) and int(str(version[0][0])) < _CHOICES_SINCE

    def _read(self, query: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        with self._lock, self._errors():
            if self._connection is None:
                self._open()
            # A file without the table is one that another process is just making.
            if self._connection is None or not _version(self._connection):
                return []
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        if self._readonly:
            raise WorkspaceError(f"{self.path} was opened to be read only: nothing is recorded")
        with self._lock, self._errors():
            if self._connection is None:
                self._open()
            assert self._connection is not None
            with _transaction(self._connection):
                yield self._connection

    def _open(self) -> None:
        if self._readonly and not self.path.exists():
            return
        with self._errors():
            connection = self._connect()
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection

    def _connect(self) -> sqlite3.Connection:
        uri = self.path.absolute().as_uri()

        def connect(options: str) -> sqlite3.Connection:
            return sqlite3.connect(
                uri + options,
                uri=True,
                timeout=self._timeout,
                isolation_level=None,
                check_same_thread=False,  # a lock of ours keeps threads apart
            )

        if not self._readonly:
            return connect("")
        connection = connect("?mode=ro")
        try:
            connection.execute("PRAGMA schema_version").fetchone()
        except sqlite3.OperationalError as error:
            connection.close()
            # In a folder that cannot be written to, SQLite cannot make the file that readers
            # share; if no line waits in the write-ahead log, the file alone holds everything.
            ahead = self.path.with_name(self.path.name + "-wal")
            read_only = error.sqlite_errorcode & 0xFF in (
                sqlite3.SQLITE_CANTOPEN,
                sqlite3.SQLITE_READONLY,
            )
            if not read_only or (ahead.exists() and ahead.stat().st_size):
                raise
            return connect("?mode=ro&immutable=1")
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        # One transaction, as another process may be making the tables at this moment.
        with _transaction(connection, "DEFERRED"):
            version = _version(connection)
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if version > _VERSION:
            raise WorkspaceError(
                f"{self.path} was written by a newer version of dedupe: upgrade dedupe to use it"
            )
        if application != (_APPLICATION if version else 0) or (tables and not version):
            raise WorkspaceError(f"{self.path} is not a log of decisions, but another SQLite file")
        if self._readonly:
            return
        self._use_write_ahead_log(connection)
        connection.execute("PRAGMA synchronous = FULL")
        if version < _VERSION:
            with _transaction(connection):
                version = _version(connection)  # another process may have been first
                if version < _VERSION:
                    for statement in _statements(_UPGRADES[version]):
                        connection.execute(statement)

    def _use_write_ahead_log(self, connection: sqlite3.Connection) -> None:
        # SQLite does not wait for others before it changes the journal, so we do.
        until = time.monotonic() + self._timeout
        while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                what = "is locked by another process: wait for it or end it, and try again"
            elif code == sqlite3.SQLITE_NOTADB:
                what = "is not a log of decisions: it is no SQLite file"
            elif code == sqlite3.SQLITE_CORRUPT:
                what = "is damaged: put back a copy of it"
            elif code == sqlite3.SQLITE_CANTOPEN:
                what = "cannot be opened: is the folder there, and may you write to it?"
            elif code == sqlite3.SQLITE_READONLY:
                what = "cannot be written to: check its permissions"
            else:
                what = f"cannot be used: {error}"
            raise WorkspaceError(f"{self.path} {what}") from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _statements(script: str) -> Iterator[str]:
    # `executescript` would commit first, and so end the transaction that makes the tables at once.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@contextmanager
def _transaction(connection: sqlite3.Connection, kind: str = "IMMEDIATE") -> Iterator[None]:
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
