"""Features of pairs by tokens: what two records share, what each has alone, what conflicts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from dedupe.models.loading import cpu_count
from dedupe.scoring.comparison.record_table import GROUP, MAIN, RecordTable
from dedupe.scoring.comparison.scales import (
    EQUAL,
    UNKNOWN,
    Features,
    Numbers,
    Rows,
    scaled,
    share,
)
from dedupe.scoring.comparison.values.given_names import compatible_names
from dedupe.scoring.comparison.values.token_table import MAYBE_GROUP, TokenTable
from dedupe.scoring.comparison.values.tokens import CLASS, CLASSES

BLOCK = 1 << 12
"""Pairs whose tokens are compared together; the arrays stay in cache."""
CONFLICTING = tuple(name for name in CLASSES if name not in ("word", "initial"))
"""Classes of tokens that conflict when both records have one and do not share it."""
MIN_CODE_PART = 4
"""Characters of a code that is taken for the other one without its suffix."""
_ALONE_WITH_OTHER, _ALONE, _CONFLICT = 60, 100, 0
_ONE_SIDE_WITH_OTHER = 150
_LEVELS = np.array(
    [UNKNOWN, _ALONE, _ALONE, _CONFLICT, EQUAL, *[_ONE_SIDE_WITH_OTHER] * 2, _ALONE_WITH_OTHER],
    dtype=np.uint8,
)
_BITS = np.array([1 << CLASS[name] for name in CONFLICTING], dtype=np.uint32)
_AMOUNTS = 17


def token_features(table: RecordTable, left: Rows, right: Rows) -> Features:
    """Compare the tokens of m pairs.

    Returns
    -------
    dict
        Features by name, the same names for every file.
    """
    m = len(left)
    amounts = np.empty((_AMOUNTS, m), dtype=np.float32)
    classes = np.empty((3, m), dtype=np.uint32)

    # Pairs of records with as many tokens are compared together, so that few places are empty.
    lengths = [table.tokens.lengths[side] for side in (left, right)]
    order = np.lexsort(lengths)

    def compare(at: int) -> None:
        block = order[at : at + BLOCK]
        amounts[:, block], classes[:, block] = _compare(table.tokens, left[block], right[block])

    starts = range(0, m, BLOCK)
    if len(starts) > 2 and cpu_count() > 1:
        with ThreadPoolExecutor(min(cpu_count(), len(starts))) as pool:
            list(pool.map(compare, starts))
    else:
        for at in starts:
            compare(at)
    return {**_amount_features(amounts), **_class_features(classes)}


def _amount_features(amounts: NDArray[np.float32]) -> Features:
    """Scale what :func:`_compare` measured."""
    (shared, alone_left, alone_right, loose_left, loose_right, rarest, rarest_left, rarest_right,
     main_shared, main_left, main_right, main_rarest_left, main_rarest_right, tokens, codes,
     fewest, names) = amounts  # fmt: skip
    low, high = np.minimum, np.maximum
    poorer = shared + low(alone_left, alone_right)
    return {
        "token bits shared": scaled(shared, 2.5),
        "share of token bits shared": share(shared, shared + alone_left + alone_right),
        "share of the poorer record": scaled(shared / high(poorer, 1e-6), EQUAL),
        "rarest shared token": scaled(rarest, 12),
        "tokens shared": scaled(tokens, 12),
        "bits on both sides alone": scaled(low(loose_left, loose_right), 5),
        "bits on one side alone": scaled(high(loose_left, loose_right), 3),
        "rarest token on both sides alone": scaled(low(rarest_left, rarest_right), 12),
        "rarest token on one side alone": scaled(high(rarest_left, rarest_right), 12),
        "main share": share(main_shared, main_shared + main_left + main_right),
        "main bits shared": scaled(main_shared, 4),
        "main bits on both sides alone": scaled(low(main_left, main_right), 8),
        "main bits on one side alone": scaled(high(main_left, main_right), 4),
        "main rarest on both sides alone": scaled(low(main_rarest_left, main_rarest_right), 12),
        "main rarest on one side alone": scaled(high(main_rarest_left, main_rarest_right), 12),
        "codes alike": codes.astype(np.uint8),
        "tokens of the poorer record": scaled(fewest, 8),
        "given names compatible": scaled(names, 80),
    }


def _class_features(classes: NDArray[np.uint32]) -> Features:
    """Tell for each class whether two records share a token, conflict, or one alone has it."""
    shared, left, right = classes
    # What a pair has of a class is a number of three bits: shared, left alone, right alone.
    bits = [(part & _BITS[:, None]) > 0 for part in (shared, left, right)]
    levels = _LEVELS[bits[0] * np.uint8(4) + bits[1] * np.uint8(2) + bits[2]]
    features = {f"{name}s": level for name, level in zip(CONFLICTING, levels, strict=True)}
    counted = ~np.uint32((1 << CLASS["word"]) | (1 << CLASS["initial"]))
    features["conflicts"] = scaled(np.bitwise_count(left & right & ~shared & counted), 40)
    return features


def _compare(
    table: TokenTable, left: Rows, right: Rows
) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
    """Compare the tokens of k pairs.

    Returns
    -------
    amounts
        (17, k): as :func:`_amount_features` names them.
    classes
        (3, k): sets of the classes that tokens have which both share, and each has alone.
    """
    # Pairs lie along the last axis: operations and sums go over long runs of memory.
    (a, group_a), (b, group_b) = (table.of(rows) for rows in (left, right))
    there_a, there_b = a >= 0, b >= 0
    equal = (a[:, None] == b[None]) & there_a[:, None]
    in_b, in_a = equal.any(axis=1), equal.any(axis=0)
    sure_a, sure_b = there_a & (group_a != MAYBE_GROUP), there_b & (group_b != MAYBE_GROUP)
    bits = np.append(table.bits, np.float32(0))
    classes = np.append(table.classes, np.uint8(0))
    bits_a, bits_b, class_a, class_b = bits[a], bits[b], classes[a], classes[b]
    shared = in_b & (sure_a | (class_a == CLASS["code"]))
    shared_b = in_a & (sure_b | (class_b == CLASS["code"]))
    alone_a, alone_b = sure_a & ~in_b, sure_b & ~in_a
    compatible = _compatible_names(table, a, b, alone_a, alone_b)
    alike = _alike_words(table, a, b, alone_a, alone_b) | compatible
    loose_a, loose_b = alone_a & ~alike.any(axis=1), alone_b & ~alike.any(axis=0)
    main_a, main_b = group_a == GROUP[MAIN], group_b == GROUP[MAIN]
    code_a, code_b = alone_a & (class_a == CLASS["code"]), alone_b & (class_b == CLASS["code"])
    shared_code = (in_b & (class_a == CLASS["code"])).any(axis=0)
    amounts = np.stack(
        [
            _total(shared, bits_a),
            _total(alone_a, bits_a),
            _total(alone_b, bits_b),
            _total(loose_a, bits_a),
            _total(loose_b, bits_b),
            _most(shared, bits_a),
            _most(loose_a, bits_a),
            _most(loose_b, bits_b),
            # A word may be of the name of one record and the employer of the other.
            np.maximum(_total(shared & main_a, bits_a), _total(shared_b & main_b, bits_b)),
            _total(loose_a & main_a, bits_a),
            _total(loose_b & main_b, bits_b),
            _most(loose_a & main_a, bits_a),
            _most(loose_b & main_b, bits_b),
            shared.sum(axis=0),
            _codes_alike(table, a, b, code_a, code_b, shared_code),
            np.minimum(sure_a.sum(axis=0), sure_b.sum(axis=0)),
            compatible.any(axis=1).sum(axis=0),
        ]
    ).astype(np.float32)
    return amounts, np.stack(
        [_classes(shared, class_a), _classes(alone_a, class_a), _classes(alone_b, class_b)]
    )


def _alike_words(
    table: TokenTable, a: Numbers, b: Numbers, alone_a: Numbers, alone_b: Numbers
) -> NDArray[np.bool_]:
    """Tell which words of two records, (u, w, k), are misspellings of each other."""
    letters = np.append(table.letters, np.uint64(0))
    left = np.where(alone_a, letters[a], np.uint64(0))
    right = np.where(alone_b, letters[b], np.uint64(0))
    common = np.bitwise_count(left[:, None] & right[None])
    left_size = np.bitwise_count(left)[:, None]
    right_size = np.bitwise_count(right)[None]
    fewest = np.minimum(np.maximum(left_size, 1), np.maximum(right_size, 1))
    # At least half of the fewer letter pairs and a tenth of the more, in tenths of a pair.
    least = np.multiply(fewest, 5, dtype=np.uint16) + np.maximum(left_size, right_size)
    alike: NDArray[np.bool_] = np.multiply(common, 10, dtype=np.uint16) >= least
    return alike


def _compatible_names(
    table: TokenTable, a: Numbers, b: Numbers, alone_a: Numbers, alone_b: Numbers
) -> NDArray[np.bool_]:
    """Tell which words of two records, (u, w, k), may be one given name."""
    names = np.append(table.given_names, np.uint16(0))
    left, right = np.where(alone_a, names[a], 0), np.where(alone_b, names[b], 0)
    compatible = np.zeros((len(a), len(b), a.shape[1]), dtype=bool)
    # Few pairs have a name on both sides that the other one lacks.
    some = np.flatnonzero(left.any(axis=0) & right.any(axis=0))
    compatible[:, :, some] = compatible_names()[left[:, None, some], right[None, :, some]]
    return compatible


def _total(where: Numbers, bits: Numbers) -> Numbers:
    total: Numbers = np.where(where, bits, np.float32(0)).sum(axis=0)
    return total


def _most(where: Numbers, bits: Numbers) -> Numbers:
    most: Numbers = np.where(where, bits, np.float32(0)).max(axis=0, initial=0)
    return most


def _classes(where: Numbers, classes: Numbers) -> Numbers:
    bits = np.where(where, np.uint32(1) << classes.astype(np.uint32), np.uint32(0))
    union: Numbers = np.bitwise_or.reduce(bits, axis=0)
    return union


def _codes_alike(
    table: TokenTable, a: Numbers, b: Numbers, code_a: Numbers, code_b: Numbers, shared: Numbers
) -> Numbers:
    """Compare the codes that each of two records has alone: one may be the other with a suffix."""
    alike = np.where(shared, EQUAL, UNKNOWN).astype(np.float32)
    for pair in np.flatnonzero(code_a.any(axis=0) & code_b.any(axis=0) & ~shared):
        codes = [
            table.names.gather(numbers[:, pair][where[:, pair]]).to_list()
            for numbers, where in ((a, code_a), (b, code_b))
        ]
        alike[pair] = max(_code_similarity(x, y) for x in codes[0] for y in codes[1])
    return alike


def _code_similarity(a: str, b: str) -> float:
    from rapidfuzz.distance import OSA

    shorter, longer = sorted((a, b), key=len)
    if len(shorter) >= MIN_CODE_PART:
        for rest in (longer.removeprefix(shorter), longer.removesuffix(shorter)):
            if rest != longer:
                return 230.0 if rest.isalpha() else 180.0
    return 110 * OSA.normalized_similarity(a, b)
