"""Precision and recall of a workspace: measured with a gold standard, or estimated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from dedupe.errors import OptionError
from dedupe.evaluation.estimate import UNKNOWN, Estimate, draws_left
from dedupe.evaluation.estimate import estimate as estimate_quality
from dedupe.evaluation.gold import Evaluation, evaluate, read_gold
from dedupe.evaluation.threshold import Review, reviewed
from dedupe.io.sources import STACKED
from dedupe.io.tables import read_table
from dedupe.resolution.resolve import corrected, resolve
from dedupe.workspace.folder import Workspace, open_workspace
from dedupe.workspace.keys import stage_key
from dedupe.workspace.labels import with_tables
from dedupe.workspace.state import decisions_of, kept_config, lost_by_search, reopened


def evaluate_workspace(
    workspace: str | Path, gold: str | Path | pl.DataFrame, *, across: str | None = None
) -> Evaluation:
    """Measure the clusters and candidates of a workspace against a gold standard.

    Parameters
    ----------
    workspace
        Its folder.
    gold
        Table with columns ``id, cluster_id`` or ``id_a, id_b``.
    across
        Column of the input: only pairs whose values in it differ are counted.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    InputError
        If the gold standard cannot be used.
    OptionError
        If there is no column `across`.
    """
    opened = open_workspace(workspace)
    table, pairs = reopened(opened)
    config = kept_config(opened)
    frame = table.records.frame
    if across is None and config.link and not config.within:
        across = STACKED
    if across is not None and across not in frame.columns:
        raise OptionError(
            f"across: there is no column {across!r}; the columns are {', '.join(frame.columns)}"
        )
    truth = gold if isinstance(gold, pl.DataFrame) else read_table(gold).frame
    decisions = decisions_of(opened)
    pairs, _ = corrected(table.records, pairs, decisions, config)
    resolved = resolve(table.records, pairs, decisions, config)
    return evaluate(
        resolved.clustering.labels,
        pairs,
        read_gold(with_tables(truth, table), table.records.ids.to_list()),
        None if across is None else frame[across].cast(pl.String).fill_null("").to_numpy(),
    )


def estimate_workspace(workspace: str | Path) -> Estimate:
    """Estimate precision and recall of a workspace's clusters from the decisions about its pairs.

    Pairs of identical text are outside the estimate. Recall is given among the candidates, and of
    all matches, with what the search lost by its own estimate.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    """
    review = _review(open_workspace(workspace))
    return estimate_quality(review.at(review.config.threshold), seed=review.config.seed)


def draw_audit(workspace: str | Path, count: int) -> Audit:
    """Draw the next pairs to review for an estimate.

    The order of all pairs is drawn once and for all: see :mod:`dedupe.evaluation.estimate`. A
    decision on
    one of these pairs counts whoever makes it, and whether the pair was drawn or came up otherwise.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    """
    opened = open_workspace(workspace)
    review = _review(opened)
    scored = review.pairs.filter(pl.col("decided_by") != "identical")
    order = np.argsort(review.turn, kind="stable")
    waiting = order[review.decision[order] == UNKNOWN][:count]
    left, right = (
        review.records.keys.gather(scored[side].gather(waiting)).to_list()
        for side in ("left", "right")
    )
    found = estimate_quality(review.at(review.config.threshold), seed=review.config.seed)
    key = stage_key("audit", opened.facts()["keys"]["scored"], review.config.seed)
    return Audit(list(zip(left, right, strict=True)), key, found)


@dataclass(frozen=True, eq=False)
class Audit:
    """Pairs drawn for an audit.

    Parameters
    ----------
    pairs
        Keys of the two records of each pair, in the order of review.
    key
        Passed as ``drawn`` to :meth:`~dedupe.workspace.decision_log.Decisions.record` with each
        of them, so that the log says why they were reviewed.
    estimate
        What is known before they are reviewed.
    """

    pairs: list[tuple[str, str]]
    key: str
    estimate: Estimate

    def draws_left(self, width: float) -> int:
        """Return about how many pairs to review until no interval is wider; 0: it is reached."""
        return draws_left(self.estimate, width)


def _review(workspace: Workspace) -> Review:
    table, pairs = reopened(workspace)
    return reviewed(
        table.records,
        pairs,
        decisions_of(workspace),
        kept_config(workspace),
        lost_by_search(workspace),
    )
