"""Read the files of a distributed run into partitions, and make their records.

A Parquet file is read piece by piece, so that its size does not matter. Other files are read whole,
by one task each, with the readers of a local run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from dedupe.column_roles import check_columns, column_roles
from dedupe.config import Config
from dedupe.engine.plan import Plan, part
from dedupe.engine.store import ADDRESS, file_system
from dedupe.engine.workers import Facts, Workers, naming_record
from dedupe.errors import InputError
from dedupe.io.formats.columnar import nested_to_json
from dedupe.io.sources import SOURCE_COLUMN, expanded_paths, input_names
from dedupe.io.tables import is_table_file, read_table
from dedupe.records.records import field_labels, frame_texts, ignored_values, without_ignored_values
from dedupe.records.value_text import as_texts
from dedupe.scoring.comparison.values.fields import fields_of
from dedupe.scoring.comparison.values.placeholders import is_no_value
from dedupe.scoring.comparison.values.text_steps import series

MOST_BYTES = 600_000_000
"""Size of a file, other than Parquet, up to which a task reads it whole."""
BYTES_PER_ROW = 100
"""Size of a row of text, for an estimate of how many a file has."""
SAMPLED_PARTITIONS = 64
"""Partitions whose first rows tell which columns are compared; of the first, all rows count."""
SAMPLED_ROWS = 4_000
"""Rows of each of these partitions."""
SKETCH = 1_024
"""Smallest hashes of the values of a field that are kept, to estimate how many are distinct."""
_PARQUET = (".parquet", ".pq")


@dataclass(frozen=True)
class File:
    """One file of the input.

    Parameters
    ----------
    number
        Its place in the input.
    path
        Path or address.
    stamp
        Size and time of its last change.
    """

    number: int
    path: str
    stamp: str


def find_files(inputs: str | Sequence[str]) -> list[File]:
    """List the files of an input: paths, folders, globs and addresses, sorted by name.

    Raises
    ------
    InputError
        If there is none, one cannot be read, or one is too large to be read whole.
    """
    named = [inputs] if isinstance(inputs, str) else list(inputs)
    files: list[File] = []
    for name in named:
        found = _at_address(name) if ADDRESS in name else _at_path(name)
        files += [replace(file, number=len(files) + at) for at, file in enumerate(found)]
    return files


def _at_path(name: str) -> Iterator[File]:
    if name == "-":
        raise InputError("the engine ray cannot read stdin (-): write it to a file first")
    for path in expanded_paths([name]):
        try:
            found = Path(path).stat()
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from None
        yield _file(path, found.st_size, found.st_mtime_ns)


def _at_address(name: str) -> Iterator[File]:
    from fnmatch import fnmatchcase

    from pyarrow import fs

    folder, _, last = name.rpartition("/")
    is_glob = any(sign in last for sign in "*?[")
    system, path = file_system(folder if is_glob else name)
    try:
        info = system.get_file_info(path)
        if info.type == fs.FileType.NotFound:
            raise InputError(f"there is no file {name}")
        found = [info]
        if info.type == fs.FileType.Directory:
            found = system.get_file_info(fs.FileSelector(path))
    except OSError as error:
        raise InputError(f"cannot read {name}: {' '.join(str(error).split())}") from None
    begin = name[: len(name) - len(last)] if is_glob else f"{name.rstrip('/')}/"
    wanted = [
        item
        for item in sorted(found, key=lambda item: item.base_name)
        if item.type == fs.FileType.File
        and is_table_file(Path(item.base_name))
        and (not is_glob or fnmatchcase(item.base_name, last))
    ]
    if not wanted:
        raise InputError(f"no file matches {name}")
    for item in wanted:
        address = name if info.type == fs.FileType.File else begin + item.base_name
        yield _file(address, item.size, item.mtime_ns)


def _file(path: str, size: int, changed: int) -> File:
    if not path.lower().endswith(_PARQUET) and size > MOST_BYTES:
        raise InputError(
            f"{path} has {size / 1e9:.1f} GB: the engine ray reads files other than Parquet whole, "
            f"up to {MOST_BYTES / 1e9:.1f} GB; split it, or convert it to Parquet"
        )
    return File(0, path, f"{size}-{changed}")


def is_parquet(file: File) -> bool:
    """Tell whether a file is Parquet, whose rows are known without reading it."""
    return file.path.lower().endswith(_PARQUET)


def count_rows(file: File) -> int:
    """Count the rows of a Parquet file; estimate those of another one from its size."""
    if not is_parquet(file):
        return max(int(file.stamp.partition("-")[0]) // BYTES_PER_ROW, 1)
    import pyarrow as pa
    import pyarrow.parquet as pq

    system, path = file_system(file.path)
    try:
        rows: int = pq.ParquetFile(path, filesystem=system).metadata.num_rows
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{file.path} is not a complete Parquet file: {error}") from None
    return rows


def read_input(workers: Workers, plan: Plan, files: Sequence[File]) -> Plan:
    """Read the files into partitions, and choose the columns that are compared.

    Raises
    ------
    InputError
        If a file cannot be read, or there are fewer than two rows.
    OptionError
        If an option names a column that does not exist.
    """
    found = workers.map("read", partial(_read_file, plan), files)
    files_of = [
        (at, number) for at, facts in enumerate(found) for number in range(len(facts["rows"]))
    ]
    sizes = [rows for facts in found for rows in facts["rows"]]
    if sum(sizes) < 2:
        rows = "no rows" if not sum(sizes) else "one row"
        raise InputError(f"the input has {rows}: there is nothing to compare it with")
    paths = [file.path for file in files]
    names = (
        [Path(path).name for path in paths]
        if any(ADDRESS in p for p in paths)
        else input_names(paths)
    )
    plan = replace(plan, starts=tuple(np.cumsum([0, *sizes]).tolist()))
    schema: dict[str, Any] = {}
    if plan.store.finished("partitions") is None:
        pieces = [part(f"read/file-{at:05}", 0) for at, facts in enumerate(found) if facts["rows"]]
        schema = _stacked_schema([plan.store.schema(piece) for piece in pieces])
    with_source = len(files) > 1 and SOURCE_COLUMN not in schema
    workers.map(
        "partitions",
        partial(_write_partition, plan, schema, names if with_source else []),
        [(number, at, place) for number, (at, place) in enumerate(files_of)],
    )
    plan.store.empty("read")
    sample = as_texts(pl.concat(list(_sampled(plan))))
    check_columns("ignore_value", ignored_values(plan.config)[1], sample.columns)
    fields, id_column = column_roles(sample, plan.config)
    if not any(field.used for field in fields):
        reasons = "; ".join(f"{field.name}: {field.reason}" for field in fields[:5])
        raise InputError(
            f"no column identifies a record ({reasons}): name the columns to compare with --fields"
        )
    return replace(plan, fields=fields, id_column=id_column)


def _sampled(plan: Plan) -> Iterator[pl.DataFrame]:
    homes = np.unique(np.linspace(0, len(plan.homes) - 1, SAMPLED_PARTITIONS).astype(int))
    for home in homes.tolist():
        rows = plan.store.read(part("partitions", home))
        yield rows if home == 0 else rows.head(SAMPLED_ROWS)


def _read_file(plan: Plan, file: File) -> Facts:
    """Write the rows of one file in pieces; return their numbers."""
    rows: list[int] = []
    for number, frame in enumerate(_pieces(file, plan.config, plan.sizes.rows)):
        text = [name for name, dtype in frame.schema.items() if dtype == pl.String]
        frame = frame.with_columns(pl.col(text).fill_null(""))
        plan.store.write(part(f"read/file-{file.number:05}", number), frame)
        rows.append(frame.height)
    return {"rows": rows}


def _pieces(file: File, config: Config, rows: int) -> Iterator[pl.DataFrame]:
    if not is_parquet(file):
        yield from _read_whole(file.path, config).iter_slices(rows)
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    system, path = file_system(file.path)
    try:
        held: list[pl.DataFrame] = []
        for batch in pq.ParquetFile(path, filesystem=system).iter_batches(rows):
            held.append(nested_to_json(pl.DataFrame(pl.from_arrow(batch))))
            if sum(frame.height for frame in held) >= rows:
                together = pl.concat(held)
                yield together[:rows]
                held = [together[rows:]] if together.height > rows else []
        yield from held
    except (pa.ArrowException, OSError, ValueError, pl.exceptions.PolarsError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{file.path} is not a complete Parquet file: {reason}") from None


def _read_whole(path: str, config: Config) -> pl.DataFrame:
    if ADDRESS not in path:
        return read_table(path, config=config).frame
    system, inner = file_system(path)
    with tempfile.TemporaryDirectory(prefix="dedupe-") as folder:
        local = Path(folder) / path.rpartition("/")[2]
        with system.open_input_stream(inner, compression=None) as data:
            local.write_bytes(data.read())
        return read_table(local, config=config).frame


def _stacked_schema(schemas: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Find the columns of all files; those of different types become text."""
    columns: dict[str, Any] = {}
    for schema in schemas:
        for name, dtype in schema.items():
            columns[name] = dtype if columns.get(name, dtype) == dtype else pl.String()
    return columns


