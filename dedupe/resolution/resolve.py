"""Entity resolution: from scored pairs and decisions to clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.config import Config
from dedupe.records.records import Records
from dedupe.resolution.clustering.cluster_ids import LENGTH, cluster_ids
from dedupe.resolution.clustering.constrained import MISSING_WEIGHT, Clustering, cluster
from dedupe.resolution.confidence import joining_probability, link_confidence
from dedupe.resolution.decisions import (
    Decision,
    chosen_representatives,
    decisions_by_row,
    value_choices_by_row,
)
from dedupe.resolution.link_modes import LINK_MODES, row_links
from dedupe.resolution.ruled_pairs import ruled_pairs
from dedupe.resolution.rules import Rules
from dedupe.resolution.survivorship.merge import representatives
from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.pairs import DECIDERS
from dedupe.scoring.recalibration import Recalibration, recalibrate

CLUSTER_ROWS = pl.Schema(
    {
        "label": pl.UInt32(),
        "confidence": pl.Float32(),
        "representative": pl.UInt32(),
        "joined_by": pl.Float32(),
        "cluster_id": pl.String(),
    }
)
"""Schema of :attr:`Resolved.rows`."""


@dataclass(frozen=True, eq=False)
class Resolved:
    """The clusters of n records, with the decisions and choices behind them.

    Parameters
    ----------
    rows
        Schema :data:`CLUSTER_ROWS`, one row per record:

        - ``label``: smallest row number of the record's cluster;
        - ``confidence``: how certain the record's place in its cluster is, see
          :func:`~dedupe.resolution.confidence.link_confidence`;
        - ``representative``: row number of the representative of the record's cluster;
        - ``joined_by``: probability of the weakest link on the strongest path to the
          representative, see :func:`~dedupe.resolution.confidence.joining_probability`;
        - ``cluster_id``: stable id of the cluster, see
          :func:`~dedupe.resolution.clustering.cluster_ids.cluster_ids`.
    contradictions
        Decisions that contradict each other, of schema
        :data:`~dedupe.resolution.clustering.constrained.CONTRADICTIONS`.
    decisions
        The decisions in force, as row numbers: ``left``, ``right``, ``decision``.
    value_choices
        Schema :data:`~dedupe.resolution.decisions.VALUE_CHOICES`: the rows that reviewers chose to
        give a column of the merged row its value, at most one per cluster and column.
    links
        When tables are linked, the links that the link mode selected, of schema
        :data:`~dedupe.resolution.link_modes.LINKS`.
    """

    rows: pl.DataFrame
    contradictions: pl.DataFrame
    decisions: pl.DataFrame
    value_choices: pl.DataFrame
    links: pl.DataFrame | None = None

    @property
    def labels(self) -> NDArray[np.uint32]:
        """(n,) uint32: the smallest row number of each record's cluster."""
        return self.rows["label"].to_numpy()


def recalibrated_pairs(
    records: Records,
    pairs: pl.DataFrame,
    decisions: pl.DataFrame,
    config: Config,
    comparison: Comparison,
) -> tuple[pl.DataFrame, Recalibration | None]:
    """Recalibrate the probabilities of pairs from decisions, and apply the rules.

    Parameters
    ----------
    records
        n records.
    pairs
        Scored pairs of the records' row numbers.
    decisions
        As for :func:`resolve`.
    config
        ``recalibrate`` and the rules are used; see
        :func:`~dedupe.resolution.ruled_pairs.ruled_pairs`.
    comparison
        Comparison of the scored pairs.

    Returns
    -------
    pairs, recalibration
        As :func:`~dedupe.scoring.recalibration.recalibrate` returns them.
    """
    recalibration = None
    if config.recalibrate:
        decided = decisions_by_row(decisions, records)
        pairs, recalibration = recalibrate(pairs, comparison, decided)
    return ruled_pairs(records, pairs, config), recalibration


