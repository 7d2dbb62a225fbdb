"""With the stored statistics of their file, records are compared as in the file."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.comparison.record_table import record_table
from dedupe.scoring.comparison.statistics import COUNTS, TOKEN, FileStatistics
from tests.laws import examples
from tests.scoring.comparison.samples import RECORDS, all_pairs, ends, texts_of, vectors_of

FEW = examples(8)


def stored(statistics: FileStatistics) -> FileStatistics:
    """Write statistics as a workspace does, and read them."""
    facts = json.loads(json.dumps(statistics.facts()))
    return FileStatistics.restore(facts, statistics.counts)


def test_what_is_stored_is_restored() -> None:
    texts = texts_of([{"name": "ann lee", "phone": "030 1234567"}] * 2 + [{"name": "bob lee"}])
    statistics = record_table(texts).statistics
    restored = stored(statistics)
    assert (restored.records, restored.roles, restored.main) == (
        3, statistics.roles, statistics.main
    )  # fmt: skip
    assert restored.facts() == statistics.facts()
    assert statistics.counts.schema == COUNTS


def test_values_of_two_records_or_more_are_counted() -> None:
    texts = texts_of(
        [
            {"name": "ann lee", "phone": "030 1234567"},
            {"name": "bob ray", "phone": "+49 30 1234567"},
            {"name": "ann fox", "phone": "030 7654321"},
        ]
    )
    statistics = record_table(texts).statistics
    assert (statistics.counts["count"] > 1).all()
    counts, names, _ = statistics.look_up("group:phone", pl.Series(["301234567", "307654321"]))
    assert counts.tolist() == [2, 1]
    assert names.tolist() == [1, 0]
    assert statistics.look_up(TOKEN, pl.Series(["ann", "lee", "new"]))[0].tolist() == [2, 1, 1]
    assert statistics.look_up("no such kind", pl.Series(["x"]))[0].tolist() == [1]
    assert len(statistics.look_up(TOKEN, pl.Series([], dtype=pl.String))[0]) == 0


@pytest.mark.slow
@FEW
@given(RECORDS)
def test_a_table_made_with_stored_statistics_has_equal_vectors(
    records: list[dict[str, str]],
) -> None:
    texts, pairs = texts_of(records), all_pairs(len(records))
    table = record_table(texts)
    again = record_table(texts, stored(table.statistics))
    np.testing.assert_array_equal(vectors_of(table, *pairs), vectors_of(again, *pairs))


@pytest.mark.slow
@FEW
@given(RECORDS, st.data())
def test_some_records_are_compared_as_among_all(
    records: list[dict[str, str]], data: st.DataObject
) -> None:
    texts, n = texts_of(records), len(records)
    rows = np.array(sorted(data.draw(st.sets(st.integers(0, n - 1), min_size=1))), dtype=np.uint32)
    left, right = all_pairs(len(rows))
    table = record_table(texts)
    some = record_table(texts.gather(rows), stored(table.statistics))
    np.testing.assert_array_equal(
        vectors_of(table, rows[left], rows[right]), vectors_of(some, left, right)
    )


def test_fields_without_a_role_keep_their_groups_among_few_records() -> None:
    records = [{"alpha": f"word {n}", "beta": "ab"[n % 2], "gamma": "x y z"} for n in range(9)]
    records += [{"alpha": "word 1", "beta": beta, "gamma": "x y z"} for beta in ("c", "d")]
    texts = texts_of([{"name": "ann lee", **record} for record in records])
    table = record_table(texts)
    # The last records have more different values in beta than in alpha.
    last = record_table(texts.tail(2), stored(table.statistics))
    assert (
        vectors_of(last, *ends([(0, 1)])).tolist() == vectors_of(table, *ends([(9, 10)])).tolist()
    )


def test_a_token_keeps_its_class_among_records_where_it_is_something_else() -> None:
    # 57 is a number in names, and a code.
    texts = texts_of([{"name": "ann 57", "code": "12"}] * 2 + [{"name": "bob", "code": "57"}] * 2)
    table = record_table(texts)
    some = record_table(texts.head(2), stored(table.statistics))
    pair = ends([(0, 1)])
    assert vectors_of(some, *pair).tolist() == vectors_of(table, *pair).tolist()


@pytest.mark.slow
@FEW
@given(RECORDS, st.data())
def test_pairs_that_are_looked_up_have_the_vectors_of_the_whole_comparison(
    records: list[dict[str, str]], data: st.DataObject
) -> None:
    texts, n = texts_of(records), len(records)
    left, right = all_pairs(n)
    pairs = pl.DataFrame(
        {"left": left, "right": right, "similarity": np.linspace(-0.2, 1, len(left), dtype="f4")}
    )
    numbers = st.lists(st.integers(0, len(left) - 1), max_size=5)
    some = np.array(data.draw(numbers), dtype=np.int64)
    whole = Comparison.of(texts, pairs)
    statistics = whole.table.statistics
    fresh = Comparison.of(texts, pairs, stored(statistics))
    asked = left[some], right[some], pairs["similarity"].to_numpy()[some]
    expected = whole.vectors()[some]
    np.testing.assert_array_equal(fresh.vectors_of(*asked), expected)
    np.testing.assert_array_equal(whole.vectors_of(*asked), expected)
    assert "table" not in fresh.__dict__


@FEW
@given(RECORDS, st.lists(RECORDS, min_size=2, max_size=2))
def test_a_query_among_others_gets_what_it_gets_alone(
    records: list[dict[str, str]], queries: list[list[dict[str, str]]]
) -> None:
    statistics = stored(record_table(texts_of(records)).statistics)
    texts = texts_of(record for query in queries for record in query)
    starts = np.cumsum([0, *map(len, queries)])[:-1]
    left = np.repeat(starts, [len(query) - 1 for query in queries]).astype(np.uint32)
    right = np.delete(np.arange(len(texts)), starts).astype(np.uint32)
    similarity = np.random.default_rng(len(texts)).random(len(left), dtype=np.float32)
    together = Comparison(texts, left, right, similarity, statistics, asked=left).log_odds()
    for start in starts:
        of_query = left == start
        count = int(of_query.sum())
        alone = Comparison(
            texts.slice(start, count + 1),
            np.zeros(count, dtype=np.uint32),
            np.arange(1, count + 1, dtype=np.uint32),
            similarity[of_query],
            statistics,
        )
        np.testing.assert_array_equal(together[of_query], alone.log_odds())


def test_a_word_of_another_query_does_not_change_what_a_word_is() -> None:
    """In the name of a thing, red is a colour; in the name of a person, it is a word."""
    statistics = record_table(texts_of([{"name": "x", "given": "ann"}] * 2)).statistics
    queries = texts_of(
        [{"given": "red"}, {"given": "ann"}, {"name": "red"}, {"name": "blue lamp"}]
    )  # fmt: skip
    left, right = ends([(0, 1), (2, 3)])
    half = np.full(2, 0.5, dtype=np.float32)
    together = Comparison(queries, left, right, half, statistics, asked=left)
    assert together.table.depends_on_others.tolist() == [True, False, True, False]
    pair = ends([(0, 1)])
    alone = [
        Comparison(queries.slice(at, 2), *pair, half[:1], statistics).log_odds()[0] for at in (0, 2)
    ]
    assert together.log_odds().tolist() == alone
    mixed = Comparison(queries, left, right, half, statistics).log_odds()
    assert mixed.tolist() != alone
