"""The summary of a run: which figures, notes and commands it prints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dedupe.cli.summary import print_summary
from dedupe.pipeline.results.result import Result
from dedupe.scoring.recalibration import Recalibration

SMALLEST = {
    "rows": 1_234,
    "rows_merged": 0,
    "clusters_of_two_or_more": 0,
    "largest_cluster": 1,
    "large_clusters": [],
    "contradictions": [],
    "decisions": 0,
    "doubtful_pairs": 0,
    "stages": [],
    "outputs": ["merged.csv", "left-only.csv"],
    "config": {"review_from": 0.1, "threshold": 0.5, "effort": "balanced"},
}
"""The summary of a run that found nothing."""

RECALIBRATION = Recalibration(
    decisions=0,
    changed=False,
    loss_before=0.5,
    loss_after=0.5,
    penalty=0.0,
    best_threshold=0.5,
)

Printed = Callable[..., list[str]]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Printed:
    """Print a summary with some entries replaced, and get the lines without their padding."""
    monkeypatch.setenv("COLUMNS", "200")

    def lines(verbose: int = 0, **entries: Any) -> list[str]:
        result = Result({**SMALLEST, **entries}, Path("w.dedupe"), lambda: None, lambda: None)  # type: ignore[arg-type, return-value]
        print_summary(result, verbose=verbose)
        out, err = capsys.readouterr()
        assert out == ""
        return [" ".join(line.split()) for line in err.splitlines()]

    return lines


def test_columns_are_left_out_by_reason(printed: Printed) -> None:
    reasons = {"name": "", "a": "not named in fields", "id": "the id", "b": "not named in fields"}
    fields = [
        {"name": name, "used": not reason, "reason": reason} for name, reason in reasons.items()
    ]
    assert "left out a, b (not named in fields), id (the id)" in printed(fields=fields)


def test_one_row_is_in_the_singular(printed: Printed) -> None:
    assert (
        printed(rows=2, rows_merged=1)[0]
        == "1 of 2 rows is a duplicate; 1 row is left after merging"
    )


def test_nothing_found_is_a_short_summary(printed: Printed) -> None:
    assert printed() == [
        "0 of 1,234 rows are duplicates; 1,234 rows are left after merging",
        "time 0.0 s, at most 0 MB of memory",
        "",
        "w.dedupe/",
        "merged.csv one row per cluster",
        "left-only.csv the rows of this table without a match",
    ]


def test_doubtful_pairs_and_clusters_come_with_the_next_commands(printed: Printed) -> None:
    next_commands = (
        " (0.10 to 0.50). Review: dedupe review w.dedupe. "
        "Change the threshold: dedupe export w.dedupe --threshold P."
    )
    assert printed(doubtful_pairs=12)[-1] == f"12 doubtful pairs{next_commands}"
    assert printed(doubtful_pairs=1)[-1] == f"1 doubtful pair{next_commands}"
    assert printed(clusters_of_two_or_more=1)[-1] == f"No doubtful pairs{next_commands}"


def test_a_search_whose_recall_is_not_known_says_so(printed: Printed) -> None:
    search = {
        "candidates": 50, "candidates_per_record": 5, "estimated_recall": None, "notes": [],
        "index": "flat", "index_recall": 1.0, "radius": 0.25,
    }  # fmt: skip
    (line,) = [
        line for line in printed(search=search, decided_by={}) if line.startswith("candidates")
    ]
    assert "is not known" in line and "%" not in line


def test_the_search_and_the_deciders_are_described(printed: Printed) -> None:
    search = {
        "candidates": 5_000, "candidates_per_record": 4.9, "estimated_recall": 0.985,
        "index": "inverted index", "index_recall": 0.875, "radius": 0.25,
        "notes": ["the radius was tightened"],
    }  # fmt: skip
    lines = printed(
        search=search,
        decided_by={"identical": 0, "comparison": 4_900, "cross-encoder": 100},
        cross_encoder={"judged": 103, "over_budget": 10},
        self_training=True,
    )
    assert "self-training doubtful pairs are refined by what the clear ones tell" in lines
    assert (
        "candidates 5,000 pairs (4.9 per record), with an estimated 98.5% of all matches" in lines
    )
    (found,) = [line for line in lines if line.startswith("search")]
    assert found.startswith("search inverted index, from a similarity of 0.25, finds 87.5%")
    assert "decided by comparison 4,900, cross-encoder 100" in lines
    assert "note the radius was tightened" in lines
    assert (
        "note 10 doubtful pairs were left to the comparison model; raise --cross-encoder-pairs to "
        "judge them with the cross-encoder"
    ) in lines


@pytest.mark.parametrize("effort", ["fast", "balanced"])
def test_more_pairs_for_the_cross_encoder_are_suggested_where_that_helps(
    printed: Printed, effort: str
) -> None:
    config = {"review_from": 0.1, "threshold": 0.5, "effort": effort}
    lines = printed(cross_encoder={"judged": 0, "over_budget": 10}, config=config)
    assert any("--cross-encoder-pairs" in line for line in lines) == (effort == "balanced")


def test_values_that_say_little_are_named(printed: Printed) -> None:
    values = [
        {"field": "phone", "value": "000000", "rows": 1_200, "why": "placeholder"},
        {"field": "email", "value": "info@x.org\x1b[31m", "rows": 40, "why": "shared"},
        *({"field": "url", "value": f"x{n}.org", "rows": 9, "why": "shared"} for n in range(6)),
    ]
    lines = printed(uninformative_values=values)
    (aside,) = (line for line in lines if line.startswith("set aside"))
    assert aside == "set aside 000000 (phone, 1,200 rows)"
    (shared,) = (line for line in lines if line.startswith("shared"))
    assert "(email, 40 rows), x0.org (url, 9 rows)" in shared and shared.endswith(", 2 more")
    assert "\x1b" not in shared


def test_a_summary_advises_to_look_at_odd_clusters(printed: Printed) -> None:
    def notes(**entries: Any) -> list[str]:
        return [line for line in printed(**entries) if line.startswith("note")]

    assert notes(rows_merged=617) == []
    assert notes(rows_merged=618) == [
        "note more than half of the rows are merged into others: look at some clusters"
    ]
    (one,) = notes(uneven_clusters=["c1"])
    assert one == "note rows differ in most columns in 1 cluster: check c1"
    (many,) = notes(uneven_clusters=[f"c{n}" for n in range(7)])
    assert many.endswith("in 7 clusters: check c0, c1, c2, c3, c4 …")


@pytest.mark.parametrize(
    ("recalibration", "decisions", "expected"),
    [
        (RECALIBRATION, 3, ["decisions 3 applied"]),
        (
            replace(RECALIBRATION, decisions=40),
            40,
            [
                "decisions 40 applied; recalibrating on them would not predict held-out decisions "
                "better",
            ],
        ),
        (
            replace(RECALIBRATION, decisions=40, changed=True, loss_after=0.254),
            40,
            [
                "decisions 40 applied; the other pairs are recalibrated on them (log loss of "
                "held-out decisions 0.25, before 0.50)"
            ],
        ),
    ],
)
def test_recalibration_is_described(
    printed: Printed, recalibration: Recalibration, decisions: int, expected: list[str]
) -> None:
    lines = printed(recalibration=recalibration.as_dict(), decisions=decisions)
    assert lines[1:-5] == expected


def test_linked_tables_show_matches_and_the_columns_that_were_aligned(printed: Printed) -> None:
    alignments = [
        {"table": 1, "column": "title", "field": "name", "reason": "like values"},
        {"table": 1, "column": "price", "field": "price", "reason": "same name"},
    ]
    linked = {"names": ["shop", "[seller]"], "alignments": alignments}
    lines = printed(links=7, linked=linked)
    assert lines[0] == "7 matches between the tables"
    assert "aligned [seller].title with shop.name (like values)" in lines
    assert not any("same name" in line for line in lines)
    assert "aligned [seller].price with shop.price (same name)" in printed(
        1, links=7, linked=linked
    )


def test_stages_are_listed_when_verbose(printed: Printed) -> None:
    stages = [
        {"stage": "read", "seconds": 1.0, "peak_mb": 9, "reused": True},
        {"stage": "score", "seconds": 2.5, "peak_mb": 1_200},
    ]
    lines = printed(1, stages=stages, unchanged=True)
    assert lines[1:5] == [
        "unchanged nothing had to be computed",
        "time 2.5 s, at most 1,200 MB of memory",
        "read cached",
        "score 2.50 s",
    ]


def test_only_the_first_large_clusters_and_contradictions_are_listed(printed: Printed) -> None:
    clusters = [{"cluster_id": f"c{i}", "size": 30 - i} for i in range(7)]
    contradictions = [{"left_id": "a", "right_id": "b", "reason": "joined by c"}] * 6
    notes = [
        line
        for line in printed(large_clusters=clusters, contradictions=contradictions)
        if line.startswith("note")
    ]
    assert notes[0] == "note cluster c0 has 30 rows: check it"
    assert notes[5] == "note 2 more large clusters: see the manifest"
    assert notes[6] == "note decisions on a and b contradict others: joined by c"
    assert notes[11:] == ["note 1 more contradiction: see the manifest"]


def test_additions_show_what_became_of_rows_and_clusters(printed: Printed) -> None:
    additions = {
        "added": 2, "updated": 1, "unchanged": 0, "removed": 0, "clusters": {"new": 0, "grown": 2},
        "notes": ["the index was rebuilt"],
    }  # fmt: skip
    lines = printed(additions=additions)
    assert "new rows 2 added, 1 updated" in lines
    assert "clusters 2 grown" in lines
    assert "note the index was rebuilt" in lines
