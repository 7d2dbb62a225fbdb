"""What a run is given: files, databases, a stream or a table in memory.

Files are hashed before they are parsed. A folder stands for the tables in it (not in folders in
it), sorted by name; a glob (``*``, ``?``, ``[…]``, ``**`` for folders at any depth) for the files
that match it, sorted by path. Names are compared as text, character by character. A file that is
named twice is read once, in its first place.
"""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from dedupe.config import Config
from dedupe.errors import InputError
from dedupe.io.compression import plain_path
from dedupe.io.database import find_database
from dedupe.io.dialect import CSV, Table, frame_fingerprint
from dedupe.io.schema_matching import Linked, align, stack_names
from dedupe.io.tables import fingerprint, is_table_file, read_table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


Frame: TypeAlias = "pl.DataFrame | pd.DataFrame | pa.Table"
"""A table in memory."""


Source: TypeAlias = "str | Path | Sequence[str | Path] | pl.DataFrame | pd.DataFrame | pa.Table"
"""A file, folder, glob or database, several of them to be stacked, ``"-"`` for stdin, or a table in
memory."""


STACKED = "source"
"""Column that names the file of a row, where several are stacked."""


_STDIN = "-"


_LONG_NAME = 120
"""Characters from which a workspace is no longer named after all of its tables."""


@dataclass(frozen=True, eq=False)
class Input:
    """An input that was named and hashed, but not parsed unless it had to be.

    Parameters
    ----------
    paths
        Paths of the files and addresses of databases, ``("-",)`` for stdin, empty for a table in
        memory.
    fingerprint
        Hash of the content.
    parsed
        The table, where hashing it meant reading it.
    tables
        Several tables in memory, to be linked.
    first
        What was named first: a path of `paths`, or the folder that it is in.
    """

    paths: tuple[str, ...]
    fingerprint: str
    parsed: Table | None = None
    tables: tuple[Table, ...] = ()
    first: str | None = None

    @property
    def names(self) -> list[str]:
        """Names of the inputs, for people; of databases without passwords."""
        return _names(self.paths) or ["table"]

    @property
    def stem(self) -> Path | None:
        """Path of what was named first, without its ending; ``None`` for a table in memory."""
        if not self.paths:
            return None
        if self.paths[0] == _STDIN:
            return Path("stdin")
        return _stem(self.first or self.paths[0])

    @property
    def linked_stem(self) -> Path | None:
        """The same for tables to be linked: beside the first, named after all of them."""
        if not self.paths:
            return None
        stems = [_stem(path) for path in self.paths]
        name = "-".join(stem.name for stem in stems)
        if len(name) > _LONG_NAME:
            name = f"{stems[0].name}-and-{len(stems) - 1}-more"
        return stems[0].with_name(name)

    def table(self, config: Config) -> Table:
        """Parse the input; several files are stacked, with a column for the name of each.

        Raises
        ------
        InputError
            If a file cannot be read as a table.
        """
        if self.parsed is not None:
            return self.parsed
        return _read(self.paths, config)

    def linked(self, config: Config) -> tuple[Table, Linked]:
        """Parse tables to be linked: a stack under the columns of the first, and how they align.

        The column :data:`STACKED` comes first and names the table of each row; see
        :func:`~dedupe.io.schema_matching.stack_names` for a column that has this name already.

        Raises
        ------
        InputError
            If a file cannot be read as a table, or there is only one.
        OptionError
            If the map names a column that is not there.
        """
        tables = list(self.tables) or _read_each(self.paths, config)
        if len(tables) < 2:
            raise InputError(f"linking needs two tables or more; {self.names[0]} is one")
        names = different_names(
            [_stem(path).name for path in self.paths] or [table.name for table in tables]
        )
        frames = [table.frame for table in tables]
        found = align(frames, config.map)
        renamed = stack_names([frame.columns for frame in frames], found, STACKED)
        stacked = _stacked(
            [
                replace(table, frame=frame.rename(new), name=name)
                for table, frame, new, name in zip(tables, frames, renamed, names, strict=True)
            ],
            names,
        )
        columns = [c for c in stacked.frame.columns if c != STACKED]
        linked = Linked(tuple(names), renamed, found)
        return replace(stacked, frame=stacked.frame.select(STACKED, *columns)), linked


