"""Output tables: every row is accounted for, whatever the pairs and decisions are."""

from __future__ import annotations

import polars as pl
from hypothesis import given

from dedupe.config import Config
from dedupe.records.records import make_records
from dedupe.resolution.outputs import (
    PAIR_COLUMNS,
    clusters_table,
    make_outputs,
    merged_table,
    pairs_table,
    row_order,
)
from dedupe.resolution.resolve import resolve
from dedupe.resolution.survivorship.merge_rules import parse_rules
from tests.resolution.graphs import DECISIONS, EDGES, NO_DECISIONS, decisions_of, links, run, table


@given(EDGES, DECISIONS)
def test_every_row_is_accounted_for_and_decisions_are_obeyed(
    edges: list[tuple[int, int, float]], decided: list[tuple[int, int, str]]
) -> None:
    _, _, outputs = run(table(), links(*edges), decisions_of(decided))
    ids = table()["id"].to_list()
    assert outputs.clusters["id"].to_list() == ids
    assert sorted([*outputs.merged["id"], *outputs.removed["id"]]) == ids
    assert set(outputs.removed["kept_id"]) <= set(outputs.merged["id"])
    cluster = dict(outputs.clusters.select("id", "cluster_id").iter_rows())
    sizes = outputs.clusters.group_by("cluster_id").len()
    assert dict(outputs.merged.select("cluster_id", "cluster_size").iter_rows()) == dict(
        sizes.iter_rows()
    )
    for a, b, decision in decided:
        if decision == "different":
            assert cluster[f"r{a}"] != cluster[f"r{b}"]
    if not any(decision == "different" for *_, decision in decided):
        for a, b, decision in decided:
            assert decision != "match" or cluster[f"r{a}"] == cluster[f"r{b}"]
    representative = dict(outputs.removed.select("id", "kept_id").iter_rows())
    assert all(cluster[removed] == cluster[row] for removed, row in representative.items())


def test_added_columns_do_not_replace_those_of_the_input() -> None:
    frame = table().with_columns(pl.lit("mine").alias("cluster_id"))
    outputs = run(frame, links((0, 1, 0.9)))[2]
    assert outputs.clusters["cluster_id"].unique().to_list() == ["mine"]
    assert "dedupe_cluster_id" in outputs.clusters.columns
    assert "dedupe_cluster_size" in outputs.merged.columns


def test_a_merged_row_has_the_id_of_the_representative() -> None:
    frame = pl.DataFrame({"id": ["long-id", "b"], "name": ["x", "x y"], "city": ["", "rome"]})
    outputs = run(frame, links((0, 1, 0.75)))[2]
    assert outputs.merged["id"].to_list() == ["b"]
    assert outputs.removed.rows() == [("long-id", "b", outputs.merged["cluster_id"][0], 0.75)]


def test_decisions_and_pairs_are_shown_by_id() -> None:
    pairs = links((0, 1, 0.9, 0.9), (2, 3, 0.25, 0.25))
    outputs = run(table(), pairs, decisions_of([(0, 1, "different")]))[2]
    assert outputs.pairs.rows() == [
        ("r0", "r1", 0.9, 0.9, "cross-encoder", "different", ""),
        ("r2", "r3", 0.25, 0.25, "cross-encoder", "", ""),
    ]


def test_choices_of_reviewers_go_into_merged_rows() -> None:
    frame = pl.DataFrame(
        {"id": ["a", "b", "c", "d"], "name": ["Ada L", "Ada", "A.", "Bob"], "n": [1, 2, 3, 4]}
    )
    records = make_records(frame, Config(fields=("name",)))
    pairs = links((0, 1, 0.9), (0, 2, 0.9), (1, 2, 0.9))
    key = dict(zip(records.ids, records.keys, strict=True))
    choices = pl.DataFrame(
        [
            (key["b"], "name", None),
            (key["c"], "name", None),
            (key["b"], None, None),
            (key["d"], "name", "Robert"),
            ("?", "n", None),
        ],
        schema={"record_id": pl.String, "column": pl.String, "value": pl.String},
        orient="row",
    )
    resolved = resolve(records, pairs, NO_DECISIONS, Config(), choices)
    assert resolved.rows["representative"].to_list() == [1, 1, 1, 3]
    rules = parse_rules(Config(merge={"n": "concat"}), frame.columns)
    merged = make_outputs(records, pairs, resolved, rules, Config()).merged
    assert merged.select("id", "name", "n").rows() == [
        ("b", "A.", "1 | 2 | 3"),
        ("d", "Robert", "4"),
    ]


