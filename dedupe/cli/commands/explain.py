"""Commands that say why: explain a pair, or report on a whole run."""

from __future__ import annotations

import click

import dedupe
from dedupe.cli.options import (
    EPILOG,
    FILES,
    gold_option,
    json_option,
    quiet_option,
    verbose_option,
    workspace_argument,
)
from dedupe.cli.reports import print_explanation, print_report


@click.command(epilog=EPILOG)
@workspace_argument
@click.argument("left_id", metavar="ID")
@click.argument("right_id", metavar="ID")
@json_option
@verbose_option
def explain(workspace: str, left_id: str, right_id: str, as_json: bool, verbose: int) -> None:
    """Explain the probability that two records of WORKSPACE match.

    The steps, in log odds, lead from a candidate pair of which nothing is known to the probability:
    the kinds of evidence, the strongest first, then what the cross-encoder and the decisions
    changed. ID is an id as in pairs.csv; the two records need not be a candidate pair.
    """
    print_explanation(dedupe.explain(workspace, left_id, right_id), as_json)


@click.command(epilog=EPILOG)
@workspace_argument
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    shell_complete=FILES,
    help="File of the page (default: WORKSPACE/report.html).",
)
@gold_option
@quiet_option
@verbose_option
def report(workspace: str, output: str | None, gold: str | None, quiet: bool, verbose: int) -> None:
    """Write one HTML page about the run of WORKSPACE, to read and to pass on.

    It holds figures, the largest clusters, and examples of merged, doubtful and nearly doubtful
    pairs with their reasons. It needs no other file and no network, and it shows the values of
    these records.
    """
    print_report(dedupe.write_report(workspace, output, gold=gold), quiet)
