"""Comparison vectors of candidate pairs: similarities field by field.

Similarities are computed on distinct values and stored in one byte each, so that millions of pairs
fit in memory. They do not depend on the order of the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.models.loading import cpu_count

MISSING = 255
"""Similarity of a field that one of the two records does not have."""
MAX_FIELDS = 16
"""Fields compared one by one, the fullest first; all fields count in the record as a whole."""
STRUCTURED_FIELDS = 4
"""Number of fields from which records without long fields count as structured."""
LONG_FIELD = 30
"""Mean number of characters from which the words of a field are compared as well."""
MAX_CHARACTERS = 120
"""Characters of a value that are compared; twice as many of a record as a whole. The cross-encoder
sees no more, and the cost of a comparison grows with their square."""
BLOCK = 1 << 18
"""Pairs compared together."""
MIN_THREADED = 256
"""Pairs from which several threads are faster than one."""
FEW_RECORDS = 256
"""Records up to which a plain loop splits texts into fields faster than polars does."""
_EQUAL = 254
"""Similarity of equal values."""
_HAS_DIGIT = r"[^\s\d]*\d\S*"
Bytes = NDArray[np.uint8]
Rows = NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class ComparedField:
    """The values of one field of n records.

    Parameters
    ----------
    label
        Label of the field in the record texts.
    codes
        (n,) int32: index of the record's value in `values`; -1 where the record has none.
    values
        (v,) of str: distinct values, sorted.
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
    """Split record texts into fields.

    Parameters
    ----------
    texts
        (n,) record texts; see :mod:`dedupe.records`.
    layout
        Label and kind of each field, in order, as :func:`layout_of` returns them for other records:
        comparison vectors then have the features that a model fitted to those records expects.

    Returns
    -------
    list of ComparedField
        Up to :data:`MAX_FIELDS` fields; then ``*words``, all values joined, if there are several
        fields; then ``*numbers``, the words with a digit, if there are any.
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
        return _fields_of_layout(lines, n, layout)
    counts = lines.group_by("label").len().sort(["len", "label"], descending=[True, False])
    labels = counts["label"].head(MAX_FIELDS).to_list()
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


def is_structured(fields: Sequence[ComparedField]) -> bool:
    """Tell whether records have many short fields, as those of people do, and no free text."""
    kinds = [field.kind for field in fields if not field.label.startswith("*")]
    return "long" not in kinds and len(kinds) >= STRUCTURED_FIELDS


def layout_of(fields: Sequence[ComparedField]) -> list[tuple[str, str]]:
    """Return the label and the kind of each field, in order."""
    return [(field.label, field.kind) for field in fields]


def _fields_of_layout(
    lines: pl.DataFrame, n: int, layout: Sequence[tuple[str, str]]
) -> list[ComparedField]:
    """Build the fields that a layout names from (row, label, value) lines."""
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
    """Build the same field as :func:`_field`, faster for few records."""
    parts: dict[int, list[str]] = {}
    for row, value in found:
        parts.setdefault(row, []).append(value)
    length = _max_characters(label)
    joined = {row: " ".join(values)[:length] for row, values in parts.items()}
    values = sorted(set(joined.values()))
    code_of = {value: code for code, value in enumerate(values)}
    codes = np.full(n, -1, dtype=np.int32)
    for row, value in joined.items():
        codes[row] = code_of[value]
    return ComparedField(label, codes, np.array(values, dtype=object), kind)


def _max_characters(label: str) -> int:
    return MAX_CHARACTERS * (2 if label == "*words" else 1)


def _whole(lines: pl.DataFrame) -> pl.DataFrame:
    """Join all values of each record."""
    return (
        lines.group_by("row", maintain_order=True)
        .agg(pl.col("value").str.join(" "))
        .select("row", "value")
    )


def _numbers(whole: pl.DataFrame) -> pl.DataFrame:
    """Return the sorted words with a digit of each record."""
    return whole.with_columns(
        pl.col("value").str.extract_all(_HAS_DIGIT).list.sort().list.join(" ")
    ).filter(pl.col("value") != "")


def comparison_vectors(
    fields: Sequence[ComparedField], left: Rows, right: Rows, similarity: NDArray[np.float32]
) -> Bytes:
    """Compare m candidate pairs field by field.

    Parameters
    ----------
    fields
        Fields of the n records.
    left, right
        (m,) row numbers.
    similarity
        (m,) cosine of the two embeddings.

    Returns
    -------
    ndarray
        (m, f) uint8: similarities from 0 to 254, or :data:`MISSING`. In every column a higher value
        means more similar, except in the last one. The last three columns are the cosine, the
        number of equal fields, and the number of fields that only one record has.
    """
    scorers = [(field, scorer) for field in fields for scorer in _scorers(field.kind)]
    vectors = np.empty((len(left), len(scorers) + 3), dtype=np.uint8)
    single_fields = [field for field in fields if not field.label.startswith("*")]
    for at in range(0, len(left), BLOCK):
        block = slice(at, at + BLOCK)
        for column, (field, scorer) in enumerate(scorers):
            vectors[block, column] = _similarities(field, scorer, left[block], right[block])
        equal, one_sided = (np.zeros(len(left[block]), dtype=np.uint8) for _ in range(2))
        for field in single_fields:
            a, b = field.codes[left[block]], field.codes[right[block]]
            equal += (a == b) & (a >= 0)
            one_sided += (a >= 0) != (b >= 0)
        vectors[block, -3] = np.clip(similarity[block] * _EQUAL, 0, _EQUAL)
        vectors[block, -2] = equal
        vectors[block, -1] = one_sided
    return vectors


def as_floats(vectors: Bytes) -> NDArray[np.float32]:
    """Convert comparison vectors to float32, with NaN for missing similarities."""
    floats = vectors.astype(np.float32)
    floats[vectors == MISSING] = np.nan
    return floats


@dataclass(frozen=True, eq=False)
class Comparison:
    """Candidate pairs and their comparison vectors, which are computed once, when first needed.

    Scoring and recalibration of one run share it: what the first has computed, the second looks up.

    Parameters
    ----------
    texts
        (n,) record texts.
    left, right
        (m,) row numbers of the candidate pairs.
    similarity
        (m,) cosine of the two embeddings.
    """

    texts: pl.Series
    left: Rows
    right: Rows
    similarity: NDArray[np.float32]

    @classmethod
    def of(cls, texts: pl.Series, candidates: pl.DataFrame) -> Comparison:
        """Prepare the comparison of pairs with ``left``, ``right`` and ``similarity``."""
        return cls(
            texts, *(candidates[name].to_numpy() for name in ("left", "right", "similarity"))
        )

    @cached_property
    def fields(self) -> list[ComparedField]:
        """Fields of all n records."""
        return compared_fields(self.texts)

    @cached_property
    def vectors(self) -> Bytes:
        """Comparison vectors of all m pairs."""
        return comparison_vectors(self.fields, self.left, self.right, self.similarity)

    def look_up(self, fields: Sequence[ComparedField], left: Rows, right: Rows) -> Bytes | None:
        """Look up the vectors of some pairs, with their features in the order of other fields.

        Returns
        -------
        ndarray or None
            (k, f) uint8, equal to :func:`comparison_vectors` of `fields`. ``None`` if nothing was
            computed yet, if other fields are compared, or if some pair is no candidate.
        """
        if "vectors" not in self.__dict__ or not len(self.left):
            return None
        known, wanted = (
            [(*entry, scorer) for entry in layout for scorer in range(len(_scorers(entry[1])))]
            for layout in (layout_of(self.fields), layout_of(fields))
        )
        if sorted(known) != sorted(wanted):
            return None
        n = len(self.texts)
        key = self.left.astype(np.int64) * n + self.right
        order = np.argsort(key)
        pair = left.astype(np.int64) * n + right
        row = order[np.minimum(np.searchsorted(key, pair, sorter=order), len(key) - 1)]
        if not np.array_equal(key[row], pair):
            return None
        columns = np.array([*(known.index(entry) for entry in wanted), -3, -2, -1])
        vectors: Bytes = self.vectors[row[:, None], columns]
        return vectors


def _field(label: str, n: int, found: pl.DataFrame, kind: str | None = None) -> ComparedField:
    """Build one field; several values of one record under the same label are joined.

    Parameters
    ----------
    found
        ``row`` and ``value``.
    kind
        ``None``: derived from the values.
    """
    if found["row"].is_duplicated().any():
        found = found.group_by("row", maintain_order=True).agg(pl.col("value").str.join(" "))
    found = found.with_columns(pl.col("value").str.head(_max_characters(label)))
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
    if _mean_length(values) >= LONG_FIELD:
        return "long"
    return "digits" if _mostly_digits(values) else "short"


def _scorers(kind: str) -> list[Callable[..., Any]]:
    """Return the string similarities that fields of a kind are compared by."""
    from rapidfuzz import fuzz
    from rapidfuzz.distance import OSA, JaroWinkler

    kinds: dict[str, list[Callable[..., Any]]] = {
        "words": [fuzz.token_set_ratio, fuzz.token_sort_ratio],
        "numbers": [fuzz.token_set_ratio, fuzz.ratio],
        "long": [fuzz.ratio, fuzz.token_set_ratio],
        "digits": [OSA.normalized_similarity],
        "short": [JaroWinkler.normalized_similarity, fuzz.token_sort_ratio],
    }
    return kinds[kind]


def _similarities(
    field: ComparedField, scorer: Callable[..., Any], left: Rows, right: Rows
) -> Bytes:
    """Compare one field of k pairs with one string similarity, (k,) uint8."""
    from rapidfuzz.process import cpdist

    a, b = field.codes[left], field.codes[right]
    similarities = np.full(len(left), MISSING, dtype=np.uint8)
    both = (a >= 0) & (b >= 0)
    similarities[both & (a == b)] = _EQUAL
    differ = np.flatnonzero(both & (a != b))
    low, high = np.minimum(a, b)[differ], np.maximum(a, b)[differ]
    # A field of few values, such as a state, has few distinct pairs of values: compare each once.
    occurrence: NDArray[np.int64] | None = None
    if len(field.values) ** 2 < len(differ):
        value_pairs, occurrence = np.unique(
            low.astype(np.int64) * len(field.values) + high, return_inverse=True
        )
        low, high = np.divmod(value_pairs, len(field.values))
    top = 1.0 if scorer.__name__ == "normalized_similarity" else 100.0
    scores = cpdist(
        field.values[low].tolist(),
        field.values[high].tolist(),
        scorer=scorer,
        dtype=np.float32,
        workers=cpu_count() if len(low) > MIN_THREADED else 1,
    )
    # Different values never reach the similarity of equal ones.
    scaled = np.clip(scores / top * _EQUAL, 0, _EQUAL - 1).astype(np.uint8)
    similarities[differ] = scaled if occurrence is None else scaled[occurrence]
    return similarities


def _mean_length(values: NDArray[np.object_]) -> float:
    lengths = pl.Series(values.tolist(), dtype=pl.String).str.len_chars()
    return float(lengths.mean() or 0)  # type: ignore[arg-type]


def _mostly_digits(values: NDArray[np.object_]) -> bool:
    sample = pl.Series(values[:2000].tolist(), dtype=pl.String)
    if sample.is_empty():
        return False
    return bool((sample.str.count_matches(r"\d") * 2 > sample.str.len_chars()).mean() > 0.5)  # type: ignore[operator]
