"""A run: from files to candidate pairs, scores, clusters and merged rows.

::

    tables ──read──▶ records ──encode──▶ vectors ──search──▶ candidate pairs
        ──score──▶ scored pairs ──(+ decisions)──recalibrate, cluster──▶ clusters
        ──survivorship──▶ output tables

What the stages up to the scores make is cached in the workspace, under the hash of everything it
was made from. Clusters and outputs follow from it in moments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from dedupe.blocking.index import assign_slots
from dedupe.config import BUNDLED, Config
from dedupe.errors import OptionError, WorkspaceError
from dedupe.evaluation.threshold import with_target_threshold
from dedupe.io.schema_matching import Linked
from dedupe.io.sources import Input, Source, open_input, open_inputs
from dedupe.io.tables import check_fits, check_format
from dedupe.pipeline.manifest import (
    cross_encoder_facts,
    fitted_facts,
    pair_facts,
    run_facts,
    uninformative_values,
)
from dedupe.pipeline.output_files import outputs_current, write_outputs
from dedupe.pipeline.pairs import find_candidates, read_records, score_candidates
from dedupe.pipeline.result import Result
from dedupe.pipeline.stages import Stages
from dedupe.progress import Report, no_report
from dedupe.resolution.cluster_figures import cluster_figures
from dedupe.resolution.survivorship import parse_rules
from dedupe.scoring.pairs import identical_pairs
from dedupe.workspace.folder import SUFFIX, Workspace
from dedupe.workspace.json_file import write_json
from dedupe.workspace.keys import clusters_key, export_key, model_ids, stage_keys
from dedupe.workspace.stage_cache import RECORDS, SCORED, STATISTICS
from dedupe.workspace.state import Clustered, State, all_pairs, open_state
from dedupe.workspace.stored import (
    RecordTable,
    config_facts,
    current_choices,
    current_decisions,
    load_table,
    missed_matches,
    save_clusters,
    save_table,
)


def run(
    source: Source,
    *,
    output: str | Path | None = None,
    config: Config | None = None,
    report: Report = no_report,
    **options: Any,
) -> Result:
    """Find the duplicates of a table, cluster and merge them.

    Parameters
    ----------
    source
        Path of a file (CSV, TSV, Parquet, Arrow IPC, JSON lines, Excel; with gzip or zstd), of a
        folder, a glob, a database (with ``::table`` or the option ``query``), a list of several,
        ``"-"`` for stdin, or a polars, pandas or pyarrow table.
    output
        Folder of the workspace. ``None``: beside the first file, named after it; a table in
        memory then leaves nothing on disk.
    config
        The configuration; defaults if ``None``.
    report
        Called with the progress of each stage.
    **options
        Fields of :class:`~dedupe.config.Config`, replacing those of `config`.

    Returns
    -------
    Result
        The summary and, on demand, the output tables as polars frames.

    Raises
    ------
    DedupeError
        If the input, an option, a model or the workspace cannot be used, in one line.
    """
    config = (config or Config()).with_options(**options)
    return execute(open_input(source, config), output, config, report)


def link(
    *sources: Source,
    output: str | Path | None = None,
    config: Config | None = None,
    report: Report = no_report,
    **options: Any,
) -> Result:
    """Find which records of one table match which records of another.

    Columns are matched by their names and contents; :attr:`Config.map` overrides that.

    Parameters
    ----------
    *sources
        Two files or more, or two tables in memory or more.
    output, report
        As for :func:`run`.
    config
        The configuration; ``link`` is ``"many-to-many"`` if it has none.
    **options
        Fields of :class:`~dedupe.config.Config`, replacing those of `config`.

    Returns
    -------
    Result
        As :func:`run` returns it; ``matches`` and ``unmatched`` hold the links.

    Raises
    ------
    DedupeError
        If an input, an option, a model or the workspace cannot be used, in one line.
    """
    base = config or Config()
    config = base.with_options(**{"link": base.link or "many-to-many", **options})
    return execute(open_inputs(sources, config), output, config, report)


def prepare(
    source: Source,
    *,
    output: str | Path | None = None,
    config: Config | None = None,
    report: Report = no_report,
    **options: Any,
) -> Path:
    """Find and score the pairs of a table without writing results, so they can be reviewed.

    :func:`run` with the same arguments goes on from there.

    Parameters
    ----------
    source, output, config, report, **options
        As for :func:`run`.

    Returns
    -------
    Path
        Folder of the workspace.

    Raises
    ------
    DedupeError
        As :func:`run`, and if a table in memory is given no `output`.
    """
    config = (config or Config()).with_options(**options)
    opened = open_input(source, config)
    with run_workspace(opened, output, config) as workspace:
        if workspace.temporary:
            raise OptionError("there is no folder to review in: name a workspace with -o")
        config = with_fine_tuned_model(config, workspace)
        with _locked(workspace):
            scored_state(Stages(workspace, report), opened, stage_keys(opened, config), config)
        return workspace.path


def execute(source: Input, output: str | Path | None, config: Config, report: Report) -> Result:
    """Run all stages on an input, or those that are not cached.

    Raises
    ------
    DedupeError
        As :func:`run`.
    """
    check_format(config.format)
    with run_workspace(source, output, config) as workspace:
        config = with_fine_tuned_model(config, workspace)
        keys = stage_keys(source, config)
        with _locked(workspace):
            unchanged = _unchanged(workspace, keys, config)
            if unchanged is not None:
                return unchanged
            return _execute(Stages(workspace, report), source, keys, config)


def _execute(stages: Stages, source: Input, keys: Mapping[str, str], asked: Config) -> Result:
    workspace = stages.workspace
    state, scored = scored_state(stages, source, keys, asked)
    with stages.timed("cluster"):
        state, aim = with_target_threshold(state)
        config, clustered = state.config, state.cluster()
    with stages.timed("export"):
        outputs = clustered.outputs()
        written = write_outputs(workspace, outputs.tables(), state.table.dialect, config)
    resolved, records = clustered.resolved, state.records
    summary = {
        **run_facts(source, state.table, keys, config),
        **pair_facts(stages.facts["search"], scored, state.pairs, len(records), config),
        "cross_encoder": cross_encoder_facts(stages.facts["score"]),
        "uninformative_values": uninformative_values(state.comparison.file_statistics),
        **cluster_figures(records, clustered.pairs, resolved, config),
        **fitted_facts(clustered.recalibration, aim),
        "stages": stages.done,
        "key": export_key(keys, state.decisions, state.choices, asked),
        "outputs": written,
    }
    if aim is not None:
        facts = {**workspace.facts(), "config": config_facts(workspace, config)}
        workspace.write_facts(facts)
    key = clusters_key(keys["scored"], state.decisions, state.choices, config)
    continued = records.previous_cluster_ids is not None
    save_clusters(workspace, keys["table"], resolved, key, ids_continue=continued)
    write_json(workspace.manifest_file, summary)
    path = None if workspace.temporary else workspace.path
    return Result(summary, path, lambda: outputs, lambda: clustered)


def scored_state(
    stages: Stages, source: Input, keys: Mapping[str, str], config: Config
) -> tuple[State, pl.DataFrame]:
    """Read an input and score its pairs.

    Returns
    -------
    state
        The state before it is clustered.
    scored
        The scored pairs with the column ``seen``.
    """
    workspace = stages.workspace
    with stages.timed("read"):
        table = load_table(workspace, keys["table"]) or read_records(source, config)
        check_linked(config, table.linked)
        parse_rules(config.merge, table.records.frame.columns)
        check_fits(table.records.frame, config.format)
    _check_same_input(workspace, source, table)
    records = table.records
    firsts, identical = identical_pairs(records.texts)
    # The scores in the workspace are valid until the same candidates have new ones: a run that is
    # interrupted leaves a complete workspace.
    rescored = _is_rescored(workspace, keys)
    if not rescored:
        slot = assign_slots(records.texts, firsts, identical)
        placed = replace(table, slot=slot, extended=False)
        _store_input(workspace, source, placed, keys, config)
    candidates = find_candidates(stages, keys["candidates"], records, firsts, config)
    scored, comparison = score_candidates(
        stages, keys["scored"], records.texts, identical, candidates, config
    )
    if rescored:
        _store_input(workspace, source, table, keys, config)
    workspace.cache.forget(SCORED, [keys["scored"]])
    workspace.cache.forget(STATISTICS, [stages.facts["score"]["statistics_key"]])
    state = State(
        table=table,
        pairs=all_pairs(records, scored),
        decisions=current_decisions(workspace),
        choices=current_choices(workspace),
        config=config,
        missed=missed_matches(scored, stages.facts["search"], config.threshold),
        comparison=comparison,
    )
    return state, scored


@contextmanager
def run_workspace(source: Input, output: str | Path | None, config: Config) -> Iterator[Workspace]:
    """Give the workspace of a run; that of a table in memory is removed at the end."""
    if output is not None:
        yield Workspace(Path(output))
        return
    stem = source.linked_stem if config.link else source.stem
    if stem is not None:
        yield Workspace(Path(f"{stem}{SUFFIX}"))
        return
    with TemporaryDirectory(prefix="dedupe-", ignore_cleanup_errors=True) as folder:
        yield Workspace(Path(folder) / "memory", temporary=True)


def with_fine_tuned_model(config: Config, workspace: Workspace) -> Config:
    """Use the cross-encoder fine-tuned on the workspace's decisions, unless another is named."""
    version = workspace.models.current()
    if version and config.cross_encoder == BUNDLED:
        return replace(config, cross_encoder=str(workspace.models.path(version)))
    return config


