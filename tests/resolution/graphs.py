"""Small graphs of pairs and decisions, by hand and at random."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
import polars as pl
from hypothesis import strategies as st
from numpy.typing import NDArray

from dedupe.config import Config
from dedupe.records.records import Records, make_records
from dedupe.resolution.clustering.constrained import Clustering, cluster
from dedupe.resolution.outputs import Outputs, make_outputs
from dedupe.resolution.resolve import Resolved, resolve
from dedupe.resolution.survivorship.merge_rules import parse_rules
from dedupe.scoring.pairs import PAIRS

Rows = NDArray[np.uint32]
NO_PAIRS = np.empty((0, 2), np.uint32)

N = 8
"""Records of the small table."""
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
DECISIONS = st.lists(
    st.tuples(
        st.integers(0, N - 1),
        st.integers(0, N - 1),
        st.sampled_from(["match", "different", "unsure"]),
    ).filter(lambda decision: decision[0] < decision[1]),
    unique_by=lambda decision: decision[:2],
    max_size=5,
)


class Graph(NamedTuple):
    """A small file: its number of rows, scored pairs, and decisions as pairs of rows."""

    n: int
    pairs: pl.DataFrame
    must: Rows
    cannot: Rows


def links(*edges: tuple[float, ...], identical: list[tuple[int, int]] | None = None):
    """Pairs from (left, right, probability[, similarity]) and stars of identical text."""
    lines = [
        (min(a, b), max(a, b), more[0] if more else 0.5, p, "cross-encoder", "")
        for a, b, p, *more in edges
    ]
    lines += [(a, b, 1.0, 1.0, "identical", "") for a, b in identical or ()]
    return pl.DataFrame(lines, schema=PAIRS, orient="row").sort("left", "right")


def row_pairs(*pairs: tuple[int, int]) -> Rows:
    return np.array(pairs, dtype=np.uint32).reshape(-1, 2)


def run_cluster(
    n: int,
    pairs: pl.DataFrame,
    threshold: float = 0.5,
    must: Rows = NO_PAIRS,
    cannot: Rows = NO_PAIRS,
) -> Clustering:
    return cluster(n, pairs, threshold=threshold, must_link=must, cannot_link=cannot)


def sets(labels: Rows) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())}


@st.composite
def graphs(
    draw: st.DrawFn, *, identical: bool = True, distinct: bool = False, most: int = 9
) -> Graph:
    """Small files, with groups of identical text, or with no two probabilities alike."""
    n = draw(st.integers(1, most))
    group = list(range(n))
    if identical:
        for row in range(1, n):
            if draw(st.integers(0, 3)) == 0:
                group[row] = group[draw(st.integers(0, row - 1))]
    heads = sorted(set(group))
    possible = list(combinations(heads, 2))
    chosen = draw(st.lists(st.sampled_from(possible), unique=True)) if possible else []
    if distinct:
        values = draw(st.permutations(range(1, len(chosen) + 1)))
        scored = [
            (a, b, v / (len(chosen) + 1), v / 97) for (a, b), v in zip(chosen, values, strict=True)
        ]
    else:
        scored = [
            (a, b, draw(st.sampled_from([0.05, 0.3, 0.5, 0.55, 0.8, 0.95, 1.0])), 0.7)
            for a, b in chosen
        ]
    stars = [(group[row], row) for row in range(n) if group[row] != row]
    pairs = links(*scored, identical=stars)
    every = list(combinations(range(n), 2))
    decided = draw(st.lists(st.sampled_from(every), unique=True, max_size=6)) if every else []
    cut = draw(st.integers(0, len(decided)))
    return Graph(n, pairs, row_pairs(*decided[:cut]), row_pairs(*decided[cut:]))


def table(n: int = N) -> pl.DataFrame:
    """A table of n rows with ids r0, r1 … and three different names."""
    return pl.DataFrame(
        {"id": [f"r{i}" for i in range(n)], "name": [f"n{i % 3}" * 2 for i in range(n)]}
    )


def decisions_of(decided: list[tuple[int, int, str]]) -> pl.DataFrame:
    """Decisions on rows of the table, as the decision log returns them."""
    lines = [(f"r{a}", f"r{b}", decision) for a, b, decision in decided]
    return pl.DataFrame(lines, schema=NO_DECISIONS.schema, orient="row")


def run(
    frame: pl.DataFrame, pairs: pl.DataFrame, decisions: pl.DataFrame = NO_DECISIONS
) -> tuple[Records, Resolved, Outputs]:
    """Cluster a table by its column `name`, and make the output tables."""
    records = make_records(frame, Config(fields=("name",)))
    resolved = resolve(records, pairs, decisions, Config())
    rules = parse_rules(Config(), frame.columns)
    return records, resolved, make_outputs(records, pairs, resolved, rules, Config())
