"""What the commands print: summaries, tables and bars, in colour where a terminal has it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dedupe.cli.console import console, counted, listed, print_rows, short

if TYPE_CHECKING:
    from dedupe.evaluation.compare_runs import Diff
    from dedupe.evaluation.estimate import Estimate
    from dedupe.pipeline.result import Result


def print_lesson(lesson: Mapping[str, Any]) -> None:
    """Say what was learnt from decisions."""
    from dedupe.pipeline.train import lesson_said

    console().print(lesson_said(lesson))


def print_estimate(found: Estimate, as_json: bool) -> None:
    """Print precision and recall with their intervals, and what they rest on."""
    from dedupe.evaluation.estimate import BASES

    if as_json:
        click.echo(json.dumps(found.as_dict()))
        return
    for name in ("precision", "recall", "recall_of_all"):
        measure = getattr(found, name)
        interval = (
            ""
            if measure.low is None
            else f"   95% interval {measure.low:.4f} to {measure.high:.4f}"
        )
        click.echo(f"{name:<22} {measure.value:>12.4f}{interval}")
    click.echo(f"{'reviewed pairs':<22} {found.reviewed:>12,}")
    click.echo(f"{'of them drawn':<22} {found.drawn:>12,}")
    said = BASES[found.basis].format(drawn=found.drawn)
    click.echo(f"{said[0].upper()}{said[1:]}.")
    click.echo(
        "Of candidate pairs that differ in text; recall_of_all counts the matches that the search "
        "lost, as it estimates them."
    )


def print_costs(costs: Mapping[str, float], as_json: bool) -> None:
    """Say what a run would cost."""
    if as_json:
        click.echo(json.dumps(costs))
        return
    say = console()
    say.print(
        f"[bold]{costs['rows']:,}[/] rows, {costs['distinct']:,} of them different\n"
        f"at most {costs['candidates']:,} candidate pairs, "
        f"{costs['cross_encoder_pairs']:,} of them for the cross-encoder\n"
        f"about [bold]{max(costs['seconds'] / 60, 0.1):,.1f} minutes[/] and "
        f"{costs['memory_mb']:,} MB of memory"
    )


def print_result(result: Result, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Print a result: as JSON to stdout, or as a summary to stderr."""
    if as_json:
        summary = {**result.summary, "workspace": str(result.workspace)}
        click.echo(json.dumps(summary, ensure_ascii=False))
    elif not quiet:
        print_summary(result, verbose)


def print_summary(result: Result, verbose: bool) -> None:
    """Say on stderr what was found, where it is and what to do next."""
    from rich.markup import escape
    from rich.table import Table

    say = console()
    found = result.summary
    rows, merged = found["rows"], found["rows_merged"]
    if "links" in found:
        say.print(f"[bold green]{found['links']:,}[/] matches between the tables")
    else:
        say.print(
            f"[bold]{merged:,}[/] of {rows:,} rows are duplicates: "
            f"[bold green]{rows - merged:,}[/] are left after merging"
        )
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column()
    for name, value in _figures(found, verbose):
        table.add_row(name, escape(value))
    say.print(table)
    for line in _warnings(found):
        say.print(f"[yellow]note[/]  {escape(line)}")
    say.print()
    say.print(f"[bold]{escape(str(result.workspace))}{os.sep}[/]")
    files = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    kinds = {
        "clusters": "every row as it was, with its cluster",
        "merged": "one row a cluster",
        "removed": "the rows merged into others, and why",
        "pairs": "every pair that was compared, with its probability",
        "additions": "the clusters that new records made, grew, joined or changed",
        "matches": "the matches: ids of both tables",
        "results": "all tables: clusters, merged, removed, pairs",
    }
    for name in found["outputs"]:
        what = kinds.get(Path(name).stem, "rows of this table without a match")
        files.add_row(f"[bold]{escape(name)}[/]", what)
    say.print(files)
    doubtful = found["doubtful_pairs"]
    if doubtful:
        low, high = found["config"]["review_from"], found["config"]["threshold"]
        place = escape(str(result.workspace))
        say.print(
            f"{doubtful:,} pairs are doubtful (probability {low:g} to {high:g}): to look at them, "
            f"[bold]dedupe review {place}[/]; to merge more or fewer, [bold]dedupe export {place} "
            "--threshold P[/]"
        )


