"""Parquet, Arrow IPC, JSON lines and Excel."""

from __future__ import annotations

import zipfile
from pathlib import Path

import fastexcel
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from dedupe.errors import InputError, OutputError
from dedupe.io.dialect import CSV
from dedupe.io.formats.excel import write_excel
from dedupe.io.tables import read_table, write_table

FRAME = pl.DataFrame(
    {"id": ["007", "8"], "n": [1, None], "x": [0.5, 2.25], "text": ["=1+1", "ü\nline"]}
)


@pytest.mark.parametrize("format", ["parquet", "jsonl", "ipc"])
def test_typed_formats_keep_their_types(format: str, tmp_path: Path) -> None:
    target = tmp_path / f"x.{format}"
    write_table(FRAME, target, format=format, dialect=CSV)
    table = read_table(target)
    assert_frame_equal(table.frame, FRAME)
    assert table.dialect.format == format
    first = target.read_bytes()
    write_table(FRAME, target, format=format, dialect=CSV)
    assert target.read_bytes() == first


@pytest.mark.parametrize("name", ["x.arrow", "x.feather", "x.ipc", "x.arrows", "x"])
def test_arrow_is_read_as_a_file_and_as_a_stream(name: str, tmp_path: Path) -> None:
    for write in (FRAME.write_ipc, FRAME.write_ipc_stream):
        write(tmp_path / name)
        table = read_table(tmp_path / name)
        assert_frame_equal(table.frame, FRAME)
        assert table.dialect.format == "ipc"


def test_excel_holds_text_and_never_a_formula(tmp_path: Path) -> None:
    target = tmp_path / "x.xlsx"
    write_table(FRAME, target, format="xlsx", dialect=CSV)
    with zipfile.ZipFile(target) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet and "<v>1</v>" in sheet
    assert read_table(target).frame.rows() == [
        ("007", "1", "0.5", "=1+1"),
        ("8", "", "2.25", "ü\nline"),
    ]
    first = target.read_bytes()
    write_excel({"x": FRAME}, target)
    assert target.read_bytes() == first


def test_sheets_have_names_that_excel_allows(tmp_path: Path) -> None:
    long = "unmatched-" + "x" * 40
    names = ["pairs", "PAIRS", "a/b:c", "'quoted'", long, long + "x"]
    write_excel({name: pl.DataFrame({"n": [name]}) for name in names}, tmp_path / "x.xlsx")
    book = fastexcel.read_excel(tmp_path / "x.xlsx")
    sheets = ["pairs", "PAIRS~2", "a_b_c", "_quoted_", long[:31], long[:29] + "~2"]
    assert book.sheet_names == sheets
    assert [book.load_sheet(n).to_polars()["n"][0] for n in range(len(names))] == names


def test_figures_are_numbers_in_excel_and_the_header_stays_in_sight(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "code": ["007", "8"],
            "probability": [0.25, 1.0],
            "confidence": ["high", "low"],
            "similarity": [0.5, float("nan")],
        }
    )
    write_table(frame, tmp_path / "x.xlsx", format="xlsx", dialect=CSV)
    with zipfile.ZipFile(tmp_path / "x.xlsx") as book:
        sheet, styles = (
            book.read(f"xl/{name}.xml").decode() for name in ("worksheets/sheet1", "styles")
        )
    assert '<pane ySplit="1"' in sheet and '<autoFilter ref="A1:D3"/>' in sheet
    assert "<cols>" in sheet and "<b/>" in styles
    assert '<c r="B2"><v>0.25</v></c>' in sheet and '<c r="B3"><v>1</v></c>' in sheet
    # Columns of the input, and one that Excel cannot hold as numbers, are text.
    text = [f'<c r="{cell}" t="s">' in sheet for cell in ("A2", "C2", "D2")]
    assert all(text)


def test_a_table_too_large_for_excel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="longer than an Excel cell"):
        write_table(
            pl.DataFrame({"a": ["x" * 40_000]}), tmp_path / "x.xlsx", format="xlsx", dialect=CSV
        )
    with pytest.raises(OutputError, match="more than an Excel sheet"):
        write_excel({"a": pl.DataFrame({"a": pl.zeros(1_048_576, eager=True)})}, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_excel_dates_lose_only_a_midnight_that_was_never_written(tmp_path: Path) -> None:
    import datetime

    import xlsxwriter

    with xlsxwriter.Workbook(tmp_path / "x.xlsx") as book:
        sheet = book.add_worksheet()
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, ["day", "count", "code"])
        sheet.write_datetime(1, 0, datetime.datetime(2020, 1, 2), day)
        sheet.write_row(1, 1, [12, "0012"])
    assert read_table(tmp_path / "x.xlsx").frame.rows() == [("2020-01-02", "12", "0012")]


def test_nested_values_become_json(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"a": "x", "b": [1, 2]}\n{"a": "y", "b": null}\n')
    frame = read_table(tmp_path / "x.jsonl").frame
    assert frame["b"].to_list() == ["[1,2]", None]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("x.jsonl", b'{"a": 1}\n{"a": \n', "line 2 is not JSON"),
        ("x.jsonl", b"[1]\n", "object 1 is not a JSON object"),
        ("x.parquet", b"PAR1nothingPAR1", "not a complete Parquet file"),
        ("x.arrow", b"ARROW1\x00\x00and nothing", "not a complete Arrow IPC file"),
        ("x.feather", b"FEA1 is not read", "not a complete Arrow IPC file"),
        ("x.xlsx", b"PK\x03\x04nothing", "not an Excel workbook"),
        ("x.parquet", b"", "is empty"),
    ],
)
def test_a_broken_file_is_one_clear_line(
    name: str, data: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=message) as raised:
        read_table(tmp_path / name)
    assert "\n" not in str(raised.value)


def test_a_table_without_rows_is_refused(tmp_path: Path) -> None:
    FRAME.head(0).write_parquet(tmp_path / "x.parquet")
    with pytest.raises(InputError, match="no rows"):
        read_table(tmp_path / "x.parquet")
