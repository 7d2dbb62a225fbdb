"""Inputs of a run: files, folders, globs, databases, stdin and tables in memory.

Files are hashed before they are parsed. A folder stands for the tables directly in it, sorted by
name. A glob (``*``, ``?``, ``[…]``, ``**`` for folders at any depth) stands for the files that
match it, sorted by path. Names are sorted character by character. A file that is named twice is
read once, at its first place.
"""

from __future__ import annotations

import glob
import hashlib
import os
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from dedupe.config import Config
from dedupe.errors import InputError
from dedupe.io.dialect import CSV, Table, frame_fingerprint
from dedupe.io.formats.compression import uncompressed_path
from dedupe.io.formats.database import find_database
from dedupe.io.formats.excel import split_sheet
from dedupe.io.schema_matching import Linked, align, stack_names
from dedupe.io.tables import check_text, fingerprint, is_table_file, read_table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


Frame: TypeAlias = "pl.DataFrame | pd.DataFrame | pa.Table"
"""A table in memory."""
Source: TypeAlias = "str | Path | Sequence[str | Path] | pl.DataFrame | pd.DataFrame | pa.Table"
"""A file, folder, glob or database, several of them to be stacked, ``"-"`` for stdin, or a table in
memory."""
SOURCE_COLUMN = "source"
"""Column with the name of the file of each row, if several files are stacked."""

_STDIN = "-"

_MAX_LINKED = 200
"""Most tables that can be linked: their numbers have eight bits."""

_LONG_NAME = 120
"""Longest name of a file that is made of the names of tables, in characters."""

_LISTED = 5
"""Columns that a note names."""


@dataclass(frozen=True, eq=False)
class Input:
    """An input whose content is hashed, and parsed only if that was needed to hash it.

    Parameters
    ----------
    paths
        Paths of files and addresses of databases, ``("-",)`` for stdin, empty for a table in
        memory.
    fingerprint
        Hash of the content.
    parsed
        The table, if it was read to be hashed.
    tables
        The single tables, if they are in memory.
    first
        The first name: a path of `paths`, or the folder that it is in.
    file_fingerprints
        SHA-256 of each file of `paths`, if they were not parsed.
    """

    paths: tuple[str, ...]
    fingerprint: str
    parsed: Table | None = None
    tables: tuple[Table, ...] = ()
    first: str | None = None
    file_fingerprints: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """Names of the inputs in messages; those of databases have no password."""
        return input_names(self.paths) or ["table"]

    @property
    def stem(self) -> Path | None:
        """Path of the first input without its ending; ``None`` for a table in memory."""
        if not self.paths:
            return None
        if self.paths[0] == _STDIN:
            return Path("stdin")
        return stem_of(self.first or self.paths[0])

    @property
    def linked_stem(self) -> Path | None:
        """Path beside the first of the tables to be linked, named after all of them."""
        if not self.paths:
            return None
        stems = [stem_of(path) for path in self.paths]
        name = "-".join(stem.name for stem in stems)
        if len(name) > _LONG_NAME:
            name = f"{stems[0].name}-and-{len(stems) - 1}-more"
        return stems[0].with_name(name)

    def table(self, config: Config) -> Table:
        """Parse the input; several files are stacked, with a column for the name of each.

        Raises
        ------
        InputError
            If a file cannot be read as a table, or changed since it was hashed.
        """
        if self.parsed is not None:
            return self.parsed
        return _one_table(self._read_each(config), self.paths)

    def linked(self, config: Config) -> tuple[Table, Linked]:
        """Parse tables to be linked, and stack them under the columns of the first.

        The column :data:`SOURCE_COLUMN` comes first and names the table of each row; see
        :func:`~dedupe.io.schema_matching.stack_names` for a column that has this name already.

        Raises
        ------
        InputError
            If there is only one table, or a file cannot be read as a table or changed since it was
            hashed.
        OptionError
            If the map names a column that does not exist.
        """
        tables = list(self.tables) or self._read_each(config)
        if len(tables) < 2:
            raise InputError(f"linking needs two tables or more; {self.names[0]} is one")
        names = unique_names(
            [
                _file_name(name)
                for name in [stem_of(path).name for path in self.paths] or [t.name for t in tables]
            ]
        )
        frames = [table.frame for table in tables]
        alignments = align(frames, config.map)
        renamed = stack_names([frame.columns for frame in frames], alignments, SOURCE_COLUMN)
        stacked = _stacked(
            [
                replace(table, frame=frame.rename(new), name=name)
                for table, frame, new, name in zip(tables, frames, renamed, names, strict=True)
            ],
            names,
        )
        columns = [c for c in stacked.frame.columns if c != SOURCE_COLUMN]
        linked = Linked(tuple(names), renamed, alignments)
        return replace(stacked, frame=stacked.frame.select(SOURCE_COLUMN, *columns)), linked

    def _read_each(self, config: Config) -> list[Table]:
        """Read the tables, and check that no file changed since it was hashed."""
        tables = _read_each(self.paths, config)
        for table, expected in zip(tables, self.file_fingerprints, strict=False):
            if table.fingerprint != expected:
                raise InputError(f"{table.name} changed while it was read: run again")
        return tables


