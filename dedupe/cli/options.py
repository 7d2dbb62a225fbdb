"""Options that several commands share, and the sections of their help."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from dedupe.cli.choice import Choice
from dedupe.cli.console import log_to_stderr
from dedupe.cli.option_values import given_names, parse_assignments, split_names
from dedupe.config import FORMATS, KINDS, PRESETS, ROW_ORDERS

SECTIONS = ("Input", "Comparison", "Matching", "Output", "Models", "Review", "Other")
"""Sections of the help of a command with many options, in order."""

EPILOG = (
    "Exit codes: 0 success, 1 internal error, 2 wrong input or option, 3 a result misses a limit, "
    "130 Ctrl-C."
)

_Function = Callable[..., Any]
_Decorator = Callable[[_Function], _Function]


class SectionOption(click.Option):
    """An option that help lists in a section.

    Parameters
    ----------
    section
        One of :data:`SECTIONS`.
    """

    def __init__(self, *args: Any, section: str = SECTIONS[-1], **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.section = section


class SectionedCommand(click.Command):
    """A command whose help lists its options by section."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options of each section that has some."""
        lines_of: dict[str, list[tuple[str, str]]] = {section: [] for section in SECTIONS}
        for option in self.get_params(ctx):
            line = option.get_help_record(ctx) if isinstance(option, click.Option) else None
            if line is not None:
                lines_of[getattr(option, "section", SECTIONS[-1])].append(line)
        for section, lines in lines_of.items():
            if lines:
                with formatter.section(section):
                    formatter.write_dl(lines)


