"""Precision and recall of a workspace: measured with a gold standard, or estimated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from dedupe.errors import OptionError, did_you_mean
from dedupe.evaluation.audit_sample import UNKNOWN
from dedupe.evaluation.estimate import Estimate, estimate
from dedupe.evaluation.gold import Evaluation, evaluate, read_gold
from dedupe.evaluation.threshold import CrossFit, cross_fit
from dedupe.io.sources import SOURCE_COLUMN
from dedupe.io.tables import read_table
from dedupe.workspace.folder import Workspace, open_workspace
from dedupe.workspace.keys import stage_key
from dedupe.workspace.labels import with_table_numbers
from dedupe.workspace.state import Clustered, State, open_state
from dedupe.workspace.stored import stored_config


def evaluate_workspace(
    workspace: str | Path,
    gold: str | Path | pl.DataFrame,
    *,
    across: str | None = None,
    threshold: float | None = None,
) -> Evaluation:
    """Measure the clusters and candidates of a workspace against a gold standard.

    Parameters
    ----------
    workspace
        Folder of the workspace.
    gold
        Table with columns ``id, cluster_id`` or ``id_a, id_b``.
    across
        Column of the input: only pairs whose values in it differ are counted.
    threshold
        Measure the clusters at this threshold. ``None``: that of the workspace, at which its files
        were written.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    InputError
        If the gold standard cannot be used.
    OptionError
        If there is no column `across`, or the threshold is none.

    Examples
    --------
    >>> gold = pl.DataFrame({"id_a": ["9", "9"], "id_b": ["74", "60"]})
    >>> dedupe.evaluate_workspace("contacts.dedupe", gold).as_dict()["pair_recall"]
    1.0
    """
    clustered = _state_at(open_workspace(workspace), threshold).cluster()
    return evaluate_clusters(clustered, gold, across=across)


def evaluate_clusters(
    clustered: Clustered, gold: str | Path | pl.DataFrame, *, across: str | None = None
) -> Evaluation:
    """Measure clusters and candidates against a gold standard; see :func:`evaluate_workspace`."""
    state = clustered.state
    config, frame = state.config, state.records.frame
    if across is None and config.link and not config.within_tables:
        across = SOURCE_COLUMN
    if across is not None and across not in frame.columns:
        raise OptionError(
            f"across: there is no column {across!r}; the columns are {', '.join(frame.columns)}"
            f"{did_you_mean(across, frame.columns)}"
        )
    truth = gold if isinstance(gold, pl.DataFrame) else read_table(gold).frame
    return evaluate(
        clustered.resolved.labels,
        clustered.pairs,
        read_gold(with_table_numbers(truth, state.table), state.records.ids.to_list()),
        None if across is None else frame[across].cast(pl.String).fill_null("").to_numpy(),
    )


def estimate_workspace(workspace: str | Path, *, threshold: float | None = None) -> Estimate:
    """Estimate precision and recall of a workspace's clusters from the decisions about its pairs.

    The estimate does not cover pairs of identical text. Recall is given among the candidates, and
    of all matches, including those that the search did not find, by its own estimate.

    Parameters
    ----------
    workspace
        Folder of the workspace.
    threshold
        As for :func:`evaluate_workspace`.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    """
    return estimate_state(_state_at(open_workspace(workspace), threshold))


def estimate_state(state: State) -> Estimate:
    """Estimate precision and recall of a state's clusters; see :func:`estimate_workspace`."""
    return _estimate(cross_fit(state))


def written_threshold(workspace: str | Path) -> float:
    """Return the threshold at which the files of a workspace were written.

    Raises
    ------
    WorkspaceError
        If there is no workspace.
    """
    return stored_config(open_workspace(workspace)).threshold


@dataclass(frozen=True, eq=False)
class Audit:
    """Pairs drawn for an audit.

    Parameters
    ----------
    pairs
        Keys of the two records of each pair, in the order of review.
    key
        Passed as ``drawn`` to :meth:`~dedupe.workspace.log.decision_log.DecisionLog.record` with
        each pair, so that the log shows why it was reviewed.
    estimate
        The estimate before these pairs are reviewed.
    """

    pairs: list[tuple[str, str]]
    key: str
    estimate: Estimate


def draw_audit(workspace: str | Path, count: int) -> Audit:
    """Draw the next pairs to review for an estimate.

    The order of all pairs is drawn once: see :mod:`~dedupe.evaluation.audit_sample`. A decision
    about one of these pairs counts whoever makes it, and whether or not the pair was drawn.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    """
    opened = open_workspace(workspace)
    fitted = cross_fit(open_state(opened))
    scored = fitted.pairs.filter(pl.col("decided_by") != "identical")
    order = np.argsort(fitted.turn, kind="stable")
    undecided = order[fitted.decision[order] == UNKNOWN][:count]
    left, right = (
        fitted.records.keys.gather(scored[side].gather(undecided)).to_list()
        for side in ("left", "right")
    )
    key = stage_key("audit", opened.facts()["keys"]["scored"], fitted.config.seed)
    return Audit(list(zip(left, right, strict=True)), key, _estimate(fitted))


def _state_at(workspace: Workspace, threshold: float | None) -> State:
    """Open the state of a workspace, at another threshold if one is given."""
    state = open_state(workspace)
    return replace(state, config=state.config.with_options(threshold=threshold))


def _estimate(fitted: CrossFit) -> Estimate:
    return estimate(fitted.at(fitted.config.threshold), seed=fitted.config.seed)
