"""Linking tables: columns of other names, choices of links, what has no match."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest

import dedupe
import dedupe.pipeline.run
from dedupe.errors import InputError, OptionError
from dedupe.io.dialect import CSV
from dedupe.io.tables import write_tables

pytestmark = pytest.mark.usefixtures("scored_by_likeness")

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


@pytest.mark.slow
def test_pairs_within_one_table_are_links_only_when_asked_for() -> None:
    apart = dedupe.link(SHOP, SELLER.filter(pl.col("id") == "3"), threshold=0.8)
    assert apart.merged.height == 5
    within = dedupe.link(
        SHOP, SELLER.filter(pl.col("id") == "3"), threshold=0.8, within_tables=True
    )
    assert within.merged.height == 4


@pytest.mark.parametrize(
    ("link", "count"), [("one-to-one", 2), ("many-to-one", 3), ("many-to-many", 3)]
)
def test_one_to_one_and_best(link: str, count: int) -> None:
    result = dedupe.link(SHOP, SELLER, threshold=0.8, link=link)
    assert result.matches.height == count
    assert result.matches["left_id"].n_unique() == count
    if link == "one-to-one":
        assert result.matches["right_id"].n_unique() == count
    rows = len(SHOP) + len(SELLER)
    assert result.merged.height + result.removed.height == rows


@pytest.mark.parametrize(("prefer", "price"), [("table1", "899"), ("table2", "910")])
def test_the_preferred_tables_values_come_first(prefer: str, price: str) -> None:
    result = dedupe.link(SHOP, SELLER, threshold=0.8, prefer=prefer)
    merged = result.merged.filter(pl.col("title").str.starts_with("sony"))
    assert merged["price"].to_list() == [price]


@pytest.mark.slow
def test_a_workspace_of_links_is_exported_and_evaluated(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    made = dedupe.link(*files, threshold=0.8)
    assert made.workspace is not None
    gold = pl.DataFrame({"id_a": ["1", "2", "4"], "id_b": ["1", "2", "1"]})
    figures = dedupe.evaluate_workspace(made.workspace, gold)
    assert (figures.pair_precision, figures.pair_recall) == (1, 1)
    one = dedupe.export(made.workspace, link="one-to-one")
    assert one.matches.height == 2
    # The choice of the last export stays, until another one is named.
    assert dedupe.link(*files, threshold=0.8).matches.height == 2
    again = dedupe.link(*files, threshold=0.8, link="many-to-many")
    assert again.matches.height == 3


def test_ids_of_other_names_are_those_of_the_matches() -> None:
    theirs = SELLER.select(pl.exclude("id")).insert_column(0, pl.Series("nr", ["s7", "s8", "s9"]))
    result = dedupe.link(SHOP.with_columns(id="p" + pl.col("id")), theirs, threshold=0.8)
    assert ids(result) == [("p1", "s7"), ("p2", "s8"), ("p4", "s7")]
    assert result.unmatched["table2"]["nr"].to_list() == ["s9"]
    assert [use["reason"] for use in result.summary["fields"] if use["name"] == "id"] == [
        "the id of the row"
    ]
    number = theirs.rename({"nr": "id"})
    other = dedupe.link(SHOP.rename({"id": "number"}), number, threshold=0.8)
    assert ids(other) == [("1", "s7"), ("2", "s8"), ("4", "s7")]


@pytest.mark.model
def test_a_column_called_source_stays_a_column(tmp_path: Path) -> None:
    left, right = (some.with_columns(source=pl.lit("x")) for some in (SHOP, SELLER))
    result = dedupe.link(left, right, threshold=0.8, output=tmp_path / "w")
    assert result.clusters["source"].unique().sort().to_list() == ["table1", "table2"]
    assert set(result.clusters["source_name"]) == {"x"}
    assert result.unmatched["table2"].equals(right.filter(pl.col("id") == "3"))
    more = right.with_columns(id=pl.lit("9")).head(1)
    added = dedupe.add(tmp_path / "w", more, to="table2")
    assert added.clusters.select("source", "source_name").row(-1) == ("table2", "x")


@pytest.mark.slow
def test_tables_are_named_after_their_files_whatever_these_are(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    packed = tmp_path / "old/shop.csv.gz"
    packed.write_bytes(gzip.compress(SHOP.write_csv().encode()))
    stores = {"goods": SELLER, "rest": SHOP}
    write_tables(stores, tmp_path, format="sqlite", dialect=CSV)
    base = tmp_path / "results.sqlite"
    SHOP.write_csv(tmp_path / "shop.csv")
    result = dedupe.link(packed, tmp_path / "shop.csv", f"{base}::goods", prefer="shop-2")
    assert list(result.unmatched) == ["shop", "shop-2", "results-goods"]
    assert result.workspace == tmp_path / "old/shop-shop-results-goods.dedupe"
    address = f"sqlite:///{base}"
    result = dedupe.link(f"{address}::goods", f"{address}::rest")
    assert result.workspace == tmp_path / "results-goods-results-rest.dedupe"


@pytest.mark.slow
def test_very_many_tables_have_a_workspace_of_a_short_name(tmp_path: Path) -> None:
    files = [tmp_path / f"{'branch' * 8}-{n}.csv" for n in range(5)]
    for file in files:
        SHOP.head(2).write_csv(file)
    result = dedupe.link(*files)
    assert result.workspace == tmp_path / f"{files[0].stem}-and-4-more.dedupe"


@pytest.mark.parametrize("again", [False, True])
def test_a_preferred_table_that_is_not_there_is_refused(
    files: tuple[Path, Path], again: bool
) -> None:
    if again:
        dedupe.link(*files)
    with pytest.raises(OptionError, match="no table 'nope'; there are shop, seller"):
        dedupe.link(*files, prefer="nope")


@pytest.mark.slow
def test_what_is_asked_of_links_goes_with_the_tables_that_there_are(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    linked = dedupe.link(*files, threshold=0.8).workspace
    alone = dedupe.run(SHOP, output=tmp_path / "alone").workspace
    assert linked is not None and alone is not None
    with pytest.raises(OptionError, match="no table 'nope'"):
        dedupe.export(linked, prefer="nope")
    with pytest.raises(OptionError, match="link is '', but the workspace has linked tables"):
        dedupe.export(linked, link="")
    with pytest.raises(OptionError, match="link is 'one-to-one', but the workspace has one table"):
        dedupe.export(alone, link="one-to-one")
    with pytest.raises(InputError, match=r"linking needs two tables or more; shop\.csv is one"):
        dedupe.link(files[0], files[0])
    with pytest.raises(InputError, match="linking needs two tables or more"):
        dedupe.run(SHOP, link="one-to-one")


def test_labels_name_records_as_their_tables_do(tmp_path: Path) -> None:
    place = dedupe.link(SHOP, SELLER, output=tmp_path / "w").workspace
    assert place is not None
    for ids, label in ((("1", "1"), "different"), (("1:3", "2:3"), "match")):
        labels = pl.DataFrame([(*ids, label)], schema=["id_a", "id_b", "label"], orient="row")
        assert dedupe.workspace.labels.import_decisions(place, labels) == 1
    log = dedupe.workspace.labels.decision_log(place)
    assert log.select("left_id", "right_id").rows() == [("1:1", "2:1"), ("1:3", "2:3")]
    unknown = pl.DataFrame({"id_a": ["9"], "id_b": ["1"], "label": ["match"]})
    with pytest.raises(InputError, match="an id that the data does not have: '1:9'"):
        dedupe.workspace.labels.import_decisions(place, unknown)


def test_three_tables_are_linked(files: tuple[Path, Path]) -> None:
    third = SELLER.rename({"product_name": "item"})
    result = dedupe.link(SHOP, SELLER, third, threshold=0.8, link="one-to-one")
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
        ((SHOP, SELLER), {"link": "one-to-one", "within_tables": True}, "within"),
    ],
)
def test_wrong_requests_are_one_clear_line(sources: tuple, options: dict, says: str) -> None:
    with pytest.raises((InputError, OptionError), match=says):
        dedupe.link(*sources, **options)


def test_matches_are_not_there_without_linking() -> None:
    with pytest.raises(AttributeError, match="link"):
        _ = dedupe.run(SHOP).matches
