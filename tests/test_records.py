"""Which columns say who a record is, and how they are read."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.config import Config
from dedupe.errors import InputError, OptionError
from dedupe.records import field_labels, frame_texts, make_records, record_text

NAMES = ["ada", "grace", "mary", "hedy"]


def frame(**columns: list[object]) -> pl.DataFrame:
    return pl.DataFrame({"name": NAMES, **columns})


def reasons(table: pl.DataFrame, **options: object) -> dict[str, str]:
    records = make_records(table, Config().with_options(**options))
    return {use.name: use.reason for use in records.fields if not use.used}


@given(st.lists(st.tuples(st.text(max_size=10), st.text(max_size=10)), min_size=1, max_size=6))
def test_a_frame_and_a_record_are_read_alike(rows: list[tuple[str, str]]) -> None:
    table = pl.DataFrame(rows, schema=["given_name", "birthPlace"], orient="row")
    one_by_one = [record_text(zip(table.columns, row, strict=True)) for row in rows]
    assert frame_texts(table).to_list() == one_by_one


def test_texts_are_normalised_but_no_script_is_folded() -> None:
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


def test_columns_that_say_nothing_are_left_out_for_a_reason() -> None:
    table = frame(
        id=["a", "b", "c", "d"],
        empty=["", " ", "", ""],
        kind=["x"] * 4,
        source=["A", "B", "A", "B"],
        token=[f"{n:032x}" for n in range(4)],
        uuid2=[f"{n:08x}-0000-4000-8000-000000000000" for n in range(4)],
        line=["10", "11", "12", "13"],
        customer_id=["k1", "k2", "k3", "k4"],
        city=["rome", "", "", ""],
    )
    assert reasons(table) == {
        "id": "the id of the row",
        "empty": "empty",
        "kind": "the same in every row",
        "source": "names the source of the row",
        "token": "hashes or UUIDs",
        "uuid2": "hashes or UUIDs",
        "line": "a row number",
        "customer_id": "an id of the row",
    }


def test_numbers_that_do_not_count_rows_are_used() -> None:
    assert reasons(frame(phone=["5550101", "5550199", "5550150", "5550120"])) == {}


def test_the_rule_can_be_overruled() -> None:
    table = frame(kind=["x"] * 4, city=["rome", "oslo", "bonn", "rome"])
    assert "kind" not in reasons(table, fields=("kind", "name"))
    assert reasons(table, fields=("name",))["city"] == "not among the fields named"
    assert reasons(table, ignore=("city",))["city"] == "ignored as asked"


def test_the_id_column_is_found_or_rows_are_numbered() -> None:
    found = make_records(frame(rec_id=["d", "c", "b", "a"]), Config())
    assert (found.id_column, found.ids.to_list()) == ("rec_id", ["d", "c", "b", "a"])
    assert found.keys.to_list() == found.ids.to_list()
    twice = make_records(frame(id=["1", "1", "2", "3"]), Config())
    assert (twice.id_column, twice.ids.to_list()) == (None, ["0", "1", "2", "3"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"id": "key"}, "'1' twice"),
        ({"id": "gap"}, "is empty in row 2"),
        ({"id": "none"}, "no column 'none'"),
        ({"fields": ("none",)}, "no column 'none'"),
        ({"ignore": ("none",)}, "no column 'none'"),
    ],
)
def test_wrong_columns_are_one_clear_line(options: dict[str, object], message: str) -> None:
    table = frame(key=["1", "1", "2", "3"], gap=["a", "b", "", "c"])
    with pytest.raises(OptionError, match=message):
        make_records(table, Config().with_options(**options))


def test_too_little_is_one_clear_line() -> None:
    with pytest.raises(InputError, match="one row"):
        make_records(frame().head(1), Config())
    with pytest.raises(InputError, match="no column says who a record is"):
        make_records(pl.DataFrame({"a": [None, None], "b": ["x", "x"]}), Config())


def test_keys_without_ids_follow_the_content_not_the_place() -> None:
    table = pl.DataFrame({"name": ["ada", "ada", "bob"], "city": ["x", "x", "y"]})
    keys = make_records(table, Config()).keys.to_list()
    assert len(set(keys)) == 3
    assert sorted(make_records(table.reverse(), Config()).keys) == sorted(keys)
    assert make_records(table.reverse(), Config()).keys[0] == keys[2]


def test_typed_and_nested_values_are_read_as_they_print() -> None:
    table = pl.DataFrame({"name": ["a", "b"], "n": [1, None], "tags": [["x"], []]})
    assert make_records(table, Config()).texts[0] == "name: a\nn: 1\ntags: ['x']"
