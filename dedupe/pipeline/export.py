"""Export: cluster, merge and write again from a workspace, without any model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dedupe.errors import OptionError
from dedupe.evaluation.threshold import with_aim
from dedupe.pipeline.manifest import learnt_facts
from dedupe.pipeline.output_files import write_outputs
from dedupe.pipeline.result import Result
from dedupe.pipeline.run import check_linked
from dedupe.pipeline.stages import Stages
from dedupe.progress import Report, no_report
from dedupe.resolution.outputs import cluster_figures, make_outputs
from dedupe.resolution.resolve import corrected, resolve
from dedupe.resolution.survivorship import parse_rules
from dedupe.workspace.folder import Workspace, open_workspace
from dedupe.workspace.state import choices_of, decisions_of, kept_config, lost_by_search, reopened

EXPORT_OPTIONS = (
    "threshold",
    "review_from",
    "preset",
    "target_precision",
    "target_recall",
    "correct",
    "adapt",
    "large_cluster",
    "link",
    "prefer",
    "merge",
    "format",
    "safe_csv",
)
"""Options that need nothing to be computed again."""


def export(
    workspace: str | Path,
    *,
    output: str | Path | None = None,
    report: Report = no_report,
    **options: Any,
) -> Result:
    """Cluster, merge and write again from what a workspace holds; needs no model.

    Parameters
    ----------
    workspace
        Its folder.
    output
        Folder to write the tables to. ``None``: the workspace itself.
    report
        Told how far each stage is.
    **options
        :data:`EXPORT_OPTIONS`, replacing those of the run.

    Returns
    -------
    Result
        As of :func:`run`.

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
    config = kept_config(opened).with_options(**options)
    stages = Stages(opened, report)
    with stages.timed("read"):
        table, pairs = reopened(opened)
        check_linked(config, table.linked)
        rules = parse_rules(config.merge, table.records.frame.columns)
    decisions = decisions_of(opened)
    with stages.timed("cluster"):
        lost = lost_by_search(opened)
        config, aim = with_aim(table.records, pairs, decisions, config, lost)
        pairs, correction = corrected(table.records, pairs, decisions, config)
        resolved = resolve(table.records, pairs, decisions, config, choices_of(opened))
    target = opened if output is None else Workspace(Path(output))
    target.make_folder()
    with stages.timed("export"), opened.locked():
        outputs = make_outputs(table.records, pairs, resolved, rules, config, table.linked)
        written = write_outputs(target, outputs.tables(), table.dialect, config)
    summary = {
        "rows": len(table.records),
        **cluster_figures(table.records, pairs, resolved, config),
        **learnt_facts(correction, aim),
        "stages": stages.done,
        "config": config.as_dict(),
        "outputs": written,
    }
    return Result(summary, target.path, lambda: outputs)
