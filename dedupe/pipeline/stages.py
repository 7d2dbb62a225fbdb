"""The stages of one run: timed, reported, logged, and cached in the workspace."""

from __future__ import annotations

import logging
import platform
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from dedupe.progress import Progress, Report
from dedupe.workspace.folder import Workspace

_logger = logging.getLogger(__name__)
_PEAK = re.compile(r"^VmHWM:\s*(\d+) kB$", re.MULTILINE)
"""Line of ``/proc/self/status`` with the peak memory."""


class Stages:
    """The stages of one run, in the order in which they ran.

    Parameters
    ----------
    workspace
        Where results are cached.
    report
        Called with the progress of each stage.
    """

    def __init__(self, workspace: Workspace, report: Report) -> None:
        self.workspace = workspace
        self.report = report
        self.done: list[dict[str, Any]] = []
        self.facts: dict[str, dict[str, Any]] = {}

    @contextmanager
    def timed(self, stage: str) -> Iterator[Progress]:
        """Time one stage, and report its begin and end."""
        start = time.perf_counter()
        self.report(stage, 0, 0)
        yield partial(self.report, stage)
        seconds, peak = round(time.perf_counter() - start, 3), peak_mb()
        self.done.append({"stage": stage, "seconds": seconds, "peak_mb": peak})
        _logger.info("%s: %.1f s, peak %d MB", stage, seconds, peak)

    def cached(self, stage: str, name: str, key: str) -> pl.DataFrame | None:
        """Return what an earlier run cached for a stage under `key`, if it is whole."""
        found = self.workspace.cache.load(name, key)
        if found is None:
            return None
        frame, self.facts[stage] = found
        self.done.append({"stage": stage, "seconds": 0.0, "peak_mb": peak_mb(), "reused": True})
        _logger.info("%s: %d rows from the cache", stage, frame.height)
        return frame

    def cache(
        self,
        stage: str,
        name: str,
        key: str,
        frame: pl.DataFrame,
        facts: dict[str, Any],
        *,
        forget: bool = True,
    ) -> None:
        """Cache what a stage made; `forget` removes what it made under other keys."""
        self.facts[stage] = facts
        self.workspace.cache.save(name, key, frame, facts, forget=forget)
        _logger.info("%s: %d rows", stage, frame.height)


def peak_mb() -> int:
    """Return the peak memory of the process so far, in MiB; 0 if the system does not tell it."""
    try:
        # On Linux, getrusage counts what the program that started this one held at that moment.
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        if found := _PEAK.search(status):
            return int(found[1]) // 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak // (1024 * 1024 if platform.system() == "Darwin" else 1024))
