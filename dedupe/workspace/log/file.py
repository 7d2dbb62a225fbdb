"""An SQLite file as an append-only log that several processes share.

Knows how to open, create, lock and read the file, and turns SQLite's errors into one line each.
What the lines mean is the business of :mod:`dedupe.workspace.log.decision_log`.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dedupe.errors import WorkspaceError
from dedupe.io.dialect import first_line
from dedupe.workspace.log.checksums import CHECKSUMS, LineChecksums


class LogFile:
    """A connection to one log file, opened when it is first needed.

    Parameters
    ----------
    path
        The file. It is created if it is missing, unless `readonly`.
    schema
        SQL statements that create the tables.
    table
        The table of the log, whose lines have checksums.
    application, version
        Numbers in the header of the file: they identify the program and the schema.
    readonly
        Only read. A missing file is then an empty log, and is not created.
    timeout
        Seconds to wait for another process that is writing.

    Raises
    ------
    WorkspaceError
        If the file cannot be opened or created, is locked, is not such a log, or has another
        version. All methods raise it when the file can no longer be read or written.
    """

    def __init__(
        self,
        path: Path,
        schema: str,
        *,
        table: str,
        application: int,
        version: int,
        readonly: bool,
        timeout: float,
    ) -> None:
        self.path = path
        self._schema = schema
        self._application = application
        self._version = version
        self._readonly = readonly
        self._timeout = timeout
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._checksums = LineChecksums(table)
        with self._lock:
            self._open()

    def close(self) -> None:
        """Close the file. Closing twice does no harm, and the next use opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def read(self, query: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        """Return the rows of a query; none where the file does not exist yet."""
        with self._lock, self._errors():
            if self._connection is None:
                self._open()
            # Another process may be creating the tables at this moment.
            if self._connection is None or not _version_of(self._connection):
                return []
            self._checksums.check(self._connection)
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection inside one transaction, which is on disk at the end."""
        if self._readonly:
            raise WorkspaceError(f"{self.path} is open for reading only: nothing was recorded")
        with self._lock, self._errors():
            if self._connection is None:
                self._open()
            assert self._connection is not None
            with _transaction(self._connection):
                self._checksums.check(self._connection)
                yield self._connection
                self._checksums.seal(self._connection)

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
                check_same_thread=False,  # our own lock keeps threads apart
            )

        if not self._readonly:
            return connect("")
        connection = connect("?mode=ro")
        try:
            connection.execute("PRAGMA schema_version").fetchone()
        except sqlite3.OperationalError as error:
            connection.close()
            # In a read-only folder SQLite cannot create the file that readers share. If the
            # write-ahead log is empty, the main file holds everything.
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
        """Check that the file is such a log, and create its tables if it is empty."""
        with _transaction(connection, "DEFERRED"):
            version = _version_of(connection)
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if application != (self._application if version else 0) or (tables and not version):
            raise WorkspaceError(f"{self.path} is another SQLite file, not a log of decisions")
        if version not in (0, self._version):
            age = "a newer" if version > self._version else "an older"
            raise WorkspaceError(
                f"{self.path} was written by {age} version of dedupe: print its decisions with "
                "`dedupe decisions` of that version, and import them into a workspace of this one"
            )
        if self._readonly:
            return
        self._use_write_ahead_log(connection)
        connection.execute("PRAGMA synchronous = FULL")
        if not version:
            with _transaction(connection):
                if _version_of(connection):
                    return  # another process was first
                for statement in _statements(self._schema + CHECKSUMS):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {self._application}")
                connection.execute(f"PRAGMA user_version = {self._version}")

    def _use_write_ahead_log(self, connection: sqlite3.Connection) -> None:
        # SQLite does not wait for other connections before it changes the journal mode.
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
            raise WorkspaceError(f"{self.path} {_reason(error)}") from error
        except UnicodeDecodeError as error:
            raise WorkspaceError(f"{self.path} {_damaged('text that is no UTF-8')}") from error


_REASONS = {
    sqlite3.SQLITE_FULL: "cannot be written to: the disk is full; make room and repeat the command",
    sqlite3.SQLITE_BUSY: "is locked by another process: wait for it or end it, and try again",
    sqlite3.SQLITE_LOCKED: "is locked by another process: wait for it or end it, and try again",
    sqlite3.SQLITE_NOTADB: "is not an SQLite file, so it is not a log of decisions",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: check that the folder exists and is writable",
    sqlite3.SQLITE_READONLY: "cannot be written to: check its permissions",
}


def _reason(error: sqlite3.DatabaseError) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_CORRUPT:
        return _damaged(first_line(error))
    return _REASONS.get(code, f"cannot be used: {first_line(error)}")


def _damaged(how: object) -> str:
    return f"is damaged ({how}): restore it from a backup"


def _version_of(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _statements(script: str) -> Iterator[str]:
    # `executescript` would commit first, and so end the transaction that creates the tables.
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
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
