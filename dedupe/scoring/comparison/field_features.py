"""Features of pairs by role group: how alike names, addresses, contacts, dates and numbers are."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedupe.models.loading import cpu_count
from dedupe.scoring.comparison.record_table import MAIN, NUMBERS, Group, RecordTable
from dedupe.scoring.comparison.scales import (
    EQUAL,
    UNKNOWN,
    Bytes,
    Features,
    Numbers,
    Rows,
    constant,
    first_level,
    graded,
    scaled,
    share,
)
from dedupe.scoring.comparison.statistics import PRIOR_RECORDS
from dedupe.scoring.comparison.values.given_names import groups_of_name

MIN_THREADED = 256
"""Pairs of values from which several threads are faster than one."""
STRINGS: tuple[tuple[str, str, float], ...] = (
    (MAIN, "token_sort", 0.7),
    (MAIN, "token_set", 0.75),
    ("given", "jaro_winkler", 0.82),
    ("family", "jaro_winkler", 0.85),
    ("creator", "token_set", 0.7),
    ("street", "token_sort", 0.75),
    ("place", "token_sort", 0.75),
    ("text", "token_set", 0.6),
    ("category", "token_sort", 0.8),
    ("other1", "token_sort", 0.7),
    ("other2", "token_sort", 0.7),
    ("other3", "token_sort", 0.7),
    ("code", "ratio", 0.85),
    ("postcode", "ratio", 0.75),
)
"""Role groups compared as strings: similarity, and from which value two strings are alike."""
WITH_BITS = ((MAIN, "token_sort"), *((name, "") for name in ("given", "family", "code", "place")))
CONTACTS = (("phone", "osa", 0.8), ("email", "ratio", 0.75), ("url", "ratio", 0.75))
EXCLUSIVE = ("street", "code", "postcode", "date")
"""Role groups of which it is told how many other names share an equal value."""


def field_features(table: RecordTable, left: Rows, right: Rows) -> Features:
    """Compare m pairs by column and by role group.

    Returns
    -------
    dict
        Features by name, the same names for every file.
    """
    m = len(left)
    features = column_features(table, left, right)
    for name, scorer, middle in STRINGS:
        features |= _string_features(table, name, scorer, middle, left, right)
    features["given name compatible"] = _given_names(table.groups.get("given"), left, right)
    features["names exchanged"] = _exchanged_names(table, left, right)
    for name, scorer, middle in CONTACTS:
        group = table.groups.get(name)
        features |= _contact_features(name, group, scorer, middle, left, right)
    for name in EXCLUSIVE:
        group = table.groups.get(name)
        exclusive = constant(m) if group is None else _exclusive(group, group.names, left, right)
        features[f"{name} by name"] = exclusive
    features |= _date_features(table, left, right)
    for name in NUMBERS:
        values = table.numbers.get(name)
        features[name] = constant(m) if values is None else _closeness(values[left], values[right])
    return features


def column_features(table: RecordTable, left: Rows, right: Rows) -> Features:
    """Count the columns that agree and that differ, and the bits they hold, whatever their role."""
    m = len(left)
    equal, different, one_sided, bits_for, most_bits, bits_against = (
        np.zeros(m, dtype=np.float32) for _ in range(6)
    )
    for codes, bits in zip(table.columns, table.column_bits, strict=True):
        a, b = codes[left], codes[right]
        there = (a >= 0) & (b >= 0)
        same = there & (a == b)
        equal += same
        different += there & ~same
        one_sided += (a >= 0) != (b >= 0)
        padded = np.append(bits, np.float32(0))
        shared = np.where(same, padded[a], 0)
        bits_for += shared
        np.maximum(most_bits, shared, out=most_bits)
        bits_against += np.where(there & ~same, np.minimum(padded[a], padded[b]), 0)
    return {
        "columns equal": scaled(equal, 12),
        "columns different": scaled(different, 12),
        "columns on one side": scaled(one_sided, 12),
        "share of columns equal": share(equal, equal + different),
        "bits of equal columns": scaled(bits_for, 3),
        "most bits of an equal column": scaled(most_bits, 12),
        "share of bits equal": share(bits_for, bits_for + bits_against),
    }


@cache
def _scorer(name: str) -> Callable[..., Any]:
    from rapidfuzz import fuzz
    from rapidfuzz.distance import OSA, JaroWinkler

    scorers: dict[str, Callable[..., Any]] = {
        "token_sort": fuzz.token_sort_ratio,
        "token_set": fuzz.token_set_ratio,
        "ratio": fuzz.ratio,
        "jaro_winkler": JaroWinkler.normalized_similarity,
        "osa": OSA.normalized_similarity,
    }
    return scorers[name]


def _similarities(group: Group, a: Numbers, b: Numbers, scorer_name: str) -> NDArray[np.float32]:
    """Compare values by number, (k,) float32 from 0 to 1; few distinct pairs are compared once."""
    from rapidfuzz.process import cpdist

    scorer, values = _scorer(scorer_name), group.values
    low, high = np.minimum(a, b), np.maximum(a, b)
    occurrence: NDArray[np.int64] | None = None
    if len(values) ** 2 < len(low):
        both, occurrence = np.unique(low.astype(np.int64) * len(values) + high, return_inverse=True)
        low, high = np.divmod(both, len(values))
    scores: NDArray[np.float32] = cpdist(
        values[low].tolist(),
        values[high].tolist(),
        scorer=scorer,
        dtype=np.float32,
        workers=cpu_count() if len(low) > MIN_THREADED else 1,
    )
    if scorer.__name__ != "normalized_similarity":
        scores /= 100
    return scores if occurrence is None else scores[occurrence]


def _alike(
    group: Group, scorer: str, middle: float, left: Rows, right: Rows
) -> tuple[Bytes, NDArray[np.bool_], NDArray[np.bool_]]:
    """Compare the values of a group: the feature, which pairs have both, and which are equal."""
    a, b = group.codes[left], group.codes[right]
    both = (a >= 0) & (b >= 0)
    equal = both & (a == b)
    alike = constant(len(left))
    rest = np.flatnonzero(both & ~equal)
    if len(rest):
        alike[rest] = graded(_similarities(group, a[rest], b[rest], scorer), middle)
    alike[equal] = EQUAL
    return alike, both, equal


def _string_features(
    table: RecordTable, name: str, scorer: str, middle: float, left: Rows, right: Rows
) -> Features:
    m, feature = len(left), f"{name} {scorer}"
    with_bits = (name, scorer) in WITH_BITS or (name, "") in WITH_BITS
    group = table.groups.get(name)
    if group is None:
        return {feature: constant(m), **({f"{name} bits": constant(m, 0)} if with_bits else {})}
    alike, _, equal = _alike(group, scorer, middle, left, right)
    if not with_bits:
        return {feature: alike}
    counts = np.append(group.counts, 1)[group.codes[left]]
    bits = np.log2((table.statistics.records + PRIOR_RECORDS) / np.maximum(counts, 1))
    return {feature: alike, f"{name} bits": np.where(equal, scaled(bits, 12), 0).astype(np.uint8)}


def _contact_features(
    name: str, group: Group | None, scorer: str, middle: float, left: Rows, right: Rows
) -> Features:
    """Compare a phone number, an e-mail address or a URL; what many share counts for little."""
    m = len(left)
    if group is None:
        names = (name, f"{name} by name", f"{name} by place")
        return {**dict.fromkeys(names, constant(m)), f"{name} shared by": constant(m, 0)}
    alike, _, equal = _alike(group, scorer, middle, left, right)
    counts = np.append(np.maximum(group.counts, 1), 1)[group.codes[left]]
    return {
        name: alike,
        f"{name} by name": _exclusive(group, group.names, left, right),
        f"{name} by place": _exclusive(group, group.places, left, right),
        f"{name} shared by": np.where(equal, scaled(np.log2(counts), 24), 0).astype(np.uint8),
    }


def _exclusive(group: Group, others: NDArray[np.float32], left: Rows, right: Rows) -> Bytes:
    """Compare values by equality; the more others have an equal value, the less it says."""
    a, b = group.codes[left], group.codes[right]
    both = (a >= 0) & (b >= 0)
    shared = EQUAL - scaled(np.log2(1 + np.append(others, np.float32(0))[a]), 28, 126)
    return np.where(both & (a == b), shared, np.where(both, 64, UNKNOWN)).astype(np.uint8)


def _given_names(group: Group | None, left: Rows, right: Rows) -> Bytes:
    """Compare first given names: equal, nickname, initial, short form, same letter, other."""
    compatible = constant(len(left))
    if group is None:
        return compatible
    a, b = group.codes[left], group.codes[right]
    compatible[(a >= 0) & (a == b)] = EQUAL
    different = np.flatnonzero((a >= 0) & (b >= 0) & (a != b))
    compatible[different] = 0
    # Names that begin with other letters are compatible as nicknames only.
    first = group.first_words
    letters = np.array([ord(word[:1] or " ") for word in first], dtype=np.uint32)
    same_letter = letters[a[different]] == letters[b[different]]
    known = np.array([word in groups_of_name() for word in first], dtype=bool)
    worth = same_letter | (known[a[different]] & known[b[different]])
    for pair in different[worth].tolist():
        compatible[pair] = _name_level(first[a[pair]], first[b[pair]])
    return compatible


def _name_level(a: str, b: str) -> int:
    groups, none = groups_of_name(), frozenset[int]()
    shorter = min(len(a), len(b))
    if a == b:
        return 240
    if groups.get(a, none) & groups.get(b, none):
        return 220
    if shorter == 1 and a[:1] == b[:1]:
        return 190
    if shorter >= 3 and (a.startswith(b) or b.startswith(a)):
        return 180
    return 60 if a[:1] == b[:1] else 0


def _exchanged_names(table: RecordTable, left: Rows, right: Rows) -> Bytes:
    """Tell whether the given name of one record is the family name of the other, and vice versa."""
    given, family = table.groups.get("given"), table.groups.get("family")
    if given is None or family is None:
        return constant(len(left), 0)
    (given_left, family_left), (given_right, family_right) = (
        (given.word_hashes[given.codes[rows]], family.word_hashes[family.codes[rows]])
        for rows in (left, right)
    )
    there = (given_left != -1) & (family_left != -1)
    exchanged = there & (given_left == family_right) & (family_left == given_right)
    return np.where(exchanged, EQUAL, 0).astype(np.uint8)


def _date_features(table: RecordTable, left: Rows, right: Rows) -> Features:
    """Compare dates: by their parts, by digits that differ, and by years apart."""
    m = len(left)
    if table.dates is None:
        return dict.fromkeys(("date", "date digits", "date years apart"), constant(m))
    a, b = table.dates[left], table.dates[right]
    both = (a[:, 0] > 0) & (b[:, 0] > 0)
    same = a == b
    partly = ((a == 0) | (b == 0))[:, 1:].any(axis=1)
    new_year = (a[:, 1:] == 1).all(axis=1) | (b[:, 1:] == 1).all(axis=1)
    turned = same[:, 0] & (a[:, 1] == b[:, 2]) & (a[:, 2] == b[:, 1]) & (a[:, 1] > 0)
    year, parts = same[:, 0], same.sum(axis=1)
    level = first_level(
        [same.all(axis=1), turned, year & partly, year & new_year, parts == 2, year, parts == 1],
        [EQUAL, 240, 200, 180, 140, 100, 60],
        20,
    )
    apart = np.abs(a[:, 0] - b[:, 0])
    years = first_level([apart == 0, apart <= 1], [0, 40], 0)
    years = np.where(apart > 1, np.clip(60 + apart * 4, 0, EQUAL), years)
    return {
        "date": np.where(both, level, UNKNOWN).astype(np.uint8),
        "date digits": np.where(both, _date_digits(a, b), UNKNOWN).astype(np.uint8),
        "date years apart": np.where(both, years, UNKNOWN).astype(np.uint8),
    }


def _date_digits(a: NDArray[np.int32], b: NDArray[np.int32]) -> Numbers:
    """Count the parts of two dates that differ; a part of which one digit differs counts half."""
    apart = np.abs(a - b)
    one_digit = (apart % 10 == 0) | (apart == 100) | ((apart < 10) & (a // 10 == b // 10))
    edits = np.where(apart == 0, 0, np.where(one_digit, 1, 2)).sum(axis=1)
    level: Numbers = np.clip(EQUAL - 60 * edits, 0, EQUAL)
    return level


def _closeness(a: NDArray[np.float64], b: NDArray[np.float64]) -> Bytes:
    """Compare numbers by the logarithm of their relative difference: 1 % is much for a price."""
    both = ~np.isnan(a) & ~np.isnan(b)
    a, b = np.nan_to_num(np.abs(a)), np.nan_to_num(np.abs(b))
    most = np.maximum(a, b)
    ratio = np.where(most > 0, np.minimum(a, b) / np.where(most > 0, most, 1), 1.0)
    closeness = np.clip(np.log10(np.maximum(1 - ratio, 1e-5)) / -5, 0, 1)
    level = np.where(ratio == 1, EQUAL, closeness * 250)
    return np.where(both, level, UNKNOWN).astype(np.uint8)
