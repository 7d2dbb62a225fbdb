"""A share of the fuzzer: random tables of every format, many of them damaged, and kept files."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from tests.fuzz.__main__ import KEPT
from tests.fuzz.check import check_file, fuzz
from tests.laws import tries

SEED = os.environ.get("FUZZ_SEED") or str(secrets.randbelow(2**32))
MINUTES = float(os.environ.get("FUZZ_MINUTES", "0.2"))


@pytest.mark.slow
def test_random_tables_are_read_and_written_without_a_changed_value() -> None:
    count = 10_000 if MINUTES > 1 else tries(600)
    found = fuzz(SEED, count, 60 * MINUTES)
    print(f"seed {SEED}: {dict(found)}")  # noqa: T201 - to repeat what was tried
    assert found["whole"] and found.total() == found["whole"] + found["damaged"] + found["refused"]


@pytest.mark.parametrize("file", sorted(KEPT.iterdir()), ids=lambda file: str(file.name))
def test_a_file_that_once_failed_is_read_or_refused(
    file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    check_file(file)
    assert capfd.readouterr() == ("", "")  # libraries print nothing of their own
