"""The stages together: every row is accounted for, results are kept, decisions are obeyed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import dedupe
import dedupe.pipeline.pairs
import dedupe.pipeline.run
import dedupe.workspace.state
import dedupe.workspace.stored
from dedupe.errors import OptionError, OutputError, WorkspaceError
from dedupe.io.tables import read_table
from dedupe.pipeline.fine_tuning import train
from dedupe.resolution.decisions import Decision
from tests.samples import leave_in_doubt, people_table, with_ids

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file and the workspace of a run on it; not to be changed."""
    folder = tmp_path_factory.mktemp("done")
    people_table().write_csv(folder / "people.csv")
    dedupe.run(folder / "people.csv")
    return folder


@pytest.fixture
def folder(done: Path, tmp_path: Path) -> Path:
    """A copy of the folder of a run."""
    shutil.copytree(done, tmp_path / "copy")
    return tmp_path / "copy"


def partition(clusters: pl.DataFrame) -> set[frozenset[str]]:
    groups = clusters.group_by("cluster_id").agg("id")["id"]
    return {frozenset(group.to_list()) for group in groups}


def test_the_duplicates_are_found(done: Path) -> None:
    clusters = pl.read_csv(done / "people.dedupe/clusters.csv")
    truth = clusters.with_columns(pl.col("born").alias("cluster_id"))
    assert partition(clusters) == partition(truth)


def test_every_row_and_column_comes_out_as_it_went_in(done: Path) -> None:
    clusters = pl.read_csv(done / "people.dedupe/clusters.csv", infer_schema=False)
    assert_frame_equal(clusters.select(people_table().columns), people_table())
    assert clusters.columns[-4:] == [
        "cluster_id",
        "cluster_size",
        "confidence",
        "is_representative",
    ]


def test_rows_in_are_rows_kept_and_rows_merged(done: Path) -> None:
    merged, removed, clusters = (
        pl.read_csv(done / f"people.dedupe/{name}.csv")
        for name in ("merged", "removed", "clusters")
    )
    assert merged.height + removed.height == clusters.height == 17
    assert set(merged["id"]).isdisjoint(removed["id"])
    assert set(removed["kept_id"]) <= set(merged["id"])
    assert removed["probability"].is_between(0.5, 1).all()
    assert clusters["is_representative"].sum() == merged.height


def test_identical_rows_are_merged_and_never_scored(done: Path) -> None:
    pairs = pl.read_csv(done / "people.dedupe/pairs.csv")
    assert pairs.filter(pl.col("decided_by") == "identical").height == 2
    manifest = json.loads((done / "people.dedupe/manifest.json").read_text())
    assert manifest["decided_by"] == dict(pairs["decided_by"].value_counts().iter_rows())
    assert manifest["decided_by"]["identical"] == 2
    assert manifest["decided_by"]["comparison"] > 0


@pytest.mark.parametrize(
    ("options", "deciders"),
    [
        ({"effort": "fast"}, {"identical", "comparison"}),
        ({"cross_encoder_pairs": 0}, {"identical", "comparison"}),
        ({"effort": "thorough"}, {"identical", "cross-encoder"}),
    ],
)
def test_the_effort_says_which_pairs_the_cross_encoder_judges(
    options: dict[str, Any], deciders: set[str]
) -> None:
    result = dedupe.run(people_table(), **options)
    assert set(result.pairs["decided_by"]) == deciders
    truth = result.clusters.with_columns(pl.col("born").alias("cluster_id"))
    assert partition(result.clusters) == partition(truth)
    facts = result.summary["cross_encoder"]
    if "cross-encoder" in deciders:
        # Pairs just outside the candidates are judged as well, and are not among the results.
        assert facts["judged"] >= result.summary["search"]["candidates"]
        assert facts["over_budget"] == 0
    else:
        assert facts["judged"] == 0


