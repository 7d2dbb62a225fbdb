"""Reading and writing tables: every format gives back what was written, and is recognised."""

from __future__ import annotations

import io
import math
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from dedupe.errors import InputError
from dedupe.io.dialect import CSV
from dedupe.io.tables import fingerprint, read_table, write_table
from tests.laws import examples

FRAME = pl.DataFrame(
    {"id": ["007", "8"], "n": [1, None], "x": [0.5, 2.25], "text": ["=1+1", "ü\nline"]}
)

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=6)
PRINTED = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")), max_size=6)
WHOLE = st.integers(-(2**63), 2**63 - 1)


def frames(
    **columns: tuple[pl.DataType, st.SearchStrategy[Any]],
) -> st.SearchStrategy[pl.DataFrame]:
    """Draw frames of one to four rows, with missing values."""
    row = st.fixed_dictionaries({name: st.none() | values for name, (_, values) in columns.items()})
    schema = {name: dtype for name, (dtype, _) in columns.items()}
    return st.lists(row, min_size=1, max_size=4).map(
        lambda rows: pl.DataFrame(rows, schema=schema, orient="row")
    )


def written_and_read(frame: pl.DataFrame, format: str) -> pl.DataFrame:
    with TemporaryDirectory() as folder:
        target = Path(folder) / f"x.{format}"
        write_table(frame, target, format=format, dialect=CSV)
        return read_table(target).frame


@pytest.mark.parametrize("format", ["parquet", "ipc"])
@given(
    frame=frames(
        text=(pl.String(), TEXT),
        whole=(pl.Int64(), WHOLE),
        real=(pl.Float64(), st.floats()),
        flag=(pl.Boolean(), st.booleans()),
        day=(pl.Date(), st.dates()),
        moment=(pl.Datetime("us"), st.datetimes()),
    )
)
def test_binary_formats_give_back_every_value(format: str, frame: pl.DataFrame) -> None:
    assert_frame_equal(written_and_read(frame, format), frame, check_exact=True)


@given(
    frames(
        text=(pl.String(), TEXT),
        whole=(pl.Int64(), WHOLE),
        real=(pl.Float64(), st.floats(allow_nan=False, allow_infinity=False)),
        flag=(pl.Boolean(), st.booleans()),
    )
)
def test_json_lines_give_back_every_value(frame: pl.DataFrame) -> None:
    assert written_and_read(frame, "jsonl").to_dicts() == frame.to_dicts()


@given(frames(text=(pl.String(), PRINTED), other=(pl.String(), PRINTED)))
def test_excel_gives_back_every_text(frame: pl.DataFrame) -> None:
    frame = frame.with_columns(id=pl.lit("x"))
    assert_frame_equal(written_and_read(frame, "xlsx"), frame.fill_null(""))


@given(frames(text=(pl.String(), TEXT), other=(pl.String(), TEXT)))
def test_delimited_text_gives_back_every_text(frame: pl.DataFrame) -> None:
    assert_frame_equal(written_and_read(frame, "csv"), frame.fill_null(""))


@pytest.mark.parametrize("format", ["sqlite", "duckdb"])
@examples(15)  # DuckDB takes long to make a file
@given(
    frame=frames(
        text=(pl.String(), TEXT),
        whole=(pl.Int64(), WHOLE),
        real=(pl.Float64(), st.floats(allow_nan=False)),
    )
)
def test_databases_give_back_every_value(format: str, frame: pl.DataFrame) -> None:
    assert written_and_read(frame, format).to_dicts() == frame.to_dicts()


def test_floats_that_are_not_numbers_are_written_and_read_as_text() -> None:
    frame = pl.DataFrame({"x": [math.nan, math.inf, None], "y": ["a", "b", "c"]})
    assert written_and_read(frame, "csv")["x"].to_list() == ["NaN", "inf", ""]


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for read in (read_table, fingerprint):
        with pytest.raises(InputError, match="there is no file"):
            read(tmp_path / "none.csv")
        with pytest.raises(InputError, match="is a folder"):
            read(tmp_path)


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet", "xlsx", "ipc"])
def test_the_first_bytes_of_a_stream_tell_its_format(
    format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_table(FRAME, tmp_path / "x", format=format, dialect=CSV)
    data = (tmp_path / "x").read_bytes()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    table = read_table("-")
    assert table.name == "stdin"
    assert table.frame["text"].to_list() == FRAME["text"].to_list()
    assert table.fingerprint == fingerprint(tmp_path / "x")
    assert_frame_equal(read_table(tmp_path / "x").frame, table.frame)
