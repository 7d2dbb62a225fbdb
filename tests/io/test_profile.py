"""Column profiles: kinds of values, and the columns that a run compares."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

import polars as pl
import pytest

import dedupe
from dedupe.config import Config
from dedupe.errors import InputError, OptionError
from dedupe.io.profile import KINDS, PROFILE
from dedupe.pipeline.profile import profile_with_facts
from dedupe.records.records import make_records

SAMPLES = Path(__file__).parents[2] / "samples"


def kind(*values: object, name: str = "column") -> str:
    found = dedupe.profile(pl.DataFrame({name: values, "other": range(100, 100 + len(values))}))
    return str(found["kind"][0])


@pytest.mark.parametrize(
    ("expected", "values"),
    [
        ("text", ["Ada Lovelace", "Bob", "Eve Online"]),
        ("text", ["IN", "GB", "US"]),
        ("free text", ["a long sentence about nothing at all, in many words"] * 4 + ["short one"]),
        ("free text", ["x" * 80, "y" * 90]),
        ("number", ["1", "2.50", "-3", "1,234.5", "€ 12", "12 %"]),
        ("number", ["1992", "2004", "1987"]),
        ("number", [1.5, 2.5, 7.0]),
        ("date", ["1958-01-21", "2001-12-31", "1999-1-1"]),
        ("date", ["21.01.1958", "31/12/2001", "1-1-99"]),
        ("date", ["19580121", "20011231", "18991103"]),
        ("date", ["21 Jan 1958", "December 31, 2001", "3. März 2020"]),
        ("date", ["2020-01-02T10:20:30Z", "2020-01-02 10:20"]),
        ("date", [date(2020, 1, 2), date(2021, 1, 2)]),
        ("code", ["gf-463-b", "fc3580", "NXSK3654/R5"]),
        ("code", ["01067", "80331", "10115"]),
        ("code", ["SW1A 1AA", "EC1Y 8SY"]),
        ("code", ["123456789012345", "223456789012345"]),
        ("email", ["ada@example.org", "bob.b@mail.example.com"]),
        ("phone", ["+49 30 1234567", "(555) 0123", "030 123456"]),
        ("url", ["https://example.org/a", "www.example.com", "http://x.y/z?q=1"]),
        ("constant", ["yes", "yes", "yes"]),
        ("empty", ["", "  ", None]),
    ],
)
def test_the_values_tell_the_kind_of_a_column(expected: str, values: list[object]) -> None:
    assert expected in KINDS
    assert kind(*values) == expected


def test_a_few_values_of_another_kind_do_not_change_the_kind() -> None:
    mails = [f"a{n}@example.org" for n in range(19)]
    assert kind(*mails, "unknown") == "email"
    assert kind(*mails[:5], *["unknown", "none", "n/a"]) == "text"


def test_digits_are_a_phone_only_if_the_name_or_the_form_says_so() -> None:
    values = ["5550123", "555 0199", "555-0187"]
    assert kind(*values) != "phone"
    assert kind(*values, name="home_phone") == "phone"


def test_shares_counts_and_examples_of_a_column() -> None:
    frame = pl.DataFrame({"city": ["oslo", "rome", "rome", "", None, "bonn", "kyiv", " "]})
    found, facts = profile_with_facts(frame.with_row_index("id"))
    assert found.schema == PROFILE
    assert found.filter(pl.col("column") == "city").to_dicts() == [
        {
            "column": "city",
            "kind": "text",
            "filled": 0.625,
            "distinct": 4,
            "examples": ["rome", "oslo", "bonn"],
            "used": True,
            "use": "compared",
        }
    ]
    assert facts == {
        "input": ["table"],
        "rows": 8,
        "id_column": "id",
        "notes": [],
        "uninformative_values": [],
    }


@pytest.mark.parametrize("name", ["contacts", "products", "publications"])
def test_a_profile_uses_the_columns_that_a_run_compares(name: str) -> None:
    file = SAMPLES / f"{name}.csv"
    found = dedupe.profile(file)
    records = make_records(pl.read_csv(file, infer_schema=False).fill_null(""), Config())
    assert found["column"].to_list() == [use.name for use in records.fields]
    assert found["used"].to_list() == [use.used for use in records.fields]
    for said, use in zip(found["use"], records.fields, strict=True):
        assert use.reason in said


def test_options_change_which_columns_are_used() -> None:
    frame = pl.DataFrame({"a": ["x", "y"], "b": ["u", "v"], "c": ["1", "2"]})
    found = dedupe.profile(frame, ignore=["b"], id="c")
    assert found["use"].to_list() == [
        "compared",
        "left out: named in ignore",
        "the id of the row",
    ]
    with pytest.raises(OptionError, match="no column 'z'"):
        dedupe.profile(frame, fields=["z"])


def test_an_input_that_a_run_refuses_has_a_profile() -> None:
    found = dedupe.profile(pl.DataFrame({"a": ["x"], "b": [""]}))
    assert found["kind"].to_list() == ["text", "empty"]
    constant = dedupe.profile(pl.DataFrame({"a": ["x", "x"]}))
    assert constant["use"].to_list() == ["left out: the same in every row"]


def test_nested_and_missing_values_are_counted() -> None:
    frame = pl.DataFrame({"tags": [["a"], ["b", "c"], None], "n": [1, None, 3]})
    found = dedupe.profile(frame)
    assert found["filled"].to_list() == [0.6667, 0.6667]
    assert found["kind"].to_list() == ["text", "number"]


def test_a_missing_file_is_one_clear_line() -> None:
    with pytest.raises(InputError, match="there is no file"):
        dedupe.profile("none.csv")


@pytest.mark.slow
def test_a_wide_table_is_profiled_in_a_moment() -> None:
    width = 3_000
    frame = pl.DataFrame({f"name of column {n}": [f"v{n}", "", "007"] for n in range(width)})
    start = time.process_time()
    found = dedupe.profile(frame.with_columns(id=pl.Series(["a", "b", "c"])))
    assert time.process_time() - start < 5  # one column at a time, it takes fourteen
    assert found.height == width + 1
    assert found["kind"].head(width).unique().to_list() == ["code"]
    assert found["examples"][5].to_list() == ["v5", "007"]


@pytest.mark.parametrize("name", ["name", "value", "place", "text", "count"])
def test_columns_of_any_name_are_profiled(name: str) -> None:
    found = dedupe.profile(pl.DataFrame({name: ["a", "a", " "], "other": ["x", "y", "z"]}))
    assert found["distinct"].to_list() == [1, 3]
    assert found["filled"].to_list() == [0.6667, 1.0]
