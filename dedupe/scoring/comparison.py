"""Similarities of candidate pairs, field by field: what the distilled sees of them.

All of it is computed on distinct values and stored in one byte a similarity, so that millions of
pairs fit in memory; the order of rows changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

MISSING = 255
"""Stands for a similarity that cannot be told, as one of the two records has no such value."""


MOST_FIELDS = 16
"""Fields looked at one by one, the fullest first; all count in the record as a whole."""


MANY_FIELDS = 4
"""Fields from which a record of short ones counts as structured."""


LONG = 30
"""Mean number of characters from which a field is compared by its words as well."""


MOST_CHARACTERS = 120
"""Characters of a value that are compared; of a record as a whole, twice as many. The
cross-encoder sees no more, and the cost of a comparison grows with their square."""


CHUNK = 1 << 18
"""Pairs compared at a time."""


FEW = 256
"""Pairs that one thread compares before others would have begun."""


FEW_RECORDS = 256
"""Records that are taken apart one by one before columns would have begun."""


_FULL = 254


_HAS_DIGIT = r"[^\s\d]*\d\S*"


Bytes = NDArray[np.uint8]


Rows = NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class ComparedField:
    """One field of n records.

    Parameters
    ----------
    label
        Its label in the record texts.
    codes
        (n,) int32: place of the record's value in `values`; -1 where it has none.
    values
        Distinct values in order, (v,) of str.
    kind
        How values are compared: ``words``, ``numbers``, ``long``, ``digits`` or ``short``.
    """

    label: str
    codes: NDArray[np.int32]
    values: NDArray[np.object_]
    kind: str


def compared_fields(
    texts: pl.Series, layout: Sequence[tuple[str, str]] | None = None
) -> list[ComparedField]:
    """Take record texts apart into fields.

    Parameters
    ----------
    texts
        (n,) record texts; see :mod:`dedupe.records`.
    layout
        Label and kind of each field, in order, as :func:`layout_of` gives them for other records:
        the features of pairs are then those that a distilled of theirs knows.

    Returns
    -------
    list of ComparedField
        Up to :data:`MOST_FIELDS` fields, then ``*words``, all values in a row, and ``*numbers``,
        the words with a digit; these two only where they say more than a single field.
    """
    n = len(texts)
    lines = (
        pl.DataFrame({"row": pl.int_range(n, dtype=pl.UInt32, eager=True), "text": texts})
        .with_columns(pl.col("text").str.split("\n"))
        .explode("text")
        .with_columns(pl.col("text").str.splitn(": ", 2).struct.rename_fields(["label", "value"]))
        .unnest("text")
        .filter(pl.col("value").is_not_null())
    )
    if layout is not None:
        return _laid_out(lines, n, layout)
    counts = lines.group_by("label").len().sort(["len", "label"], descending=[True, False])
    labels = counts["label"].head(MOST_FIELDS).to_list()
    fields = [
        _field(label, n, lines.filter(pl.col("label") == label).select("row", "value"))
        for label in labels
    ]
    whole = _whole(lines)
    if counts.height > 1:
        fields.append(_field("*words", n, whole))
    numbers = _numbers(whole)
    if numbers.height:
        fields.append(_field("*numbers", n, numbers))
    return fields


def structured(fields: Sequence[ComparedField]) -> bool:
    """Tell whether records are many short fields, as those of people are, and no free text."""
    kinds = [field.kind for field in fields if not field.label.startswith("*")]
    return "long" not in kinds and len(kinds) >= MANY_FIELDS


def layout_of(fields: Sequence[ComparedField]) -> list[tuple[str, str]]:
    """Return label and kind of each field, in order."""
    return [(field.label, field.kind) for field in fields]


def _laid_out(
    lines: pl.DataFrame, n: int, layout: Sequence[tuple[str, str]]
) -> list[ComparedField]:
    whole = _whole(lines)
    special = {"*words": whole, "*numbers": _numbers(whole)}
    if n <= FEW_RECORDS:
        found: dict[str, list[tuple[int, str]]] = {label: [] for label, _ in layout}
        for row, label, value in lines.select("row", "label", "value").iter_rows():
            if label in found and label not in special:
                found[label].append((row, value))
        found |= {label: special[label].rows() for label in special if label in found}
        return [_field_of_few(label, n, found[label], kind) for label, kind in layout]
    return [
        _field(
            label,
            n,
            special[label]
            if label in special
            else lines.filter(pl.col("label") == label).select("row", "value"),
            kind,
        )
        for label, kind in layout
    ]


def _field_of_few(label: str, n: int, found: Sequence[tuple[int, str]], kind: str) -> ComparedField:
    """Return what :func:`_field` does, sooner where records are few."""
    parts: dict[int, list[str]] = {}
    for row, value in found:
        parts.setdefault(row, []).append(value)
    most = _most_characters(label)
    cut = {row: " ".join(values)[:most] for row, values in parts.items()}
    values = sorted(set(cut.values()))
    number = {value: code for code, value in enumerate(values)}
    codes = np.full(n, -1, dtype=np.int32)
    for row, value in cut.items():
        codes[row] = number[value]
    return ComparedField(label, codes, np.array(values, dtype=object), kind)


def _most_characters(label: str) -> int:
    return MOST_CHARACTERS * (2 if label == "*words" else 1)


def _whole(lines: pl.DataFrame) -> pl.DataFrame:
    """Return all values of each record in a row."""
    return (
        lines.group_by("row", maintain_order=True)
        .agg(pl.col("value").str.join(" "))
        .select("row", "value")
    )


def _numbers(whole: pl.DataFrame) -> pl.DataFrame:
    """Return the words with a digit of each record, in order."""
    return whole.with_columns(
        pl.col("value").str.extract_all(_HAS_DIGIT).list.sort().list.join(" ")
    ).filter(pl.col("value") != "")


def comparison_vectors(
    fields: Sequence[ComparedField], left: Rows, right: Rows, similarity: NDArray[np.float32]
) -> Bytes:
    """Return what the distilled is told of m candidate pairs.

    Parameters
    ----------
    fields
        Of the n records.
    left, right
        (m,) row numbers.
    similarity
        (m,) cosine of the two vectors.

    Returns
    -------
    ndarray
        (m, f) uint8: similarities from 0 to 254, or :data:`MISSING`. In every column more means
        more alike, but for the last, which counts the fields that only one side has.
    """
    scorers = [(field, scorer) for field in fields for scorer in _scorers(field)]
    out = np.empty((len(left), len(scorers) + 3), dtype=np.uint8)
    for at in range(0, len(left), CHUNK):
        some = slice(at, at + CHUNK)
        for column, (field, scorer) in enumerate(scorers):
            out[some, column] = _compared(field, scorer, left[some], right[some])
        own = [field for field in fields if not field.label.startswith("*")]
        equal, alone = (np.zeros(len(left[some]), dtype=np.uint8) for _ in range(2))
        for field in own:
            a, b = field.codes[left[some]], field.codes[right[some]]
            equal += (a == b) & (a >= 0)
            alone += (a >= 0) != (b >= 0)
        out[some, -3] = np.clip(similarity[some] * _FULL, 0, _FULL)
        out[some, -2] = equal
        out[some, -1] = alone
    return out


def as_numbers(features: Bytes) -> NDArray[np.float32]:
    """Return features as float32, with NaN for what is missing."""
    numbers = features.astype(np.float32)
    numbers[features == MISSING] = np.nan
    return numbers


def _field(label: str, n: int, found: pl.DataFrame, kind: str | None = None) -> ComparedField:
    """Return the values of one field; those of a label that stands twice are put in a row.

    Its kind is found out where none is given.
    """
    if found["row"].is_duplicated().any():
        found = found.group_by("row", maintain_order=True).agg(pl.col("value").str.join(" "))
    found = found.with_columns(pl.col("value").str.head(_most_characters(label)))
    values = found["value"].unique().sort()
    numbered = values.alias("value").to_frame().with_row_index("code")
    coded = found.join(numbered, on="value", how="left", maintain_order="left")
    codes = np.full(n, -1, dtype=np.int32)
    codes[coded["row"].to_numpy()] = coded["code"].to_numpy()
    texts = values.to_numpy().astype(object)
    return ComparedField(label, codes, texts, kind or _kind(label, texts))


def _kind(label: str, values: NDArray[np.object_]) -> str:
    if label.startswith("*"):
        return label.removeprefix("*")
    if _mean_length(values) >= LONG:
        return "long"
    return "digits" if _mostly_digits(values) else "short"


def _scorers(field: ComparedField) -> list[Callable[..., Any]]:
    from rapidfuzz import fuzz
    from rapidfuzz.distance import OSA, JaroWinkler

    kinds: dict[str, list[Callable[..., Any]]] = {
        "words": [fuzz.token_set_ratio, fuzz.token_sort_ratio],
        "numbers": [fuzz.token_set_ratio, fuzz.ratio],
        "long": [fuzz.ratio, fuzz.token_set_ratio],
        "digits": [OSA.normalized_similarity],
        "short": [JaroWinkler.normalized_similarity, fuzz.token_sort_ratio],
    }
    return kinds[field.kind]


def _compared(field: ComparedField, scorer: Callable[..., Any], left: Rows, right: Rows) -> Bytes:
    from rapidfuzz.process import cpdist

    a, b = field.codes[left], field.codes[right]
    out = np.full(len(left), MISSING, dtype=np.uint8)
    both = (a >= 0) & (b >= 0)
    out[both & (a == b)] = _FULL
    differ = np.flatnonzero(both & (a != b))
    low, high = np.minimum(a, b)[differ], np.maximum(a, b)[differ]
    # Fields of few values, such as a state, meet in the same pairs again and again.
    again: NDArray[np.int64] | None = None
    if len(field.values) ** 2 < len(differ):
        both_codes, again = np.unique(
            low.astype(np.int64) * len(field.values) + high, return_inverse=True
        )
        low, high = np.divmod(both_codes, len(field.values))
    top = 1.0 if scorer.__name__ == "normalized_similarity" else 100.0
    found = cpdist(
        field.values[low].tolist(),
        field.values[high].tolist(),
        scorer=scorer,
        dtype=np.float32,
        workers=-1 if len(low) > FEW else 1,
    )
    # Not quite full: what differs is never as good as what is equal.
    scaled = np.clip(found / top * _FULL, 0, _FULL - 1).astype(np.uint8)
    out[differ] = scaled if again is None else scaled[again]
    return out


def _mean_length(values: NDArray[np.object_]) -> float:
    lengths = pl.Series(values.tolist(), dtype=pl.String).str.len_chars()
    return float(lengths.mean() or 0)  # type: ignore[arg-type]


def _mostly_digits(values: NDArray[np.object_]) -> bool:
    some = pl.Series(values[:2000].tolist(), dtype=pl.String)
    if some.is_empty():
        return False
    return bool((some.str.count_matches(r"\d") * 2 > some.str.len_chars()).mean() > 0.5)  # type: ignore[operator]
