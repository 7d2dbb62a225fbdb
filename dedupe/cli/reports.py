"""What commands print besides the summary of a run: measures, comparisons, profiles, estimates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dedupe.cli.console import console, echo
from dedupe.cli.stdout import print_json, print_rows
from dedupe.cli.wording import listed, shortened
from dedupe.io.printable import printable
from dedupe.report.wording import plural

if TYPE_CHECKING:
    import polars as pl

    from dedupe.evaluation.compare_runs import Diff
    from dedupe.evaluation.estimate import Estimate, Measure
    from dedupe.evaluation.gold import Evaluation
    from dedupe.scoring.explanation.pair import Explanation


def print_training(training: Mapping[str, Any], *, undo: bool = False) -> None:
    """Print what training on decisions changed."""
    from dedupe.pipeline.fine_tuning.train import training_summary

    if not undo:
        console().print(training_summary(training))
    elif training["version"]:
        console().print(f"Returned to version {training['version']} of the model.")
    else:
        console().print("Returned to the original model.")


def print_evaluation(found: Evaluation, threshold: float, as_json: bool) -> None:
    """Print the threshold, and measures against a gold standard."""
    measures = found.as_dict()
    if as_json:
        print_json({"threshold": threshold, **measures})
        return
    echo(f"At threshold {threshold:g}:")
    for name, value in measures.items():
        echo(_figure(name, value))


def print_estimate(found: Estimate, threshold: float, as_json: bool) -> None:
    """Print the threshold, and estimated precision and recall with intervals and basis."""
    if as_json:
        print_json({"threshold": threshold, **found.as_dict()})
        return
    echo(f"At threshold {threshold:g}:")
    for name in ("precision", "recall", "recall_of_all"):
        measure = getattr(found, name)
        echo(_figure(name, measure.value if measure.known else None) + _interval(measure))
    echo(_figure("reviewed pairs", found.reviewed))
    echo(_figure("random pairs of these", found.drawn))
    basis = found.explanation
    echo(f"{basis[0].upper()}{basis[1:]}.")
    echo(
        "All figures are for candidate pairs with different texts. recall_of_all also counts the "
        "matches that are estimated to be missing from the candidates."
    )


def _figure(name: str, value: float | None) -> str:
    if value is None:
        return f"{name:<22} {'not known':>12}"
    number = f"{value:>12,}" if isinstance(value, int) else f"{value:>12.4f}"
    return f"{name:<22} {number}"


def _interval(measure: Measure) -> str:
    if measure.low is None:
        return ""
    return f"   95% interval {measure.low:.4f} to {measure.high:.4f}"


def print_explanation(found: Explanation, as_json: bool) -> None:
    """Print the steps from the start value to the probability of a pair."""
    if as_json:
        print_json({**found.as_dict(), "proposed": found.proposed})
        return
    decided = {
        None: "computed now: the search did not propose this pair",
        "comparison": "by the comparison model",
        "cross-encoder": "by the comparison model and the cross-encoder",
        "identical": "the records are equal in all compared columns",
    }[found.decided_by]
    ids = " and ".join(printable(name) for name in (found.left_id, found.right_id))
    echo(f"{ids}: probability {found.probability:.4f}, {decided}")
    if found.rule and found.decision in ("", "unsure"):
        echo(printable(f"A rule decides: {found.rule}. That counts, not the probability."))
    if found.decision:
        echo(f"A reviewer decided: {found.decision}. That counts, not the probability.")
    nothing = "a candidate pair of which nothing is known"
    rows = [("start", f"{found.start:+.2f}", f"{found.start_probability:.3f}", nothing)]
    rows += [
        (step.label, f"{step.log_odds:+.2f}", f"{probability:.3f}", step.text)
        for step, probability in zip(found.steps, found.running(), strict=True)
    ]
    print_rows(("why", "log odds", "after it", "evidence"), rows, right=(1, 2))


def print_report(file: Path, quiet: bool) -> None:
    """Say where a report is."""
    if not quiet:
        echo(f"The report is in {printable(str(file))}", err=True)


def print_dry_run(costs: Mapping[str, float], as_json: bool) -> None:
    """Print the estimated size, time and memory of a run."""
    if as_json:
        print_json(costs)
        return
    from rich.text import Text

    distinct = f", {costs['distinct']:,} of them distinct" if "distinct" in costs else ""
    console().print(
        Text.assemble(
            "" if costs.get("rows_counted", True) else "about ",
            (f"{costs['rows']:,}", "bold"),
            f" rows{distinct}\n"
            f"at most {costs['candidates']:,} candidate pairs, "
            f"at most {costs['cross_encoder_pairs']:,} of them for the cross-encoder\nabout ",
            (f"{max(costs['seconds'] / 60, 0.1):,.1f} minutes", "bold"),
            f" and {costs['memory_mb']:,} MB of memory",
        )
    )


def print_profile(columns: pl.DataFrame, facts: Mapping[str, Any], as_json: bool) -> None:
    """Print the profile of each column."""
    if as_json:
        print_json({**facts, "columns": columns.to_dicts()})
        return
    size = f"{plural(facts['rows'], 'row')}, {plural(columns.height, 'column')}"
    echo(f"{listed(facts['input'])}: {size}")
    for note in facts["notes"]:
        echo(f"note: {note}", err=True)
    rows = [
        (
            column["column"],
            column["kind"],
            f"{column['filled']:.1%}",
            f"{column['distinct']:,}",
            column["use"],
            ", ".join(shortened(value) for value in column["examples"]),
        )
        for column in columns.iter_rows(named=True)
    ]
    print_rows(("column", "kind", "filled", "distinct", "use", "examples"), rows, right=(2, 3))
    if uninformative := facts["uninformative_values"]:
        echo("\nValues that say little about a row:")
        values = [
            (shortened(v["value"]), v["field"], f"{v['rows']:,}", v["why"]) for v in uninformative
        ]
        print_rows(("value", "field", "rows", "why"), values, right=(2,))


def print_diff(found: Diff, limit: int, as_json: bool) -> None:
    """Print which clusters changed between two runs, at most `limit` of them as rows."""
    if as_json:
        print_json({**found.summary, "changes": found.changes.to_dicts()})
        return
    for name, text in _diff_lines(found.summary):
        echo(f"{name:<9} {text}")
    if found.changes.is_empty():
        echo("The clusters are the same.")
        return
    echo()
    rows = [
        (
            change["change"],
            f"{len(change['clusters_before'])} > {len(change['clusters_after'])}",
            listed(change["records"], limit=4),
            change["why"],
        )
        for change in found.changes.head(limit).iter_rows(named=True)
    ]
    print_rows(("change", "clusters", "records", "why"), rows)
    if found.changes.height > limit:
        echo(f"{found.changes.height - limit:,} more: --limit N, --format csv or --json")


def _diff_lines(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Describe the two runs, the counts of what changed, and how their options differ."""
    for name in ("before", "after"):
        side = summary[name]
        yield (
            name,
            f"{side['workspace']}: {plural(side['records'], 'record')} in "
            f"{plural(side['clusters'], 'cluster')}",
        )
    for name in ("records", "clusters", "decisions"):
        counts = [f"{count:,} {what}" for what, count in summary[name].items() if count]
        if counts:
            by = f" (matched by {summary['matched_by']})" if name == "records" else ""
            yield name, ", ".join(counts) + by
    differences = summary["differences"]
    for name, (before, after) in {**differences["config"], **differences["models"]}.items():
        yield "differs", f"{name}: {shortened(str(before), 24)}, now {shortened(str(after), 24)}"
    for name in ("fields", "dedupe"):
        if differences[name]:
            before, after = (
                ", ".join(value) if isinstance(value, list) else str(value)
                for value in differences[name]
            )
            yield "differs", f"{name}: {shortened(before)}, now {shortened(after)}"