def open_input(source: Source, config: Config) -> Input:
    """Name and hash an input.

    Raises
    ------
    InputError
        If a file is missing or cannot be read, or the value is no table.
    """
    if isinstance(source, str | Path):
        source = [source]
    if not isinstance(source, list | tuple):
        frame = as_polars(source)
        digest = frame_fingerprint(frame)
        return Input((), digest, Table(frame, CSV, digest, "table"))
    named = [str(path) for path in source]
    if not named:
        raise InputError("no input is named")
    if _STDIN in named:
        if len(named) > 1:
            raise InputError("stdin (-) cannot be stacked with other inputs")
        table = _read((_STDIN,), config)
        return Input((_STDIN,), table.fingerprint, table)
    paths = _expanded(named)
    first = named[0] if Path(named[0]).is_dir() else paths[0]
    if config.query is not None and len(paths) > 1:
        raise InputError("a query is asked of one database: name no other input beside it")
    if config.query is not None or any(find_database(path) for path in paths):
        table = _read(paths, config)
        digest = hashlib.sha256(table.fingerprint.encode()).hexdigest()
        return Input(paths, digest, table, first=first)
    hashes = [fingerprint(path) for path in paths]
    return Input(
        paths,
        hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest(),
        first=first,
    )


def open_inputs(sources: Sequence[Source], config: Config) -> Input:
    """Name and hash tables that are to be linked.

    Raises
    ------
    InputError
        If files and tables in memory are mixed.
    """
    if len(sources) > 200:
        raise InputError("linking takes 200 tables at most")
    if all(isinstance(source, str | Path) for source in sources):
        if _STDIN in (str(source) for source in sources):
            raise InputError("stdin (-) cannot be linked: write it to a file first")
        return open_input([source for source in sources if isinstance(source, str | Path)], config)
    if any(isinstance(source, str | Path | list | tuple) for source in sources):
        raise InputError("link either files or tables in memory, not both")
    found = [open_input(source, config) for source in sources]
    tables = [
        replace(one.parsed, name=f"table{number}")
        for number, one in enumerate(found, start=1)
        if one.parsed is not None
    ]
    digest = hashlib.sha256("".join(one.fingerprint for one in found).encode()).hexdigest()
    return Input((), digest, tables=tuple(tables))


def _expanded(named: Sequence[str]) -> tuple[str, ...]:
    """Return the files that folders and globs stand for, each once."""
    found: dict[object, str] = {}
    for name in named:
        for path in [name] if find_database(name) else _files(name):
            found.setdefault(Path(path).resolve() if Path(path).exists() else path, path)
    return tuple(found.values())


def _files(name: str) -> list[str]:
    path = Path(name)
    if path.is_dir():
        try:
            files = sorted(one.name for one in path.iterdir() if one.is_file())
        except OSError as error:
            raise InputError(f"cannot read the folder {path}: {error.strerror}") from None
        tables = [str(path / one) for one in files if is_table_file(Path(one))]
        if not tables:
            raise InputError(f"{path} is a folder without tables: name a file or another folder")
        return tables
    if path.exists() or not glob.has_magic(name):
        return [name]
    matches = sorted(one for one in glob.glob(name, recursive=True) if Path(one).is_file())  # noqa: PTH207
    if not matches:
        raise InputError(f"no file matches {name}")
    return matches


def _stem(named: str) -> Path:
    """Return the path of a file, folder or database without its ending."""
    if (place := find_database(named)) is not None:
        return place.stem
    path = Path(named)
    if path.is_dir():
        return path if path.name not in ("", "..") else path.resolve()
    path = plain_path(path)
    return path.with_name(path.stem or path.name)


def _names(paths: Sequence[str]) -> list[str]:
    """Return a name for each input: that of the file, or its path where two have one name."""
    places = [find_database(path) for path in paths]
    names = [
        place.name if place else "stdin" if path == _STDIN else Path(path).name
        for path, place in zip(paths, places, strict=True)
    ]
    files = [
        Path(place.address if place else path).resolve()
        for path, place in zip(paths, places, strict=True)
    ]
    if len(set(names)) == len(names) or not all(file.exists() for file in files):
        return different_names(names)
    top = os.path.commonpath([file.parent for file in files])
    return [
        file.relative_to(top).with_name(name).as_posix()
        for file, name in zip(files, names, strict=True)
    ]


def _read_each(paths: Sequence[str], config: Config) -> list[Table]:
    return [
        read_table(path, encoding=config.encoding, delimiter=config.delimiter, query=config.query)
        for path in paths
    ]


def _read(paths: Sequence[str], config: Config) -> Table:
    tables = _read_each(paths, config)
    return tables[0] if len(tables) == 1 else _stacked(tables, _names(paths))


def _stacked(tables: Sequence[Table], names: Sequence[str]) -> Table:
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


def as_polars(table: Any) -> pl.DataFrame:
    """Return a polars, pandas or pyarrow table as a polars frame.

    Raises
    ------
    InputError
        If it is something else.
    """
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


def different_names(names: Sequence[str]) -> list[str]:
    """Return names that differ: a second ``a`` becomes ``a-2``."""
    out: list[str] = []
    for name in names:
        number, unique = 1, name
        while unique in out:
            number += 1
            unique = f"{name}-{number}"
        out.append(unique)
    return out
