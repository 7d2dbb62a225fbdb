"""Alignment of columns: names, contents, and what was asked."""

from __future__ import annotations

import polars as pl
import pytest

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


def fields(frames: list[pl.DataFrame], asked: dict[str, str] | None = None) -> dict[str, str]:
    return {one.field: one.column for one in align(frames, asked)}


def test_columns_of_one_name_are_one_field() -> None:
    found = align([SHOP, SHOP.select(reversed(SHOP.columns))])
    assert {one.reason for one in found} == {"same name"}
    assert all(one.field == one.column for one in found)


def test_related_names_and_contents_are_found_and_the_rest_stays_apart() -> None:
    found = fields([SHOP, SELLER])
    assert found["title"] == "product_name"
    assert found["manufacturer"] == "brand"
    assert found["price"] == "cost"
    assert "remark" not in found


def test_contents_count_where_names_say_nothing() -> None:
    left = pl.DataFrame({"f1": ["berlin", "paris", "rome"], "f2": ["1981", "1982", "1990"]})
    right = pl.DataFrame({"x": ["1982", "1990", "1981"], "y": ["rome", "berlin", "oslo"]})
    assert fields([left, right]) == {"f1": "y", "f2": "x"}


def test_what_is_asked_wins() -> None:
    found = fields([SHOP, SELLER], {"title": "brand", "price": ""})
    assert found["title"] == "brand"
    assert "price" not in found
    assert found.get("manufacturer") != "brand"


@pytest.mark.parametrize("asked", [{"nope": "brand"}, {"title": "nope"}])
def test_a_map_of_unknown_columns_is_refused(asked: dict[str, str]) -> None:
    with pytest.raises(OptionError, match="nope"):
        align([SHOP, SELLER], asked)


def test_a_column_is_one_field_only() -> None:
    right = SELLER.columns[0]
    with pytest.raises(OptionError, match=f"{right!r} is said to be two columns"):
        align([SHOP, SELLER], dict.fromkeys(SHOP.columns[:2], right))


def stacked(frames: list[pl.DataFrame], asked: dict[str, str] | None = None) -> list[dict]:
    return list(stack_names([f.columns for f in frames], align(frames, asked), "source"))


def test_names_in_the_stack_never_clash() -> None:
    left = pl.DataFrame({"name": ["a"], "other": ["b"], "name_2": ["c"]})
    right = pl.DataFrame({"name": ["x"], "label": ["a"], "name_3": ["y"]})
    assert stacked([left, right], {"name": "label", "name_2": ""})[1] == {
        "name": "name_4", "label": "name", "name_3": "name_3",
    }  # fmt: skip


def test_a_column_kept_apart_is_no_field_even_under_the_same_name() -> None:
    right = SHOP.with_columns(pl.lit("1").alias("price"))
    assert "price" not in fields([SHOP, right], {"price": ""})
    assert stacked([SHOP, right], {"price": ""})[1]["price"] == "price_2"


def test_a_column_with_the_name_of_the_column_of_tables_is_kept_beside_it() -> None:
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


def test_a_map_is_for_the_tables_that_have_its_column() -> None:
    left = pl.DataFrame({"name": ["ann smith", "bob jones"], "note": ["q", "r"]})
    other = pl.DataFrame({"name": ["zz", "yy"], "label": ["ann smith", "bob jonas"]})
    found = [
        (one.table, one.column, one.field) for one in align([left, other, left], {"name": "label"})
    ]
    assert found == [(1, "label", "name"), (2, "name", "name"), (2, "note", "note")]


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
def test_ids_of_other_names_are_ids(theirs: dict[str, list[str]], column: str | None) -> None:
    mine = pl.DataFrame(
        {"id": ["A1", "A2"], "city": ["rome", "oslo"], "phone": ["555-0134", "555-0177"]}
    )
    found = [one for one in align([mine, pl.DataFrame(theirs)]) if one.field == "id"]
    assert [(one.column, one.reason) for one in found] == (
        [(column, "ids of both")] if column else []
    )
    assert "id" not in fields([mine, pl.DataFrame(theirs)], {"id": ""})


def test_what_is_kept_is_read_back() -> None:
    linked = Linked(("a", "b"), ({"x": "x"}, {"y": "x"}), align([SHOP, SELLER]))
    assert Linked.of(linked.as_dict()) == linked
