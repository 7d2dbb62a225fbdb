"""The command line: parse, call the API, print. Results go to stdout, all talk to stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from dedupe.config import DATABASES, FORMATS, PRESETS, read_config
from dedupe.errors import DedupeError, OptionError
from dedupe.progress import Report, no_report

if TYPE_CHECKING:
    from rich.console import Console

    from dedupe.differences import Diff
    from dedupe.estimates import Estimate
    from dedupe.pipeline import Result

_Command = TypeVar("_Command", bound=Callable[..., Any])

EPILOG = "Exit codes: 0 done, 1 a fault of this program, 2 the input or an option is wrong."
TABLES = ("merged", "clusters", "removed", "pairs")
LINK_TABLES = ("matches", *TABLES)
STDOUT = "-"


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line, and turn every error into one line and an exit code."""
    # Nothing is fetched unless a model is named that is not here; then a progress bar of another
    # library would only disturb ours.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
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
    except BrokenPipeError:
        # Whoever read our output has had enough: no fault of ours, and nobody is left to tell.
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


def _fail(message: str, code: int) -> int:
    click.echo(f"dedupe: {_one_line(message)}", err=True)
    return code


def _one_line(message: object) -> str:
    return " ".join(str(message).split())


# Options ---------------------------------------------------------------------------------------


def _names(context: click.Context, option: click.Parameter, value: str | None) -> Any:
    if value is None:
        return None
    return tuple(name.strip() for name in value.split(",") if name.strip())


def _rules(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> Any:
    rules = {}
    for value in values:
        column, equals, rule = value.partition("=")
        if not equals:
            raise click.BadParameter(
                f"{value!r}: write it as {str(option.metavar).lower()}", context, option
            )
        rules[column] = rule
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
            help="Let the decisions correct the probabilities of the other pairs (default).",
        ),
        click.option(
            "--adapt/--no-adapt",
            default=None,
            help="Let the sure pairs of this very file correct the doubtful ones.",
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
            help="Share of the cross-encoder's matches that its student must keep to decide clear "
            "pairs (default: 0.995; 1: no student).",
        ),
        click.option(
            "--cross-encoder-pairs",
            type=int,
            help="Most doubtful pairs that the cross-encoder judges next to a student (default: "
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


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dedupe-tui", prog_name="dedupe")
def cli() -> None:
    r"""Find the rows that are the same real thing written differently, and make one row of them.

    \b
      dedupe run contacts.csv            find, cluster and merge; results in contacts.dedupe/
      dedupe link customers.csv leads.csv  which rows of one table are those of another
      dedupe add contacts.dedupe new.csv  bring in new records; ids and decisions stay
      dedupe review contacts.dedupe      look at doubtful pairs and decide, in the terminal
      dedupe export contacts.dedupe      write again with another threshold, rules or format
      dedupe evaluate contacts.dedupe --gold truth.csv
      dedupe score pairs.jsonl           the probability of pairs of your own
      dedupe profile contacts.csv        what each column holds and how it will be used
      dedupe diff old.dedupe new.dedupe  which clusters differ between two runs, and why
    """


@cli.command(epilog=EPILOG)
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="WORKSPACE", help="Folder for the results; - prints them.")
@_run_options
@click.option("--dry-run", is_flag=True, help="Say what the run would cost, and do nothing.")
@click.option("--train", is_flag=True, help="First learn from the decisions of the last run.")
@click.option("--review/--no-review", default=False, help="Open the review app before the end.")
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
    from dedupe import costs, pipeline

    options = {**(read_config(config_file) if config_file else {}), **_given(options)}
    source = inputs[0] if len(inputs) == 1 else list(inputs)
    if dry_run:
        _print_costs(costs.estimate(source, **options), as_json)
        return
    if review and (output == STDOUT or as_json):
        raise OptionError("--review shows an app: it does not go with -o - or --json")
    if train and output == STDOUT:
        raise OptionError("--train needs a workspace with decisions: it does not go with -o -")
    if output == STDOUT:
        _no_json_beside_a_table(as_json)
        _one_table_a_file(options.get("format"))
        with _scratch() as folder, _progress(quiet) as report:
            result = pipeline.run(source, output=folder, report=report, **options)
            _print_table(result, table)
            return
    with _progress(quiet) as report:
        if train:
            from dedupe import feedback

            lesson, result = feedback.run_after_learning(
                source, output=output, report=report, **options
            )
        else:
            result = pipeline.run(source, output=output, report=report, **options)
    if train and not quiet and not as_json:
        _print_lesson(lesson)
    _print_result(result, as_json, quiet, verbose)
    if review:
        _review(str(result.workspace), "useful", False, None)


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
    help="Column of the first table and of the others that are one field. Repeatable.",
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
    from dedupe import pipeline

    options = {**(read_config(config_file) if config_file else {}), **_given(options)}
    if output == STDOUT:
        _no_json_beside_a_table(as_json)
        with _scratch() as folder, _progress(quiet) as report:
            result = pipeline.link(*inputs, output=folder, report=report, **options)
            _print_table(result, table)
            return
    with _progress(quiet) as report:
        result = pipeline.link(*inputs, output=output, report=report, **options)
    _print_result(result, as_json, quiet, verbose)


