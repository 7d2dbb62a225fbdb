"""Delimited text is written as it was read, and errors name the line."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.config import Config
from dedupe.errors import InputError, OutputError
from dedupe.io.dialect import CSV, Dialect
from dedupe.io.formats.csv import csv_objects, parse_csv
from dedupe.io.formats.csv_output import csv_bytes
from dedupe.io.tables import read_table, write_table

VALUES = st.text(
    st.characters(exclude_characters="\x00\r\x85\u2028\u2029", exclude_categories=("Cs",)),
    max_size=12,
)


@given(
    st.integers(2, 5).flatmap(
        lambda width: st.lists(
            st.lists(VALUES, min_size=width, max_size=width), min_size=1, max_size=8
        )
    ),
    st.sampled_from(",;\t|"),
    st.booleans(),
    st.sampled_from(["\n", "\r\n"]),
)
def test_values_are_those_of_the_csv_module_and_are_written_as_the_same_bytes(
    rows: list[list[str]], delimiter: str, quote_all: bool, newline: str
) -> None:
    names = [f"name{n}" for n in range(len(rows[0]))]
    dialect = Dialect(delimiter=delimiter, quote_all=quote_all, newline=newline)
    data = csv_bytes(pl.DataFrame(rows, schema=names, orient="row"), dialect)
    parsed = parse_csv(data, "x.csv", Config(delimiter=delimiter))
    frame, found = parsed.frame, parsed.dialect
    reader = csv.reader(io.StringIO(data.decode(), newline=""), delimiter=delimiter)
    assert [list(row) for row in frame.rows()] == [row for row in reader if row][1:] == rows
    assert found == dialect
    assert csv_bytes(frame, found) == data


def read(data: bytes, tmp_path: Path, **options: str) -> tuple[list[tuple[str, ...]], Dialect]:
    (tmp_path / "x.csv").write_bytes(data)
    table = read_table(tmp_path / "x.csv", **options)
    return table.frame.rows(), table.dialect


@pytest.mark.parametrize(
    ("encoding", "found", "bom"),
    [
        ("utf-8", "utf-8", False),
        ("utf-8-sig", "utf-8", True),
        ("utf-16", "utf-16-le", True),
        ("cp1252", "cp1252", False),
    ],
)
def test_western_encodings_are_detected_and_written_again(
    encoding: str, found: str, bom: bool, tmp_path: Path
) -> None:
    data = "name;city\nJosé;Köln\nZoë;Århus\n".encode(encoding)
    rows, dialect = read(data, tmp_path)
    assert rows == [("José", "Köln"), ("Zoë", "Århus")]
    assert (dialect.encoding, dialect.bom, dialect.delimiter) == (found, bom, ";")
    frame = pl.DataFrame(rows, schema=["name", "city"], orient="row")
    write_table(frame, tmp_path / "y.csv", format="csv", dialect=dialect)
    assert (tmp_path / "y.csv").read_bytes() == data


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1251", "имя,город\nИван Петров,Москва\nАнна Каренина,Тверь\n"),
        ("shift_jis", "名前,市\n田中太郎,東京\n鈴木花子,大阪\n"),
        ("utf-16-be", "\ufeffname,city\nЖанна,서울\n"),
    ],
)
def test_encodings_of_other_scripts_are_detected(encoding: str, text: str, tmp_path: Path) -> None:
    rows, _ = read(text.encode(encoding), tmp_path)
    assert rows == [tuple(line.split(",")) for line in text.splitlines()[1:]]


@pytest.mark.parametrize("bom", [False, True])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_name_that_begins_like_a_byte_order_mark_is_kept(
    encoding: str, bom: bool, tmp_path: Path
) -> None:
    frame = pl.DataFrame({"\ufeffid": ["\ufeff1", "2"], "name": ["Ann", "Bob"]})
    dialect = replace(CSV, encoding=encoding, bom=bom or encoding == "utf-16")
    write_table(frame, tmp_path / "x.csv", format="csv", dialect=dialect)
    read_again = read_table(tmp_path / "x.csv").frame
    assert read_again.equals(frame)
    assert read_again.columns == frame.columns


def test_values_are_not_reformatted(tmp_path: Path) -> None:
    values = ("007", " two  blanks ", "12345678901234567890", "2020-01-02", "1.50", "NULL", "")
    data = ("a,b,c,d,e,f,g\n" + ",".join(values) + "\n").encode()
    assert read(data, tmp_path)[0] == [values]


def test_quoted_newlines_delimiters_and_quotes_are_values(tmp_path: Path) -> None:
    data = b'a;b\r\n"x;1";"y\r\n""2"""\r\n3;4\r\n'
    rows, dialect = read(data, tmp_path)
    assert rows == [("x;1", 'y\r\n"2"'), ("3", "4")]
    assert dialect.newline == "\r\n"


