"""A workspace refuses folders that are not its own, and a second run at the same time."""

from __future__ import annotations

from pathlib import Path

import pytest

from dedupe.errors import OutputError, WorkspaceError
from dedupe.workspace.folder import Workspace, open_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "w.dedupe")
    with workspace.locked():
        workspace.write_facts({"input": {"names": ["a.csv"]}})
    return workspace


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    with pytest.raises(WorkspaceError, match="a folder of something else"):
        Workspace(tmp_path / "mine").facts()
    with pytest.raises(WorkspaceError, match="there is no workspace"):
        open_workspace(tmp_path / "none")


def test_damaged_or_foreign_facts_are_one_clear_line(workspace: Workspace) -> None:
    workspace.facts_file.write_text("{")
    with pytest.raises(WorkspaceError, match="is damaged"):
        workspace.facts()
    workspace.facts_file.write_text('{"format": 99}')
    with pytest.raises(WorkspaceError, match="another version"):
        workspace.facts()


def test_a_second_run_at_the_same_time_is_refused(workspace: Workspace) -> None:
    with (
        workspace.locked(),
        pytest.raises(WorkspaceError, match="another run is using"),
        workspace.locked(),
    ):
        pass
    with workspace.locked():
        pass


def test_a_run_that_ends_before_it_cached_anything_leaves_no_folder(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "new.dedupe")
    with pytest.raises(ZeroDivisionError), workspace.locked():
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for make in (Workspace(tmp_path / "file/w").make_folder, _enter(tmp_path / "file/w")):
        with pytest.raises(OutputError, match="cannot write to"):
            make()


def _enter(path: Path):
    def enter() -> None:
        with Workspace(path).locked():
            pass

    return enter


def test_no_manifest_is_an_empty_one(workspace: Workspace) -> None:
    assert workspace.manifest() == {}
    workspace.manifest_file.write_text("nonsense")
    assert workspace.manifest() == {}


def test_a_run_that_ends_early_leaves_an_empty_folder_empty(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with pytest.raises(ZeroDivisionError), workspace.locked():
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_a_killed_run_left_is_used_again(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w.dedupe")
    workspace.cache.folder.mkdir(parents=True)
    (workspace.path / ".lock").touch()
    (workspace.cache.folder / "table-0123456789abcdef.parquet").write_bytes(b"part")
    assert workspace.facts() == {}


def test_a_folder_of_stages_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "table-of-contents.txt").write_text("mine")
    with pytest.raises(WorkspaceError, match="a folder of something else"):
        Workspace(tmp_path).facts()
