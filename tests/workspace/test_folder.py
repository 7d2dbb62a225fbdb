"""A workspace refuses folders that are not its own, and a second run at the same time."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dedupe.config import Config
from dedupe.errors import OutputError, WorkspaceError
from dedupe.resolution.decisions import Decision
from dedupe.workspace.facts import FORMAT
from dedupe.workspace.folder import Workspace, open_workspace
from dedupe.workspace.json_file import read_json, write_json

FACTS: dict[str, Any] = {
    "input": {"names": ["a.csv"], "fingerprint": "f", "rows": 3, "columns": ["name"]},
    "keys": {"table": "1", "candidates": "2", "scored": "3"},
    "config": Config(fields=("name",)).as_dict() | {"fields": ["name"], "ignore": []},
    "models": {"bi_encoder": "b", "cross_encoder": "c"},
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "w.dedupe")
    with workspace.locked():
        workspace.write_facts(FACTS)
    return workspace


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    with pytest.raises(WorkspaceError, match="a folder of something else"):
        Workspace(tmp_path / "mine").facts()
    with pytest.raises(WorkspaceError, match="there is no workspace"):
        open_workspace(tmp_path / "none")


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"format": 3}', None])
def test_lost_facts_are_restored_from_their_copy(
    workspace: Workspace, damage: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    if damage is None:
        workspace.facts_file.unlink()
    else:
        workspace.facts_file.write_text(damage)
    assert open_workspace(workspace.path).facts() == {**FACTS, "format": FORMAT}
    with workspace.locked():
        pass
    assert "restored from its copy" in caplog.text
    assert read_json(workspace.facts_file) == {**FACTS, "format": FORMAT}


def test_a_lost_copy_is_written_again(workspace: Workspace) -> None:
    copy = workspace.cache.folder / workspace.facts_file.name
    for damage in (lambda: copy.unlink(), lambda: copy.write_text("{")):
        damage()
        with workspace.locked():
            pass
        assert read_json(copy) == read_json(workspace.facts_file)


def test_without_facts_and_copy_the_way_back_is_named(workspace: Workspace) -> None:
    workspace.cache.save("scored", "0123456789abcdef", pl.DataFrame({"a": [1]}), {})
    with workspace.decisions() as log:
        log.record("a", "b", Decision.MATCH, "me")
    (workspace.cache.folder / "workspace.json").unlink()
    for lose in (lambda: workspace.facts_file.write_text("{"), workspace.facts_file.unlink):
        lose()
        with pytest.raises(
            WorkspaceError, match=r"run dedupe run on its input again.*decisions are kept"
        ):
            open_workspace(workspace.path)
        assert workspace.facts() == {}
    shutil.rmtree(workspace.cache.folder)
    assert workspace.facts() == {}


def _with(place: str, value: object) -> dict[str, Any]:
    facts = copy.deepcopy(FACTS)
    *path, name = place.split(".")
    inner: Any = facts
    for step in path:
        inner = inner[step]
    if value is None:
        del inner[name]
    else:
        inner[name] = value
    return facts


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("input", None), ("input", []), ("input.names", "a.csv"), ("input.names", [1]),
        ("input.rows", "3"), ("input.rows", True), ("input.more", 1), ("keys.scored", None),
        ("keys.table", "../../x"), ("keys", {}), ("config", [1]), ("config.threshold", "much"),
        ("config.fields", 3), ("config.later_option", True), ("models.cross_encoder", 1),
        ("added", [1]), ("original", {}), ("later", {}),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_one_line_that_says_what_to_do(
    workspace: Workspace, place: str, value: object
) -> None:
    workspace.write_facts(_with(place, value))
    with pytest.raises(WorkspaceError, match="run dedupe run on the input again") as raised:
        workspace.facts()
    name = place.rpartition(".")[2] if place != "keys" else "table"
    assert name in str(raised.value) and "\n" not in str(raised.value)


def test_a_newer_format_is_refused_and_an_older_one_run_again(workspace: Workspace) -> None:
    write_json(workspace.facts_file, {"format": FORMAT + 1, "later": True})
    with pytest.raises(WorkspaceError, match="written by a newer dedupe"):
        workspace.facts()
    write_json(workspace.facts_file, {"format": FORMAT - 1})
    assert workspace.facts() == {}
    with pytest.raises(WorkspaceError, match="older version"):
        open_workspace(workspace.path)


def test_what_a_killed_writer_left_is_removed_and_nothing_else(workspace: Workspace) -> None:
    ours = (".merged.csv.0123456789abcdef.tmp", ".results.sqlite.0123456789abcdef.tmp-journal")
    others = (".merged.csv.tmp", "x.0123456789abcdef.tmp", ".0123456789abcdef.tmp")
    folders = (workspace.path, workspace.cache.folder, workspace.models.folder)
    workspace.models.making(1).mkdir(parents=True)
    for folder in folders:
        for name in (*ours, *others):
            (folder / name).write_text("part")
    with workspace.locked():
        pass
    for folder in folders:
        left = {path.name for path in folder.iterdir()}
        assert left.isdisjoint(ours) and left.issuperset(others)
    assert not workspace.models.making(1).exists()


@pytest.mark.parametrize("name", [".lock", "stages", "models", "decisions.sqlite"])
def test_links_are_not_followed_out_of_a_workspace(
    workspace: Workspace, tmp_path: Path, name: str
) -> None:
    place = workspace.path / name
    if place.is_dir():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WorkspaceError, match="is a link"), workspace.locked():
        pass
    assert not (tmp_path / "elsewhere").exists()


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
        with pytest.raises(OutputError, match="cannot write "):
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


def test_temporary_files_of_a_killed_run_do_not_make_a_folder_foreign(tmp_path: Path) -> None:
    (tmp_path / "stages").mkdir()
    (tmp_path / ".workspace.json.0123456789abcdef.tmp").touch()
    (tmp_path / "stages" / ".workspace.json.0123456789abcdef.tmp").touch()
    (tmp_path / "stages" / ".table-0123456789abcdef.parquet.0123456789abcdef.tmp").touch()
    assert Workspace(tmp_path).facts() == {}


def test_a_folder_of_stages_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "table-of-contents.txt").write_text("mine")
    with pytest.raises(WorkspaceError, match="a folder of something else"):
        Workspace(tmp_path).facts()
