"""Samples of pairs that depend on their texts alone: the same in every run and version."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray


def text_hashes(texts: Iterable[str], seed: int = 0) -> NDArray[np.uint64]:
    """Hash texts to 64 bits: BLAKE2b of their UTF-8, salted with a seed.

    Returns
    -------
    ndarray
        (n,) uint64.
    """
    salt = str(seed).encode()[:16]
    digests = (
        blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, salt=salt).digest()
        for text in texts
    )
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def sampling_keys(
    texts: pl.Series, left: NDArray[Any], right: NDArray[Any], seed: int
) -> NDArray[np.uint64]:
    """Draw a pseudo-random number for each pair that depends on its two texts alone.

    Parameters
    ----------
    texts
        (n,) record texts.
    left, right
        (m,) row numbers; swapping the two changes nothing.
    seed
        Seed of the draw.

    Returns
    -------
    ndarray
        (m,) uint64.
    """
    rows, position = np.unique(np.concatenate([left, right]), return_inverse=True)
    hashes = text_hashes(texts.gather(rows), seed)[position]
    mixed = (hashes[: len(left)] + hashes[len(left) :]) * np.uint64(0x9E3779B97F4A7C15)
    keys: NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(29))
    return keys


def smallest_keys(sampling_key: NDArray[np.uint64], count: int) -> NDArray[np.int64]:
    """Return the numbers of the `count` pairs with the smallest keys, in order."""
    if len(sampling_key) <= count:
        return np.arange(len(sampling_key))
    return np.sort(np.argpartition(sampling_key, count)[:count])


def evenly_spaced(numbers: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Take up to `count` of the numbers at even distances."""
    if len(numbers) <= count:
        return numbers
    return numbers[np.linspace(0, len(numbers) - 1, count).astype(np.int64)]


def stratified_sample(
    strata: NDArray[np.int64],
    sampling_key: NDArray[np.uint64],
    count: int,
    allowed: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Sample pairs evenly over strata, those with the smallest keys first.

    Parameters
    ----------
    strata
        (m,) number of the stratum of each pair, from 0.
    sampling_key
        (m,) as of :func:`sampling_keys`.
    count
        Size of the sample; a little less where it cannot be divided evenly.
    allowed
        (m,) bool: pairs that can be drawn.

    Returns
    -------
    ndarray
        Sorted numbers of the pairs drawn.
    """
    pool = np.flatnonzero(allowed)
    order = pool[np.lexsort((sampling_key[pool], strata[pool]))]
    sizes = np.bincount(strata[order], minlength=int(strata.max(initial=0)) + 1)
    shares = _fair_shares(sizes, count)
    rank = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.sort(order[rank < np.repeat(shares, sizes)])


def _fair_shares(sizes: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Divide `count` equally among strata; what small strata cannot fill goes to larger ones."""
    share = np.zeros(len(sizes), dtype=np.int64)
    left = count
    for rank, stratum in enumerate(np.argsort(sizes, kind="stable")):
        share[stratum] = min(int(sizes[stratum]), left // (len(sizes) - rank))
        left -= int(share[stratum])
    return share
