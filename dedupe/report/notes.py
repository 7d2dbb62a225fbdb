"""Notes and warnings about a run, for the summary in the terminal and for the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dedupe.config import RULES
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
    yield from _rule_notes(summary.get("rules", {}))
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


def _rule_notes(rules: Mapping[str, Any]) -> Iterator[str]:
    """Yield what rules could not have: decisions come before them, and others before exact."""
    if count := rules.get("overruled_by_decisions"):
        yield f"{plural(count, 'pair')} decided to match against a rule: decisions come first"
    if count := rules.get("exact_values_apart"):
        yield (
            f"the records of {plural(count, 'exact value')} are in several clusters: decisions, "
            "other rules or the link mode keep them apart"
        )


def rule_lines(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the rules of a run and what was given about its columns, each with a name."""
    config = summary["config"]
    for name in (*RULES, "ignore_value"):
        if config.get(name):
            yield name.replace("_", " "), ", ".join(config[name])
    if config.get("kind"):
        yield "kind", ", ".join(f"{column}: {kind}" for column, kind in config["kind"].items())
    if "rules" in summary:
        rules = summary["rules"]
        apart, joined = rules["kept_apart"], rules["joined"]
        yield "by rules", f"{plural(apart, 'pair')} kept apart, {joined:,} joined"


def _first(notes: list[str], name: str) -> Iterator[str]:
    yield from notes[:LISTED]
    if len(notes) > LISTED:
        yield f"{plural(len(notes) - LISTED, f'more {name}')}: see the manifest"
