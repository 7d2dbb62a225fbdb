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
from typing import Any, Unpack

import polars as pl

from dedupe.blocking.index import assign_slots
from dedupe.config import BUNDLED, Config
from dedupe.errors import OptionError
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
    written_facts,
)
from dedupe.pipeline.options import Options
from dedupe.pipeline.output_files import outputs_current, write_outputs
from dedupe.pipeline.pairs import find_candidates, read_records, score_candidates
from dedupe.pipeline.results.result import Result
from dedupe.pipeline.stages import Stages
from dedupe.pipeline.workspace_input import check_same_input, is_rescored, store_input
from dedupe.progress import Report, notebook_report
from dedupe.resolution.cluster_figures import check_limits, cluster_figures
from dedupe.resolution.rules import check_rules
from dedupe.resolution.survivorship.merge_rules import check_sources, parse_rules
from dedupe.scoring.comparison.values.roles import given_roles
from dedupe.scoring.pairs import identical_pairs
from dedupe.workspace.folder import SUFFIX, Workspace
from dedupe.workspace.json_file import write_json
from dedupe.workspace.keys import clusters_key, export_key, stage_keys
from dedupe.workspace.stage_cache import (
    ADDITIONS,
    CANDIDATES,
    CLUSTERS,
    INDEX,
    RECORDS,
    SCORED,
    SLOTS,
    STATISTICS,
    TABLE,
)
from dedupe.workspace.state import Clustered, State, all_pairs, open_state
from dedupe.workspace.stored import (
    config_facts,
    current_choices,
    current_decisions,
    load_table,
    missed_matches,
    save_clusters,
    stored_config,
)


