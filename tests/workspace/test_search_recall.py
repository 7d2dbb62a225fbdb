"""The share of the matches that a search found, by its own sample."""

from __future__ import annotations

import polars as pl
import pytest

from dedupe.workspace.stored import search_recall

SEARCH = {"sampled_share": 0.1, "stored": {"rows": 1000}}


def scored(candidates: list[float], outside: list[float]) -> pl.DataFrame:
    """Make scored pairs: candidates, and pairs just outside that were seen from both sides."""
    n = len(candidates) + len(outside)
    return pl.DataFrame(
        {
            "left": range(n),
            "right": range(n, 2 * n),
            "probability": [*candidates, *outside],
            "seen": [0] * len(candidates) + [2] * len(outside),
        },
        schema={
            "left": pl.UInt32, "right": pl.UInt32, "probability": pl.Float32, "seen": pl.UInt32,
        },
    )  # fmt: skip


def test_matches_outside_stand_for_those_of_all_records() -> None:
    sure = [0.99] * 90 + [0.01] * 200
    assert search_recall(scored(sure, [0.02] * 30), SEARCH, 0.5) == 1
    assert search_recall(scored(sure, [0.9, 0.02]), SEARCH, 0.5) == pytest.approx(90 / 100)
    assert search_recall(scored([], []), SEARCH, 0.5) == 1
    assert search_recall(scored([0.001] * 20, []), SEARCH, 0.5) == 1


def test_where_most_matches_are_doubted_it_is_not_known() -> None:
    assert search_recall(scored([0.4] * 50 + [0.99] * 10, []), SEARCH, 0.5) is None
    assert search_recall(scored([0.4] * 5 + [0.99] * 90, []), SEARCH, 0.5) == 1


def test_where_all_pairs_were_scored_it_is_known() -> None:
    pairs = scored([0.4, 0.3, 0.6], [0.2] * 3)
    assert search_recall(pairs, {"sampled_share": 1.0, "stored": {"rows": 4}}, 0.5) == 1
    assert search_recall(pairs, {"sampled_share": 1.0, "stored": {"rows": 5}}, 0.5) is None
