"""Linking tables: columns of other names, choices of links, what has no match."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import dedupe
import dedupe.pipeline
from dedupe.errors import InputError, OptionError
from tests.review.conftest import score_by_likeness

SHOP = pl.DataFrame(
    {
        "id": ["1", "2", "3", "4"],
        "title": [
            "canon eos 450d kit",
            "sony bravia 40",
            "bose quietcomfort",
            "canon eos 450d kit",
        ],
        "price": ["499", "899", "", "499"],
    }
)
SELLER = pl.DataFrame(
    {
        "id": ["1", "2", "3"],
        "product_name": ["canon eos 450d kit", "sony bravia 40 tv", "makita drill"],
        "cost": ["480", "910", "120"],
        "shelf": ["a", "b", "c"],
    }
)


@pytest.fixture(autouse=True)
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dedupe.pipeline, "load_cross_encoder", lambda config: None)
    monkeypatch.setattr(dedupe.pipeline, "score_pairs", score_by_likeness)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    SHOP.write_csv(tmp_path / "shop.csv")
    SELLER.write_csv(tmp_path / "seller.csv")
    return tmp_path / "shop.csv", tmp_path / "seller.csv"


def ids(result: dedupe.Result) -> list[tuple[str, str]]:
    return sorted(result.matches.select("left_id", "right_id").rows())


def test_matches_have_the_ids_of_their_tables_and_the_rest_its_own_columns(
    files: tuple[Path, Path],
) -> None:
    result = dedupe.link(*files, threshold=0.8)
    assert ids(result) == [("1", "1"), ("2", "2"), ("4", "1")]
    unmatched = result.unmatched
    assert unmatched["shop"]["id"].to_list() == ["3"]
    assert unmatched["seller"].columns == SELLER.columns
    assert unmatched["seller"]["product_name"].to_list() == ["makita drill"]
    assert result.workspace is not None
    assert result.workspace.name == "shop-seller.dedupe"
    written = {path.name for path in result.workspace.glob("*.csv")}
    assert {"matches.csv", "unmatched-shop.csv", "unmatched-seller.csv", "merged.csv"} <= written


def test_pairs_within_one_table_are_links_only_when_asked_for() -> None:
    apart = dedupe.link(SHOP, SELLER.filter(pl.col("id") == "3"), threshold=0.8)
    assert apart.merged.height == 5
    within = dedupe.link(SHOP, SELLER.filter(pl.col("id") == "3"), threshold=0.8, within=True)
    assert within.merged.height == 4


@pytest.mark.parametrize(("link", "count"), [("one", 2), ("best", 3), ("many", 3)])
def test_one_to_one_and_best(link: str, count: int) -> None:
    result = dedupe.link(SHOP, SELLER, threshold=0.8, link=link)
    assert result.matches.height == count
    assert result.matches["left_id"].n_unique() == count
    if link == "one":
        assert result.matches["right_id"].n_unique() == count
    rows = len(SHOP) + len(SELLER)
    assert result.merged.height + result.removed.height == rows


@pytest.mark.parametrize(("prefer", "price"), [("table1", "899"), ("table2", "910")])
def test_the_preferred_tables_values_come_first(prefer: str, price: str) -> None:
    result = dedupe.link(SHOP, SELLER, threshold=0.8, prefer=prefer)
    merged = result.merged.filter(pl.col("title").str.starts_with("sony"))
    assert merged["price"].to_list() == [price]


def test_a_workspace_of_links_is_exported_and_evaluated(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    made = dedupe.link(*files, threshold=0.8)
    assert made.workspace is not None
    gold = pl.DataFrame({"id_a": ["1", "2", "4"], "id_b": ["1", "2", "1"]})
    figures = dedupe.evaluate_workspace(made.workspace, gold)
    assert (figures.pair_precision, figures.pair_recall) == (1, 1)
    one = dedupe.export(made.workspace, link="one")
    assert one.matches.height == 2
    again = dedupe.link(*files, threshold=0.8)
    assert again.matches.height == 3


def test_three_tables_are_linked(files: tuple[Path, Path]) -> None:
    third = SELLER.rename({"product_name": "item"})
    result = dedupe.link(SHOP, SELLER, third, threshold=0.8, link="one")
    assert set(result.matches.select("left_table", "right_table").rows()) == {
        ("table1", "table2"), ("table1", "table3"), ("table2", "table3")
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sources", "options", "says"),
    [
        ((SHOP,), {}, "two tables"),
        ((SHOP, "a.csv"), {}, "not both"),
        ((SHOP, SELLER), {"map": {"nope": "cost"}}, "nope"),
        ((SHOP, SELLER), {"prefer": "nope"}, "nope"),
        ((SHOP, SELLER), {"link": "two"}, "two"),
        ((SHOP, SELLER), {"link": "one", "within": True}, "within"),
    ],
)
def test_wrong_requests_are_one_clear_line(sources: tuple, options: dict, says: str) -> None:
    with pytest.raises((InputError, OptionError), match=says):
        dedupe.link(*sources, **options)


def test_matches_are_not_there_without_linking() -> None:
    with pytest.raises(AttributeError, match="link"):
        _ = dedupe.run(SHOP).matches
