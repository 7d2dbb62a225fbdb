"""Rules of the user are obeyed by clusters, whatever pairs and decisions there are."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dedupe.config import Config
from dedupe.errors import OptionError
from dedupe.records.records import make_records
from dedupe.resolution.clustering.average_link import agglomerate, sum_links
from dedupe.resolution.clustering.union_find import UnionFind
from dedupe.resolution.resolve import Resolved, resolve
from dedupe.resolution.ruled_pairs import ruled_pairs
from dedupe.resolution.rules import Rules, check_rules, rule_columns, rule_values
from dedupe.scoring.comparison.values.notation import in_one_notation
from dedupe.scoring.comparison.values.roles import Role
from dedupe.scoring.pairs import identical_pairs
from tests.laws import examples
from tests.resolution.graphs import DECISIONS, EDGES, NO_DECISIONS, N, links

VALUES = st.lists(st.sampled_from(["", "a", "b", "c"]), min_size=N, max_size=N)
TEXTS = st.lists(st.sampled_from(["x", "y", "z", "w", "v"]), min_size=N, max_size=N)


def clustered(
    texts: list[str], values: dict[str, list[str]], edges, decisions=(), **options
) -> Resolved:
    """Cluster records with some texts, values and scored pairs; the rules are options."""
    frame = pl.DataFrame({"name": texts, **values})
    config = Config(fields=("name",), **options)
    records = make_records(frame, config)
    if roles := dict.fromkeys(rule_columns(config), Role.OTHER):
        records = replace(records, rule_values=rule_values(frame, config, roles))
    firsts, identical = identical_pairs(records.texts)
    heads = set(firsts.to_list())
    scored = links(*(edge for edge in edges if edge[0] in heads and edge[1] in heads))
    pairs = pl.concat([identical, scored]).sort("left", "right")
    decided = pl.DataFrame(
        [(records.keys[a], records.keys[b], decision) for a, b, decision in decisions],
        schema=NO_DECISIONS.schema,
        orient="row",
    )
    return resolve(records, ruled_pairs(records, pairs, config), decided, config)


def together(resolved: Resolved) -> list[tuple[int, int]]:
    """List the pairs of records that are in one cluster."""
    labels = resolved.labels
    return [(a, b) for a, b in combinations(range(len(labels)), 2) if labels[a] == labels[b]]


@examples(40)
@given(TEXTS, VALUES, EDGES)
@example(["x"] * N, ["a", "b"] * (N // 2), [])
@example(["x"] * N, ["", "a", "b", "", "", "", "", "a"], [])
def test_no_cluster_has_two_values_that_must_agree(texts, values, edges):
    resolved = clustered(texts, {"c": values}, edges, must_agree=("c",))
    for a, b in together(resolved):
        assert "" in (values[a], values[b]) or values[a] == values[b]


@examples(40)
@given(TEXTS, VALUES, EDGES)
@example(["x"] * N, ["a"] * N, [])
@example(["x"] * N, ["a", "b"] * (N // 2), [])
def test_no_cluster_has_one_value_twice_that_must_differ(texts, values, edges):
    resolved = clustered(texts, {"c": values}, edges, must_differ=("c",))
    for a, b in together(resolved):
        assert "" in (values[a], values[b]) or values[a] != values[b]


@examples(40)
@given(TEXTS, VALUES, EDGES)
def test_records_with_an_exact_value_are_one_cluster(texts, values, edges):
    resolved = clustered(texts, {"c": values}, edges, exact=("c",))
    joined = set(together(resolved))
    for a, b in combinations(range(N), 2):
        if values[a] and values[a] == values[b]:
            assert (a, b) in joined


@examples(40)
@given(TEXTS, VALUES, VALUES, VALUES, EDGES, DECISIONS)
def test_the_order_of_decisions_and_rules(texts, agree, differ, exact, edges, decisions):
    """Only a chain of decided matches joins what a rule forbids; exact values never do."""
    values = {"agree": agree, "differ": differ, "exact": exact}
    options = {"must_agree": ("agree",), "must_differ": ("differ",), "exact": ("exact",)}
    resolved = clustered(texts, values, edges, decisions, **options)
    decided: UnionFind[int] = UnionFind()
    for a, b, decision in decisions:
        if decision == "match":
            decided.join((a, b))
    for a, b in together(resolved):
        forbidden = (agree[a] and agree[b] and agree[a] != agree[b]) or (
            differ[a] and differ[a] == differ[b]
        )
        assert not forbidden or decided.find(a) == decided.find(b)
    joined = set(together(resolved))
    for a, b, decision in decisions:
        assert decision != "different" or (a, b) not in joined


@examples(40)
@given(TEXTS, VALUES, EDGES, DECISIONS)
def test_rules_about_a_column_without_values_change_nothing(texts, values, edges, decisions):
    empty = {"c": [""] * N}
    without = clustered(texts, empty, edges, decisions)
    ruled = clustered(texts, empty, edges, decisions, must_agree=("c",), exact=("c",))
    assert ruled.rows.equals(without.rows)
    assert ruled.contradictions.equals(without.contradictions)


def test_a_decision_comes_before_a_rule_and_a_rule_before_an_exact_value():
    values = {"c": ["a", "b", "a"], "d": ["k", "k", "k"]}
    options = {"must_agree": ("c",), "exact": ("d",)}
    texts = ["x", "y", "z"]
    assert together(clustered(texts, values, [], **options)) == [(0, 2)]
    decided = clustered(texts, values, [], [(0, 1, "match")], **options)
    # The third record agrees with one of them only.
    assert together(decided) == [(0, 1)]
    different = clustered(texts, values, [], [(0, 2, "different")], **options)
    assert together(different) == []


def test_a_rule_holds_in_a_chain_that_no_pair_breaks():
    values = {"c": ["a", "", "b"]}
    edges = [(0, 1, 0.9), (1, 2, 0.8)]
    assert together(clustered(["x", "y", "z"], values, edges)) == [(0, 1), (0, 2), (1, 2)]
    assert together(clustered(["x", "y", "z"], values, edges, must_agree=("c",))) == [(0, 1)]


def test_many_records_of_one_exact_value_are_a_star():
    n = 100
    frame = pl.DataFrame({"name": [f"n{i}" for i in range(n)], "c": ["k"] * n})
    config = Config(fields=("name",), exact=("c",))
    values = rule_values(frame, config, {"c": Role.OTHER})
    pairs = Rules.of_values(values, config).exact_pairs()
    assert pairs.tolist() == [[0, row] for row in range(1, n)]
    source = np.arange(n, dtype=np.uint8) % 2
    across = Rules.of_values(values, config).exact_pairs(source)
    assert (source[across[:, 0]] != source[across[:, 1]]).all()
    assert set(across.ravel().tolist()) == set(range(n))


@pytest.mark.parametrize(
    ("role", "same", "different"),
    [
        (Role.PHONE, ["+49 30 1", "0049301"], "0049302"),
        (Role.PHONE, ["+49 30 1234567", "030 1234567 ext. 7"], "030 1234568"),
        (Role.DATE, ["1980-02-01", "1.2.1980", "1980-02-01t00:00:00"], "1980-02-02"),
        (Role.NUMBER, ["1,000.50", "01000.5"], "1000.05"),
        (Role.NUMBER, ["12345678901234567890"], "12345678901234567891"),
        (Role.CODE, ["ab-12", "ab 12", "ab12"], "ab13"),
        (Role.EMAIL, ["a@b.cc", "mailto:a+news@b.cc"], "b@b.cc"),
        (Role.URL, ["https://www.a.cc/", "a.cc"], "b.cc"),
        (Role.NAME, ["müller & co.", "mueller co"], "moller co"),
    ],
)
def test_values_are_compared_in_one_notation(role, same, different):
    found = in_one_notation(pl.Series([*same, different]), role)
    assert found.null_count() == 0
    assert found[: len(same)].n_unique() == 1
    assert found[-1] != found[0]


def test_placeholders_are_no_values():
    assert in_one_notation(pl.Series(["n/a", "000000", "", "-"]), Role.PHONE).null_count() == 4


def test_a_rule_about_an_unknown_column_is_refused():
    with pytest.raises(OptionError, match=r"must_agree: there is no column 'countryx'.*country"):
        check_rules(Config(must_agree=("countryx",)), ["name", "country"])


def test_agglomeration_needs_no_rules():
    pairs = links((0, 1, 0.9))
    node = np.arange(2, dtype=np.uint32)
    label, _ = agglomerate(
        sum_links(pairs, node),
        np.ones(2, dtype=np.int64),
        np.empty((0, 2), dtype=np.uint32),
        threshold=0.5,
        missing_weight=0,
    )
    assert label[0] == label[1]
