"""Profiles of inputs: what each column holds, and which values say little about a record."""

from __future__ import annotations

from typing import Any, Unpack

import polars as pl

from dedupe.column_roles import check_columns
from dedupe.config import Config
from dedupe.errors import InputError
from dedupe.io.profile import describe_columns
from dedupe.io.sources import Source, open_input
from dedupe.pipeline.manifest import uninformative_values
from dedupe.pipeline.options import Options
from dedupe.records.records import make_records
from dedupe.scoring.comparison.record_table import record_table
from dedupe.scoring.comparison.values.roles import given_roles


def profile(
    source: Source, *, config: Config | None = None, **options: Unpack[Options]
) -> pl.DataFrame:
    """Describe what each column of an input holds, and whether a run compares it.

    Parameters
    ----------
    source
        As for :func:`~dedupe.pipeline.run`.
    config
        ``fields``, ``ignore``, ``id`` and the options of reading are used.
    **options
        Fields of :class:`~dedupe.config.Config`, replacing those of `config`.

    Returns
    -------
    DataFrame
        One row per column of the input, in column order. ``kind`` is one of :data:`KINDS`;
        ``filled`` is the share of rows with a value, in [0, 1]; ``distinct`` the number of distinct
        values; ``examples`` the most frequent values. ``used`` tells whether the column is
        compared, and ``use`` why or why not.

    Raises
    ------
    DedupeError
        If the input cannot be read, or an option is wrong.

    Examples
    --------
    >>> dedupe.profile("contacts.csv").select("column", "kind", "use").head(2).rows()
    [('id', 'code', 'the id of the row'), ('first_name', 'text', 'compared')]
    """
    config = (config or Config()).with_options(**options)
    return describe_columns(open_input(source, config).table(config).frame, config)[0]


def profile_with_facts(
    source: Source, *, config: Config | None = None, **options: Unpack[Options]
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Compute :func:`profile`, with the ``input``, its ``rows``, ``id_column`` and ``notes``.

    ``uninformative_values`` lists placeholders and contacts that several different records share.
    """
    config = (config or Config()).with_options(**options)
    opened = open_input(source, config)
    table = opened.table(config)
    frame = table.frame
    columns, id_column = describe_columns(frame, config)
    try:
        records = make_records(frame, config)
        check_columns("kind", config.kind, frame.columns)
        given = given_roles(records.compared_columns, config.kind)
        statistics = record_table(records.texts, given=given).statistics
    except InputError:  # nothing can be compared, which a profile shows
        statistics = None
    return columns, {
        "input": opened.names,
        "rows": frame.height,
        "id_column": id_column,
        "notes": list(table.notes),
        "uninformative_values": uninformative_values(statistics),
    }
