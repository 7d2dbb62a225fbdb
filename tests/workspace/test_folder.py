"""The workspace keeps what is whole, and refuses what is not its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dedupe.errors import OutputError, WorkspaceError
from dedupe.workspace.folder import MOST_PARTS, Workspace, open_workspace
from dedupe.workspace.keys import stage_key

FRAME = pl.DataFrame({"left": [0, 1], "right": [2, 3]}, schema_overrides={"left": pl.UInt32})


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "w.dedupe")
    with workspace.locked():
        workspace.write_facts({"input": {"names": ["a.csv"]}})
    return workspace


def test_what_is_saved_is_loaded(workspace: Workspace) -> None:
    workspace.save("scored", "k1", FRAME, {"radius": 0.5})
    frame, facts = workspace.load("scored", "k1") or (None, None)
    assert frame is not None and frame.equals(FRAME) and frame.schema == FRAME.schema
    assert facts == {"radius": 0.5}
    assert workspace.load("scored", "k2") is None


def test_a_learnt_model_moves_with_its_folder(workspace: Workspace, tmp_path: Path) -> None:
    learnt = workspace.model(1)
    learnt.mkdir(parents=True)
    written = workspace.model_name(str(learnt))
    assert written == "models/cross-encoder-1"
    moved = Workspace(workspace.path.rename(tmp_path / "elsewhere"))
    assert moved.model_named(written) == str(moved.model(1))
    for other in ("bundled", str(tmp_path), "some/name"):
        assert moved.model_named(moved.model_name(other)) == other


def test_only_the_latest_of_a_stage_is_kept(workspace: Workspace) -> None:
    workspace.save("scored", "k1", FRAME, {})
    workspace.save("table", "k1", FRAME, {})
    workspace.save("scored", "k2", FRAME, {})
    assert sorted(path.name for path in workspace.stages.iterdir()) == [
        "scored-k2.json", "scored-k2.parquet", "table-k1.json", "table-k1.parquet",
    ]  # fmt: skip


@pytest.mark.parametrize("part", ["parquet", "json"])
def test_what_is_damaged_does_not_count(workspace: Workspace, part: str) -> None:
    workspace.save("scored", "k1", FRAME, {})
    file = workspace.stages / f"scored-k1.{part}"
    whole = file.read_bytes()
    for damaged in (b"", whole[:-3], b"x" + whole[1:], b"[]"):
        file.write_bytes(damaged)
        assert workspace.load("scored", "k1") is None
    file.write_bytes(whole)
    assert workspace.load("scored", "k1") is not None
    file.unlink()
    assert workspace.load("scored", "k1") is None


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
        pytest.raises(WorkspaceError, match="another run is under way"),
        workspace.locked(),
    ):
        pass
    with workspace.locked():
        pass


def test_a_run_that_ends_before_it_kept_anything_leaves_no_folder(tmp_path: Path) -> None:
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


def test_keys_tell_what_they_are_made_from() -> None:
    assert stage_key("a", 1, None) == stage_key("a", 1, None)
    assert len({stage_key("a", 1), stage_key("a", 2), stage_key("a", "1"), stage_key("a1")}) == 4


def test_no_manifest_is_an_empty_one(workspace: Workspace) -> None:
    assert workspace.manifest() == {}
    workspace.manifest_file.write_text("nonsense")
    assert workspace.manifest() == {}


def test_arrays_are_kept_whole_or_do_not_count(workspace: Workspace) -> None:
    arrays = {"vectors": np.arange(6, dtype=np.float16).reshape(2, 3), "counts": np.array([1, 2])}
    workspace.save_arrays("index", "k1", arrays)
    workspace.save_arrays("index", "k2", arrays)
    found = workspace.load_arrays("index", "k1")
    assert found is not None and found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
    workspace.forget("index", ["k2"])
    assert workspace.load_arrays("index", "k1") is None
    file = workspace.stages / "index-k2.npz"
    whole = file.read_bytes()
    for damaged in (b"", whole[:-30], whole.replace(arrays["vectors"].tobytes(), b"\0" * 12), b"x"):
        file.write_bytes(damaged)
        assert workspace.load_arrays("index", "k2") is None


def test_what_is_not_forgotten_stays_beside(workspace: Workspace) -> None:
    workspace.save("scored", "k1", FRAME, {})
    workspace.save("scored", "k2", FRAME, {}, forget=False)
    assert workspace.load("scored", "k1") is not None
    workspace.forget("scored", ["k2"])
    assert workspace.load("scored", "k1") is None and workspace.load("scored", "k2") is not None


def test_rows_may_lie_behind_those_of_another_key(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.stages.mkdir()
    frame = pl.DataFrame({"a": range(10)})
    workspace.save("table", "k0", frame[:4], {"n": 0})
    for number, stop in enumerate((6, 6, 10), start=1):
        after = (f"k{number - 1}", [4, 6, 6][number - 1])
        workspace.save("table", f"k{number}", frame[:stop], {"n": number}, forget=False,
                       after=after)  # fmt: skip
    workspace.save("table", "other", frame, {}, forget=False)
    workspace.forget("table", ["k3"])
    found = workspace.load("table", "k3")
    assert found is not None and found[0].equals(frame) and found[1] == {"n": 3}
    assert workspace.stage_facts("table", "k3") == {"n": 3}
    assert workspace.load("table", "other") is None
    sizes = [path.stat().st_size for path in sorted(workspace.stages.glob("table-*.parquet"))]
    assert len(sizes) == 4
    (workspace.stages / "table-k1.parquet").write_bytes(b"")
    assert workspace.load("table", "k3") is None and workspace.load("table", "k0") is not None


def test_many_parts_become_one(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.stages.mkdir()
    frame = pl.DataFrame({"a": range(MOST_PARTS + 2)})
    workspace.save("table", "k0", frame[:1], {})
    for n in range(1, MOST_PARTS + 2):
        workspace.save("table", f"k{n}", frame[: n + 1], {}, forget=False, after=(f"k{n - 1}", n))
        workspace.forget("table", [f"k{n}"])
        found = workspace.load("table", f"k{n}")
        assert found is not None and found[0].equals(frame[: n + 1])
    assert len(list(workspace.stages.glob("table-*.parquet"))) == 2
