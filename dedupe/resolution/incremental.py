"""Clustering again only where records or pairs changed."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.config import Config
from dedupe.records.records import Records
from dedupe.resolution.clustering.constrained import CONTRADICTIONS
from dedupe.resolution.decisions import VALUE_CHOICES, Decision, decisions_by_row
from dedupe.resolution.resolve import Resolved, resolve
from dedupe.scoring.pairs import components

_EPSILON = np.float32(1e-6)


def resolve_again(
    records: Records,
    pairs: pl.DataFrame,
    decisions: pl.DataFrame,
    config: Config,
    choices: pl.DataFrame,
    before: pl.DataFrame,
    affected: NDArray[np.bool_],
    compared: NDArray[np.bool_],
) -> tuple[Resolved, NDArray[np.bool_]]:
    """Cluster again the records that a change can reach, and carry the other clusters over.

    A cluster never reaches beyond the records that links at the threshold, identical texts and
    decisions connect. So the result equals that of :func:`~dedupe.resolution.resolve.resolve` on
    all records.

    Parameters
    ----------
    records, pairs, decisions, config, choices
        As for :func:`~dedupe.resolution.resolve.resolve`; without links between tables.
    before
        Schema :data:`~dedupe.resolution.resolve.CLUSTER_ROWS`: the earlier clusters of the n
        records, under the same decisions, choices and configuration. The rows of affected and new
        records are ignored.
    affected
        (n,) bool: records that are new or changed, that have pairs which changed or were removed,
        or that had the text of, or a pair with, a removed record.
    compared
        (n,) bool: records that have new pairs.

    Returns
    -------
    resolved
        The clusters of all n records.
    again
        (n,) bool: records that were clustered again.
    """
    decided = decisions_by_row(decisions, records)
    again = _reached(records, pairs, decided, choices, config.threshold, affected)
    rows = np.flatnonzero(again).astype(np.uint32)
    if not len(rows):
        clusters = _with_confidence_alone(before, pairs, compared)
        return Resolved(
            rows=clusters,
            contradictions=pl.DataFrame(schema=CONTRADICTIONS),
            decisions=decided,
            value_choices=pl.DataFrame(schema=VALUE_CHOICES),
        ), again
    position = np.zeros(len(records), dtype=np.uint32)
    position[rows] = np.arange(len(rows), dtype=np.uint32)
    left, right = (pairs[side].to_numpy() for side in ("left", "right"))
    part = resolve(
        records.take(rows),
        _renumbered(pairs.filter(pl.Series(again[left] & again[right])), position),
        decisions,
        config,
        choices,
        before["cluster_id"].filter(pl.Series(~again)),
    )
    clusters = _replaced(before, rows, _renumbered(part.rows, rows, "label", "representative"))
    return Resolved(
        rows=_with_confidence_alone(clusters, pairs, again | compared),
        contradictions=_renumbered(part.contradictions, rows),
        decisions=decided,
        value_choices=_renumbered(part.value_choices, rows, "row"),
    ), again


def _reached(
    records: Records,
    pairs: pl.DataFrame,
    decided: pl.DataFrame,
    choices: pl.DataFrame,
    threshold: float,
    affected: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Find the records that a link, an identical text or a decision connects to a change.

    Records with decisions or choices count as changed.
    """
    n = len(records)
    left, right = (pairs[side].to_numpy() for side in ("left", "right"))
    strong = pairs["probability"].to_numpy() >= np.float32(threshold) - _EPSILON
    matches = decided.filter(pl.col("decision") == Decision.MATCH)
    component = components(
        n,
        np.concatenate([left[strong], matches["left"].to_numpy()]),
        np.concatenate([right[strong], matches["right"].to_numpy()]),
    )
    reached = np.zeros(n, dtype=bool)
    reached[component[affected]] = True
    for side in ("left", "right"):
        reached[component[decided[side].to_numpy()]] = True
    reached[component[records.keys.is_in(choices["record_id"].implode()).to_numpy()]] = True
    again: NDArray[np.bool_] = reached[component]
    return again


def _replaced(clusters: pl.DataFrame, rows: NDArray[np.uint32], new: pl.DataFrame) -> pl.DataFrame:
    """Replace some `rows` of a frame by those of `new`."""
    index = np.arange(clusters.height)
    index[rows] = clusters.height + np.arange(len(rows))
    return pl.concat([clusters, new])[index]


def _with_confidence_alone(
    clusters: pl.DataFrame, pairs: pl.DataFrame, changed: NDArray[np.bool_]
) -> pl.DataFrame:
    """Update the confidence of records alone in their cluster, which may have weak pairs anywhere.

    Parameters
    ----------
    clusters
        Schema :data:`~dedupe.resolution.resolve.CLUSTER_ROWS`, n rows.
    pairs
        All pairs.
    changed
        (n,) bool: records whose pairs may have changed.
    """
    labels = clusters["label"].to_numpy()
    alone = changed & (np.bincount(labels, minlength=len(labels))[labels] == 1)
    highest = np.zeros(len(labels))
    left, right = (pairs[side].to_numpy() for side in ("left", "right"))
    concerned = alone[left] | alone[right]
    probability = pairs["probability"].to_numpy()[concerned]
    for end in (left[concerned], right[concerned]):
        np.maximum.at(highest, end, probability)
    confidence = np.where(alone, 1 - highest, clusters["confidence"].to_numpy())
    return clusters.with_columns(pl.Series("confidence", confidence).cast(pl.Float32))


def _renumbered(frame: pl.DataFrame, row_of: NDArray[np.uint32], *columns: str) -> pl.DataFrame:
    """Replace row numbers by `row_of` each; by default those of pairs."""
    return frame.with_columns(
        pl.Series(name, row_of[frame[name].to_numpy()]) for name in columns or ("left", "right")
    )
