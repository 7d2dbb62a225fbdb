"""Checksums of the lines of a log: a damaged file must not pass for other decisions.

They lie in a table of their own, one for each line. Lines are numbered without gaps, so that a lost
line is noticed as well.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

TABLE = "checksum"
CHECKSUMS = f"CREATE TABLE {TABLE} (sequence INTEGER PRIMARY KEY, value TEXT NOT NULL);\n"
"""SQL statement that creates the table of the checksums."""


class LineChecksums:
    """The checksums of the lines of one table, which are checked when they are first read.

    Parameters
    ----------
    table
        Name of the table. Its key is ``sequence``, from 1, without gaps.
    """

    def __init__(self, table: str) -> None:
        self._table = table
        self._checked = 0

    def check(self, connection: sqlite3.Connection) -> None:
        """Check the lines that were not checked yet.

        Raises
        ------
        sqlite3.DatabaseError
            If a line is damaged or missing.
        """
        last = self._last(connection, self._table)
        if self._checked > last:
            raise _damaged(last + 1)
        if self._checked == last:
            return
        if not _exists(connection):
            raise _damaged(1)
        if self._last(connection, "sqlite_sequence", "seq") != last:
            raise _damaged(last + 1)
        sealed = dict(
            connection.execute(
                f"SELECT sequence, value FROM {TABLE} NOT INDEXED WHERE sequence > ?",
                (self._checked,),
            )
        )
        expected = self._checked + 1
        for line in self._lines(connection, self._checked):
            sequence = line["sequence"]
            if sequence != expected or sealed.pop(sequence, None) != _checksum(line):
                raise _damaged(expected)
            expected += 1
        if sealed or expected != last + 1:
            raise _damaged(expected)
        self._checked = last

    def seal(self, connection: sqlite3.Connection) -> None:
        """Store the checksums of the lines that have none yet, in the transaction at work."""
        lines = self._lines(connection, self._last(connection, TABLE))
        connection.executemany(
            f"INSERT INTO {TABLE} VALUES (?, ?)",
            [(line["sequence"], _checksum(line)) for line in lines],
        )

    def _lines(self, connection: sqlite3.Connection, after: int) -> Iterator[dict[str, Any]]:
        cursor = connection.execute(
            f"SELECT * FROM {self._table} NOT INDEXED WHERE sequence > ? ORDER BY sequence",
            (after,),
        )
        names = [column[0] for column in cursor.description]
        for row in cursor:
            yield dict(zip(names, row, strict=True))

    def _last(self, connection: sqlite3.Connection, table: str, column: str = "sequence") -> int:
        query = f"SELECT ifnull(max({column}), 0) FROM {table}"
        if table == "sqlite_sequence":
            query += f" WHERE name = '{self._table}'"
        return int(connection.execute(query).fetchone()[0])


def _exists(connection: sqlite3.Connection) -> bool:
    query = "SELECT count(*) FROM sqlite_master WHERE name = ?"
    return bool(connection.execute(query, (TABLE,)).fetchone()[0])


def _checksum(line: Mapping[str, Any]) -> str:
    """Hash the values of a line by column; columns without a value do not count."""
    text = json.dumps({name: line[name] for name in sorted(line) if line[name] is not None})
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _damaged(sequence: int) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(f"line {sequence} is damaged or missing")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error
