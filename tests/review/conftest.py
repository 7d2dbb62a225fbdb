"""Workspaces to review: one that is scored by string likeness, and one by the bundled model."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import dedupe
from tests.samples import by_likeness, review_table


@pytest.fixture(scope="session")
def run_by_likeness(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the review table; the thresholds leave a wide doubtful band. No test changes it."""
    path = tmp_path_factory.mktemp("finished") / "w.dedupe"
    with by_likeness():
        dedupe.run(review_table(), output=path, threshold=0.9, review_from=0.3)
    return path


@pytest.fixture
def workspace(run_by_likeness: Path, tmp_path: Path, scored_by_likeness: None) -> Path:
    """Copy the run that is scored by likeness to where a test may change it."""
    return shutil.copytree(run_by_likeness, tmp_path / "w.dedupe", copy_function=shutil.copy2)


@pytest.fixture(scope="session")
def run_by_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the review table with the comparison model. No test changes it."""
    path = tmp_path_factory.mktemp("judged") / "w.dedupe"
    dedupe.run(review_table(), output=path, threshold=0.5, review_from=0.002, effort="fast")
    return path


@pytest.fixture
def judged_workspace(run_by_model: Path, tmp_path: Path) -> Path:
    """Copy the run with the comparison model to where a test may change it."""
    return shutil.copytree(run_by_model, tmp_path / "w.dedupe", copy_function=shutil.copy2)
