"""Records are matched in a workspace as its run would have matched them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import dedupe
import dedupe.pipeline.incremental.match
import dedupe.workspace.stored
from dedupe.config import Config
from dedupe.errors import InputError, WorkspaceError
from dedupe.pipeline.incremental.match import MATCHES
from dedupe.records import value_text
from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.comparison.statistics import FileStatistics
from dedupe.scoring.comparison.values import fields, text_steps
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


def test_records_that_are_matched_together_get_what_they_get_alone(workspace: Path) -> None:
    matcher = dedupe.Matcher(workspace)
    changed = pl.col("last_name").str.replace("e", "a")
    asked = people_table()[:6].drop("id").with_columns(changed)
    alone = [matcher.match(asked[at], min_probability=0.0) for at in range(asked.height)]
    expected = pl.concat(
        found.with_columns(pl.lit(at, dtype=pl.UInt32).alias("record"))
        for at, found in enumerate(alone)
    )
    assert_frame_equal(matcher.match(asked, min_probability=0.0), expected, check_exact=True)
    assert expected.height > 6


def test_python_and_polars_prepare_records_alike(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    matcher = dedupe.Matcher(workspace)
    changed = pl.col("last_name").str.replace("e", "ä") + pl.lit(" 2nd")
    asked = people_table()[:6].drop("id").with_columns(changed)
    by_python = matcher.match(asked, min_probability=0.0)
    for module in (value_text, fields, text_steps):
        monkeypatch.setattr(module, "FEW", 0)
    by_polars = matcher.match(asked, min_probability=0.0)
    assert_frame_equal(by_python, by_polars, check_exact=True)
    assert by_python.height > 6


def test_a_missing_index_is_made_in_memory_and_said(
    workspace: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked = people_table()[[0, 3, 9]].drop("id")
    before = dedupe.Matcher(workspace).match(asked)
    assert not caplog.messages
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
    (line,) = caplog.messages
    assert "the search index of the last run cannot be read" in line


@pytest.mark.parametrize(
    ("log_odds", "options", "judged"),
    [
        (2.9, {}, True),
        (3.1, {}, False),
        (-3.1, {}, False),
        (0.0, {"effort": "fast"}, False),
        (0.0, {"cross_encoder_pairs": 0}, False),
        (9.0, {"effort": "thorough"}, True),
    ],
)
def test_the_cross_encoder_is_loaded_for_doubtful_pairs_alone(
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    log_odds: float,
    options: dict[str, Any],
    judged: bool,
) -> None:
    loaded: list[Config] = []

    def judge(_: object, texts: object, left: Any, *__: object) -> Any:
        return np.full(len(left), 1.5, dtype=np.float32)

    module = dedupe.pipeline.incremental.match
    monkeypatch.setattr(module, "load_cross_encoder", loaded.append)
    monkeypatch.setattr(module, "judge", judge)
    monkeypatch.setattr(
        module.Comparison,
        "log_odds",
        lambda self: np.full(len(self), log_odds, dtype=np.float32),
    )
    matcher = dedupe.Matcher(workspace)
    matcher.config = replace(matcher.config, **options)
    asked = people_table()[:2].drop("id")
    for _ in range(2):
        found = matcher.match(asked, min_probability=0.0)
        assert found["record"].unique().to_list() == [0, 1]
        expected = 1 / (1 + np.exp(-(1.5 if judged else log_odds)))
        equal = pl.col("similarity") > 0.9999
        other = found.filter(~equal)["probability"]
        np.testing.assert_allclose(other, expected, rtol=1e-5)
        # The cross-encoder would call records of the same text a match in any file.
        alone = 1 / (1 + np.exp(-log_odds))
        same = found.filter(equal)["probability"]
        np.testing.assert_allclose(same, 1 if alone >= 0.5 else alone, rtol=1e-5)
        assert len(other) and len(same) >= 2
    assert len(loaded) == judged


def test_records_are_compared_with_the_statistics_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One record alone says nothing about what is rare."""
    workspace = tmp_path / "w"
    dedupe.run(people_table(), output=workspace, effort="fast")
    opened = Workspace(workspace)
    facts = dedupe.workspace.stored.scoring_facts(opened)
    key = facts["statistics_key"]
    stored = opened.cache.load("statistics", key)
    assert stored is not None
    used: list[FileStatistics | None] = []
    compare = Comparison.log_odds

    def log_odds(self: Comparison) -> Any:
        used.append(self.statistics)
        return compare(self)

    monkeypatch.setattr(Comparison, "log_odds", log_odds)
    asked = people_table()[[0, 5]].drop("id")
    found = dedupe.Matcher(workspace).match(asked, min_probability=0.0)
    assert used[0] is not None and used[0].records == people_table().height
    assert used[0].counts.sort("kind", "value").equals(stored[0].sort("kind", "value"))
    assert used[0].facts() == stored[1]
    # Those of another file give other probabilities, and missing ones are made from the records.
    counts, other = stored[0].clear(), {**stored[1], "records": 1_000_000}
    with opened.locked():
        opened.cache.save("statistics", key, counts, other, forget=False)
    unlike = dedupe.Matcher(workspace).match(asked, min_probability=0.0)
    assert used[1] is not None and used[1].records == 1_000_000
    assert unlike["probability"].to_list() != found["probability"].to_list()
    for path in (workspace / "stages").glob("statistics-*"):
        path.unlink()
    again = dedupe.Matcher(workspace).match(asked, min_probability=0.0)
    assert_frame_equal(again, found)
