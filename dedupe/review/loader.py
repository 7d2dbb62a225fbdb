"""Read and cluster a workspace for a review."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from dedupe.resolution.decisions import Decision
from dedupe.review.live_clusters import LiveClusters
from dedupe.review.pairs import ReviewPairs, Scores
from dedupe.scoring.pairs import identical_groups
from dedupe.workspace.folder import Workspace
from dedupe.workspace.state import Clustered, open_state


@dataclass(frozen=True, eq=False)
class LoadedWorkspace:
    """A workspace, recalibrated and clustered by the decisions in it.

    Parameters
    ----------
    clustered
        Its state and clusters.
    clusters
        The clusters, ready to follow decisions.
    pairs
        Its scored pairs.
    recalibrated_on
        Number of decisions, other than unsure, that the scores were recalibrated on.
    """

    clustered: Clustered
    clusters: LiveClusters
    pairs: ReviewPairs
    recalibrated_on: int


def load_workspace(workspace: Workspace) -> LoadedWorkspace:
    """Read a workspace; this takes seconds with a million records.

    Raises
    ------
    WorkspaceError
        If the workspace is incomplete or damaged.
    """
    clustered = open_state(workspace).cluster()
    records, config, decisions = clustered.records, clustered.config, clustered.state.decisions
    compared = clustered.pairs.filter(pl.col("decided_by") != "identical")
    scores = Scores(
        left=compared["left"].to_numpy().astype(np.int64),
        right=compared["right"].to_numpy().astype(np.int64),
        probability=compared["probability"].to_numpy(),
        threshold=config.threshold,
        review_from=config.review_from,
    )
    pairs = ReviewPairs(
        records,
        config,
        scores,
        similarity=compared["similarity"].to_numpy(),
        decided_by=compared["decided_by"].cast(pl.String),
        group=identical_groups(len(records), clustered.pairs),
    )
    decisive = decisions.filter(pl.col("decision") != Decision.UNSURE.value).height
    return LoadedWorkspace(clustered, LiveClusters(clustered), pairs, decisive)
