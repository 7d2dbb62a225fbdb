"""Incremental linkage: new, changed and removed records, brought into the clusters of a workspace.

::

    new rows ──match columns──▶ delta ──embed──▶ stored index ──search──▶ pairs of affected records
        ──score──▶ all pairs ──(+ decisions)──cluster──▶ cluster ids stay ──▶ output tables

Only what is new is read, embedded, searched and scored. Vectors use the weights that the workspace
stores, and clear pairs are scored by its distilled model. Results are cached under new keys; the
workspace changes at the moment when its facts file is replaced.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.config import Config
from dedupe.errors import OptionError
from dedupe.io.patches import Patch
from dedupe.io.sources import Input, Source, open_input
from dedupe.pipeline.incremental.changed_tables import WrittenTables, changed_tables
from dedupe.pipeline.incremental.cluster_changes import CLUSTER_CHANGES, changes_of, earlier_ids
from dedupe.pipeline.incremental.delta import AddOptions, Delta, delta_of
from dedupe.pipeline.incremental.rescore import identical_by_slot, score_delta, search_delta
from dedupe.pipeline.manifest import fitted_facts, pair_facts, run_facts
from dedupe.pipeline.output_files import outputs_current, write_outputs
from dedupe.pipeline.result import Result
from dedupe.pipeline.stages import Stages
from dedupe.progress import Report, no_report
from dedupe.resolution.cluster_figures import cluster_figures
from dedupe.resolution.incremental import resolve_again
from dedupe.resolution.outputs import Outputs
from dedupe.resolution.resolve import uses_self_training
from dedupe.resolution.survivorship import parse_rules
from dedupe.scoring.recalibration import MIN_DECISIONS
from dedupe.workspace.folder import Workspace, open_workspace
from dedupe.workspace.json_file import write_json
from dedupe.workspace.keys import clusters_key, export_key, stage_key, stage_keys
from dedupe.workspace.stage_cache import (
    CANDIDATES,
    CLUSTERS,
    DISTILLED,
    INDEX,
    RECORDS,
    SCORED,
    SLOTS,
    TABLE,
)
from dedupe.workspace.state import Clustered, State, all_pairs, unfinished
from dedupe.workspace.stored import (
    RecordTable,
    candidates_of,
    check_models,
    current_choices,
    current_decisions,
    index_slots,
    load_clusters,
    load_scored,
    load_table,
    save_clusters,
    save_table,
    stored_config,
)

READING_OPTIONS = ("device", "encoding", "delimiter", "query")
"""Options that may be given besides those of the workspace."""


def add(
    workspace: str | Path,
    source: Source,
    *,
    id: str | None = None,
    replace_all: bool = False,
    to: str | None = None,
    report: Report = no_report,
    **options: Any,
) -> Result:
    """Bring new records into a workspace: cluster ids stay, decisions hold.

    If the workspace has an id column, records whose id exists and whose content differs are
    updated. Pairs of unchanged records keep their probability. Only the pairs of new records are
    searched and scored, and only affected clusters are formed again.

    The result is that of a run over everything, up to a few pairs: words are weighted as they were
    at the run until there are twice as many texts, pairs are scored by the distilled model of that
    run, and each addition has candidates of its own. ``tests/benchmarks/additions.py`` measures
    the difference.

    Parameters
    ----------
    workspace
        Folder of the workspace.
    source
        As for :func:`~dedupe.pipeline.run.run`: rows with the columns of the workspace. Missing
        columns are left empty.
    id
        Id column of `source`, if its name is not that of the workspace.
    replace_all
        `source` holds everything: records whose id it lacks are removed.
    to
        In a workspace of linked tables, the name of the table that the records belong to; they
        have its columns.
    report
        Called with the progress of each stage.
    **options
        :data:`READING_OPTIONS`.

    Returns
    -------
    Result
        As :func:`~dedupe.pipeline.run.run` returns it. ``summary["additions"]`` counts rows and
        changes of clusters; ``outputs.more["additions"]`` lists the changes: ``change`` (one of
        ``CLUSTER_CHANGES``), ``cluster_id``, ``clusters_before``, ``records``, ``new_records``.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, damaged, in use, or made with other models.
    InputError
        If the rows cannot be read, or do not have the columns of the workspace.
    OptionError
        If an option is wrong, or does not fit the workspace.
    """
    opened = open_workspace(workspace)
    config = stored_config(opened)
    for name in options:
        if name not in READING_OPTIONS:
            raise OptionError(f"{name} belongs to the run that made the workspace")
    if options.get("device") is not None:
        config = config.with_options(device=options["device"])
    reading = replace(config, encoding=None, delimiter=None, query=None).with_options(**options)
    opened_input = open_input(source, reading)
    with opened.locked():
        adding = AddOptions(reading, id, replace_all, to)
        return _added(Stages(opened, report), opened_input, config, adding)


def _added(stages: Stages, source: Input, config: Config, options: AddOptions) -> Result:
    workspace = stages.workspace
    check_models(workspace, config)
    with stages.timed("read"):
        before = _open(workspace, config)
        rules = parse_rules(config.merge, before.table.records.frame.columns)
        delta = delta_of(source, before.table, before.facts, options)
    after = _extend(stages, before, delta, options.identity(source), config)
    with stages.timed("cluster"):
        clustered, written_before, changes = _cluster(workspace, before, delta, after, config)
    state, resolved = clustered.state, clustered.resolved
    reviewed = before.decisions, before.choices

    @cache
    def make_whole() -> Outputs:
        outputs = clustered.outputs()
        return replace(outputs, more={**outputs.more, "additions": changes})

    facts = before.facts
    with stages.timed("export"), ThreadPoolExecutor(1) as pool:
        # Caching and writing do not wait for each other.
        caching = []
        if delta.changes_anything:
            key = clusters_key(after.keys["scored"], *reviewed, config)
            caching = [
                pool.submit(_cache, workspace, before, delta, after),
                pool.submit(
                    save_clusters,
                    workspace,
                    after.keys["table"],
                    resolved,
                    key,
                    ids_continue=True,
                    forget=False,
                ),
            ]
        tables: Mapping[str, pl.DataFrame | Patch]
        if written_before is None:
            tables = make_whole().tables()
        else:
            tables = changed_tables(
                state.records, clustered.pairs, resolved, rules, config, written_before, make_whole
            )
        for job in caching:
            job.result()
        dialect = before.table.dialect
        written = write_outputs(workspace, {**tables, "additions": changes}, dialect, config)
        if delta.changes_anything:
            facts = _facts_after(facts, after, source, delta, options)
            workspace.write_facts(facts)
    identical = state.pairs.filter(pl.col("decided_by") == "identical")
    summary = {
        **run_facts(Input((), after.fingerprint), after.table, after.keys, config),
        "input": {"names": facts["input"]["names"], "fingerprint": after.fingerprint},
        **pair_facts(after.search, after.scored, identical, len(state.records), config),
        "distilled": after.scoring,
        **cluster_figures(state.records, clustered.pairs, resolved, config),
        **fitted_facts(clustered.recalibration),
        "additions": {
            **delta.counts,
            "pairs_scored": after.pairs_scored,
            "clusters": {name: int((changes["change"] == name).sum()) for name in CLUSTER_CHANGES},
            "notes": list(after.notes),
        },
        "stages": stages.done,
        "key": export_key(after.keys, *reviewed, config),
        "outputs": written,
    }
    write_json(workspace.manifest_file, summary)
    if delta.changes_anything:
        _forget(workspace, after)
    return Result(summary, workspace.path, make_whole)


# Before ------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Before:
    """A workspace of n records before the addition.

    Parameters
    ----------
    facts
        Content of its facts file.
    table
        The records.
    search, scoring
        Facts of the search and of the scoring.
    scored
        The scored pairs, with the column ``seen``.
    decisions, choices
        What reviewers decided and chose.
    clusters
        The clusters that the output files show; ``None`` if they are not cached.
    cluster_ids
        (n,) id of each record's cluster, as last written.
    """

    facts: Mapping[str, Any]
    table: RecordTable
    search: Mapping[str, Any]
    scored: pl.DataFrame
    scoring: dict[str, Any]
    decisions: pl.DataFrame
    choices: pl.DataFrame
    clusters: pl.DataFrame | None
    cluster_ids: pl.Series


def _open(workspace: Workspace, config: Config) -> _Before:
    facts = workspace.facts()
    keys = facts.get("keys", {})
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(load_scored, workspace, keys.get("scored", ""))
        table = load_table(workspace, keys.get("table", ""))
        scored = loading.result()
    search = workspace.cache.facts(CANDIDATES, keys.get("candidates", ""))
    if table is None or not search or scored is None:
        raise unfinished(workspace)
    decisions, choices = current_decisions(workspace), current_choices(workspace)
    key = clusters_key(keys["scored"], decisions, choices, config)
    clusters = load_clusters(workspace, keys["table"], key)
    # Cluster ids go on even if decisions or options changed since the clusters were cached.
    cached = clusters if clusters is not None else _any_clusters(workspace, keys["table"])
    if cached is None or cached.height != len(table.records):
        pairs = all_pairs(table.records, scored[0])
        cached = State(table, pairs, decisions, choices, config).cluster().resolved.rows
    return _Before(
        facts=facts,
        table=table,
        search=search,
        scored=scored[0],
        scoring=scored[1],
        decisions=decisions,
        choices=choices,
        clusters=clusters,
        cluster_ids=cached["cluster_id"],
    )


def _any_clusters(workspace: Workspace, key: str) -> pl.DataFrame | None:
    found = workspace.cache.load(CLUSTERS, key)
    return None if found is None else found[0]


# After -------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _After:
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
    affected: NDArray[np.bool_]
    compared: NDArray[np.bool_]
    renewed: bool
    pairs_scored: int
    notes: tuple[str, ...]


def _extend(
    stages: Stages,
    before: _Before,
    delta: Delta,
    addition: tuple[str, bool, str | None],
    config: Config,
) -> _After:
    """Search and score what is new, if anything is."""
    records = replace(
        delta.records, previous_cluster_ids=earlier_ids(before.cluster_ids, delta.previous)
    )
    table = replace(before.table, records=records)
    slot = index_slots(before.table, before.search)
    fingerprint = before.facts["input"]["fingerprint"]
    nothing = np.zeros(len(records), dtype=bool)
    if not delta.changes_anything:
        return _After(
            table=table,
            keys=before.facts["keys"],
            fingerprint=fingerprint,
            slot=slot,
            search=before.search,
            scored=before.scored,
            scoring=before.scoring,
            affected=nothing,
            compared=nothing,
            renewed=False,
            pairs_scored=0,
            notes=delta.notes,
        )
    digest = stage_key(fingerprint, *addition, len(records))
    fingerprint = hashlib.sha256(digest.encode()).hexdigest()
    keys = stage_keys(Input((), fingerprint), config)
    found, search = search_delta(
        stages, keys["candidates"], delta, before.table, slot, before.search, before.scored, config
    )
    scored, scoring, rescored = score_delta(
        stages, keys["scored"], records, found, before.scoring, config
    )
    affected, compared = found.affected.copy(), nothing
    affected[rescored] = True
    compared[np.unique(found.pairs.select("left", "right").to_numpy())] = True
    extended = bool(search["stored"].get("grown"))
    return _After(
        table=replace(table, slot=found.slot if extended else None, extended=extended),
        keys=keys,
        fingerprint=fingerprint,
        slot=found.slot,
        search=search,
        scored=scored,
        scoring=scoring,
        affected=affected,
        compared=compared,
        renewed=found.renumbered or len(rescored) > 0,
        pairs_scored=found.pairs.height,
        notes=(*delta.notes, *found.notes),
    )


def _cluster(
    workspace: Workspace, before: _Before, delta: Delta, after: _After, config: Config
) -> tuple[Clustered, WrittenTables | None, pl.DataFrame]:
    """Cluster the affected records, or all if probabilities of others may have changed.

    Returns
    -------
    clustered
        The clusters of all records.
    written
        What the output files show, if only affected lines need to be written.
    changes
        The table ``additions``.
    """
    records, decisions, choices = after.table.records, before.decisions, before.choices
    candidates = candidates_of(after.scored)
    pairs = pl.concat([identical_by_slot(after.slot), candidates]).sort("left", "right")
    state = State(after.table, pairs, decisions, choices, config)
    written = None
    if before.clusters is None or config.link or _may_recalibrate(workspace, before, state):
        clustered = state.cluster()
        again = np.ones(len(records), dtype=bool)
    else:
        earlier = _renumbered(before.clusters, delta.previous)
        resolved, again = resolve_again(
            records, pairs, decisions, config, choices, earlier, after.affected, after.compared
        )
        clustered = Clustered(state, pairs, None, resolved)
        key = export_key(before.facts["keys"], decisions, choices, config)
        if config.format == "csv" and outputs_current(workspace, key):
            appended = delta.only_appends and not after.renewed
            written = WrittenTables(before.clusters, delta.previous, again, appended)
    changes = changes_of(before.cluster_ids, delta, clustered.resolved, again)
    return clustered, written, changes


def _may_recalibrate(workspace: Workspace, before: _Before, state: State) -> bool:
    """Check whether recalibration may change, or changed before, the probability of any pair."""
    sizes = (len(before.table.records), len(state.records))
    return (
        any(uses_self_training(state.config, size) for size in sizes)
        or (state.config.recalibrate and state.decisions.height >= MIN_DECISIONS)
        or "recalibration" in workspace.manifest()
    )


def _renumbered(clusters: pl.DataFrame, previous: NDArray[np.int64]) -> pl.DataFrame:
    """Return earlier clusters under the new row numbers; rows of new records hold anything."""
    rows = np.arange(len(previous), dtype=np.uint32)
    now = np.zeros(clusters.height, dtype=np.uint32)
    now[previous[previous >= 0]] = rows[previous >= 0]
    carried = clusters[np.maximum(previous, 0)]
    return carried.with_columns(
        pl.Series(name, now[carried[name].to_numpy()]) for name in ("label", "representative")
    )


# Cache -------------------------------------------------------------------------------------------


def _cache(workspace: Workspace, before: _Before, delta: Delta, after: _After) -> None:
    """Cache the results beside the earlier ones; they do not count until the facts name them.

    Records and pairs that stay as they were are not written again.
    """
    keys = before.facts["keys"]
    rows = len(before.table.records) if delta.only_appends else None
    first_pairs = None if after.renewed else before.scored.height

    def following(stage: str, first: int | None) -> tuple[str, int] | None:
        return None if first is None else (keys[stage], first)

    save_table(
        workspace,
        after.keys["table"],
        after.table,
        forget=False,
        after=following("table", rows),
    )
    candidates = after.scored.select("left", "right", "similarity", "seen")
    for stage, frame, facts in (
        (CANDIDATES, candidates, after.search),
        (SCORED, after.scored, after.scoring),
    ):
        earlier = following(stage, first_pairs)
        key = after.keys[stage]
        workspace.cache.save(stage, key, frame, facts, forget=False, after=earlier)


def _forget(workspace: Workspace, after: _After) -> None:
    """Remove what no longer counts."""
    for stage in (TABLE, RECORDS, SLOTS, CLUSTERS):
        workspace.cache.forget(stage, [after.keys["table"]])
    workspace.cache.forget(CANDIDATES, [after.keys["candidates"]])
    workspace.cache.forget(SCORED, [after.keys["scored"]])
    workspace.cache.forget(INDEX, [after.search["stored"]["key"]])
    workspace.cache.forget(DISTILLED, [after.scoring.get("model_key", "")])


def _facts_after(
    facts: Mapping[str, Any], after: _After, source: Input, delta: Delta, options: AddOptions
) -> dict[str, Any]:
    """Return the facts of the workspace with the addition."""
    old, rows = facts["input"], len(delta.records)
    names = [*old["names"], *(name for name in source.names if name not in old["names"])]
    added = {
        "names": source.names,
        "fingerprint": source.fingerprint,
        "replace_all": options.replace_all,
        "to": options.to,
        **delta.counts,
    }
    return {
        **{name: value for name, value in facts.items() if name != "format"},
        "input": {**old, "names": names, "fingerprint": after.fingerprint, "rows": rows},
        "keys": dict(after.keys),
        "original": facts.get("original", old["fingerprint"]),
        "added": [*facts.get("added", ()), added],
    }
