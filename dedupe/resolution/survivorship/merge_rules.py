"""Survivorship rules: their names, and the rule of each column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from dedupe.config import Config
from dedupe.errors import OptionError, did_you_mean
from dedupe.io.formats.compression import uncompressed_path
from dedupe.io.tables import is_table_file
from dedupe.records.value_text import column_text

RULES: Mapping[str, str] = {
    "most-complete": "the longest of the most frequent values",
    "most-frequent": "the value that most rows have",
    "longest": "the longest value",
    "first": "the value of the earliest row",
    "last": "the value of the latest row",
    "newest:COLUMN": "the value of the row with the highest COLUMN (date, number or text)",
    "oldest:COLUMN": "the value of the row with the lowest COLUMN (date, number or text)",
    "prefer:A,B": "the most complete value of source A, else of source B, else of the others",
    "concat": "all different values in row order, with ' | ' between them",
    "max": "the highest value (number, else text)",
    "min": "the lowest value (number, else text)",
}
"""Name and description of each rule."""
DEFAULT_RULE = "most-complete"
"""Rule of the columns that the configuration gives none."""
_KINDS = tuple(rule.partition(":")[0] for rule in RULES)
_WITH_ARGUMENT = tuple(rule.partition(":")[0] for rule in RULES if ":" in rule)
_NEEDS_WHOLE_COLUMN = ("max", "min", "newest", "oldest")
_LISTED = 8


@dataclass(frozen=True)
class Rule:
    """The survivorship rule of one column.

    Parameters
    ----------
    kind
        A name of :data:`RULES`, without what follows the colon.
    column
        The column that ``newest`` and ``oldest`` compare, or that holds the sources of ``prefer``;
        ``None`` for the others.
    sources
        The sources of ``prefer``, the best first.
    """

    kind: str
    column: str | None = None
    sources: tuple[str, ...] = ()

    @property
    def local(self) -> bool:
        """Whether the choice depends on the rows of the cluster alone.

        The other rules compare values as the whole column is read: as numbers, dates or text.
        """
        return self.kind not in _NEEDS_WHOLE_COLUMN

    def source_ranks(self, frame: pl.DataFrame) -> npt.NDArray[np.uint32]:
        """Rank the rows by their sources.

        Parameters
        ----------
        frame
            n rows with the column of the sources.

        Returns
        -------
        ndarray
            (n,) uint32 place of the row's source in :attr:`sources`; their number for any other.
        """
        assert self.column is not None
        values = _source_names(frame[self.column])
        distinct = values.unique()
        ranks = [_rank(value, self.sources) for value in distinct]
        by_name = pl.DataFrame({"source": distinct, "rank": pl.Series(ranks, dtype=pl.UInt32)})
        found = pl.DataFrame({"source": values}).join(
            by_name, on="source", how="left", maintain_order="left"
        )
        return found["rank"].to_numpy()


def parse_rules(config: Config, columns: Sequence[str]) -> dict[str, Rule]:
    """Parse the rules of a configuration.

    Parameters
    ----------
    config
        ``merge`` is used: rules by column name, such as ``{"price": "min", "phone":
        "newest:updated"}``; and ``source_column``.
    columns
        Names of all columns.

    Returns
    -------
    dict
        One rule for each of `columns`, in their order.

    Raises
    ------
    OptionError
        If a column or a rule is unknown.
    """
    for name in config.merge:
        if name not in columns:
            raise OptionError(
                f"merge: there is no column {name!r}; the columns are {', '.join(columns)}"
                f"{did_you_mean(name, columns)}"
            )
    return {
        name: _parse(name, config.merge.get(name, DEFAULT_RULE), columns, config.source_column)
        for name in columns
    }


def check_sources(rules: Mapping[str, Rule], frame: pl.DataFrame) -> None:
    """Check that the sources that rules name are there.

    Parameters
    ----------
    rules
        As :func:`parse_rules` returns them.
    frame
        All rows.

    Raises
    ------
    OptionError
        If no row is from one of them.
    """
    for name, rule in rules.items():
        if not rule.sources:
            continue
        assert rule.column is not None
        known = _source_names(frame[rule.column]).unique().sort().to_list()
        for source in rule.sources:
            if not any(_is_named(value, source) for value in known):
                more = ", ..." if len(known) > _LISTED else ""
                raise OptionError(
                    f"merge: column {name!r} prefers {source!r}, but no row has this in column "
                    f"{rule.column!r}; it has {', '.join(known[:_LISTED])}{more}"
                    f"{did_you_mean(source, known)}"
                )


def _parse(name: str, text: str, columns: Sequence[str], source_column: str) -> Rule:
    kind, colon, argument = text.strip().partition(":")
    kind, argument = kind.strip(), argument.strip()
    if kind not in _KINDS or (colon and kind not in _WITH_ARGUMENT):
        raise OptionError(
            f"merge: column {name!r} has the unknown rule {text!r}; the rules are "
            f"{', '.join(RULES)}{did_you_mean(kind, _KINDS)}"
        )
    if kind == "prefer":
        return _preference(name, text, argument, columns, source_column)
    if kind in _WITH_ARGUMENT and argument not in columns:
        raise OptionError(
            f"merge: the rule {text!r} of column {name!r} needs a column to compare: "
            f"one of {', '.join(columns)}{did_you_mean(argument, columns)}"
        )
    return Rule(kind, argument or None)


def _preference(
    name: str, text: str, argument: str, columns: Sequence[str], source_column: str
) -> Rule:
    sources = tuple(source.strip() for source in argument.split(","))
    if not all(sources):
        raise OptionError(
            f"merge: the rule {text!r} of column {name!r} needs names of sources, the best first: "
            "prefer:A,B"
        )
    if len(set(sources)) < len(sources):
        raise OptionError(f"merge: the rule {text!r} of column {name!r} names a source twice")
    if source_column not in columns:
        raise OptionError(
            f"merge: the rule {text!r} of column {name!r} needs a column with the source of each "
            f"row, but there is no column {source_column!r}: name it with source_column, one of "
            f"{', '.join(columns)}{did_you_mean(source_column, columns)}"
        )
    return Rule("prefer", source_column, sources)


def _source_names(column: pl.Series) -> pl.Series:
    return column_text(column).fill_null("").str.strip_chars()


def _rank(value: str, sources: Sequence[str]) -> int:
    if value in sources:
        return sources.index(value)
    return next((n for n, name in enumerate(sources) if _is_named(value, name)), len(sources))


def _is_named(value: str, name: str) -> bool:
    """Tell whether a source has a name; a file also has the one without its ending."""
    path = Path(value)
    if value == name or not is_table_file(path):
        return value == name
    return uncompressed_path(path).with_suffix("").as_posix() == name
