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
    from dedupe.additions import add
    from dedupe.costs import estimate
    from dedupe.differences import Diff, diff
    from dedupe.feedback import evaluate_workspace, train
    from dedupe.matching import Matcher, open_workspace
    from dedupe.pipeline import Result, export, link, run
    from dedupe.profiling import profile
    from dedupe.scoring import score
    from dedupe.workspace import Workspace

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
    "add": "dedupe.additions",
    "Matcher": "dedupe.matching",
    "Diff": "dedupe.differences",
    "diff": "dedupe.differences",
    "profile": "dedupe.profiling",
    "Result": "dedupe.pipeline",
    "estimate": "dedupe.costs",
    "evaluate_workspace": "dedupe.feedback",
    "export": "dedupe.pipeline",
    "link": "dedupe.pipeline",
    "run": "dedupe.pipeline",
    "score": "dedupe.scoring",
    "train": "dedupe.feedback",
    "Workspace": "dedupe.workspace",
    "open_workspace": "dedupe.matching",
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