def open_input(source: Source, config: Config) -> Input:
    """Find the files of an input and hash their content.

    Raises
    ------
    InputError
        If a file is missing or cannot be read, or the value is not a table.
    """
    if isinstance(source, str | Path):
        source = [source]
    if not isinstance(source, list | tuple):
        frame = to_polars(source)
        check_text(frame, "the table")
        digest = frame_fingerprint(frame)
        return Input((), digest, Table(frame, CSV, digest, "table"))
    named = [str(path) for path in source]
    if not named:
        raise InputError("no input is named")
    if _STDIN in named:
        if len(named) > 1:
            raise InputError("stdin (-) cannot be stacked with other inputs")
        (table,) = _read_each((_STDIN,), config)
        return Input((_STDIN,), table.fingerprint, table)
    paths = expanded_paths(named)
    first = named[0] if Path(named[0]).is_dir() else paths[0]
    if config.query is not None and len(paths) > 1:
        raise InputError("a query reads one database: name no other input beside it")
    if config.query is not None or any(find_database(path) for path in paths):
        tables = _read_each(paths, config)
        digest = _combined([table.fingerprint for table in tables])
        return Input(paths, digest, _one_table(tables, paths), tuple(tables), first)
    digests = tuple(fingerprint(path) for path in paths)
    return Input(paths, _combined(digests), first=first, file_fingerprints=digests)


def open_inputs(sources: Sequence[Source], config: Config) -> Input:
    """Find tables to be linked and hash their content.

    Raises
    ------
    InputError
        If files and tables in memory are mixed, or there are more than 200 tables.
    """
    if len(sources) > _MAX_LINKED:
        raise InputError(f"linking takes {_MAX_LINKED} tables at most")
    if all(isinstance(source, str | Path) for source in sources):
        if _STDIN in (str(source) for source in sources):
            raise InputError("stdin (-) cannot be linked: write it to a file first")
        return open_input([source for source in sources if isinstance(source, str | Path)], config)
    if any(isinstance(source, str | Path | list | tuple) for source in sources):
        raise InputError("link either files or tables in memory, not both")
    inputs = [open_input(source, config) for source in sources]
    tables = [
        replace(table.parsed, name=f"table{number}")
        for number, table in enumerate(inputs, start=1)
        if table.parsed is not None
    ]
    return Input((), _hash_all([table.fingerprint for table in inputs]), tables=tuple(tables))


def to_polars(table: Any) -> pl.DataFrame:
    """Convert a polars, pandas or pyarrow table to a polars frame.

    Raises
    ------
    InputError
        If it is something else.
    """
    if isinstance(table, pl.LazyFrame):
        return table.collect()
    if isinstance(table, pl.DataFrame):
        return table
    library = type(table).__module__.split(".")[0]
    if library == "pandas":
        return pl.from_pandas(table)
    if library == "pyarrow":
        frame = pl.from_arrow(table)
        if isinstance(frame, pl.DataFrame):
            return frame
    raise InputError(
        f"cannot read a {type(table).__name__}: give a path or a polars, pandas or pyarrow table"
    )


def unique_names(names: Sequence[str]) -> list[str]:
    """Make names unique: a second ``a`` becomes ``a-2``, and so does ``A`` after ``a``.

    Some file systems take names that differ in case or in Unicode form for the same.
    """
    unique: list[str] = []
    taken: set[str] = set()
    for name in names:
        number, candidate = 1, name
        while _folded(candidate) in taken:
            number += 1
            candidate = f"{name}-{number}"
        taken.add(_folded(candidate))
        unique.append(candidate)
    return unique


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _file_name(name: str) -> str:
    """Make a name fit to be part of the name of a file, on every system."""
    kept = "".join("_" if c in '/\\:*?"<>|' or not c.isprintable() else c for c in name)
    return kept[:_LONG_NAME].strip(". ") or "table"


