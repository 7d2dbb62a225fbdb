"""From rows to record texts: which columns say who a record is, and in which form they are read.

A record text is one line a field, ``label: value``, empty fields left out::

    given: john
    surname: smith
    date: 19580121

The label is the first word of the column's name. Values are Unicode-normalised (NFKC), in lower
case, with runs of white space made one blank; nothing is transliterated or stripped of accents.
Two rows with the same text are the same record.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.config import Config
from dedupe.errors import InputError, OptionError

SAMPLE = 20_000
"""Rows looked at to tell what a column holds."""

_ID_NAME = re.compile(r"^(.*[_\- .])?(id|ids|uuid|guid|key|pk|rowid|recid)$|^(rec|record|row)_?id$")
_ROW_NAME = re.compile(
    r"^(row|rec|record|line|index|idx|seq|sequence|unnamed|nr|no)?[_\- .:]*"
    r"(id|uuid|guid|number|num|no|nr|index|idx|0)?$"
)
_SOURCE_NAME = re.compile(
    r"^(source|src|dataset|data_?source|origin|provenance|system)([_ ]?name)?$"
)
_HASH = r"^(?:[0-9a-fA-F]{32,128}|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})$"
_WHITE = r"[\s\x1c-\x1f]+"
"""White space as Python sees it; that of polars leaves out the four separators."""
_WORD = re.compile(r"[^\W\d_]+|\d+")


@dataclass(frozen=True)
class ColumnRole:
    """What becomes of one column: its ``name``, whether it is ``used``, and why not if not."""

    name: str
    used: bool
    reason: str = ""


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
        (n,) str: what a decision is kept by. The id where there is an id column, else a hash of the
        row's content and its count among equal rows, so that re-sorting a file changes no key.
    texts
        (n,) record texts.
    source
        (n,) u8: which of the stacked tables a row is from.
    fields
        One entry a column, in the order of the columns.
    id_column
        Name of the id column; ``None`` where rows are known by number.
    named
        (n,) str: id of the cluster that a record was in before others were added to them; missing
        for those added. ``None`` where nothing was ever added.
    """

    frame: pl.DataFrame
    ids: pl.Series
    keys: pl.Series
    texts: pl.Series
    source: NDArray[np.uint8]
    fields: tuple[ColumnRole, ...]
    id_column: str | None
    named: pl.Series | None = None

    def __len__(self) -> int:
        """Return n, the number of records."""
        return len(self.texts)

    def some(self, rows: NDArray[np.integer[Any]]) -> Records:
        """Return those of some rows, in their order."""
        return replace(
            self,
            frame=self.frame[rows],
            ids=self.ids.gather(rows),
            keys=self.keys.gather(rows),
            texts=self.texts.gather(rows),
            source=self.source[rows],
            named=None if self.named is None else self.named.gather(rows),
        )


def make_records(
    frame: pl.DataFrame, config: Config, source: NDArray[np.uint8] | None = None
) -> Records:
    """Choose the columns that say who a record is, and read each row as a text.

    A column is left out when it is the id column or named in ``config.ignore``; when it holds
    nothing or one value only; when all its values are distinct and it is named as an id or counts
    the rows; when all its values are hashes or UUIDs; or when it is named as the source of a row.
    ``config.fields`` overrides the rule: then exactly the columns named there are read.

    Parameters
    ----------
    frame
        n rows, any column types; values that are not text are read as polars prints them.
    config
        ``fields``, ``ignore`` and ``id`` are used.
    source
        (n,) u8: table of each row, where several are linked. Ids need to be unique within each;
        where they are not in all, a number of the table goes before them.

    Returns
    -------
    Records
        n records.

    Raises
    ------
    OptionError
        If a column named in `config` does not exist, or the id column is not unique.
    InputError
        If there are fewer than two rows, or no column is left.
    """
    if frame.height < 2:
        rows = "no rows" if frame.height == 0 else "one row"
        raise InputError(f"the input has {rows}: there is nothing to compare it with")
    text = as_texts(frame)
    source = np.zeros(frame.height, dtype=np.uint8) if source is None else source
    fields, id_column = field_uses(text, config, source)
    used = [field.name for field in fields if field.used]
    if not used:
        reasons = "; ".join(f"{field.name}: {field.reason}" for field in fields[:5])
        raise InputError(
            f"no column says who a record is ({reasons}): name the columns to use with --fields"
        )
    ids = text[id_column] if id_column else _row_numbers(source)
    if ids.n_unique() < len(ids):
        ids = (pl.Series(source + 1).cast(pl.String) + ":" + ids).rename("id")
    return Records(
        frame=frame,
        ids=ids.rename("id"),
        keys=ids.rename("key") if id_column else content_keys(text),
        texts=frame_texts(text.select(used)),
        source=source,
        fields=fields,
        id_column=id_column,
    )