def resolve(
    records: Records,
    pairs: pl.DataFrame,
    decisions: pl.DataFrame,
    config: Config,
    choices: pl.DataFrame | None = None,
    taken: pl.Series | None = None,
    id_length: int = LENGTH,
) -> Resolved:
    """Cluster records by their scored pairs and the decisions about them.

    Parameters
    ----------
    records
        n records.
    pairs
        Scored pairs of the records' row numbers.
    decisions
        ``left_id``, ``right_id`` (record keys) and ``decision``, the newest last. Decisions about
        records that do not exist are ignored.
    config
        ``threshold``, ``link``, ``within_tables`` and the rules are used.
    choices
        Schema :data:`~dedupe.resolution.decisions.CHOICES`, the newest last: representatives and
        values of merged rows that reviewers chose.
    taken
        Cluster ids that are in use by clusters of other records.
    id_length
        As for :func:`~dedupe.resolution.clustering.cluster_ids.cluster_ids`.
    """
    decided = decisions_by_row(decisions, records)
    clustering, pairs, links = cluster_records(records, pairs, decided, config)
    n, labels = len(records), clustering.labels
    if links is not None:
        together = labels[links["left"].to_numpy()] == labels[links["right"].to_numpy()]
        links = links.filter((pl.col("probability") >= config.threshold) & pl.Series(together))
    representative = representatives(
        records.frame, labels, chosen_representatives(choices, records)
    )
    must_link = _pairs_decided(decided, Decision.MATCH)
    rows = pl.DataFrame(
        {
            "label": labels,
            "confidence": link_confidence(n, pairs, labels),
            "representative": representative,
            "joined_by": joining_probability(
                n, pairs, labels, representative=representative, must_link=must_link
            ),
            "cluster_id": cluster_ids(
                records.keys, labels, records.previous_cluster_ids, taken, id_length
            ),
        },
        schema=CLUSTER_ROWS,
    )
    return Resolved(
        rows=rows,
        contradictions=clustering.contradictions,
        decisions=decided,
        value_choices=_newest_per_cluster(value_choices_by_row(choices, records), labels),
        links=links,
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
        Decisions as :func:`~dedupe.resolution.decisions.decisions_by_row` returns them.

    Returns
    -------
    clustering
        The clusters.
    pairs
        The pairs that the clusters were made from; when tables are linked and pairs within a table
        do not count, only the links between tables.
    links
        The links between tables, when tables are linked; otherwise ``None``.
    """
    links: pl.DataFrame | None = None
    missing_weight = MISSING_WEIGHT
    rules = Rules.of(records, config)
    exact = None if rules is None else rules.exact_pairs()
    if config.link:
        lowest = 0.0 if config.link == "many-to-many" else config.threshold
        select_links = LINK_MODES[config.link]
        links = row_links(pairs, records.source, decided, lowest, rules)
        links = select_links(links, records.source)
        if rules is not None and not config.within_tables:
            ends = links.select("left", "right").to_numpy().astype(np.uint32).reshape(-1, 2)
            exact = ends[rules.join(ends[:, 0], ends[:, 1])]
        if not config.within_tables:
            # No pair is `identical` here: two rows of one table join only through another table.
            pairs = links.with_columns(pl.lit("cross-encoder").cast(DECIDERS).alias("decided_by"))
        if config.link != "many-to-many":
            missing_weight = 0.0
    clustering = cluster(
        len(records),
        pairs,
        threshold=config.threshold,
        must_link=_pairs_decided(decided, Decision.MATCH),
        cannot_link=_pairs_decided(decided, Decision.DIFFERENT),
        missing_weight=missing_weight,
        rules=rules,
        exact=exact,
    )
    return clustering, pairs, links


def _pairs_decided(decided: pl.DataFrame, decision: Decision) -> NDArray[np.uint32]:
    """Select the pairs with one decision as an (m, 2) array of row numbers."""
    pairs = decided.filter(pl.col("decision") == decision).select("left", "right")
    return pairs.to_numpy().astype(np.uint32).reshape(-1, 2)


def _newest_per_cluster(value_choices: pl.DataFrame, labels: NDArray[np.uint32]) -> pl.DataFrame:
    """Keep the newest choice of each cluster and column."""
    return (
        value_choices.with_columns(pl.Series("label", labels[value_choices["row"].to_numpy()]))
        .unique(["label", "column"], keep="last", maintain_order=True)
        .drop("label")
    )
