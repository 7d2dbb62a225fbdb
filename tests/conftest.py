"""Hypothesis without deadlines: machines differ; and with the same examples each time."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Tests run side by side, and the processes that they start inherit this: threads of several
# networks on the same cores wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile(
    "project",
    deadline=None,
    derandomize=True,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("project")
