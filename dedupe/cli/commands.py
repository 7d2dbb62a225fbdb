"""The command line: parse, call the API, print. Results go to stdout, all talk to stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from dedupe.cli.console import (
    console,
    listed,
    one_table_a_file,
    print_rows,
    print_table,
    progress_bars,
    short,
)
from dedupe.cli.summary import (
    print_costs,
    print_diff,
    print_estimate,
    print_lesson,
    print_result,
    print_summary,
)
from dedupe.config import FORMATS, PRESETS, read_config
from dedupe.errors import DedupeError, InputError, OptionError
from dedupe.progress import Report

_Command = TypeVar("_Command", bound=Callable[..., Any])


THRESHOLDS, GOALS = ("threshold", "preset"), ("target_precision", "target_recall")
"""Options of which one rules out the others."""


EPILOG = "Exit codes: 0 done, 1 a fault of this program, 2 the input or an option is wrong."


TABLES = ("merged", "clusters", "removed", "pairs")


LINK_TABLES = (*TABLES, "matches")


STDOUT = "-"


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line, and turn every error into one line and an exit code."""
    # Nothing is fetched unless a model is named that is not here; then a progress bar of another
    # library would only disturb ours.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    _open_what_is_closed()
    verbose = any(one in ("-v", "--verbose") for one in arguments or sys.argv[1:])
    try:
        cli.main(arguments, prog_name="dedupe", standalone_mode=False)
        code = 0
    except DedupeError as error:
        code = _fail(str(error), 2)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        code = 0
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        name = context.command_path if context is not None else "dedupe"
        code = _fail(f"{error.format_message()} (see {name} --help)", 2)
    except (KeyboardInterrupt, click.Abort):
        code = _fail("stopped; finished stages are kept: the same command goes on from there", 130)
    except _Unread:
        # No fault of ours, and nobody is left to tell.
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
        code = 0
    except Exception as error:
        if verbose:
            raise
        code = _fail(
            f"unexpected {type(error).__name__}: {_one_line(error)} (-v shows where); "
            "this is a fault of dedupe, not of the input",
            1,
        )
    sys.exit(code)


