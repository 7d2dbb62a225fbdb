"""What texts are compared by: hashed character trigrams, words, and pairs of neighbouring words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

BUCKET_BITS = 20
"""log2 of the number of hash buckets that each kind of feature is counted in."""
KINDS = 3
"""Kinds of features: trigrams, words, and pairs of neighbouring words."""
EMBEDDED = 2
"""Kinds that vectors are made of. The others are only looked up in a large file."""
COLUMNS = KINDS << BUCKET_BITS
"""Columns of a sparse matrix of features: the buckets of each kind, kind after kind."""
_LABEL = re.compile(r"(?m)^[^:\n]*: ")
_U = np.uint64
_TRIGRAM = (_U(0x9E3779B97F4A7C15), _U(0xC2B2AE3D27D4EB4F), _U(0x165667B19E3779F9))
_BASE = _U(0x100000001B3)
_WORD_SALT = _U(0xD1B54A32D192ED03)
_MAX_WORD_LENGTH = 64
_POWERS = np.cumprod(np.full(_MAX_WORD_LENGTH, _BASE, dtype=np.uint64))
_CJK = ((0x2E80, 0xA4D0), (0xF900, 0xFB00), (0x20000, 0x40000))


@dataclass(frozen=True, eq=False)
class Features:
    """m occurrences of features of one kind.

    Parameters
    ----------
    text, field
        (m,) numbers of the text and of the field that each occurs in.
    hash
        (m,) uint64.
    """

    text: NDArray[np.int64]
    field: NDArray[np.int64]
    hash: NDArray[np.uint64]

    @property
    def bucket(self) -> NDArray[np.int64]:
        """(m,) hash bucket of each occurrence: the top bits of its hash."""
        return (self.hash >> _U(64 - BUCKET_BITS)).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Characters:
    """The m characters of texts that are joined end to end.

    Parameters
    ----------
    points
        (m,) code points.
    text, field
        (m,) numbers of the text and of the field that each is in.
    in_word
        (m,) bool: letters, digits and combining marks.
    ideograph
        (m,) bool: Chinese, Japanese and Korean ideographs, each of which is a word.
    """

    points: NDArray[np.uint32]
    text: NDArray[np.int64]
    field: NDArray[np.int64]
    in_word: NDArray[np.bool_]
    ideograph: NDArray[np.bool_]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Characters:
        """Join the values of `texts`, without the labels of the fields."""
        stream = " " + " \x00 ".join(_LABEL.sub("", text) for text in texts) + " "
        points = np.frombuffer(stream.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        distinct, inverse = np.unique(points, return_inverse=True)
        in_word = np.array([_in_word(int(point)) for point in distinct])[inverse]
        ideograph = np.array([_is_ideograph(int(point)) for point in distinct])[inverse]
        text = np.cumsum(points == 0)
        field = np.cumsum((points == 0) | (points == 10))
        return cls(points, text, field, in_word, ideograph)

    @cached_property
    def letters(self) -> NDArray[np.uint64]:
        """(m,) code points, with a blank for every character outside words."""
        return np.where(self.in_word, self.points, 32).astype(np.uint64)

    @cached_property
    def word_starts(self) -> NDArray[np.bool_]:
        """(m,) bool: a word starts at this character."""
        starts = self.in_word.copy()
        starts[1:] &= ~self.in_word[:-1] | self.ideograph[1:] | self.ideograph[:-1]
        return starts


def extract_features(texts: Sequence[str], kinds: int) -> list[Features]:
    """Extract trigrams and words, and with all :data:`KINDS`, pairs of words too; kind by kind."""
    characters = Characters.of(texts)
    found = [trigrams(characters), words(characters)]
    return found if kinds <= EMBEDDED else [*found, word_pairs(found[1])]


def trigrams(characters: Characters) -> Features:
    """Extract the trigram around each character of a word.

    Trigrams do not reach into other words, but see where their word starts and ends.
    """
    middle = characters.in_word[1:-1]
    text, field, letters = characters.text, characters.field, characters.letters
    trigram = (
        letters[:-2] * _TRIGRAM[0] + letters[1:-1] * _TRIGRAM[1] + letters[2:] * _TRIGRAM[2]
    )[middle]
    return Features(text[1:-1][middle], field[1:-1][middle], mixed(trigram))


def words(characters: Characters) -> Features:
    """Extract the words: runs of letters, digits and combining marks, and single ideographs."""
    starts = np.flatnonzero(characters.word_starts)
    if len(starts):
        word = np.maximum(np.cumsum(characters.word_starts) - 1, 0)
        place = np.arange(len(word)) - starts[word]
        powers = _POWERS[np.minimum(place, _MAX_WORD_LENGTH - 1)]
        terms = np.where(characters.in_word, (characters.letters + _U(7)) * powers, _U(0))
        hashes = mixed(np.add.reduceat(terms, starts) ^ _WORD_SALT)
    else:
        hashes = np.empty(0, dtype=np.uint64)
    return Features(characters.text[starts], characters.field[starts], hashes)


def word_pairs(single: Features) -> Features:
    """Extract the pairs of neighbouring words of a text, in whatever order they stand.

    A day, a month and a year are words that thousands of records have, a date is one of a few; so
    are a common given name and a common surname.
    """
    together = single.text[1:] == single.text[:-1]
    one, other = single.hash[:-1][together], single.hash[1:][together]
    pair = np.minimum(one, other) * _BASE + np.maximum(one, other) * _TRIGRAM[1]
    return Features(single.text[:-1][together], single.field[:-1][together], mixed(pair))


def mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix the bits of 64-bit numbers (the finaliser of MurmurHash3, by Austin Appleby)."""
    values = values ^ (values >> _U(33))
    values *= _U(0xFF51AFD7ED558CCD)
    values ^= values >> _U(33)
    values *= _U(0xC4CEB9FE1A85EC53)
    values ^= values >> _U(33)
    return values


def _in_word(point: int) -> bool:
    character = chr(point)
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _is_ideograph(point: int) -> bool:
    return any(first <= point < last for first, last in _CJK)
