"""The memory of a stage is that of the process itself."""

from __future__ import annotations

import subprocess
import sys

from dedupe.pipeline.stages import peak_mb

MEASURE = "from dedupe.pipeline.stages import peak_mb; print(peak_mb())"
START = f"""
import subprocess, sys
held = b"x" * (700 << 20)
print(subprocess.run([sys.executable, "-c", {MEASURE!r}], capture_output=True, text=True).stdout)
"""


def test_the_peak_memory_rises_with_what_is_held() -> None:
    before = peak_mb()
    held = b"x" * (200 << 20)
    assert peak_mb() >= min(before + 50, 200) > 0
    assert held


def test_the_peak_memory_is_not_that_of_the_program_that_started_the_process() -> None:
    started = subprocess.run(
        [sys.executable, "-c", START], capture_output=True, text=True, check=True
    )
    assert 10 < int(started.stdout) < 600