def check_linked(config: Config, linked: Linked | None) -> None:
    """Check that the link options fit the tables.

    Raises
    ------
    OptionError
        If they do not.
    """
    if bool(config.link) != (linked is not None):
        kind = "one table" if linked is None else "linked tables"
        raise OptionError(f"link is {config.link!r}, but the workspace has {kind}")
    if linked is not None and config.prefer not in (None, *linked.names):
        names = ", ".join(linked.names)
        raise OptionError(f"prefer: there is no table {config.prefer!r}; there are {names}")


@contextmanager
def _locked(workspace: Workspace) -> Iterator[None]:
    """Lock a workspace, once it is known that the folder is one or may become one."""
    workspace.facts()
    with workspace.locked():
        yield


def _is_rescored(workspace: Workspace, keys: Mapping[str, str]) -> bool:
    """Check whether a run makes new scores for the candidates that a workspace has."""
    stored = workspace.facts().get("keys", {})
    same = all(stored.get(stage) == keys[stage] for stage in ("table", "candidates"))
    return (
        same
        and stored.get("scored") != keys["scored"]
        and workspace.cache.load(RECORDS, keys["table"]) is not None
    )


def _check_same_input(workspace: Workspace, source: Input, table: RecordTable) -> None:
    """Refuse a workspace that was made from another input, or that records were added to.

    A file may change (rows added, edited, re-sorted), but keeps its columns and some records.
    """
    facts = workspace.facts()
    if not facts:
        return
    if facts.get("added") and facts["input"]["fingerprint"] != source.fingerprint:
        raise WorkspaceError(
            f"records were added to {workspace.path} after its run, and a new run would lose them: "
            "bring changes in with dedupe add, or name another folder with -o"
        )
    columns = table.records.frame.columns
    earlier = workspace.cache.load(RECORDS, facts["keys"]["table"])
    same = set(facts["input"]["columns"]) == set(columns)
    if same and earlier is not None:
        same = bool(table.records.keys.is_in(earlier[0]["key"].implode()).any())
    if not same:
        names = " + ".join(facts["input"]["names"])
        raise WorkspaceError(
            f"the workspace {workspace.path} was made from another input ({names}): name another "
            "folder with -o, or delete that one"
        )


def _store_input(
    workspace: Workspace,
    source: Input,
    table: RecordTable,
    keys: Mapping[str, str],
    config: Config,
) -> None:
    """Write what the workspace is for, and store the input in it."""
    before = workspace.facts()
    records = table.records
    if workspace.cache.load(RECORDS, keys["table"]) is None:
        save_table(workspace, keys["table"], table)
    workspace.write_facts(
        {
            "input": {
                "names": source.names,
                "fingerprint": source.fingerprint,
                "rows": len(records),
                "columns": records.frame.columns,
            },
            "keys": dict(keys),
            "config": config_facts(workspace, config),
            "models": model_ids(config),
            **{name: before[name] for name in ("original", "added") if name in before},
        }
    )


def _unchanged(workspace: Workspace, keys: Mapping[str, str], config: Config) -> Result | None:
    """Return the result of the last run if this one would only repeat it."""
    if not workspace.facts():
        return None
    key = export_key(keys, current_decisions(workspace), current_choices(workspace), config)
    if not outputs_current(workspace, key):
        return None

    @cache
    def opened() -> Clustered:
        return open_state(workspace).cluster()

    summary = {**workspace.manifest(), "unchanged": True}
    return Result(summary, workspace.path, lambda: opened().outputs(), opened)
