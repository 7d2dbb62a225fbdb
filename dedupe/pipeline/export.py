"""Export: cluster, merge and write again from a workspace, without any model."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

from dedupe.config import EXPORT_OPTIONS, Config
from dedupe.errors import OptionError, OutputError
from dedupe.evaluation.threshold import with_target_threshold
from dedupe.pipeline.manifest import fitted_facts, matching_pairs, written_facts
from dedupe.pipeline.options import ExportOptions
from dedupe.pipeline.output_files import write_outputs
from dedupe.pipeline.results.result import Result
from dedupe.pipeline.run import check_linked
from dedupe.pipeline.stages import Stages
from dedupe.progress import Report, notebook_report
from dedupe.resolution.cluster_figures import check_limits, cluster_figures
from dedupe.resolution.rules import check_rules
from dedupe.resolution.survivorship.merge_rules import check_sources, parse_rules
from dedupe.workspace.folder import Workspace, open_workspace
from dedupe.workspace.json_file import write_json
from dedupe.workspace.keys import clusters_key, export_key
from dedupe.workspace.state import Clustered, open_state
from dedupe.workspace.stored import config_facts, save_clusters

_FITTED = ("recalibration", "aim", "links")
"""Parts of a manifest that an export replaces or leaves out."""


def export(
    workspace: str | Path,
    *,
    output: str | Path | None = None,
    report: Report = notebook_report,
    **options: Unpack[ExportOptions],
) -> Result:
    """Cluster, merge and write again from a workspace; no model is needed.

    Parameters
    ----------
    workspace
        Folder of the workspace.
    output
        Folder to write the tables to; nothing changes in the workspace then. ``None``: the
        workspace itself. The options then become those of the workspace, which later commands use.
    report
        Called with the progress of each stage. By default it is shown in notebooks only.
    **options
        :data:`~dedupe.config.EXPORT_OPTIONS`, replacing those of the workspace.

    Returns
    -------
    Result
        As :func:`~dedupe.pipeline.run.run` returns it.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    OptionError
        If an option is wrong, or needs a new run.
    OutputError
        If a file cannot be written, or `output` is another workspace.
    LimitError
        If the clusters exceed ``max_cluster`` or ``max_merged_share``; nothing changes then.

    Examples
    --------
    >>> lower, higher = (dedupe.export("contacts.dedupe", threshold=p) for p in (0.5, 0.9))
    >>> lower.merged.height < higher.merged.height
    True
    """
    for name in options:
        if name not in EXPORT_OPTIONS:
            raise OptionError(f"{name} needs the pairs to be computed again: use dedupe run")
    opened = open_workspace(workspace)
    stages = Stages(opened, report)
    with stages.timed("read"):
        state = open_state(opened)
        asked = state.config.with_options(**options)
        check_linked(asked, state.table.linked)
        frame = state.table.records.frame
        check_sources(parse_rules(asked, frame.columns), frame)
        check_rules(asked, frame.columns)
    with stages.timed("cluster"):
        state, aim = with_target_threshold(replace(state, config=asked))
        config, clustered = state.config, state.cluster()
    figures = cluster_figures(state.records, clustered.pairs, clustered.resolved, config)
    check_limits(figures, len(state.records), config)
    target = _target(opened, output)
    target.make_folder()
    with opened.locked() if target is opened else nullcontext():
        with stages.timed("export"):
            outputs = clustered.outputs()
            written = write_outputs(target, outputs.tables(), state.table.dialect, config)
        summary = {
            "rows": len(state.records),
            "config": config.as_dict(),
            "matching_pairs": matching_pairs(state.ruled(), config),
            **figures,
            **fitted_facts(clustered.recalibration, aim),
            "outputs": written,
        }
        if target is opened:
            _store(stages, clustered, asked, summary)
    summary = {**summary, "stages": stages.done}
    return Result(summary, target.path, lambda: outputs, lambda: clustered)


def _target(workspace: Workspace, output: str | Path | None) -> Workspace:
    """Return where to write: the workspace itself, or a folder that is no other workspace."""
    if output is None or Path(output).resolve() == workspace.path.resolve():
        return workspace
    target = Workspace(Path(output))
    if target.facts_file.exists():
        raise OutputError(
            f"{target.path} is another workspace, whose results would be lost: name another folder "
            "with -o"
        )
    return target


def _store(stages: Stages, clustered: Clustered, asked: Config, summary: Mapping[str, Any]) -> None:
    """Make the options of an export those of the workspace, in its facts and its manifest.

    What the run measured, its stages among it, stays in the manifest.
    """
    workspace, state = stages.workspace, clustered.state
    facts = workspace.facts()
    keys, reviewed = facts["keys"], (state.decisions, state.choices)
    workspace.write_facts({**facts, "config": config_facts(workspace, state.config)})
    key = clusters_key(keys["scored"], *reviewed, state.config)
    continued = state.records.previous_cluster_ids is not None
    save_clusters(workspace, keys["table"], clustered.resolved, key, ids_continue=continued)
    fitted = {name: value for name, value in workspace.manifest().items() if name not in _FITTED}
    write_json(
        workspace.manifest_file,
        {
            **fitted,
            **summary,
            "written": written_facts("export", stages.done),
            "key": export_key(keys, *reviewed, asked),
        },
    )
