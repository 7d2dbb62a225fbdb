"""Cluster ids that stay the same between runs.

An id is short: :data:`LENGTH` characters of a hash. Where two hashes begin alike, the cluster whose
key comes first in the order of keys has the short id, and the other one as many characters more as
it takes. So ids do not depend on the order of rows. An added record changes the id of another
cluster only if its own begins with the same characters, which among a hundred thousand clusters
happens once in ten million additions, and never in a workspace, which keeps the ids that it gave.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

LENGTH = 8
"""Characters of an id that is unique with them, of about 5 bits each."""
_CHARACTERS = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz234567", dtype="S1")
_LETTERS = np.frombuffer(b"abcdefghijklmnopqrstuvwxyzbcdfgh", dtype="S1")


def cluster_ids(
    keys: pl.Series,
    labels: NDArray[np.uint32],
    previous: pl.Series | None,
    others: pl.Series | None = None,
    length: int = LENGTH,
) -> pl.Series:
    """Name each cluster.

    The id is a hash of the smallest record key of the cluster, so that it stays the same when rows
    are added or reordered. Where records had cluster ids before, each id goes to the cluster with
    most of its records, and a cluster takes the id that brings most of its own.

    An id has the letters a to z and the digits 2 to 7, and begins with a letter, so that no
    spreadsheet takes it for a number.

    Parameters
    ----------
    keys
        (n,) key of each record.
    labels
        (n,) uint32: the smallest row number of the record's cluster.
    previous
        (n,) previous cluster id of each record, null for a new one; ``None`` without previous ids.
    others
        Ids that clusters of other records have.
    length
        Characters of an id that is unique with them, up to 16.

    Returns
    -------
    Series
        (n,) text: id of each record's cluster.
    """
    smallest_keys = (
        pl.DataFrame({"label": labels, "key": keys})
        .group_by("label", maintain_order=True)
        .agg(pl.col("key").min())
    )
    continued = {} if previous is None else _continued_ids(labels, previous)
    new = smallest_keys.filter(~pl.col("label").is_in(list(continued))).sort("key")
    given = {**continued, **_new_ids(new, set(continued.values()), others, length)}
    ids = [given[label] for label in smallest_keys["label"]]
    position = np.zeros(len(labels), dtype=np.int64)
    position[smallest_keys["label"].to_numpy()] = np.arange(len(ids))
    return pl.Series("cluster_id", ids, dtype=pl.String).gather(position[labels])


def _new_ids(
    clusters: pl.DataFrame, taken: set[str], others: pl.Series | None, length: int = LENGTH
) -> dict[int, str]:
    """Name clusters by the hash of their ``key``, by their ``label``.

    Parameters
    ----------
    clusters
        The clusters, in the order of their keys.
    taken
        Ids of other clusters of the same records.
    others
        Ids of clusters of other records.
    length
        As for :func:`cluster_ids`.
    """
    texts = _hashed(clusters["key"])
    short = texts.str.head(length)
    free = ~(short.is_duplicated() | short.is_in(list(taken)))
    if others is not None:
        free &= ~short.is_in(others.implode())
    found = dict(zip(clusters["label"].filter(free), short.filter(free), strict=True))
    if free.all():
        return found
    taken = {*taken, *found.values(), *([] if others is None else others)}
    for label, key, text in clusters.with_columns(texts).filter(~free).iter_rows():
        found[label] = next(name for name in _names(key, text) if name not in taken)
        taken.add(found[label])
    return found


def _names(key: str, text: str) -> Iterator[str]:
    """Yield the ids that a cluster may have by its key and the hash of it, the shortest first."""
    while True:
        yield from (text[:length] for length in range(LENGTH, len(text) + 1))
        key = f"{key}\x1f{text}"
        text = _hashed(pl.Series([key]))[0]


def _hashed(keys: pl.Series) -> pl.Series:
    """Hash each key to 16 letters and digits, of which the first is a letter."""
    digests = b"".join(hashlib.blake2b(key.encode(), digest_size=10).digest() for key in keys)
    bits = np.unpackbits(np.frombuffer(digests, dtype=np.uint8)).reshape(len(keys), 16, 5)
    numbers = np.packbits(bits, axis=2)[:, :, 0] >> 3
    characters = _CHARACTERS[numbers]
    characters[:, 0] = _LETTERS[numbers[:, 0]]
    texts = np.ascontiguousarray(characters).view("S16")[:, 0].astype(str)
    return pl.Series("text", texts, dtype=pl.String)


def _continued_ids(labels: NDArray[np.uint32], previous: pl.Series) -> dict[int, str]:
    """Find the previous id that each cluster takes over, by label, where there is one."""
    claims = (
        pl.DataFrame({"label": labels, "previous": previous})
        .filter(pl.col("previous").is_not_null())
        .group_by("label", "previous")
        .len()
        .sort("len", "label", "previous", descending=[True, False, False])
    )
    granted = claims.unique("previous", keep="first", maintain_order=True).unique(
        "label", keep="first", maintain_order=True
    )
    return dict(granted.select("label", "previous").iter_rows())