def test_blank_lines_are_not_rows(tmp_path: Path) -> None:
    assert read(b"a,b\n1,2\n\n3,4\n\n\n", tmp_path)[0] == [("1", "2"), ("3", "4")]
    assert read(b"a\n1\n\n2\n", tmp_path)[0] == [("1",), ("2",)]
    assert read(b"a,b\r1,2\r", tmp_path)[0] == [("1", "2")]


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (b"a,b\n1,2\n3\n", {}, "line 3: 1 field where the header has 2"),
        (b"a,b\n1,2,3\n", {}, "line 2: 3 fields where the header has 2"),
        (b'a,b\n"x\ny",2\n3\n', {}, "line 4: 1 field where"),
        (b"", {}, "is empty"),
        (b" \n\n", {}, "is empty"),
        (b"a,b\n", {}, "has a header and no rows"),
        (b"a,b,a\n1,2,3\n", {}, "two columns named 'a' \\(the 1. and the 3.\\)"),
        (b'a,b\n"1,2\n3,4\n', {}, "line 2.*quote"),
        (b'"a,b\n1,2\n', {}, "line 1.*quote"),
        (b'"a"b,c\n1,2\n', {}, "line 1.*quote"),
        (b"a,b\n1,\x00\n", {}, "NUL character in line 2"),
        (bytes(range(256)) * 30, {}, "binary file"),
        (b"a\n\xff\n", {"encoding": "utf-8"}, "is not utf-8: byte 2"),
        (b"a\nb\n", {"encoding": "klingon"}, "unknown encoding 'klingon'"),
        (b"\xff\xfea\x00\n\x00\x00\xd8", {}, "begins as utf-16-le but"),
    ],
)
def test_broken_text_is_one_clear_line(
    data: bytes, options: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message) as raised:
        read(data, tmp_path, **options)
    assert "\n" not in str(raised.value)


def test_a_column_without_a_name_is_named_by_its_place(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"a,,b\n1,2,3\n")
    assert read_table(tmp_path / "x.csv").frame.columns == ["a", "column_2", "b"]


@pytest.mark.slow
def test_a_huge_cell_and_very_many_columns_are_read(tmp_path: Path) -> None:
    cell = "x" * 5_000_000
    assert read(f"a,b\n{cell},1\n2,3\n".encode(), tmp_path)[0][0][0] == cell
    names = [f"c{n}" for n in range(2_000)]
    data = ",".join(names) + "\n" + ",".join("v" * 2_000) + "\n"
    (tmp_path / "wide.csv").write_text(data)
    assert read_table(tmp_path / "wide.csv").frame.columns == names


@pytest.mark.parametrize("last", ["1,2", "1", "1,2,3", "", '1,"2'])
def test_long_files_are_checked_to_the_last_line(last: str, tmp_path: Path) -> None:
    quoted = '"x, y ""z""\n' + "w" * 900 + '",2\n'
    text = "a,b\n" + quoted * 2_000 + last + "\n1,2\n"
    expected = [row for row in csv.reader(io.StringIO(text, newline="")) if row][1:]
    if last in ("1,2", ""):
        assert read(text.encode(), tmp_path)[0] == [tuple(row) for row in expected]
    else:
        with pytest.raises(InputError, match=r"line 4002"):
            read(text.encode(), tmp_path)


