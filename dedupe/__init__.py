"""Find duplicate records in tables, or link records between tables, and merge them.

>>> import dedupe
>>> result = dedupe.run("contacts.csv", effort="fast")
>>> result.merged.height + result.summary["rows_merged"]
80

The package logs under the name ``dedupe``.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from dedupe.config import Config
from dedupe.errors import (
    DedupeError,
    InputError,
    LimitError,
    ModelError,
    OptionError,
    OutputError,
    WorkspaceError,
)

if TYPE_CHECKING:
    from dedupe.evaluation.compare_runs import Diff, diff
    from dedupe.evaluation.quality import evaluate_workspace
    from dedupe.pipeline.dry_run import dry_run
    from dedupe.pipeline.export import export
    from dedupe.pipeline.fine_tuning.train import train
    from dedupe.pipeline.incremental.add import add
    from dedupe.pipeline.incremental.match import Matcher, open_workspace
    from dedupe.pipeline.profile import profile
    from dedupe.pipeline.results.explain import explain
    from dedupe.pipeline.results.result import Result
    from dedupe.pipeline.run import link, run
    from dedupe.pipeline.score import score
    from dedupe.report.page import write_report
    from dedupe.review.offline.page import write_review_page
    from dedupe.review.offline.sheet import write_review_sheet
    from dedupe.scoring.explanation.pair import Explanation
    from dedupe.workspace.folder import Workspace
    from dedupe.workspace.labels import import_decisions

__all__ = [
    "Config",
    "DedupeError",
    "Diff",
    "Explanation",
    "InputError",
    "LimitError",
    "Matcher",
    "ModelError",
    "OptionError",
    "OutputError",
    "Result",
    "Workspace",
    "WorkspaceError",
    "add",
    "diff",
    "dry_run",
    "evaluate_workspace",
    "explain",
    "export",
    "import_decisions",
    "link",
    "open_workspace",
    "profile",
    "run",
    "score",
    "train",
    "write_report",
    "write_review_page",
    "write_review_sheet",
]

logging.getLogger("dedupe").addHandler(logging.NullHandler())

_MODULES = {
    "add": "dedupe.pipeline.incremental.add",
    "Matcher": "dedupe.pipeline.incremental.match",
    "Diff": "dedupe.evaluation.compare_runs",
    "diff": "dedupe.evaluation.compare_runs",
    "profile": "dedupe.pipeline.profile",
    "Result": "dedupe.pipeline.results.result",
    "write_report": "dedupe.report.page",
    "write_review_page": "dedupe.review.offline.page",
    "write_review_sheet": "dedupe.review.offline.sheet",
    "import_decisions": "dedupe.workspace.labels",
    "dry_run": "dedupe.pipeline.dry_run",
    "evaluate_workspace": "dedupe.evaluation.quality",
    "explain": "dedupe.pipeline.results.explain",
    "Explanation": "dedupe.scoring.explanation.pair",
    "export": "dedupe.pipeline.export",
    "link": "dedupe.pipeline.run",
    "run": "dedupe.pipeline.run",
    "score": "dedupe.pipeline.score",
    "train": "dedupe.pipeline.fine_tuning.train",
    "Workspace": "dedupe.workspace.folder",
    "open_workspace": "dedupe.pipeline.incremental.match",
}
"""Module of each public name that is imported on first use."""


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that ``import dedupe`` stays fast."""
    if name not in _MODULES:
        raise AttributeError(f"module 'dedupe' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
