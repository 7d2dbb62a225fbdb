"""A workspace as a review needs it, read and clustered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.review.live_clusters import LiveClusters
from dedupe.review.order import Scores
from dedupe.scoring.boosted_trees import BoostedTrees
from dedupe.scoring.pairs import identical_groups
from dedupe.scoring.score import distilled_scores
from dedupe.workspace.folder import Workspace
from dedupe.workspace.state import Clustered, clustered, load_distilled


@dataclass(frozen=True, eq=False)
class Loaded:
    """A workspace as a review needs it; corrected and clustered by the decisions in it.

    Parameters
    ----------
    state
        What it holds.
    clusters
        Its clusters.
    scores, similarity, decided_by
        Of the m scored pairs.
    group
        (n,) uint32: the smallest row of identical text.
    """

    state: Clustered
    clusters: LiveClusters
    scores: Scores
    similarity: NDArray[np.float32]
    decided_by: pl.Series
    group: NDArray[np.uint32]

    @classmethod
    def of(cls, workspace: Workspace) -> Loaded:
        """Read a workspace; this takes seconds where it holds a million records.

        Raises
        ------
        WorkspaceError
            If the workspace is incomplete or damaged.
        """
        state = clustered(workspace)
        differ = (state.pairs["decided_by"] != "identical").to_numpy()
        scored = state.pairs.filter(pl.Series(differ))
        scores = Scores(
            scored["left"].to_numpy().astype(np.int64),
            scored["right"].to_numpy().astype(np.int64),
            scored["probability"].to_numpy(),
            disputed(workspace, scored, state.records.texts),
            state.config.threshold,
            state.config.review_from,
        )
        return cls(
            state,
            LiveClusters(state),
            scores,
            scored["similarity"].to_numpy(),
            scored["decided_by"].cast(pl.String),
            identical_groups(len(state.records), state.pairs),
        )


def disputed(workspace: Workspace, scored: pl.DataFrame, texts: pl.Series) -> NDArray[np.float32]:
    """Return how far the distilled would have been from the cross-encoder on the pairs it judged.

    Parameters
    ----------
    workspace
        Where the distilled is kept.
    scored
        m scored pairs.
    texts
        (n,) record texts.

    Returns
    -------
    ndarray
        (m,) float32 from 0 to 1; 0 for the other pairs, and where there was no distilled.
    """
    apart = np.zeros(scored.height, dtype=np.float32)
    facts, arrays = load_distilled(workspace)
    judged = (scored["decided_by"] == "cross-encoder").to_numpy()
    if arrays is not None and judged.any():
        pairs = scored.filter(pl.Series(judged))
        said = distilled_scores(BoostedTrees(**arrays), facts["layout"], pairs, texts)
        apart[judged] = np.abs(said - pairs["probability"].to_numpy())
    return apart