@cli.command(epilog=EPILOG)
@click.argument("workspace")
@click.argument("inputs", metavar="NEW...", nargs=-1, required=True)
@click.option("--id", metavar="COLUMN", help="Ids of NEW, if named otherwise than in WORKSPACE.")
@click.option(
    "--replace-all", is_flag=True, help="NEW is all there is: remove the records it does not have."
)
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
    from dedupe import additions

    source = inputs[0] if len(inputs) == 1 else list(inputs)
    with _progress(quiet) as report:
        result = additions.add(
            workspace, source, id=id, replace_all=replace_all, report=report, **_given(options)
        )
    _print_result(result, as_json, quiet, verbose)


@cli.command(epilog=EPILOG)
@click.argument("workspace")
@click.option("-o", "--output", metavar="FOLDER", help="Where to write; - prints one table.")
@_export_options
@click.option("--table", type=click.Choice(TABLES), default=TABLES[0], help="What -o - prints.")
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
    from dedupe import pipeline

    given = _given(options)
    if output == STDOUT:
        _no_json_beside_a_table(as_json)
        with _scratch() as folder:
            result = pipeline.export(workspace, output=folder, **given)
            _print_table(result, table)
            return
    with _progress(quiet) as report:
        result = pipeline.export(workspace, output=output, report=report, **given)
    _print_result(result, as_json, quiet, verbose)


@cli.command(epilog=EPILOG)
@click.argument("workspace")
@click.option("--gold", help="Table of id,cluster_id or id_a,id_b.")
@click.option("--across", metavar="COLUMN", help="Count only pairs that differ in this column.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object to stdout.")
def evaluate(workspace: str, gold: str | None, across: str | None, as_json: bool) -> None:
    """Measure the clusters of WORKSPACE against the truth.

    Without --gold, precision and recall are estimated from the decisions in WORKSPACE.
    """
    from dedupe import feedback

    if gold is None:
        if across is not None:
            raise OptionError("--across goes with --gold: the estimate is of all pairs")
        _print_estimate(feedback.estimate_workspace(workspace), as_json)
        return
    figures = feedback.evaluate_workspace(workspace, gold, across=across).as_dict()
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
@click.option("--seed", type=int, help="Start of every random choice.")
@_talk_options
def train(
    workspace: str, back: bool, as_json: bool, quiet: bool, verbose: bool, **options: Any
) -> None:
    """Teach the model the decisions in WORKSPACE, and score and cluster anew.

    The new model is kept in WORKSPACE/models; --cross-encoder takes it to other files.
    """
    from dedupe import feedback

    with _progress(quiet) as report:
        lesson, result = feedback.train(workspace, back=back, report=report, **_given(options))
    if as_json:
        click.echo(json.dumps({"lesson": lesson, **result.summary}, ensure_ascii=False))
        return
    if not quiet:
        if back:
            which = f"version {lesson['version']}" if lesson["version"] else "the first model"
            _console().print(f"back to {which}")
        else:
            _print_lesson(lesson)
        _print_summary(result, verbose)


@cli.command(epilog=EPILOG)
@click.argument("workspace")
@click.option(
    "--order",
    type=click.Choice(["useful", "lowest", "highest", "random", "clusters"]),
    default="useful",
    help="Which pairs come first (default: those that teach most).",
)
@click.option("--blind", is_flag=True, help="Hide the scores.")
@click.option("--reviewer", metavar="NAME", help="Who decides (default: the user's name).")
def review(workspace: str, order: str, blind: bool, reviewer: str | None) -> None:
    """Look at doubtful pairs and clusters of WORKSPACE in the terminal, and decide.

    Every decision is kept at the moment of the key press; the results are written again at the end.
    """
    _review(workspace, order, blind, reviewer)


