"""Commands that measure results: evaluate one, or compare two."""

from __future__ import annotations

import click

from dedupe.cli.console import echo_data
from dedupe.cli.options import (
    EPILOG,
    FILES,
    FOLDERS,
    json_option,
    verbose_option,
    workspace_argument,
)
from dedupe.cli.reports import print_diff, print_estimate, print_evaluation
from dedupe.errors import OptionError


@click.command(epilog=EPILOG)
@workspace_argument
@click.option(
    "--gold",
    metavar="FILE",
    shell_complete=FILES,
    help="Gold standard: a table of id,cluster_id or id_a,id_b.",
)
@click.option(
    "--across",
    metavar="COLUMN",
    help="Count only pairs with different values in this column (needs --gold).",
)
@json_option
@verbose_option
def evaluate(
    workspace: str, gold: str | None, across: str | None, as_json: bool, verbose: int
) -> None:
    """Measure precision and recall of the clusters of WORKSPACE.

    Without a gold standard, they are estimated from the decisions in WORKSPACE.
    """
    from dedupe.evaluation.quality import estimate_workspace, evaluate_workspace

    if gold is not None:
        print_evaluation(evaluate_workspace(workspace, gold, across=across), as_json)
        return
    if across is not None:
        raise OptionError("--across needs --gold: the estimate is for all pairs")
    print_estimate(estimate_workspace(workspace), as_json)


@click.command(epilog=EPILOG)
@click.argument("before", metavar="WORKSPACE1", shell_complete=FOLDERS)
@click.argument("after", metavar="WORKSPACE2", shell_complete=FOLDERS)
@click.option(
    "--format",
    type=click.Choice(("table", "csv")),
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
@json_option
@verbose_option
def diff(before: str, after: str, format: str, limit: int, as_json: bool, verbose: int) -> None:
    """Show which clusters differ between two workspaces, and why.

    Records are identified by their ids, or by their content if they have none.
    """
    from dedupe.evaluation.compare_runs import diff as compare_runs

    if as_json and format == "csv":
        raise OptionError("--json and --format csv both print to stdout: use one of them")
    found = compare_runs(before, after)
    if format == "csv":
        echo_data(found.records.write_csv().encode())
    else:
        print_diff(found, limit, as_json)
