"""Records: ids, keys, record texts and values as text."""

from __future__ import annotations

import datetime
import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dedupe
from dedupe.config import Config
from dedupe.errors import InputError
from dedupe.io.formats.json_lines import json_objects, json_text, parse_jsonl
from dedupe.records.records import field_labels, frame_texts, make_records, record_text
from dedupe.records.value_text import as_texts, column_text, value_text

# Characters that this Python does not know yet have no lower case in it, but may have in polars.
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cn")), max_size=8)

JSON_LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()

NAMES = ["ada", "grace", "mary", "hedy"]


def frame(**columns: list[object]) -> pl.DataFrame:
    return pl.DataFrame({"name": NAMES, **columns})


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6))
def test_a_frame_and_a_record_have_the_same_texts(rows: list[tuple[str, str]]) -> None:
    table = pl.DataFrame(rows, schema=["given_name", "birthPlace"], orient="row")
    one_by_one = [record_text(zip(table.columns, row, strict=True)) for row in rows]
    assert frame_texts(table).to_list() == one_by_one
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dedupe.records.value_text.FEW", 0)
        assert frame_texts(table).to_list() == one_by_one


def test_texts_are_normalised_but_accents_and_scripts_stay() -> None:
    text = record_text([("Name", " ＪＯＳÉ\u00a0 Müller "), ("city", "東京"), ("note", " ")])
    assert text == "name: josé müller\ncity: 東京"


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["first_name", "dateOfBirth", "ADDRESS 1"], ["first", "date", "address"]),
        (["cust_name", "cust_city"], ["name", "city"]),
        (["cust", "cust_city"], ["cust", "cust"]),
        (["42", "#"], ["42", "field"]),
        (["Имя", "姓名"], ["имя", "姓名"]),
    ],
)
def test_labels_are_the_first_words_of_names(names: list[str], labels: list[str]) -> None:
    assert field_labels(names) == labels


def test_the_id_column_is_found_or_rows_are_numbered() -> None:
    found = make_records(frame(rec_id=["d", "c", "b", "a"]), Config())
    assert (found.id_column, found.ids.to_list()) == ("rec_id", ["d", "c", "b", "a"])
    assert found.keys.to_list() == found.ids.to_list()
    twice = make_records(frame(id=["1", "1", "2", "3"]), Config())
    assert (twice.id_column, twice.ids.to_list()) == (None, ["0", "1", "2", "3"])


def test_an_input_without_records_to_compare_is_one_clear_line() -> None:
    with pytest.raises(InputError, match="one row"):
        make_records(frame().head(1), Config())
    with pytest.raises(InputError, match="no column identifies a record"):
        make_records(pl.DataFrame({"a": [None, None], "b": ["x", "x"]}), Config())


def test_keys_without_ids_depend_on_the_content_not_on_the_order() -> None:
    table = pl.DataFrame({"name": ["ada", "ada", "bob"], "city": ["x", "x", "y"]})
    keys = make_records(table, Config()).keys.to_list()
    assert len(set(keys)) == 3
    assert sorted(make_records(table.reverse(), Config()).keys) == sorted(keys)
    assert make_records(table.reverse(), Config()).keys[0] == keys[2]


def test_typed_and_nested_values_are_part_of_the_record_text() -> None:
    table = pl.DataFrame({"name": ["a", "b"], "n": [1, None], "tags": [["x"], []]})
    assert make_records(table, Config()).texts[0] == 'name: a\nn: 1\ntags: ["x"]'


# Values as text -----------------------------------------------------------------------------------

SCALARS = [
    TEXT,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.dates(),
    st.times(),
    st.datetimes(),
    st.timedeltas(
        min_value=datetime.timedelta(days=-(10**6)), max_value=datetime.timedelta(days=10**6)
    ),
]
ANY_DEPTH = st.one_of(
    *[
        st.one_of(
            scalar,
            st.lists(st.none() | scalar, min_size=1, max_size=3),
            st.fixed_dictionaries({"a": scalar, "b c": st.lists(scalar, min_size=1, max_size=2)}),
        )
        for scalar in SCALARS
    ]
)


