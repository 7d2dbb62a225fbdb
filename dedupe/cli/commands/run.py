"""Commands that compute results from tables, or again from a workspace: run, link and export."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

import dedupe
from dedupe.cli.choice import Choice
from dedupe.cli.commands.review import open_app, require_terminal
from dedupe.cli.console import progress_bars
from dedupe.cli.given import given, one_source, with_config_file
from dedupe.cli.option_values import parse_assignments
from dedupe.cli.options import (
    EPILOG,
    FILES,
    FOLDERS,
    SectionedCommand,
    comparison_option,
    export_options,
    inputs_argument,
    matching_option,
    message_options,
    model_option,
    other_option,
    output_option,
    review_option,
    run_options,
    workspace_argument,
)
from dedupe.cli.reports import print_dry_run, print_report, print_training
from dedupe.cli.stdout import LINK_TABLES, STDOUT, TABLES, output_file, print_output_table
from dedupe.cli.summary import print_distributed, print_result
from dedupe.config import EXPORT_OPTIONS
from dedupe.engine.options import check_engine
from dedupe.errors import OptionError

if TYPE_CHECKING:
    from dedupe.pipeline.results.result import Result

workspace_option = output_option(
    "-o",
    "--output",
    metavar="PATH",
    shell_complete=FOLDERS,
    help="Folder of the results, or a file for one table (.csv, .parquet, .jsonl, .xlsx ...); "
    "- prints it.",
)
TABLE_HELP = "Table that -o - prints, or that a file gets."


@click.command(cls=SectionedCommand, epilog=EPILOG)
@inputs_argument(metavar="INPUT...")
@workspace_option
@output_option("--table", type=Choice(TABLES), default=TABLES[0], help=TABLE_HELP)
@run_options
@model_option("--train", is_flag=True, help="First train on the decisions in the workspace.")
@other_option(
    "--engine",
    metavar="ENGINE",
    default="local",
    help="local (default), ray (the cluster of RAY_ADDRESS, or else this machine), or the address "
    "of a Ray cluster (ray://host:port). INPUT can then be an address such as s3://bucket/*.parquet.",
)
@other_option("--dry-run", is_flag=True, help="Estimate the time and memory, and stop.")
@output_option("--report", is_flag=True, help="Also write report.html: see dedupe report.")
@output_option(
    "--save-config",
    metavar="FILE",
    type=click.Path(path_type=Path),
    shell_complete=FILES,
    help="Also write the options, and what the run decided (columns and what they hold, id, "
    "threshold), as a TOML file for --config.",
)
@review_option("--review/--no-review", default=False, help="Review before the results are written.")
@message_options
def run(
    inputs: tuple[str, ...],
    output: str | None,
    table: str,
    config_file: Path | None,
    train: bool,
    engine: str,
    dry_run: bool,
    report: bool,
    save_config: Path | None,
    review: bool,
    as_json: bool,
    quiet: bool,
    verbose: int,
    **options: Any,
) -> None:
    """Find duplicates in INPUT and merge each cluster into one row.

    INPUT is a file (CSV, TSV, Parquet, Arrow IPC, JSON lines or Excel; also compressed with gzip or
    zstd), a folder, a glob pattern, or - for stdin. Several inputs are stacked. It can also be a
    database: an SQLite or DuckDB file, or a URL (sqlite:///path, duckdb:///path,
    postgresql://...), with ::TABLE at the end or with --query. INPUT is never changed. Results are
    written to INPUT-stem.dedupe/ beside it.
    """
    options = with_config_file(config_file, options)
    source = one_source(inputs)
    if check_engine(engine):
        local_only = {"--train": train, "--report": report, "--save-config": save_config}
        local_only |= {"--review": review, "-o -": output == STDOUT}
        _run_distributed(source, engine, output, dry_run, local_only, quiet, as_json, options)
        return
    if dry_run:
        print_dry_run(dedupe.dry_run(source, **options), as_json)
        return
    if report and output == STDOUT:
        raise OptionError("--report is a file of the workspace: it does not go with -o -")
    if save_config is not None and output == STDOUT:
        raise OptionError("--save-config needs the workspace: it does not go with -o -")
    if review and (output == STDOUT or as_json):
        raise OptionError("--review opens an app: it does not go with -o - or --json")
    if train and output == STDOUT:
        raise OptionError("--train needs the decisions of a workspace: it does not go with -o -")
    if output == STDOUT:
        compute = partial(dedupe.run, source, **options)
        format = options.get("format")
        print_output_table(compute, table, format=format, as_json=as_json, quiet=quiet)
        return
    if review:
        require_terminal()
    file = output_file(output, inputs, options)
    output = output if file is None else None
    result = None
    if train:
        result = _train_and_run(source, output, quiet, as_json, options)
    if review:
        options = _review_candidates(source, output, quiet, options)
    if review or result is None:
        with progress_bars(quiet) as progress:
            result = dedupe.run(source, output=output, report=progress, **options)
    if file is not None:
        result.write(file, table)
    if save_config is not None:
        result.write_config(save_config)
    print_result(result, as_json=as_json, quiet=quiet, verbose=verbose, file=file)
    if report and result.workspace is not None:
        print_report(dedupe.write_report(result.workspace), quiet or as_json)


def _run_distributed(
    source: str | list[str],
    engine: str,
    output: str | None,
    dry_run: bool,
    local_only: dict[str, Any],
    quiet: bool,
    as_json: bool,
    options: dict[str, Any],
) -> None:
    from dedupe.engine.run import estimate, run_distributed
    from dedupe.io.tables import output_format

    if wrong := [name for name, given in local_only.items() if given]:
        raise OptionError(f"{', '.join(wrong)} does not go with --engine {engine}")
    if output is not None and output_format(Path(output)) is not None:
        raise OptionError("the engine ray writes a folder: name one with -o")
    if dry_run:
        print_dry_run(estimate(source, **options), as_json)
        return
    with progress_bars(quiet) as progress:
        result = run_distributed(source, engine=engine, output=output, report=progress, **options)
    print_distributed(result.summary, result.folder, as_json=as_json, quiet=quiet)


def _train_and_run(
    source: str | list[str],
    output: str | None,
    quiet: bool,
    as_json: bool,
    options: dict[str, Any],
) -> Result:
    from dedupe.pipeline.fine_tuning.train import run_after_training

    with progress_bars(quiet) as report:
        training, result = run_after_training(source, output=output, report=report, **options)
    if not quiet and not as_json:
        print_training(training)
    return result


def _review_candidates(
    source: str | list[str], output: str | None, quiet: bool, options: dict[str, Any]
) -> dict[str, Any]:
    """Review before anything is written; return the options to go on with.

    The workspace has the export options now, and the review may have changed them.
    """
    from dedupe.pipeline.run import prepare

    with progress_bars(quiet) as report:
        workspace = prepare(source, output=output, report=report, **options)
    reviewed = open_app(workspace)
    kept = {name: value for name, value in options.items() if name not in EXPORT_OPTIONS}
    return kept | given({"threshold": reviewed.threshold})


@click.command(cls=SectionedCommand, epilog=EPILOG)
@inputs_argument(metavar="TABLE TABLE...")
@workspace_option
@output_option("--table", type=Choice(LINK_TABLES), default="matches", help=TABLE_HELP)
@output_option("--prefer", metavar="TABLE", help="Table whose values come first in merged rows.")
@matching_option(
    "--many-to-many", "link", flag_value="many-to-many", help="Keep every link (default)."
)
@matching_option(
    "--many-to-one",
    "link",
    flag_value="many-to-one",
    help="Keep the best link of each record of the left table.",
)
@matching_option(
    "--one-to-one",
    "link",
    flag_value="one-to-one",
    help="Keep the best assignment: at most one link per record.",
)
@comparison_option(
    "--map",
    multiple=True,
    metavar="LEFT=RIGHT",
    callback=parse_assignments,
    help="Match a column of the first table with one of the others. With nothing after the =, "
    "leave it unmatched. Repeatable.",
)
@comparison_option(
    "--within-tables/--across-tables",
    default=None,
    help="Compare the records of each table with one another as well (default: off).",
)
@run_options
@message_options
def link(
    inputs: tuple[str, ...],
    output: str | None,
    table: str,
    config_file: Path | None,
    as_json: bool,
    quiet: bool,
    verbose: int,
    **options: Any,
) -> None:
    """Find records of one TABLE that match records of another.

    Columns with different names are matched by name and content. Results are written to
    FIRST-SECOND.dedupe/ beside the first table: matches, merged rows, and the rows of each table
    without a match.
    """
    options = with_config_file(config_file, options)
    if output == STDOUT:
        compute = partial(dedupe.link, *inputs, **options)
        format = options.get("format")
        print_output_table(compute, table, format=format, as_json=as_json, quiet=quiet)
        return
    file = output_file(output, inputs, options)
    output = output if file is None else None
    with progress_bars(quiet) as report:
        result = dedupe.link(*inputs, output=output, report=report, **options)
    if file is not None:
        result.write(file, table)
    print_result(result, as_json=as_json, quiet=quiet, verbose=verbose, file=file)


@click.command(cls=SectionedCommand, epilog=EPILOG)
@workspace_argument
@output_option(
    "-o",
    "--output",
    metavar="PATH",
    shell_complete=FOLDERS,
    help="Folder of the results (default: WORKSPACE), or a file for one table (.csv, .parquet, "
    ".jsonl, .xlsx ...); - prints it.",
)
@output_option("--table", type=Choice(LINK_TABLES), default=TABLES[0], help=TABLE_HELP)
@export_options
@message_options
def export(
    workspace: str,
    output: str | None,
    table: str,
    as_json: bool,
    quiet: bool,
    verbose: int,
    **options: Any,
) -> None:
    """Cluster, merge and write the records of WORKSPACE again.

    No model is needed. All decisions so far are applied. Options that are not given stay as they
    are in WORKSPACE. With -o, WORKSPACE stays as it is.
    """
    options = given(options)
    if output == STDOUT:
        compute = partial(dedupe.export, workspace, **options)
        format = options.get("format")
        print_output_table(compute, table, format=format, as_json=as_json, quiet=quiet)
        return
    file = output_file(output, (), options)
    with progress_bars(quiet) as report, TemporaryDirectory(prefix="dedupe-") as folder:
        place = output if file is None else folder
        result = dedupe.export(workspace, output=place, report=report, **options)
        if file is not None:
            result.write(file, table)
            nothing = {**result.summary, "outputs": {}}
            result = replace(result, workspace=Path(workspace), summary=nothing)
    print_result(result, as_json=as_json, quiet=quiet, verbose=verbose, file=file)
