"""Commands for decisions: review pairs, print or import decisions, and train on them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import dedupe
from dedupe.cli.choice import Choice
from dedupe.cli.console import echo, echo_data, logging_paused, progress_bars
from dedupe.cli.given import given
from dedupe.cli.options import (
    EPILOG,
    FILES,
    SectionedCommand,
    device_option,
    message_options,
    review_option,
    safe_csv_option,
    verbose_option,
    workspace_argument,
)
from dedupe.cli.reports import print_training
from dedupe.cli.stdout import print_csv, print_json
from dedupe.cli.summary import print_summary
from dedupe.errors import OptionError
from dedupe.io.printable import printable_lines
from dedupe.report.wording import plural

if TYPE_CHECKING:
    from dedupe.pipeline.results.result import Result
    from dedupe.review.app import Reviewed

ORDERS = (
    "informative",
    "impact",
    "lowest",
    "highest",
    "random",
    "clusters",
    "contradictions",
    "audit",
)
"""Orders of the review queue: see :data:`dedupe.review.order.ORDERS`, which is slow to import."""

IN_APP = ("interval_width", "theme", "reviewer")
"""Options of the app that a workbook and a page have no use for."""


@click.command(cls=SectionedCommand, epilog=EPILOG)
@workspace_argument
@review_option(
    "--order",
    metavar="ORDER",
    type=Choice(ORDERS),
    default=ORDERS[0],
    help="Order of the pairs: informative (default: what the model learns most from comes first), "
    "impact (largest effect on the clusters first), lowest, highest, random, clusters, "
    "contradictions or audit.",
)
@review_option(
    "--audit", is_flag=True, help="Review a random sample, to estimate precision and recall."
)
@review_option(
    "--interval-width",
    metavar="WIDTH",
    type=click.FloatRange(0, 1, min_open=True),
    help="Width of the confidence intervals that an audit aims for (default: 0.1).",
)
@review_option("--blind", is_flag=True, help="Hide the probabilities.")
@review_option("--theme", metavar="NAME", help="dark (default), light, or a theme of Textual.")
@review_option("--reviewer", metavar="NAME", help="Your name in the decision log (default: $USER).")
@review_option("--web", is_flag=True, help="Serve the app to a browser on this machine.")
@review_option(
    "--port", metavar="PORT", type=click.IntRange(0, 65535), help="Port of --web (default: free)."
)
@review_option(
    "--sheet",
    metavar="FILE",
    shell_complete=FILES,
    help="Write the doubtful pairs as an Excel workbook to fill in, instead of opening the app.",
)
@review_option(
    "--page",
    metavar="FILE",
    shell_complete=FILES,
    help="Write the doubtful pairs as one HTML page to decide in any browser, and to save as CSV.",
)
@review_option(
    "--limit",
    metavar="N",
    type=click.IntRange(1),
    help="Most pairs of --sheet and --page (default: all).",
)
@verbose_option
def review(
    workspace: str,
    audit: bool,
    web: bool,
    port: int | None,
    sheet: str | None,
    page: str | None,
    limit: int | None,
    verbose: int,
    **options: Any,
) -> None:
    """Review doubtful pairs and clusters of WORKSPACE.

    The app opens in the terminal. Every decision is saved immediately, and the results are written
    again at the end. What was decided in a workbook (--sheet) or on a page (--page) is taken back
    with dedupe decisions WORKSPACE --import FILE.
    """
    if sheet is not None or page is not None:
        in_app = {"audit": audit, "web": web, "port": port is not None}
        in_app |= {name: options[name] is not None for name in IN_APP}
        _write_offline(workspace, sheet, page, in_app, limit=limit, **options)
        return
    if limit is not None:
        raise OptionError("--limit is for --sheet and --page")
    if audit:
        options["order"] = "audit"
    elif options["interval_width"] is not None and options["order"] != "audit":
        raise OptionError("--interval-width is for audits: use it with --audit")
    if web:
        _serve(workspace, given(options), port or 0)
    elif port is not None:
        raise OptionError("--port is for --web")
    else:
        _review_and_export(workspace, **given(options))


def _write_offline(
    workspace: str,
    sheet: str | None,
    page: str | None,
    in_app: Mapping[str, bool],
    *,
    order: str,
    blind: bool,
    limit: int | None,
    **_: Any,
) -> None:
    for name, is_given in in_app.items():
        if is_given:
            flag = f"--{name.replace('_', '-')}"
            raise OptionError(f"{flag} is for the app: not with --sheet or --page")
    for file, write, what, saved in (
        (sheet, dedupe.write_review_sheet, "Fill in the column decision, save", sheet),
        (page, dedupe.write_review_page, "Open it in a browser, decide, save", "decisions.csv"),
    ):
        if file is None:
            continue
        count = write(workspace, file, order=order, limit=limit, blind=blind)
        if not count:
            echo("No doubtful pair is left to decide: nothing is written.", err=True)
            return
        echo(
            f"Wrote {plural(count, 'pair')} to {file}. {what}, then: "
            f"dedupe decisions {workspace} --import {saved}",
            err=True,
        )


def _review_and_export(workspace: str, **options: Any) -> None:
    # In a browser, the app talks through stdout to the server that started it.
    is_served = "web_driver" in os.environ.get("TEXTUAL_DRIVER", "")
    if not is_served:
        from dedupe.workspace.folder import open_workspace

        open_workspace(workspace)  # a wrong name is the first thing to say
        require_terminal()
    reviewed = open_app(workspace, **options)
    result = None
    if reviewed.changed:
        result = dedupe.export(workspace, **given({"threshold": reviewed.threshold}))
    if is_served:
        from dedupe.review.web import tell_browser

        tell_browser(closing_message(workspace, result))
    elif result is not None:
        print_summary(result)


def closing_message(workspace: str, result: Result | None) -> str:
    """Describe what a review wrote where, for the last page of a browser."""
    if result is None:
        lines = ["Nothing was decided: the results stay as they are.", str(workspace)]
    else:
        summary = result.summary
        left = plural(summary["rows"] - summary["rows_merged"], "row")
        lines = [
            f"The results are written: {left} after merging.",
            f"{result.workspace}{os.sep}",
            *(f"  {name}" for name in summary["outputs"]),
        ]
    return printable_lines("\n".join([*lines, "", "You can close this page."]))


def open_app(workspace: str | Path, **options: Any) -> Reviewed:
    """Open the review app; return what is left to be written."""
    from dedupe.review.app import review as open_review

    with logging_paused():
        return open_review(workspace, **options)


def require_terminal() -> None:
    """Check that stdin and stdout are a terminal.

    Raises
    ------
    OptionError
        If one of them is not.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise OptionError(
            "the review app needs a terminal; dedupe review --web opens it in a browser"
        )


