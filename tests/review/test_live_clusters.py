"""Clusters that follow decisions equal those of clustering all records again."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from dedupe.config import Config
from dedupe.io.dialect import CSV
from dedupe.records.records import make_records
from dedupe.resolution.decisions import CHOICES
from dedupe.resolution.resolve import resolve
from dedupe.review.live_clusters import LiveClusters
from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.pairs import PAIRS, identical_pairs, judged_identical
from dedupe.workspace.state import Clustered, State
from dedupe.workspace.stored import RecordTable
from tests.laws import examples

N = 12
FRAME = pl.DataFrame(
    {
        "id": [f"r{i:02}" for i in range(N)],
        # The last three are identical to earlier ones.
        "name": [f"name {i if i < 9 else i - 9}" for i in range(N)],
    }
)
SOURCE = (np.arange(N) % 2).astype(np.uint8)
RECORDS = make_records(FRAME, Config(fields=("name",)), SOURCE)
CONFIGS = [
    Config(),
    Config(link="many-to-many"),
    Config(link="many-to-many", within_tables=True),
    Config(link="many-to-one"),
    Config(link="one-to-one"),
]
FIRSTS, IDENTICAL = identical_pairs(RECORDS.texts)
EDGES = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 8), st.floats(0, 1, width=32)).filter(
        lambda edge: edge[0] < edge[1]
    ),
    unique_by=lambda edge: edge[:2],
    max_size=20,
)
STEPS = st.lists(
    st.tuples(
        st.integers(0, N - 1),
        st.integers(0, N - 1),
        st.sampled_from(["match", "different", "unsure", None]),
    ).filter(lambda step: step[0] != step[1]),
    max_size=8,
)
NO_CHOICES = pl.DataFrame(schema=CHOICES)


def as_frame(decisions: dict[tuple[int, int], str]) -> pl.DataFrame:
    lines = [(RECORDS.keys[a], RECORDS.keys[b], name) for (a, b), name in decisions.items()]
    return pl.DataFrame(
        lines,
        schema={"left_id": pl.String, "right_id": pl.String, "decision": pl.String},
        orient="row",
    )


@pytest.mark.slow
@examples(150)
@given(EDGES, STEPS, st.sampled_from(CONFIGS), st.sets(st.integers(0, 2)))
def test_clusters_that_follow_decisions_equal_those_of_all_records(
    edges: list[tuple[int, int, float]],
    steps: list[tuple[int, int, str | None]],
    config: Config,
    poor: set[int],
) -> None:
    lines = [(a, b, p, p, "cross-encoder", "") for a, b, p in edges]
    own = [(row, row, 1.0, 0.3, "identical", "") for row in poor]
    scored = pl.DataFrame([*own, *lines], schema=PAIRS, orient="row")
    identical = judged_identical(IDENTICAL, scored)
    pairs = pl.concat([identical, scored[len(own) :]]).sort("left", "right")
    comparison = Comparison.of(RECORDS.texts, scored)
    table = RecordTable(RECORDS, CSV)
    state = State(table, pairs, as_frame({}), NO_CHOICES, config, comparison)
    first = resolve(RECORDS, pairs, state.decisions, config)
    live = LiveClusters(Clustered(state, pairs, None, first))
    row_of = {key: row for row, key in enumerate(RECORDS.keys)}
    decisions: dict[tuple[int, int], str] = {}
    for a, b, decision in steps:
        pair = (min(a, b), max(a, b))
        decisions.pop(pair, None)  # a step without a decision takes back the one before
        if decision is not None:
            decisions[pair] = decision
        live.follow(as_frame(decisions), NO_CHOICES, row_of, pair)
        expected = resolve(RECORDS, pairs, as_frame(decisions), config)
        assert live.labels.tolist() == expected.labels.tolist()
        assert live.representative.tolist() == expected.rows["representative"].to_list()
        compared = np.full(N, True)
        if config.link:  # which pairs count for a record alone depends on the selected links
            compared = np.bincount(live.labels, minlength=N)[live.labels] > 1
        confidence = expected.rows["confidence"].to_numpy()
        assert np.allclose(live.confidence[compared], confidence[compared])
        assert_frame_equal(live.contradictions, expected.contradictions)
