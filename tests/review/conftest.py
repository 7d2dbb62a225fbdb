"""A workspace to review, scored by string likeness: no model is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

import dedupe
from tests.samples import review_table


@pytest.fixture
def workspace(tmp_path: Path, scored_by_likeness: None) -> Path:
    """Run the review table; the thresholds leave a wide doubtful band."""
    dedupe.run(review_table(), output=tmp_path / "w.dedupe", threshold=0.9, review_from=0.3)
    return tmp_path / "w.dedupe"
