"""Explaining the pairs of a workspace: proposed ones, others, identical and decided ones."""

from __future__ import annotations

from pathlib import Path

import pytest

import dedupe
from dedupe.resolution.decisions import Decision
from dedupe.workspace.folder import open_workspace
from dedupe.workspace.state import open_state
from tests.samples import people_table

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def fast_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explain") / "w.dedupe"
    dedupe.run(people_table(), output=folder, effort="fast")
    return folder


def test_every_pair_is_explained_up_to_its_probability(fast_run: Path) -> None:
    pairs = dedupe.export(fast_run).pairs
    for row in pairs.sort("probability").gather_every(7).iter_rows(named=True):
        found = dedupe.explain(fast_run, row["left_id"], row["right_id"])
        assert found.probability == pytest.approx(row["probability"], abs=1e-4)
        last = found.running()[-1] if found.steps else found.start_probability
        assert last == pytest.approx(found.probability, abs=2e-5)
        assert found.decided_by == row["decided_by"]
        assert all(step.kind != "stored" for step in found.steps), "the score is computed again"


def test_pairs_that_are_not_improbable_have_a_reason(fast_run: Path) -> None:
    pairs = dedupe.export(fast_run).pairs
    assert pairs.columns[-1] == "reason"
    told = pairs["reason"] != ""
    assert told.to_list() == (pairs["probability"] >= 0.05).to_list()


def test_a_decision_is_named_and_an_unproposed_pair_computed(tmp_path: Path) -> None:
    folder = tmp_path / "w.dedupe"
    dedupe.run(people_table(), output=folder, effort="fast", radius=0.5)
    records = open_state(open_workspace(folder)).records
    row = {name: number for number, name in enumerate(records.frame["born"])}
    a, b = row["1815-12-10"], row["1912-05-31"]
    ids = records.ids[a], records.ids[b]
    found = dedupe.explain(folder, *ids)
    assert not found.proposed and found.probability < 0.5 and not found.decision
    assert found.running()[-1] == pytest.approx(found.probability, abs=2e-5)
    with open_workspace(folder).decisions() as log:
        log.record(records.keys[a], records.keys[b], Decision.MATCH, "ada")
    assert dedupe.explain(folder, *ids).decision == "match"


@pytest.mark.parametrize(("ids", "said"), [(("r1", "zz"), "no record 'zz'"), (("r1", "r1"), "two")])
def test_wrong_ids_are_one_line(fast_run: Path, ids: tuple[str, str], said: str) -> None:
    with pytest.raises(dedupe.OptionError, match=said):
        dedupe.explain(fast_run, *ids)
