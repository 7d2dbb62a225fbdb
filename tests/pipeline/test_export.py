"""An export writes what was asked for, and the workspace remembers it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import polars as pl
import pytest

import dedupe
from dedupe.config import Config
from dedupe.errors import OptionError, OutputError, WorkspaceError
from dedupe.io.tables import read_table
from dedupe.workspace.folder import Workspace
from dedupe.workspace.stored import stored_config
from tests.samples import by_likeness, people_table, with_ids

pytestmark = pytest.mark.usefixtures("scored_by_likeness")


@pytest.fixture(scope="module")
def people_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run people.csv in a folder that no test changes."""
    folder = tmp_path_factory.mktemp("finished")
    people_table().write_csv(folder / "people.csv")
    with by_likeness():
        dedupe.run(folder / "people.csv")
    return folder


@pytest.fixture
def workspace(people_run: Path, tmp_path: Path) -> Path:
    shutil.copytree(people_run, tmp_path, dirs_exist_ok=True)
    return tmp_path / "people.dedupe"


def manifest(workspace: Path) -> dict:
    return json.loads((workspace / "manifest.json").read_text(encoding="utf-8"))


def merged_pairs(workspace: Path) -> int:
    clusters = pl.read_csv(workspace / "clusters.csv", infer_schema=False)
    sizes = clusters.group_by("cluster_id").len()["len"]
    return int((sizes * (sizes - 1) // 2).sum())


def test_the_options_of_an_export_are_those_of_the_workspace(workspace: Path) -> None:
    before = merged_pairs(workspace)
    dedupe.export(workspace, threshold=1.0)
    assert merged_pairs(workspace) < before
    assert manifest(workspace)["config"]["threshold"] == 1.0
    assert stored_config(Workspace(workspace)).threshold == 1.0
    clusters = (workspace / "clusters.csv").read_bytes()
    dedupe.export(workspace)
    assert (workspace / "clusters.csv").read_bytes() == clusters


def test_the_manifest_keeps_what_the_run_measured_and_counts_what_lies_there(
    workspace: Path,
) -> None:
    ran = manifest(workspace)
    result = dedupe.export(workspace, threshold=1.0)
    now = manifest(workspace)
    assert [ran["written"]["by"], now["written"]["by"]] == ["run", "export"]
    assert now["written"]["at"] >= ran["written"]["at"]
    for measured in ("stages", "search", "models", "versions", "input", "stage_keys"):
        assert now[measured] == ran[measured]
    pairs = pl.read_csv(workspace / "pairs.csv")
    for written in (ran, now):
        threshold = written["config"]["threshold"]
        assert written["matching_pairs"] == (pairs["probability"] >= threshold).sum()
    assert now["matching_pairs"] < ran["matching_pairs"]
    assert pl.read_csv(workspace / "merged.csv").height == now["rows"] - now["rows_merged"]
    assert [stage["stage"] for stage in result.summary["stages"]] == ["read", "cluster", "export"]


@pytest.mark.model
def test_every_command_goes_on_with_the_options_of_the_last_export(workspace: Path) -> None:
    people = workspace.with_name("people.csv")
    rules = {"city": "longest"}
    dedupe.export(workspace, threshold=0.99, format="jsonl", merge=rules)
    clusters = (workspace / "clusters.jsonl").read_bytes()
    assert dedupe.run(people).summary["unchanged"]
    for command in (
        lambda: dedupe.run(people, candidates_per_record=4),
        lambda: dedupe.add(workspace, people_table().with_columns(id=pl.lit("n") + "id").head(1)),
        lambda: dedupe.export(workspace),
    ):
        assert command().summary["config"]["threshold"] == 0.99
        config = stored_config(Workspace(workspace))
        assert (config.threshold, config.format, config.merge) == (0.99, "jsonl", rules)
        assert not (workspace / "clusters.csv").exists()
    assert clusters


def test_what_a_run_is_given_takes_precedence_over_the_last_export(workspace: Path) -> None:
    people = workspace.with_name("people.csv")
    dedupe.export(workspace, threshold=0.99, format="jsonl")
    config = dedupe.run(people, threshold=0.7).summary["config"]
    assert (config["threshold"], config["format"]) == (0.7, "jsonl")
    config = dedupe.run(people, preset="eager", format="csv").summary["config"]
    assert (config["threshold"], config["review_from"], config["format"]) == (0.3, 0.05, "csv")
    config = dedupe.run(people, config=Config()).summary["config"]
    assert (config["threshold"], config["review_from"]) == (0.5, 0.1)


def test_a_run_that_fails_leaves_the_options_of_the_files_that_lie_there(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OutputError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(dedupe.pipeline.run, "write_outputs", fail)
        with pytest.raises(OutputError):
            dedupe.run(workspace.with_name("people.csv"), threshold=0.9)
    assert stored_config(Workspace(workspace)).threshold == 0.5


def test_the_workspace_named_as_the_folder_is_the_workspace(workspace: Path) -> None:
    dedupe.export(workspace, output=workspace / ".." / workspace.name, threshold=1.0)
    assert stored_config(Workspace(workspace)).threshold == 1.0


def test_another_workspace_is_no_place_for_an_export(workspace: Path, tmp_path: Path) -> None:
    other = dedupe.run(tmp_path / "people.csv", output=tmp_path / "other").workspace
    assert other is not None
    before = (other / "merged.csv").read_bytes()
    with pytest.raises(OutputError, match="is another workspace"):
        dedupe.export(workspace, output=other, threshold=1.0)
    assert (other / "merged.csv").read_bytes() == before


@pytest.mark.model
def test_links_in_a_workspace_are_replaced_and_not_followed(
    workspace: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    names = ["merged.csv", "manifest.json", "workspace.json"]
    names += [f"stages/{path.name}" for path in (workspace / "stages").glob("clusters-*")]
    names += [f"stages/{path.name}" for path in (workspace / "stages").glob("index-*.scale")]
    for name in names[:2]:
        (workspace / name).unlink()
        (workspace / name).symlink_to(outside)
    dedupe.export(workspace, threshold=0.9)
    for name in names[2:]:
        (workspace / name).unlink()
        (workspace / name).symlink_to(outside)
    dedupe.add(workspace, people_table().head(1).with_columns(id=pl.lit("n")))
    dedupe.export(workspace, threshold=0.8)
    assert outside.read_text() == "mine"
    assert not [path for path in workspace.rglob("*") if path.is_symlink()]


def test_names_of_linked_tables_do_not_lead_out_of_the_workspace(tmp_path: Path) -> None:
    people = people_table()
    people.head(9).write_csv(tmp_path / "a.csv")
    people.tail(9).write_csv(tmp_path / "b.csv")
    path = dedupe.link(tmp_path / "a.csv", tmp_path / "b.csv").workspace
    assert path is not None
    opened = Workspace(path)
    key = opened.facts()["keys"]["table"]
    texts = opened.cache.load("records", key)
    assert texts is not None
    names = ["../../victim", "b"]
    facts = {**texts[1], "linked": {**texts[1]["linked"], "names": names}}
    opened.cache.save("records", key, texts[0], facts)
    (path / "unmatched-..").mkdir()
    with pytest.raises(OutputError, match="cannot be the name of an output file"):
        dedupe.export(path)
    assert not list(tmp_path.rglob("victim*"))


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "jsonl", "xlsx", "sqlite"])
def test_a_result_writes_one_table_in_the_format_of_the_ending(
    workspace: Path, tmp_path: Path, ending: str
) -> None:
    result = dedupe.export(workspace, output=tmp_path / "elsewhere")
    file = tmp_path / f"out.{ending}"
    result.write(file, "removed")
    expected = result.removed.cast(pl.String)
    if ending == "sqlite":
        found = read_table(f"sqlite:///{file}::out").frame
    else:
        found = read_table(file).frame
    assert found.cast(pl.String)["id"].to_list() == expected["id"].to_list()
    assert found.columns == expected.columns
    with pytest.raises(OptionError, match="cannot tell the format"):
        result.write(tmp_path / "out.docx")
    with pytest.raises(OptionError, match="no table 'matches'"):
        result.write(file, "matches")


def test_a_measure_after_an_export_is_of_the_files_on_disk(workspace: Path, tmp_path: Path) -> None:
    frame = people_table()
    gold = frame.select("id", pl.col("born").alias("cluster_id"))
    before = dedupe.evaluate_workspace(workspace, gold)
    dedupe.export(workspace, threshold=1.0)
    after = dedupe.evaluate_workspace(workspace, gold)
    assert after.as_dict()["found_pairs"] == merged_pairs(workspace)
    assert after.as_dict()["found_pairs"] < before.as_dict()["found_pairs"]


def test_an_export_keeps_the_format_that_was_chosen_last(workspace: Path) -> None:
    dedupe.export(workspace, format="parquet")
    dedupe.export(workspace)
    assert (workspace / "clusters.parquet").exists()
    assert not (workspace / "clusters.csv").exists()


def test_an_export_elsewhere_changes_nothing_in_the_workspace(
    workspace: Path, tmp_path: Path
) -> None:
    def files() -> dict[str, bytes]:
        return {
            str(path.relative_to(workspace)): path.read_bytes()
            for path in workspace.rglob("*")
            if path.is_file() and path.name != ".lock"
        }

    before = files()
    dedupe.export(workspace, output=tmp_path / "elsewhere", threshold=1.0, format="jsonl")
    assert files() == before
    assert (tmp_path / "elsewhere" / "merged.jsonl").exists()


def test_an_option_that_needs_a_new_run_is_refused(workspace: Path) -> None:
    with pytest.raises(OptionError, match="use dedupe run"):
        dedupe.export(workspace, seed=3)


def test_the_input_is_checked_inside_the_lock(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs of different inputs cannot both find the folder free."""
    import dedupe.pipeline.run

    checked: list[bool] = []
    check = dedupe.pipeline.run.check_same_input

    def locked_check(opened: Workspace, *arguments: object) -> None:
        try:
            with Workspace(opened.path).locked():
                checked.append(False)
        except WorkspaceError:
            checked.append(True)
        check(opened, *arguments)

    monkeypatch.setattr(dedupe.pipeline.run, "check_same_input", locked_check)
    dedupe.run(tmp_path / "people.csv", threshold=0.9)
    assert checked == [True]


def test_a_foreign_folder_is_refused_untouched(tmp_path: Path) -> None:
    people_table().write_csv(tmp_path / "people.csv")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(WorkspaceError, match="a folder of something else"):
        dedupe.run(tmp_path / "people.csv", output=tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def test_a_run_in_memory_leaves_nothing_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    result = dedupe.run(people_table())
    assert result.workspace is None
    assert result.merged.height < people_table().height
    assert list(scratch.iterdir()) == []
    shutil.rmtree(scratch)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("format", "package"), [("xlsx", "xlsxwriter"), ("duckdb", "duckdb")])
def test_a_format_without_its_package_is_refused_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str, package: str
) -> None:
    people_table().write_csv(tmp_path / "people.csv")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(OutputError, match=r"pip install 'dedupe-tui\["):
        dedupe.run(tmp_path / "people.csv", format=format)
    assert [path.name for path in tmp_path.iterdir()] == ["people.csv"]


@pytest.mark.model
def test_sorted_clusters_pair_values_and_sources_are_kept_by_an_addition(tmp_path: Path) -> None:
    folder = tmp_path / "w.dedupe"
    dedupe.run(people_table(), output=folder, effort="fast")
    asked = {"sort": "cluster", "pair_values": True, "value_sources": True}
    dedupe.export(folder, **asked)
    clusters = pl.read_csv(folder / "clusters.csv")["cluster_id"]
    assert clusters.rle().len() == clusters.n_unique(), "the rows of a cluster are together"
    new = with_ids([("Katherin", "Johnson", "1918-08-26", "Hampton")], first=90)
    dedupe.add(folder, new)
    names = ("clusters", "merged", "pairs")
    added = {name: (folder / f"{name}.csv").read_bytes() for name in names}
    dedupe.export(folder)
    assert {name: (folder / f"{name}.csv").read_bytes() for name in names} == added
    pairs, merged = (pl.read_csv(folder / f"{name}.csv") for name in ("pairs", "merged"))
    assert "left_born" in pairs.columns and "city_source" in merged.columns
    assert set(merged["city_source"]) <= set(merged["id"]) | set(
        pl.read_csv(folder / "removed.csv")["id"]
    )


@pytest.mark.slow
def test_a_column_takes_its_values_from_the_sources_in_order(tmp_path: Path) -> None:
    one, two = tmp_path / "web.csv", tmp_path / "crm.csv"
    people = people_table().head(4)
    people.with_columns(city=pl.lit("in the shop")).write_csv(one)
    crm = people.with_columns(id=pl.lit("c") + "id", city=pl.lit("x"))
    crm.with_columns(
        pl.when(pl.int_range(pl.len()) > 0).then("city").otherwise(pl.lit(""))
    ).write_csv(two)
    options = {"effort": "fast", "fields": ["first_name"], "threshold": 0.99}
    result = dedupe.run([one, two], output=tmp_path / "w", merge={"city": "prefer:crm"}, **options)
    assert sorted(result.merged["city"]) == ["in the shop", "x", "x", "x"]
    with pytest.raises(OptionError, match=r"prefers 'cmr', .*; it has crm\.csv, web\.csv"):
        dedupe.export(tmp_path / "w", merge={"city": "prefer:cmr,web"})
    again = dedupe.export(tmp_path / "w", merge={"city": "prefer:web,crm"})
    assert set(again.merged["city"]) == {"in the shop"}
    # Additions merge by the order as well: their lines are put into the file.
    dedupe.export(tmp_path / "w", merge={"city": "prefer:crm,web"})
    crm.head(1).with_columns(id=pl.lit("new"), city=pl.lit("y")).write_csv(two)
    dedupe.add(tmp_path / "w", two)
    merged = pl.read_csv(tmp_path / "w/merged.csv", infer_schema=False)
    assert sorted(merged["city"]) == ["x", "x", "x", "y"]
    with pytest.raises(OptionError, match="'nowhere'"):
        dedupe.export(tmp_path / "w", source_column="nowhere")