def _combined(fingerprints: Sequence[str]) -> str:
    """Return the fingerprint of one table, or one for all of several."""
    return fingerprints[0] if len(fingerprints) == 1 else _hash_all(fingerprints)


def _hash_all(fingerprints: Sequence[str]) -> str:
    return hashlib.sha256("".join(fingerprints).encode()).hexdigest()


def expanded_paths(named: Sequence[str]) -> tuple[str, ...]:
    """List the files that folders and globs stand for, each once."""
    files: dict[object, str] = {}
    for name in named:
        for path in [name] if find_database(name) else _files(name):
            file, sheet = split_sheet(path)
            there = Path(file).exists()
            files.setdefault((Path(file).resolve(), sheet) if there else path, path)
    return tuple(files.values())


def _files(name: str) -> list[str]:
    path = Path(name)
    if path.is_dir():
        try:
            files = sorted(file.name for file in path.iterdir() if file.is_file())
        except OSError as error:
            raise InputError(f"cannot read the folder {path}: {error.strerror}") from None
        tables = [str(path / file) for file in files if is_table_file(Path(file))]
        if not tables:
            raise InputError(f"{path} is a folder without tables: name a file or another folder")
        return tables
    if path.exists() or split_sheet(name)[1] is not None or not glob.has_magic(name):
        return [name]
    # Path.glob would change how a path is written.
    matches = sorted(file for file in glob.glob(name, recursive=True) if Path(file).is_file())  # noqa: PTH207
    if not matches:
        raise InputError(f"no file matches {name}")
    return matches


def stem_of(named: str) -> Path:
    """Remove the ending of the path of a file, folder or database."""
    if (database := find_database(named)) is not None:
        return database.stem
    path = Path(named)
    if path.is_dir():
        return path if path.name not in ("", "..") else path.resolve()
    file, sheet = split_sheet(named)
    path = uncompressed_path(Path(file))
    stem = path.stem if path.stem.strip(".") else path.name
    return path.with_name(stem if sheet is None else f"{stem}-{_file_name(sheet)}")


def input_names(paths: Sequence[str]) -> list[str]:
    """Name each input by its file, or by its path if two files have the same name."""
    databases = [find_database(path) for path in paths]
    names = [
        database.name if database else "stdin" if path == _STDIN else Path(path).name
        for path, database in zip(paths, databases, strict=True)
    ]
    files = [
        Path(database.address if database else split_sheet(path)[0]).resolve()
        for path, database in zip(paths, databases, strict=True)
    ]
    if len(set(names)) == len(names) or not all(file.exists() for file in files):
        return unique_names(names)
    top = os.path.commonpath([file.parent for file in files])
    return [
        file.relative_to(top).with_name(name).as_posix()
        for file, name in zip(files, names, strict=True)
    ]


def _read_each(paths: Sequence[str], config: Config) -> list[Table]:
    return [read_table(path, config=config) for path in paths]


def _one_table(tables: Sequence[Table], paths: Sequence[str]) -> Table:
    """Return the only table, or a stack of several."""
    if len(tables) == 1:
        return tables[0]
    stacked = _stacked(tables, input_names(paths))
    return replace(stacked, notes=stacked.notes + _different_columns(tables))


def _different_columns(tables: Sequence[Table]) -> tuple[str, ...]:
    """Say which columns are not in all of the tables that are stacked."""
    counts = Counter(name for table in tables for name in table.frame.columns)
    partial = [name for name, count in counts.items() if count < len(tables)]
    if not partial:
        return ()
    more = f" and {len(partial) - _LISTED} more" if len(partial) > _LISTED else ""
    named = ", ".join(f"{name!r} (in {counts[name]})" for name in partial[:_LISTED])
    return (
        f"the {len(tables)} stacked tables have different columns: {named}{more} are not in all "
        "of them; to match the records of different tables, use dedupe link",
    )


def _stacked(tables: Sequence[Table], names: Sequence[str]) -> Table:
    frames = [table.frame for table in tables]
    if not any(SOURCE_COLUMN in frame.columns for frame in frames):
        frames = [
            frame.with_columns(pl.lit(name).alias(SOURCE_COLUMN))
            for frame, name in zip(frames, names, strict=True)
        ]
    dtypes: dict[str, set[pl.DataType]] = {}
    for frame in frames:
        for name, dtype in frame.schema.items():
            dtypes.setdefault(name, set()).add(dtype)
    mixed = [name for name, found in dtypes.items() if len(found) > 1]
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
        tuple(note for table in tables for note in table.notes),
    )
