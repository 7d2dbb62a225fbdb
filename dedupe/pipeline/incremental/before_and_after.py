"""A workspace before and after an addition, as far as search and scoring go."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.index import Index, assign_slots
from dedupe.config import Config
from dedupe.io.sources import Input
from dedupe.pipeline.incremental.cluster_changes import earlier_ids
from dedupe.pipeline.incremental.delta import Delta
from dedupe.pipeline.incremental.rescore import identical_by_slot, score_delta, search_delta
from dedupe.pipeline.pairs import find_candidates, score_candidates
from dedupe.pipeline.stages import Stages
from dedupe.records.records import Records
from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.comparison.statistics import FileStatistics
from dedupe.scoring.comparison.values.roles import given_roles
from dedupe.scoring.pairs import identical_pairs
from dedupe.workspace.folder import Workspace
from dedupe.workspace.keys import clusters_key, stage_key, stage_keys
from dedupe.workspace.stage_cache import CANDIDATES, CLUSTERS
from dedupe.workspace.state import State, all_pairs, unfinished
from dedupe.workspace.stored import (
    RecordTable,
    current_choices,
    current_decisions,
    index_slots,
    load_clusters,
    load_scored,
    load_statistics,
    load_table,
)

OUTGROWN = 2.0
"""Growth of the number of texts from which all pairs are searched and scored again."""
_LOST = "{} were missing or damaged: they were computed again"
_AGAIN = "all pairs were searched and scored again"


@dataclass(frozen=True, eq=False)
class Before:
    """A workspace of n records before the addition.

    Parameters
    ----------
    facts
        Content of its facts file.
    table
        The records.
    search, scoring
        Facts of the search and of the scoring.
    statistics
        Statistics of the file that the scoring used.
    scored
        The scored pairs, with the column ``seen``.
    decisions, choices
        What reviewers decided and chose.
    clusters
        The clusters that the output files show; ``None`` if they are not cached.
    cluster_ids
        (n,) id of each record's cluster, as last written.
    notes
        Lines that the user should read.
    """

    facts: Mapping[str, Any]
    table: RecordTable
    search: Mapping[str, Any]
    scored: pl.DataFrame
    scoring: dict[str, Any]
    statistics: FileStatistics | None
    decisions: pl.DataFrame
    choices: pl.DataFrame
    clusters: pl.DataFrame | None
    cluster_ids: pl.Series
    notes: tuple[str, ...] = ()


def open_before(workspace: Workspace, config: Config) -> Before:
    """Open a workspace for an addition.

    Raises
    ------
    WorkspaceError
        If it is unfinished or damaged.
    """
    facts = workspace.facts()
    keys = facts.get("keys", {})
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(load_scored, workspace, keys.get("scored", ""))
        table = load_table(workspace, keys.get("table", ""))
        scored = loading.result()
    search = workspace.cache.facts(CANDIDATES, keys.get("candidates", ""))
    if table is None or not search or scored is None:
        raise unfinished(workspace)
    statistics = load_statistics(workspace, scored[1])
    decisions, choices = current_decisions(workspace), current_choices(workspace)
    key = clusters_key(keys["scored"], decisions, choices, config)
    clusters = load_clusters(workspace, keys["table"], key)
    # Cluster ids go on even if decisions or options changed since the clusters were cached.
    cached = clusters if clusters is not None else _any_clusters(workspace, keys["table"])
    notes = []
    if cached is None or cached.height != len(table.records):
        pairs = all_pairs(table.records, scored[0])
        given = given_roles(table.records.compared_columns, config.kind)
        comparison = Comparison.of(table.records.texts, scored[0], statistics, given)
        state = State(table, pairs, decisions, choices, config, comparison)
        cached = state.cluster().resolved.rows
        notes.append(_LOST.format("the clusters as last written"))
    return Before(
        facts=facts,
        table=table,
        search=search,
        scored=scored[0],
        scoring=scored[1],
        statistics=statistics,
        decisions=decisions,
        choices=choices,
        clusters=clusters,
        cluster_ids=cached["cluster_id"],
        notes=tuple(notes),
    )


def _any_clusters(workspace: Workspace, key: str) -> pl.DataFrame | None:
    found = workspace.cache.load(CLUSTERS, key)
    return None if found is None else found[0]


@dataclass(frozen=True, eq=False)
class After:
    """The n records of a workspace after the addition, before they are clustered.

    Parameters
    ----------
    table
        The records.
    keys, fingerprint
        Keys of what is cached of them, and fingerprint of their input.
    slot
        (n,) u32: place of each record's text in the index.
    search, scoring
        Facts of the search and of the scoring.
    statistics
        Statistics of the file that the scoring used.
    scored
        The scored pairs, with the column ``seen``.
    affected
        (n,) bool: records that are new or changed, or whose pairs were removed or scored again.
    compared
        (n,) bool: records in new pairs.
    renewed
        Whether earlier pairs moved or changed.
    pairs_scored
        Number of new pairs.
    notes
        Lines that the user should read.
    """

    table: RecordTable
    keys: Mapping[str, str]
    fingerprint: str
    slot: NDArray[np.uint32]
    search: Mapping[str, Any]
    scored: pl.DataFrame
    scoring: Mapping[str, Any]
    statistics: FileStatistics | None
    affected: NDArray[np.bool_]
    compared: NDArray[np.bool_]
    renewed: bool
    pairs_scored: int
    notes: tuple[str, ...]


def extend(
    stages: Stages,
    before: Before,
    delta: Delta,
    addition: tuple[str, bool, str | None],
    config: Config,
) -> After:
    """Search and score what is new, if anything is."""
    records = replace(
        delta.records, previous_cluster_ids=earlier_ids(before.cluster_ids, delta.previous)
    )
    table = replace(before.table, records=records)
    slot, stored = index_slots(before.table, before.search)
    fingerprint = before.facts["input"]["fingerprint"]
    nothing = np.zeros(len(records), dtype=bool)
    if not delta.changes_anything:
        return After(
            table=table,
            keys=before.facts["keys"],
            fingerprint=fingerprint,
            slot=slot,
            search=before.search,
            scored=before.scored,
            scoring=before.scoring,
            statistics=before.statistics,
            affected=nothing,
            compared=nothing,
            renewed=False,
            pairs_scored=0,
            notes=(*delta.notes, *before.notes),
        )
    digest = stage_key(fingerprint, *addition, len(records))
    fingerprint = hashlib.sha256(digest.encode()).hexdigest()
    keys = stage_keys(Input((), fingerprint), config)
    index = Index.load(stages.workspace.cache, stored, config)
    if (why := _why_all_again(records, index, before)) is not None:
        notes = *delta.notes, *before.notes, f"{why}: {_AGAIN}"
        return _all_again(stages, table, keys, fingerprint, config, notes)
    assert index is not None and before.statistics is not None
    facts = {**before.search, "stored": stored}
    found, search = search_delta(
        stages, index, delta, before.table, slot, facts, before.scored, config
    )
    scored, scoring, rescored = score_delta(
        stages, records, found, before.statistics, before.scoring, config
    )
    affected, compared = found.affected.copy(), nothing
    affected[rescored] = True
    compared[np.unique(found.pairs.select("left", "right").to_numpy())] = True
    # Records of one text that are not one thing have pairs with the first of them, which alone has
    # pairs with others.
    first, other = (identical_by_slot(found.slot)[side].to_numpy() for side in ("left", "right"))
    compared[first[found.affected[other]]] = True
    affected[other[found.affected[first]]] = True
    extended = bool(search["stored"].get("grown"))
    return After(
        table=replace(table, slot=found.slot if extended else None, extended=extended),
        keys=keys,
        fingerprint=fingerprint,
        slot=found.slot,
        search=search,
        scored=scored,
        scoring=scoring,
        statistics=before.statistics,
        affected=affected,
        compared=compared,
        renewed=found.renumbered or len(rescored) > 0,
        pairs_scored=found.pairs.height,
        notes=(*delta.notes, *before.notes),
    )


def _why_all_again(records: Records, index: Index | None, before: Before) -> str | None:
    """Say why the pairs of the new records alone cannot be searched and scored, if so."""
    if index is None:
        return "the search index was missing or damaged"
    if before.statistics is None:
        return "the statistics of values were missing or damaged"
    if records.texts.n_unique() >= OUTGROWN * index.facts["fitted_on"]:
        return "there are twice as many different records as when all pairs were searched"
    return None


def _all_again(
    stages: Stages,
    table: RecordTable,
    keys: Mapping[str, str],
    fingerprint: str,
    config: Config,
    notes: tuple[str, ...],
) -> After:
    """Search and score all pairs, as a run does."""
    records = table.records
    firsts, identical = identical_pairs(records.texts)
    slot = assign_slots(records.texts, firsts, identical)
    candidates = find_candidates(
        stages, keys["candidates"], records, firsts, slot, config, forget=False
    )
    scored, _ = score_candidates(stages, keys["scored"], records, identical, candidates, config)
    everything = np.ones(len(records), dtype=bool)
    return After(
        table=replace(table, slot=None, extended=False),
        keys=keys,
        fingerprint=fingerprint,
        slot=slot,
        search=stages.facts["search"],
        scored=scored,
        scoring=stages.facts["score"],
        statistics=load_statistics(stages.workspace, stages.facts["score"]),
        affected=everything,
        compared=everything,
        renewed=True,
        pairs_scored=scored.height,
        notes=notes,
    )
