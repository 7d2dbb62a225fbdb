"""Records: the rows of a table, their ids, and the text by which they are compared.

A record text has one line per field, ``label: value``; empty fields are left out::

    given: john
    surname: smith
    date: 19580121

The label is the first word of the column name. Values are Unicode-normalised (NFKC) and in lower
case, and each run of white space becomes one blank; accents and scripts stay as they are. Two rows
with the same text are the same record.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.column_roles import ColumnRole, check_columns, column_roles
from dedupe.config import Config
from dedupe.errors import InputError
from dedupe.records import value_text
from dedupe.records.value_text import as_texts

_WHITE_SPACE = r"[\s\x00\x1c-\x1f]+"
"""White space as Python defines it, and NUL; polars leaves out the four separators."""
_FIRST_OTHER = "\u0250"
"""First character after those of the languages of western and central Europe."""
_WORD = re.compile(r"[^\W\d_]+|\d+")


@dataclass(frozen=True, eq=False)
class Records:
    """The rows of a table as records.

    Parameters
    ----------
    frame
        The n rows as they were read.
    ids
        (n,) str: values of the id column, or row numbers from 0.
    keys
        (n,) str: what decisions refer to. The id if there is an id column, else a hash of the row's
        content and its count among equal rows, so that sorting a file changes no key.
    texts
        (n,) str: record texts.
    source
        (n,) u8: number of the stacked table that a row is from.
    fields
        One role per column, in column order.
    id_column
        Name of the id column; ``None`` if ids are row numbers.
    previous_cluster_ids
        (n,) str: cluster id of each record before records were last added; null for added ones.
        ``None`` if none were ever added.
    rule_values
        n rows: of each column that a rule names, the values as the rule compares them; null where
        there is none. ``None`` without rules; see :mod:`dedupe.resolution.rules`.
    """

    frame: pl.DataFrame
    ids: pl.Series
    keys: pl.Series
    texts: pl.Series
    source: NDArray[np.uint8]
    fields: tuple[ColumnRole, ...]
    id_column: str | None
    previous_cluster_ids: pl.Series | None = None
    rule_values: pl.DataFrame | None = None

    def __len__(self) -> int:
        """Return n, the number of records."""
        return len(self.texts)

    @property
    def compared_columns(self) -> list[str]:
        """The columns that are compared, in column order."""
        return [field.name for field in self.fields if field.used]

    def take(self, rows: NDArray[np.integer[Any]]) -> Records:
        """Select the records of some rows, in the order of `rows`."""
        previous, values = self.previous_cluster_ids, self.rule_values
        return replace(
            self,
            frame=self.frame[rows],
            ids=self.ids.gather(rows),
            keys=self.keys.gather(rows),
            texts=self.texts.gather(rows),
            source=self.source[rows],
            previous_cluster_ids=None if previous is None else previous.gather(rows),
            rule_values=None if values is None else values[rows],
        )


def make_records(
    frame: pl.DataFrame, config: Config, source: NDArray[np.uint8] | None = None
) -> Records:
    """Choose the columns to compare, as :func:`column_roles` does, and make a text of each row.

    Parameters
    ----------
    frame
        n rows, any column types; :func:`column_text` converts values that are not text.
    config
        ``fields``, ``ignore``, ``id`` and ``ignore_value`` are used.
    source
        (n,) u8: number of the table of each row, where several are linked. Ids must be unique
        within each table; if they are not unique in all, the number of the table goes before them.

    Returns
    -------
    Records
        n records.

    Raises
    ------
    OptionError
        If a column named in `config` does not exist, or the id column is not unique.
    InputError
        If there are fewer than two rows, or no column to compare.
    """
    if frame.height < 2:
        rows = "no rows" if frame.height == 0 else "one row"
        raise InputError(f"the input has {rows}: there is nothing to compare it with")
    text = as_texts(frame)
    check_columns("ignore_value", ignored_values(config)[1], text.columns)
    source = np.zeros(frame.height, dtype=np.uint8) if source is None else source
    fields, id_column = column_roles(text, config, source)
    compared = [field.name for field in fields if field.used]
    if not compared:
        reasons = "; ".join(f"{field.name}: {field.reason}" for field in fields[:5])
        raise InputError(
            f"no column identifies a record ({reasons}): name the columns to compare with --fields"
        )
    ids = text[id_column] if id_column else _row_numbers(source)
    if ids.n_unique() < len(ids):
        ids = (pl.Series(source + 1).cast(pl.String) + ":" + ids).rename("id")
    return Records(
        frame=frame,
        ids=ids.rename("id"),
        keys=ids.rename("key") if id_column else content_keys(text),
        texts=frame_texts(without_ignored_values(text, config).select(compared)),
        source=source,
        fields=fields,
        id_column=id_column,
    )


def restore_records(
    frame: pl.DataFrame, stored: pl.DataFrame, fields: tuple[ColumnRole, ...], id_column: str | None
) -> Records:
    """Make records of a stored frame of ``id``, ``key``, ``text`` and, if linked, ``source``."""
    linked = "source" in stored.columns
    source = stored["source"] if linked else pl.zeros(len(frame), eager=True)
    return Records(
        frame=frame,
        ids=stored["id"],
        keys=stored["key"],
        texts=stored["text"],
        source=source.to_numpy().astype(np.uint8),
        fields=fields,
        id_column=id_column,
    )


def content_keys(text: pl.DataFrame) -> pl.Series:
    """Make a key for each row of a frame of text: a hash of it and its count among equal rows."""
    joined = text.select(pl.concat_str(pl.all(), separator="\x1f").alias("row"))["row"]
    unique = joined.unique(maintain_order=True)
    digests = pl.DataFrame(
        {
            "row": unique,
            "digest": [hashlib.sha256(row.encode()).hexdigest()[:20] for row in unique],
        }
    )
    return (
        joined.to_frame()
        .join(digests, on="row", how="left", maintain_order="left")
        .select(
            pl.concat_str(
                "digest", pl.lit("-"), pl.int_range(pl.len()).over("digest").cast(pl.String)
            ).alias("key")
        )["key"]
    )


def _row_numbers(source: NDArray[np.uint8]) -> pl.Series:
    """Make ids of row numbers, as text, from 0 in each table."""
    numbered = pl.DataFrame({"source": source}).select(pl.int_range(pl.len()).over("source"))
    return numbered.to_series().cast(pl.String)


# Record texts -------------------------------------------------------------------------------------


def without_ignored_values(frame: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Empty the cells of a frame of text columns whose value means nothing.

    Parameters
    ----------
    frame
        n rows of text.
    config
        ``ignore_value`` is used. Values are compared as record texts hold them, so that case and
        white space around do not count. Columns that the frame does not have do not matter.
    """
    everywhere, of_column = ignored_values(config)
    emptied = []
    for name in frame.columns:
        values = [*everywhere, *of_column.get(name, ())]
        if values:
            ignored = normalised(pl.Series(values, dtype=pl.String))
            is_ignored = normalised(frame[name]).is_in(ignored.implode())
            emptied.append(frame[name].zip_with(~is_ignored, pl.Series([""], dtype=pl.String)))
    return frame.with_columns(emptied) if emptied else frame


