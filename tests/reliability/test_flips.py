"""A flipped bit in any file of a workspace never gives another result without a word."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from dedupe.errors import WorkspaceError
from dedupe.resolution.decisions import Decision
from dedupe.workspace.log.decision_log import DecisionLog
from tests.laws import tries
from tests.reliability.flips import TRIALS, Trial, flip

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("scored_by_likeness")]

TRIED = 6
"""Files that are damaged before each command; ``tests.reliability.flips`` tries all."""


@pytest.mark.parametrize("name", TRIALS)
def test_a_flipped_bit_is_harmless_or_named(name: str, tmp_path: Path) -> None:
    trial, draw = Trial(name, tmp_path), random.Random(name)
    read = [file for file in trial.files if file.parent.name == "stages"]
    for file in draw.sample(read, tries(TRIED)):
        trial.flip(file, draw.randrange((trial.start / file).stat().st_size), draw.randrange(8))


def test_a_flipped_bit_in_the_log_never_gives_other_decisions(tmp_path: Path) -> None:
    file = tmp_path / "decisions.sqlite"
    with DecisionLog(file) as log:
        for number in range(4):
            log.record(f"a{number}", f"b{number}", Decision.MATCH, "ann")
        log.undo()
        log.choose("a1", "city", "bea")
        log.record("a0", "b0", Decision.DIFFERENT, "bea")
    expected = _read(file)
    whole = file.read_bytes()
    draw = random.Random(0)
    outcomes = []
    for _ in range(tries(400)):
        file.write_bytes(whole)
        flip(file, draw.randrange(len(whole)), draw.randrange(8))
        try:
            found = _read(file)
        except WorkspaceError as error:
            assert "\n" not in str(error)
            outcomes.append("named")
            continue
        assert found == expected
        outcomes.append("harmless")
    assert {"named", "harmless"} == set(outcomes)


def _read(file: Path) -> tuple[object, ...]:
    with DecisionLog(file, readonly=True) as log:
        return log.current().rows(), log.choices().rows(), log.log().rows()
