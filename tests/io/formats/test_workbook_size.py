"""Workbooks whose cells take more memory than the file."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
import xlsxwriter

from dedupe.errors import InputError
from dedupe.io.formats.workbook_size import check_workbook
from dedupe.io.tables import read_table

ODS = (
    '<?xml version="1.0"?><office:document-content '
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body>'
    '<office:spreadsheet><table:table table:name="S">{}</table:table></office:spreadsheet>'
    "</office:body></office:document-content>"
)


def workbook(path: Path, texts: list[str]) -> Path:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for row, text in enumerate(["name", *texts]):
            sheet.write_row(row, 0, [text, str(row)])
    return path


def open_document(path: Path, rows: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", ODS.format(rows))
        namespace = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
        manifest = f'<manifest:manifest xmlns:manifest="{namespace}"/>'
        archive.writestr("META-INF/manifest.xml", manifest)
    return path


def row(*texts: str, rows: int = 1, cells: int = 1) -> str:
    inside = "".join(
        f'<table:table-cell office:value-type="string" table:number-columns-repeated="{cells}">'
        f"<text:p>{text}</text:p></table:table-cell>"
        for text in texts
    )
    return f'<table:table-row table:number-rows-repeated="{rows}">{inside}</table:table-row>'


def test_a_text_that_many_cells_share_counts_for_each(tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", ["x" * 3_000] * 700)
    assert path.stat().st_size < 50_000
    with pytest.raises(InputError, match=r"more than 0.002 GB .* --max-unpacked GB"):
        read_table(path, max_unpacked=0.002)
    assert read_table(path, max_unpacked=0.003).frame.height == 700


def test_a_long_text_beside_many_short_ones_is_read(tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", ["x" * 30_000, *["short"] * 1_000])
    assert read_table(path, max_unpacked=0.001).frame.height == 1_001


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (row("x" * 1_000, rows=2_000), "more than 0.001 GB"),
        (row("x" * 1_000, cells=2_000), "more than 0.001 GB"),
        (row("x" * 10, rows=1_000, cells=1_000), "more than 0.001 GB"),
        (row(rows=999_999) + row("x", cells=1_000), "does not fit in memory"),
        (row("a")[:-9], "not an Excel workbook that can be read"),
    ],
)
def test_cells_and_rows_that_are_repeated_count_each_time(
    rows: str, message: str, tmp_path: Path
) -> None:
    path = open_document(tmp_path / "x.ods", row("name", "city") + rows)
    assert path.stat().st_size < 2_000
    with pytest.raises(InputError, match=message):
        read_table(path, max_unpacked=0.001)


def test_repeated_rows_without_values_are_read(tmp_path: Path) -> None:
    rows = row("name", "city") + row("ann", "x", rows=3) + row("", rows=1_000_000, cells=16_000)
    rows = rows.replace('office:value-type="string" table:number-columns-repeated="16000"', "")
    frame = read_table(open_document(tmp_path / "x.ods", rows), max_unpacked=0.001).frame
    assert frame.rows() == [("ann", "x")] * 3


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "elsewhere.xml", "xl/media/a.png"])
def test_a_sheet_may_lie_anywhere_and_a_picture_is_none(part: str) -> None:
    shared = b"<sst><si><t>" + b"x" * 30_000 + b"</t></si></sst>"
    cell = b'<c t="s"><v>0</v></c>' if part.endswith("xml") else b"\x89PNG<<<<<<<<"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("xl/sharedStrings.xml", shared)
        begin, end = (b"<x>", b"</x>") if part.endswith("xml") else (b"\x89", b"")
        archive.writestr(part, begin + cell * 100 + end)
    if part.endswith("xml"):
        with pytest.raises(InputError, match="more than"):
            check_workbook(buffer.getvalue(), "x.xlsx", 0.001)
    else:
        check_workbook(buffer.getvalue(), "x.xlsx", 0.001)