def as_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame with every value as text, as it is compared; missing values become ``""``."""
    return frame.select(_as_text(name, dtype) for name, dtype in frame.schema.items())


def field_uses(
    text: pl.DataFrame, config: Config, source: NDArray[np.uint8] | None = None
) -> tuple[tuple[ColumnRole, ...], str | None]:
    """Choose the columns that say who a record is, as :func:`make_records` does.

    Parameters
    ----------
    text
        A frame as :func:`as_texts` gives it.
    config
        ``fields``, ``ignore`` and ``id`` are used.
    source
        (n,) u8: table of each row, where several are linked.

    Returns
    -------
    fields
        One entry a column, in the order of the columns.
    id_column
        Name of the id column; ``None`` where rows are known by number.

    Raises
    ------
    OptionError
        If a column named in `config` does not exist, or the id column is not unique.
    """
    for option in ("fields", "ignore"):
        _check_columns(option, getattr(config, option), text.columns)
    source = np.zeros(text.height, dtype=np.uint8) if source is None else source
    id_column = _id_column(text, source, config)
    return tuple(_use(text, name, id_column, source, config) for name in text.columns), id_column


def named_id(text: pl.DataFrame, source: NDArray[np.uint8] | None = None) -> str | None:
    """Return the first column that is named as an id, complete, and unique within each table.

    Parameters
    ----------
    text
        A frame as :func:`as_texts` gives it.
    source
        (n,) u8: table of each row, where several are linked.
    """
    source = np.zeros(text.height, dtype=np.uint8) if source is None else source
    for name in text.columns:
        values = text[name]
        if (
            _ID_NAME.match(name.strip().lower())
            and not (values == "").any()
            and _distinct(values, source) == len(values)
        ):
            return name
    return None


def records_of(
    frame: pl.DataFrame, kept: pl.DataFrame, fields: tuple[ColumnRole, ...], id_column: str | None
) -> Records:
    """Return records of which ``id``, ``key``, ``text`` and, if linked, ``source`` were kept."""
    source = kept["source"] if "source" in kept.columns else pl.zeros(len(frame), eager=True)
    return Records(
        frame=frame,
        ids=kept["id"],
        keys=kept["key"],
        texts=kept["text"],
        source=source.to_numpy().astype(np.uint8),
        fields=fields,
        id_column=id_column,
    )


def frame_texts(frame: pl.DataFrame) -> pl.Series:
    """Return the record text of each row of a frame of text columns; see :func:`record_text`."""
    labels = field_labels(frame.columns)
    lines = []
    for name, label in zip(frame.columns, labels, strict=True):
        value = (
            pl.col(name)
            .str.normalize("NFKC")
            .str.to_lowercase()
            .str.replace_all(_WHITE, " ")
            .str.strip_chars(" ")
        )
        lines.append(pl.when(value != "").then(pl.concat_str(pl.lit(f"{label}: "), value)))
    return frame.select(pl.concat_str(lines, separator="\n", ignore_nulls=True).alias("text"))[
        "text"
    ].fill_null("")


def record_text(record: Iterable[tuple[str, str | None]]) -> str:
    r"""Return the record text of one record given as (field name, value) pairs.

    Examples
    --------
    >>> record_text([("given_name", "John "), ("surname", ""), ("date_of_birth", "1958-01-21")])
    'given: john\ndate: 1958-01-21'
    """
    pairs = list(record)
    labels = field_labels([name for name, _ in pairs])
    lines = []
    for label, (_, value) in zip(labels, pairs, strict=True):
        normal = " ".join(unicodedata.normalize("NFKC", value or "").lower().split())
        if normal:
            lines.append(f"{label}: {normal}")
    return "\n".join(lines)


def field_labels(names: Sequence[str]) -> list[str]:
    """Return the first word of each column name, in lower case, after words that all begin with.

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


