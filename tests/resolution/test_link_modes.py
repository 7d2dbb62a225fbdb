"""Links between tables, and the modes of selecting them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from dedupe.io.sources import unique_names
from dedupe.resolution.link_modes import LINKS, best_links, one_to_one, row_links
from dedupe.scoring.pairs import DECIDERS

NO_DECISIONS = pl.DataFrame(schema={"left": pl.UInt32, "right": pl.UInt32, "decision": pl.String})


def scored(*pairs: tuple[int, int, float, str]) -> pl.DataFrame:
    return pl.DataFrame(
        [(a, b, 0.5, p, by) for a, b, p, by in pairs],
        schema={
            "left": pl.UInt32, "right": pl.UInt32, "similarity": pl.Float32,
            "probability": pl.Float32, "decided_by": DECIDERS,
        },
        orient="row",
    )  # fmt: skip


def ends(links: pl.DataFrame) -> list[tuple[int, int]]:
    return links.select("left", "right").rows()


@st.composite
def drawn_links(draw: st.DrawFn) -> tuple[pl.DataFrame, np.ndarray]:
    sizes = draw(st.lists(st.integers(1, 4), min_size=2, max_size=3))
    source = np.repeat(np.arange(len(sizes)), sizes).astype(np.uint8)
    possible = [(a, b) for a, b in combinations(range(len(source)), 2) if source[a] != source[b]]
    chosen = draw(st.lists(st.sampled_from(possible), unique=True))
    rows = [(a, b, draw(st.sampled_from([0.2, 0.5])), draw(st.floats(0.5, 1))) for a, b in chosen]
    return pl.DataFrame(rows, schema=LINKS, orient="row").sort("left", "right"), source


def test_rows_of_identical_text_have_the_links_of_their_group_across_tables_only() -> None:
    source = np.array([0, 0, 1, 1], np.uint8)
    pairs = scored((0, 1, 1.0, "identical"), (0, 2, 0.9, "cross-encoder"))
    assert ends(row_links(pairs, source, NO_DECISIONS, 0.5)) == [(0, 2), (1, 2)]
    across = scored((0, 3, 1.0, "identical"), (0, 2, 0.4, "cross-encoder"))
    assert ends(row_links(across, source, NO_DECISIONS, 0.5)) == [(0, 3)]


def test_decisions_are_obeyed() -> None:
    source = np.array([0, 0, 1], np.uint8)
    pairs = scored((0, 2, 0.9, "cross-encoder"), (1, 2, 0.1, "cross-encoder"))
    decided = pl.DataFrame(
        [(0, 2, "different"), (1, 2, "match")], schema=NO_DECISIONS.schema, orient="row"
    )
    links = row_links(pairs, source, decided, 0.5)
    assert ends(links) == [(1, 2)]
    assert links["probability"].to_list() == [1.0]


@given(drawn_links())
def test_one_to_one_is_an_assignment_with_the_largest_sum_of_probabilities(
    drawn: tuple[pl.DataFrame, np.ndarray],
) -> None:
    links, source = drawn
    selected = one_to_one(links, source)
    assert set(ends(selected)) <= set(ends(links))
    for a, b in combinations(np.unique(source), 2):
        here = [
            (left, right, p)
            for left, right, _, p in links.rows()
            if (source[left], source[right]) == (a, b)
        ]
        pairs = [e for e in ends(selected) if (source[e[0]], source[e[1]]) == (a, b)]
        for side in (0, 1):
            assert len({e[side] for e in pairs}) == len(pairs)
        total = sum(p for left, right, p in here if (left, right) in pairs)
        assert total >= best_sum(here) - 1e-4


def best_sum(links: list[tuple[int, int, float]]) -> float:
    if not links:
        return 0.0
    (left, right, p), rest = links[0], links[1:]
    free = [link for link in rest if link[0] != left and link[1] != right]
    return max(p + best_sum(free), best_sum(rest)) if len(links) < 12 else 0.0


@given(drawn_links())
def test_many_to_one_selects_the_most_probable_link_of_each_left_record(
    drawn: tuple[pl.DataFrame, np.ndarray],
) -> None:
    links, source = drawn
    selected = best_links(links, source)
    for left, to in {(a, source[b]) for a, b in ends(links)}:
        among = [row for row in links.rows() if row[0] == left and source[row[1]] == to]
        chosen = [row for row in selected.rows() if row[0] == left and source[row[1]] == to]
        assert len(chosen) == 1
        assert chosen[0][3] == max(row[3] for row in among)


def test_tables_of_the_same_name_are_numbered() -> None:
    assert unique_names(["a", "b", "a", "a"]) == ["a", "b", "a-2", "a-3"]