def ignored_values(config: Config) -> tuple[list[str], dict[str, list[str]]]:
    """Read the option ``ignore_value``: values to ignore everywhere, and those of each column."""
    everywhere: list[str] = []
    of_column: dict[str, list[str]] = {}
    for text in config.ignore_value:
        column, equals, value = text.partition("=")
        if equals and column:
            of_column.setdefault(column, []).append(value)
        else:
            everywhere.append(value if equals else text)
    return everywhere, of_column


def normalised(values: pl.Series) -> pl.Series:
    """Write text values as record texts hold them: in NFKC and lower case, with single blanks."""
    return values.to_frame("value").select(_normalised(pl.col("value"))).to_series()


def _normalised(value: pl.Expr) -> pl.Expr:
    found = value.str.normalize("NFKC").str.to_lowercase()
    return found.str.replace_all(_WHITE_SPACE, " ").str.strip_chars(" ")


def frame_texts(frame: pl.DataFrame) -> pl.Series:
    """Make the record text of each row of a frame of text columns; see :func:`record_text`."""
    if frame.height < value_text.FEW:
        rows = list(frame.iter_rows())
        if all(_is_plain(value) for row in rows for value in row):
            labels = _labels_of(tuple(frame.columns))
            return pl.Series("text", [_text(labels, row) for row in rows], dtype=pl.String)
    normal, text = _text_steps(tuple(frame.columns))
    return frame.select(normal).select(text).to_series()


def _is_plain(text: str) -> bool:
    """Tell whether polars and Python are sure to know all characters of a text alike."""
    return text.isascii() or max(text) < _FIRST_OTHER


@lru_cache
def _labels_of(columns: tuple[str, ...]) -> list[str]:
    return field_labels(columns)


@lru_cache
def _text_steps(columns: tuple[str, ...]) -> tuple[pl.Expr, pl.Expr]:
    """Return the expressions that normalise columns, and that join them in one text."""
    lines = []
    for name, label in zip(columns, field_labels(columns), strict=True):
        value = pl.col(name)
        lines.append(pl.when(value != "").then(pl.concat_str(pl.lit(f"{label}: "), value)))
    joined = pl.concat_str(lines, separator="\n", ignore_nulls=True)
    return _normalised(pl.all()), joined.fill_null("").alias("text")


def record_text(record: Iterable[tuple[str, str | None]]) -> str:
    r"""Make the record text of one record, given as (field name, value) pairs.

    Examples
    --------
    >>> record_text([("given_name", "John "), ("surname", ""), ("date_of_birth", "1958-01-21")])
    'given: john\ndate: 1958-01-21'
    """
    pairs = list(record)
    labels = field_labels([name for name, _ in pairs])
    return _text(labels, [value for _, value in pairs])


def _text(labels: Sequence[str], values: Sequence[str | None]) -> str:
    lines = []
    for label, value in zip(labels, values, strict=True):
        text = unicodedata.normalize("NFKC", value or "").replace("\x00", " ")
        normal = " ".join(text.lower().split())
        if normal:
            lines.append(f"{label}: {normal}")
    return "\n".join(lines)


def field_labels(names: Sequence[str]) -> list[str]:
    """Label each field by the first word of its name in lower case; a shared prefix is dropped.

    Examples
    --------
    >>> field_labels(["given_name", "dateOfBirth", "address_1"])
    ['given', 'date', 'address']
    >>> field_labels(["customer_name", "customer_city"])
    ['name', 'city']
    """
    split = [_WORD.findall(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()) for name in names]
    while len(split) > 1 and all(len(words) > 1 for words in split):
        if len({words[0] for words in split}) > 1:
            break
        split = [words[1:] for words in split]
    return [words[0] if words else "field" for words in split]
