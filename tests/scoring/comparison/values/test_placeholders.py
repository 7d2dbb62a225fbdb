"""Values that say that there is none are set aside, and real ones are not."""

from __future__ import annotations

import polars as pl
import pytest

from dedupe.scoring.comparison.record_table import record_table
from dedupe.scoring.comparison.values.placeholders import is_no_value, is_placeholder
from dedupe.scoring.comparison.values.roles import Role


def test_words_and_signs_for_no_value() -> None:
    none = ["n/a", "na", "none", "null", "unknown", "unbekannt", "tbd", "not provided", "xxx",
            "???", "-", "--", ".", "#n/a", "(blank)", "test"]  # fmt: skip
    real = ["nanette", "no", "tester", "x", "noname ltd", "anna", "0", "not far inn"]
    assert is_no_value(pl.Series(none)).all()
    assert not is_no_value(pl.Series(real)).any()


@pytest.mark.parametrize(
    ("role", "none", "real"),
    [
        (
            Role.PHONE,
            ["0000000000", "(000) 000-0000", "+1111111", "999", "123-456-7890", "12345"],
            ["030 1234567", "555-123-4567", "0000123"],
        ),
        (
            Role.EMAIL,
            ["test@test.com", "anna@test.com", "noreply@firma.de", "none@none.com"],
            ["anna@firma.de", "protest@firma.de", "anna@latest.com", "anna.berg@example.com"],
        ),
        (
            Role.DATE,
            ["1900-01-01", "01.01.1970", "0000-00-00", "9999-12-31", "1900-01-01 00:00:00"],
            ["1958-01-21", "1900-01-02", "1980-01-01", "2001-01-01"],
        ),
    ],
)
def test_placeholders_of_a_role(role: Role, none: list[str], real: list[str]) -> None:
    assert is_placeholder(pl.Series(none), role).all()
    assert not is_placeholder(pl.Series(real), role).any()


def test_other_roles_have_no_placeholders() -> None:
    values = pl.Series(["0000000000", "test@test.com", "1900-01-01"])
    assert not is_placeholder(values, Role.CODE).any()
    assert len(is_placeholder(values.head(0), Role.NAME)) == 0


def test_records_have_no_value_where_there_is_a_placeholder() -> None:
    texts = [
        "name: ada\nphone: 0000000000\nemail: test@test.com\ncity: unknown",
        "name: n/a\nphone: 030 1234567\nemail: ada@firma.de\ncity: paris",
        "name: bob\nphone: 030 7654321\nemail: bob@firma.de\ncity: rome",
    ]
    groups = record_table(pl.Series(texts)).groups
    there = {name: (groups[name].codes >= 0).tolist() for name in ("main", "phone", "email")}
    assert there == {
        "main": [True, False, True],
        "phone": [False, True, True],
        "email": [False, True, True],
    }
    assert (groups["place"].codes >= 0).tolist() == [False, True, True]
