"""SQLite, DuckDB and PostgreSQL: a table or a query in, all result tables of a run out.

An input is never written to (but SQLite itself may leave the empty ``-wal`` and ``-shm`` of a file
in write-ahead mode beside it): SQLite files are opened with ``mode=ro`` and an authorizer that lets
only reading pass, DuckDB files with ``read_only`` and single SELECT statements, and PostgreSQL runs
the query as a cursor in a read-only transaction.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

import polars as pl

from dedupe.errors import DedupeError, InputError, OptionError, OutputError
from dedupe.io.columnar import flat
from dedupe.io.csv import as_text
from dedupe.io.dialect import CSV, Table, first_line, frame_fingerprint

EXTRA = "pip install 'dedupe-tui[databases]'"
"""What brings the packages that are not always installed."""


WAIT = 5.0
"""Seconds to wait for another process that has locked a database."""


_CHUNK = 50_000


_URL = re.compile(r"^(?P<scheme>[A-Za-z][A-Za-z0-9]*)(\+[A-Za-z0-9_]+)?://")


_TABLE = re.compile(r"^(?P<database>.+?)::(?P<table>[^/\\:\]]+)$")


_SQLITE_MAGIC = b"SQLite format 3\x00"


_DUCKDB_MAGIC = b"DUCK"


_PLAIN = (int, float, bool, str, date, datetime, time)


_READING = frozenset(
    [
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_RECURSIVE,
    ]
)


_ONLY_SELECT = "only one SELECT can be read: nothing else is run"


@dataclass(frozen=True)
class Place:
    """Where a table is: the ``kind`` of database, its path or URL, and the table, if named."""

    kind: str
    address: str
    table: str | None

    @property
    def name(self) -> str:
        """What it is called in messages and results; never with a password."""
        if self.kind == "postgresql":
            parts = urlsplit(self.address)
            shown = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
        else:
            shown = Path(self.address).name if self.address else "duckdb"
        return f"{shown}::{self.table}" if self.table else shown

    @property
    def stem(self) -> Path:
        """Path without an ending, to name results after."""
        if self.kind == "postgresql":
            path = Path(
                unquote(urlsplit(self.address).path).strip("/").replace("/", "-") or "table"
            )
        else:
            path = Path(self.address or "duckdb")
        stem = path.stem or path.name
        return path.with_name(f"{stem}-{self.table}" if self.table else stem)


def find_database(source: str) -> Place | None:
    """Tell whether an input is a database: a URL, or an SQLite or DuckDB file; and which table.

    Parameters
    ----------
    source
        ``sqlite:///path``, ``duckdb:///path``, ``postgresql://…`` or the path of a file, with or
        without ``::table`` at its end. As in SQLAlchemy, a path after three slashes is relative,
        after four it is absolute.

    Returns
    -------
    Place or None
        ``None`` for everything else.

    Raises
    ------
    InputError
        If it is the URL of something that cannot be read.
    """
    named = _TABLE.match(source)
    url = _URL.match(source)
    if url is None:
        whole = _file_kind(source)
        if whole is not None:
            return Place(whole, source, None)
        kind = _file_kind(named["database"]) if named else None
        return Place(kind, named["database"], named["table"]) if named and kind else None
    table = named["table"] if named else None
    address = named["database"] if named else source
    scheme = {"postgres": "postgresql"}.get(url["scheme"].lower(), url["scheme"].lower())
    rest = address[url.end() :]
    if scheme == "postgresql":
        return Place(scheme, f"{scheme}://{rest}", table)
    if scheme not in ("sqlite", "duckdb"):
        raise InputError(
            f"cannot read {url['scheme']}://: give a file or an sqlite, duckdb or postgresql URL"
        )
    path = rest.split("?")[0].removeprefix("/")
    if path == ":memory:" or (scheme == "duckdb" and not path):
        path = ""
    if scheme == "sqlite" and not path:
        raise InputError(f"{source} names no file: write sqlite:///path")
    return Place(scheme, path, table)


def read_database(place: Place, query: str | None) -> Table:
    """Read a table, or what a query gives.

    Parameters
    ----------
    place
        Where it is. Without a table and a query, the database must hold one table only.
    query
        One SELECT statement.

    Returns
    -------
    Table
        Values keep their types where a column has one type; a column of several, and numbers of
        more digits than a float holds, become text.

    Raises
    ------
    InputError
        If the database is missing, locked or unreadable, there is no such table, the query is wrong
        or no SELECT, or gives no rows.
    OptionError
        If a table and a query are both given.
    """
    if query is not None and place.table is not None:
        raise OptionError(f"{place.name} names a table beside a query: give one of them")
    with _READERS[place.kind](place) as reader:
        frame = reader.read(query if query is not None else _select(place, reader.tables()))
    if frame.is_empty():
        raise InputError(
            f"{place.name}: {'the query gives' if query else 'the table has'} no rows: "
            "there is nothing to compare"
        )
    return Table(flat(frame), replace(CSV, format="database"), frame_fingerprint(frame), place.name)


def write_sqlite(tables: Mapping[str, pl.DataFrame], path: Path) -> None:
    """Write frames as tables of a new SQLite file; nested values and dates become text.

    Raises
    ------
    OutputError
        If SQLite cannot hold them.
    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("BEGIN")
            for name, frame in tables.items():
                _check_columns(frame, "SQLite")
                columns = [_sqlite_column(series) for series in frame]
                heads = ", ".join(f"{_quoted(s.name)} {kind}" for s, kind in columns)
                connection.execute(f"CREATE TABLE {_quoted(name)} ({heads})")
                marks = ", ".join("?" * frame.width)
                connection.executemany(
                    f"INSERT INTO {_quoted(name)} VALUES ({marks})",
                    pl.DataFrame([series for series, _ in columns]).iter_rows(),
                )
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise OutputError(f"cannot write as SQLite: {first_line(error)}") from error