def run(
    source: Source,
    *,
    output: str | Path | None = None,
    config: Config | None = None,
    report: Report = notebook_report,
    **options: Unpack[Options],
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
        Called with the progress of each stage. By default it is shown in notebooks only.
    **options
        Fields of :class:`~dedupe.config.Config`, replacing those of `config`.

    Returns
    -------
    Result
        The summary and, on demand, the output tables as polars frames.

    Raises
    ------
    LimitError
        If the clusters exceed ``max_cluster`` or ``max_merged_share``. No results are written, but
        the workspace has the pairs, and can be reviewed.
    DedupeError
        If the input, an option, a model or the workspace cannot be used, in one line.

    Examples
    --------
    >>> people = pl.DataFrame(
    ...     {
    ...         "name": ["Ingrid Solberg", "Solberg, Ingrid", "Marco Bianchi"],
    ...         "email": ["ingrid@fjord.example", "ingrid@fjord.example", "marco@posta.example"],
    ...     }
    ... )
    >>> dedupe.run(people, effort="fast", merge={"name": "first"}).merged["name"].to_list()
    ['Ingrid Solberg', 'Marco Bianchi']
    >>> result = dedupe.run("contacts.csv", effort="fast", threshold=0.9)
    >>> result.workspace.name, result.summary["rows"]
    ('contacts.dedupe', 80)
    """
    asked = (config or Config()).with_options(**options)
    given = options if config is None else None
    return execute(open_input(source, asked), output, asked, report, given)


def link(
    *sources: Source,
    output: str | Path | None = None,
    config: Config | None = None,
    report: Report = notebook_report,
    **options: Unpack[Options],
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
    LimitError
        As :func:`run`.
    DedupeError
        If an input, an option, a model or the workspace cannot be used, in one line.

    Examples
    --------
    >>> contacts = pl.read_csv("contacts.csv", infer_schema=False)
    >>> result = dedupe.link(contacts[:40], contacts[40:], effort="fast", link="many-to-one")
    >>> result.matches.select("left_id", "right_id").row(0)
    ('9', '74')
    """
    base = config or Config()
    asked = base.with_options(**{"link": base.link or "many-to-many", **options})
    given = options if config is None else None
    return execute(open_inputs(sources, asked), output, asked, report, given)


def prepare(
    source: Source,
    *,
    output: str | Path | None = None,
    config: Config | None = None,
    report: Report = notebook_report,
    **options: Unpack[Options],
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
    asked = (config or Config()).with_options(**options)
    opened = open_input(source, asked)
    with run_workspace(opened, output, asked) as workspace:
        if workspace.temporary:
            raise OptionError("there is no folder to review in: name a workspace with -o")
        asked = with_export_options(asked, workspace, options if config is None else None)
        asked = with_fine_tuned_model(asked, workspace)
        with workspace.locked():
            scored_state(Stages(workspace, report), opened, stage_keys(opened, asked), asked)
            facts = {**workspace.facts(), "config": config_facts(workspace, asked)}
            workspace.write_facts(facts)
        return workspace.path


def execute(
    source: Input,
    output: str | Path | None,
    config: Config,
    report: Report,
    given: Mapping[str, Any] | None = None,
) -> Result:
    """Run all stages on an input, or those that are not cached.

    Parameters
    ----------
    source, output, config, report
        As for :func:`run`.
    given
        The options that were set; the export options of the workspace stand for the others.
        ``None``: all of `config` was set.

    Raises
    ------
    DedupeError
        As :func:`run`.
    """
    with run_workspace(source, output, config) as workspace:
        config = with_export_options(config, workspace, given)
        check_format(config.format)
        config = with_fine_tuned_model(config, workspace)
        keys = stage_keys(source, config)
        with workspace.locked():
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
    resolved, records = clustered.resolved, state.records
    figures = cluster_figures(records, clustered.pairs, resolved, config)
    check_limits(figures, len(records), config)
    with stages.timed("export"):
        outputs = clustered.outputs()
        written = write_outputs(workspace, outputs.tables(), state.table.dialect, config)
    summary = {
        **run_facts(source, state.table, keys, config),
        **pair_facts(stages.facts["search"], scored, state.ruled(), len(records), config),
        "cross_encoder": cross_encoder_facts(stages.facts["score"]),
        "self_training": stages.facts["score"]["self_training"],
        "uninformative_values": uninformative_values(state.comparison.file_statistics),
        **figures,
        **fitted_facts(clustered.recalibration, aim),
        "stages": stages.done,
        "key": export_key(keys, state.decisions, state.choices, asked),
        "written": written_facts("run", stages.done),
        "outputs": written,
    }
    facts = workspace.facts()
    now = {**facts, "config": config_facts(workspace, config)}
    if now != facts:
        workspace.write_facts(now)
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
        frame = table.records.frame
        check_sources(parse_rules(config, frame.columns), frame)
        check_rules(config, frame.columns)
        given_roles(table.records.compared_columns, config.kind)
        check_fits(frame, config.format)
    check_same_input(workspace, source, table)
    records = table.records
    firsts, identical = identical_pairs(records.texts)
    # The scores in the workspace are valid until the same candidates have new ones: a run that is
    # interrupted leaves a complete workspace.
    rescored = is_rescored(workspace, keys)
    slot = assign_slots(records.texts, firsts, identical)
    if not rescored:
        placed = replace(table, slot=slot, extended=False)
        store_input(workspace, source, placed, keys, config)
    candidates = find_candidates(stages, keys["candidates"], records, firsts, slot, config)
    scored, comparison = score_candidates(
        stages, keys["scored"], records, identical, candidates, config
    )
    if rescored:
        store_input(workspace, source, table, keys, config)
    _forget_earlier(stages, keys)
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


def _forget_earlier(stages: Stages, keys: Mapping[str, str]) -> None:
    """Remove what earlier runs cached, and what is left of it if one was killed meanwhile."""
    cache = stages.workspace.cache
    for stage in (TABLE, RECORDS, SLOTS, CLUSTERS, ADDITIONS):
        cache.forget(stage, [keys["table"]])
    cache.forget(INDEX, [stages.facts["search"]["stored"]["key"]])
    cache.forget(CANDIDATES, [keys["candidates"]])
    cache.forget(SCORED, [keys["scored"]])
    cache.forget(STATISTICS, [stages.facts["score"]["statistics_key"]])


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


def with_export_options(
    config: Config, workspace: Workspace, given: Mapping[str, Any] | None
) -> Config:
    """Use the export options of the workspace where none are given; `given` as for `execute`."""
    if given is None or not workspace.facts():
        return config
    return config.with_export_options_of(stored_config(workspace), given)


def with_fine_tuned_model(config: Config, workspace: Workspace) -> Config:
    """Use the cross-encoder fine-tuned on the workspace's decisions, unless another is named.

    Raises
    ------
    WorkspaceError
        If its files, or the file that names it, are damaged or missing.
    """
    if config.cross_encoder == BUNDLED and (version := workspace.models.current()):
        workspace.models.check(version)
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
