"""What must hold for every file: no other error than one line, and no changed value."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import polars as pl

import dedupe
from dedupe.errors import DedupeError, OutputError
from dedupe.io.dialect import CSV, Table
from dedupe.io.tables import read_table, write_table
from dedupe.records.value_text import as_texts
from tests.fuzz.damage import damage
from tests.fuzz.tables import Case, make_case

DAMAGED = 0.4
"""Share of the files that are damaged."""

OUTPUTS = ("csv", "jsonl", "parquet", "xlsx", "ipc", "sqlite")


def made_file(seed: str, folder: Path) -> tuple[Case, bool]:
    """Make the file of a seed, and damage some; tell whether it is damaged."""
    rng = Random(seed)
    case = make_case(rng, folder)
    damaged = rng.random() < DAMAGED
    if damaged:
        damage(rng, Path(case.path.split("::")[0]))
    return case, damaged


def check_file(path: Path) -> str:
    """Check a file of which only its bytes are known; return what came of it."""
    try:
        table = read_table(path)
    except DedupeError as error:
        assert str(error).strip() and "\n" not in str(error), f"not one line: {error!r}"
        return "refused"
    with TemporaryDirectory(prefix="fuzz-") as folder:
        for format in OUTPUTS:
            check_output(table, format, Path(folder))
    return "read"


def check_seed(seed: str, *, run: bool = False) -> str:
    """Make the file of a seed, damage some, and check it; return what came of it.

    Parameters
    ----------
    seed
        Tells everything about the file.
    run
        Whether the file is deduplicated as well.
    """
    with TemporaryDirectory(prefix="fuzz-") as folder:
        case, damaged = made_file(seed, Path(folder))
        try:
            table = read_table(case.path, **case.options)
        except DedupeError as error:
            assert damaged, f"a whole file was refused: {error}"
            assert str(error).strip() and "\n" not in str(error), f"not one line: {error!r}"
            return "refused"
        if not damaged:
            check_values(case, read_as_named(case, table))
        for format in Random(seed).sample(OUTPUTS, 2):
            check_output(table, format, Path(folder))
        if run:
            check_run(case, table, Path(folder))
        return "damaged" if damaged else "whole"


def read_as_named(case: Case, table: Table) -> Table:
    """Read a file again with its delimiter where the note says that several would fit."""
    notes = [note for note in table.notes if "would fit as well" in note]
    if not notes:
        return table
    delimiter = case.dialect["delimiter"]
    assert repr(delimiter) in notes[0], f"{delimiter!r} is not among those of the note: {notes[0]}"
    return read_table(case.path, **{**case.options, "delimiter": delimiter})


def check_values(case: Case, table: Table) -> None:
    """Check that a table holds what was written into its file."""
    assert table.frame.columns == case.columns, (table.frame.columns, case.columns)
    assert as_texts(table.frame).rows() == case.rows
    if case.dialect:
        assert table.dialect.delimiter == case.dialect["delimiter"]
        assert table.dialect.encoding == case.dialect["encoding"]
        assert table.dialect.bom == case.dialect["bom"]
        assert table.dialect.newline == case.dialect["newline"]


def check_output(table: Table, format: str, folder: Path) -> None:
    """Check that a table that is written and read again is the same, and the same bytes twice."""
    # A workbook names its sheet after the file.
    target, again = folder / f"out.{format}", folder / "again" / f"out.{format}"
    again.parent.mkdir(exist_ok=True)
    dialect = table.dialect if table.dialect.format == "csv" else CSV
    frame = table.frame.with_columns(fuzz_row=pl.lit("x"))
    try:
        write_table(frame, target, format=format, dialect=dialect)
    except OutputError as error:
        assert "\n" not in str(error)
        assert not target.exists()
        return
    options = {}
    if format == "csv":
        options = {"delimiter": dialect.delimiter, "encoding": dialect.encoding}
    read = read_table(target, **options).frame
    assert read.columns == frame.columns, (read.columns, frame.columns)
    if format == "sqlite":  # which holds truth values as 1 and 0
        frame = frame.with_columns(pl.col(pl.Boolean).cast(pl.Int8))
    assert as_texts(read).rows() == as_texts(frame).rows()
    if format != "sqlite":
        write_table(frame, again, format=format, dialect=dialect)
        assert target.read_bytes() == again.read_bytes()


def check_run(case: Case, table: Table, folder: Path) -> None:
    """Check that a whole run keeps every row, and writes the same twice."""
    written = []
    for name in ("one", "two"):
        try:
            result = dedupe.run(case.path, output=folder / name, effort="fast", **case.options)
        except DedupeError as error:
            assert "\n" not in str(error)
            return
        clusters = result.clusters.select(result.clusters.columns[: table.frame.width])
        assert as_texts(clusters).rows() == as_texts(table.frame).rows()
        assert result.merged.height + result.removed.height == table.frame.height
        written.append({file.name: file.read_bytes() for file in (folder / name).glob("*.csv")})
    assert written[0] == written[1]


def fuzz(seed: str, count: int, seconds: float, *, run: bool = False) -> Counter[str]:
    """Check files until there are enough, or the time is over; count what came of them.

    Raises
    ------
    AssertionError
        If a file fails; the message names its seed.
    """
    from time import perf_counter

    found: Counter[str] = Counter()
    begin = perf_counter()
    for number in range(count):
        if perf_counter() - begin > seconds:
            break
        one = f"{seed}-{number}"
        try:
            found[check_seed(one, run=run)] += 1
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            hint = f"python -m tests.fuzz --one {one}" + (" --run" if run else "")
            raise AssertionError(f"{type(error).__name__}: {error}\nrepeat it: {hint}") from error
    return found
