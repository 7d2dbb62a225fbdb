"""Commands that measure results: evaluate one, or compare two."""

from __future__ import annotations

from functools import partial

import click

from dedupe.cli.choice import Choice
from dedupe.cli.given import given
from dedupe.cli.options import (
    EPILOG,
    FOLDERS,
    gold_option,
    json_option,
    safe_csv_option,
    verbose_option,
    workspace_argument,
)
from dedupe.cli.reports import print_diff, print_estimate, print_evaluation
from dedupe.cli.stdout import print_csv
from dedupe.errors import OptionError

limit_option = partial(click.option, metavar="X", type=click.FloatRange(0, 1))
_LIMIT_HELP = (
    "Exit with code 3 if {} is lower than this; without --gold, if the interval begins lower."
)


@click.command(epilog=EPILOG)
@workspace_argument
@gold_option
@click.option(
    "--across",
    metavar="COLUMN",
    help="Count only pairs with different values in this column (needs --gold).",
)
@click.option(
    "--threshold",
    metavar="P",
    type=click.FloatRange(0, 1),
    help="Measure at this threshold (default: that of the files in WORKSPACE).",
)
@limit_option("--min-precision", help=_LIMIT_HELP.format("precision"))
@limit_option("--min-recall", help=_LIMIT_HELP.format("recall"))
@limit_option("--min-f1", help=_LIMIT_HELP.format("F1"))
@json_option
@verbose_option
def evaluate(
    workspace: str,
    gold: str | None,
    across: str | None,
    threshold: float | None,
    as_json: bool,
    verbose: int,
    **limits: float | None,
) -> None:
    """Measure precision and recall of the clusters of WORKSPACE.

    Without a gold standard, they are estimated from the decisions in WORKSPACE.
    """
    from dedupe.evaluation.limits import check_estimated, check_measured
    from dedupe.evaluation.quality import (
        estimate_workspace,
        evaluate_workspace,
        written_threshold,
    )

    if gold is None and across is not None:
        raise OptionError("--across needs --gold: the estimate is for all pairs")
    at = written_threshold(workspace) if threshold is None else threshold
    lowest = {name.removeprefix("min_"): limit for name, limit in given(limits).items()}
    if gold is not None:
        measured = evaluate_workspace(workspace, gold, across=across, threshold=threshold)
        print_evaluation(measured, at, as_json)
        check_measured(measured, lowest)
    else:
        estimated = estimate_workspace(workspace, threshold=threshold)
        print_estimate(estimated, at, as_json)
        check_estimated(estimated, lowest)


@click.command(epilog=EPILOG)
@click.argument("before", metavar="WORKSPACE1", shell_complete=FOLDERS)
@click.argument("after", metavar="WORKSPACE2", shell_complete=FOLDERS)
@click.option(
    "--format",
    type=Choice(("table", "csv")),
    default="table",
    help="table (default) lists clusters; csv lists every record of the clusters that differ.",
)
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(min=0),
    default=20,
    help="Maximum number of rows of the table (default: 20).",
)
@safe_csv_option
@json_option
@verbose_option
def diff(
    before: str,
    after: str,
    format: str,
    limit: int,
    safe_csv: bool | None,
    as_json: bool,
    verbose: int,
) -> None:
    """Show which clusters differ between two workspaces, and why.

    Records are identified by their ids, or by their content if they have none.
    """
    from dedupe.evaluation.compare_runs import diff as compare_runs

    if as_json and format == "csv":
        raise OptionError("--json and --format csv both print to stdout: use one of them")
    found = compare_runs(before, after)
    if format == "csv":
        print_csv(found.records, safe=bool(safe_csv))
    else:
        print_diff(found, limit, as_json)