def _open_what_is_closed() -> None:
    """Stand in for closed standard streams, as of a daemon: nothing to read, nobody who reads.

    Otherwise the first file opened would take the number of a stream, and what a library prints
    would be written into it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115


def _fail(message: str, code: int) -> int:
    click.echo(f"dedupe: {_one_line(message)}", err=True)
    return code


def _one_line(message: object) -> str:
    return " ".join(str(message).split())


def _names(context: click.Context, option: click.Parameter, value: str | None) -> Any:
    if value is None:
        return None
    return tuple(name.strip() for name in value.split(",") if name.strip())


def _rules(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> Any:
    rules: dict[str, str] = {}
    for value in values:
        column, equals, rule = value.partition("=")
        if not equals:
            raise click.BadParameter(
                f"{value!r}: write it as {str(option.metavar).lower()}", context, option
            )
        if rules.setdefault(column, rule) != rule:
            raise click.BadParameter(f"{column!r} is given twice: say which", context, option)
    return rules or None


def _export_options(command: _Command) -> _Command:
    """Add the options that need nothing to be computed again."""
    options = [
        click.option("--threshold", type=float, help="Merge pairs at or above this probability."),
        click.option(
            "--review-from", type=float, help="Pairs from here up to the threshold are doubtful."
        ),
        click.option(
            "--target-precision",
            type=float,
            metavar="P",
            help="Choose the lowest threshold that reaches this precision, as it is estimated.",
        ),
        click.option(
            "--target-recall",
            type=float,
            metavar="R",
            help="Choose the highest threshold that reaches this recall, as it is estimated.",
        ),
        click.option(
            "--correct/--as-scored",
            default=None,
            help="Let decisions and sure pairs correct the probabilities of the others (default).",
        ),
        click.option(
            "--adapt/--no-adapt",
            default=None,
            help="Let sure pairs of the file correct the others (default: up to 50,000 records).",
        ),
        click.option(
            "--preset",
            type=click.Choice(list(PRESETS)),
            help="Both thresholds by name (default: balanced).",
        ),
        click.option(
            "--merge",
            multiple=True,
            metavar="COLUMN=RULE",
            callback=_rules,
            help="Which value a merged row takes: most-complete (default), most-frequent, longest, "
            "first, last, newest:COLUMN, oldest:COLUMN, concat, max or min. Repeatable.",
        ),
        click.option("--format", type=click.Choice(FORMATS), help="Of the output (default: csv)."),
        click.option(
            "--safe-csv/--plain-csv",
            default=None,
            help="Neutralise values that a spreadsheet would run as formulas.",
        ),
        click.option(
            "--large-cluster", type=int, help="Name clusters larger than this (default: 20)."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _run_options(command: _Command) -> _Command:
    """Add the options of a run."""
    options = [
        click.option(
            "--config",
            "config_file",
            type=click.Path(path_type=Path),
            help="Options in a TOML file.",
        ),
        click.option(
            "--fields", metavar="A,B", callback=_names, help="Columns that say who a record is."
        ),
        click.option("--ignore", metavar="C,D", callback=_names, help="Columns not to look at."),
        click.option("--id", metavar="COLUMN", help="Column with one unique value a record."),
        click.option(
            "--candidates",
            "candidates_per_record",
            type=float,
            help="Pairs to look at a record (default: 5).",
        ),
        click.option(
            "--radius", type=float, help="Similarity of candidates (default: from the file)."
        ),
        click.option(
            "--bi-encoder", metavar="MODEL", help="A sentence-transformers name or folder."
        ),
        click.option(
            "--cross-encoder", metavar="MODEL", help="A sentence-transformers name or folder."
        ),
        click.option(
            "--agreement",
            type=float,
            help="Share of the cross-encoder's matches that the distilled model must keep to decide clear "
            "pairs (default: 0.995; 1: no distilled).",
        ),
        click.option(
            "--cross-encoder-pairs",
            type=int,
            help="Most doubtful pairs that the cross-encoder judges next to a distilled (default: "
            "10000).",
        ),
        click.option("--device", help="Where models run: auto, cpu, cuda, mps."),
        click.option("--encoding", help="Of text input (default: detected)."),
        click.option("--delimiter", help="Of text input (default: detected)."),
        click.option(
            "--query", metavar="SQL", help="A SELECT that makes the input, of a database."
        ),
        click.option("--seed", type=int, help="Start of every random choice (default: 0)."),
    ]
    for option in reversed(options):
        command = option(command)
    return _export_options(command)


def _talk_options(command: _Command) -> _Command:
    """Add the options that say how much is printed."""
    options = [
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object to stdout."),
        click.option("-q", "--quiet", is_flag=True, help="Print errors only."),
        click.option("-v", "--verbose", is_flag=True, help="Print more, and where faults happen."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


class _Unread(Exception):
    """Whoever read our output has had enough."""


class _Commands(click.Group):
    """The commands, whose broken pipes reach :func:`main`: click would end with code 1 there."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _Unread from error


