"""Alignment of columns: names, contents, and what was asked."""

from __future__ import annotations

import polars as pl
import pytest

from dedupe.alignment import Linked, align, stack_names
from dedupe.errors import OptionError

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


def test_names_in_the_stack_never_clash() -> None:
    left = pl.DataFrame({"name": ["a"], "other": ["b"]})
    right = pl.DataFrame({"name": ["x"], "label": ["a"]})
    found = align([left, right], {"name": "label"})
    names = stack_names(right.columns, 1, found)
    assert names == {"name": "name_2", "label": "name"}


def test_what_is_kept_is_read_back() -> None:
    linked = Linked(("a", "b"), ({"x": "x"}, {"y": "x"}), align([SHOP, SELLER]))
    assert Linked.of(linked.as_dict()) == linked
