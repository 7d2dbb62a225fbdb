"""Why two records of a workspace do or do not match: the explanation of their probability."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from dedupe.errors import OptionError
from dedupe.records.records import Records
from dedupe.resolution.decisions import decisions_by_row
from dedupe.resolution.rules import Rules
from dedupe.scoring.explanation.pair import Explanation, explain_pair
from dedupe.workspace.folder import Workspace, open_workspace
from dedupe.workspace.state import State, open_state
from dedupe.workspace.stored import INDEX_LOST, search_facts, warn_of_loss


def explain(workspace: str | Path, left_id: str, right_id: str) -> Explanation:
    """Explain the probability of two records of a workspace. No cross-encoder is loaded.

    Parameters
    ----------
    workspace
        Folder of the workspace.
    left_id, right_id
        Ids of the records, as in ``pairs.csv``. They need not be a candidate pair.

    Returns
    -------
    Explanation
        A start value and steps, in log odds, that add up to the probability; with words.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    OptionError
        If a record does not exist, or both are the same one.

    Examples
    --------
    >>> found = dedupe.explain("contacts.dedupe", "9", "74")
    >>> round(found.probability, 2), sorted(step.label for step in found.steps)[:3]
    (1.0, ['born', 'city + country', 'columns overall'])
    """
    opened = open_workspace(workspace)
    state = open_state(opened)
    return explain_rows(state, state.recalibrated()[0], *rows_of(state, left_id, right_id), opened)


def rows_of(state: State, left_id: str, right_id: str) -> tuple[int, int]:
    """Find two records by their ids.

    Raises
    ------
    OptionError
        If one does not exist, or both are the same one.
    """
    rows = [_row_of(state.records, wanted) for wanted in (left_id, right_id)]
    if rows[0] == rows[1]:
        raise OptionError(f"{left_id!r} is one record: name two different ones")
    return rows[0], rows[1]


def explain_rows(
    state: State, shown: pl.DataFrame, a: int, b: int, workspace: Workspace | None
) -> Explanation:
    """Explain the probability of two rows.

    Parameters
    ----------
    state
        The state that the rows belong to.
    shown
        Its pairs, recalibrated and under the rules.
    a, b
        Row numbers.
    workspace
        Where the index of the texts is stored; ``None``: it is built again if it is needed.
    """

    def similarity(left: int, right: int) -> float:
        return _similarity(state, left, right, workspace)

    found = explain_pair(state.records, state.comparison, state.pairs, shown, a, b, similarity)
    decided = decisions_by_row(state.decisions, state.records)
    if (rules := Rules.of(state.records, state.config)) is not None:
        found = replace(found, rule="; ".join(rules.reasons(a, b)))
    on_pair = decided.filter((pl.col("left") == min(a, b)) & (pl.col("right") == max(a, b)))
    return replace(found, decision=on_pair["decision"][-1]) if on_pair.height else found


def _row_of(records: Records, wanted: str) -> int:
    row = records.ids.index_of(str(wanted))
    if row is None:
        named = f"values of {records.id_column!r}" if records.id_column else "row numbers from 0"
        raise OptionError(f"there is no record {wanted!r}: ids are {named}, as in pairs.csv")
    return int(row)


def _similarity(state: State, left: int, right: int, workspace: Workspace | None) -> float:
    """Compute the cosine of the embeddings of two rows."""
    from dedupe.blocking.embedding.bi_encoder import embed  # slow to import, and seldom needed
    from dedupe.blocking.index import Index

    index = None
    if workspace is not None and workspace.facts_file.exists():
        stored = search_facts(workspace).get("stored") or {}
        index = Index.load(workspace.cache, stored, state.config)
        if index is None:
            warn_of_loss(workspace, INDEX_LOST)
    texts = state.records.texts
    if index is None:
        distinct = texts.filter(texts != "").unique(maintain_order=True)
        index = Index.build(distinct.to_list(), state.config)
    vectors = embed(index.encoder, [texts[left], texts[right]])
    return float(np.clip(vectors[0] @ vectors[1], -1, 1))
