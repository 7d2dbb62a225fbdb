"""The tokens of all records of a file, as a matrix, with how rare each token is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.scoring.comparison.values.columns import batches, for_each
from dedupe.scoring.comparison.values.given_names import name_numbers
from dedupe.scoring.comparison.values.roles import Role
from dedupe.scoring.comparison.values.text_steps import Texts, TextSteps, in_order, listed, series
from dedupe.scoring.comparison.values.tokens import CLASS, MAYBE, Tokens, tokens_of_columns

MAX_TOKENS = 32
"""Tokens of a record that are compared; those of its name come first."""
MAX_VALUE_TOKENS = 28
MIN_LOOSE_CHARACTERS = 4
"""Characters from which two words may match although they are not equal."""
MAX_LETTERS = 24
_FRAMED_LETTERS = MAX_LETTERS + 2
_LETTERS_BLOCK = 1 << 12
BIT_STEP = np.float32(2**-12)
"""Step of the bits of tokens: sums of as many as a record has are exact in float32."""
_NONE = np.iinfo(np.int64).max
_ROLE_BITS = 5
MAYBE_GROUP = 30
"""Group of tokens that may match, but whose absence says nothing."""
NO_GROUP = 31

_LENGTH = TextSteps().length()
_FRAMED = TextSteps().head(MAX_LETTERS).between("^", "$").padded(_FRAMED_LETTERS, "\0")
"""A sign at the begin and the end of a token, in places of equal width."""

Counter = Callable[[Texts, NDArray[np.int32]], NDArray[np.int32]]
"""Takes values and their number of records here; returns their number of records in the file."""
Classifier = Callable[[Texts, NDArray[np.int32], NDArray[np.bool_]], NDArray[np.int32]]
"""Takes tokens, their class here and whether they have several; returns that in the file."""


@dataclass(frozen=True, eq=False)
class TokenField:
    """One field as distinct values.

    Parameters
    ----------
    values
        (v,) distinct values.
    codes
        (n,) int32: number of each record's value; -1 where it has none.
    role
        What the field holds.
    group
        Number of the role group that its tokens belong to.
    """

    values: Texts
    codes: NDArray[np.int32]
    role: Role
    group: int


@dataclass(frozen=True, eq=False)
class TokenTable:
    """Tokens of n records; v is the number of distinct tokens.

    Parameters
    ----------
    tokens
        (n, t) int32: numbers of the tokens, each once per record; -1 where there are no more.
    groups
        (n, t) uint8: role group that the token is from.
    classes
        (v,) uint8: class of each token.
    counts
        (v,) int32: records of the file that have it.
    bits
        (v,) float32: how rare it is, log2 of records in the file per record that has it; in whole
        :data:`BIT_STEP`.
    letters
        (v,) uint64: bit set of the letter pairs of a word; 0 for tokens that match only exactly.
    given_names
        (v,) uint16: number of each given name and initial, as of
        :func:`~dedupe.scoring.comparison.values.given_names.name_numbers`; 0 for other tokens.
    names
        (v,) of str: the tokens.
    several
        (v,) bool: tokens that have several classes in these records.
    """

    tokens: NDArray[np.int32]
    groups: NDArray[np.uint8]
    classes: NDArray[np.uint8]
    counts: NDArray[np.int32]
    bits: NDArray[np.float32]
    letters: NDArray[np.uint64]
    given_names: NDArray[np.uint16]
    names: pl.Series
    several: NDArray[np.bool_]

    @cached_property
    def lengths(self) -> NDArray[np.uint8]:
        """(n,) places of each record up to its last token."""
        places = np.arange(1, self.tokens.shape[1] + 1, dtype=np.uint8)
        lengths: NDArray[np.uint8] = np.where(self.tokens >= 0, places, np.uint8(0)).max(axis=1)
        return lengths

    def of(self, rows: NDArray[np.integer[Any]]) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Return tokens and groups of k records, (u, k); u is the most places that one fills."""
        width = int(self.lengths[rows].max(initial=1))
        tokens, groups = self.tokens[rows, :width], self.groups[rows, :width]
        return np.ascontiguousarray(tokens.T), np.ascontiguousarray(groups.T)


def token_table(
    fields: Sequence[TokenField],
    n: int,
    records: int,
    count: Counter,
    classify: Classifier,
) -> TokenTable:
    """Make the tokens of n records.

    Parameters
    ----------
    fields
        The fields, those first whose tokens matter most.
    n
        Number of records.
    records
        Number of records of the file, for how rare a token is.
    count
        Looks up the number of records that have each token.
    classify
        Looks up the class of each token: a number may be a code in another record of the file.
    """
    found = _split(fields, n)
    vocabulary = _vocabulary(found)
    packed = _pack(found, fields, vocabulary, n)
    tokens = np.where(packed == _NONE, -1, packed >> _ROLE_BITS).astype(np.int32)
    groups = np.where(packed == _NONE, NO_GROUP, packed & NO_GROUP).astype(np.uint8)
    # Equal tokens of a record lie side by side: the first is from the more distinctive group.
    tokens[:, 1:][tokens[:, 1:] == tokens[:, :-1]] = -1
    names = vocabulary.token
    here = np.bincount(tokens[tokens >= 0], minlength=len(names)).astype(np.int32)
    counts = count(names, here)
    several, here_classes = vocabulary.several, vocabulary.classes.astype(np.int32)
    classes = classify(names, here_classes, several).astype(np.uint8)
    return TokenTable(
        tokens,
        groups,
        classes,
        counts,
        np.rint(np.log2(records / np.maximum(counts, 1)) / BIT_STEP).astype(np.float32) * BIT_STEP,
        _letter_sets(names, classes),
        name_numbers(names, classes == CLASS["initial"]),
        series(names),
        several,
    )


