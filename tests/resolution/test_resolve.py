"""From pairs to tables: every row is accounted for, whatever the pairs and decisions are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from dedupe.config import Config
from dedupe.records import make_records
from dedupe.resolution.decisions import CHOICES
from dedupe.resolution.incremental import Standing, resolve_again
from dedupe.resolution.outputs import cluster_figures, make_outputs
from dedupe.resolution.resolve import resolve
from dedupe.resolution.survivorship import parse_rules
from dedupe.scoring.pairs import PAIRS

N = 8
NO_DECISIONS = pl.DataFrame(
    schema={"left_id": pl.String, "right_id": pl.String, "decision": pl.String}
)
EDGES = st.lists(
    st.tuples(st.integers(0, N - 1), st.integers(0, N - 1), st.floats(0, 1, width=32)).filter(
        lambda edge: edge[0] < edge[1]
    ),
    unique_by=lambda edge: edge[:2],
    max_size=20,
)
VERDICTS = st.lists(
    st.tuples(
        st.integers(0, N - 1),
        st.integers(0, N - 1),
        st.sampled_from(["match", "different", "unsure"]),
    ).filter(lambda one: one[0] < one[1]),
    unique_by=lambda one: one[:2],
    max_size=5,
)


def table(n: int = N) -> pl.DataFrame:
    return pl.DataFrame(
        {"id": [f"r{i}" for i in range(n)], "name": [f"n{i % 3}" * 2 for i in range(n)]}
    )


def scored(edges: list[tuple[int, int, float]]) -> pl.DataFrame:
    rows = [(a, b, p, p, "cross-encoder") for a, b, p in sorted(edges)]
    return pl.DataFrame(rows, schema=PAIRS, orient="row")


def run(frame: pl.DataFrame, pairs: pl.DataFrame, decisions: pl.DataFrame = NO_DECISIONS):
    records = make_records(frame, Config(fields=("name",)))
    resolved = resolve(records, pairs, decisions, Config())
    rules = parse_rules({}, frame.columns)
    return records, resolved, make_outputs(records, pairs, resolved, rules, Config())


@given(EDGES, VERDICTS)
def test_every_row_is_accounted_for_and_decisions_are_obeyed(
    edges: list[tuple[int, int, float]], made: list[tuple[int, int, str]]
) -> None:
    decisions = pl.DataFrame(
        [(f"r{a}", f"r{b}", decision) for a, b, decision in made],
        schema=NO_DECISIONS.schema, orient="row",
    )  # fmt: skip
    _, _, outputs = run(table(), scored(edges), decisions)
    ids = table()["id"].to_list()
    assert outputs.clusters["id"].to_list() == ids
    assert sorted([*outputs.merged["id"], *outputs.removed["id"]]) == ids
    assert set(outputs.removed["kept_id"]) <= set(outputs.merged["id"])
    cluster = dict(outputs.clusters.select("id", "cluster_id").iter_rows())
    sizes = outputs.clusters.group_by("cluster_id").len()
    assert dict(outputs.merged.select("cluster_id", "cluster_size").iter_rows()) == dict(
        sizes.iter_rows()
    )
    for a, b, decision in made:
        if decision == "different":
            assert cluster[f"r{a}"] != cluster[f"r{b}"]
    if not any(decision == "different" for *_, decision in made):
        for a, b, decision in made:
            assert decision != "match" or cluster[f"r{a}"] == cluster[f"r{b}"]
    kept = dict(outputs.removed.select("id", "kept_id").iter_rows())
    assert all(cluster[one] == cluster[other] for one, other in kept.items())


def test_cluster_ids_stay_when_rows_are_added_or_moved() -> None:
    pairs = scored([(0, 1, 0.9), (2, 3, 0.9)])
    before = dict(run(table(), pairs)[2].clusters.select("id", "cluster_id").iter_rows())
    more = dict(run(table(N + 4), pairs)[2].clusters.select("id", "cluster_id").iter_rows())
    assert before.items() <= more.items()
    order = np.arange(N)[::-1]
    turned = scored([(N - 2, N - 1, 0.9), (N - 4, N - 3, 0.9)])
    moved = run(table()[order.tolist()], turned)[2].clusters
    assert dict(moved.select("id", "cluster_id").iter_rows()) == before


def test_added_columns_do_not_replace_those_of_the_input() -> None:
    frame = table().with_columns(pl.lit("mine").alias("cluster_id"))
    outputs = run(frame, scored([(0, 1, 0.9)]))[2]
    assert outputs.clusters["cluster_id"].unique().to_list() == ["mine"]
    assert "dedupe_cluster_id" in outputs.clusters.columns
    assert "dedupe_cluster_size" in outputs.merged.columns


def test_the_merged_row_has_the_id_of_the_row_kept() -> None:
    frame = pl.DataFrame({"id": ["long-id", "b"], "name": ["x", "x y"], "city": ["", "rome"]})
    outputs = run(frame, scored([(0, 1, 0.75)]))[2]
    assert outputs.merged["id"].to_list() == ["b"]
    assert outputs.removed.rows() == [("long-id", "b", outputs.merged["cluster_id"][0], 0.75)]


def test_decisions_and_pairs_are_shown_by_id() -> None:
    decisions = pl.DataFrame([("r0", "r1", "different")], schema=NO_DECISIONS.schema, orient="row")
    outputs = run(table(), scored([(0, 1, 0.9), (2, 3, 0.25)]), decisions)[2]
    assert outputs.pairs.rows() == [
        ("r0", "r1", 0.9, 0.9, "cross-encoder", "different"),
        ("r2", "r3", 0.25, 0.25, "cross-encoder", ""),
    ]


def test_figures_count_and_name_what_is_worth_a_look() -> None:
    edges = [(a, b, 1.0) for a in range(4) for b in range(a + 1, 4)]
    pairs = scored([*edges, (5, 6, 0.3)])
    records, resolved, _ = run(table(), pairs)
    figures = cluster_figures(records, pairs, resolved, Config(large_cluster=3))
    assert figures["rows_merged"] == 3
    assert figures["largest_cluster"] == 4
    assert [large["size"] for large in figures["large_clusters"]] == [4]
    assert figures["doubtful_pairs"] == 1


@given(EDGES, EDGES, st.lists(st.booleans(), min_size=N, max_size=N))
def test_ids_stay_with_most_of_their_records_and_are_of_one_cluster(
    before: list[tuple[int, int, float]],
    after: list[tuple[int, int, float]],
    there: list[bool],
) -> None:
    records = make_records(table(), Config())
    none = NO_DECISIONS

    def pairs(edges: list[tuple[int, int, float]]) -> pl.DataFrame:
        rows = [(a, b, 0.5, p, "cross-encoder") for a, b, p in sorted(edges)]
        return pl.DataFrame(rows, schema=PAIRS, orient="row")

    first = resolve(records, pairs(before), none, Config())
    names = pl.Series([n if t else None for n, t in zip(first.cluster_id, there, strict=True)],
                      dtype=pl.String)  # fmt: skip
    records = replace(records, named=names)
    second = resolve(records, pairs(after), none, Config())
    again = resolve(replace(records, named=second.cluster_id), pairs(after), none, Config())
    assert again.cluster_id.equals(second.cluster_id)
    labels = second.clustering.labels
    of_label = dict(zip(labels.tolist(), second.cluster_id, strict=True))
    assert len(set(of_label.values())) == len(of_label)
    for label, name in of_label.items():
        brought = set(names.filter(pl.Series(labels == label)).drop_nulls())
        elsewhere = set(names.filter(pl.Series(labels != label)).drop_nulls())
        if len(brought) == 1 and not brought & elsewhere:
            assert {name} == brought


def test_choices_go_with_their_records_into_merged_rows() -> None:
    frame = pl.DataFrame(
        {"id": ["a", "b", "c", "d"], "name": ["Ada L", "Ada", "A.", "Bob"], "n": [1, 2, 3, 4]}
    )
    records = make_records(frame, Config(fields=("name",)))
    pairs = scored([(0, 1, 0.9), (0, 2, 0.9), (1, 2, 0.9)])
    key = dict(zip(records.ids, records.keys, strict=True))
    choices = pl.DataFrame(
        [(key["b"], "name"), (key["c"], "name"), (key["b"], None), (key["d"], "name"), ("?", "n")],
        schema=["record_id", "column"],
        orient="row",
    )
    resolved = resolve(records, pairs, NO_DECISIONS, Config(), choices)
    assert resolved.kept.tolist() == [1, 1, 1, 3]
    rules = parse_rules({"n": "concat"}, frame.columns)
    merged = make_outputs(records, pairs, resolved, rules, Config()).merged
    assert merged.select("id", "name", "n").rows() == [("b", "A.", "1 | 2 | 3"), ("d", "Bob", "4")]
    # A value chosen for a column of concatenations stands alone, as text.
    choices = pl.DataFrame([(key["a"], "n")], schema=["record_id", "column"], orient="row")
    resolved = resolve(records, pairs, NO_DECISIONS, Config(), choices)
    merged = make_outputs(records, pairs, resolved, rules, Config()).merged
    assert merged["n"].to_list() == ["1", "4"]


@given(EDGES, VERDICTS, st.integers(1, N), st.data())
def test_clustering_again_what_was_touched_is_clustering_everything(
    edges: list[tuple[int, int, float]],
    made: list[tuple[int, int, str]],
    old: int,
    data: st.DataObject,
) -> None:
    config, none = Config(), pl.DataFrame(schema=CHOICES)
    decisions = pl.DataFrame(
        [(f"r{a}", f"r{b}", decision) for a, b, decision in made],
        schema=NO_DECISIONS.schema,
        orient="row",
    )
    pairs = scored(edges)
    there = pairs.filter(pl.col("right") < old)
    gone = pl.Series(
        data.draw(st.lists(st.booleans(), min_size=there.height, max_size=there.height)),
        dtype=pl.Boolean,
    )
    was = resolve(make_records(table(max(old, 2)), Config(fields=("name",))), there, decisions,
                  config, none)  # fmt: skip
    place = np.minimum(np.arange(N), max(old, 2) - 1)
    before = Standing(
        was.clustering.labels[place],
        was.confidence[place],
        was.kept[place],
        was.joined_by[place],
        was.cluster_id.gather(place),
    )
    named = pl.Series([was.cluster_id[i] if i < old else None for i in range(N)], dtype=pl.String)
    records = replace(make_records(table(), Config(fields=("name",))), named=named)
    now = pairs.join(there.filter(gone), on=["left", "right"], how="anti").sort("left", "right")
    new = now.filter(pl.col("right") >= old)
    touched, compared = np.arange(N) >= old, np.zeros(N, dtype=bool)
    for side in ("left", "right"):
        touched[there.filter(gone)[side].to_numpy()] = True
        compared[new[side].to_numpy()] = True
    whole = resolve(records, now, decisions, config, none)
    again, _ = resolve_again(records, now, decisions, config, none, before, touched, compared)
    assert (again.clustering.labels == whole.clustering.labels).all()
    assert again.clustering.contradictions.equals(whole.clustering.contradictions)
    for name in ("confidence", "kept", "joined_by"):
        assert (getattr(again, name) == getattr(whole, name)).all(), name
    assert again.cluster_id.to_list() == whole.cluster_id.to_list()
    assert again.decided.equals(whole.decided)
