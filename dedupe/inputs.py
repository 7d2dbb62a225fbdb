"""What a run is given: files, a stream or a table in memory, hashed before it is parsed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from dedupe.alignment import Linked, align, stack_names
from dedupe.config import Config
from dedupe.errors import InputError, OptionError
from dedupe.linkage import different_names
from dedupe.tables import CSV, Table, fingerprint, read_table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Source: TypeAlias = "str | Path | Sequence[str | Path] | pl.DataFrame | pd.DataFrame | pa.Table"
"""A file, several files to be stacked, ``"-"`` for stdin, or a table in memory."""

STACKED = "source"
"""Column that names the file of a row, where several are stacked."""

_STDIN = "-"


@dataclass(frozen=True, eq=False)
class Given:
    """An input that was named and hashed, but not parsed unless it had to be.

    Parameters
    ----------
    paths
        Paths of the files, ``("-",)`` for stdin, empty for a table in memory.
    fingerprint
        Hash of the content.
    parsed
        The table, where hashing it meant reading it.
    tables
        Several tables in memory, to be linked.
    """

    paths: tuple[str, ...]
    fingerprint: str
    parsed: Table | None = None
    tables: tuple[Table, ...] = ()

    @property
    def names(self) -> list[str]:
        """Names of the inputs, for people."""
        return ["stdin" if path == _STDIN else Path(path).name for path in self.paths] or ["table"]

    @property
    def stem(self) -> Path | None:
        """Path of the first file without its ending; ``None`` for a table in memory."""
        if not self.paths:
            return None
        if self.paths[0] == _STDIN:
            return Path("stdin")
        first = Path(self.paths[0])
        return first.with_name(first.stem or first.name)

    def table(self, config: Config) -> Table:
        """Parse the input; several files are stacked, with a column for the name of each.

        Raises
        ------
        InputError
            If a file cannot be read as a table.
        """
        if self.parsed is not None:
            return self.parsed
        tables = [
            read_table(path, encoding=config.encoding, delimiter=config.delimiter)
            for path in self.paths
        ]
        return tables[0] if len(tables) == 1 else _stacked(tables)

    def linked(self, config: Config) -> tuple[Table, Linked]:
        """Parse tables to be linked: a stack under the columns of the first, and how they align.

        The column :data:`STACKED` comes first and names the table of each row.

        Raises
        ------
        InputError
            If a file cannot be read as a table.
        OptionError
            If the map names a column that is not there, or `prefer` no table.
        """
        tables = list(self.tables) or [
            read_table(path, encoding=config.encoding, delimiter=config.delimiter)
            for path in self.paths
        ]
        names = different_names([Path(table.name).stem for table in tables])
        if config.prefer is not None and config.prefer not in names:
            raise OptionError(f"prefer: there is no table {config.prefer!r}: {', '.join(names)}")
        frames = [table.frame.drop(STACKED, strict=False) for table in tables]
        found = align(frames, config.map)
        renamed = [stack_names(f.columns, number, found) for number, f in enumerate(frames)]
        stacked = _stacked(
            [
                replace(table, frame=frame.rename(new), name=name)
                for table, frame, new, name in zip(tables, frames, renamed, names, strict=True)
            ]
        )
        columns = [c for c in stacked.frame.columns if c != STACKED]
        linked = Linked(tuple(names), tuple(renamed), found)
        return replace(stacked, frame=stacked.frame.select(STACKED, *columns)), linked


def given(source: Source, config: Config) -> Given:
    """Name and hash an input.

    Raises
    ------
    InputError
        If a file is missing or cannot be read, or the value is no table.
    """
    if isinstance(source, str | Path):
        source = [source]
    if not isinstance(source, list | tuple):
        frame = _as_polars(source)
        digest = hashlib.sha256(str(frame.schema).encode())
        digest.update(frame.hash_rows(seed=0).to_numpy().tobytes())
        return Given((), digest.hexdigest(), Table(frame, CSV, digest.hexdigest(), "table"))
    paths = tuple(str(path) for path in source)
    if not paths:
        raise InputError("no input is named")
    if _STDIN in paths:
        if len(paths) > 1:
            raise InputError("stdin (-) cannot be stacked with other inputs")
        table = read_table(_STDIN, encoding=config.encoding, delimiter=config.delimiter)
        return Given(paths, table.fingerprint, table)
    hashes = [fingerprint(path) for path in paths]
    return Given(
        paths,
        hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest(),
    )


def given_tables(sources: Sequence[Source], config: Config) -> Given:
    """Name and hash tables that are to be linked.

    Raises
    ------
    InputError
        If there are fewer than two, or files and tables in memory are mixed.
    """
    if len(sources) < 2:
        raise InputError("linking needs two tables or more")
    if len(sources) > 200:
        raise InputError("linking takes 200 tables at most")
    if all(isinstance(source, str | Path) for source in sources):
        if _STDIN in (str(source) for source in sources):
            raise InputError("stdin (-) cannot be linked: write it to a file first")
        return given([source for source in sources if isinstance(source, str | Path)], config)
    if any(isinstance(source, str | Path | list | tuple) for source in sources):
        raise InputError("link either files or tables in memory, not both")
    found = [given(source, config) for source in sources]
    tables = [
        replace(one.parsed, name=f"table{number}")
        for number, one in enumerate(found, start=1)
        if one.parsed is not None
    ]
    digest = hashlib.sha256("".join(one.fingerprint for one in found).encode()).hexdigest()
    return Given((), digest, tables=tuple(tables))


def _stacked(tables: Sequence[Table]) -> Table:
    names = [table.name for table in tables]
    for table in tables:
        if STACKED in table.frame.columns:
            break
    frames = [table.frame for table in tables]
    if not any(STACKED in frame.columns for frame in frames):
        frames = [
            frame.with_columns(pl.lit(name).alias(STACKED))
            for frame, name in zip(frames, names, strict=True)
        ]
    kinds: dict[str, set[pl.DataType]] = {}
    for frame in frames:
        for name, dtype in frame.schema.items():
            kinds.setdefault(name, set()).add(dtype)
    mixed = [name for name, dtypes in kinds.items() if len(dtypes) > 1]
    stacked = pl.concat(
        [
            frame.with_columns(
                pl.col(name).cast(pl.String) for name in mixed if name in frame.columns
            )
            for frame in frames
        ],
        how="diagonal",
    )
    text = [name for name, dtype in stacked.schema.items() if dtype == pl.String]
    return Table(
        stacked.with_columns(pl.col(text).fill_null("")),
        tables[0].dialect,
        "".join(table.fingerprint for table in tables),
        " + ".join(names),
    )


def _as_polars(table: Any) -> pl.DataFrame:
    if isinstance(table, pl.LazyFrame):
        return table.collect()
    if isinstance(table, pl.DataFrame):
        return table
    kind = type(table).__module__.split(".")[0]
    if kind == "pandas":
        return pl.from_pandas(table)
    if kind == "pyarrow":
        frame = pl.from_arrow(table)
        if isinstance(frame, pl.DataFrame):
            return frame
    raise InputError(
        f"cannot read a {type(table).__name__}: give a path or a polars, pandas or pyarrow table"
    )
