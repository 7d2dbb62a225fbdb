"""New, changed and vanished records, brought into the clusters of a workspace.

::

    new rows ──align──▶ records ──embed──▶ kept index ──search──▶ pairs of what is new
        ──score──▶ all pairs ──(+ decisions)──cluster──▶ ids kept ──merge──▶ outputs

What is not new is not read, embedded, searched or scored again. Vectors are made with the weights
that the workspace keeps, clear pairs are decided by the distilled that it keeps. What is made is
written under new keys; the workspace changes at the moment when its facts file is replaced.
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
from dedupe.errors import OptionError, WorkspaceError
from dedupe.io.sources import Input, Source, open_input
from dedupe.pipeline.incremental.cluster_changes import CHANGES, carried, changes_of
from dedupe.pipeline.incremental.delta import Arrivals, Asked, arrivals_of
from dedupe.pipeline.incremental.patch import Before, touched_tables
from dedupe.pipeline.incremental.rescore import same_text, score_arrivals, search_arrivals
from dedupe.pipeline.manifest import learnt_facts, run_facts, search_facts
from dedupe.pipeline.output_files import outputs_stand, write_outputs
from dedupe.pipeline.result import Result
from dedupe.pipeline.stages import Stages
from dedupe.progress import Report, no_report
from dedupe.records import Records
from dedupe.resolution.incremental import Standing, resolve_again
from dedupe.resolution.outputs import Outputs, cluster_figures, make_outputs
from dedupe.resolution.resolve import Resolved, corrected, is_adapted, resolve
from dedupe.resolution.survivorship import parse_rules
from dedupe.scoring.pairs import DECIDERS, identical_pairs
from dedupe.scoring.recalibration import FEWEST, Correction
from dedupe.workspace.folder import Workspace, open_workspace, write_json
from dedupe.workspace.keys import export_key, stage_key, stage_keys, standing_key
from dedupe.workspace.state import (
    TableRead,
    check_models,
    choices_of,
    chosen,
    decisions_of,
    kept_config,
    kept_slots,
    kept_standing,
    kept_table,
    save_standing,
    save_table,
)

READING = ("device", "encoding", "delimiter", "query")
"""Options that may be given beside those of the workspace."""


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
    """Bring new records into a workspace: its cluster ids stay, its decisions hold.

    Where the workspace has an id column, records whose id is there already and whose content
    differs are updated. Pairs of records that did not change keep their probability; only what the
    new ones bring is searched and scored, and only clusters that it touches are made again.

    What comes out is what a run over everything makes, up to a few pairs: words are weighed as they
    were at the run until there are twice as many texts, pairs are judged by the distilled of then,
    and each addition has candidates of its own. A hundred thousand records of people in ten steps
    agree with one run to an F1 of 0.995; ``tests/benchmarks/additions.py`` measures it.

    Parameters
    ----------
    workspace
        Its folder.
    source
        As for :func:`~dedupe.pipeline.run`: rows with the columns of the workspace. Columns that
        are missing are left empty.
    id
        Column of `source` with the ids, where it is not named as in the workspace.
    replace_all
        `source` is all there is: records whose id it does not have are removed.
    to
        In a workspace of linked tables, the name of the one that the records belong to; they have
        its columns.
    report
        Told how far each stage is.
    **options
        :data:`READING`.

    Returns
    -------
    Result
        As of :func:`~dedupe.pipeline.run`; ``summary["additions"]`` counts rows and changes of
        clusters, ``outputs.more["additions"]`` lists these: ``change`` (one of :data:`CHANGES`),
        ``cluster_id``, ``clusters_before``, ``records`` and ``new_records``.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, damaged, in use, or made by other models.
    InputError
        If the rows cannot be read, or do not have the columns of the workspace.
    OptionError
        If an option is wrong, or does not go with the workspace.
    """
    opened = open_workspace(workspace)
    config = kept_config(opened)
    for name in options:
        if name not in READING:
            raise OptionError(f"{name} belongs to the run that made the workspace")
    if options.get("device") is not None:
        config = config.with_options(device=options["device"])
    reading = replace(config, encoding=None, delimiter=None, query=None).with_options(**options)
    source_input = open_input(source, reading)
    with opened.locked():
        asked = Asked(reading, id, replace_all, to)
        return _added(opened, source_input, config, asked, report)


def _added(
    workspace: Workspace, source: Input, config: Config, asked: Asked, report: Report
) -> Result:
    stages = Stages(workspace, report)
    check_models(workspace, config)
    with stages.timed("read"):
        kept = _reopened(workspace, config)
        rules = parse_rules(config.merge, kept.table.records.frame.columns)
        arrivals = arrivals_of(source, kept.table, kept.facts, asked)
    grown = _grown(stages, kept, arrivals, asked.of(source), config)
    with stages.timed("cluster"):
        found = _clustered(workspace, kept, arrivals, grown, config)
    records, pairs, resolved = grown.table.records, found.pairs, found.resolved
    facts, decisions, choices = kept.facts, kept.decisions, kept.choices

    @cache
    def make_whole() -> Outputs:
        outputs = make_outputs(records, pairs, resolved, rules, config, kept.table.linked)
        return replace(outputs, more={**outputs.more, "additions": found.changes})

    with stages.timed("export"), ThreadPoolExecutor(1) as pool:
        # What is kept does not wait for what is written, nor the other way round.
        keeping = []
        if arrivals.touches:
            of = standing_key(grown.keys["scored"], decisions, choices, config)
            keeping = [
                pool.submit(_keep, workspace, kept, arrivals, grown),
                pool.submit(
                    save_standing,
                    workspace,
                    grown.keys["table"],
                    resolved,
                    of,
                    kept=True,
                    forget=False,
                ),
            ]
        tables = (
            make_whole().tables()
            if found.before is None
            else touched_tables(records, pairs, resolved, rules, config, found.before, make_whole)
        )
        for one in keeping:
            one.result()
        written = write_outputs(
            workspace, {**tables, "additions": found.changes}, kept.table.dialect, config
        )
        if arrivals.touches:
            facts = _flipped(facts, grown, source, arrivals, asked)
            workspace.write_facts(facts)
    summary = {
        **run_facts(Input((), grown.fingerprint), grown.table, grown.keys, config),
        "input": {"names": facts["input"]["names"], "fingerprint": grown.fingerprint},
        **search_facts(grown.searched, grown.scored, found.alike, len(records), config),
        "distilled": grown.learnt,
        **cluster_figures(records, pairs, resolved, config),
        **learnt_facts(found.correction),
        "additions": {
            **arrivals.counts,
            "pairs_scored": grown.pairs_scored,
            "clusters": {name: int((found.changes["change"] == name).sum()) for name in CHANGES},
            "notes": list(grown.notes),
        },
        "stages": stages.done,
        "key": export_key(grown.keys, decisions, choices, config),
        "outputs": written,
    }
    write_json(workspace.manifest_file, summary)
    if arrivals.touches:
        _forget(workspace, grown)
    return Result(summary, workspace.path, make_whole)


@dataclass(frozen=True, eq=False)
class _Kept:
    """A workspace of n records as it stood.

    Parameters
    ----------
    facts
        What its facts file says.
    table
        The records.
    searched, learnt
        Facts of the search and of the scoring.
    scored
        The scored pairs.
    decisions, choices
        What people said.
    standing
        The clustering of which the files were written; ``None`` if it is not kept.
    names
        (n,) id of each record's cluster, as last written.
    """

    facts: Mapping[str, Any]
    table: TableRead
    searched: Mapping[str, Any]
    scored: pl.DataFrame
    learnt: dict[str, Any]
    decisions: pl.DataFrame
    choices: pl.DataFrame
    standing: Standing | None
    names: pl.Series


def _reopened(workspace: Workspace, config: Config) -> _Kept:
    facts = workspace.facts()
    keys = facts.get("keys", {})
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(workspace.load, "scored", keys.get("scored", ""))
        table = kept_table(workspace, keys.get("table", ""))
        scored = loading.result()
    searched = workspace.stage_facts("candidates", keys.get("candidates", ""))
    if table is None or not searched or scored is None:
        raise WorkspaceError(
            f"the workspace {workspace.path} is unfinished or damaged: run dedupe run on its input "
            "again, which makes anew what is missing; decisions are kept"
        )
    pairs = scored[0].with_columns(pl.col("decided_by").cast(DECIDERS))
    decisions, choices = decisions_of(workspace), choices_of(workspace)
    of = standing_key(keys["scored"], decisions, choices, config)
    standing = kept_standing(workspace, keys["table"], of)
    names = None if standing is None else standing.cluster_id
    if names is None:
        named = workspace.load("named", keys["table"])
        if named is not None and named[0].height == len(table.records):
            names = named[0]["cluster_id"]
        else:
            names = _clustered_again(table.records, pairs, decisions, choices, config).cluster_id
    return _Kept(facts, table, searched, pairs, scored[1], decisions, choices, standing, names)


def _clustered_again(
    records: Records,
    scored: pl.DataFrame,
    decisions: pl.DataFrame,
    choices: pl.DataFrame,
    config: Config,
) -> Resolved:
    alike = identical_pairs(records.texts)[1]
    pairs = pl.concat([alike, chosen(scored)]).sort("left", "right")
    pairs, _ = corrected(records, pairs, decisions, config)
    return resolve(records, pairs, decisions, config, choices)


@dataclass(frozen=True, eq=False)
class _Grown:
    """What n records make of a workspace, before they are clustered.

    Parameters
    ----------
    table
        The records.
    keys, fingerprint
        Of what is kept of them, and of their input.
    slot
        (n,) u32: place of each record's text in the index.
    searched, learnt
        Facts of the search and of the scoring.
    scored
        The scored pairs.
    touched
        (n,) bool: records that are new or changed, whose pairs went or were judged anew.
    compared
        (n,) bool: records in new pairs.
    renewed
        Whether pairs that were there are no longer what and where they were.
    pairs_scored
        Number of new pairs.
    notes
        What the user should know, a line each.
    """

    table: TableRead
    keys: Mapping[str, str]
    fingerprint: str
    slot: NDArray[np.uint32]
    searched: Mapping[str, Any]
    scored: pl.DataFrame
    learnt: Mapping[str, Any]
    touched: NDArray[np.bool_]
    compared: NDArray[np.bool_]
    renewed: bool
    pairs_scored: int
    notes: tuple[str, ...]


def _grown(
    stages: Stages,
    kept: _Kept,
    arrivals: Arrivals,
    addition: tuple[str, bool, str | None],
    config: Config,
) -> _Grown:
    """Search and score what is new, where anything is."""
    records = replace(arrivals.records, named=carried(kept.names, arrivals.before))
    table, slot = replace(kept.table, records=records), kept_slots(kept.table, kept.searched)
    fingerprint = kept.facts["input"]["fingerprint"]
    nothing = np.zeros(len(records), dtype=bool)
    if not arrivals.touches:
        return _Grown(
            table=table,
            keys=kept.facts["keys"],
            fingerprint=fingerprint,
            slot=slot,
            searched=kept.searched,
            scored=kept.scored,
            learnt=kept.learnt,
            touched=nothing,
            compared=nothing,
            renewed=False,
            pairs_scored=0,
            notes=arrivals.notes,
        )
    digest = stage_key(fingerprint, *addition, len(records))
    fingerprint = hashlib.sha256(digest.encode()).hexdigest()
    keys = stage_keys(Input((), fingerprint), config)
    found, searched = search_arrivals(
        stages, keys["candidates"], arrivals, kept.table, slot, kept.searched, kept.scored, config
    )
    scored, learnt, judged = score_arrivals(
        stages, keys["scored"], records, found, kept.learnt, config
    )
    touched, compared = found.touched.copy(), nothing
    touched[judged] = True
    compared[np.unique(found.pairs.select("left", "right").to_numpy())] = True
    grown = bool(searched["stored"].get("grown"))
    return _Grown(
        table=replace(table, slot=found.slot if grown else None, grown=grown),
        keys=keys,
        fingerprint=fingerprint,
        slot=found.slot,
        searched=searched,
        scored=scored,
        learnt=learnt,
        touched=touched,
        compared=compared,
        renewed=found.renumbered or len(judged) > 0,
        pairs_scored=found.pairs.height,
        notes=(*arrivals.notes, *found.notes),
    )


@dataclass(frozen=True, eq=False)
class _Clustered:
    """The clusters of all records.

    Parameters
    ----------
    pairs
        Every pair, corrected by the decisions.
    alike
        Those of equal texts among them.
    correction
        What the decisions taught, if anything.
    resolved
        The clusters.
    before
        How the records stood, if what did not change need not be written again.
    changes
        The table ``additions``.
    """

    pairs: pl.DataFrame
    alike: pl.DataFrame
    correction: Correction | None
    resolved: Resolved
    before: Before | None
    changes: pl.DataFrame


def _clustered(
    workspace: Workspace, kept: _Kept, arrivals: Arrivals, grown: _Grown, config: Config
) -> _Clustered:
    """Cluster what the new records touched, or all where anything else may have changed."""
    records, decisions, choices = grown.table.records, kept.decisions, kept.choices
    alike = same_text(grown.slot)
    pairs = pl.concat([alike, chosen(grown.scored)]).sort("left", "right")
    pairs, correction = corrected(records, pairs, decisions, config)
    # A correction is learnt from all pairs, and may change any.
    learnt = any(is_adapted(config, len(some)) for some in (kept.table.records, records))
    learnt |= config.correct and decisions.height >= FEWEST
    learnt |= correction is not None or "correction" in workspace.manifest()
    before = None
    if kept.standing is None or config.link or learnt:
        resolved = resolve(records, pairs, decisions, config, choices)
        again = np.ones(len(records), dtype=bool)
    else:
        stood = _carried_standing(kept.standing, arrivals.before)
        resolved, again = resolve_again(
            records, pairs, decisions, config, choices, stood, grown.touched, grown.compared
        )
        key_before = export_key(kept.facts["keys"], decisions, choices, config)
        if config.format == "csv" and outputs_stand(workspace, key_before):
            appended = arrivals.appends and not grown.renewed
            before = Before(kept.standing, arrivals.before, again, appended)
    changes = changes_of(kept.names, arrivals, resolved, again)
    return _Clustered(pairs, alike, correction, resolved, before, changes)


def _carried_standing(standing: Standing, before: NDArray[np.int64]) -> Standing:
    """Return how records stood, under their new row numbers; of new ones it says anything."""
    rows = np.arange(len(before), dtype=np.uint32)
    was = np.maximum(before, 0)
    now = np.zeros(len(standing.labels), dtype=np.uint32)
    now[before[before >= 0]] = rows[before >= 0]
    return Standing(
        labels=now[standing.labels[was]],
        confidence=standing.confidence[was],
        kept=now[standing.kept[was]],
        joined_by=standing.joined_by[was],
        cluster_id=standing.cluster_id.gather(was),
    )


def _keep(workspace: Workspace, kept: _Kept, arrivals: Arrivals, grown: _Grown) -> None:
    """Keep what was made beside what was there: until the facts say so it does not count.

    Records and pairs that stay as they were are not written again.
    """
    old = kept.facts["keys"]
    rows = len(kept.table.records) if arrivals.appends else None
    first_pairs = None if grown.renewed else kept.scored.height

    def after(stage: str, first: int | None) -> tuple[str, int] | None:
        return None if first is None else (old[stage], first)

    save_table(
        workspace, grown.keys["table"], grown.table, forget=False, after=after("table", rows)
    )
    candidates = grown.scored.select("left", "right", "similarity", "seen")
    for stage, frame, found in (
        ("candidates", candidates, grown.searched),
        ("scored", grown.scored, grown.learnt),
    ):
        stays = after(stage, first_pairs)
        workspace.save(stage, grown.keys[stage], frame, found, forget=False, after=stays)


def _forget(workspace: Workspace, grown: _Grown) -> None:
    """Remove what no longer counts."""
    for stage in ("table", "records", "slots", "named"):
        workspace.forget(stage, [grown.keys["table"]])
    workspace.forget("candidates", [grown.keys["candidates"]])
    workspace.forget("scored", [grown.keys["scored"]])
    workspace.forget("index", [grown.searched["stored"]["key"]])
    workspace.forget("distilled", [grown.learnt.get("kept_as", "")])


def _flipped(
    facts: Mapping[str, Any], grown: _Grown, source: Input, arrivals: Arrivals, asked: Asked
) -> dict[str, Any]:
    """Return what the workspace is for, with what was added."""
    old, rows = facts["input"], len(arrivals.records)
    names = [*old["names"], *(name for name in source.names if name not in old["names"])]
    added = {
        "names": source.names,
        "fingerprint": source.fingerprint,
        "replace_all": asked.replace_all,
        "to": asked.to,
        **arrivals.counts,
    }
    return {
        **{name: value for name, value in facts.items() if name != "format"},
        "input": {**old, "names": names, "fingerprint": grown.fingerprint, "rows": rows},
        "keys": dict(grown.keys),
        "original": facts.get("original", old["fingerprint"]),
        "added": [*facts.get("added", ()), added],
    }
