"""The rehearsal pairs are pairs of record texts beside the weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dedupe.models.loading import MODELS, REHEARSAL
from dedupe.training.rehearsal import PAIRS, write_rehearsal

pytestmark = pytest.mark.model


def test_pairs_are_written_in_the_format_of_the_bundled_file(tmp_path: Path) -> None:
    write_rehearsal(tmp_path / REHEARSAL)
    for folder in (tmp_path, MODELS / "cross-encoder"):
        lines = (folder / REHEARSAL).read_text(encoding="utf-8").splitlines()
        pairs = [json.loads(line) for line in lines]
        assert len(pairs) == PAIRS
        assert all(pair.keys() == {"left", "right"} for pair in pairs)
        assert all(": " in pair["left"] + pair["right"] for pair in pairs)
