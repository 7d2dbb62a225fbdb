"""Writing SQLite and DuckDB: all result tables of a run in one database file."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import polars as pl

from dedupe.errors import OutputError, needs_extra
from dedupe.io.dialect import first_line
from dedupe.io.formats.csv_output import cell_text
from dedupe.io.formats.database import quoted


def write_sqlite(tables: Mapping[str, pl.DataFrame], path: Path) -> None:
    """Write frames as tables of a new SQLite file; nested values and dates become text.

    Parameters
    ----------
    tables
        Frame of each table, by its name.
    path
        An empty file, or none.

    Raises
    ------
    OutputError
        If SQLite cannot hold the values or the names of the columns.
    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("BEGIN")
            for name, frame in tables.items():
                _check_columns(frame, "SQLite")
                columns = [_sqlite_column(series) for series in frame]
                heads = ", ".join(f"{quoted(s.name)} {kind}" for s, kind in columns)
                connection.execute(f"CREATE TABLE {quoted(name)} ({heads})")
                marks = ", ".join("?" * frame.width)
                connection.executemany(
                    f"INSERT INTO {quoted(name)} VALUES ({marks})",
                    pl.DataFrame([series for series, _ in columns]).iter_rows(),
                )
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise OutputError(f"cannot write as SQLite: {first_line(error)}") from error


def write_duckdb(tables: Mapping[str, pl.DataFrame], path: Path) -> None:
    """Write frames as tables of a new DuckDB file.

    Parameters
    ----------
    tables
        Frame of each table, by its name.
    path
        An empty file, or none.

    Raises
    ------
    OutputError
        If duckdb is not installed, or cannot hold the values or the names of the columns.
    """
    with needs_extra("databases", "DuckDB", OutputError):
        import duckdb

    path.unlink(missing_ok=True)  # DuckDB refuses an empty file
    log = path.with_name(f"{path.name}.wal")
    try:
        with closing(duckdb.connect(str(path))) as connection:
            for name, frame in tables.items():
                _check_columns(frame, "DuckDB")
                connection.register("frame_to_write", _duckdb_frame(frame).to_arrow())
                connection.execute(f"CREATE TABLE {quoted(name)} AS SELECT * FROM frame_to_write")
                connection.unregister("frame_to_write")
    except duckdb.Error as error:
        path.unlink(missing_ok=True)
        raise OutputError(f"cannot write as DuckDB: {first_line(error)}") from error
    finally:
        log.unlink(missing_ok=True)


def _sqlite_column(series: pl.Series) -> tuple[pl.Series, str]:
    """Convert a column to values that SQLite holds, and name their type."""
    dtype = series.dtype
    if dtype == pl.Boolean:
        return series.cast(pl.Int8), "INTEGER"
    if dtype.is_integer() and dtype not in (pl.UInt64, pl.Int128, pl.UInt128):
        return series, "INTEGER"
    if dtype.is_float():
        return series, "REAL"
    return cell_text(series), "TEXT"


_NOT_IN_DUCKDB = (pl.Duration, pl.Float16, pl.Int128, pl.UInt128)


def _duckdb_frame(frame: pl.DataFrame) -> pl.DataFrame:
    """Convert columns of types that DuckDB does not take, or does not give back, to text."""
    return frame.with_columns(
        cell_text(series)
        for series in frame
        if series.dtype in _NOT_IN_DUCKDB or series.dtype.is_nested()
    )


def _check_columns(frame: pl.DataFrame, kind: str) -> None:
    """Refuse column names that are the same for a database."""
    seen: dict[str, str] = {}
    for name in frame.columns:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise OutputError(
                f"{kind} cannot hold columns {other!r} and {name!r}, which differ in case only: "
                "write csv or parquet, or rename one"
            )
