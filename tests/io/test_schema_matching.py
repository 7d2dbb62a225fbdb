"""Schema matching: names, contents and requests."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.errors import OptionError
from dedupe.io.schema_matching import Linked, align, stack_names

SHOP = pl.DataFrame(
    {
        "id": ["1", "2", "3"],
        "title": ["canon eos 450d", "sony bravia kdl", "bose quietcomfort 15"],
        "manufacturer": ["canon", "sony", "bose"],
        "price": ["499.00", "899.99", "299.95"],
        "remark": ["", "returned", ""],
    }
)
SELLER = pl.DataFrame(
    {
        "sku": ["a9", "b8", "c7"],
        "cost": ["450.5", "910.00", "280"],
        "product_name": ["eos 450d by canon", "bravia kdl 40 sony", "quietcomfort bose"],
        "brand": ["canon", "sony", "bose"],
        "shelf": ["x-1", "x-2", "y-9"],
    }
)


def fields(frames: list[pl.DataFrame], requested: dict[str, str] | None = None) -> dict[str, str]:
    return {alignment.field: alignment.column for alignment in align(frames, requested)}


def test_columns_of_the_same_name_are_one_field() -> None:
    paired = align([SHOP, SHOP.select(reversed(SHOP.columns))])
    assert {alignment.reason for alignment in paired} == {"same name"}
    assert all(alignment.field == alignment.column for alignment in paired)


def test_related_names_and_contents_are_found_and_the_rest_stays_apart() -> None:
    paired = fields([SHOP, SELLER])
    assert paired["title"] == "product_name"
    assert paired["manufacturer"] == "brand"
    assert paired["price"] == "cost"
    assert "remark" not in paired


def test_contents_count_if_names_are_not_similar() -> None:
    left = pl.DataFrame({"f1": ["berlin", "paris", "rome"], "f2": ["1981", "1982", "1990"]})
    right = pl.DataFrame({"x": ["1982", "1990", "1981"], "y": ["rome", "berlin", "oslo"]})
    assert fields([left, right]) == {"f1": "y", "f2": "x"}


def test_a_request_overrides_the_other_rules() -> None:
    paired = fields([SHOP, SELLER], {"title": "brand", "price": ""})
    assert paired["title"] == "brand"
    assert "price" not in paired
    assert paired.get("manufacturer") != "brand"


@pytest.mark.parametrize("requested", [{"nope": "brand"}, {"title": "nope"}])
def test_a_map_of_unknown_columns_is_refused(requested: dict[str, str]) -> None:
    with pytest.raises(OptionError, match="nope"):
        align([SHOP, SELLER], requested)


def test_a_column_mapped_to_two_fields_is_refused() -> None:
    right = SELLER.columns[0]
    with pytest.raises(OptionError, match=f"{right!r} is mapped to two columns"):
        align([SHOP, SELLER], dict.fromkeys(SHOP.columns[:2], right))


def stacked(frames: list[pl.DataFrame], requested: dict[str, str] | None = None) -> list[dict]:
    return list(stack_names([f.columns for f in frames], align(frames, requested), "source"))


def test_names_in_the_stack_are_unique() -> None:
    left = pl.DataFrame({"name": ["a"], "other": ["b"], "name_2": ["c"]})
    right = pl.DataFrame({"name": ["x"], "label": ["a"], "name_3": ["y"]})
    assert stacked([left, right], {"name": "label", "name_2": ""})[1] == {
        "name": "name_4", "label": "name", "name_3": "name_3",
    }  # fmt: skip


def test_a_column_requested_apart_is_not_paired_even_under_the_same_name() -> None:
    right = SHOP.with_columns(pl.lit("1").alias("price"))
    assert "price" not in fields([SHOP, right], {"price": ""})
    assert stacked([SHOP, right], {"price": ""})[1]["price"] == "price_2"


def test_a_column_with_the_reserved_name_is_renamed() -> None:
    plain = pl.DataFrame({"id": ["1", "2"], "name": ["x", "y"]})
    own = plain.with_columns(source=pl.lit("crm"))
    names = [
        {"id": "id", "name": "name"},
        *[{"id": "id", "name": "name", "source": "source_name"}] * 2,
    ]
    assert stacked([plain, own, own]) == names
    assert stacked([own, own]) == names[1:]
    taken = own.with_columns(source_name=pl.lit("z"))
    assert stacked([own, taken])[1] == {
        **names[1],
        "source": "source_name_2",
        "source_name": "source_name",
    }


def test_a_map_concerns_the_tables_that_have_its_column() -> None:
    left = pl.DataFrame({"name": ["ann smith", "bob jones"], "note": ["q", "r"]})
    other = pl.DataFrame({"name": ["zz", "yy"], "label": ["ann smith", "bob jonas"]})
    paired = [
        (alignment.table, alignment.column, alignment.field)
        for alignment in align([left, other, left], {"name": "label"})
    ]
    assert paired == [(1, "label", "name"), (2, "name", "name"), (2, "note", "note")]


@pytest.mark.parametrize(
    ("theirs", "column"),
    [
        ({"lead_nr": ["L7", "L8"], "city": ["oslo", "rome"]}, "lead_nr"),  # first, and codes
        ({"city": ["oslo", "rome"], "lead id": ["L7", "L8"]}, "lead id"),  # named so
        ({"city": ["oslo", "rome"], "lead_nr": ["L7", "L8"]}, None),
        ({"tel": ["555-0134", "555-0199"], "city": ["oslo", "rome"]}, None),  # a phone
        ({"lead_nr": ["L7", "L7"], "city": ["oslo", "rome"]}, None),
        ({"lead_nr": ["L 7", ""], "city": ["oslo", "rome"]}, None),
        ({"title": ["new york 1", "paris 2"], "city": ["oslo", "rome"]}, None),
    ],
)
def test_ids_are_paired_under_different_names(
    theirs: dict[str, list[str]], column: str | None
) -> None:
    mine = pl.DataFrame(
        {"id": ["A1", "A2"], "city": ["rome", "oslo"], "phone": ["555-0134", "555-0177"]}
    )
    paired = [
        alignment for alignment in align([mine, pl.DataFrame(theirs)]) if alignment.field == "id"
    ]
    assert [(alignment.column, alignment.reason) for alignment in paired] == (
        [(column, "ids of both")] if column else []
    )
    assert "id" not in fields([mine, pl.DataFrame(theirs)], {"id": ""})


def test_linked_tables_are_restored_from_plain_values() -> None:
    linked = Linked(("a", "b"), ({"x": "x"}, {"y": "x"}), align([SHOP, SELLER]))
    assert Linked.of(linked.as_dict()) == linked


COLUMNS = ["name", "title", "id", "lead id", "phone", "city", "town", "x"]
VALUES = ["ann smith", "rome", "oslo", "555-0134", "A1", "A2", "", "12"]
TABLES = st.lists(
    st.integers(1, 4).flatmap(
        lambda rows: st.dictionaries(
            st.sampled_from(COLUMNS),
            st.lists(st.sampled_from(VALUES), min_size=rows, max_size=rows),
            min_size=1,
            max_size=5,
        )
    ),
    min_size=2,
    max_size=3,
).map(lambda tables: [pl.DataFrame(table) for table in tables])


@given(TABLES, st.data())
def test_alignments_are_one_to_one_and_obey_requests(
    tables: list[pl.DataFrame], data: st.DataObject
) -> None:
    later = sorted({name for table in tables[1:] for name in table.columns})
    requested: dict[str, str] = data.draw(
        st.dictionaries(
            st.sampled_from(tables[0].columns), st.sampled_from(["", *later]), max_size=3
        ).filter(
            lambda names: len({*filter(None, names.values())}) == sum(map(bool, names.values()))
        )
    )
    alignments = align(tables, requested)
    assert list(alignments) == sorted(
        alignments,
        key=lambda alignment: (alignment.table, tables[0].columns.index(alignment.field)),
    )
    for number, table in enumerate(tables[1:], start=1):
        here = {
            alignment.field: alignment.column
            for alignment in alignments
            if alignment.table == number
        }
        assert len(here) == sum(alignment.table == number for alignment in alignments)
        assert len({*here.values()}) == len(here)
        assert {*here} <= {*tables[0].columns} and {*here.values()} <= {*table.columns}
        for name, column in requested.items():
            assert here.get(name) == column or column not in table.columns
            assert column or name not in here