@given(ANY_DEPTH)
def test_a_value_and_a_column_of_it_have_the_same_text(value: Any) -> None:
    assert column_text(pl.Series([value], strict=False)).to_list() == [value_text(value)]


@given(st.lists(st.lists(TEXT, max_size=3) | st.none(), max_size=4))
def test_nested_values_are_json_whatever_characters_they_hold(values: list[Any]) -> None:
    texts = column_text(pl.Series(values, dtype=pl.List(pl.String))).to_list()
    assert [None if text is None else json.loads(text) for text in texts] == values


@given(st.dictionaries(st.sampled_from(["name", "born", "tags"]), ANY_DEPTH, min_size=1))
def test_a_typed_record_has_the_same_text_in_a_frame_and_alone(record: dict[str, Any]) -> None:
    frame = pl.DataFrame({name: pl.Series([value]) for name, value in record.items()})
    alone = record_text((name, value_text(value)) for name, value in record.items())
    assert frame_texts(as_texts(frame)).to_list() == [alone]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (math.nan, None),
        (np.float32("nan"), None),
        (pd.NaT, None),
        (pd.NA, None),
        (Decimal("NaN"), None),
        (np.float32(0.1), "0.1"),
        (np.int64(7), "7"),
        (np.bool_(True), "true"),
        (np.array(["a", "b"]), '["a","b"]'),
        (Decimal("1E+3"), "1000"),
        (datetime.datetime(2020, 1, 2, 3), "2020-01-02 03:00:00.000000"),
        (b"caf\xc3\xa9", "café"),
        (b"\xff\x00", "ff00"),
        ([b"x", Decimal("1.50"), math.inf], '["x","1.50",null]'),
        ({"ü": [{"b": None}]}, '{"ü":[{"b":null}]}'),
    ],
)
def test_values_of_other_libraries_have_the_text_of_plain_ones(
    value: Any, text: str | None
) -> None:
    assert value_text(value) == text


def test_values_nested_too_deep_are_one_clear_line() -> None:
    value: list[Any] = []
    for _ in range(5_000):
        value = [value]
    with pytest.raises(InputError, match="nested too deep"):
        value_text(value)


def test_bytes_in_columns_are_text() -> None:
    assert column_text(pl.Series([b"x", None, b"\xff"])).to_list() == ["x", None, "ff"]
    assert column_text(pl.Series([[b"x"], None])).to_list() == ['["x"]', None]


@pytest.mark.model
def test_a_workspace_made_from_json_lines_reads_a_frame_the_same(tmp_path: Path) -> None:
    rows = [
        {"name": "ada lovelace", "tags": ["poet", "countess"], "score": 0.5, "active": True},
        {"name": "alan turing", "tags": ["logic"], "score": 2.0, "active": False},
        {"name": "grace hopper", "tags": None, "score": 1e-7, "active": True},
        {"name": "mary shelley", "tags": [], "score": None, "active": None},
    ]
    file = tmp_path / "people.jsonl"
    pl.DataFrame(rows).write_ndjson(file)
    dedupe.run(file)
    matcher = dedupe.Matcher(tmp_path / "people.dedupe")
    frame = pl.DataFrame(rows)
    texts = matcher.texts.to_list()
    assert frame_texts(as_texts(frame.select(matcher.fields))).to_list() == texts
    assert [
        record_text((name, value_text(row[name])) for name in matcher.fields) for row in rows
    ] == texts
    found = matcher.match(frame, min_probability=0.9)
    assert found["record"].to_list() == [0, 1, 2, 3] == found["id"].cast(pl.Int64).to_list()
    assert found["similarity"].min() > 0.99  # the vectors of the workspace are rounded


@given(st.recursive(JSON_LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_is_written_as_the_json_module_does(value: object) -> None:
    assert json_text(value) == json.dumps(value, ensure_ascii=False)
    compact = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert json_text(value, (",", ":")) == compact


def test_a_nested_number_is_the_same_text_in_a_column_and_in_a_record() -> None:
    line = b'{"n": {"price": 1.10, "of": [2.50, 1]}}\n'
    (record,) = json_objects([line], "x.jsonl")
    column = parse_jsonl(line, "x.jsonl", Config()).frame["n"]
    assert value_text(record["n"]) == column[0] == '{"price":1.10,"of":[2.50,1]}'
