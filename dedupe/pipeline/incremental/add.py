"""Incremental linkage: new, changed and removed records, brought into the clusters of a workspace.

::

    new rows ──match columns──▶ delta ──embed──▶ stored index ──search──▶ pairs of affected records
        ──score──▶ all pairs ──(+ decisions)──cluster──▶ cluster ids stay ──▶ output tables

Only what is new is read, embedded, searched and scored, until there are twice as many records.
Vectors use the weights that the workspace stores, and comparisons the statistics of its file.
Results are cached under new keys; the workspace changes at the moment when its facts file is
replaced.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Unpack

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.config import LIMITS, Config
from dedupe.errors import OptionError
from dedupe.io.sources import Input, Source, open_input
from dedupe.pipeline.incremental.before_and_after import After, Before, extend, open_before
from dedupe.pipeline.incremental.cluster_changes import CLUSTER_CHANGES, changes_of
from dedupe.pipeline.incremental.delta import AddOptions, Delta, delta_of
from dedupe.pipeline.incremental.rescore import identical_by_slot
from dedupe.pipeline.incremental.store import (
    cache_after,
    cache_changes,
    facts_after,
    forget_before,
    unreported_addition,
)
from dedupe.pipeline.manifest import (
    cross_encoder_facts,
    fitted_facts,
    pair_facts,
    run_facts,
    uninformative_values,
    written_facts,
)
from dedupe.pipeline.options import AdditionOptions
from dedupe.pipeline.output_files import write_outputs
from dedupe.pipeline.results.result import Result
from dedupe.pipeline.stages import Stages
from dedupe.progress import Report, notebook_report
from dedupe.resolution.cluster_figures import check_limits, cluster_figures
from dedupe.resolution.incremental import resolve_again
from dedupe.resolution.outputs import Outputs
from dedupe.resolution.rules import rule_columns
from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.pairs import judged_identical
from dedupe.scoring.recalibration import MIN_DECISIONS
from dedupe.workspace.folder import Workspace, open_workspace
from dedupe.workspace.json_file import write_json
from dedupe.workspace.keys import clusters_key, export_key
from dedupe.workspace.state import Clustered, State
from dedupe.workspace.stored import candidates_of, check_models, save_clusters, stored_config

HEADER_OPTIONS = ("header", "header_row", "skip_rows")
"""Options that say where the header is; those of the workspace hold if none of them is given."""

READING_OPTIONS = (
    "device",
    "encoding",
    "delimiter",
    "rename_duplicates",
    *HEADER_OPTIONS,
    "sheet",
    "max_unpacked",
    "query",
)
"""Options that may be given besides those of the workspace."""


def add(
    workspace: str | Path,
    source: Source,
    *,
    id: str | None = None,
    replace_all: bool = False,
    to: str | None = None,
    report: Report = notebook_report,
    **options: Unpack[AdditionOptions],
) -> Result:
    """Bring new records into a workspace: cluster ids stay, decisions hold.

    If the workspace has an id column, records whose id exists and whose content differs are
    updated. Pairs of unchanged records keep their probability, unless it was in doubt and the
    cross-encoder now judges them. Only the pairs of new records are searched and scored, and only
    affected clusters are formed again.

    The result is that of a run over everything, up to a few pairs: words and values are weighted
    as they were at the run, each addition has candidates of its own, and the cross-encoder waits
    until enough doubtful pairs are due. Once there are twice as many different records, an addition
    searches and scores all pairs again, as a run does.
    ``tests/benchmarks/additions.py`` measures the difference.

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
        Called with the progress of each stage. By default it is shown in notebooks only.
    **options
        :data:`READING_OPTIONS` and :data:`~dedupe.config.LIMITS`. Limits become those of the
        workspace.

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
    LimitError
        If the clusters exceed ``max_cluster`` or ``max_merged_share``; nothing is added then.

    Examples
    --------
    >>> new = pl.DataFrame({"id": ["81"], "first_name": ["Ingrid"], "last_name": ["Solberg"]})
    >>> result = dedupe.add("contacts.dedupe", new)
    >>> result.summary["additions"]["added"], result.outputs.more["additions"]["change"].to_list()
    (1, ['made'])
    """
    opened = open_workspace(workspace)
    config = stored_config(opened)
    for name in options:
        if name not in (*READING_OPTIONS, *LIMITS):
            raise OptionError(f"{name} belongs to the run that made the workspace")
    kept = ("device", *LIMITS)
    config = config.with_options(**{name: options.get(name) for name in kept})
    reading = replace(config, encoding=None, delimiter=None, query=None)
    if any(options.get(name) is not None for name in HEADER_OPTIONS):
        reading = replace(reading, header=None, header_row=None, skip_rows=0)
    reading = reading.with_options(**options)
    opened_input = open_input(source, reading)
    with opened.locked():
        adding = AddOptions(reading, id, replace_all, to)
        return _added(Stages(opened, report), opened_input, config, adding)


def _added(stages: Stages, source: Input, config: Config, options: AddOptions) -> Result:
    workspace = stages.workspace
    check_models(workspace, config)
    with stages.timed("read"):
        before = open_before(workspace, config)
        delta = delta_of(source, before.table, before.facts, options)
    after = extend(stages, before, delta, options.identity(source), config)
    with stages.timed("cluster"):
        clustered, changes = _cluster(workspace, before, delta, after, config)
    counts = {
        **delta.counts,
        "pairs_scored": after.pairs_scored,
        "clusters": {name: int((changes["change"] == name).sum()) for name in CLUSTER_CHANGES},
        "notes": list(after.notes),
        "key": after.keys["table"],
    }
    if (unreported := unreported_addition(workspace, before, source, delta, options)) is not None:
        changes, counts = unreported
    state, resolved = clustered.state, clustered.resolved
    reviewed = before.decisions, before.choices

    @cache
    def make_outputs() -> Outputs:
        outputs = clustered.outputs()
        return replace(outputs, more={**outputs.more, "additions": changes})

    figures = cluster_figures(state.records, clustered.pairs, resolved, config)
    check_limits(figures, len(state.records), config)
    limits = {name: getattr(config, name) for name in LIMITS}
    facts = {**before.facts, "config": {**before.facts["config"], **limits}}
    with stages.timed("export"), ThreadPoolExecutor(1) as pool:
        # Caching and writing do not wait for each other.
        caching = []
        if delta.changes_anything:
            key = clusters_key(after.keys["scored"], *reviewed, config)
            caching = [
                pool.submit(cache_after, workspace, before, delta, after),
                pool.submit(cache_changes, workspace, after, changes, counts),
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
        tables = make_outputs().tables()
        for job in caching:
            job.result()
        written = write_outputs(workspace, tables, before.table.dialect, config)
        if delta.changes_anything:
            facts = facts_after(facts, after, source, delta, options)
        if facts != before.facts:
            workspace.write_facts(facts)
    summary = {
        **run_facts(Input((), after.fingerprint), after.table, after.keys, config),
        "input": {"names": facts["input"]["names"], "fingerprint": after.fingerprint},
        **pair_facts(after.search, after.scored, state.ruled(), len(state.records), config),
        "cross_encoder": cross_encoder_facts(after.scoring),
        "self_training": after.scoring["self_training"],
        "uninformative_values": uninformative_values(after.statistics),
        **figures,
        **fitted_facts(clustered.recalibration),
        "additions": counts,
        "stages": stages.done,
        "key": export_key(after.keys, *reviewed, config),
        "written": written_facts("add", stages.done),
        "outputs": written,
    }
    forget_before(workspace, after)
    # Last of all: an addition without a manifest is reported again when it is repeated.
    write_json(workspace.manifest_file, summary)
    return Result(summary, workspace.path, make_outputs, lambda: clustered)


def _cluster(
    workspace: Workspace, before: Before, delta: Delta, after: After, config: Config
) -> tuple[Clustered, pl.DataFrame]:
    """Cluster the affected records, or all if probabilities of others may have changed.

    Returns
    -------
    clustered
        The clusters of all records.
    changes
        The table ``additions``.
    """
    records, decisions, choices = after.table.records, before.decisions, before.choices
    candidates = candidates_of(after.scored)
    identical = judged_identical(identical_by_slot(after.slot), after.scored)
    pairs = pl.concat([identical, candidates]).sort("left", "right")
    comparison = Comparison.of(records.texts, after.scored, after.statistics)
    state = State(after.table, pairs, decisions, choices, config, comparison)
    records, ruled = state.records, bool(rule_columns(config))
    if (
        before.clusters is None
        or config.link
        or ruled
        or _may_recalibrate(workspace, before, state)
    ):
        clustered = state.cluster()
        again = np.ones(len(records), dtype=bool)
    else:
        earlier = _renumbered(before.clusters, delta.previous)
        resolved, again = resolve_again(
            records, pairs, decisions, config, choices, earlier, after.affected, after.compared
        )
        clustered = Clustered(state, pairs, None, resolved)
    changes = changes_of(before.cluster_ids, delta, clustered.resolved, again)
    return clustered, changes


def _may_recalibrate(workspace: Workspace, before: Before, state: State) -> bool:
    """Check whether recalibration may change, or changed before, the probability of any pair."""
    manifest = workspace.manifest()
    return (
        not manifest  # nobody knows
        or (state.config.recalibrate and state.decisions.height >= MIN_DECISIONS)
        or "recalibration" in manifest
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