@cli.command(epilog=EPILOG)
@click.argument("workspace")
@click.option("--format", type=click.Choice(["csv", "jsonl"]), default="csv", help="Of the log.")
@click.option("--import", "labels", metavar="FILE", help="Record labels: id_a,id_b,label.")
@click.option("--reviewer", metavar="NAME", help="Whose the labels are.")
def decisions(workspace: str, format: str, labels: str | None, reviewer: str | None) -> None:
    """Print the log of decisions of WORKSPACE, or record labels from a file.

    A label is match, different or unsure, or 1 or 0.
    """
    from dedupe import feedback

    if labels is not None:
        count = feedback.import_decisions(workspace, labels, reviewer=reviewer or Path(labels).name)
        click.echo(f"{count:,} decisions recorded: dedupe export {workspace} obeys them", err=True)
        return
    log = feedback.decision_log(workspace)
    click.echo(log.write_csv() if format == "csv" else log.write_ndjson(), nl=False)


def _review(workspace: str, order: str, blind: bool, reviewer: str | None) -> None:
    from dedupe import pipeline
    from dedupe.review.app import review as open_app

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise OptionError("the review app needs a terminal")
    if open_app(workspace, order=order, blind=blind, reviewer=reviewer):
        _print_summary(pipeline.export(workspace), verbose=False)


@cli.command(epilog=EPILOG)
@click.argument("workspace")
@click.option("--input", "kind", type=click.Choice(["jsonl", "csv"]), default="jsonl")
@click.option("--most", type=int, default=5, help="Matches of one record (default: 5).")
@click.option("--least", type=float, help="Probability of a match (default: the threshold).")
def match(workspace: str, kind: str, most: int, least: float | None) -> None:
    """Read records from stdin, and say which records of WORKSPACE they are.

    Each line of the answer is a JSON object: the record as it was, and its matches with id,
    cluster_id and probability. Answers come as fast as records do.
    """
    import polars as pl

    from dedupe.matching import Matcher
    from dedupe.tables import read_json_objects

    matcher = Matcher(workspace)
    records: Iterator[dict[str, Any]]
    if kind == "csv":
        import csv

        records = iter(csv.DictReader(line.decode("utf-8-sig") for line in sys.stdin.buffer))
    else:
        records = read_json_objects(STDOUT)
    for record in records:
        row = {name: None if value is None else str(value) for name, value in record.items()}
        found = matcher.match(pl.DataFrame([row]), most=most, least=least).drop("record")
        answer = {"record": record, "matches": found.to_dicts()}
        sys.stdout.buffer.write((json.dumps(answer, ensure_ascii=False) + "\n").encode())
        sys.stdout.buffer.flush()


