"""Headers: lines above them, first lines that are data, and options that choose."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dedupe.errors import InputError, OptionError
from dedupe.io.dialect import Table
from dedupe.io.formats.header import MAX_COLUMNS, column_names, data_in_header, unique_columns
from dedupe.io.tables import read_table


def read(data: bytes | str, tmp_path: Path, **options: Any) -> Table:
    file = tmp_path / "x.csv"
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    return read_table(file, **options)


DATA = {
    "codes": ("C0010,ann\nC0011,bob\nC0012,cid\n", True),
    "addresses": ("ann@example.com,oslo\nbob@example.com,rome\n", True),
    "dates": ("ann,2020-01-02\nbob,2021-03-04\n", True),
    "phones": ("ann,+49 30 1234567\nbob,+49 89 7654321\n", True),
    "numbers": ("ann,17.50\nbob,3.25\ncid,11.00\n", True),
    "names": ("name,email\nann,ann@example.com\nbob,bob@example.com\n", False),
    "years": ("country,2019,2020\nnorway,17,18\nitaly,3,4\n", False),
    "places": ("0,1,2\n17,18,a\n3,4,b\n", False),
    "text": ("ann,oslo\nbob,rome\n", False),
    "numbered": ("address1,code2\nx12,y13\nx14,y15\n", False),
}


@pytest.mark.parametrize("case", DATA)
def test_a_first_line_of_data_is_noted(case: str, tmp_path: Path) -> None:
    text, is_data = DATA[case]
    table = read(text, tmp_path)
    assert [note for note in table.notes if "looks like data" in note] == list(table.notes)
    assert bool(table.notes) == is_data
    assert read(text, tmp_path, header=True).notes == ()
    bare = read(text, tmp_path, header=False)
    assert bare.notes == ()
    assert bare.frame.columns == [f"c{n}" for n in range(1, table.frame.width + 1)]
    assert bare.frame.rows()[1:] == table.frame.rows()
    assert list(bare.frame.row(0)) == table.frame.columns


TITLED = "Customers 2025\n\nid,name,city\n1,ann,oslo\n2,bob\n"


def test_lines_above_the_header_can_be_left_out_and_lines_are_counted_from_the_first(
    tmp_path: Path,
) -> None:
    text = TITLED.replace("2,bob\n", "2,bob,rome\n")
    with pytest.raises(InputError, match="if line 3 is the header, use --header-row 3"):
        read(text, tmp_path)
    expected = [("1", "ann", "oslo"), ("2", "bob", "rome")]
    assert read(text, tmp_path, header_row=3).frame.rows() == expected
    assert read(text, tmp_path, skip_rows=2).frame.rows() == expected
    assert read(text, tmp_path, skip_rows=3, header=False).frame.rows() == expected
    with pytest.raises(InputError, match="line 5: 2 fields where the header has 3"):
        read(TITLED, tmp_path, header_row=3)
    with pytest.raises(InputError, match="has no line 9"):
        read(TITLED, tmp_path, header_row=9)


def test_a_separator_line_of_a_spreadsheet_names_the_delimiter(tmp_path: Path) -> None:
    table = read("sep=~\na~b\n1~2\n3,5~4\n", tmp_path)
    assert table.frame.rows() == [("1", "2"), ("3,5", "4")]
    assert (table.dialect.delimiter, table.notes) == ("~", ())


@pytest.mark.parametrize(
    "options",
    [
        {"header_row": 2, "skip_rows": 1},
        {"header_row": 2, "header": False},
        {"header_row": 0},
        {"skip_rows": -1},
        {"max_unpacked": 0},
        {"delimiter": "\n"},
        {"delimiter": '"'},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(OptionError):
        read("a,b\n1,2\n", tmp_path, **options)


def test_options_of_other_formats_are_noted(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"a": 1}\n')
    notes = read_table(tmp_path / "x.jsonl", header_row=2, sheet="Data").notes
    assert ["does not apply" in note for note in notes] == [True, True]


def test_tens_of_thousands_of_columns_are_named_in_a_moment() -> None:
    names = [f"column {number}" for number in range(MAX_COLUMNS)]
    start = time.perf_counter()
    assert column_names(names, "x.csv") == names
    with pytest.raises(InputError, match="has 60,000 columns, and at most 50,000 are read"):
        column_names(["x"] * 60_000, "x.csv")
    assert len(set(unique_columns(["same"] * 50_000))) == 50_000
    frame = pl.DataFrame({name: ["x"] for name in names[:1_000]})
    assert data_in_header(names[:1_000], frame, "x.csv") == ()
    assert time.perf_counter() - start < 5
