"""Survivorship rules, one by one and by laws that hold for every table."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.config import Config
from dedupe.errors import OptionError
from dedupe.resolution.survivorship.merge import merge, representatives, source_rows
from dedupe.resolution.survivorship.merge_rules import RULES, Rule, check_sources, parse_rules

KINDS = ["most-complete", "most-frequent", "longest", "first", "last", "max", "min", "concat"]


def merged_value(values: list[object], rule: str, **others: list[object]) -> object:
    """Merge the rows of one cluster, and return the value of the column with the rule."""
    frame = pl.DataFrame({"v": values, **others})
    labels = np.zeros(frame.height, np.uint32)
    rules = parse_rules(Config(merge={"v": rule}), frame.columns)
    return merge(frame, labels, rules)["v"].to_list()[0]


@pytest.mark.parametrize(
    ("values", "rule", "expected"),
    [
        (["ab", "abc", "ab"], "most-complete", "ab"),
        (["ab", "abc", ""], "most-complete", "abc"),
        (["ab", "cd", "  "], "most-complete", "ab"),
        (["", "", "", "x"], "most-frequent", "x"),
        (["b", "a", "a", "b"], "most-frequent", "b"),
        (["a", "ccc", "ddd"], "longest", "ccc"),
        ([None, "", "x", "y"], "first", "x"),
        (["x", "y", " "], "last", "y"),
        (["10", "9", "-3"], "max", "10"),
        (["10", "9", "1e1"], "max", "10"),
        (["10", "9", "-3.5"], "min", "-3.5"),
        (["10", "9", "x"], "max", "x"),
        (["10", "9", "x"], "min", "10"),
        (["b", "a", "b", "", "c"], "concat", "b | a | c"),
        (["  ", "", None], "most-complete", "  "),
        ([None, ""], "concat", None),
        ([3, None, 2], "min", 2),
        ([0.5, float("nan"), 0.25], "max", 0.5),
        ([True, False], "max", True),
        ([date(2020, 1, 1), date(2021, 1, 1)], "max", date(2021, 1, 1)),
        ([[1], [1, 2], None], "longest", [1, 2]),
        ([1, 2, 1], "concat", "1 | 2"),
    ],
)
def test_a_rule_picks_the_expected_value(values: list[object], rule: str, expected: object) -> None:
    assert merged_value(values, rule) == expected


@pytest.mark.parametrize(
    ("by", "newest", "oldest"),
    [
        (["9", "10", "8"], "b", "c"),
        (["2024-01-31", "2024-02-01T09:00", "2023-12-31 23:59:59.5"], "b", "c"),
        (["2024-01-01T00:30:00+02:00", "2023-12-31T23:00:00Z", "2024-01-01T00:00:00"], "c", "a"),
        # Day first, as 31 is no month; then month first.
        (["01/02/2024", "31/01/2024", "02/01/2024"], "a", "c"),
        (["01/02/2024", "01/31/2024", "02/01/2024"], "c", "a"),
        (["01.02.99", "31.01.05", "02.01.10"], "c", "a"),
        # Years of two digits: 69 is 1969, and 68 is 2068.
        (["01.02.69", "1/2-68", "01-02-70"], "b", "a"),
        # Year first with one digit for the month, times with zones and fractions.
        (["2024-1-5T10:00:00.25Z", "2024/01/05 12:00 +0200", "2024.01.05 10:00:00.5"], "c", "b"),
        # Dates of different kinds are compared as text.
        (["31/12/2024", "12/31/2025", "x"], "c", "b"),
        (["", "5", None], "b", "b"),
        ([date(2020, 1, 2), date(2020, 1, 3), date(2020, 1, 1)], "b", "c"),
        (["", "", ""], "a", "a"),
    ],
)
def test_newest_and_oldest_compare_numbers_dates_or_text(
    by: list[object], newest: str, oldest: str
) -> None:
    assert merged_value(["a", "b", "c"], "newest:at", at=by) == newest
    assert merged_value(["a", "b", "c"], "oldest:at", at=by) == oldest


def test_newest_skips_empty_values() -> None:
    assert merged_value(["a", "b", " "], "newest:at", at=["1", "2", "3"]) == "b"


def test_the_whole_column_decides_how_values_are_compared() -> None:
    # "x" is in another cluster, and makes the column text: "9" is above "10".
    frame = pl.DataFrame({"v": ["10", "9", "x"]})
    rules = parse_rules(Config(merge={"v": "max"}), frame.columns)
    assert merge(frame, np.array([0, 0, 2], np.uint32), rules)["v"].to_list() == ["9", "x"]


def test_columns_without_a_rule_get_the_default() -> None:
    assert parse_rules(Config(merge={"b": "newest: a"}), ["a", "b"]) == {
        "a": Rule("most-complete"),
        "b": Rule("newest", "a"),
    }
    assert {rule.partition(":")[0] for rule in RULES} == {*KINDS, "newest", "oldest", "prefer"}


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"z": "first"}, "no column 'z'"),
        ({"a": "best"}, "unknown rule 'best'"),
        ({"a": "first:b"}, "unknown rule 'first:b'"),
        ({"a": "newest"}, "needs a column"),
        ({"a": "oldest:z"}, "needs a column"),
        ({"a": "prefer:crm"}, "there is no column 'source': name it with source_column"),
        ({"a": "prefer"}, "needs names of sources"),
        ({"a": "prefer:crm,,web"}, "needs names of sources"),
        ({"a": "prefer:crm, crm"}, "names a source twice"),
    ],
)
def test_unknown_columns_and_rules_are_refused(rules: dict[str, str], words: str) -> None:
    with pytest.raises(OptionError, match=words) as error:
        parse_rules(Config(merge=rules), ["a", "b"])
    assert "\n" not in str(error.value)


def preferring(frame: pl.DataFrame, rule: str) -> dict[str, Rule]:
    return parse_rules(Config(merge={"v": rule}, source_column="from"), frame.columns)


@pytest.mark.parametrize(
    ("values", "sources", "expected"),
    [
        (["a", "b", "c"], ["web", "crm", "crm"], "b"),
        # Within a source, the longest of the most frequent values.
        (["a", "b", "cc", "b"], ["web", "crm", "crm", "crm"], "b"),
        (["a", "b", "cc"], ["web", "crm", "crm"], "cc"),
        # A source that has no value gives way to the next, and those without a rank come last.
        (["a", " ", None], ["web", "crm", "crm"], "a"),
        (["x", "x", "a"], ["erp", "erp", "web"], "a"),
        (["x", "", ""], ["erp", "web", "crm"], "x"),
        (["a", "b"], ["web.csv", "crm.parquet.gz"], "b"),
        (["a", "b"], ["web", " crm "], "b"),
        # A name in full is worth as much as one without the ending of the file.
        (["a", "b"], ["web.csv", "crm.sqlite::people"], "a"),
    ],
)
def test_prefer_takes_the_value_of_the_first_source_that_has_one(
    values: list[str | None], sources: list[str], expected: str
) -> None:
    frame = pl.DataFrame({"v": values, "from": sources})
    labels = np.zeros(frame.height, np.uint32)
    rules = preferring(frame, "prefer: crm, web")
    assert merge(frame, labels, rules)["v"].to_list() == [expected]
    from_row = int(source_rows(frame, labels, rules)["v"][0])
    assert values[from_row] == expected
    # The table of a link that is preferred does not outdo the order of a column.
    preferred = np.array([source == "erp" for source in sources])
    assert merge(frame, labels, rules, preferred)["v"].to_list() == [expected]


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "1", "22", "3"]), st.sampled_from(["a", "b", "c", ""])),
        min_size=1,
    )
)
def test_a_preferred_value_is_that_of_its_best_source_merged_alone(
    rows: list[tuple[str, str]],
) -> None:
    frame = pl.DataFrame(rows, schema=["v", "from"], orient="row")
    labels = np.zeros(frame.height, np.uint32)
    merged = merge(frame, labels, preferring(frame, "prefer:b,a"))["v"][0]
    for sources in (["b"], ["a"], ["c", ""]):
        alone = frame.filter(pl.col("from").is_in(sources) & (pl.col("v") != ""))
        if alone.height:
            zeros = np.zeros(alone.height, np.uint32)
            best = merge(alone, zeros, parse_rules(Config(), alone.columns))["v"][0]
            assert merged == best
            return
    assert merged == ""


def test_a_source_that_no_row_has_is_refused() -> None:
    frame = pl.DataFrame({"v": ["1", "2"], "from": ["crm.csv", "web.csv"]})
    check_sources(preferring(frame, "prefer:web,crm.csv"), frame)
    with pytest.raises(OptionError, match="prefers 'wbe', but no row has this in column 'from'"):
        check_sources(preferring(frame, "prefer:crm,wbe"), frame)


def test_the_representative_has_most_fields_then_the_longest_text_then_the_smallest_row() -> None:
    frame = pl.DataFrame(
        {
            "a": ["x", "x", "x", "xyz", None],
            "b": [" ", "y", "z", "", ""],
        }
    )
    labels = np.array([0, 0, 0, 3, 3], np.uint32)
    assert representatives(frame, labels).tolist() == [1, 1, 1, 3, 3]
    longer = pl.DataFrame({"a": ["x", "xx", "xx"]})
    assert representatives(longer, np.zeros(3, np.uint32)).tolist() == [1, 1, 1]


def test_tables_without_rows_or_columns_are_merged() -> None:
    frame = pl.DataFrame({"a": []}, schema={"a": pl.String})
    none = np.empty(0, np.uint32)
    assert merge(frame, none, parse_rules(Config(), ["a"])).equals(frame)
    assert representatives(frame, none).shape == (0,)
    assert representatives(pl.DataFrame(), np.zeros(2, np.uint32)).tolist() == [0, 0]


@st.composite
def tables(draw):
    n = draw(st.integers(1, 12))
    labels = np.arange(n, dtype=np.uint32)
    for row in range(1, n):
        if draw(st.booleans()):
            labels[row] = labels[draw(st.integers(0, row - 1))]
    cell = st.sampled_from([None, "", " ", "a", "b", "bb", "cc", "1", "10", "9", "2024-01-02"])
    texts = draw(st.lists(cell, min_size=n, max_size=n))
    dates = draw(st.lists(cell, min_size=n, max_size=n))
    numbers = draw(st.lists(st.one_of(st.none(), st.integers(-9, 9)), min_size=n, max_size=n))
    frame = pl.DataFrame(
        {"text": texts, "by": dates, "number": numbers},
        schema={"text": pl.String, "by": pl.String, "number": pl.Int32},
    )
    kinds = st.sampled_from([*KINDS, "newest:by", "oldest:by", "newest:number"])
    return frame, labels, {name: draw(kinds) for name in frame.columns}


@given(tables())
def test_a_merged_value_is_one_of_the_values_or_their_concatenation(table) -> None:
    frame, labels, given_rules = table
    merged = merge(frame, labels, parse_rules(Config(merge=given_rules), frame.columns))
    order = sorted(set(labels.tolist()))
    assert merged.height == len(order)
    assert merged.columns == frame.columns
    for name in frame.columns:
        concat = given_rules[name] == "concat"
        assert merged.schema[name] == (pl.String if concat else frame.schema[name])
        source = frame[name].cast(pl.String) if concat else frame[name]
        for at, label in enumerate(order):
            cells = source.filter(pl.Series(labels == label)).to_list()
            value = merged[name][at]
            if len(cells) == 1:
                assert value == cells[0]
                continue
            full = [cell for cell in cells if cell is not None and str(cell).strip()]
            if concat and full:
                assert value.split(" | ") == list(dict.fromkeys(full))
            else:
                assert value in (full or cells[:1])
    chosen = representatives(frame, labels)
    assert chosen.dtype == np.uint32
    assert (labels[chosen] == labels).all()
    assert (chosen[chosen] == chosen).all()


@given(tables())
def test_most_complete_is_the_longest_of_the_most_frequent_values(table) -> None:
    frame, labels, _ = table
    merged = merge(frame, labels, parse_rules(Config(), frame.columns))["text"]
    for at, label in enumerate(sorted(set(labels.tolist()))):
        cells = frame["text"].filter(pl.Series(labels == label)).to_list()
        full = [cell for cell in cells if cell and cell.strip()]
        if len(cells) > 1 and full:
            expected = max(full, key=lambda cell: (full.count(cell), len(cell), -full.index(cell)))
            assert merged[at] == expected