def _as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(dtype, pl.List | pl.Array | pl.Struct | pl.Object | pl.Binary):
        # Nested values rarely matter, but nothing may be dropped in silence.
        return _printed(column).fill_null("").alias(name)
    return column.cast(pl.String).fill_null("")


def _printed(column: pl.Expr) -> pl.Expr:
    return column.map_batches(
        lambda values: pl.Series([None if v is None else str(v) for v in values.to_list()]),
        return_dtype=pl.String,
    )


def _check_columns(option: str, names: Sequence[str], columns: Sequence[str]) -> None:
    for name in names:
        if name not in columns:
            raise OptionError(
                f"{option}: there is no column {name!r}; the columns are {_listed(columns)}"
            )


def _listed(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _row_numbers(source: NDArray[np.uint8]) -> pl.Series:
    """Return the number of each row within its table, from 0, as text."""
    numbered = pl.DataFrame({"source": source}).select(pl.int_range(pl.len()).over("source"))
    return numbered.to_series().cast(pl.String)


def _distinct(values: pl.Series, source: NDArray[np.uint8]) -> int:
    """Count the different values of each table."""
    return pl.DataFrame({"source": source, "value": values}).n_unique()


def _id_column(text: pl.DataFrame, source: NDArray[np.uint8], config: Config) -> str | None:
    if config.id is not None:
        _check_columns("id", [config.id], text.columns)
        values = text[config.id]
        if (values == "").any():
            row = int((values == "").arg_true()[0])
            raise OptionError(
                f"id column {config.id!r} is empty in row {row}: ids must be complete"
                + (
                    f"; --map {config.id}=COLUMN says what another table calls it"
                    if source.any()
                    else ""
                )
            )
        if _distinct(values, source) < len(values):
            twice = values.filter(values.is_duplicated())[0]
            raise OptionError(f"id column {config.id!r} holds {twice!r} twice: ids must be unique")
        return config.id
    return named_id(text.drop(config.fields), source)


def _use(
    text: pl.DataFrame,
    name: str,
    id_column: str | None,
    source: NDArray[np.uint8],
    config: Config,
) -> ColumnRole:
    if name in config.fields:
        return ColumnRole(name, used=True)
    if config.fields:
        return ColumnRole(name, used=False, reason="not among the fields named")
    if name in config.ignore:
        return ColumnRole(name, used=False, reason="ignored as asked")
    if name == id_column:
        return ColumnRole(name, used=False, reason="the id of the row")
    reason = _says_nothing(text[name], name.strip().lower(), source)
    return ColumnRole(name, used=not reason, reason=reason)


def _says_nothing(values: pl.Series, name: str, source: NDArray[np.uint8]) -> str:
    """Say why a column tells nothing about identity; an empty text if it may tell something."""
    filled = values.filter(values.str.strip_chars() != "")
    if filled.is_empty():
        return "empty"
    distinct = filled.n_unique()
    if distinct == 1 and len(filled) == len(values):
        return "the same in every row"
    if _SOURCE_NAME.match(name) and distinct <= 100:
        return "names the source of the row"
    if filled.head(SAMPLE).str.contains(_HASH).all():
        return "hashes or UUIDs"
    if source.any():
        # A table that lacks the column says nothing of what it holds elsewhere.
        there = np.isin(source, np.unique(source[(values != "").to_numpy()]))
        values, source = values.filter(pl.Series(there)), source[there]
    if _distinct(values, source) == len(values) >= 3:
        if _ID_NAME.match(name):
            return "an id of the row"
        if _counts_rows(values, name):
            return "a row number"
    return ""


def _counts_rows(values: pl.Series, name: str) -> bool:
    """Tell whether a column counts up by one from row to row, or is named as a row number."""
    head = values.head(SAMPLE)
    if not head.str.contains(r"^\d{1,18}$").all():
        return False
    steps = head.cast(pl.Int64).diff().drop_nulls()
    return bool((steps == 1).all()) or _ROW_NAME.match(name) is not None


def content_keys(text: pl.DataFrame) -> pl.Series:
    """Return a key for each row of a frame of text: a hash of it and its count among equal rows."""
    import hashlib

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
