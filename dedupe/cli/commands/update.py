"""Commands for new records: add them to a workspace, or match them against one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import click

import dedupe
from dedupe.cli.choice import Choice
from dedupe.cli.console import progress_bars
from dedupe.cli.given import given, one_source
from dedupe.cli.options import (
    EPILOG,
    SectionedCommand,
    device_option,
    id_option,
    input_option,
    inputs_argument,
    limit_options,
    message_options,
    reading_options,
    verbose_option,
    workspace_argument,
)
from dedupe.cli.stdout import PRINTED_DIGITS, print_json
from dedupe.cli.summary import print_result
from dedupe.errors import InputError

if TYPE_CHECKING:
    import polars as pl

RECORDS_AT_ONCE = 64
"""Records of stdin that are matched together, at most."""


@click.command(cls=SectionedCommand, epilog=EPILOG)
@workspace_argument
@inputs_argument(metavar="NEW...")
@id_option("Id column of NEW, if its name differs from the one in WORKSPACE.")
@input_option(
    "--replace-all", is_flag=True, help="Remove the records of WORKSPACE that NEW does not have."
)
@input_option("--to", metavar="TABLE", help="Linked table that NEW belongs to.")
@limit_options
@device_option
@reading_options
@message_options
def add(
    workspace: str,
    inputs: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    verbose: int,
    **options: Any,
) -> None:
    """Add the records of NEW to WORKSPACE. Cluster ids and decisions stay.

    NEW is any input of dedupe run, with the columns of WORKSPACE. If WORKSPACE has an id column,
    records with a known id are updated. additions.csv lists the clusters that are new, or that
    grew, joined, split or changed.
    """
    with progress_bars(quiet) as report:
        result = dedupe.add(workspace, one_source(inputs), report=report, **given(options))
    print_result(result, as_json=as_json, quiet=quiet, verbose=verbose)


@click.command(epilog=EPILOG)
@workspace_argument
@click.option(
    "--input",
    "kind",
    type=Choice(["jsonl", "csv"]),
    default="jsonl",
    help="Format of stdin: JSON lines (default) or CSV with a header.",
)
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(min=1),
    default=5,
    help="Maximum number of matches per record (default: 5).",
)
@click.option(
    "--min-probability",
    metavar="P",
    type=click.FloatRange(0, 1),
    help="Minimum probability of a match (default: the threshold of WORKSPACE).",
)
@verbose_option
def match(
    workspace: str, kind: str, limit: int, min_probability: float | None, verbose: int
) -> None:
    """Find the records of WORKSPACE that match records from stdin.

    For each record, one JSON object is printed as soon as the record has been read: the record
    itself, and its matches with id, cluster_id and probability. Records that wait are matched
    together, which is faster and gives the same answers.
    """
    from dedupe.io.batches import batches_as_they_come
    from dedupe.io.tables import read_csv_objects, read_json_objects
    from dedupe.pipeline.incremental.match import Matcher

    with progress_bars(quiet=False) as report:
        report("loading the workspace and the model", 0, 0)
        matcher = Matcher(workspace)
    has_header = matcher.config.header is not False
    records = read_csv_objects(header=has_header) if kind == "csv" else read_json_objects()
    number = 0
    for batch in batches_as_they_come(_with_texts(records), RECORDS_AT_ONCE):
        for part in _until_unknown(batch, matcher.fields):
            frame = _frame([texts for _, texts in part])
            try:
                found = matcher.match(frame, limit=limit, min_probability=min_probability)
            except InputError as error:
                raise InputError(f"record {number + 1} of stdin: {error}") from None
            number += len(part)
            matches: list[list[dict[str, Any]]] = [[] for _ in part]
            for match in found.iter_rows(named=True):
                figures = {name: round(match[name], PRINTED_DIGITS) for name in FIGURES}
                matches[match.pop("record")].append(match | figures)
            for (record, _), of_record in zip(part, matches, strict=True):
                print_json({"record": record, "matches": of_record})


FIGURES = "probability", "similarity"
"""Columns of matches that are rounded: as doubles, no other digits are written."""
_Record: TypeAlias = tuple[Mapping[str, Any], Mapping[str, str | None]]
"""A record as it was read, and its values as text."""


def _with_texts(records: Iterable[Mapping[str, Any]]) -> Iterator[_Record]:
    """Convert the values of records to text, as a run would read them."""
    from dedupe.records.value_text import value_text

    for number, record in enumerate(records, start=1):
        try:
            texts = {_valid(name): value_text(value) for name, value in record.items()}
        except InputError as error:
            raise InputError(f"record {number} of stdin: {error}") from None
        yield record, {name: text and _valid(text) for name, text in texts.items()}


def _until_unknown(batch: Sequence[_Record], fields: Collection[str]) -> Iterator[list[_Record]]:
    """Yield the records before the first one that has none of `fields`, then that one."""
    known = [any(name in fields for name in texts) for _, texts in batch]
    before = known.index(False) if False in known else len(batch)
    yield from (list(part) for part in (batch[:before], batch[before : before + 1]) if part)


def _frame(records: Sequence[Mapping[str, str | None]]) -> pl.DataFrame:
    """Make a frame of records; values that a record does not have are missing."""
    import polars as pl

    names = dict.fromkeys(name for record in records for name in record)
    return pl.DataFrame(
        [
            pl.Series(name, [record.get(name) for record in records], dtype=pl.String)
            for name in names
        ]
    )


def _valid(text: str) -> str:
    """Replace halves of surrogate pairs, which UTF-8 cannot encode."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