def test_a_value_chosen_for_a_column_of_concatenations_replaces_them_as_text() -> None:
    frame = pl.DataFrame({"id": ["a", "b"], "name": ["Ada L", "Ada"], "n": [1, 2]})
    records = make_records(frame, Config(fields=("name",)))
    pairs = links((0, 1, 0.9))
    for typed, written in ((None, "1"), ("7", "7")):
        choices = pl.DataFrame(
            [(records.keys[0], "n", typed)],
            schema={"record_id": pl.String, "column": pl.String, "value": pl.String},
            orient="row",
        )
        resolved = resolve(records, pairs, NO_DECISIONS, Config(), choices)
        rules = parse_rules(Config(merge={"n": "concat"}), frame.columns)
        merged = make_outputs(records, pairs, resolved, rules, Config()).merged
        assert merged["n"].to_list() == [written]


def test_clusters_can_be_sorted_so_that_duplicates_are_together() -> None:
    records, resolved, outputs = run(table(), links((0, 3, 0.9), (1, 4, 0.9)))
    order = row_order(resolved, Config(sort="cluster"))
    together = clusters_table(records, resolved, order)
    assert together["id"].to_list()[:4] == ["r0", "r3", "r1", "r4"]
    assert together.sort("id").equals(outputs.clusters.sort("id"))
    assert row_order(resolved, Config()).tolist() == list(range(len(records)))


def test_pairs_have_the_values_of_both_records_on_request() -> None:
    records, resolved, outputs = run(table(), links((0, 3, 0.9)))
    pairs = links((0, 3, 0.9))
    found = pairs_table(records, pairs, resolved.decisions, Config(pair_values=True))
    assert found.select(PAIR_COLUMNS).equals(outputs.pairs)
    used = [role.name for role in records.fields if role.used]
    row = found.row(0, named=True)
    for name in used:
        assert row[f"left_{name}"] == records.frame[name][0]
        assert row[f"right_{name}"] == records.frame[name][3]


def test_merged_rows_name_the_record_of_each_value_on_request() -> None:
    frame = pl.DataFrame(
        {
            "id": ["a", "b", "c"],
            "name": ["Ann", "Anna Lee", "Bob"],
            "city": ["", "Rome", None],
            "city_source": ["x", "y", "z"],
        }
    )
    records, resolved, _ = run(frame, links((0, 1, 0.9)))
    rules = parse_rules(Config(merge={"name": "concat"}), frame.columns)
    merged = merged_table(records, resolved, rules, Config(value_sources=True))
    assert merged["dedupe_city_source"].to_list() == ["b", ""]
    assert merged["dedupe_name_source"].to_list() == ["", ""], "joined from several records"
    assert merged["city_source"].to_list() == ["x", "z"]
    assert merged["dedupe_city_source_source"].to_list() == ["a", "c"]
    plain = merged_table(records, resolved, rules, Config())
    assert merged.select(plain.columns).equals(plain)


def test_a_typed_value_is_from_no_record() -> None:
    frame = pl.DataFrame({"id": ["a", "b"], "name": ["Ann", "Anna"], "city": ["Rome", "Pisa"]})
    records = make_records(frame, Config(fields=("name",)))
    choices = pl.DataFrame(
        [(records.keys[0], "city", "Oslo"), (records.keys[1], "name", None)],
        schema={"record_id": pl.String, "column": pl.String, "value": pl.String},
        orient="row",
    )
    resolved = resolve(records, links((0, 1, 0.9)), NO_DECISIONS, Config(), choices)
    rules = parse_rules(Config(), frame.columns)
    merged = merged_table(records, resolved, rules, Config(value_sources=True))
    assert merged.select("city", "city_source").rows() == [("Oslo", "")]
    assert merged.select("name", "name_source").rows() == [("Anna", "b")]