def _figures(found: Mapping[str, Any], verbose: bool) -> Iterator[tuple[str, str]]:
    if found.get("unchanged"):
        yield "unchanged", "nothing was computed again"
    if "linked" in found:
        first = found["linked"]["names"][0]
        for one in found["linked"]["alignments"]:
            if one["reason"] != "same name" or verbose:
                name = found["linked"]["names"][one["table"]]
                yield (
                    "aligned",
                    f"{name}.{one['column']} with {first}.{one['field']} ({one['reason']})",
                )
    if "fields" in found:
        used = [use["name"] for use in found["fields"] if use["used"]]
        left = [f"{use['name']} ({use['reason']})" for use in found["fields"] if not use["used"]]
        yield "fields", listed(used)
        if left:
            yield "left out", listed(left)
    if "additions" in found:
        added = found["additions"]
        yield "rows given", counted(added, ("added", "updated", "unchanged", "removed"))
        yield "clusters", counted(added["clusters"], tuple(added["clusters"]))
    if "search" in found:
        search, decided = found["search"], found["decided_by"]
        yield (
            "candidates",
            f"{search['candidates']:,} pairs, {search['candidates_per_record']:g} a record; "
            f"they hold an estimated {search['estimated_recall']:.1%} of the matches",
        )
        yield (
            "decided by",
            ", ".join(f"{name} {count:,}" for name, count in decided.items() if count)
            + _distilled_said(found.get("distilled", {})),
        )
    groups = found["clusters_of_two_or_more"]
    if groups:
        yield (
            "clusters",
            f"{groups:,} of two rows or more, the largest of {found['largest_cluster']:,}",
        )
    if "aim" in found:
        yield "threshold", _aim_said(found["aim"])
    if lessons := found.get("correction", {}).get("lessons"):
        copies = found["correction"].get("copies")
        more = f" and {copies:,} damaged copies of its records" if copies else ""
        yield "adapted", f"to {lessons:,} sure pairs of this file{more}"
    if found["decisions"]:
        yield "decisions", f"{found['decisions']:,} obeyed{_correction_said(found)}"
    stages = [stage for stage in found["stages"] if not stage.get("reused")]
    seconds = sum(stage["seconds"] for stage in stages)
    peak = max((stage["peak_mb"] for stage in stages), default=0)
    yield "time", f"{seconds:,.1f} s, at most {peak:,} MB of memory"
    if verbose:
        for stage in found["stages"]:
            how = "kept from before" if stage.get("reused") else f"{stage['seconds']:,.2f} s"
            yield f"  {stage['stage']}", how


def _aim_said(aim: Mapping[str, Any]) -> str:
    name = "recall_of_all" if aim["goal"] == "recall" else "precision"
    measure = aim["estimate"][name]
    said = f"{aim['threshold']:g}, for a {aim['goal']} of {aim['target']:g}: "
    if aim["sure"] is None:
        return (
            f"{said}the model expects {measure['value']:.3f}, which no reviewed pairs have checked"
        )
    return (
        f"{said}an estimated {measure['value']:.3f} (95% interval {measure['low']:.3f} to "
        f"{measure['high']:.3f}, from {aim['estimate']['drawn']:,} drawn pairs); it is reached "
        f"with a probability of {aim['sure']:.0%}"
    )


def _correction_said(found: Mapping[str, Any]) -> str:
    correction = found.get("correction")
    if correction is None or not correction["decisions"]:
        return ""
    if not correction["changed"]:
        return "; the other pairs are as scored, which predicts them best"
    return (
        "; the other pairs are corrected by them, which predicts decisions held back better "
        f"(log loss {correction['loss_after']:.2f}, was {correction['loss_before']:.2f})"
    )


def _distilled_said(distilled: Mapping[str, Any]) -> str:
    if not distilled.get("pairs"):
        return ""
    return (
        f"; of {distilled['audited']:,} pairs set aside, the distilled model agrees on "
        f"{distilled['agreement']:.2%} of those it decides and keeps "
        f"{distilled['matches_kept']:.1%} of the matches"
    )


def _warnings(found: Mapping[str, Any]) -> Iterator[str]:
    yield from found.get("search", {}).get("notes", ())
    yield from found.get("additions", {}).get("notes", ())
    if over := found.get("distilled", {}).get("over_budget"):
        yield (
            f"{over:,} doubtful pairs were left to the distilled model: --cross-encoder-pairs gives the "
            "cross-encoder more of them"
        )
    for large in found["large_clusters"][:5]:
        yield f"cluster {large['cluster_id']} has {large['size']:,} rows: worth a look"
    if len(found["large_clusters"]) > 5:
        yield f"{len(found['large_clusters']) - 5:,} more large clusters; see the manifest"
    for one in found["contradictions"][:5]:
        ids = f"{one['left_id']} and {one['right_id']}"
        yield f"decisions on {ids} contradict others: {one['reason']}"
    if len(found["contradictions"]) > 5:
        yield f"{len(found['contradictions']) - 5:,} more contradictions; see the manifest"


def print_diff(found: Diff, most: int) -> None:
    """Print which clusters changed between two runs."""
    summary = found.summary
    for name in ("before", "after"):
        side = summary[name]
        click.echo(
            f"{name:<9} {side['workspace']}: {side['records']:,} records in "
            f"{side['clusters']:,} clusters"
        )
    for name in ("records", "clusters", "decisions"):
        counts = [f"{count:,} {what}" for what, count in summary[name].items() if count]
        if counts:
            by = f" (matched by {summary['matched_by']})" if name == "records" else ""
            click.echo(f"{name:<9} {', '.join(counts)}{by}")
    unlike = summary["differences"]
    for name, (was, now) in {**unlike["config"], **unlike["models"]}.items():
        click.echo(f"differs   {name}: {short(str(was), 24)}, now {short(str(now), 24)}")
    for name in ("fields", "dedupe"):
        if unlike[name]:
            was, now = (", ".join(x) if isinstance(x, list) else str(x) for x in unlike[name])
            click.echo(f"differs   {name}: {short(was)}, now {short(now)}")
    if found.changes.is_empty():
        click.echo("The clusters are the same.")
        return
    click.echo()
    lines = [
        (
            one["change"],
            f"{len(one['clusters_before'])} > {len(one['clusters_after'])}",
            listed(one["records"], most=4),
            one["why"],
        )
        for one in found.changes.head(most).iter_rows(named=True)
    ]
    print_rows(("change", "clusters", "records", "why"), lines, right=())
    if found.changes.height > most:
        click.echo(f"{found.changes.height - most:,} more: --most N, --format csv or --json")
