"""Fine-tuned models are found by version, wherever the workspace is."""

from __future__ import annotations

from pathlib import Path

import pytest

from dedupe.errors import WorkspaceError
from dedupe.workspace.folder import Workspace
from dedupe.workspace.model_versions import ModelVersions


def add_version(models: ModelVersions, name: str) -> None:
    (models.folder / name).mkdir(parents=True)
    (models.folder / name / "model.safetensors").write_bytes(b"weights")


def test_a_version_moves_with_the_workspace(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w.dedupe")
    folder = workspace.models.path(1)
    folder.mkdir(parents=True)
    written = workspace.models.portable_name(str(folder))
    assert written == "models/cross-encoder-1"
    moved = Workspace(workspace.path.rename(tmp_path / "elsewhere"))
    assert moved.models.resolved_name(written) == str(moved.models.path(1))
    for other in ("bundled", str(tmp_path), "some/name"):
        assert moved.models.resolved_name(moved.models.portable_name(other)) == other


@pytest.mark.parametrize("name", ["cross-encoder-old", "cross-encoder-", "cross-encoder-1.bak"])
def test_a_folder_with_another_name_is_no_version(tmp_path: Path, name: str) -> None:
    models = ModelVersions(tmp_path / "models")
    add_version(models, "cross-encoder-2")
    add_version(models, name)
    assert models.all() == [2]
    assert models.next() == 3
    models.use(2)
    assert models.current() == 2


def test_there_is_no_version_before_one_is_trained(tmp_path: Path) -> None:
    models = ModelVersions(tmp_path / "models")
    assert models.all() == []
    assert (models.current(), models.next()) == (0, 1)
    assert models.version_of("bundled") == 0


def test_a_version_in_use_whose_weights_are_gone_is_named(tmp_path: Path) -> None:
    models = ModelVersions(tmp_path / "models")
    add_version(models, "cross-encoder-1")
    models.use(1)
    (models.folder / "cross-encoder-1" / "model.safetensors").unlink()
    assert models.current() == 1
    with pytest.raises(WorkspaceError, match="cross-encoder-1 is damaged or incomplete"):
        models.check(1)