def write_duckdb(tables: Mapping[str, pl.DataFrame], path: Path) -> None:
    """Write frames as tables of a new DuckDB file.

    Raises
    ------
    OutputError
        If duckdb is not installed, or cannot hold them.
    """
    duckdb = _package("duckdb", "DuckDB", OutputError)
    path.unlink(missing_ok=True)  # an empty file is no database
    ahead = path.with_name(f"{path.name}.wal")
    try:
        with closing(duckdb.connect(str(path))) as connection:
            for name, frame in tables.items():
                _check_columns(frame, "DuckDB")
                connection.register("made", frame.to_arrow())
                connection.execute(f"CREATE TABLE {_quoted(name)} AS SELECT * FROM made")
                connection.unregister("made")
    except duckdb.Error as error:
        path.unlink(missing_ok=True)
        raise OutputError(f"cannot write as DuckDB: {first_line(error)}") from error
    finally:
        ahead.unlink(missing_ok=True)


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
def _sqlite(place: Place) -> Iterator[_Sqlite]:
    path = _existing(place)
    try:
        with closing(_open_sqlite(path)) as connection:
            connection.set_authorizer(
                lambda action, *_: sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY
            )
            yield _Sqlite(connection)
    except (sqlite3.Error, sqlite3.Warning) as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise _locked(place) from None
        if code == sqlite3.SQLITE_AUTH or "one statement" in str(error):
            raise InputError(f"{place.name}: {_ONLY_SELECT}") from None
        if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise InputError(f"{place.name} is no whole SQLite database: {error}") from None
        raise _wrong(place, error) from None


def _open_sqlite(path: Path) -> sqlite3.Connection:
    uri = path.absolute().as_uri()
    connection = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=WAIT)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        # Where the folder cannot be written to, readers of a file with a write-ahead log cannot
        # make the file that they share; without lines in the log, the file alone holds everything.
        ahead = path.with_name(f"{path.name}-wal")
        shared = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
        if not shared or (ahead.exists() and ahead.stat().st_size):
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
        if [one.type for one in statements] != [self.module.StatementType.SELECT]:
            raise InputError(f"{self.name}: {_ONLY_SELECT}")
        frame: pl.DataFrame = self.connection.sql(query).pl()
        return frame


