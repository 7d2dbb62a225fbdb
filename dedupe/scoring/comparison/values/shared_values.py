"""Values that several different things share: a switchboard, a joint mailbox, a placeholder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dedupe.scoring.comparison.values.token_table import NO_GROUP, TokenTable


def others_sharing(
    codes: NDArray[np.int32],
    counts: NDArray[np.int32],
    tokens: TokenTable,
    groups: Sequence[int],
) -> NDArray[np.float32]:
    """Estimate how many other things have each value, beside the one that a record is.

    Of the k records that have a value, tokens of some role groups are compared. Where all of them
    repeat, the records are one thing, and no other has the value. Where none does, k - 1 others
    have it.

    Parameters
    ----------
    codes
        (n,) int32: number of each record's value; -1 where it has none.
    counts
        (v,) int32: records that have each value.
    tokens
        Tokens of the n records.
    groups
        Role groups whose tokens are compared, such as those of names.

    Returns
    -------
    ndarray
        (v,) float32.
    """
    v = len(counts)
    rows = np.flatnonzero((codes >= 0) & (np.append(counts, 0)[codes] > 1))
    wanted = np.zeros(NO_GROUP + 1, dtype=bool)
    wanted[list(groups)] = True
    numbers = tokens.tokens[rows]
    compared = (numbers >= 0) & wanted[tokens.groups[rows]]
    lengths = compared.sum(axis=1)
    value = np.repeat(codes[rows], lengths).astype(np.int64)
    size = len(tokens.classes) + 1
    both = np.sort(value * size + numbers[compared])
    distinct = both[np.append(True, both[1:] != both[:-1])[: len(both)]] // size
    total, different = (np.bincount(part, minlength=v).astype(float) for part in (value, distinct))
    k = np.bincount(codes[rows][lengths > 0], minlength=v).astype(float)
    most = total - total / np.maximum(k, 1)
    repeated = np.where(most > 0, (total - different) / np.where(most > 0, most, 1), 1.0)
    others: NDArray[np.float32] = np.maximum(k - 1, 0) * (1 - np.clip(repeated, 0, 1))
    return others.astype(np.float32)
