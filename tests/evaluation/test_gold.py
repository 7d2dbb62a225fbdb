"""Evaluation against a gold standard, compared with counting pair by pair."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.errors import InputError
from dedupe.evaluation.gold import Gold, evaluate, read_gold

SCHEMA = {"left": pl.UInt32, "right": pl.UInt32, "decided_by": pl.String}


def candidates(*pairs, identical=()):
    lines = [(*p, "comparison") for p in pairs] + [(*p, "identical") for p in identical]
    return pl.DataFrame(lines, schema=SCHEMA, orient="row").sort("left", "right")


def labels(*values):
    return np.array(values, np.uint32)


def test_measures_of_a_small_example() -> None:
    gold = read_gold(
        pl.DataFrame({"id": ["a", "b", "c", "d"], "cluster_id": [1, 1, 1, 2], "note": "x"}),
        ["a", "b", "c", "d", "e"],
    )
    assert gold.pairs is None
    assert gold.labels.tolist() == [0, 0, 0, 3, 4]
    assert gold.labels.dtype == np.uint32
    found = evaluate(labels(0, 0, 2, 2, 4), candidates((0, 1), (2, 3), (0, 4)), gold)
    assert found.as_dict() == {
        "rows": 5,
        "true_pairs": 3,
        "found_pairs": 2,
        "pair_precision": 1 / 2,
        "pair_recall": 1 / 3,
        "pair_f1": pytest.approx(0.4),
        "bcubed_precision": pytest.approx((1 + 1 + 0.5 + 0.5 + 1) / 5),
        "bcubed_recall": pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 + 1) / 5),
        "bcubed_f1": pytest.approx(2 * 0.8 * (11 / 15) / (0.8 + 11 / 15)),
        "candidate_recall": pytest.approx(1 / 3),
        "candidates_per_record": 3 / 5,
        "clusters": 2,
        "true_clusters": 1,
        "exact_clusters": 0,
    }


def test_true_pairs_do_not_imply_their_transitive_closure() -> None:
    frame = pl.DataFrame({"id_a": ["c", "a", "b", "a"], "id_b": ["b", "b", "a", "a"]})
    gold = read_gold(frame, np.array(["a", "b", "c"]))
    assert gold.pairs.tolist() == [[0, 1], [1, 2]]
    assert gold.labels.tolist() == [0, 0, 0]
    found = evaluate(labels(0, 0, 0), candidates((0, 2)), gold)
    assert (found.true_pairs, found.found_pairs) == (2, 3)
    assert found.pair_precision == pytest.approx(2 / 3)
    assert found.bcubed_precision == 1
    assert found.candidate_recall == 0


def test_ids_that_are_numbers_are_read_as_text() -> None:
    gold = read_gold(pl.DataFrame({"id": [0, 2], "cluster_id": [7, 7]}), ["0", "1", "2"])
    assert gold.labels.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ({"id": ["a"], "group": ["x"]}, "it has id, group"),
        ({"id": ["a", "z", "y", "z"], "cluster_id": [1, 1, 1, 2]}, "'z' .and 1 more. is not"),
        ({"id_a": ["a"], "id_b": ["z"]}, "id 'z' is not in the data"),
        ({"id_a": ["a"], "id_b": [None]}, "an empty id is not"),
        ({"id": ["a", "b", "a"], "cluster_id": [1, 1, 2]}, "'a' has two clusters"),
        ({"id": ["a"], "cluster_id": [None]}, "'a' has no cluster_id"),
    ],
)
def test_a_gold_standard_that_cannot_be_used_is_refused(
    frame: dict[str, list[object]], words: str
) -> None:
    with pytest.raises(InputError, match=words) as error:
        read_gold(pl.DataFrame(frame), ["a", "b"])
    assert "\n" not in str(error.value)


def test_repeated_rows_are_allowed() -> None:
    frame = pl.DataFrame({"id": ["b", "a", "b"], "cluster_id": ["1", "1", "1"]})
    assert read_gold(frame, ["a", "b"]).labels.tolist() == [0, 0]


def test_measures_without_pairs_found_or_to_find() -> None:
    alone, together = labels(0, 1), labels(0, 0)
    nothing, pair = Gold(None, alone), Gold(None, together)
    both = evaluate(alone, candidates(), nothing)
    assert (both.pair_precision, both.pair_recall, both.pair_f1) == (1, 1, 1)
    assert both.candidate_recall == 1
    wrong = evaluate(together, candidates((0, 1)), nothing)
    assert (wrong.pair_precision, wrong.pair_recall, wrong.pair_f1) == (0, 0, 0)
    missed = evaluate(alone, candidates(), pair)
    assert (missed.pair_precision, missed.pair_recall, missed.pair_f1) == (0, 0, 0)
    empty = evaluate(labels(), candidates(), Gold(None, labels()))
    assert (empty.rows, empty.bcubed_f1, empty.candidates_per_record) == (0, 1, 0)


def test_the_pairs_of_a_huge_cluster_are_counted_without_listing_them() -> None:
    n = 300_000
    whole = np.zeros(n, np.uint32)
    across = np.where(np.arange(n) % 2, "a", "b")
    found = evaluate(whole, candidates(), Gold(None, whole), across)
    assert found.true_pairs == found.found_pairs == (n // 2) ** 2
    assert found.pair_f1 == found.bcubed_f1 == 1


@st.composite
def cases(draw):
    n = draw(st.integers(1, 9))

    def partition():
        made = list(range(n))
        for row in range(1, n):
            if draw(st.booleans()):
                made[row] = made[draw(st.integers(0, row - 1))]
        return labels(*made)

    group = partition() if draw(st.booleans()) else labels(*range(n))
    heads = sorted(set(group.tolist()))
    possible = list(combinations(heads, 2))
    chosen = draw(st.lists(st.sampled_from(possible), unique=True)) if possible else []
    stars = [(int(group[row]), row) for row in range(n) if group[row] != row]
    truth = partition()
    every = list(combinations(range(n), 2))
    if draw(st.booleans()) and every:
        pairs = draw(st.lists(st.sampled_from(every), unique=True))
        ids = [f"r{i}" for i in range(n)]
        frame = pl.DataFrame(
            {"id_a": [ids[a] for a, _ in pairs], "id_b": [ids[b] for _, b in pairs]},
            schema={"id_a": pl.String, "id_b": pl.String},
        )
        gold = read_gold(frame, ids)
        true = set(pairs)
    else:
        frame = pl.DataFrame({"id": [*range(n)], "cluster_id": [f"c{t}" for t in truth]})
        gold = read_gold(frame[::-1], [*map(str, range(n))])
        assert (gold.labels == truth).all()
        true = {(a, b) for a, b in every if truth[a] == truth[b]}
    across = None
    if draw(st.booleans()):
        values = draw(st.lists(st.sampled_from(["x", "y", None]), min_size=n, max_size=n))
        across = np.array(values, dtype=object)
    return partition(), candidates(*chosen, identical=stars), group, chosen, gold, true, across


@given(cases())
def test_measures_equal_those_of_counting_pair_by_pair(case) -> None:
    found_labels, frame, group, chosen, gold, true, across = case
    n = len(found_labels)

    def crosses(a, b):
        return across is None or across[a] != across[b]

    found = {
        (a, b)
        for a, b in combinations(range(n), 2)
        if found_labels[a] == found_labels[b] and crosses(a, b)
    }
    true = {pair for pair in true if crosses(*pair)}
    reached = {
        (a, b)
        for a, b in true
        if group[a] == group[b] or tuple(sorted((group[a], group[b]))) in {*chosen}
    }
    result = evaluate(found_labels, frame, gold, across)
    assert (result.true_pairs, result.found_pairs) == (len(true), len(found))
    if found:
        assert result.pair_precision == pytest.approx(len(found & true) / len(found))
    if true:
        assert result.pair_recall == pytest.approx(len(found & true) / len(true))
        assert result.candidate_recall == pytest.approx(len(reached) / len(true))
    listed = sum(crosses(a, b) for a, b, _ in frame.iter_rows())
    assert result.candidates_per_record == pytest.approx(listed / n)
    mine = [{b for b in range(n) if found_labels[b] == found_labels[a]} for a in range(n)]
    real = [{b for b in range(n) if gold.labels[b] == gold.labels[a]} for a in range(n)]
    share = [len(m & r) for m, r in zip(mine, real, strict=True)]
    assert result.bcubed_precision == pytest.approx(
        sum(s / len(m) for s, m in zip(share, mine, strict=True)) / n
    )
    assert result.bcubed_recall == pytest.approx(
        sum(s / len(r) for s, r in zip(share, real, strict=True)) / n
    )
    exact = {frozenset(m) for m in mine} & {frozenset(r) for r in real}
    assert result.exact_clusters == sum(len(rows) > 1 for rows in exact)