@dataclass(frozen=True, eq=False)
class _SplitFields:
    """Fields, and the tokens of their values, one field after the other."""

    fields: Sequence[TokenField]
    tokens: Tokens


def _split(fields: Sequence[TokenField], n: int) -> list[_SplitFields]:
    """Split the values of fields of `n` records."""
    return [split for some in for_each(_split_together, batches(fields, n), n) for split in some]


def _split_together(fields: Sequence[TokenField]) -> list[_SplitFields]:
    columns, roles = [field.values for field in fields], [field.role for field in fields]
    return [_SplitFields(fields, tokens_of_columns(columns, roles))]


@dataclass(frozen=True, eq=False)
class _Vocabulary:
    """Distinct tokens, sorted, v in all: the highest class of each, and whether it has several."""

    token: Texts
    classes: NDArray[np.uint8]
    several: NDArray[np.bool_]

    def numbers(self, tokens: Texts) -> NDArray[np.int64]:
        """Return the number of each token."""
        if not isinstance(self.token, pl.Series):
            number = {token: at for at, token in enumerate(self.token)}
            return np.array([number[token] for token in listed(tokens)], dtype=np.int64)
        numbers = self.token.to_frame("token").with_row_index("number")
        numbered = (
            series(tokens)
            .to_frame("token")
            .join(numbers, on="token", how="left", maintain_order="left")
        )
        return numbered["number"].to_numpy().astype(np.int64)


def _vocabulary(found: Sequence[_SplitFields]) -> _Vocabulary:
    if all(isinstance(part.tokens.token, list) for part in found):
        return _vocabulary_of_few(found)
    parts = [
        pl.DataFrame({"token": series(part.tokens.token), "class": part.tokens.classes})
        for part in found
    ]
    kind = pl.col("class") % MAYBE
    classes = kind.max(), (kind.min() < kind.max()).alias("several")
    known = pl.concat(parts).group_by("token").agg(classes).sort("token")
    return _Vocabulary(known["token"], known["class"].to_numpy(), known["several"].to_numpy())


def _vocabulary_of_few(found: Sequence[_SplitFields]) -> _Vocabulary:
    classes: dict[str, set[int]] = {}
    for part in found:
        for token, kind in zip(
            listed(part.tokens.token), part.tokens.classes.tolist(), strict=True
        ):
            classes.setdefault(token, set()).add(kind % MAYBE)
    tokens = sorted(classes)
    return _Vocabulary(
        tokens,
        np.array([max(classes[token]) for token in tokens], dtype=np.uint8),
        np.array([len(classes[token]) > 1 for token in tokens], dtype=bool),
    )


def _pack(
    found: Sequence[_SplitFields],
    fields: Sequence[TokenField],
    vocabulary: _Vocabulary,
    n: int,
) -> NDArray[np.int64]:
    """Build an (n, t) matrix of token and group in one number, sorted within each record."""
    split = {field: part for part in found for field in part.fields}
    numbers: dict[TokenField, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}
    packed = np.full((n, MAX_TOKENS), _NONE, dtype=np.int64)
    fill = np.zeros(n, dtype=np.int64)
    rows = np.arange(n)
    for field in fields:
        if field not in numbers:
            numbers |= _numbers(split[field], vocabulary)
        number, start = numbers.pop(field)
        count = np.append(np.diff(start), 0)[field.codes]
        for step in range(min(int(count.max(initial=0)), MAX_VALUE_TOKENS)):
            at = rows[(count > step) & (fill < MAX_TOKENS)]
            packed[at, fill[at]] = number[start[field.codes[at]] + step]
            fill[at] += 1
    packed.sort(axis=1)
    return packed[:, : max(int(fill.max(initial=0)), 1)]


def _numbers(
    split: _SplitFields, vocabulary: _Vocabulary
) -> dict[TokenField, tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return, of each field, token and group in one number, and where those of a value start."""
    number = vocabulary.numbers(split.tokens.token) << _ROLE_BITS
    maybe = split.tokens.classes >= MAYBE
    values = sum(len(field.values) for field in split.fields)
    length = np.bincount(split.tokens.value, minlength=values)
    start = np.concatenate([[0], np.cumsum(length)])
    found, first = {}, 0
    for field in split.fields:
        starts = start[first : first + len(field.values) + 1]
        part = slice(starts[0], starts[-1])
        group = np.where(maybe[part], MAYBE_GROUP, field.group)
        found[field] = number[part] + group, starts - starts[0]
        first += len(field.values)
    return found


def _letter_sets(tokens: Texts, classes: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Make a bit set of the letter pairs of each word; similar words share most bits."""
    sets = np.zeros(len(tokens), dtype=np.uint64)
    variant = (classes >= CLASS["size"]) & (classes <= CLASS["sex"])
    long = _LENGTH.array(tokens) >= MIN_LOOSE_CHARACTERS
    loose = np.flatnonzero(long & ((classes == CLASS["word"]) | variant))
    text = "".join(listed(_FRAMED.of(in_order(tokens, loose))))
    letters = np.frombuffer(text.encode("ascii", "replace"), dtype=np.uint8)
    letters = letters.reshape(-1, _FRAMED_LETTERS)
    for at in range(0, len(loose), _LETTERS_BLOCK):
        block = letters[at : at + _LETTERS_BLOCK].astype(np.uint64)
        first, second = block[:, :-1], block[:, 1:]
        bit = np.uint64(1) << (first * np.uint64(31) + second * np.uint64(17)) % np.uint64(61)
        bit[second == 0] = 0
        sets[loose[at : at + _LETTERS_BLOCK]] = np.bitwise_or.reduce(bit, axis=1)
    return sets
