"""Clustering again only where records or pairs changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.config import Config
from dedupe.records import Records
from dedupe.resolution.clustering import CONTRADICTIONS, Clustering
from dedupe.resolution.decisions import CHOSEN, Decision, decided_rows
from dedupe.resolution.resolve import Resolved, resolve
from dedupe.scoring.pairs import components

_EPSILON = np.float32(1e-6)


@dataclass(frozen=True, eq=False)
class Standing:
    """What an earlier clustering says of each of the n records; see :class:`Resolved`."""

    labels: NDArray[np.uint32]
    confidence: NDArray[np.float32]
    kept: NDArray[np.uint32]
    joined_by: NDArray[np.float32]
    cluster_id: pl.Series


def resolve_again(
    records: Records,
    pairs: pl.DataFrame,
    decisions: pl.DataFrame,
    config: Config,
    choices: pl.DataFrame,
    before: Standing,
    touched: NDArray[np.bool_],
    compared: NDArray[np.bool_],
) -> tuple[Resolved, NDArray[np.bool_]]:
    """Cluster again where something changed; the rest stays as it was.

    A cluster never reaches beyond the records that links at the threshold, identical texts and
    decisions connect. So what comes out is what :func:`resolve` makes of all records.

    Parameters
    ----------
    records, pairs, decisions, config, choices
        As for :func:`resolve`; nothing is linked across tables.
    before
        How n records stood under the same decisions, choices and configuration. Of those touched,
        and of new ones, it may say anything.
    touched
        (n,) bool: records that are new, changed, or have pairs that went or changed; and of records
        that are gone, those that had pairs with them or the same text.
    compared
        (n,) bool: records that have pairs that came.

    Returns
    -------
    resolved
        Of all n records.
    again
        (n,) bool: records that were clustered again.
    """
    n = len(records)
    left, right = (pairs[side].to_numpy() for side in ("left", "right"))
    strong = pairs["probability"].to_numpy() >= np.float32(config.threshold) - _EPSILON
    decided = decided_rows(decisions, records)
    joined = decided.filter(pl.col("decision") == Decision.MATCH)
    part = components(
        n,
        np.concatenate([left[strong], joined["left"].to_numpy()]),
        np.concatenate([right[strong], joined["right"].to_numpy()]),
    )
    hit = np.zeros(n, dtype=bool)
    hit[part[touched]] = True
    for side in ("left", "right"):
        hit[part[decided[side].to_numpy()]] = True
    hit[part[records.keys.is_in(choices["record_id"].implode()).to_numpy()]] = True
    again = hit[part]
    rows = np.flatnonzero(again).astype(np.uint32)
    if not len(rows):
        return Resolved(
            clustering=Clustering(before.labels, pl.DataFrame(schema=CONTRADICTIONS)),
            confidence=_alone(before.confidence, pairs, before.labels, compared),
            kept=before.kept,
            joined_by=before.joined_by,
            cluster_id=before.cluster_id,
            decided=decided,
            chosen=pl.DataFrame(schema=CHOSEN),
        ), again
    place = np.zeros(n, dtype=np.uint32)
    place[rows] = np.arange(len(rows), dtype=np.uint32)
    inside = again[left] & again[right]
    found = resolve(
        records.some(rows),
        _renumbered(pairs.filter(pl.Series(inside)), place),
        decisions,
        config,
        choices,
        before.cluster_id.filter(pl.Series(~again)),
    )

    def put(old: NDArray[Any], now: NDArray[Any]) -> NDArray[Any]:
        out = old.copy()
        out[rows] = now
        return out

    labels = put(before.labels, rows[found.clustering.labels])
    confidence = put(before.confidence, found.confidence)
    index = np.arange(n)
    index[rows] = n + np.arange(len(rows))
    return Resolved(
        clustering=Clustering(labels, _renumbered(found.clustering.contradictions, rows)),
        confidence=_alone(confidence, pairs, labels, again | compared),
        kept=put(before.kept, rows[found.kept]),
        joined_by=put(before.joined_by, found.joined_by),
        cluster_id=pl.concat([before.cluster_id, found.cluster_id]).gather(index),
        decided=decided,
        chosen=found.chosen.with_columns(pl.Series("row", rows[found.chosen["row"].to_numpy()])),
    ), again


def _alone(
    confidence: NDArray[np.float32],
    pairs: pl.DataFrame,
    labels: NDArray[np.uint32],
    some: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """Return how sure each place is, where `some` that are alone may have weak pairs anywhere."""
    alone = some & (np.bincount(labels, minlength=len(labels))[labels] == 1)
    best = np.zeros(len(labels))
    left, right = (pairs[side].to_numpy() for side in ("left", "right"))
    near = alone[left] | alone[right]
    chance = pairs["probability"].to_numpy()[near]
    for side in (left[near], right[near]):
        np.maximum.at(best, side, chance)
    return np.where(alone, 1 - best, confidence).astype(np.float32)


def _renumbered(pairs: pl.DataFrame, to: NDArray[np.uint32]) -> pl.DataFrame:
    return pairs.with_columns(
        pl.Series(side, to[pairs[side].to_numpy()]) for side in ("left", "right")
    )
