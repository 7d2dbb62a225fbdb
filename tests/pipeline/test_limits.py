"""A result beyond its limits replaces nothing, and the workspace can be used all the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import dedupe
from dedupe.errors import LimitError
from dedupe.workspace.folder import Workspace
from dedupe.workspace.state import open_state
from dedupe.workspace.stored import stored_config
from tests.samples import people_table, with_ids

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("scored_by_likeness")]

OPTIONS = {"effort": "fast", "threshold": 0.9}


@pytest.fixture
def people(tmp_path: Path) -> Path:
    people_table().write_csv(tmp_path / "people.csv")
    return tmp_path / "people.csv"


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir()) if file.is_file()}


def results(folder: Path) -> dict[str, bytes]:
    kept = ("workspace.json", ".lock")
    return {name: data for name, data in contents(folder).items() if name not in kept}


def test_a_limit_that_is_just_reached_is_kept(people: Path) -> None:
    summary = dedupe.run(people, **OPTIONS).summary
    largest, share = summary["largest_cluster"], summary["rows_merged"] / summary["rows"]
    dedupe.run(people, **OPTIONS, max_cluster=largest, max_merged_share=share)
    with pytest.raises(LimitError) as raised:
        dedupe.run(people, **OPTIONS, max_cluster=largest - 1, max_merged_share=share - 1e-4)
    assert str(raised.value) == (
        f"the largest cluster has {largest} rows, above max_cluster {largest - 1} and "
        f"{summary['rows_merged']} of 17 rows are merged ({share:.4f}), above max_merged_share "
        f"{share - 1e-4:g}: no results were written, and earlier ones stay as they are"
    )


def test_a_run_beyond_a_limit_leaves_the_earlier_results_and_its_pairs(people: Path) -> None:
    workspace = dedupe.run(people, **OPTIONS).workspace
    assert workspace is not None
    before = results(workspace)
    with pytest.raises(LimitError):
        dedupe.run(people, effort="fast", threshold=0.2, max_cluster=1)
    assert results(workspace) == before
    # The limit holds for what comes next, the threshold stays that of the files.
    assert stored_config(Workspace(workspace)).max_cluster == 1
    assert stored_config(Workspace(workspace)).threshold == 0.9
    for command in (lambda: dedupe.run(people, **OPTIONS), lambda: dedupe.export(workspace)):
        with pytest.raises(LimitError):
            command()
    assert results(workspace) == before
    again = dedupe.run(people, **OPTIONS, max_cluster=17)
    reused = {stage["stage"] for stage in again.summary["stages"] if stage.get("reused")}
    assert "score" in reused
    assert results(workspace).keys() == before.keys()


def test_the_first_run_beyond_a_limit_leaves_a_workspace_to_review(people: Path) -> None:
    with pytest.raises(LimitError):
        dedupe.run(people, **OPTIONS, max_merged_share=0)
    workspace = people.with_suffix(".dedupe")
    assert not list(workspace.glob("*.csv")) and not (workspace / "manifest.json").exists()
    state = open_state(Workspace(workspace))
    assert len(state.records) == 17 and state.config.threshold == 0.9
    dedupe.export(workspace, max_merged_share=1.0)
    assert (workspace / "merged.csv").exists()


@pytest.mark.parametrize(
    "refused",
    [
        lambda workspace, out: dedupe.export(workspace, max_cluster=1),
        lambda workspace, out: dedupe.export(workspace, output=out, max_merged_share=0.0),
        lambda workspace, out: dedupe.add(workspace, with_ids(NEW, first=90), max_cluster=1),
    ],
)
def test_an_export_or_addition_beyond_a_limit_changes_nothing(
    people: Path, refused: Callable[[Path, Path], object]
) -> None:
    workspace, out = dedupe.run(people, **OPTIONS).workspace, people.with_name("out")
    assert workspace is not None
    before = contents(workspace)
    with pytest.raises(LimitError):
        refused(workspace, out)
    assert contents(workspace) == before and not out.exists()


NEW = [("Emmy", "Noether", "1882-03-23", "Erlangen")]


def test_limits_of_an_addition_become_those_of_the_workspace(people: Path) -> None:
    workspace = dedupe.run(people, **OPTIONS).workspace
    assert workspace is not None
    dedupe.add(workspace, with_ids(NEW, first=90), max_cluster=12)
    assert stored_config(Workspace(workspace)).max_cluster == 12
    # Also if there is nothing to add.
    dedupe.add(workspace, with_ids(NEW, first=90), max_merged_share=0.9)
    assert stored_config(Workspace(workspace)).max_merged_share == 0.9
    manifest = json.loads((workspace / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["config"]["max_cluster"] == 12
    dedupe.run(people, output=people.with_name("other"), **OPTIONS, max_cluster=12)


def test_a_link_has_limits(people: Path, tmp_path: Path) -> None:
    other = with_ids([(*row[1:],) for row in people_table().rows()][:5], first=50)
    with pytest.raises(LimitError, match="max_cluster 1"):
        dedupe.link(people_table(), other, **OPTIONS, max_cluster=1)
