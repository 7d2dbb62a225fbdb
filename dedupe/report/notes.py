"""Notes and warnings about a run, for the summary in the terminal and for the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dedupe.report.wording import plural

LISTED = 5
"""Number of large clusters, contradictions and so on that are listed one by one."""
MOST_ROWS = 0.5
"""Share of merged rows above which it is advised to look at the clusters."""


def notes(summary: Mapping[str, Any]) -> Iterator[str]:
    """Yield the notes and warnings about a run, from its summary."""
    yield from summary.get("input", {}).get("notes", ())
    yield from summary.get("search", {}).get("notes", ())
    yield from summary.get("additions", {}).get("notes", ())
    over_budget = summary.get("cross_encoder", {}).get("over_budget")
    if over_budget and summary["config"]["effort"] == "balanced":
        yield (
            f"{over_budget:,} doubtful pairs were left to the comparison model; raise "
            "--cross-encoder-pairs to judge them with the cross-encoder"
        )
    if summary["rows_merged"] > MOST_ROWS * summary["rows"]:
        yield "more than half of the rows are merged into others: look at some clusters"
    if uneven := summary.get("uneven_clusters"):
        named = ", ".join(uneven[:LISTED]) + (" …" if len(uneven) > LISTED else "")
        yield f"rows differ in most columns in {plural(len(uneven), 'cluster')}: check {named}"
    large = [
        f"cluster {cluster['cluster_id']} has {cluster['size']:,} rows: check it"
        for cluster in summary["large_clusters"]
    ]
    yield from _first(large, "large cluster")
    contradictions = [
        f"decisions on {pair['left_id']} and {pair['right_id']} contradict others: {pair['reason']}"
        for pair in summary["contradictions"]
    ]
    yield from _first(contradictions, "contradiction")


def _first(notes: list[str], name: str) -> Iterator[str]:
    yield from notes[:LISTED]
    if len(notes) > LISTED:
        yield f"{plural(len(notes) - LISTED, f'more {name}')}: see the manifest"
