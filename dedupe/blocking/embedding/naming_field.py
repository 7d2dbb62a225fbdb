"""The field that names a thing: its title, where a long description would outweigh it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

LONGEST = 100
"""Mean number of characters up to which a field can be a name."""
LETTERS = 0.5
"""Share of the characters of a name that are letters, at least."""
WORDS = 1.5
"""Mean number of words from which a field can be a name; a family name alone tells too little."""
CONTACTS = 0.5
"""Share of e-mail and web addresses from which the values of a field are no names."""
TELLING = 0.5
"""Share of the records that the distinct values of a naming field must reach."""
MOST_OF_TEXT = 0.8
"""Share of all characters above which a view of the field would see what the whole text shows."""
_CONTACT = r"@\S+\.|://|^www\."


def naming_field(texts: Sequence[str]) -> str | None:
    r"""Return the label of the field that names the things of n texts.

    It is the field with the most distinct values of those that are short, of several words, mostly
    letters, and neither e-mail nor web addresses.

    Returns
    -------
    str or None
        ``None`` if no field tells records apart, or if it is nearly the whole text.

    Examples
    --------
    >>> naming_field(["title: dark star\nyear: 1974", "title: alien covenant\nyear: 2017"])
    'title'
    """
    length = pl.col("value").str.len_chars()
    letters = pl.col("value").str.count_matches(r"\p{L}")
    fields = (
        _fields_of(texts)
        .group_by("label", maintain_order=True)
        .agg(
            pl.col("value").n_unique().alias("distinct"),
            length.sum().alias("characters"),
            length.mean().alias("length"),
            letters.sum().alias("letters"),
            pl.col("value").str.count_matches(r"\S+").mean().alias("words"),
            pl.col("value").str.contains(_CONTACT).mean().alias("contacts"),
        )
        .with_columns(
            (pl.col("characters") / pl.col("characters").sum()).alias("share"),
            (pl.col("letters") / pl.col("characters")).alias("letters"),
        )
        .filter(
            (pl.col("length") <= LONGEST)
            & (pl.col("letters") >= LETTERS)
            & (pl.col("words") >= WORDS)
            & (pl.col("contacts") < CONTACTS)
            & (pl.col("distinct") >= TELLING * len(texts))
            & (pl.col("share") <= MOST_OF_TEXT)
        )
        .sort("distinct", descending=True, maintain_order=True)
    )
    return None if fields.is_empty() else str(fields["label"][0])


def field_values(texts: Sequence[str], label: str) -> list[str]:
    r"""Return the value of a field in each of n texts, ``""`` where it is missing.

    Examples
    --------
    >>> field_values(["title: dark star\nyear: 1974", "year: 1979"], "title")
    ['dark star', '']
    """
    pattern = rf"(?m)^{re.escape(label)}: (.*)$"
    return pl.Series(texts, dtype=pl.String).str.extract(pattern).fill_null("").to_list()


def _fields_of(texts: Sequence[str]) -> pl.DataFrame:
    """Split texts into fields: ``record``, ``label`` and ``value``."""
    return (
        pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)})
        .with_row_index("record")
        .with_columns(pl.col("text").str.split("\n"))
        .explode("text")
        .with_columns(pl.col("text").str.splitn(": ", 2).struct.rename_fields(["label", "value"]))
        .unnest("text")
        .drop_nulls("value")
        .unique(["record", "label"], keep="first", maintain_order=True)
    )