@pytest.mark.slow
def test_blank_lines_are_skipped_in_long_files(tmp_path: Path) -> None:
    rows = [(str(number), "x") for number in range(60_000)]
    text = "a,b\n\n" + "".join(f"{a},{b}\n" for a, b in rows)
    assert read(text.encode(), tmp_path)[0] == rows


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "encoding", "copies"),
    [
        ("12345,ada lovelace,12 some street,london\n", "utf-8", 1.5),
        ('"12345","ada ""l""","12, some street","lon\ndon"\r\n', "utf-8", 1.5),
        ("12345,José Müller,Straße 12,Köln\n", "utf-8-sig", 2.5),
        ("12345,José Müller,Straße 12,Köln\n", "cp1252", 2.7),
    ],
)
def test_a_file_is_in_memory_twice_at_most(
    line: str, encoding: str, copies: float, tmp_path: Path
) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(("a,b,c,d\n" + line * (20_000_000 // len(line))).encode(encoding))
    tracemalloc.start()  # counts Python's and NumPy's memory; that of the frame belongs to polars
    try:
        read_table(file)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < copies * file.stat().st_size


def test_the_delimiter_can_be_given(tmp_path: Path) -> None:
    assert read(b"a,b~c\n1,2~3\n", tmp_path, delimiter="~")[0] == [("1,2", "3")]


def test_a_row_is_yielded_as_soon_as_its_line_is_there() -> None:
    def lines() -> Iterator[bytes]:
        for number, line in enumerate([b"\n", b"a;b\r\n", b'1;"x\n', b'y"\n', b"\n"]):
            seen.append(number)
            yield line
        seen.append(-1)
        yield b"2;z"

    seen: list[int] = []
    rows = csv_objects(lines(), "stdin")
    assert next(rows) == {"a": "1", "b": "x\ny"}
    assert -1 not in seen
    assert list(rows) == [{"a": "2", "b": "z"}]
    assert list(csv_objects([b"\xef\xbb\xbfname\n", b"ann\n"], "stdin")) == [{"name": "ann"}]
    assert list(csv_objects([], "stdin")) == list(csv_objects([b"\n", b" \n"], "stdin")) == []


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([b"\n", b"a,b\n", b"1,2\n", b"1\n"], "stdin, line 4: 1 field where the header has 2"),
        ([b"a,b\n", b"1,2,3\n"], "stdin, line 2: 3 fields"),
        ([b"a,b\n", b'1,"x\n', b'y",3,4\n'], "stdin, line 2: 4 fields"),
        ([b'a,"b\n', b"1,2\n"], "stdin, line 1: unexpected end of data; a quote may be missing"),
        ([b"a,b\n", b'1,"2\n'], "stdin, line 2: unexpected end of data; a quote may be missing"),
        ([b"a,b\n", b"1,\xff\n"], "stdin, line 2 is not UTF-8"),
        ([b"a,a\n", b"1,2\n"], "two columns named 'a'"),
    ],
)
def test_a_broken_line_of_a_stream_is_named(lines: list[bytes], message: str) -> None:
    with pytest.raises(InputError, match=message):
        list(csv_objects(lines, "stdin"))


def test_a_value_that_the_encoding_lacks_is_refused(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": ["北"]})
    with pytest.raises(OutputError, match="cannot be written in cp1252"):
        write_table(frame, tmp_path / "x.csv", format="csv", dialect=Dialect(encoding="cp1252"))
    assert list(tmp_path.iterdir()) == []


def test_formulas_are_neutralised_only_on_request() -> None:
    values = ["=1+1", "@SUM(A1)", "+49 30 123", "-12.5", "-x", "\tx", "plain", ""]
    frame = pl.DataFrame({"=a": values})
    assert csv_bytes(frame, CSV).decode().splitlines()[:2] == ["=a", "=1+1"]
    safe = list(csv.reader(io.StringIO(csv_bytes(frame, CSV, safe=True).decode())))
    assert [row[0] for row in safe] == [
        "'=a", "'=1+1", "'@SUM(A1)", "+49 30 123", "-12.5", "'-x", "'\tx", "plain", "",
    ]  # fmt: skip


def test_typed_columns_are_written_as_text() -> None:
    frame = pl.DataFrame({"n": [1, None], "x": [0.5, 2.0], "b": [True, False]})
    assert csv_bytes(frame, CSV) == b"n,x,b\n1,0.5,true\n,2.0,false\n"


HARMLESS = ["-5", "-", "--", "+1 (555) 0100", "-1e5", "+49 30/123-4", "- 3", "+1 555 0100 x17"]
RISKY = [
    "=1",
    " =1",
    "\n=1",
    "\u3000=1",
    "＝1",
    "＋A1",
    "－A1",
    "＠x",
    "+A1",
    "-2+cmd|x",
    "\t@x",
    "-1e5A",
]


def test_numbers_and_phone_numbers_are_no_formulas() -> None:
    frame = pl.DataFrame({"a": [*HARMLESS, *RISKY]})
    safe = list(csv.reader(io.StringIO(csv_bytes(frame, CSV, safe=True).decode(), newline="")))
    assert [row[0] for row in safe[1:]] == [*HARMLESS, *(f"'{value}" for value in RISKY)]


@pytest.mark.parametrize(
    ("text", "delimiter", "noted"),
    [
        ("name;note\nAnn;x\ry\nBob;z\n", ";", False),
        ("name;note\nAnn;" + "a,b" * 50_000 + "\nBob;z\n", ";", False),
        ('id;"a,b";c\n1;"2,3";4\n5;6;7\n', ";", False),
        ("a;b,c;d\n1;2,3;4\n", ";", True),
        ("id\ta;b\nr0\tsep=;,  , x\n", "\t", True),
        ("last, first\tcity\nLee, Ann\tRome\n", "\t", True),
        ("last, first|city\nLee, Ann|Rome\n", "|", True),
        ("last, first;city\nLee, Ann;Rome\n", ";", True),
        ("a:b\n1:2\n3:4\n", ",", True),
        ("full name\nann lee\nbob ray\n", ",", False),
    ],
)
def test_the_delimiter_is_found_and_a_doubt_is_noted(
    text: str, delimiter: str, noted: bool, tmp_path: Path
) -> None:
    (tmp_path / "x.csv").write_text(text, newline="")
    table = read_table(tmp_path / "x.csv")
    assert table.dialect.delimiter == delimiter
    assert any("--delimiter" in note for note in table.notes) == noted


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends_within_values_stay(newline: str, tmp_path: Path) -> None:
    frame = pl.DataFrame({"a\nb": ["x\ny", "x\ry", "x\r\ny"], "c": ["\r", "\n", "\ue000"]})
    for short in ("", "1" + newline):  # read fast, and line by line
        target = tmp_path / "x.csv"
        write_table(frame, target, format="csv", dialect=Dialect(newline=newline))
        with target.open("ab") as file:
            file.write((newline * 2 + "last,1" + newline * bool(short)).encode())
        table = read_table(target)
        assert table.frame.head(3).equals(frame)
        assert table.dialect.newline == newline


def test_a_note_says_which_encoding_was_guessed(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes("name,city\nJosé,Köln\n".encode("cp1252"))
    assert "guessed: cp1252" in read_table(tmp_path / "x.csv").notes[0]


@pytest.mark.parametrize("options", [{}, {"encoding": "utf-8"}])
def test_utf_8_with_some_bytes_of_windows_is_refused_with_line_and_column(
    options: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="line 3, column 4"):
        read("name,city\nJosé,Köln\nJos".encode() + b"\xe9,Bonn\n", tmp_path, **options)


@pytest.mark.parametrize(
    "codec", ["undefined", "idna", "punycode", "unicode_escape", "hex", "a" * 999]
)
def test_a_codec_that_is_no_encoding_of_files_is_refused(codec: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown encoding"):
        read(b"a,b\n1,2\n", tmp_path, encoding=codec)


@pytest.mark.parametrize(
    ("begin", "kind"),
    [("%PDF-1.4", "a PDF"), ("<!DOCTYPE html>", "a web page"), ("hello", "one line")],
)
def test_text_that_is_no_table_gets_a_message_that_fits(
    begin: str, kind: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=kind):
        read(begin.encode(), tmp_path)
