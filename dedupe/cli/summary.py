"""The summary of a run on stderr: what was found, where it is, and what to do next."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dedupe.cli.console import console
from dedupe.cli.stdout import print_json
from dedupe.cli.wording import counted, listed, shortened
from dedupe.io.printable import printable
from dedupe.report.notes import notes, rule_lines
from dedupe.report.wording import plural

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from dedupe.pipeline.results.result import Result

Summary = Mapping[str, Any]
"""The summary of a result, as in ``manifest.json``."""

LISTED = 5
"""Number of large clusters, contradictions and so on that are listed one by one."""

CONTENTS: Mapping[str, str] = {
    "clusters": "every input row with its cluster",
    "merged": "one row per cluster",
    "removed": "the rows that were merged into others, and why",
    "pairs": "every compared pair with its probability",
    "additions": "the clusters that new records created, extended, joined or changed",
    "matches": "the matches: ids in both tables",
    "results": "all tables: clusters, merged, removed, pairs",
}
"""What each output file holds, by the stem of its name."""


def print_result(
    result: Result, *, as_json: bool, quiet: bool, verbose: int, file: Path | None = None
) -> None:
    """Print a result: as JSON on stdout, or as a summary on stderr.

    `file` is the file that one table was written to, if there is one.
    """
    if as_json:
        named = {} if file is None else {"file": str(file)}
        print_json({**result.summary, "workspace": str(result.workspace), **named})
    elif not quiet:
        print_summary(result, verbose=verbose, file=file)


def print_distributed(summary: Summary, folder: str, *, as_json: bool, quiet: bool) -> None:
    """Print the result of a distributed run: as JSON on stdout, or as a summary on stderr."""
    from rich.text import Text

    if as_json:
        print_json({**summary, "folder": folder})
    if as_json or quiet:
        return
    terminal = console()
    terminal.print(_headline(summary))
    _print_figures(terminal, summary, 0, _OF_DISTRIBUTED)
    terminal.print()
    terminal.print(Text(printable(folder.rstrip("/") + "/"), "bold"))
    for name in ("clusters", "merged", "removed", "pairs"):
        terminal.print(Text.assemble((f"  {name}/", "bold"), f"  {CONTENTS[name]}"))


def print_summary(result: Result, verbose: int = 0, file: Path | None = None) -> None:
    """Print a summary on stderr: headline, figures, notes, files and the next commands."""
    from rich.text import Text

    terminal = console()
    summary = result.summary
    terminal.print(_headline(summary))
    _print_figures(terminal, summary, verbose)
    for note in notes(summary):
        terminal.print(Text.assemble(("note", "yellow"), f"  {printable(note)}"))
    terminal.print()
    if file is not None:
        terminal.print(Text(printable(str(file)), "bold"))
    if file is None or summary["outputs"]:
        _print_files(terminal, result)
    if summary["doubtful_pairs"] or summary["clusters_of_two_or_more"]:
        terminal.print(_next_commands(result))


def _headline(summary: Summary) -> Text:
    from rich.text import Text

    if "links" in summary:
        links = summary["links"]
        matches = "match" if links == 1 else "matches"
        return Text.assemble((f"{links:,}", "bold green"), f" {matches} between the tables")
    rows, merged = summary["rows"], summary["rows_merged"]
    left = rows - merged
    return Text.assemble(
        (f"{merged:,}", "bold"),
        f" of {plural(rows, 'row')} {'is a duplicate' if merged == 1 else 'are duplicates'}; ",
        (f"{left:,}", "bold green"),
        f" {'row is' if left == 1 else 'rows are'} left after merging",
    )


def _print_figures(
    terminal: Console,
    summary: Summary,
    verbose: int,
    sections: Sequence[Callable[[Summary, int], _Figures]] | None = None,
) -> None:
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column()
    for section in _SECTIONS if sections is None else sections:
        for name, value in section(summary, verbose):
            table.add_row(name, printable(value))
    terminal.print(table)


def _print_files(terminal: Console, result: Result) -> None:
    from rich.table import Table
    from rich.text import Text

    terminal.print(Text(printable(f"{result.workspace}{os.sep}"), style="bold"))
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    for name in result.summary["outputs"]:
        content = CONTENTS.get(Path(name).stem, "the rows of this table without a match")
        table.add_row(Text(printable(name), style="bold"), content)
    terminal.print(table)


def _next_commands(result: Result) -> Text:
    from rich.text import Text

    doubtful = result.summary["doubtful_pairs"]
    pairs = plural(doubtful, "doubtful pair") if doubtful else "No doubtful pairs"
    config = result.summary["config"]
    workspace = printable(str(result.workspace))
    return Text.assemble(
        f"{pairs} ({config['review_from']:.2f} to {config['threshold']:.2f}). Review: ",
        (f"dedupe review {workspace}", "bold"),
        ". Change the threshold: ",
        (f"dedupe export {workspace} --threshold P", "bold"),
        ".",
    )


# The figures of a summary ------------------------------------------------------------------------

_Figures = Iterator[tuple[str, str]]


def _unchanged(summary: Summary, verbose: int) -> _Figures:
    if summary.get("unchanged"):
        yield "unchanged", "nothing had to be computed"


def _alignments(summary: Summary, verbose: int) -> _Figures:
    linked = summary.get("linked", {"names": [], "alignments": []})
    for alignment in linked["alignments"]:
        if alignment["reason"] == "same name" and not verbose:
            continue
        table = linked["names"][alignment["table"]]
        yield (
            "aligned",
            f"{table}.{alignment['column']} with {linked['names'][0]}.{alignment['field']} "
            f"({alignment['reason']})",
        )


def _fields(summary: Summary, verbose: int) -> _Figures:
    if "fields" not in summary:
        return
    fields = summary["fields"]
    yield "fields", listed([field["name"] for field in fields if field["used"]])
    left_out: dict[str, list[str]] = {}
    for field in fields:
        if not field["used"]:
            left_out.setdefault(field["reason"], []).append(field["name"])
    if left_out:
        named = [f"{listed(names)} ({reason})" for reason, names in left_out.items()]
        yield "left out", ", ".join(named)


def _additions(summary: Summary, verbose: int) -> _Figures:
    if "additions" not in summary:
        return
    additions = summary["additions"]
    yield "new rows", counted(additions, ("added", "updated", "unchanged", "removed"))
    yield "clusters", counted(additions["clusters"], tuple(additions["clusters"]))


def _search(summary: Summary, verbose: int) -> _Figures:
    if "search" not in summary:
        return
    search = summary["search"]
    recall = search["estimated_recall"]
    share = (
        "with a share of all matches that is not known: the models doubt most of them"
        if recall is None
        else f"with an estimated {recall:.1%} of all matches"
    )
    per_record = f"{search['candidates_per_record']:g} per record"
    yield "candidates", f"{search['candidates']:,} pairs ({per_record}), {share}"
    if search["index"] != "flat":
        found = f"finds {search['index_recall']:.1%} of the exact neighbours of a sample"
        yield "search", f"{search['index']}, from a similarity of {search['radius']:g}, {found}"
    elif verbose:
        yield "search", f"exact, from a similarity of {search['radius']:g}"
    deciders = [f"{name} {count:,}" for name, count in summary["decided_by"].items() if count]
    yield "decided by", ", ".join(deciders)
    if summary.get("self_training"):
        yield "self-training", "doubtful pairs are refined by what the clear ones tell"


def _uninformative(summary: Summary, verbose: int) -> _Figures:
    for why, text in (("placeholder", "set aside"), ("shared", "shared")):
        found = [v for v in summary.get("uninformative_values", ()) if v["why"] == why]
        if found:
            named = [
                f"{shortened(v['value'])} ({v['field']}, {plural(v['rows'], 'row')})"
                for v in found[:LISTED]
            ]
            more = [f"{len(found) - LISTED} more"] if len(found) > LISTED else []
            yield text, ", ".join(named + more)


def _rules(summary: Summary, verbose: int) -> _Figures:
    yield from rule_lines(summary)


def _clusters(summary: Summary, verbose: int) -> _Figures:
    count = summary["clusters_of_two_or_more"]
    if count:
        largest = summary["largest_cluster"]
        yield "clusters", f"{count:,} with two or more rows, the largest with {largest:,}"


def _target(summary: Summary, verbose: int) -> _Figures:
    if "aim" not in summary:
        return
    aim = summary["aim"]
    measure = aim["estimate"]["recall_of_all" if aim["goal"] == "recall" else "precision"]
    threshold = f"{aim['threshold']:g}, for a {aim['goal']} of {aim['target']:g}"
    if aim["sure"] is None:
        estimate = f"model estimate {measure['value']:.3f}, not yet verified by review"
    else:
        estimate = (
            f"estimate {measure['value']:.3f} (95% interval {measure['low']:.3f} to "
            f"{measure['high']:.3f}, from {aim['estimate']['drawn']:,} random pairs), reached with "
            f"a probability of {aim['sure']:.0%}"
        )
    yield "threshold", f"{threshold}: {estimate}"


def _recalibration(summary: Summary, verbose: int) -> _Figures:
    recalibration = summary.get("recalibration")
    if summary["decisions"]:
        yield "decisions", f"{summary['decisions']:,} applied{_effect_on_others(recalibration)}"


def _effect_on_others(recalibration: Mapping[str, Any] | None) -> str:
    """Describe what the decisions changed about undecided pairs."""
    if not recalibration or not recalibration["decisions"]:
        return ""
    if not recalibration["changed"]:
        return "; recalibrating on them would not predict held-out decisions better"
    return (
        "; the other pairs are recalibrated on them (log loss of held-out decisions "
        f"{recalibration['loss_after']:.2f}, before {recalibration['loss_before']:.2f})"
    )


def _stages(summary: Summary, verbose: int) -> _Figures:
    computed = [stage for stage in summary["stages"] if not stage.get("reused")]
    seconds = sum(stage["seconds"] for stage in computed)
    peak = max((stage["peak_mb"] for stage in computed), default=0)
    yield "time", f"{seconds:,.1f} s, at most {peak:,} MB of memory"
    if verbose:
        for stage in summary["stages"]:
            time = "cached" if stage.get("reused") else f"{stage['seconds']:,.2f} s"
            yield f"  {stage['stage']}", time


_SECTIONS: tuple[Callable[[Summary, int], _Figures], ...] = (
    _unchanged,
    _alignments,
    _fields,
    _additions,
    _search,
    _uninformative,
    _rules,
    _clusters,
    _target,
    _recalibration,
    _stages,
)
"""Steps that yield the figures of a summary as (name, text), in the order of printing."""


def _distributed(summary: Summary, verbose: int) -> _Figures:
    search = summary["search"]
    yield "candidates", f"{search['candidates']:,} pairs"
    deciders = [f"{name} {count:,}" for name, count in summary["decided_by"].items() if count]
    yield "decided by", ", ".join(deciders)
    computed = [stage for stage in summary["stages"] if not stage.get("reused")]
    seconds = sum(stage["seconds"] for stage in computed)
    yield "time", f"{seconds:,.1f} s in {plural(summary['partitions'], 'partition')}"


_OF_DISTRIBUTED = (_unchanged, _fields, _distributed, _clusters)
"""Steps that yield the figures of a distributed run."""
