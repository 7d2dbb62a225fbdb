"""JSON lines and arrays: values stay as they are written, and errors name the line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.config import Config
from dedupe.errors import InputError
from dedupe.io.dialect import CSV
from dedupe.io.formats.json_lines import ROWS, json_objects, jsonl_bytes, parse_jsonl
from dedupe.io.tables import read_table, write_table


def frame_of(data: bytes) -> pl.DataFrame:
    return parse_jsonl(data, "x.jsonl", Config()).frame


KEYS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=4)


@given(
    st.lists(
        st.dictionaries(
            KEYS.filter(str.strip), st.none() | KEYS | st.booleans() | st.integers(), min_size=1
        ),
        min_size=1,
        max_size=6,
    )
)
def test_columns_are_in_order_of_appearance_and_rows_stay(rows: list[Mapping[str, Any]]) -> None:
    frame = frame_of("\n".join(map(json.dumps, rows)).encode())
    assert frame.columns == list(dict.fromkeys(key for row in rows for key in row))
    assert frame.height == len(rows)
    lines = "[" + ",\n".join(map(json.dumps, rows)) + "]"
    assert frame_of(lines.encode()).equals(frame)


def test_a_key_without_text_is_named_by_its_place() -> None:
    assert frame_of(b'{"a": "x", "": "y"}').columns == ["a", "column_2"]


def test_hundreds_of_keys_keep_their_order() -> None:
    names = [f"key {number * 7919 % 1000}" for number in range(500)]
    line = json.dumps(dict.fromkeys(names, "x"))
    assert frame_of(f"{line}\n{line}".encode()).columns == names


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (["1.10", "2.5"], ["1.10", "2.5"]),
        (["2", "2.5"], ["2", "2.5"]),
        (["9007199254740993", "0.5"], ["9007199254740993", "0.5"]),
        (["123456789012345678901234567890", "1"], ["123456789012345678901234567890", "1"]),
        (["1e5", "-0", "1E400"], ["1e5", "-0", "1E400"]),
        (["true", '"x"', "null", "3"], ["true", "x", "", "3"]),
        (['{"a": [1.10, null]}', "[ ]"], ['{"a":[1.10,null]}', "[]"]),
        (["[" * 30 + "]" * 30, "1"], ["[" * 30 + "]" * 30, "1"]),
        (["9" * 5000, "0"], ["9" * 5000, "0"]),
    ],
)
def test_numbers_come_out_as_they_were_written(
    values: list[str], texts: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text("".join(f'{{"k": "r", "v": {value}}}\n' for value in values))
    write_table(read_table(file).frame, tmp_path / "x.csv", format="csv", dialect=CSV)
    assert read_table(tmp_path / "x.csv").frame["v"].to_list() == texts


def test_types_that_change_after_many_rows_change_no_value() -> None:
    lines = ['{"v": 1, "w": null}'] * ROWS + ['{"v": 1.5, "w": true, "x": 2}']
    frame = frame_of("\n".join(lines).encode())
    assert frame["v"].unique().sort().to_list() == ["1", "1.5"]
    assert frame.tail(1).to_dicts() == [{"v": "1.5", "w": True, "x": 2}]
    assert frame["x"].null_count() == ROWS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}\n{"a": 1, "b": 2, "a": 3}', "line 2 has the key 'a' twice"),
        ('{"a": 1}\n{"b": {"c": 1, "c": 3}}', "line 2 has the key 'c' twice"),
        ('{"a": "x"}\n\n{"a": "\\u0000"}', "line 3: the value of 'a' holds a NUL"),
        ('{"a": "x"}\n{"a": "\\ud800"}', "line 2: the value of 'a' holds .*surrogate"),
        ('{"a\\u0000": "x"}', "line 1: a key holds a NUL"),
        ('{"a": 1}\n{"a": \n', "line 2 is not JSON"),
        ('{"a": 1}\n3\n', "line 2 is not a JSON object"),
        ('[{"a": 1}, 3]', "object 2 is not a JSON object"),
        ('[{"a": 1} {"a": 2}]', "object 1 is not followed by a comma"),
        ('[{"a": 1}, ', "object 2 is not JSON"),
        ('[{"a": 1}] x', "goes on after the end of its array"),
        ("[]", "is empty"),
        ("{}\n{}", "objects without keys"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "line 1 is nested too deep"),
    ],
)
def test_a_broken_line_is_named(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        frame_of(text.encode())
    assert "\n" not in str(raised.value)


def test_values_of_any_depth_are_read_or_refused() -> None:
    for depth in range(300, 1_100, 25):
        value = "[" * depth + "]" * depth
        try:
            assert frame_of(f'{{"a": {value}}}'.encode())["a"].to_list() == [value]
        except InputError as error:
            assert "line 1" in str(error) and "nested too deep" in str(error)


def test_bytes_that_are_no_utf_8_are_named_by_line_and_column() -> None:
    with pytest.raises(InputError, match=r"in line 2, column 8"):
        frame_of(b'{"a": "x"}\n{"a": "\xff"}')
    assert frame_of('{"a": "é"}'.encode("utf-16"))["a"].to_list() == ["é"]


def test_an_array_in_a_json_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('[{"name": "Anna"},\n {"name": "Ana", "age": 3}]')
    assert read_table(tmp_path / "x.json").frame.rows() == [("Anna", None), ("Ana", 3)]
    (tmp_path / "x.csv").write_text("[name],[city]\nann,oslo\nbob,rome\n")
    assert read_table(tmp_path / "x.csv").frame.columns == ["[name]", "[city]"]


def test_a_stream_has_the_same_errors() -> None:
    assert list(json_objects([b'{"a": 1.5}\n', b"\n"], "stdin")) == [{"a": "1.5"}]
    with pytest.raises(InputError, match="stdin, line 2 has the key 'a' twice"):
        list(json_objects([b'{"a": 1}\n', b'{"a": 1, "a": 2}\n'], "stdin"))


def test_binary_values_are_written_as_text() -> None:
    frame = pl.DataFrame({"b": [b"\xff", b"x"], "n": [[b"\xff"], None]})
    assert [json.loads(line) for line in jsonl_bytes(frame).splitlines()] == [
        {"b": "ff", "n": '["ff"]'},
        {"b": "x", "n": None},
    ]