@cli.command(epilog=EPILOG)
@click.argument("pairs")
@click.option("-o", "--output", metavar="FILE", default=STDOUT, help="Default: stdout.")
@click.option("--cross-encoder", metavar="MODEL", help="A sentence-transformers name or folder.")
@click.option("--device", help="Where models run: auto, cpu, cuda, mps.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def score(pairs: str, output: str, quiet: bool, **options: Any) -> None:
    """Say how likely the two records of each pair in PAIRS are one thing.

    PAIRS is a JSON lines file, or - for stdin. Each line holds an object with left and right, each
    an object of field names and values; it is written again with its probability.
    """
    from dedupe.config import Config
    from dedupe.encoders import load_cross_encoder
    from dedupe.scoring import scored_batches
    from dedupe.tables import read_json_objects, write_atomically

    config = Config().with_options(**_given(options))
    objects = read_json_objects(pairs)
    model = load_cross_encoder(config)

    def lines(report: Report) -> Iterator[str]:
        done = 0
        for batch, chances in scored_batches(objects, model):
            done += len(batch)
            report("score", done, 0)
            for pair, chance in zip(batch, chances, strict=True):
                scored = {**pair, "probability": round(float(chance), 6)}
                yield json.dumps(scored, ensure_ascii=False) + "\n"

    def write(path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(lines(report))

    with _progress(quiet) as report:
        if output != STDOUT:
            write_atomically(Path(output), write)
            return
        for line in lines(report):
            sys.stdout.buffer.write(line.encode())
        sys.stdout.buffer.flush()


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    r"""Print the completion script of SHELL.

    \b
      eval "$(dedupe completion bash)"           in ~/.bashrc
      eval "$(dedupe completion zsh)"            in ~/.zshrc
      dedupe completion fish > ~/.config/fish/completions/dedupe.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise OptionError(f"no completion for {shell}")
    click.echo(kind(cli, {}, "dedupe", "_DEDUPE_COMPLETE").source())


def _print_lesson(lesson: Mapping[str, Any]) -> None:
    _console().print(
        f"learnt from [bold]{lesson['decisions']:,}[/] decisions; of the "
        f"{lesson['held_back']:,} held back, {lesson['right_before']:.0%} were right "
        f"before and {lesson['right_after']:.0%} are now (version {lesson['version']})"
    )


def _print_estimate(found: Estimate, as_json: bool) -> None:
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
    if found.basis == "model":
        click.echo(
            "This is what the model expects; pairs drawn by lot would tell how far to trust it."
        )
    click.echo(
        "Of candidate pairs that differ in text; recall_of_all counts the matches that the search "
        "lost, as it estimates them."
    )


def _print_costs(costs: Mapping[str, float], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(costs))
        return
    say = _console()
    say.print(
        f"[bold]{costs['rows']:,}[/] rows, {costs['distinct']:,} of them different\n"
        f"at most {costs['candidates']:,} candidate pairs, "
        f"{costs['cross_encoder_pairs']:,} of them for the cross-encoder\n"
        f"about [bold]{max(costs['seconds'] / 60, 0.1):,.1f} minutes[/] and "
        f"{costs['memory_mb']:,} MB of memory"
    )


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


# Printing --------------------------------------------------------------------------------------


def _console(**options: Any) -> Console:
    from rich.console import Console

    return Console(stderr=True, highlight=False, **options)


@contextmanager
def _progress(quiet: bool) -> Iterator[Report]:
    """Show a bar a stage on stderr, when that is a terminal."""
    console = _console()
    if quiet or not console.is_terminal:
        yield no_report
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<8}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as progress:
        tasks: dict[str, Any] = {}

        def report(stage: str, done: int, total: int) -> None:
            for name, task in tasks.items():
                if name != stage:
                    progress.update(task, visible=False)
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=None, rate="")
            speed = progress._tasks[tasks[stage]].speed
            progress.update(
                tasks[stage],
                completed=done,
                total=total or None,
                rate=f"{speed:,.0f}/s" if speed else "",
            )

        yield report


@contextmanager
def _scratch() -> Iterator[str]:
    """Give a folder that is gone afterwards, for results that are only printed."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="dedupe-") as folder:
        yield str(Path(folder) / "workspace")


def _no_json_beside_a_table(as_json: bool) -> None:
    if as_json:
        raise OptionError("--json and -o - both print to stdout: use one of them")


def _one_table_a_file(format: str | None) -> None:
    if format in DATABASES:
        raise OptionError(f"{format} is one file of all tables: name a folder with -o, not -")


def _print_table(result: Result, table: str) -> None:
    assert result.workspace is not None
    format = result.summary["config"]["format"]
    _one_table_a_file(format)
    if format in ("parquet", "xlsx", "ipc") and sys.stdout.isatty():
        raise OptionError(f"{format} is not for a terminal: redirect stdout to a file")
    data = (result.workspace / f"{table}.{format}").read_bytes()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _print_result(result: Result, as_json: bool, quiet: bool, verbose: bool) -> None:
    if as_json:
        summary = {**result.summary, "workspace": str(result.workspace)}
        click.echo(json.dumps(summary, ensure_ascii=False))
    elif not quiet:
        _print_summary(result, verbose)


def _print_summary(result: Result, verbose: bool) -> None:
    """Say on stderr what was found, where it is and what to do next."""
    from rich.markup import escape
    from rich.table import Table

    say = _console()
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
        say.print(
            f"{doubtful:,} pairs are doubtful (probability {low:g} to {high:g}); "
            f"to merge more or fewer: [bold]dedupe export {escape(str(result.workspace))} "
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
        yield "fields", _listed(used)
        if left:
            yield "left out", _listed(left)
    if "additions" in found:
        added = found["additions"]
        yield "rows given", _counted(added, ("added", "updated", "unchanged", "removed"))
        yield "clusters", _counted(added["clusters"], tuple(added["clusters"]))
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
            + _student_said(found.get("student", {})),
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
        yield "adapted", f"to {lessons:,} sure pairs of this file"
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


def _counted(counts: Mapping[str, int], names: Sequence[str]) -> str:
    return ", ".join(f"{counts[name]:,} {name}" for name in names if counts[name]) or "none"


def _student_said(student: Mapping[str, Any]) -> str:
    if not student.get("pairs"):
        return ""
    return (
        f"; of {student['audited']:,} pairs set aside, the student agrees on "
        f"{student['agreement']:.2%} of those it decides and keeps "
        f"{student['matches_kept']:.1%} of the matches"
    )


def _warnings(found: Mapping[str, Any]) -> Iterator[str]:
    yield from found.get("search", {}).get("notes", ())
    yield from found.get("additions", {}).get("notes", ())
    if over := found.get("student", {}).get("over_budget"):
        yield (
            f"{over:,} doubtful pairs were left to the student: --cross-encoder-pairs gives the "
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


def _listed(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


# Looking at inputs and at runs -------------------------------------------------------------------


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
    from dedupe.profiling import profile_with_facts

    source = inputs[0] if len(inputs) == 1 else list(inputs)
    columns, facts = profile_with_facts(source, **_given(options))
    if as_json:
        click.echo(json.dumps({**facts, "columns": columns.to_dicts()}, ensure_ascii=False))
        return
    click.echo(f"{_listed(facts['input'])}: {facts['rows']:,} rows, {columns.height:,} columns")
    lines = [
        (
            one["column"],
            one["kind"],
            f"{one['filled']:.1%}",
            f"{one['distinct']:,}",
            one["use"],
            ", ".join(_short(value) for value in one["examples"]),
        )
        for one in columns.iter_rows(named=True)
    ]
    _print_rows(("column", "kind", "filled", "distinct", "use", "examples"), lines, right=(2, 3))


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
    from dedupe.differences import diff as compare

    if as_json and format == "csv":
        raise OptionError("--json and --format csv both print to stdout: use one of them")
    found = compare(before, after)
    if as_json:
        summary = {**found.summary, "changes": found.changes.to_dicts()}
        click.echo(json.dumps(summary, ensure_ascii=False))
    elif format == "csv":
        click.echo(found.records.write_csv(), nl=False)
    else:
        _print_diff(found, most)


def _print_diff(found: Diff, most: int) -> None:
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
        click.echo(f"differs   {name}: {_short(str(was), 24)}, now {_short(str(now), 24)}")
    for name in ("fields", "dedupe"):
        if unlike[name]:
            was, now = (", ".join(x) if isinstance(x, list) else str(x) for x in unlike[name])
            click.echo(f"differs   {name}: {_short(was)}, now {_short(now)}")
    if found.changes.is_empty():
        click.echo("The clusters are the same.")
        return
    click.echo()
    lines = [
        (
            one["change"],
            f"{len(one['clusters_before'])} > {len(one['clusters_after'])}",
            _listed(one["records"], most=4),
            one["why"],
        )
        for one in found.changes.head(most).iter_rows(named=True)
    ]
    _print_rows(("change", "clusters", "records", "why"), lines, right=())
    if found.changes.height > most:
        click.echo(f"{found.changes.height - most:,} more: --most N, --format csv or --json")


def _print_rows(heads: Sequence[str], lines: Sequence[Sequence[str]], right: Sequence[int]) -> None:
    """Print a table to stdout: folded to the width of a terminal, in full where it is none."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 10_000
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for place, head in enumerate(heads):
        table.add_column(
            head, justify="right" if place in right else "left", overflow="fold",
            no_wrap=not console.is_terminal,
        )  # fmt: skip
    for line in lines:
        table.add_row(*(Text(_printable(value)) for value in line))
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as captured:
        console.print(table)
    click.echo("\n".join(one.rstrip() for one in captured.get().splitlines()))


def _printable(value: str) -> str:
    """Return text on one line, without what a terminal would obey."""
    return "".join(c if c.isprintable() else "\ufffd" for c in " ".join(value.split()))


def _short(value: str, most: int = 40) -> str:
    return value if len(value) <= most else value[: most - 1] + "…"


if __name__ == "__main__":
    main()
