"""The entry point of the command line: the group of commands, errors and exit codes.

Results go to stdout, messages to stderr.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from dedupe.cli.commands.demo import demo
from dedupe.cli.commands.evaluate import diff, evaluate
from dedupe.cli.commands.explain import explain, report
from dedupe.cli.commands.inspect import completion, profile, score
from dedupe.cli.commands.review import decisions, review, train
from dedupe.cli.commands.run import export, link, run
from dedupe.cli.commands.update import add, match
from dedupe.cli.console import LOGGER, echo, log_to_stderr, stop_logging
from dedupe.cli.options import EPILOG
from dedupe.errors import DedupeError, LimitError
from dedupe.io.printable import printable

SUCCESS, INTERNAL_ERROR, USER_ERROR, MISSED_LIMIT, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit codes."""

COMMANDS = (
    run,
    link,
    add,
    export,
    evaluate,
    explain,
    report,
    train,
    review,
    decisions,
    match,
    score,
    profile,
    diff,
    demo,
    completion,
)


class _PipeClosed(Exception):
    """The program that reads stdout closed the pipe."""


class _Group(click.Group):
    """Passes a closed pipe on to :func:`main`; click itself would exit with code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Invoke the command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _PipeClosed from error


@click.group(cls=_Group, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dedupe-tui", prog_name="dedupe")
def cli() -> None:
    """Find duplicate records in tables, or link records between tables, and merge them.

    \b
      dedupe demo                          try it on a small sample
      dedupe run contacts.csv              find duplicates and merge them
      dedupe review contacts.dedupe        decide on doubtful pairs
      dedupe export contacts.dedupe        write again with other options
      dedupe link customers.csv leads.csv  find the records that two tables share
      dedupe add contacts.dedupe new.csv   add new records; ids and decisions stay
      dedupe match contacts.dedupe         find the matches of records on stdin
      dedupe evaluate contacts.dedupe      measure precision and recall
      dedupe explain contacts.dedupe 3 17  say why two records match or not
      dedupe report contacts.dedupe        write an HTML page about the run
      dedupe train contacts.dedupe         train the model on the decisions
      dedupe score pairs.jsonl             estimate the probability of given pairs
      dedupe profile contacts.csv          describe the columns and their use
      dedupe diff old.dedupe new.dedupe    show which clusters differ, and why
    """  # noqa: D301 - click needs the character itself


for command in COMMANDS:
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Parameters
    ----------
    arguments
        Command and options. ``None``: those of the process.
    """
    _configure_libraries()
    _replace_closed_streams()
    log_to_stderr(logging.WARNING)
    try:
        code = _run(arguments)
    finally:
        stop_logging()
    sys.exit(code)


def _run(arguments: Sequence[str] | None) -> int:
    """Run the command line; print an error as one line, and return the exit code."""
    try:
        cli.main(arguments, prog_name="dedupe", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        echo(error.format_message())
    except LimitError as error:
        return _fail(error, MISSED_LIMIT)
    except DedupeError as error:
        return _fail(error, USER_ERROR)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        name = context.command_path if context is not None else "dedupe"
        return _fail(f"{error.format_message()} (see {name} --help)", USER_ERROR)
    except (KeyboardInterrupt, click.Abort):
        return _fail("Interrupted. Run the same command again to resume.", INTERRUPTED)
    except _PipeClosed:
        # Nobody reads the rest, and Python would fail to flush it at exit.
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
    except Exception as error:
        logging.getLogger(LOGGER).info("traceback of the internal error", exc_info=True)
        return _fail(
            f"Internal error: {type(error).__name__}: {error}. Please report it (-v shows the "
            "traceback).",
            INTERNAL_ERROR,
        )
    return SUCCESS


def _configure_libraries() -> None:
    """Keep the progress bars and warnings of libraries off the terminal, unless asked for."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")


def _replace_closed_streams() -> None:
    """Open the null device in place of standard streams that the caller closed, as daemons do.

    Otherwise, the next file to be opened would take the number of a stream, and what a library
    prints would be written into it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115


def _fail(message: object, code: int) -> int:
    """Print a message on one line of stderr, and return the exit code."""
    echo(f"dedupe: {printable(' '.join(str(message).split()))}", err=True)
    return code
