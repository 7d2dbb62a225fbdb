"""The stages of one run: timed, reported, and cached in the workspace."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import polars as pl

from dedupe.progress import Progress, Report
from dedupe.workspace.folder import Workspace

STAGES = ("read", "encode", "search", "score", "cluster", "export")
"""Names of the stages, in order, as they are reported and timed."""


class Stages:
    """Runs the stages of one run: times them, reports them, keeps what they make.

    Parameters
    ----------
    workspace
        Where results are kept; ``None`` keeps nothing.
    report
        Told how far each stage is.
    """

    def __init__(self, workspace: Workspace | None, report: Report) -> None:
        self.workspace = workspace
        self.report = report
        self.done: list[dict[str, Any]] = []
        self.facts: dict[str, dict[str, Any]] = {}

    @contextmanager
    def timed(self, stage: str) -> Iterator[Progress]:
        """Time one stage, and say that it has begun and ended."""
        start = time.perf_counter()
        self.report(stage, 0, 0)
        yield partial(self.report, stage)
        self.done.append(
            {
                "stage": stage,
                "seconds": round(time.perf_counter() - start, 3),
                "peak_mb": _peak_mb(),
            }
        )

    def kept(self, stage: str, name: str, key: str) -> pl.DataFrame | None:
        """Return what `stage` made under `key` in an earlier run, if it is there and whole."""
        found = self.workspace.load(name, key) if self.workspace is not None else None
        if found is None:
            return None
        frame, self.facts[stage] = found
        self.done.append({"stage": stage, "seconds": 0.0, "peak_mb": _peak_mb(), "reused": True})
        return frame

    def keep(
        self,
        stage: str,
        name: str,
        key: str,
        frame: pl.DataFrame,
        facts: dict[str, Any],
        *,
        forget: bool = True,
    ) -> pl.DataFrame:
        """Keep what `stage` made, and `forget` what it made before."""
        self.facts[stage] = facts
        if self.workspace is not None:
            self.workspace.save(name, key, frame, facts, forget=forget)
        return frame


def _peak_mb() -> int:
    """Return the most memory used so far, in MiB; 0 where the system does not say."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak // (1024 * 1024 if platform.system() == "Darwin" else 1024))
