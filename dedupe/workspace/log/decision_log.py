"""What reviewers decided: an append-only log that loses nothing.

The log is one table of an SQLite file. A line is a decision about a pair, a choice of the record
that gives its cluster a value or represents it, a value typed for the merged row of a cluster, or
the undoing of an earlier line. What one key press decides is one step, and is taken back as one.
Lines are never changed or deleted. What is in force is derived from them
(:meth:`DecisionLog.current`, :meth:`DecisionLog.choices`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import polars as pl

from dedupe.errors import OptionError
from dedupe.resolution.decisions import CHOICES, Decision
from dedupe.workspace.log.file import LogFile

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
"""Schema of :meth:`DecisionLog.log`."""

CURRENT = pl.Schema(
    {name: LOG[name] for name in LOG if name not in ("sequence", "undoes", "drawn")}
)
"""Schema of :meth:`DecisionLog.current`."""

_APPLICATION = 0x64647570  # "ddup" in the file's header: no other program's SQLite file has it
_VERSION = 5

_SCHEMA = """
CREATE TABLE log (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    left_id TEXT,
    right_id TEXT,
    decision TEXT CHECK (decision IN ('match', 'different', 'unsure')),
    record_id TEXT,
    column TEXT,
    undoes INTEGER UNIQUE REFERENCES log (sequence),
    reviewer TEXT NOT NULL,
    at TEXT NOT NULL,
    drawn TEXT NOT NULL DEFAULT '',
    step INTEGER,
    value TEXT CHECK (value IS NULL OR column IS NOT NULL),
    CHECK ((left_id IS NULL) = (right_id IS NULL)),
    CHECK ((left_id IS NULL) <> (record_id IS NULL)),
    CHECK (left_id IS NULL OR left_id < right_id),
    CHECK ((decision IS NOT NULL) = (left_id IS NOT NULL AND undoes IS NULL))
);
CREATE TRIGGER no_update BEFORE UPDATE ON log
BEGIN SELECT RAISE(ABORT, 'lines of the log are never changed'); END;
CREATE TRIGGER no_delete BEFORE DELETE ON log
BEGIN SELECT RAISE(ABORT, 'lines of the log are never deleted'); END;
"""

_IN_FORCE = (
    "undoes IS NULL AND sequence NOT IN "
    # Not by the index, which has no checksum.
    "(SELECT undoes FROM log NOT INDEXED WHERE undoes IS NOT NULL)"
)
_COLUMNS = "sequence, left_id, right_id, decision, record_id, column, reviewer, at, drawn, value"
# The first line of a step is at the same time its number.
_STEP = "ifnull(step, sequence)"
_IS_DECISION, _IS_CHOICE = "left_id IS NOT NULL", "record_id IS NOT NULL"


@dataclass(frozen=True)
class LoggedDecision:
    """A decision of one reviewer about one pair, as the log holds it.

    Parameters
    ----------
    sequence
        Number of the line in the log, from 1.
    left_id, right_id
        Ids of the two records, ``left_id < right_id`` as text.
    decision
        Match, different or unsure.
    reviewer
        Who decided.
    at
        When: UTC in ISO 8601, to the microsecond.
    drawn
        If the pair was drawn for an audit, the key of the scores that it was drawn by.
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
    """A record that a reviewer chose for its cluster, whichever cluster that is later.

    Parameters
    ----------
    sequence
        Number of the line in the log, from 1.
    record_id
        Id of the record.
    column
        The column whose value the record gives to the merged row. ``None``: the record represents
        its cluster.
    reviewer
        Who chose.
    at
        When: UTC in ISO 8601, to the microsecond.
    value
        A value that the reviewer typed, which the merged row gets instead of the record's.
    """

    sequence: int
    record_id: str
    column: str | None
    reviewer: str
    at: str
    value: str | None = None


