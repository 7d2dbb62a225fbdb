"""Finds the rows of a table that are the same real thing written differently, and merges them.

>>> import dedupe
>>> result = dedupe.run("contacts.csv")     # doctest: +SKIP
>>> result.merged                           # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dedupe.config import Config
from dedupe.errors import (
    DedupeError,
    InputError,
    ModelError,
    OptionError,
    OutputError,
    WorkspaceError,
)

if TYPE_CHECKING:
    from dedupe.evaluation.compare_runs import Diff, diff
    from dedupe.evaluation.quality import evaluate_workspace
    from dedupe.io.profile import profile
    from dedupe.pipeline.dry_run import estimate
    from dedupe.pipeline.export import export
    from dedupe.pipeline.incremental.add import add
    from dedupe.pipeline.incremental.match import Matcher, open_workspace
    from dedupe.pipeline.result import Result
    from dedupe.pipeline.run import link, run
    from dedupe.pipeline.train import train
    from dedupe.scoring.score import score
    from dedupe.workspace.folder import Workspace

__all__ = [
    "Config",
    "DedupeError",
    "Diff",
    "InputError",
    "Matcher",
    "ModelError",
    "OptionError",
    "OutputError",
    "Result",
    "Workspace",
    "WorkspaceError",
    "add",
    "diff",
    "estimate",
    "evaluate_workspace",
    "export",
    "link",
    "open_workspace",
    "profile",
    "run",
    "score",
    "train",
]

_HOMES = {
    "add": "dedupe.pipeline.incremental.add",
    "Matcher": "dedupe.pipeline.incremental.match",
    "Diff": "dedupe.evaluation.compare_runs",
    "diff": "dedupe.evaluation.compare_runs",
    "profile": "dedupe.io.profile",
    "Result": "dedupe.pipeline.result",
    "estimate": "dedupe.pipeline.dry_run",
    "evaluate_workspace": "dedupe.evaluation.quality",
    "export": "dedupe.pipeline.export",
    "link": "dedupe.pipeline.run",
    "run": "dedupe.pipeline.run",
    "score": "dedupe.scoring.score",
    "train": "dedupe.pipeline.train",
    "Workspace": "dedupe.workspace.folder",
    "open_workspace": "dedupe.pipeline.incremental.match",
}


def __getattr__(name: str) -> Any:
    """Import the working parts when they are first used: ``import dedupe`` stays instant."""
    if name not in _HOMES:
        raise AttributeError(f"module 'dedupe' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
