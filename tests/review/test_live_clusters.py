"""Clusters that follow decisions are those of clustering everything anew."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from dedupe.config import Config
from dedupe.records import make_records
from dedupe.resolution.decisions import CHOICES
from dedupe.resolution.resolve import resolve
from dedupe.review.live_clusters import LiveClusters
from dedupe.scoring.pairs import PAIRS, identical_pairs
from dedupe.workspace.state import Clustered

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
    Config(link="many"),
    Config(link="many", within=True),
    Config(link="best"),
    Config(link="one"),
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


def decisions(said: dict[tuple[int, int], str]) -> pl.DataFrame:
    lines = [(RECORDS.keys[a], RECORDS.keys[b], decision) for (a, b), decision in said.items()]
    return pl.DataFrame(
        lines,
        schema={"left_id": pl.String, "right_id": pl.String, "decision": pl.String},
        orient="row",
    )


@settings(max_examples=150, deadline=None)
@given(EDGES, STEPS, st.sampled_from(CONFIGS))
def test_following_gives_what_clustering_everything_gives(
    edges: list[tuple[int, int, float]],
    steps: list[tuple[int, int, str | None]],
    config: Config,
) -> None:
    lines = [(a, b, p, p, "cross-encoder") for a, b, p in edges]
    pairs = pl.concat([IDENTICAL, pl.DataFrame(lines, schema=PAIRS, orient="row")])
    pairs = pairs.sort("left", "right")
    first = resolve(RECORDS, pairs, decisions({}), config)
    live = LiveClusters(Clustered(RECORDS, pairs, first, config))
    row_of = {key: row for row, key in enumerate(RECORDS.keys)}
    said: dict[tuple[int, int], str] = {}
    for a, b, decision in steps:
        pair = (min(a, b), max(a, b))
        said.pop(pair, None)  # a step without a decision takes back what was said
        if decision is not None:
            said[pair] = decision
        live.follow(decisions(said), NO_CHOICES, row_of, pair)
        due = resolve(RECORDS, pairs, decisions(said), config)
        assert live.labels.tolist() == due.clustering.labels.tolist()
        assert live.kept.tolist() == due.kept.tolist()
        some = np.full(N, True)
        if config.link:  # which pairs count for a record alone depends on the links chosen
            some = np.bincount(live.labels, minlength=N)[live.labels] > 1
        assert np.allclose(live.confidence[some], due.confidence[some])
        assert_frame_equal(live.contradictions, due.clustering.contradictions)
