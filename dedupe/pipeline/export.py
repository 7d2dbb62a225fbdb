"""Export: cluster, merge and write again from a workspace, without any model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dedupe.config import Config
from dedupe.errors import OptionError
from dedupe.evaluation.threshold import with_target_threshold
from dedupe.pipeline.manifest import fitted_facts
from dedupe.pipeline.output_files import write_outputs
from dedupe.pipeline.result import Result
from dedupe.pipeline.run import check_linked
from dedupe.pipeline.stages import Stages
from dedupe.progress import Report, no_report
from dedupe.resolution.cluster_figures import cluster_figures
from dedupe.resolution.survivorship import parse_rules
from dedupe.workspace.folder import Workspace, open_workspace
from dedupe.workspace.json_file import write_json
from dedupe.workspace.keys import clusters_key, export_key
from dedupe.workspace.state import Clustered, open_state
from dedupe.workspace.stored import config_facts, save_clusters

EXPORT_OPTIONS = (
    "threshold",
    "review_from",
    "preset",
    "target_precision",
    "target_recall",
    "recalibrate",
    "self_training",
    "large_cluster",
    "link",
    "prefer",
    "merge",
    "format",
    "sort",
    "pair_values",
    "value_sources",
    "safe_csv",
)
"""Options that need nothing to be computed again."""

_FITTED = ("recalibration", "aim", "links")
"""Parts of a manifest that an export replaces or leaves out."""


def export(
    workspace: str | Path,
    *,
    output: str | Path | None = None,
    report: Report = no_report,
    **options: Any,
) -> Result:
    """Cluster, merge and write again from a workspace; no model is needed.

    Parameters
    ----------
    workspace
        Folder of the workspace.
    output
        Folder to write the tables to. ``None``: the workspace itself.
    report
        Called with the progress of each stage.
    **options
        :data:`EXPORT_OPTIONS`, replacing those of the run.

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
        parse_rules(asked.merge, state.records.frame.columns)
    with stages.timed("cluster"):
        state, aim = with_target_threshold(replace(state, config=asked))
        config, clustered = state.config, state.cluster()
    target = opened if output is None else Workspace(Path(output))
    target.make_folder()
    with opened.locked():
        with stages.timed("export"):
            outputs = clustered.outputs()
            written = write_outputs(target, outputs.tables(), state.table.dialect, config)
        summary = {
            "rows": len(state.records),
            "config": config.as_dict(),
            **cluster_figures(state.records, clustered.pairs, clustered.resolved, config),
            **fitted_facts(clustered.recalibration, aim),
            "stages": stages.done,
            "outputs": written,
        }
        if output is None:
            _store(opened, clustered, asked, summary)
    return Result(summary, target.path, lambda: outputs, lambda: clustered)


def _store(
    workspace: Workspace, clustered: Clustered, asked: Config, summary: Mapping[str, Any]
) -> None:
    """Make the options of an export those of the workspace, in its facts and its manifest."""
    state, facts = clustered.state, workspace.facts()
    keys, reviewed = facts["keys"], (state.decisions, state.choices)
    workspace.write_facts({**facts, "config": config_facts(workspace, state.config)})
    key = clusters_key(keys["scored"], *reviewed, state.config)
    continued = state.records.previous_cluster_ids is not None
    save_clusters(workspace, keys["table"], clustered.resolved, key, ids_continue=continued)
    fitted = {name: value for name, value in workspace.manifest().items() if name not in _FITTED}
    write_json(
        workspace.manifest_file,
        {**fitted, **summary, "key": export_key(keys, *reviewed, asked)},
    )