def test_the_budget_of_the_cross_encoder_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    leave_in_doubt(monkeypatch)
    every, few, none = (
        dedupe.run(people_table(), cross_encoder_pairs=pairs) for pairs in (10_000, 3, 0)
    )
    total = every.summary["cross_encoder"]["judged"]
    assert set(every.pairs["decided_by"]) == {"identical", "cross-encoder"}
    assert few.summary["cross_encoder"] == {"judged": 3, "over_budget": total - 3}
    for pairs, decider in ((every, "cross-encoder"), (none, "comparison")):
        one = few.pairs.filter(pl.col("decided_by") == decider)
        other = one.join(pairs.pairs, on=["left_id", "right_id"], maintain_order="left")
        assert other.height == one.height
        np.testing.assert_allclose(other["probability_right"], one["probability"], atol=1e-3)
    # The most doubtful pairs come first.
    both = few.pairs.join(none.pairs, on=["left_id", "right_id"])
    certainty = both.with_columns((pl.col("probability_right") - 0.5).abs())
    judged, rest = (
        certainty.filter(pl.col("decided_by") == decider)["probability_right"]
        for decider in ("cross-encoder", "comparison")
    )
    assert max(judged, default=0) <= min(rest)


@pytest.mark.parametrize("probability", [0.2, 0.9])
def test_equal_records_are_merged_if_their_group_is_judged_one_thing(
    monkeypatch: pytest.MonkeyPatch, probability: float
) -> None:
    """The comparison model judges each group once, by its first record paired with itself."""
    scored = dedupe.pipeline.pairs.score_pairs
    own = pl.col("left") == pl.col("right")
    groups: list[int] = []

    def score_pairs(*arguments: Any) -> tuple[pl.DataFrame, None, dict[str, Any]]:
        pairs, regression, facts = scored(*arguments)
        groups.append(pairs.filter(own).height)
        chance = pl.when(own).then(probability).otherwise("probability").cast(pl.Float32)
        return pairs.with_columns(chance.alias("probability")), regression, facts

    monkeypatch.setattr(dedupe.pipeline.pairs, "score_pairs", score_pairs)
    result = dedupe.run(people_table(), effort="fast")
    assert groups == [1]  # one person is there three times
    ids = people_table().filter(pl.col("born") == "1936-08-17")["id"].to_list()
    equal = result.pairs.filter(pl.col("left_id").is_in(ids) & pl.col("right_id").is_in(ids))
    same = result.clusters.filter(pl.col("id").is_in(ids))["cluster_id"].n_unique()
    if probability < 0.5:
        assert same == 3
        assert set(equal["decided_by"]) == {"comparison"}
        assert equal["probability"].to_list() == pytest.approx([probability] * equal.height)
        assert "identical" not in result.pairs["decided_by"]
    else:
        assert same == 1
        assert set(equal["decided_by"]) == {"identical"} and set(equal["probability"]) == {1.0}
    assert result.pairs.filter(pl.col("left_id") == pl.col("right_id")).is_empty()
    # Nor does the summary count records paired with themselves.
    counts = dict(result.pairs["decided_by"].value_counts().iter_rows())
    assert result.summary["decided_by"] == {"identical": 0, **counts}
    matches = result.pairs.filter(pl.col("probability") >= 0.5)
    assert result.summary["matching_pairs"] == matches.height


def test_the_manifest_says_what_was_done(done: Path) -> None:
    manifest = json.loads((done / "people.dedupe/manifest.json").read_text())
    assert manifest["rows"] == 17
    assert [stage["stage"] for stage in manifest["stages"]] == [
        "read",
        "encode",
        "search",
        "score",
        "cluster",
        "export",
    ]
    assert all(stage["seconds"] >= 0 and stage["peak_mb"] > 0 for stage in manifest["stages"])
    assert manifest["fields"][0] == {"name": "id", "used": False, "reason": "the id of the row"}
    assert 0 <= manifest["search"]["estimated_recall"] <= 1
    assert len(manifest["models"]["cross_encoder"]) == 64