def _complete(kind: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Make a completion by the shell itself, of names of files or of folders (``dir``)."""
    return lambda context, option, incomplete: [CompletionItem(incomplete, type=kind)]


FILES, FOLDERS = _complete("file"), _complete("dir")
"""What a shell offers for an argument or option: ``shell_complete`` of click."""

workspace_argument = click.argument("workspace", shell_complete=FOLDERS)
inputs_argument = partial(click.argument, "inputs", nargs=-1, required=True, shell_complete=FILES)


def _combined(*options: _Decorator) -> _Decorator:
    """Combine options into one decorator that keeps their order."""

    def decorate(function: _Function) -> _Function:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def _start_logging(context: click.Context, option: click.Parameter, count: int) -> int:
    if count:
        log_to_stderr(logging.INFO if count == 1 else logging.DEBUG)
    return count


input_option = partial(click.option, cls=SectionOption, section="Input")
comparison_option = partial(click.option, cls=SectionOption, section="Comparison")
matching_option = partial(click.option, cls=SectionOption, section="Matching")
output_option = partial(click.option, cls=SectionOption, section="Output")
model_option = partial(click.option, cls=SectionOption, section="Models")
review_option = partial(click.option, cls=SectionOption, section="Review")
other_option = partial(click.option, cls=SectionOption, section="Other")


def id_option(help: str = "Column with a unique value per record.") -> _Decorator:
    """Add ``--id``."""
    return input_option("--id", metavar="COLUMN", help=help)


reading_options = _combined(
    input_option("--encoding", help="Encoding of text input (default: detected)."),
    input_option("--delimiter", help="Delimiter of text input (default: detected)."),
    input_option(
        "--rename-duplicates",
        is_flag=True,
        default=None,
        help="Number columns of text input that have the same name.",
    ),
    input_option(
        "--header/--no-header",
        default=None,
        help="Whether text and Excel input has a header line; without one, columns are c1, c2 ... "
        "(default: it has, and a doubt is noted).",
    ),
    input_option(
        "--header-row",
        metavar="N",
        type=int,
        help="Line of text, or row of a sheet, that is the header (default: 1).",
    ),
    input_option(
        "--skip-rows",
        metavar="N",
        type=int,
        help="Lines of text, or rows of a sheet, to leave out at the beginning.",
    ),
    input_option(
        "--sheet", metavar="NAME", help="Sheet of an Excel workbook (default: the first)."
    ),
    input_option(
        "--max-unpacked",
        metavar="GB",
        type=float,
        help="Most memory for what a compressed input unpacks to (default: 100 times its size, at "
        "least 0.25 GB, at most half of the memory).",
    ),
    input_option("--query", metavar="SQL", help="SELECT statement that reads a database."),
)
"""How the input is read."""

column_options = _combined(
    comparison_option(
        "--fields",
        metavar="A,B",
        callback=split_names,
        help="Columns to compare (default: chosen from the data).",
    ),
    comparison_option(
        "--ignore", metavar="C,D", callback=split_names, help="Columns to leave out."
    ),
)
"""Which columns are compared."""

value_options = _combined(
    comparison_option(
        "--kind",
        multiple=True,
        metavar="COLUMN=KIND",
        callback=parse_assignments,
        help=f"What a column holds, if it is not found: {', '.join(KINDS[:-1])} or {KINDS[-1]}. "
        "Columns that begin with the same word are compared as one. Repeatable.",
    ),
    comparison_option(
        "--ignore-value",
        multiple=True,
        metavar="VALUE|COLUMN=VALUE",
        callback=given_names,
        help="Compare a value as empty, everywhere or in one column; it is written as it is. "
        "=VALUE for a value with = in it. Repeatable.",
    ),
)
"""What the values of columns mean."""

rule_options = _combined(
    matching_option(
        "--must-agree",
        multiple=True,
        metavar="COLUMN",
        callback=given_names,
        help="Never merge rows with different values in this column. Values are compared by what "
        "the column holds: phone numbers by their last nine digits, dates by day, text by its "
        "words without case and accents. Rows without a value are free. Repeatable; '' drops the "
        "rule of an earlier run, also below.",
    ),
    matching_option(
        "--must-differ",
        multiple=True,
        metavar="COLUMN",
        callback=given_names,
        help="Never merge rows with the same value in this column, such as their source. "
        "Repeatable.",
    ),
    matching_option(
        "--exact",
        multiple=True,
        metavar="COLUMN",
        callback=given_names,
        help="Merge rows with the same value in this column, whatever else they say. Decisions, "
        "--must-agree and --must-differ come before it. Repeatable.",
    ),
)
"""Rules about columns."""

search_options = _combined(
    comparison_option(
        "--candidates",
        "candidates_per_record",
        metavar="N",
        type=float,
        help="Average number of candidate pairs per record (default: 5).",
    ),
    comparison_option(
        "--radius",
        metavar="COSINE",
        type=float,
        help="Minimum cosine similarity of a candidate pair (default: chosen from the data).",
    ),
)
"""Which pairs are compared."""

threshold_options = _combined(
    matching_option(
        "--threshold",
        metavar="P",
        type=float,
        help="Merge pairs with at least this probability (default: 0.5).",
    ),
    matching_option(
        "--review-from",
        metavar="P",
        type=float,
        help="Call pairs from this probability up to the threshold doubtful (default: 0.1).",
    ),
    matching_option(
        "--preset",
        type=Choice(list(PRESETS)),
        help="Set both by name (default: balanced).",
    ),
    matching_option(
        "--target-precision",
        metavar="P",
        type=float,
        help="Choose the lowest threshold with this estimated precision.",
    ),
    matching_option(
        "--target-recall",
        metavar="R",
        type=float,
        help="Choose the highest threshold with this estimated recall.",
    ),
    matching_option(
        "--recalibrate/--no-recalibrate",
        default=None,
        help="Adjust probabilities to the decisions (default: on).",
    ),
)
"""Which pairs are matches."""

limit_options = _combined(
    matching_option(
        "--max-cluster",
        metavar="N",
        type=int,
        help="Write no results if a cluster has more rows than this (exit code 3).",
    ),
    matching_option(
        "--max-merged-share",
        metavar="SHARE",
        type=float,
        help="Write no results if a larger share of the rows is merged into others (exit code 3).",
    ),
)
"""Which results are refused."""

safe_csv_option = output_option(
    "--safe-csv/--plain-csv",
    default=None,
    help="Escape values that a spreadsheet would run as formulas (default: off).",
)
table_options = _combined(
    output_option(
        "--merge",
        multiple=True,
        metavar="COLUMN=RULE",
        callback=parse_assignments,
        help="Survivorship rule of a column: most-complete (default), most-frequent, longest, "
        "first, last, newest:COLUMN, oldest:COLUMN, prefer:SOURCE,SOURCE..., concat, max or min. "
        "Repeatable.",
    ),
    output_option(
        "--source-column",
        metavar="COLUMN",
        help="Column with the source of each row, for the rule prefer (default: source).",
    ),
    output_option("--format", type=Choice(FORMATS), help="Output format (default: csv)."),
    output_option(
        "--sort",
        type=Choice(ROW_ORDERS),
        help="Order of the rows of clusters: as in the input (default), or clusters together.",
    ),
    output_option(
        "--pair-values/--no-pair-values",
        default=None,
        help="Add the values of both records to pairs (default: off).",
    ),
    output_option(
        "--value-sources/--no-value-sources",
        default=None,
        help="Add to merged the id of the record that each value is from (default: off).",
    ),
    safe_csv_option,
    output_option(
        "--large-cluster",
        metavar="N",
        type=int,
        help="List clusters with more records than this (default: 20).",
    ),
)
"""What the output tables hold."""

device_option = model_option(
    "--device", metavar="DEVICE", help="Device of the models: auto (default), cpu, cuda or mps."
)
cross_encoder_option = model_option(
    "--cross-encoder",
    metavar="MODEL",
    shell_complete=FOLDERS,
    help="Cross-encoder: a sentence-transformers name or folder (default: bundled).",
)
fast_option = model_option(
    "--fast",
    is_flag=True,
    default=None,
    help="Use no cross-encoder: the comparison model judges all pairs.",
)
model_options = _combined(
    model_option(
        "--bi-encoder",
        metavar="MODEL",
        shell_complete=FOLDERS,
        help="Bi-encoder: a sentence-transformers name or folder (default: bundled).",
    ),
    model_option(
        "--hybrid",
        is_flag=True,
        default=None,
        help="Search with the bundled bi-encoder beside the one that is named.",
    ),
    model_option(
        "--bi-encoder-prompt",
        metavar="TEXT",
        help="Text that the bi-encoder reads before each record (default: the model's own).",
    ),
    cross_encoder_option,
    fast_option,
    model_option(
        "--thorough",
        is_flag=True,
        default=None,
        help="Let the cross-encoder judge all candidate pairs.",
    ),
    model_option(
        "--cross-encoder-pairs",
        metavar="N",
        type=int,
        help="Maximum number of doubtful pairs that the cross-encoder judges (default: a quarter "
        "of the number of rows, at least 100 and at most 1,000).",
    ),
    model_option(
        "--self-training/--no-self-training",
        default=None,
        help="Refine doubtful pairs by what the clear pairs of a large file tell (default: on).",
    ),
    device_option,
)
"""Which models score the pairs."""

config_option = other_option(
    "--config",
    "config_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="TOML file with options.",
)
gold_option = click.option(
    "--gold",
    metavar="FILE",
    shell_complete=FILES,
    help="Gold standard: a table of id,cluster_id or id_a,id_b.",
)
json_option = output_option(
    "--json", "as_json", is_flag=True, help="Print one JSON object to stdout."
)
quiet_option = other_option("-q", "--quiet", is_flag=True, help="Print errors only.")
verbose_option = other_option(
    "-v",
    "--verbose",
    count=True,
    callback=_start_logging,
    help="Print more: log messages, and the traceback of an internal error. -vv: debug messages.",
)

export_options = _combined(threshold_options, limit_options, rule_options, table_options)
"""Options that need no model."""

run_options = _combined(
    id_option(),
    reading_options,
    column_options,
    value_options,
    search_options,
    export_options,
    model_options,
    config_option,
    other_option("--seed", metavar="N", type=int, help="Seed of all random choices (default: 0)."),
)
"""Options of a run."""

message_options = _combined(json_option, quiet_option, verbose_option)
"""What is printed."""