class DecisionLog:
    """The log of decisions and choices in one SQLite file.

    Several processes and threads may use one file at once. A decision is on disk when
    :meth:`record` returns. Use the log in a ``with`` statement, or close it.

    Parameters
    ----------
    path
        The file. It is created if it is missing, unless `readonly`.
    readonly
        Only read. A missing file is then an empty log, and is not created.
    timeout
        Seconds to wait for another process that is writing.

    Raises
    ------
    WorkspaceError
        If the file cannot be opened or created, is locked, is not such a log, or was written by
        another version. All methods raise it when the file can no longer be read or written.
    """

    def __init__(self, path: Path, *, readonly: bool = False, timeout: float = 10.0) -> None:
        self.path = Path(path)
        self._file = LogFile(
            self.path,
            _SCHEMA,
            table="log",
            application=_APPLICATION,
            version=_VERSION,
            readonly=readonly,
            timeout=timeout,
        )

    def __enter__(self) -> DecisionLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Closing twice does no harm, and using the log opens it again."""
        self._file.close()

    def record(
        self, left_id: str, right_id: str, decision: Decision, reviewer: str, *, drawn: str = ""
    ) -> LoggedDecision:
        """Append a decision; it is on disk when this returns.

        Parameters
        ----------
        left_id, right_id
            Ids of the two records, in either order.
        decision
            The decision.
        reviewer
            Who decided.
        drawn
            If the pair was drawn for an audit: the key of the scores that it was drawn by.

        Raises
        ------
        OptionError
            If the two ids are equal, or the decision is unknown.
        """
        return self.record_all([(left_id, right_id, decision)], reviewer, drawn=drawn)[0]

    def record_all(
        self, decisions: Iterable[tuple[str, str, Decision]], reviewer: str, *, drawn: str = ""
    ) -> list[LoggedDecision]:
        """Append decisions in one transaction: all of them, or none if one is refused.

        Parameters
        ----------
        decisions
            Two record ids and the decision about them, each.
        reviewer, drawn
            As for :meth:`record`.

        Raises
        ------
        OptionError
            If two ids are equal, or a decision is unknown.
        """
        checked = [_checked(*decision) for decision in decisions]
        logged: list[LoggedDecision] = []
        with self._file.writing() as connection:
            for left_id, right_id, decision in checked:
                sequence, at = _append(
                    connection,
                    step=logged[0].sequence if logged else None,
                    left_id=left_id,
                    right_id=right_id,
                    decision=decision.value,
                    reviewer=reviewer,
                    drawn=drawn,
                )
                logged.append(
                    LoggedDecision(sequence, left_id, right_id, decision, reviewer, at, drawn)
                )
        return logged

    def choose(
        self, record_id: str, column: str | None, reviewer: str, *, value: str | None = None
    ) -> Choice:
        """Append a choice; it is on disk when this returns.

        Parameters
        ----------
        record_id
            Id of the chosen record.
        column
            The column whose value it gives to the merged row of its cluster. ``None``: it
            represents its cluster.
        reviewer
            Who chose.
        value
            A value for the column of the merged row that no record has; empty: no value.
        """
        with self._file.writing() as connection:
            sequence, at = _append(
                connection, record_id=record_id, column=column, reviewer=reviewer, value=value
            )
        return Choice(sequence, record_id, column, reviewer, at, value)

    def undo(self, reviewer: str | None = None) -> list[LoggedDecision | Choice]:
        """Take back the latest step in force, by lines of their own.

        A step is what one key press decided or chose. Called again, it takes back the one before,
        to any depth.

        Parameters
        ----------
        reviewer
            Take back only what this reviewer decided. ``None``: whoever it was; the lines then
            bear the name of the one who decided.

        Returns
        -------
        list of LoggedDecision or Choice
            What was taken back, in the order in which it was logged; empty if nothing was in force.
        """
        undone: list[LoggedDecision | Choice] = []
        with self._file.writing() as connection:
            lines = connection.execute(
                f"SELECT {_COLUMNS} FROM log WHERE {_IN_FORCE} AND {_STEP} = ("
                f"SELECT {_STEP} FROM log WHERE {_IN_FORCE} AND (?1 IS NULL OR reviewer = ?1) "
                "ORDER BY sequence DESC LIMIT 1) ORDER BY sequence",
                (reviewer,),
            ).fetchall()
            step: int | None = None
            for sequence, left_id, right_id, decision, record_id, column, by, at, *rest in lines:
                number, _ = _append(
                    connection,
                    left_id=left_id,
                    right_id=right_id,
                    record_id=record_id,
                    column=column,
                    undoes=sequence,
                    reviewer=by,
                    step=step,
                )
                step = number if step is None else step
                drawn, value = rest
                undone.append(
                    LoggedDecision(sequence, left_id, right_id, Decision(decision), by, at, drawn)
                    if record_id is None
                    else Choice(sequence, record_id, column, by, at, value)
                )
        return undone

    def last(self) -> int:
        """Return the number of the last line: it grows with every line."""
        rows = self._file.read("SELECT ifnull(max(sequence), 0) FROM log")
        return int(str(rows[0][0])) if rows else 0

    def current(self) -> pl.DataFrame:
        """Return the latest decision in force about each pair.

        Returns
        -------
        DataFrame
            Schema :data:`CURRENT`; a row per pair, the earliest decision first.
        """
        rows = self._file.read(
            f"SELECT {', '.join(CURRENT)} FROM (SELECT *, max(sequence) OVER "
            f"(PARTITION BY left_id, right_id) AS latest FROM log WHERE {_IS_DECISION} "
            f"AND {_IN_FORCE}) WHERE sequence = latest ORDER BY sequence"
        )
        return pl.DataFrame(rows, schema=CURRENT, orient="row")

    def choices(self) -> pl.DataFrame:
        """Return the choices in force.

        Returns
        -------
        DataFrame
            Schema :data:`CHOICES`; the earliest first, ``column`` null where the record was chosen
            to represent its cluster. Of two in one cluster the later holds.
        """
        rows = self._file.read(
            f"SELECT {', '.join(CHOICES)} FROM log "
            f"WHERE {_IS_CHOICE} AND {_IN_FORCE} ORDER BY sequence"
        )
        return pl.DataFrame(rows, schema=CHOICES, orient="row")

    def log(self) -> pl.DataFrame:
        """Return all lines about pairs, the earliest first.

        Returns
        -------
        DataFrame
            Schema :data:`LOG`. A decision has a ``decision``; a line that takes one back has in
            ``undoes`` the ``sequence`` of that decision instead.
        """
        rows = self._file.read(
            f"SELECT {', '.join(LOG)} FROM log WHERE {_IS_DECISION} ORDER BY sequence"
        )
        return pl.DataFrame(rows, schema=LOG, orient="row")


def _checked(left_id: str, right_id: str, decision: Decision) -> tuple[str, str, Decision]:
    """Return the two ids in order, and the decision as one of the enum."""
    if left_id == right_id:
        raise OptionError(f"record {left_id!r} cannot be compared with itself: give two ids")
    try:
        decision = Decision(decision)
    except ValueError:
        raise OptionError(
            f"unknown decision {str(decision)!r}: use one of {', '.join(Decision)}"
        ) from None
    left_id, right_id = sorted((left_id, right_id))
    return left_id, right_id, decision


def _append(connection: sqlite3.Connection, **values: Any) -> tuple[int, str]:
    """Append a line; return its number and time."""
    values["at"] = datetime.now(UTC).isoformat(timespec="microseconds")
    names = ", ".join(values)
    cursor = connection.execute(
        f"INSERT INTO log ({names}) VALUES ({', '.join('?' * len(values))})",
        tuple(values.values()),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid, values["at"]
