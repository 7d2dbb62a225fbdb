"""Records are matched in a workspace as its run would have matched them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import dedupe
import dedupe.pipeline.incremental.match
import dedupe.workspace.state
from dedupe.errors import InputError, WorkspaceError
from dedupe.pipeline.incremental.match import MATCHES
from dedupe.scoring.column_similarity import compared_fields, layout_of
from dedupe.workspace.folder import Workspace
from tests.samples import people_table

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("matching") / "w"
    rows = people_table()
    dedupe.run(pl.concat([rows, rows[:1].with_columns(id=pl.lit("copy"))]), output=folder)
    return folder


def test_an_open_workspace_matches_a_frame(workspace: Path) -> None:
    opened = dedupe.open_workspace(workspace)
    asked = people_table()[[0, 5]].drop("id")
    found = opened.match(asked, min_probability=0.9)
    assert found.schema == MATCHES
    assert found.filter(pl.col("record") == 0)["id"].to_list()[:2] == ["r0", "copy"]
    assert "r5" in found.filter(pl.col("record") == 1)["id"].to_list()
    clusters = dict(
        pl.read_csv(workspace / "clusters.csv", infer_schema=False)
        .select("id", "cluster_id")
        .iter_rows()
    )
    assert all(clusters[id] == name for id, name in found.select("id", "cluster_id").iter_rows())
    assert opened.match(asked, limit=1).height == 2
    for other in (asked.to_pandas(), asked.to_arrow()):
        assert_frame_equal(opened.match(other, min_probability=0.9), found)
    assert opened.match(asked.clear()).is_empty()
    assert opened.match(asked[:1].select(pl.all().str.slice(0, 0))).is_empty()
    with pytest.raises(InputError, match="none of the compared columns"):
        opened.match(pl.DataFrame({"shoe": ["7"]}))
    with pytest.raises(InputError, match="cannot read a dict"):
        opened.match({"name": ["x"]})  # type: ignore[arg-type]
    with pytest.raises(WorkspaceError, match="there is no workspace"):
        dedupe.open_workspace(workspace / "none")


def test_a_missing_index_is_made_in_memory(workspace: Path) -> None:
    asked = people_table()[[0, 3, 9]].drop("id")
    before = dedupe.Matcher(workspace).match(asked)
    kept = {path: path.read_bytes() for path in (workspace / "stages").glob("index-*")}
    for path in kept:
        path.unlink()
    try:
        found = dedupe.Matcher(workspace).match(asked)
        assert not list((workspace / "stages").glob("index-*"))
    finally:
        for path, data in kept.items():
            path.write_bytes(data)
    assert found.drop("similarity").equals(before.drop("similarity"))


def test_the_distilled_model_decides_clear_pairs(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Workspace(workspace)
    texts = dedupe.workspace.state.open_state(opened).records.texts
    facts = {"low": 0.1, "high": 0.9, "layout": layout_of(compared_fields(texts))}
    arrays: dict[str, Any] = {"base": np.zeros(1)}
    monkeypatch.setattr(
        dedupe.pipeline.incremental.match, "load_distilled", lambda _: (facts, arrays)
    )
    sure = [0.95]

    class BoostedTrees:
        def __init__(self, base: Any) -> None:
            assert (base == arrays["base"]).all()

        def predict(self, features: Any) -> Any:
            return np.full(len(features), sure[0], dtype=np.float32)

    def never(_: object) -> None:
        raise AssertionError("the cross-encoder is not needed")

    monkeypatch.setattr(dedupe.pipeline.incremental.match, "BoostedTrees", BoostedTrees)
    with monkeypatch.context() as patch:
        patch.setattr(dedupe.pipeline.incremental.match, "load_cross_encoder", never)
        found = dedupe.Matcher(workspace).match(people_table()[:1].drop("id"))
        assert found.height == 5 and (found["probability"] == np.float32(0.95)).all()
    sure[0] = 0.5
    found = dedupe.Matcher(workspace).match(people_table()[:1].drop("id"))
    assert (found["probability"] != np.float32(0.5)).all() and "r0" in found["id"]
