"""Column roles: which columns are compared, and why others are not."""

from __future__ import annotations

import polars as pl
import pytest

from dedupe.column_roles import column_roles
from dedupe.config import Config
from dedupe.errors import OptionError
from dedupe.records.value_text import as_texts

NAMES = ["ada", "grace", "mary", "hedy"]


def frame(**columns: list[object]) -> pl.DataFrame:
    return pl.DataFrame({"name": NAMES, **columns})


def reasons(table: pl.DataFrame, **options: object) -> dict[str, str]:
    roles, _ = column_roles(as_texts(table), Config().with_options(**options))
    return {role.name: role.reason for role in roles if not role.used}


def test_columns_that_cannot_identify_a_record_are_left_out_for_a_reason() -> None:
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


@pytest.mark.parametrize(
    "name", ["updated", "last_modified", "Updated At", "created_at", "date_changed", "geändert am"]
)
def test_dates_of_changes_to_the_row_are_left_out(name: str) -> None:
    for dates in (
        ["2024-01-05", "2023-11-30 08:15:00", "2024-01-05T10:00:00Z", ""],
        ["5.1.2024", "30.11.2023", "05/01/2024", "1-2-24"],
    ):
        assert reasons(frame(**{name: dates})) == {name: "when the row was changed"}
    assert reasons(frame(**{name: ["2024-01-05", "yes", "no", ""]})) == {}
    assert reasons(frame(**{name: ["2024-01-05", "", "", ""]}), fields=[name]) == {
        "name": "not named in fields"
    }


def test_other_dates_are_compared() -> None:
    dates = ["1815-12-10", "1906-12-09", "1921-04-09", "1914-11-09"]
    assert reasons(frame(born=dates, released=dates, created=dates)) == {}


def test_numbers_that_do_not_number_the_rows_are_compared() -> None:
    assert reasons(frame(phone=["5550101", "5550199", "5550150", "5550120"])) == {}


def test_fields_and_ignore_overrule_the_choice() -> None:
    table = frame(kind=["x"] * 4, city=["rome", "oslo", "bonn", "rome"])
    assert "kind" not in reasons(table, fields=("kind", "name"))
    assert reasons(table, fields=("name",))["city"] == "not named in fields"
    assert reasons(table, ignore=("city",))["city"] == "named in ignore"


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
        column_roles(as_texts(table), Config().with_options(**options))
