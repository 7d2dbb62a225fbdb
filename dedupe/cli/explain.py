"""Commands that say why: explain a pair, or report on a whole run."""

from __future__ import annotations

import click

from dedupe.cli.options import EPILOG, json_option, verbose_option
from dedupe.cli.reports import print_explanation


@click.command(epilog=EPILOG)
@click.argument("workspace")
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
    from dedupe.pipeline.explain import explain as explain_pair

    print_explanation(explain_pair(workspace, left_id, right_id), as_json)