@contextmanager
def _duckdb(place: Place) -> Iterator[_Duckdb]:
    duckdb = _package("duckdb", "a DuckDB database", InputError)
    config = {"autoinstall_known_extensions": "false"}  # nothing is fetched
    try:
        if place.address:
            path = str(_existing(place))
            connection = duckdb.connect(path, read_only=True, config=config)
        else:
            connection = duckdb.connect(config=config)
        with closing(connection):
            yield _Duckdb(connection, duckdb, place.name)
    except duckdb.Error as error:
        if "lock" in str(error) and isinstance(error, duckdb.IOException):
            raise _locked(place) from None
        raise _wrong(place, error) from None
    except (pl.exceptions.PolarsError, NotImplementedError, TypeError, ValueError) as error:
        raise InputError(
            f"{place.name}: a column has a type that cannot be read ({first_line(error)}): "
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
        # A cursor of the server can only be declared for one statement, and only for a SELECT.
        with self.connection.cursor(name="dedupe") as cursor:
            cursor.execute(query.strip().removesuffix(";"))
            return _fetched(cursor)


@contextmanager
def _postgres(place: Place) -> Iterator[_Postgres]:
    psycopg = _package("psycopg", "a PostgreSQL database", InputError)
    try:
        with closing(psycopg.connect(place.address, connect_timeout=10)) as connection:
            connection.read_only = True
            yield _Postgres(connection)
    except psycopg.errors.InsufficientPrivilege as error:
        raise _wrong(place, error) from None
    except (psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.SyntaxError) as error:
        reason = first_line(error)
        raise InputError(f"{place.name}: {reason} ({_ONLY_SELECT})") from None
    except psycopg.Error as error:
        raise _wrong(place, error) from None


_Reader: TypeAlias = _Sqlite | _Duckdb | _Postgres


_READERS: dict[str, Callable[[Place], AbstractContextManager[_Reader]]] = {
    "sqlite": _sqlite,
    "duckdb": _duckdb,
    "postgresql": _postgres,
}


def _select(place: Place, tables: Sequence[tuple[str, str]]) -> str:
    """Return the query for the table that is named, or for the only one."""
    full = [f"{schema}.{name}" for schema, name in tables]
    if place.table is None:
        found = list(range(len(tables)))
    else:
        found = [i for i, (_, name) in enumerate(tables) if place.table in (name, full[i])]
    if len(found) == 1:
        return "SELECT * FROM " + ".".join(_quoted(part) for part in tables[found[0]])
    names = [name for _, name in tables]
    listed = ", ".join((names if len(set(names)) == len(names) else full)[:12])
    if not tables:
        raise InputError(f"{place.name} holds no tables")
    if place.table is None:
        raise InputError(
            f"{place.name} holds several tables ({listed}): name one as {place.name}::TABLE, or "
            "give --query"
        )
    if found:
        raise InputError(f"{place.name} is in several schemas: write ::SCHEMA.{place.table}")
    database = replace(place, table=None).name
    raise InputError(f"there is no table {place.table!r} in {database}; it holds {listed}")


def _fetched(cursor: Any) -> pl.DataFrame:
    """Return what a cursor gives, a chunk at a time: rows as Python values are large."""
    if cursor.description is None:
        raise InputError(_ONLY_SELECT)
    names = [str(column[0]) for column in cursor.description]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"the query gives two columns named {name!r}: rename one with AS")
    chunks = []
    while rows := cursor.fetchmany(_CHUNK):
        values = zip(*rows, strict=True)
        chunks.append(
            pl.DataFrame([_series(n, list(v)) for n, v in zip(names, values, strict=True)])
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
    """Return values of one plain type as they are, all others as text."""
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) <= 1 and kinds <= set(_PLAIN):
        try:
            return pl.Series(name, values)
        except (pl.exceptions.PolarsError, OverflowError, TypeError, ValueError):
            pass  # beyond what the type holds
    return pl.Series(name, [_text(value) for value in values], dtype=pl.String)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes | memoryview):
        data = bytes(value)
        try:
            return data.decode()
        except UnicodeDecodeError:
            return data.hex()
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _sqlite_column(series: pl.Series) -> tuple[pl.Series, str]:
    dtype = series.dtype
    if dtype == pl.Boolean:
        return series.cast(pl.Int8), "INTEGER"
    if dtype.is_integer() and dtype not in (pl.UInt64, pl.Int128, pl.UInt128):
        return series, "INTEGER"
    if dtype.is_float():
        return series, "REAL"
    return as_text(series), "TEXT"


def _check_columns(frame: pl.DataFrame, kind: str) -> None:
    seen: dict[str, str] = {}
    for name in frame.columns:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise OutputError(
                f"{kind} cannot hold columns {other!r} and {name!r}, which differ in case only: "
                "write csv or parquet, or rename one"
            )


def _quoted(name: str) -> str:
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


def _existing(place: Place) -> Path:
    path = Path(place.address)
    if path.is_file():
        return path
    hint = ""
    if not path.is_absolute() and Path(f"/{path}").is_file():
        hint = f"; for /{path} write four slashes: {place.kind}:////{path}"
    raise InputError(f"there is no database {path}{hint}")


def _package(name: str, what: str, kind: type[DedupeError]) -> ModuleType:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError:
        raise kind(f"{what} needs the package {name}: {EXTRA}") from None


def _locked(place: Place) -> InputError:
    return InputError(
        f"{place.name} is locked by another process: wait for it or end it, and try again"
    )


def _wrong(place: Place, error: Exception) -> InputError:
    return InputError(f"{place.name} cannot be read: {first_line(error)}")
