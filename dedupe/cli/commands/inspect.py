"""Commands that need no workspace: profile columns, score pairs, and shell completion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click

from dedupe.cli.choice import Choice
from dedupe.cli.console import echo, echo_data, progress_bars
from dedupe.cli.given import given, one_source
from dedupe.cli.options import (
    EPILOG,
    FILES,
    SectionedCommand,
    column_options,
    cross_encoder_option,
    device_option,
    fast_option,
    id_option,
    inputs_argument,
    json_option,
    quiet_option,
    reading_options,
    verbose_option,
)
from dedupe.cli.reports import print_profile
from dedupe.cli.stdout import PRINTED_DIGITS, STDOUT, json_line
from dedupe.config import Config
from dedupe.errors import OptionError
from dedupe.progress import Report


@click.command(cls=SectionedCommand, epilog=EPILOG)
@inputs_argument(metavar="INPUT...")
@column_options
@id_option()
@reading_options
@json_option
@verbose_option
def profile(inputs: tuple[str, ...], as_json: bool, verbose: int, **options: Any) -> None:
    """Describe the columns of INPUT and what a run uses them for.

    INPUT is any input of dedupe run. Nothing is compared or written.
    """
    from dedupe.pipeline.profile import profile_with_facts

    columns, facts = profile_with_facts(one_source(inputs), **given(options))
    print_profile(columns, facts, as_json)


@click.command(epilog=EPILOG)
@click.argument("pairs", shell_complete=FILES)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    default=STDOUT,
    shell_complete=FILES,
    help="Output (default: stdout).",
)
@cross_encoder_option
@fast_option
@device_option
@quiet_option
@verbose_option
def score(pairs: str, output: str, quiet: bool, verbose: int, **options: Any) -> None:
    """Estimate the probability that the records of a pair match.

    PAIRS is a JSON lines file, or - for stdin. Each line is an object with left and right, which
    are objects of field names and values. It is printed again with its probability; an earlier
    probability is replaced.

    The other pairs say something too: how rare a value is, and whether a record has a likelier
    match. 8,192 pairs are judged together, so keep the pairs of a record together.
    """
    from dedupe.io.atomic import write_atomically
    from dedupe.io.tables import read_json_objects

    config = Config().with_options(**given(options))
    objects = read_json_objects(pairs)
    with progress_bars(quiet) as report:
        lines = _scored_lines(objects, config, report)
        if output == STDOUT:
            for line in lines:
                echo_data(line.encode())
        else:
            write_atomically(Path(output).resolve(), partial(_write_lines, lines))


def _scored_lines(
    objects: Iterable[Mapping[str, Any]], config: Config, report: Report
) -> Iterator[str]:
    """Score pairs in batches, and yield each as a line of JSON."""
    from dedupe.pipeline.score import scored_batches

    report("loading the model", 0, 0)
    done = 0
    for batch, probabilities in scored_batches(objects, config):
        done += len(batch)
        report("score", done, 0)
        for pair, probability in zip(batch, probabilities, strict=True):
            yield json_line({**pair, "probability": round(float(probability), PRINTED_DIGITS)})


def _write_lines(lines: Iterable[str], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)


@click.command()
@click.argument("shell", type=Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of SHELL.

    \b
      eval "$(dedupe completion bash)"           in ~/.bashrc
      eval "$(dedupe completion zsh)"            in ~/.zshrc
      dedupe completion fish > ~/.config/fish/completions/dedupe.fish
    """  # noqa: D301 - click needs the character itself
    from click.shell_completion import get_completion_class

    completion_class = get_completion_class(shell)
    if completion_class is None:
        raise OptionError(f"there is no completion for {shell}")
    group = context.find_root().command
    echo(completion_class(group, {}, "dedupe", "_DEDUPE_COMPLETE").source())
