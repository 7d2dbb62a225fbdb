"""Reading SQLite, DuckDB and PostgreSQL: a table, or the result of a query.

Nothing is ever written to an input, except that SQLite itself may leave the empty ``-wal`` and
``-shm`` of a file in write-ahead mode beside it. SQLite files are opened with ``mode=ro`` and an
authorizer that only lets reading pass, DuckDB files with ``read_only`` for single SELECT
statements, and PostgreSQL runs the query as a cursor in a read-only transaction.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

import polars as pl

from dedupe.errors import InputError, OptionError, needs_extra
from dedupe.io.dialect import CSV, Table, first_line, frame_fingerprint
from dedupe.io.formats.columnar import nested_to_json
from dedupe.io.formats.compression import half_of_memory
from dedupe.records.value_text import value_text

WAIT = 5.0
"""Seconds to wait for another process that has locked a database."""

_CHUNK = 50_000
"""Rows held as Python values at a time."""

_URL = re.compile(r"^(?P<scheme>[A-Za-z][A-Za-z0-9]*)(\+[A-Za-z0-9_]+)?://")
_TABLE = re.compile(r"^(?P<database>.+?)::(?P<table>[^/\\:\]]+)$")

_SQLITE_MAGIC = b"SQLite format 3\x00"
_DUCKDB_MAGIC = b"DUCK"

_NOT_READ = (
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
    NotImplementedError,
    OverflowError,
    TypeError,
    ValueError,
)
"""Errors for types of columns that polars cannot read."""

_PLAIN = (int, float, bool, str, date, datetime, time)

_READING = frozenset(
    [
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_RECURSIVE,
    ]
)
"""Actions that the authorizer of SQLite lets pass."""

_STEPS = 100_000
"""Steps of SQLite after which an interrupt of the user is looked for."""

_ONLY_SELECT = "only one SELECT can be read: nothing else is run"


@dataclass(frozen=True)
class DatabaseTable:
    """A database, or one table of it.

    Parameters
    ----------
    kind
        ``sqlite``, ``duckdb`` or ``postgresql``.
    address
        Path or URL of the database; empty for DuckDB without a file.
    table
        Name of the table; ``None`` if none is named.
    """

    kind: str
    address: str
    table: str | None

    @property
    def name(self) -> str:
        """Name in messages and results; it never has a password."""
        if self.kind == "postgresql":
            parts = urlsplit(self.address)
            shown = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
        else:
            shown = Path(self.address).name if self.address else "duckdb"
        return f"{shown}::{self.table}" if self.table else shown

    @property
    def stem(self) -> Path:
        """Path without an ending, after which results are named."""
        if self.kind == "postgresql":
            path = Path(
                unquote(urlsplit(self.address).path).strip("/").replace("/", "-") or "table"
            )
        else:
            path = Path(self.address or "duckdb")
        stem = path.stem or path.name
        return path.with_name(f"{stem}-{self.table}" if self.table else stem)


def find_database(source: str) -> DatabaseTable | None:
    """Recognise an input that is a database: a URL, or an SQLite or DuckDB file.

    Parameters
    ----------
    source
        ``sqlite:///path``, ``duckdb:///path``, ``postgresql://…`` or the path of a file, with or
        without ``::table`` at its end. As in SQLAlchemy, a path after three slashes is relative,
        after four it is absolute.

    Returns
    -------
    DatabaseTable or None
        ``None`` if the input is something else.

    Raises
    ------
    InputError
        If the URL is one of another kind of database.
    """
    named = _TABLE.match(source)
    url = _URL.match(source)
    if url is None:
        whole = _file_kind(source)
        if whole is not None:
            return DatabaseTable(whole, source, None)
        kind = _file_kind(named["database"]) if named else None
        return DatabaseTable(kind, named["database"], named["table"]) if named and kind else None
    table = named["table"] if named else None
    address = named["database"] if named else source
    scheme = {"postgres": "postgresql"}.get(url["scheme"].lower(), url["scheme"].lower())
    rest = address[url.end() :]
    if scheme == "postgresql":
        return DatabaseTable(scheme, f"{scheme}://{rest}", table)
    if scheme not in ("sqlite", "duckdb"):
        raise InputError(
            f"cannot read {url['scheme']}://: give a file or an sqlite, duckdb or postgresql URL"
        )
    path = rest.split("?")[0].removeprefix("/")
    if path == ":memory:" or (scheme == "duckdb" and not path):
        path = ""
    if scheme == "sqlite" and not path:
        raise InputError(f"{source} names no file: write sqlite:///path")
    return DatabaseTable(scheme, path, table)


def read_database(database: DatabaseTable, query: str | None) -> Table:
    """Read a table, or the result of a query.

    Parameters
    ----------
    database
        The database. If neither it nor `query` names a table, it must hold one table only.
    query
        One SELECT statement.

    Returns
    -------
    Table
        A column of one type keeps it. A column of several types, and numbers with more digits than
        a float holds, become text.

    Raises
    ------
    InputError
        If the database is missing, locked or unreadable, the table does not exist, the query is
        wrong or not a SELECT, or there are no rows.
    OptionError
        If both a table and a query are named.
    """
    if query is not None and database.table is not None:
        raise OptionError(f"{database.name} names a table beside a query: give one of them")
    with _READERS[database.kind](database) as reader:
        frame = reader.read(query if query is not None else _select(database, reader.tables()))
    if frame.is_empty():
        raise InputError(
            f"{database.name}: {'the query gives' if query else 'the table has'} no rows: "
            "there is nothing to compare"
        )
    return Table(
        nested_to_json(frame),
        replace(CSV, format="database"),
        frame_fingerprint(frame),
        database.name,
    )


@dataclass(frozen=True)
class _Sqlite:
    connection: sqlite3.Connection

    def tables(self) -> list[tuple[str, str]]:
        found = self.connection.execute(
            "SELECT 'main', name FROM sqlite_master WHERE type IN ('table', 'view') "
            "AND name NOT LIKE 'sqlite@_%' ESCAPE '@' ORDER BY name"
        )
        return found.fetchall()

    def read(self, query: str) -> pl.DataFrame:
        return _fetched(self.connection.execute(query))


@contextmanager
def _sqlite(database: DatabaseTable) -> Iterator[_Sqlite]:
    path = _existing(database)
    try:
        with closing(_open_sqlite(path)) as connection:
            connection.set_authorizer(
                lambda action, *_: sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY
            )
            # An interrupt is raised in Python code only, and ends the query when it is.
            connection.set_progress_handler(lambda: 0, _STEPS)
            yield _Sqlite(connection)
    except (sqlite3.Error, sqlite3.Warning) as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_INTERRUPT:
            raise KeyboardInterrupt from None
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise _locked(database) from None
        if code == sqlite3.SQLITE_AUTH or "one statement" in str(error):
            raise InputError(f"{database.name}: {_ONLY_SELECT}") from None
        if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise InputError(
                f"{database.name} is not a complete SQLite database: {first_line(error)}"
            ) from None
        raise _wrong(database, error) from None
    except UnicodeDecodeError:  # of a name, or of an error message that quotes one
        raise InputError(
            f"{database.name} is not a complete SQLite database: its schema holds a name that is "
            "not text"
        ) from None


def _open_sqlite(path: Path) -> sqlite3.Connection:
    uri = path.absolute().as_uri()
    connection = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=WAIT)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        # If the folder is read-only, readers of a file with a write-ahead log cannot create the
        # file that they share. If the log is empty, the database file alone holds everything.
        log = path.with_name(f"{path.name}-wal")
        code = error.sqlite_errorcode & 0xFF
        if code not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY) or (
            log.exists() and log.stat().st_size
        ):
            raise
        return sqlite3.connect(f"{uri}?mode=ro&immutable=1", uri=True, timeout=WAIT)
    return connection


@dataclass(frozen=True)
class _Duckdb:
    connection: Any
    module: ModuleType
    name: str

    def tables(self) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = self.connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_catalog = current_database() ORDER BY ALL"
        ).fetchall()
        return found

    def read(self, query: str) -> pl.DataFrame:
        statements = self.connection.extract_statements(query)
        if [statement.type for statement in statements] != [self.module.StatementType.SELECT]:
            raise InputError(f"{self.name}: {_ONLY_SELECT}")
        frame: pl.DataFrame = self.connection.sql(query).pl()
        return frame


@contextmanager
def _duckdb(database: DatabaseTable) -> Iterator[_Duckdb]:
    with needs_extra("databases", "a DuckDB database", InputError):
        import duckdb

    config: dict[str, Any] = {"autoinstall_known_extensions": "false"}  # nothing is fetched
    try:
        if database.address:
            path = str(_existing(database))
            connection = duckdb.connect(path, read_only=True, config=config)
        else:
            connection = duckdb.connect(config=config)
        with closing(connection):
            yield _Duckdb(connection, duckdb, database.name)
    except duckdb.Error as error:
        if "lock" in str(error) and isinstance(error, duckdb.IOException):
            raise _locked(database) from None
        raise _wrong(database, error) from None
    except _NOT_READ as error:
        raise InputError(
            f"{database.name}: a column has a type that cannot be read ({first_line(error)}): "
            "cast it to VARCHAR in --query"
        ) from None


@dataclass(frozen=True)
class _Postgres:
    connection: Any

    def tables(self) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = self.connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2"
        ).fetchall()
        return found

    def read(self, query: str) -> pl.DataFrame:
        # PostgreSQL declares such a cursor for one statement only, and only for a SELECT.
        with self.connection.cursor(name="dedupe") as cursor:
            cursor.execute(query.strip().removesuffix(";"))
            return _fetched(cursor)


@contextmanager
def _postgres(database: DatabaseTable) -> Iterator[_Postgres]:
    with needs_extra("databases", "a PostgreSQL database", InputError):
        import psycopg

    try:
        with closing(psycopg.connect(database.address, connect_timeout=10)) as connection:
            connection.read_only = True
            yield _Postgres(connection)
    except psycopg.errors.InsufficientPrivilege as error:
        raise _wrong(database, error) from None
    except (psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.SyntaxError) as error:
        reason = first_line(error)
        raise InputError(f"{database.name}: {reason} ({_ONLY_SELECT})") from None
    except psycopg.Error as error:
        raise _wrong(database, error) from None


_Reader: TypeAlias = _Sqlite | _Duckdb | _Postgres
_READERS: dict[str, Callable[[DatabaseTable], AbstractContextManager[_Reader]]] = {
    "sqlite": _sqlite,
    "duckdb": _duckdb,
    "postgresql": _postgres,
}


def _select(database: DatabaseTable, tables: Sequence[tuple[str, str]]) -> str:
    """Write the query that reads the named table, or the only one."""
    full = [f"{schema}.{name}" for schema, name in tables]
    if database.table is None:
        found = list(range(len(tables)))
    else:
        found = [i for i, (_, name) in enumerate(tables) if database.table in (name, full[i])]
    if len(found) == 1:
        return "SELECT * FROM " + ".".join(quoted(part) for part in tables[found[0]])
    names = [name for _, name in tables]
    listed = ", ".join((names if len(set(names)) == len(names) else full)[:12])
    if not tables:
        raise InputError(f"{database.name} holds no tables")
    if database.table is None:
        raise InputError(
            f"{database.name} holds several tables ({listed}): name one as "
            f"{database.name}::TABLE, or give --query"
        )
    if found:
        raise InputError(f"{database.name} is in several schemas: write ::SCHEMA.{database.table}")
    whole = replace(database, table=None).name
    raise InputError(f"there is no table {database.table!r} in {whole}; it holds {listed}")


def _fetched(cursor: Any) -> pl.DataFrame:
    """Fetch the rows of a cursor by chunks, because rows take much memory as Python values."""
    if cursor.description is None:
        raise InputError(_ONLY_SELECT)
    names = [str(column[0]) for column in cursor.description]
    for name, count in Counter(names).items():
        if count > 1:
            raise InputError(f"the query gives two columns named {name!r}: rename one with AS")
    chunks, size, most = [], 0.0, half_of_memory()
    while rows := cursor.fetchmany(_CHUNK):
        values = zip(*rows, strict=True)
        chunks.append(
            pl.DataFrame([_series(n, list(v)) for n, v in zip(names, values, strict=True)])
        )
        size += chunks[-1].estimated_size()
        if size > most:
            raise InputError(
                f"the rows take more than {most / 1e9:.2g} GB, half of the memory: read fewer of "
                "them with --query"
            )
    if not chunks:
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    kinds = {name: {chunk.schema[name] for chunk in chunks} - {pl.Null()} for name in names}
    mixed = [name for name, dtypes in kinds.items() if len(dtypes) != 1]
    return pl.concat(
        [chunk.with_columns(pl.col(mixed).cast(pl.String)) for chunk in chunks],
        how="vertical_relaxed",
    )


def _series(name: str, values: list[Any]) -> pl.Series:
    """Make a column: of their type if the values share a plain one, else of text."""
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) <= 1 and kinds <= set(_PLAIN):
        try:
            return pl.Series(name, values)
        except (pl.exceptions.PolarsError, OverflowError, TypeError, ValueError):
            pass  # a value is beyond the range of the type
    return pl.Series(name, [value_text(value) for value in values], dtype=pl.String)


def quoted(name: str) -> str:
    """Quote an identifier of SQL."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _file_kind(path: str) -> str | None:
    try:
        with Path(path).open("rb") as file:
            head = file.read(16)
    except (OSError, ValueError):
        return None
    if head == _SQLITE_MAGIC:
        return "sqlite"
    return "duckdb" if head[8:12] == _DUCKDB_MAGIC else None


def _existing(database: DatabaseTable) -> Path:
    path = Path(database.address)
    if path.is_file():
        return path
    hint = ""
    if not path.is_absolute() and Path(f"/{path}").is_file():
        hint = f"; for /{path} write four slashes: {database.kind}:////{path}"
    raise InputError(f"there is no database {path}{hint}")


def _locked(database: DatabaseTable) -> InputError:
    return InputError(
        f"{database.name} is locked by another process: wait for it or end it, and try again"
    )


def _wrong(database: DatabaseTable, error: Exception) -> InputError:
    return InputError(f"{database.name} cannot be read: {first_line(error)}")
