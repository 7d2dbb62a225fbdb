"""From scored pairs and decisions to clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.config import ADAPTED_UP_TO, Config
from dedupe.records import Records
from dedupe.resolution.cluster_ids import cluster_ids
from dedupe.resolution.clustering import MISSING_WEIGHT, Clustering, cluster
from dedupe.resolution.confidence import joining_probability, link_confidence
from dedupe.resolution.decisions import Decision, chosen_rows, decided_rows, standing
from dedupe.resolution.link_modes import CHOICES, row_links
from dedupe.resolution.survivorship import representatives
from dedupe.scoring.pairs import DECIDERS
from dedupe.scoring.recalibration import Correction, correct


@dataclass(frozen=True, eq=False)
class Resolved:
    """Clusters, and what follows from them for each of the n records.

    Parameters
    ----------
    clustering
        Labels, and decisions that contradict each other.
    confidence
        (n,) float32: how sure a record's place is.
    kept
        (n,) u32: row number of the record that stands for the record's cluster.
    joined_by
        (n,) float32: probability of the weakest link on the strongest way to `kept`.
    cluster_id
        (n,) text; a hash of the cluster's smallest record key, so that it stays the same when
        rows are added or come in another order. Where records were added to clusters that had
        ids, those stay: each goes on with most of its records, and a cluster takes the id that
        brings most of its own.
    decided
        The decisions in force, as row numbers: ``left``, ``right``, ``decision``.
    chosen
        The values that people chose for merged rows: ``row``, ``column``; one a cluster and column.
    links
        When tables are linked, the links that were kept, of schema
        :data:`~dedupe.resolution.link_modes.LINKS`.
    """

    clustering: Clustering
    confidence: NDArray[np.float32]
    kept: NDArray[np.uint32]
    joined_by: NDArray[np.float32]
    cluster_id: pl.Series
    decided: pl.DataFrame
    chosen: pl.DataFrame
    links: pl.DataFrame | None = None


def corrected(
    records: Records, pairs: pl.DataFrame, decisions: pl.DataFrame, config: Config
) -> tuple[pl.DataFrame, Correction | None]:
    """Correct the probabilities of pairs by their file and by what was decided.

    Parameters
    ----------
    records
        n records.
    pairs
        Scored pairs of the records' row numbers.
    decisions
        As for :func:`resolve`.
    config
        ``adapt`` and ``correct`` are used.

    Returns
    -------
    pairs, correction
        As of :func:`~dedupe.scoring.recalibration.correct`.
    """
    adapt = is_adapted(config, len(records))
    if not config.correct and not adapt:
        return pairs, None
    decided = decided_rows(decisions, records)
    return correct(pairs, records.texts, decided, adapt=adapt, learn=config.correct)


def is_adapted(config: Config, records: int) -> bool:
    """Tell whether probabilities are adapted to a file of so many records."""
    if config.adapt is not None:
        return config.adapt
    return config.correct and records <= ADAPTED_UP_TO


def resolve(
    records: Records,
    pairs: pl.DataFrame,
    decisions: pl.DataFrame,
    config: Config,
    choices: pl.DataFrame | None = None,
    taken: pl.Series | None = None,
) -> Resolved:
    """Cluster records by their scored pairs and the decisions about them.

    Parameters
    ----------
    records
        n records.
    pairs
        Scored pairs of the records' row numbers.
    decisions
        ``left_id``, ``right_id`` (record keys) and ``decision``, the newest last. Those on records
        that are not there are passed over.
    config
        ``threshold``, ``link`` and ``within`` are used.
    choices
        Of schema :data:`~dedupe.resolution.decisions.CHOICES`, the newest last: which record
        stands for its
        cluster, or gives its merged row a value.
    taken
        Ids that clusters of other records have.
    """
    decided = decided_rows(decisions, records)
    clustering, pairs, across = cluster_records(records, pairs, decided, config)
    n, labels = len(records), clustering.labels
    if across is not None:
        across = across.filter(
            (pl.col("probability") >= config.threshold)
            & pl.Series(labels[across["left"].to_numpy()] == labels[across["right"].to_numpy()])
        )
    chosen = chosen_rows(choices, records)
    kept = representatives(records.frame, labels, standing(choices, records))
    must = _rows_said(decided, Decision.MATCH)
    return Resolved(
        clustering=clustering,
        confidence=link_confidence(n, pairs, labels),
        kept=kept,
        joined_by=joining_probability(n, pairs, labels, kept=kept, must_link=must),
        cluster_id=cluster_ids(records.keys, labels, records.named, taken),
        decided=decided,
        chosen=chosen.with_columns(pl.Series("label", labels[chosen["row"].to_numpy()]))
        .filter(pl.col("column").is_in(records.frame.columns))
        .unique(["label", "column"], keep="last", maintain_order=True)
        .drop("label"),
        links=across,
    )


def cluster_records(
    records: Records, pairs: pl.DataFrame, decided: pl.DataFrame, config: Config
) -> tuple[Clustering, pl.DataFrame, pl.DataFrame | None]:
    """Cluster records, as one table or as tables to be linked.

    Parameters
    ----------
    records, pairs, config
        As for :func:`resolve`.
    decided
        Decisions as :func:`decided_rows` gives them.

    Returns
    -------
    clustering
        The clusters.
    pairs
        The pairs that they were made from: between tables only, where that is what counts.
    across
        The links between tables, where tables are linked.
    """
    across: pl.DataFrame | None = None
    missing_weight = MISSING_WEIGHT
    if config.link:
        least = 0.0 if config.link == "many" else config.threshold
        across = CHOICES[config.link](
            row_links(pairs, records.source, decided, least), records.source
        )
        if not config.within:
            # Rows one by one: those of one table are never joined but through another.
            pairs = across.with_columns(pl.lit("cross-encoder").cast(DECIDERS).alias("decided_by"))
        if config.link != "many":
            missing_weight = 0.0
    clustering = cluster(
        len(records),
        pairs,
        threshold=config.threshold,
        must_link=_rows_said(decided, Decision.MATCH),
        cannot_link=_rows_said(decided, Decision.DIFFERENT),
        missing_weight=missing_weight,
    )
    return clustering, pairs, across


def _rows_said(decided: pl.DataFrame, decision: Decision) -> NDArray[np.uint32]:
    said = decided.filter(pl.col("decision") == decision).select("left", "right")
    return said.to_numpy().astype(np.uint32).reshape(-1, 2)
