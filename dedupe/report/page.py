"""The page of a report: what it shows, and how it becomes one HTML file that needs no other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dedupe.evaluation.quality import estimate_state, evaluate_clusters
from dedupe.io.atomic import write_bytes_atomically
from dedupe.records.records import field_labels
from dedupe.report.charts import HEIGHT, WIDTH, histogram, shares, waterfall
from dedupe.report.examples import largest_clusters, pair_groups
from dedupe.report.field_differences import one_line
from dedupe.report.notes import notes, rule_lines
from dedupe.report.wording import plural
from dedupe.resolution.cluster_figures import cluster_figures
from dedupe.scoring.pairs import identical_ends
from dedupe.workspace.folder import Workspace, open_workspace
from dedupe.workspace.state import Clustered, open_state

FILE = "report.html"
"""Name of the file in a workspace."""
FOLDER = Path(__file__).parent
TEMPLATE = "page.html.jinja"
PALETTE = FOLDER / "palette.css"
"""Colours of this page and of other pages, light and dark."""
MOST_VALUES = 10
"""Placeholders and shared contacts that are listed."""


def write_report(
    workspace: str | Path,
    output: str | Path | None = None,
    *,
    gold: str | Path | pl.DataFrame | None = None,
) -> Path:
    """Write one HTML page about a run: figures, clusters, and pairs with their reasons.

    The page needs no other file and asks nothing of the network. It is the same bytes for the same
    workspace, and holds values of a few records as they are.

    Parameters
    ----------
    workspace
        Folder of the workspace.
    output
        The file. ``None``: ``report.html`` in the workspace.
    gold
        Gold standard to measure with; as for
        :func:`~dedupe.evaluation.quality.evaluate_workspace`.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    InputError
        If the gold standard cannot be used.
    OutputError
        If the file cannot be written.

    Examples
    --------
    >>> dedupe.write_report("contacts.dedupe").name
    'report.html'
    """
    opened = open_workspace(workspace)
    clustered = open_state(opened).cluster()
    html = render(content(opened, clustered, gold))
    file = opened.path / FILE if output is None else Path(output)
    write_bytes_atomically(file, html.encode())
    return file


def content(
    workspace: Workspace, clustered: Clustered, gold: str | Path | pl.DataFrame | None
) -> dict[str, Any]:
    """Collect what the page shows."""
    state, records, config = clustered.state, clustered.records, clustered.config
    manifest = workspace.manifest()
    figures = cluster_figures(records, clustered.pairs, clustered.resolved, config)
    summary = {**manifest, "rows": len(records), "config": config.as_dict(), **figures}
    compared = clustered.pairs.filter(~identical_ends())
    stages = [
        (stage["stage"], stage["seconds"], stage["peak_mb"])
        for stage in manifest.get("stages", ())
        if not stage.get("reused")
    ]
    estimate = estimate_state(state) if compared.height else None
    return {
        "names": workspace.facts()["input"]["names"],
        "version": manifest.get("dedupe", ""),
        "summary": summary,
        "columns": _columns(clustered),
        "estimate": estimate,
        "basis": "" if estimate is None else estimate.explanation,
        "gold": None if gold is None else evaluate_clusters(clustered, gold).as_dict(),
        "histogram": histogram(compared["probability"].to_numpy(), config.threshold),
        "threshold": config.threshold,
        "review_from": config.review_from,
        "width": WIDTH,
        "height": HEIGHT,
        "deciders": _deciders(clustered),
        "stages": [
            (*stage, share)
            for stage, share in zip(
                stages, shares([seconds for _, seconds, _ in stages]), strict=True
            )
        ],
        "notes": list(notes({"search": {}, **summary})),
        "rules": list(rule_lines(summary)),
        "contradictions": figures["contradictions"],
        "values": state.comparison.file_statistics.uninformative().head(MOST_VALUES).to_dicts(),
        "clusters": list(largest_clusters(clustered)),
        "groups": list(pair_groups(clustered, workspace)),
    }


def render(shown: Mapping[str, Any]) -> str:
    """Render the page; every value is escaped."""
    return environment(FOLDER).get_template(TEMPLATE).render(shown)


def environment(folder: Path) -> Environment:
    """Make an environment for the templates of a folder that escapes every value."""
    made = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(
        line=one_line, plural=plural, bars=lambda found: list(waterfall(found)), zip=zip
    )
    return made


def _columns(clustered: Clustered) -> list[tuple[str, bool, str]]:
    """List the columns, whether they are compared, and their role or why they are not."""
    fields = clustered.records.fields
    used = [field.name for field in fields if field.used]
    roles = {
        role.label: role.role.value for role in clustered.state.comparison.file_statistics.roles
    }
    label = dict(zip(used, field_labels(used), strict=True))
    return [
        (field.name, field.used, roles.get(label[field.name], "") if field.used else field.reason)
        for field in fields
    ]


def _deciders(clustered: Clustered) -> list[tuple[str, int, float]]:
    """Count the pairs by what decided them, with the bar of each in percent."""
    counted = clustered.pairs.group_by("decided_by").len().sort("decided_by").rows()
    bars = shares([count for _, count in counted])
    return [(str(name), count, bar) for (name, count), bar in zip(counted, bars, strict=True)]
