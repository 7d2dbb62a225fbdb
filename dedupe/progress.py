"""How stages say how far they are, without knowing who listens."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with (done, total) as the work of one stage goes on."""

Report = Callable[[str, int, int], None]
"""Called with (stage, done, total); a stage ends where the next one begins."""


def silent(done: int, total: int) -> None:
    """Report to nobody."""


def no_report(stage: str, done: int, total: int) -> None:
    """Report to nobody."""