def test_a_second_run_computes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("Index", "score_pairs", "make_records"):
        monkeypatch.setattr(dedupe.pipeline.pairs, name, _forbidden)
    monkeypatch.setattr(dedupe.workspace.state, "resolve", _forbidden)
    before = {path.name: path.stat().st_mtime_ns for path in (folder / "people.dedupe").iterdir()}
    again = dedupe.run(folder / "people.csv")
    assert again.summary["unchanged"]
    after = {path.name: path.stat().st_mtime_ns for path in (folder / "people.dedupe").iterdir()}
    assert before == after


def _forbidden(*_: object, **__: object) -> None:
    raise AssertionError("this was computed already")


def test_an_unchanged_result_still_gives_its_tables(folder: Path) -> None:
    again = dedupe.run(folder / "people.csv")
    assert again.summary["unchanged"]
    assert again.merged.height == 10


def test_another_threshold_scores_nothing_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dedupe.pipeline.pairs, "score_pairs", _forbidden)
    strict = dedupe.run(folder / "people.csv", threshold=1.0)
    assert strict.merged.height >= 10
    assert strict.summary["stages"][1]["reused"]


def test_a_lost_stage_is_made_again_and_no_other(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (folder / "people.dedupe/pairs.csv").read_bytes()
    for part in (folder / "people.dedupe/stages").glob("scored-*"):
        part.unlink()
    (folder / "people.dedupe/manifest.json").unlink()
    monkeypatch.setattr(dedupe.pipeline.pairs, "Index", _forbidden)
    dedupe.run(folder / "people.csv")
    assert (folder / "people.dedupe/pairs.csv").read_bytes() == before


def test_a_damaged_stage_is_made_again(folder: Path) -> None:
    (part,) = (folder / "people.dedupe/stages").glob("scored-*.parquet")
    before = (folder / "people.dedupe/pairs.csv").read_bytes()
    part.write_bytes(part.read_bytes()[:-20] + b"x" * 20)
    with pytest.raises(WorkspaceError, match="damaged"):
        dedupe.export(folder / "people.dedupe")
    dedupe.run(folder / "people.csv", threshold=0.49)
    assert (folder / "people.dedupe/pairs.csv").read_bytes() == before


def test_the_same_input_gives_the_same_bytes(done: Path, tmp_path: Path) -> None:
    shutil.copy(done / "people.csv", tmp_path)
    dedupe.run(tmp_path / "people.csv")
    for name in ("clusters", "merged", "removed", "pairs"):
        one, two = (f / f"people.dedupe/{name}.csv" for f in (done, tmp_path))
        assert one.read_bytes() == two.read_bytes()


def test_the_order_of_rows_does_not_matter(done: Path) -> None:
    shuffled = people_table().sample(fraction=1, shuffle=True, seed=3)
    result = dedupe.run(shuffled)
    clusters = pl.read_csv(done / "people.dedupe/clusters.csv", infer_schema=False)
    assert partition(result.clusters) == partition(clusters)
    ids = dict(clusters.select("id", "cluster_id").iter_rows())
    assert dict(result.clusters.select("id", "cluster_id").iter_rows()) == ids


def test_frames_of_other_libraries_are_read() -> None:
    frame = people_table()
    result = dedupe.run(frame)
    assert result.workspace is None
    assert dedupe.run(pd.DataFrame(frame.to_dict(as_series=False))).merged.height == 10
    assert dedupe.run(frame.to_arrow()).merged.height == 10


def test_decisions_are_obeyed(folder: Path) -> None:
    workspace = dedupe.open_workspace(folder / "people.dedupe")
    clusters = pl.read_csv(folder / "people.dedupe/clusters.csv", infer_schema=False)
    ids = dict(clusters.group_by("born").agg("id").iter_rows())
    twins, same, (one,), (other,) = (
        ids[born] for born in ("1918-08-26", "1936-08-17", "1815-12-10", "1914-11-09")
    )
    with workspace.decisions() as log:
        log.record(twins[0], twins[1], Decision.DIFFERENT, "test")
        log.record(same[0], same[1], Decision.DIFFERENT, "test")
        log.record(one, other, Decision.MATCH, "test")
    again = dedupe.run(folder / "people.csv")
    found = dict(again.clusters.select("id", "cluster_id").iter_rows())
    assert found[twins[0]] != found[twins[1]]
    assert found[same[0]] != found[same[1]]
    assert found[one] == found[other]
    assert again.summary["decisions"] == 3
    with workspace.decisions() as log:
        for _ in range(3):
            log.undo()
    undone = dedupe.export(folder / "people.dedupe")
    assert partition(undone.clusters) == partition(clusters)


def test_a_resorted_file_keeps_its_decisions_without_an_id_column(tmp_path: Path) -> None:
    frame = people_table().drop("id")
    frame.write_csv(tmp_path / "p.csv")
    first = dedupe.run(tmp_path / "p.csv")
    rows = [n for n, born in enumerate(frame["born"]) if born == "1918-08-26"]
    key = dedupe.workspace.state.open_state(
        dedupe.open_workspace(tmp_path / "p.dedupe")
    ).records.keys
    with dedupe.open_workspace(tmp_path / "p.dedupe").decisions() as log:
        log.record(key[rows[0]], key[rows[1]], Decision.DIFFERENT, "test")
    frame.reverse().write_csv(tmp_path / "p.csv")
    again = dedupe.run(tmp_path / "p.csv")
    assert again.merged.height == first.merged.height + 1


def test_a_changed_file_with_the_same_columns_is_run_again(folder: Path) -> None:
    frame = people_table().head(12)
    frame.write_csv(folder / "people.csv")
    assert dedupe.run(folder / "people.csv").clusters.height == 12


def test_a_workspace_of_another_input_is_refused(folder: Path) -> None:
    other = pl.DataFrame({"title": ["a b", "c d", "e f"], "id": ["1", "2", "3"]})
    other.write_csv(folder / "other.csv")
    before = (folder / "people.dedupe/workspace.json").read_bytes()
    with pytest.raises(WorkspaceError, match="another input"):
        dedupe.run(folder / "other.csv", output=folder / "people.dedupe")
    assert (folder / "people.dedupe/workspace.json").read_bytes() == before


def test_merge_rules_are_followed(folder: Path) -> None:
    result = dedupe.export(folder / "people.dedupe", merge={"first_name": "concat"})
    (both,) = result.merged.filter(pl.col("last_name") == "Johnson")["first_name"]
    assert set(both.split(" | ")) == {"Katherine", "Katherin"}


def test_export_refuses_what_needs_a_new_run(folder: Path) -> None:
    with pytest.raises(OptionError, match="use dedupe run"):
        dedupe.export(folder / "people.dedupe", radius=0.5)


@pytest.mark.parametrize("format", ["parquet", "jsonl", "ipc"])
def test_every_format_holds_the_same(folder: Path, format: str) -> None:
    csv = pl.read_csv(folder / "people.dedupe/merged.csv", infer_schema=False)
    dedupe.export(folder / "people.dedupe", format=format)
    written = read_table(folder / f"people.dedupe/merged.{format}").frame
    assert_frame_equal(written.cast(pl.String), csv)
    assert not (folder / "people.dedupe/merged.csv").exists()


def test_a_workbook_holds_all_tables_as_sheets(folder: Path) -> None:
    workspace = folder / "people.dedupe"
    names = ("clusters", "merged", "removed", "pairs")
    csv = {name: pl.read_csv(workspace / f"{name}.csv", infer_schema=False) for name in names}
    (workspace / "merged.xlsx").write_bytes(b"of an earlier export")
    result = dedupe.export(workspace, format="xlsx")
    assert list(result.summary["outputs"]) == ["results.xlsx"]
    for name, expected in csv.items():
        frame = read_table(workspace / "results.xlsx", sheet=name).frame
        figures = {"similarity", "probability", "confidence"}
        text = [column for column in expected.columns if column not in figures]
        assert_frame_equal(frame.select(text), expected.select(text).fill_null(""))
        for ending in ("csv", "xlsx"):
            assert not (workspace / f"{name}.{ending}").exists()
    written = (workspace / "results.xlsx").read_bytes()
    assert dedupe.run(folder / "people.csv").summary["unchanged"]
    added = dedupe.add(workspace, with_ids([("Emmy", "Noether", "1882-03-23", "Erlangen")], 90))
    assert list(added.summary["outputs"]) == ["results.xlsx"]
    changes = read_table(workspace / "results.xlsx", sheet="additions").frame
    assert changes["change"].to_list() == ["made"]
    assert (workspace / "results.xlsx").read_bytes() != written
    dedupe.export(workspace, format="csv")
    assert not (workspace / "results.xlsx").exists()


@pytest.mark.parametrize("format", ["sqlite", "duckdb"])
def test_a_database_holds_all_tables(folder: Path, format: str) -> None:
    workspace = folder / "people.dedupe"
    csv = {
        name: pl.read_csv(workspace / f"{name}.csv", infer_schema=False)
        for name in ("clusters", "merged", "removed", "pairs")
    }
    result = dedupe.export(workspace, format=format)
    assert list(result.summary["outputs"]) == [f"results.{format}"]
    for name, expected in csv.items():
        assert not (workspace / f"{name}.csv").exists()
        frame = read_table(f"{workspace}/results.{format}::{name}").frame
        assert frame.columns == expected.columns and frame.height == expected.height
        numbers = [one for one in frame.columns if frame.schema[one].is_float()]
        texts = [one for one in frame.columns if frame.schema[one] == pl.String]
        assert_frame_equal(frame.select(numbers), expected.select(numbers).cast(pl.Float64))
        assert_frame_equal(
            frame.select(texts).with_columns(pl.all().replace("", None)), expected.select(texts)
        )
    assert not [path for path in workspace.iterdir() if path.suffix in (".tmp", ".wal")]
    dedupe.export(workspace, format="csv")
    assert not (workspace / f"results.{format}").exists()


def test_export_elsewhere_removes_nothing(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "results.sqlite").write_text("mine")
    (tmp_path / "merged.parquet").write_text("mine")
    dedupe.export(folder / "people.dedupe", output=tmp_path)
    assert (tmp_path / "results.sqlite").read_text() == "mine"
    assert (tmp_path / "merged.parquet").read_text() == "mine"


def test_export_elsewhere_leaves_the_workspace_alone(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    before = (folder / "people.dedupe/merged.csv").stat().st_mtime_ns
    result = dedupe.export(folder / "people.dedupe", output=target, format="parquet")
    assert result.workspace == target
    assert sorted(path.name for path in target.iterdir()) == [
        "clusters.parquet", "merged.parquet", "pairs.parquet", "removed.parquet",
    ]  # fmt: skip
    assert (folder / "people.dedupe/merged.csv").stat().st_mtime_ns == before


def test_evaluation_against_the_truth(done: Path) -> None:
    truth = people_table().select("id", pl.col("born").alias("cluster_id"))
    figures = dedupe.evaluate_workspace(done / "people.dedupe", truth)
    assert figures.pair_f1 == 1.0
    assert figures.candidate_recall == 1.0
    with pytest.raises(OptionError, match="no column 'nowhere'"):
        dedupe.evaluate_workspace(done / "people.dedupe", truth, across="nowhere")


def test_large_clusters_are_named(folder: Path) -> None:
    result = dedupe.export(folder / "people.dedupe", large_cluster=2)
    assert [large["size"] for large in result.summary["large_clusters"]] == [3]


def test_a_run_that_is_refused_leaves_nothing(tmp_path: Path) -> None:
    people_table().write_csv(tmp_path / "people.csv")
    with pytest.raises(OptionError):
        dedupe.run(tmp_path / "people.csv", fields=("nowhere",))
    with pytest.raises(OptionError):
        dedupe.run(tmp_path / "people.csv", merge={"city": "prettiest"})
    assert [path.name for path in tmp_path.iterdir()] == ["people.csv"]


def test_an_audit_is_drawn_decided_and_estimated(folder: Path) -> None:
    workspace = folder / "people.dedupe"
    before = dedupe.evaluation.quality.estimate_workspace(workspace)
    assert (before.basis, before.reviewed, before.precision.low) == ("model", 0, None)
    audit = dedupe.evaluation.quality.draw_audit(workspace, 10_000)
    assert audit.pairs
    clustered = dedupe.workspace.state.open_state(dedupe.open_workspace(workspace)).cluster()
    place = {key: row for row, key in enumerate(clustered.records.keys)}
    labels = clustered.resolved.labels
    with dedupe.open_workspace(workspace).decisions() as log:
        for a, b in audit.pairs:
            same = labels[place[a]] == labels[place[b]]
            log.record(a, b, Decision.MATCH if same else Decision.DIFFERENT, "x", drawn=audit.key)
    after = dedupe.evaluation.quality.estimate_workspace(workspace)
    assert (after.basis != "model", after.drawn) == (True, len(audit.pairs))
    assert (after.precision.value, after.recall.value) == (1.0, 1.0)
    assert after.width == pytest.approx(0)
    assert dedupe.evaluation.quality.draw_audit(workspace, 10).pairs == []


def test_a_goal_chooses_the_threshold_and_stays_with_the_workspace(tmp_path: Path) -> None:
    # Everybody is there as another typist writes it, too: beside seven matches alone, a hundred
    # pairs of one percent each would keep 0.9 out of reach.
    typed = people_table().with_columns(
        pl.format("{}-typed", "id").alias("id"), pl.col("last_name").str.head(-1)
    )
    pl.concat([people_table(), typed]).write_csv(tmp_path / "people.csv")
    found = dedupe.run(tmp_path / "people.csv", target_recall=0.9)
    aim = found.summary["aim"]
    assert aim["sure"] is None
    assert found.summary["config"]["threshold"] == aim["threshold"]
    kept = dedupe.workspace.stored.stored_config(dedupe.open_workspace(tmp_path / "people.dedupe"))
    assert (kept.threshold, kept.target_recall) == (aim["threshold"], 0.9)
    again = dedupe.run(tmp_path / "people.csv", target_recall=0.9)
    assert again.summary["unchanged"]
    assert again.clusters.equals(found.clusters)
    plain = dedupe.export(tmp_path / "people.dedupe", threshold=0.5)
    assert "aim" not in plain.summary
    with pytest.raises(OptionError, match="no threshold reaches"):
        dedupe.export(tmp_path / "people.dedupe", target_precision=1.0)


def test_learning_first_needs_a_workspace_and_decisions(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no decisions"):
        train.run_after_training(folder / "people.csv", output=tmp_path / "new")
    with pytest.raises(OptionError, match="too few"):
        train.run_after_training(folder / "people.csv")


def test_what_is_prepared_can_be_reviewed_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people_table().write_csv(tmp_path / "p.csv")
    place = dedupe.pipeline.run.prepare(tmp_path / "p.csv")
    assert not list(place.glob("*.csv")) and not (place / "manifest.json").exists()
    keys = dedupe.workspace.state.open_state(dedupe.open_workspace(place)).records.keys
    with dedupe.open_workspace(place).decisions() as log:
        log.record(keys[0], keys[1], Decision.MATCH, "ada")
    for name in ("Index", "score_pairs", "make_records"):
        monkeypatch.setattr(dedupe.pipeline.pairs, name, _forbidden)
    result = dedupe.run(tmp_path / "p.csv")
    assert result.workspace == place and result.summary["decisions"] == 1
    clusters = result.clusters["cluster_id"]
    assert clusters[0] == clusters[1]
    with pytest.raises(OptionError, match="no folder to review in"):
        dedupe.pipeline.run.prepare(people_table())


def test_a_table_that_the_format_cannot_hold_is_refused_before_anything_is_computed(
    tmp_path: Path,
) -> None:
    (tmp_path / "x.csv").write_text(f"name,note\nann,{'x' * 40_000}\nanne,y\n")
    with pytest.raises(OutputError, match="row 1 of column 'note' is longer"):
        dedupe.run(tmp_path / "x.csv", format="xlsx")
    assert [file.name for file in (tmp_path / "x.dedupe").glob("[!.]*")] == []
