"""Settings of Hypothesis and the fixtures of more than one test folder."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.laws import ALL, FEW

# Tests run side by side, and the processes that they start inherit this: otherwise the threads of
# several networks wait for each other on the same cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Tests write and delete tens of thousands of small files, which takes a disk as long as the tests.
MEMORY = Path("/dev/shm")
if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 4 << 30:
    os.environ.setdefault("TMPDIR", str(MEMORY))
    tempfile.tempdir = None  # it may be known from before

LEFT_OUT = re.compile(r"^pytestmark = \[?pytest\.mark\.(model|slow)\b", re.MULTILINE)
"""The line of a module that marks all its tests."""

settings.register_profile(
    "fixed",
    deadline=None,  # machines differ
    derandomize=True,
    max_examples=ALL,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("random", settings.get_profile("fixed"), derandomize=False)
settings.register_profile("few", settings.get_profile("fixed"), max_examples=FEW)
settings.load_profile("fixed")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Choose the profile of Hypothesis, and a seed for the random one.

    In the loop while one works, laws have few examples, and polars uses one thread, which is faster
    for tables of a few rows. The options are set before the plugin of Hypothesis reads them, so
    that every worker of pytest-xdist gets the same seed.
    """
    usual = "fixed"
    if is_quick(config):
        usual = "few"
        os.environ.setdefault("POLARS_MAX_THREADS", "1")
    config.option.hypothesis_profile = config.option.hypothesis_profile or os.environ.get(
        "HYPOTHESIS_PROFILE", usual
    )
    if config.option.hypothesis_profile == "random" and config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(secrets.randbelow(2**32))


def is_quick(config: pytest.Config) -> bool:
    """Tell whether the run is the loop while one works, which leaves out the models."""
    marks = config.option.markexpr.replace("not slow", "")
    return "not model" in marks and "slow" not in marks


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """In the loop, do not import modules whose tests are all left out: that takes seconds."""
    if is_quick(config) and collection_path.suffix == ".py":
        return bool(LEFT_OUT.search(collection_path.read_text(encoding="utf-8"))) or None
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out slow tests where the models are left out."""
    if is_quick(config):
        slow = [item for item in items if item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Run files that are named in this process: to start others takes longer."""
    return None if config.args_source is pytest.Config.ArgsSource.TESTPATHS else 0


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say how many examples laws have, or name the seed of random ones and how to repeat them."""
    if config.option.hypothesis_profile == "few":
        return f"laws are checked with {FEW} examples; HYPOTHESIS_PROFILE=fixed: with {ALL}"
    if config.option.hypothesis_profile != "random":
        return None
    seed = config.option.hypothesis_seed
    return (
        f"random examples of seed {seed}; to repeat them: "
        f"python -m pytest --hypothesis-profile=random --hypothesis-seed={seed}"
    )


@pytest.fixture
def scored_by_likeness() -> Iterator[None]:
    """Score the pairs of every run in the test by string likeness, so that no model is loaded."""
    from tests.samples import by_likeness

    with by_likeness():
        yield