def _serve(workspace: str, options: Mapping[str, Any], port: int) -> None:
    from dedupe.review.app import theme_name
    from dedupe.review.web import serve
    from dedupe.workspace.folder import open_workspace

    # The app checks both again, but its errors would only show in the browser.
    open_workspace(workspace)
    theme_name(options.get("theme"))
    command = [sys.executable, "-m", "dedupe", "review", str(Path(workspace).absolute())]
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            command.append(flag)
        elif value:
            command += [flag, str(value)]
    serve(command, port)


@click.command(epilog=EPILOG)
@workspace_argument
@click.option(
    "--format",
    type=Choice(["csv", "jsonl"]),
    default="csv",
    help="Format of the printed log (default: csv).",
)
@click.option(
    "--import",
    "labels",
    metavar="FILE",
    shell_complete=FILES,
    help="Import decisions from a table (id_a,id_b,label) or from a workbook of dedupe review "
    "--sheet.",
)
@click.option(
    "--reviewer", metavar="NAME", help="Reviewer of imported decisions (default: the file name)."
)
@safe_csv_option
@verbose_option
def decisions(
    workspace: str,
    format: str,
    labels: str | None,
    reviewer: str | None,
    safe_csv: bool | None,
    verbose: int,
) -> None:
    """Print the decision log of WORKSPACE, or import decisions.

    A label is match, different or unsure, or 1 or 0; an empty one is no decision.
    """
    from dedupe.workspace.labels import decision_log, import_decisions

    if labels is not None:
        count = import_decisions(workspace, labels, reviewer=reviewer or Path(labels).name)
        apply = f" Apply: dedupe export {workspace}" if count else ""
        echo(f"Imported {plural(count, 'decision')}.{apply}", err=True)
        return
    log = decision_log(workspace)
    if format == "csv":
        print_csv(log, safe=bool(safe_csv))
    else:
        echo_data(log.write_ndjson().encode())


@click.command(epilog=EPILOG)
@workspace_argument
@click.option("--undo", is_flag=True, help="Return to the model used before.")
@device_option
@click.option(
    "--seed", metavar="N", type=int, help="Seed of the training (default: that of the run)."
)
@message_options
def train(
    workspace: str, undo: bool, as_json: bool, quiet: bool, verbose: int, **options: Any
) -> None:
    """Train the cross-encoder on the decisions in WORKSPACE.

    The new model is saved in WORKSPACE/models. If its scores predict held-out decisions better than
    the current ones, all pairs are scored and clustered again. To use it for other files, pass its
    folder to --cross-encoder.
    """
    with progress_bars(quiet) as report:
        training, result = dedupe.train(workspace, undo=undo, report=report, **given(options))
    if as_json:
        print_json({"training": training, **result.summary})
        return
    if not quiet:
        print_training(training, undo=undo)
        print_summary(result, verbose=verbose)