@click.group(cls=_Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dedupe-tui", prog_name="dedupe")
def cli() -> None:
    """Find the rows that are the same real thing written differently, and make one row of them.

    \b
      dedupe run contacts.csv              find, cluster, merge; results in contacts.dedupe/
      dedupe review contacts.dedupe        look at doubtful pairs and decide
      dedupe export contacts.dedupe        write again: other threshold, rules or format
      dedupe link customers.csv leads.csv  which rows of one table are those of another
      dedupe add contacts.dedupe new.csv   bring in new records; ids and decisions stay
      dedupe match contacts.dedupe         which records are those that come on stdin
      dedupe evaluate contacts.dedupe      how good the result is, with --gold or without
      dedupe train contacts.dedupe         teach the model the decisions
      dedupe score pairs.jsonl             the probability of pairs of your own
      dedupe profile contacts.csv          what each column holds, and what it is used for
      dedupe diff old.dedupe new.dedupe    which clusters differ between two runs, and why
    """  # noqa: D301 - click needs the character itself


@cli.command(epilog=EPILOG)
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="WORKSPACE", help="Folder for the results; - prints them.")
@_run_options
@click.option("--dry-run", is_flag=True, help="Say what the run would cost, and do nothing.")
@click.option("--train", is_flag=True, help="First learn from the decisions of the last run.")
@click.option("--review/--no-review", default=False, help="Open the review app before the export.")
@click.option("--table", type=click.Choice(TABLES), default=TABLES[0], help="What -o - prints.")
@_talk_options
def run(
    inputs: tuple[str, ...],
    output: str | None,
    config_file: Path | None,
    dry_run: bool,
    train: bool,
    review: bool,
    table: str,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Find the duplicates in INPUT, cluster and merge them.

    INPUT is a CSV, TSV, Parquet, Arrow IPC, JSON lines or Excel file (with gzip or zstd as well),
    a folder of them, a glob, or - for stdin; several are stacked. Or a database: an SQLite or
    DuckDB file, or a URL (sqlite:///path, duckdb:///path, postgresql://...), with ::TABLE at its
    end or with --query. It is never written to. Results go to INPUT-stem.dedupe/ beside it.
    """
    import dedupe
    from dedupe.pipeline.dry_run import estimate

    options = _with_file(config_file, options)
    source = inputs[0] if len(inputs) == 1 else list(inputs)
    if dry_run:
        print_costs(estimate(source, **options), as_json)
        return
    if review and (output == STDOUT or as_json):
        raise OptionError("--review shows an app: it does not go with -o - or --json")
    if train and output == STDOUT:
        raise OptionError("--train needs a workspace with decisions: it does not go with -o -")
    if output == STDOUT:
        _no_json_beside_a_table(as_json)
        one_table_a_file(options.get("format"))
        with _scratch() as folder, progress_bars(quiet) as report:
            result = dedupe.run(source, output=folder, report=report, **options)
            print_table(result, table)
            return
    if review:
        _need_terminal()
    if train:
        from dedupe.pipeline.train import run_after_learning

        with progress_bars(quiet) as report:
            lesson, result = run_after_learning(source, output=output, report=report, **options)
        if not quiet and not as_json:
            print_lesson(lesson)
    if review:
        from dedupe.pipeline.run import prepare
        from dedupe.review.app import review as open_app

        with progress_bars(quiet) as report:
            place = prepare(source, output=output, report=report, **options)
        open_app(place)
    if review or not train:
        with progress_bars(quiet) as report:
            result = dedupe.run(source, output=output, report=report, **options)
    print_result(result, as_json, quiet, verbose)


@cli.command(epilog=EPILOG)
@click.argument("inputs", metavar="TABLE TABLE...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="WORKSPACE", help="Folder for the results; - prints them.")
@click.option("--one-to-one", "link", flag_value="one", help="The best one-to-one assignment.")
@click.option("--best", "link", flag_value="best", help="The best match of each left record.")
@click.option("--many", "link", flag_value="many", help="Every match (default).")
@click.option(
    "--map",
    multiple=True,
    metavar="LEFT=RIGHT",
    callback=_rules,
    help="Column of the first table and of the others that are one field; with nothing behind the "
    "= it is kept apart. Repeatable.",
)
@click.option("--within/--across", default=None, help="Look for pairs within one table too.")
@click.option("--prefer", metavar="TABLE", help="Table whose values come first in merged rows.")
@_run_options
@click.option(
    "--table", type=click.Choice(LINK_TABLES), default="matches", help="What -o - prints."
)
@_talk_options
def link(
    inputs: tuple[str, ...],
    output: str | None,
    config_file: Path | None,
    table: str,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Find which records of one TABLE are those of another.

    Columns may have other names in each: they are aligned by name and content. Results go to
    FIRST-SECOND.dedupe/ beside the first: matches, merged rows, and what has no match.
    """
    import dedupe

    options = _with_file(config_file, options)
    if output == STDOUT:
        _no_json_beside_a_table(as_json)
        one_table_a_file(options.get("format"))
        with _scratch() as folder, progress_bars(quiet) as report:
            result = dedupe.link(*inputs, output=folder, report=report, **options)
            print_table(result, table)
            return
    with progress_bars(quiet) as report:
        result = dedupe.link(*inputs, output=output, report=report, **options)
    print_result(result, as_json, quiet, verbose)


@cli.command(epilog=EPILOG)
@click.argument("workspace")
@click.argument("inputs", metavar="NEW...", nargs=-1, required=True)
@click.option("--id", metavar="COLUMN", help="Ids of NEW, if named otherwise than in WORKSPACE.")
@click.option(
    "--replace-all", is_flag=True, help="NEW is all there is: remove the records it does not have."
)
@click.option("--to", metavar="TABLE", help="Of linked tables, the one that NEW belongs to.")
@click.option("--device", help="Where models run: auto, cpu, cuda, mps.")
@click.option("--encoding", help="Of text input (default: detected).")
@click.option("--delimiter", help="Of text input (default: detected).")
@click.option("--query", metavar="SQL", help="A SELECT that makes the input, of a database.")
@_talk_options
def add(
    workspace: str,
    inputs: tuple[str, ...],
    id: str | None,
    replace_all: bool,
    to: str | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Bring the records of NEW into WORKSPACE: cluster ids stay, decisions hold.

    NEW is what dedupe run takes, with the columns of WORKSPACE. Where that has an id column,
    records with an id that is there already are updated. additions.csv says which clusters were
    made, grown, joined, split or changed.
    """
    import dedupe

    source = inputs[0] if len(inputs) == 1 else list(inputs)
    with progress_bars(quiet) as report:
        result = dedupe.add(
            workspace,
            source,
            id=id,
            replace_all=replace_all,
            to=to,
            report=report,
            **_given(options),
        )
    print_result(result, as_json, quiet, verbose)


@cli.command(epilog=EPILOG)
@click.argument("workspace")
@click.option("-o", "--output", metavar="FOLDER", help="Where to write; - prints one table.")
@_export_options
@click.option(
    "--table", type=click.Choice(LINK_TABLES), default=TABLES[0], help="What -o - prints."
)
@_talk_options
def export(
    workspace: str,
    output: str | None,
    table: str,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Cluster, merge and write again what is in WORKSPACE; needs no model.

    Decisions made since the last run are obeyed.
    """
    import dedupe

    given = _given(options)
    if output == STDOUT:
        _no_json_beside_a_table(as_json)
        one_table_a_file(given.get("format"))
        with _scratch() as folder:
            result = dedupe.export(workspace, output=folder, **given)
            print_table(result, table)
            return
    with progress_bars(quiet) as report:
        result = dedupe.export(workspace, output=output, report=report, **given)
    print_result(result, as_json, quiet, verbose)


@cli.command(epilog=EPILOG)
@click.argument("workspace")
@click.option("--gold", help="Table of id,cluster_id or id_a,id_b.")
@click.option("--across", metavar="COLUMN", help="Count only pairs that differ in this column.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object to stdout.")
def evaluate(workspace: str, gold: str | None, across: str | None, as_json: bool) -> None:
    """Measure the clusters of WORKSPACE against the truth.

    Without --gold, precision and recall are estimated from the decisions in WORKSPACE.
    """
    from dedupe.evaluation.quality import estimate_workspace, evaluate_workspace

    if gold is None:
        if across is not None:
            raise OptionError("--across goes with --gold: the estimate is of all pairs")
        print_estimate(estimate_workspace(workspace), as_json)
        return
    figures = evaluate_workspace(workspace, gold, across=across).as_dict()
    if as_json:
        click.echo(json.dumps(figures))
        return
    for name, value in figures.items():
        click.echo(
            f"{name:<22} {value:>12,}" if isinstance(value, int) else f"{name:<22} {value:>12.4f}"
        )


@cli.command(epilog=EPILOG)
@click.argument("workspace")
@click.option("--back", is_flag=True, help="Go back to the model before the one in use.")
@click.option("--device", help="Where models run: auto, cpu, cuda, mps.")
@click.option("--seed", type=int, help="Start of every random choice in learning.")
@_talk_options
def train(
    workspace: str, back: bool, as_json: bool, quiet: bool, verbose: bool, **options: Any
) -> None:
    """Teach the model the decisions in WORKSPACE, and score and cluster anew.

    The new model is kept in WORKSPACE/models, and used where it predicts decisions held back better
    than the scores that there are; --cross-encoder takes it to other files.
    """
    import dedupe

    with progress_bars(quiet) as report:
        lesson, result = dedupe.train(workspace, back=back, report=report, **_given(options))
    if as_json:
        click.echo(json.dumps({"lesson": lesson, **result.summary}, ensure_ascii=False))
        return
    if not quiet:
        if back:
            which = f"version {lesson['version']}" if lesson["version"] else "the first model"
            console().print(f"back to {which}")
        else:
            print_lesson(lesson)
        print_summary(result, verbose)


@cli.command(epilog=EPILOG)
@click.argument("workspace")
@click.option(
    "--order",
    type=click.Choice(
        ["useful", "weighty", "lowest", "highest", "random", "clusters", "contradictions", "audit"]
    ),
    default="useful",
    help="Which pairs come first (default: those that teach most).",
)
@click.option(
    "--audit", is_flag=True, help="Draw pairs by lot, to estimate how good the result is."
)
@click.option(
    "--width",
    type=click.FloatRange(0, 1, min_open=True),
    help="Width of the intervals at which an audit is done (default: 0.1).",
)
@click.option("--blind", is_flag=True, help="Hide the scores.")
@click.option("--theme", metavar="NAME", help="dark (default), light, or any theme of Textual.")
@click.option("--reviewer", metavar="NAME", help="Who decides (default: the user's name).")
@click.option("--web", is_flag=True, help="Serve the app to a browser on this machine.")
@click.option("--port", type=click.IntRange(0, 65535), help="For --web (default: a free one).")
def review(workspace: str, audit: bool, web: bool, port: int | None, **options: Any) -> None:
    """Look at doubtful pairs and clusters of WORKSPACE in the terminal, and decide.

    Every decision is kept at the moment of the key press; the results are written again at the end.
    """
    if audit:
        options["order"] = "audit"
    elif options["width"] is not None and options["order"] != "audit":
        raise OptionError("--width says when an audit is done: it goes with --audit")
    if web:
        _serve(workspace, _given(options), port or 0)
    elif port is not None:
        raise OptionError("--port goes with --web")
    else:
        _review(workspace, **_given(options))


@cli.command(epilog=EPILOG)
@click.argument("workspace")
@click.option("--format", type=click.Choice(["csv", "jsonl"]), default="csv", help="Of the log.")
@click.option("--import", "labels", metavar="FILE", help="Record labels: id_a,id_b,label.")
@click.option("--reviewer", metavar="NAME", help="Whose the labels are.")
def decisions(workspace: str, format: str, labels: str | None, reviewer: str | None) -> None:
    """Print the log of decisions of WORKSPACE, or record labels from a file.

    A label is match, different or unsure, or 1 or 0.
    """
    from dedupe.workspace.labels import decision_log, import_decisions

    if labels is not None:
        count = import_decisions(workspace, labels, reviewer=reviewer or Path(labels).name)
        click.echo(f"{count:,} decisions recorded: dedupe export {workspace} obeys them", err=True)
        return
    log = decision_log(workspace)
    click.echo(log.write_csv() if format == "csv" else log.write_ndjson(), nl=False)


def _review(workspace: str, **options: Any) -> None:
    import dedupe
    from dedupe.review.app import review as open_app

    # In a browser the app talks to the server that started it through stdout.
    served = "web_driver" in os.environ.get("TEXTUAL_DRIVER", "")
    if not served:
        _need_terminal()
    if open_app(workspace, **options):
        result = dedupe.export(workspace)
        if not served:
            print_summary(result, verbose=False)


def _need_terminal() -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise OptionError(
            "the review app needs a terminal: use one, or dedupe review --web for a browser"
        )


def _serve(workspace: str, options: Mapping[str, Any], port: int) -> None:
    from dedupe.review.app import themed
    from dedupe.review.web import serve
    from dedupe.workspace.folder import open_workspace

    open_workspace(workspace)
    themed(options.get("theme"))
    words = [sys.executable, "-m", "dedupe.cli.commands", "review", str(Path(workspace).absolute())]
    for name, value in options.items():
        words += [f"--{name}"] if value is True else [f"--{name}", str(value)] if value else []
    serve(words, port)


@cli.command(epilog=EPILOG)
@click.argument("workspace")
@click.option(
    "--input",
    "kind",
    type=click.Choice(["jsonl", "csv"]),
    default="jsonl",
    help="What stdin holds: JSON lines (default) or CSV with a header.",
)
@click.option(
    "--most", type=click.IntRange(min=1), default=5, help="Matches of one record (default: 5)."
)
@click.option(
    "--least",
    type=click.FloatRange(0, 1),
    help="Probability of a match (default: the threshold).",
)
def match(workspace: str, kind: str, most: int, least: float | None) -> None:
    """Read records from stdin, and say which records of WORKSPACE they are.

    Each line of the answer is a JSON object: the record as it was, and its matches with id,
    cluster_id and probability. Answers come as fast as records do.
    """
    import polars as pl

    from dedupe.io.tables import read_csv_objects, read_json_objects
    from dedupe.pipeline.incremental.match import Matcher

    matcher = Matcher(workspace)
    records = read_csv_objects() if kind == "csv" else read_json_objects()
    for number, record in enumerate(records, start=1):
        row = pl.DataFrame({name: [_value_as_text(value)] for name, value in record.items()})
        try:
            found = matcher.match(row, most=most, least=least).drop("record")
        except InputError as error:
            raise InputError(f"record {number} of stdin: {error}") from None
        answer = {"record": record, "matches": found.to_dicts()}
        sys.stdout.buffer.write((json.dumps(answer, ensure_ascii=False) + "\n").encode())
        sys.stdout.buffer.flush()


def _json_line(value: Mapping[str, Any]) -> str:
    """Return a line of JSON; halves of characters, which no encoding has, stay escaped."""
    line = json.dumps(value, ensure_ascii=False)
    if any("\ud800" <= character <= "\udfff" for character in line):
        line = json.dumps(value)
    return line + "\n"


def _value_as_text(value: Any) -> str | None:
    """Return a value of JSON as a run reads it."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@cli.command(epilog=EPILOG)
@click.argument("pairs")
@click.option("-o", "--output", metavar="FILE", default=STDOUT, help="Default: stdout.")
@click.option("--cross-encoder", metavar="MODEL", help="A sentence-transformers name or folder.")
@click.option("--device", help="Where models run: auto, cpu, cuda, mps.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def score(pairs: str, output: str, quiet: bool, **options: Any) -> None:
    """Say how likely the two records of each pair in PAIRS are one thing.

    PAIRS is a JSON lines file, or - for stdin. Each line holds an object with left and right, each
    an object of field names and values; it is written again with its probability, in place of one
    that is there.
    """
    from dedupe.config import Config
    from dedupe.io.atomic import write_atomically
    from dedupe.io.tables import read_json_objects
    from dedupe.scoring.cross_encoder import load_cross_encoder
    from dedupe.scoring.score import scored_batches

    config = Config().with_options(**_given(options))
    objects = read_json_objects(pairs)
    model = load_cross_encoder(config)

    def lines(report: Report) -> Iterator[str]:
        done = 0
        for batch, chances in scored_batches(objects, model):
            done += len(batch)
            report("score", done, 0)
            for pair, chance in zip(batch, chances, strict=True):
                yield _json_line({**pair, "probability": round(float(chance), 6)})

    def write(path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(lines(report))

    with progress_bars(quiet) as report:
        if output != STDOUT:
            write_atomically(Path(output), write)
            return
        for line in lines(report):
            sys.stdout.buffer.write(line.encode())
        sys.stdout.buffer.flush()


@cli.command(epilog=EPILOG)
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option("--fields", metavar="A,B", callback=_names, help="Columns that say who a record is.")
@click.option("--ignore", metavar="C,D", callback=_names, help="Columns not to look at.")
@click.option("--id", metavar="COLUMN", help="Column with one unique value a record.")
@click.option("--encoding", help="Of text input (default: detected).")
@click.option("--delimiter", help="Of text input (default: detected).")
@click.option("--query", metavar="SQL", help="A SELECT that makes the input, of a database.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object to stdout.")
def profile(inputs: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Say what each column of INPUT looks like, and what a run would use it for.

    INPUT is what dedupe run takes; nothing is compared and nothing written.
    """
    from dedupe.io.profile import profile_with_facts

    source = inputs[0] if len(inputs) == 1 else list(inputs)
    columns, facts = profile_with_facts(source, **_given(options))
    if as_json:
        click.echo(json.dumps({**facts, "columns": columns.to_dicts()}, ensure_ascii=False))
        return
    click.echo(f"{listed(facts['input'])}: {facts['rows']:,} rows, {columns.height:,} columns")
    lines = [
        (
            one["column"],
            one["kind"],
            f"{one['filled']:.1%}",
            f"{one['distinct']:,}",
            one["use"],
            ", ".join(short(value) for value in one["examples"]),
        )
        for one in columns.iter_rows(named=True)
    ]
    print_rows(("column", "kind", "filled", "distinct", "use", "examples"), lines, right=(2, 3))


@cli.command(epilog=EPILOG)
@click.argument("before", metavar="WORKSPACE1")
@click.argument("after", metavar="WORKSPACE2")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object to stdout.")
@click.option(
    "--format",
    type=click.Choice(("table", "csv")),
    default="table",
    help="csv lists every record of every cluster that differs.",
)
@click.option("--most", type=click.IntRange(min=0), default=20, help="Lines of the table.")
def diff(before: str, after: str, as_json: bool, format: str, most: int) -> None:
    """Say which clusters differ between WORKSPACE1 and WORKSPACE2, and why.

    Records are matched by their ids, or by their content where there are none.
    """
    from dedupe.evaluation.compare_runs import diff as compare

    if as_json and format == "csv":
        raise OptionError("--json and --format csv both print to stdout: use one of them")
    found = compare(before, after)
    if as_json:
        summary = {**found.summary, "changes": found.changes.to_dicts()}
        click.echo(json.dumps(summary, ensure_ascii=False))
    elif format == "csv":
        click.echo(found.records.write_csv(), nl=False)
    else:
        print_diff(found, most)


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of SHELL.

    \b
      eval "$(dedupe completion bash)"           in ~/.bashrc
      eval "$(dedupe completion zsh)"            in ~/.zshrc
      dedupe completion fish > ~/.config/fish/completions/dedupe.fish
    """  # noqa: D301 - click needs the character itself
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise OptionError(f"no completion for {shell}")
    click.echo(kind(cli, {}, "dedupe", "_DEDUPE_COMPLETE").source())


def _with_file(file: Path | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a TOML file and those given beside it, which win."""
    given, read = _given(options), read_config(file) if file else {}
    # Thresholds and goals rule each other out: one that is given rules out those of the file.
    for ways, others in ((THRESHOLDS, GOALS), (GOALS, (*THRESHOLDS, *GOALS))):
        if any(name in given for name in ways):
            read = {name: value for name, value in read.items() if name not in others}
    return {**read, **given}


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


@contextmanager
def _scratch() -> Iterator[str]:
    """Give a folder that is gone afterwards, for results that are only printed."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="dedupe-") as folder:
        yield str(Path(folder) / "workspace")


def _no_json_beside_a_table(as_json: bool) -> None:
    if as_json:
        raise OptionError("--json and -o - both print to stdout: use one of them")


if __name__ == "__main__":
    main()