def _write_partition(
    plan: Plan, schema: Mapping[str, Any], names: Sequence[str], place: tuple[int, int, int]
) -> Facts:
    """Give the rows of a piece the columns of all files."""
    number, file, piece = place
    frame = plan.store.read(part(f"read/file-{file:05}", piece))
    if names:
        frame = frame.with_columns(pl.lit(names[file]).alias(SOURCE_COLUMN))
        schema = {**schema, SOURCE_COLUMN: pl.String()}
    missing = [
        pl.lit(None, dtype).alias(name)
        for name, dtype in schema.items()
        if name not in frame.columns
    ]
    frame = frame.with_columns(missing).select(
        pl.col(name).cast(dtype) for name, dtype in schema.items()
    )
    text = [name for name, dtype in schema.items() if dtype == pl.String]
    plan.store.write(part("partitions", number), frame.with_columns(pl.col(text).fill_null("")))
    return {}


def make_texts(workers: Workers, plan: Plan) -> list[Facts]:
    """Make the text and the id of each record, and count the lines of each field.

    The texts are in the files of the stage: ``row``, ``id``, ``text``.
    """
    return workers.map("texts", partial(_make_texts, plan), plan.homes)


def _make_texts(plan: Plan, home: int) -> Facts:
    compared = [field.name for field in plan.fields if field.used]
    start = plan.starts[home]

    def texts_of(numbered: pl.DataFrame) -> pl.Series:
        text = as_texts(numbered.drop("row"))
        return frame_texts(without_ignored_values(text, plan.config).select(compared))

    frame = plan.store.read(part("partitions", home))
    row = pl.int_range(start, start + frame.height, dtype=pl.UInt32, eager=True).alias("row")
    texts = naming_record("texts", texts_of, frame.with_columns(row))
    ids = row.cast(pl.String)
    if plan.id_column is not None:
        ids = as_texts(frame.select(plan.id_column))[plan.id_column]
    made = pl.DataFrame([row, ids.alias("id"), texts.alias("text")])
    plan.store.write(part("texts", home), made)
    values = values_of_fields(texts, sorted(set(field_labels(compared))))
    return {"fields": {label: _sketch(found) for label, found in values.items()}}


def values_of_fields(texts: pl.Series, labels: Sequence[str] | None = None) -> dict[str, pl.Series]:
    """Return the values of each field of some records, without those that say there is none.

    Parameters
    ----------
    texts, labels
        As for :func:`~dedupe.scoring.comparison.values.fields.fields_of`.
    """
    found = fields_of(texts, labels)
    return {
        label: series(field.without(is_no_value(field.values)).values)
        for label, field in found.items()
    }


def _sketch(values: pl.Series) -> Facts:
    """Sketch a field: number of values, and the smallest hashes of the distinct ones."""
    hashes = values.unique().hash(0).sort().head(SKETCH)
    return {"filled": len(values), "smallest": hashes.to_list()}


def count_distinct(sketches: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Estimate the number of distinct values of a field, and add up its values."""
    smallest = np.unique(np.concatenate([np.array(s["smallest"], np.uint64) for s in sketches]))
    distinct = len(smallest)
    if distinct >= SKETCH:
        distinct = int((SKETCH - 1) / (float(smallest[SKETCH - 1]) / 2.0**64))
    return distinct, sum(int(sketch["filled"]) for sketch in sketches)
