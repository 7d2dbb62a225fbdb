"""Records are added to a workspace: ids stay, decisions hold, and nothing is lost."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import dedupe
import dedupe.blocking.index
import dedupe.pipeline.incremental.add
import dedupe.pipeline.incremental.delta
import dedupe.pipeline.incremental.rescore
import dedupe.pipeline.run
import dedupe.resolution.resolve
import dedupe.scoring.score
import dedupe.workspace.state
import dedupe.workspace.stored
from dedupe.errors import DedupeError, InputError, OptionError, WorkspaceError
from dedupe.pipeline.fine_tuning import train
from dedupe.pipeline.incremental.cluster_changes import CLUSTER_CHANGES
from dedupe.records.records import Records
from dedupe.resolution.decisions import Decision
from dedupe.scoring.comparison.comparison import Comparison
from dedupe.workspace.folder import Workspace
from dedupe.workspace.log.decision_log import DecisionLog
from tests.laws import examples
from tests.samples import PEOPLE, PEOPLE_COLUMNS, leave_in_doubt, misspelt, with_ids

pytestmark = pytest.mark.model

OLD = with_ids([*PEOPLE[:8], *misspelt(PEOPLE[:3]), PEOPLE[5]])
NEW = with_ids([*misspelt(PEOPLE[3:5]), *PEOPLE[8:], PEOPLE[7]], first=100)

POOR = "Ann"
"""First name of the records that have hardly any values."""


def run(*sources: Any, **options: Any) -> dedupe.Result:
    """Run without the cross-encoder, which takes long to load."""
    return dedupe.run(*sources, **{"effort": "fast", **options})


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run; not to be changed."""
    folder = tmp_path_factory.mktemp("done")
    OLD.write_csv(folder / "people.csv")
    NEW.write_csv(folder / "new.csv")
    run(folder / "people.csv")
    return folder


@pytest.fixture
def folder(done: Path, tmp_path: Path) -> Path:
    shutil.copytree(done, tmp_path / "copy")
    return tmp_path / "copy"


def partition(clusters: pl.DataFrame) -> set[frozenset[str]]:
    return {frozenset(group.to_list()) for group in clusters.group_by("cluster_id").agg("id")["id"]}


def ids(clusters: pl.DataFrame) -> dict[str, str]:
    return dict(clusters.select("id", "cluster_id").iter_rows())


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def clusters_of(workspace: Path) -> pl.DataFrame:
    return pl.read_csv(workspace / "clusters.csv", infer_schema=False)


def test_places_in_the_index_are_kept_and_hold_for_that_index_alone(folder: Path) -> None:
    def places() -> tuple[dedupe.workspace.stored.RecordTable, list[int]]:
        workspace = Workspace(folder / "people.dedupe")
        read = dedupe.workspace.stored.load_table(workspace, workspace.facts()["keys"]["table"])
        assert read is not None and read.slot is not None
        slots, _ = dedupe.workspace.stored.index_slots(
            read, dedupe.workspace.stored.search_facts(workspace)
        )
        return read, slots.tolist()

    read, found = places()
    texts = read.records.texts
    first = dedupe.blocking.index.assign_slots(
        texts, *dedupe.scoring.pairs.identical_pairs(texts)
    ).tolist()
    assert not read.extended
    assert found == read.slot.tolist() == first
    dedupe.add(folder / "people.dedupe", folder / "new.csv")
    read, found = places()
    assert read.extended
    assert found == read.slot.tolist()
    rebuilt, _ = dedupe.workspace.stored.index_slots(read, {"stored": {"grown": False}})
    texts = read.records.texts
    assert rebuilt.tolist() == [
        *dedupe.blocking.index.assign_slots(texts, *dedupe.scoring.pairs.identical_pairs(texts))
    ]


def test_only_what_an_addition_touches_is_clustered_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []

    def noted(module: Any, name: str) -> Any:
        how = getattr(module, name)

        def note(*arguments: Any) -> Any:
            called.append(name)
            return how(*arguments)

        return note

    for module, name in (
        (dedupe.workspace.state, "resolve"),
        (dedupe.pipeline.incremental.add, "resolve_again"),
    ):
        monkeypatch.setattr(module, name, noted(module, name))
    dedupe.run(folder / "people.csv", effort="fast")
    called.clear()
    dedupe.add(folder / "people.dedupe", folder / "new.csv")
    assert called == ["resolve_again"]


def test_new_records_join_what_they_are_and_ids_stay(folder: Path) -> None:
    before = ids(clusters_of(folder / "people.dedupe"))
    result = dedupe.add(folder / "people.dedupe", folder / "new.csv")
    after = clusters_of(folder / "people.dedupe")
    whole = pl.concat([OLD, NEW])
    assert_frame_equal(after.select(OLD.columns), whole)
    truth = whole.with_columns(pl.col("born").alias("cluster_id"))
    assert partition(after) == partition(truth)
    assert {id: name for id, name in ids(after).items() if id in before} == before
    added = result.summary["additions"]
    assert {name: added[name] for name in ("given", "added", "updated", "removed")} == {
        "given": 5, "added": 5, "updated": 0, "removed": 0,
    }  # fmt: skip
    assert added["clusters"] == {**dict.fromkeys(CLUSTER_CHANGES, 0), "made": 2, "grown": 3}
    listed = pl.read_csv(folder / "people.dedupe/additions.csv", infer_schema=False)
    assert listed["change"].to_list() == ["made"] * 2 + ["grown"] * 3
    assert result.merged.height + result.removed.height == whole.height


def test_what_follows_works_on_it_unchanged(folder: Path) -> None:
    workspace = folder / "people.dedupe"
    dedupe.add(workspace, folder / "new.csv")
    written = {name: (workspace / f"{name}.csv").read_bytes() for name in
               ("clusters", "merged", "removed", "pairs")}  # fmt: skip
    dedupe.export(workspace)
    assert {name: (workspace / f"{name}.csv").read_bytes() for name in written} == written
    gold = pl.concat([OLD, NEW]).select("id", pl.col("born").alias("cluster_id"))
    assert dedupe.evaluate_workspace(workspace, gold).as_dict()["pair_f1"] == 1
    found = dedupe.Matcher(workspace).match(NEW[2:3].drop("id"))
    assert found["id"][0] == "r102"
    again = dedupe.add(workspace, with_ids([PEOPLE[9]], first=200))
    assert ids(again.clusters)["r200"] == ids(again.clusters)["r103"]


def test_the_original_input_is_not_run_over_what_was_added(folder: Path) -> None:
    dedupe.add(folder / "people.dedupe", folder / "new.csv")
    before = content(folder / "people.dedupe")
    with pytest.raises(WorkspaceError, match=r"records were added to .* dedupe add"):
        run(folder / "people.csv")
    assert content(folder / "people.dedupe") == before


def test_the_same_rows_are_not_added_twice(folder: Path) -> None:
    dedupe.add(folder / "people.dedupe", folder / "new.csv")
    before = clusters_of(folder / "people.dedupe")
    again = dedupe.add(folder / "people.dedupe", folder / "new.csv")
    assert_frame_equal(clusters_of(folder / "people.dedupe"), before)
    assert again.summary["additions"]["added"] == 0
    assert "not added twice" in again.summary["additions"]["notes"][0]


def test_changed_records_are_updated_and_vanished_ones_removed(folder: Path) -> None:
    workspace = folder / "people.dedupe"
    before = ids(clusters_of(workspace))
    # r8 was Katherine without her last letter; now it is somebody else. r11 is gone.
    now = pl.concat([OLD[:8], with_ids([PEOPLE[8]], first=8), OLD[9:11]])
    result = dedupe.add(workspace, now, replace_all=True)
    added = result.summary["additions"]
    assert (added["updated"], added["unchanged"], added["removed"]) == (1, 10, 1)
    after = clusters_of(workspace)
    assert_frame_equal(after.select(OLD.columns), now)
    truth = now.with_columns(pl.col("born").alias("cluster_id"))
    assert partition(after) == partition(truth)
    kept = {id: name for id, name in ids(after).items() if id != "r8"}
    assert kept == {id: before[id] for id in kept}
    assert added["clusters"]["split"] == 2 and added["clusters"]["changed"] == 1


def test_a_removed_representative_leaves_its_copies_their_pairs(folder: Path) -> None:
    workspace = folder / "people.dedupe"
    gone = OLD.filter(pl.col("id") != "r5")  # r11 has the same text
    result = dedupe.add(workspace, pl.concat([gone, with_ids(misspelt([PEOPLE[5]]), first=50)]),
                        replace_all=True)  # fmt: skip
    after = ids(result.clusters)
    assert after["r11"] == after["r50"]
    assert len(after) == gone.height + 1


def test_decisions_hold(folder: Path) -> None:
    workspace = folder / "people.dedupe"
    with Workspace(workspace).decisions() as log:
        log.record("r0", "r8", Decision.DIFFERENT, "ann")
        log.record("r6", "r7", Decision.MATCH, "ann")
    result = dedupe.add(workspace, with_ids([PEOPLE[0], PEOPLE[6]], first=300))
    after = ids(result.clusters)
    assert after["r0"] != after["r8"]
    assert after["r6"] == after["r7"]
    assert result.summary["decisions"] == 2


def test_content_is_the_key_where_there_are_no_ids(tmp_path: Path) -> None:
    OLD.drop("id").write_csv(tmp_path / "p.csv")
    run(tmp_path / "p.csv")
    result = dedupe.add(tmp_path / "p.dedupe", pl.DataFrame([OLD.drop("id").row(3)] * 2,
                        schema=list(PEOPLE_COLUMNS), orient="row"))  # fmt: skip
    assert result.clusters.height == OLD.height + 2
    assert result.clusters["cluster_id"][3] == result.clusters["cluster_id"][-1]
    with pytest.raises(OptionError, match="no id column"):
        dedupe.add(tmp_path / "p.dedupe", OLD.drop("id"), replace_all=True)
    with pytest.raises(OptionError, match="by their content"):
        dedupe.add(tmp_path / "p.dedupe", OLD, id="id")
    records = Workspace(tmp_path / "p.dedupe")
    kept = records.cache.load("records", records.facts()["keys"]["table"])
    assert kept is not None and kept[0]["key"].n_unique() == kept[0].height


def test_a_file_is_not_added_twice_where_content_is_the_key(tmp_path: Path) -> None:
    for name, rows in (("p", OLD), ("new", NEW), ("more", with_ids([PEOPLE[9]]))):
        rows.drop("id").write_csv(tmp_path / f"{name}.csv")
    run(tmp_path / "p.csv")
    for name, height in (("p", 0), ("new", 5), ("more", 1), ("new", 0), ("p", 0)):
        result = dedupe.add(tmp_path / "p.dedupe", tmp_path / f"{name}.csv")
        assert result.summary["additions"]["added"] == height
        assert bool(result.summary["additions"]["notes"]) == (height == 0)
    assert result.clusters.height == OLD.height + 6
    # Of a table in memory nothing says that it is the one of before.
    once = NEW.drop("id").head(1)
    for rows in (once, NEW.drop("id").tail(1), once):
        assert dedupe.add(tmp_path / "p.dedupe", rows).summary["additions"]["added"] == 1


def test_nothing_can_be_added(folder: Path) -> None:
    before = content(folder / "people.dedupe" / "stages")
    assert dedupe.add(folder / "people.dedupe", NEW.clear()).summary["additions"]["given"] == 0
    assert content(folder / "people.dedupe" / "stages") == before


def test_ids_may_have_another_name_and_columns_may_lack(folder: Path) -> None:
    rows = NEW.rename({"id": "number"}).drop("city")
    result = dedupe.add(folder / "people.dedupe", rows, id="number")
    assert result.summary["additions"]["added"] == NEW.height
    assert result.clusters["city"].tail(NEW.height).to_list() == [""] * NEW.height
    assert "no column 'city'" in result.summary["additions"]["notes"][0]


@pytest.mark.parametrize(
    ("rows", "options", "says"),
    [
        (NEW.with_columns(shoe=pl.lit("7")), {}, "a column 'shoe' that the workspace lacks"),
        (NEW.drop("id"), {}, "no id column 'id'"),
        (NEW.select("id"), {}, "none of the compared columns"),
        (pl.concat([NEW, NEW]), {}, "id 'r100' twice"),
        (NEW.with_columns(id=pl.lit("")), {}, "empty in row 0"),
        (NEW, {"id": "nr"}, "no column 'nr'"),
        (NEW, {"threshold": 0.9}, "threshold belongs to the run"),
        (OLD[:1], {"replace_all": True}, "nothing to compare"),
    ],
)
def test_what_cannot_be_added_is_one_line_and_changes_nothing(
    done: Path, rows: pl.DataFrame, options: dict[str, Any], says: str
) -> None:
    before = content(done)
    with pytest.raises(DedupeError, match=says) as raised:
        dedupe.add(done / "people.dedupe", rows, **options)
    assert "\n" not in str(raised.value)
    assert content(done) == before


def test_a_workspace_of_other_models_is_refused(folder: Path) -> None:
    workspace = Workspace(folder / "people.dedupe")
    facts = workspace.facts()
    facts["models"]["cross_encoder"] = "another"
    workspace.write_facts(facts)
    before = content(folder)
    with pytest.raises(WorkspaceError, match="another cross-encoder"):
        dedupe.add(folder / "people.dedupe", folder / "new.csv")
    assert content(folder) == before


def test_a_model_that_is_gone_is_named(folder: Path) -> None:
    workspace = Workspace(folder / "people.dedupe")
    facts = workspace.facts()
    facts["config"]["cross_encoder"] = str(folder / "mine")
    workspace.write_facts(facts)
    with pytest.raises(
        WorkspaceError, match=r"made with the cross-encoder .*mine, which is missing"
    ):
        dedupe.add(folder / "people.dedupe", folder / "new.csv")


@pytest.mark.parametrize("what", ["npz", "vectors", "scale"])
@pytest.mark.parametrize("how", ["cut", "flipped", "missing"])
def test_a_damaged_index_is_rebuilt_with_a_note(folder: Path, what: str, how: str) -> None:
    workspace = folder / "people.dedupe"
    first = dedupe.add(workspace, NEW.head(1))
    assert first.summary["additions"]["notes"] == []
    (index,) = (workspace / "stages").glob(f"index-*.{what}")
    data = index.read_bytes()
    if how == "missing":
        index.unlink()
    else:
        middle = len(data) // 2
        flipped = data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :]
        index.write_bytes(data[:middle] if how == "cut" else flipped)
    found = dedupe.Matcher(workspace).match(OLD[3:4].drop("id"))
    assert found["id"].to_list() == ["r3", "r100"]
    result = dedupe.add(folder / "people.dedupe", folder / "new.csv")
    assert "index was missing or damaged: all pairs" in result.summary["additions"]["notes"][0]
    truth = pl.concat([OLD, NEW]).with_columns(pl.col("born").alias("cluster_id"))
    assert partition(result.clusters) == partition(truth)


def test_a_locked_database_of_decisions_is_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = folder / "people.dedupe"
    with Workspace(workspace).decisions() as log:
        log.record("r0", "r8", Decision.MATCH, "ann")
    defaults = {**(DecisionLog.__init__.__kwdefaults__ or {}), "timeout": 0.1}
    monkeypatch.setattr(DecisionLog.__init__, "__kwdefaults__", defaults)
    holder = sqlite3.connect(workspace / "decisions.sqlite", isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("PRAGMA journal_mode = DELETE")
    holder.execute("BEGIN EXCLUSIVE")
    before = content(workspace / "stages")
    try:
        with pytest.raises(WorkspaceError, match="locked by another process"):
            dedupe.add(workspace, folder / "new.csv")
    finally:
        holder.close()
    assert content(workspace / "stages") == before
    assert dedupe.add(workspace, folder / "new.csv").summary["decisions"] == 1


def test_another_run_in_the_workspace_is_waited_for_by_the_user(folder: Path) -> None:
    with (
        Workspace(folder / "people.dedupe").locked(),
        pytest.raises(WorkspaceError, match="another run is using"),
    ):
        dedupe.add(folder / "people.dedupe", folder / "new.csv")


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of two linked tables with other columns; not to be changed."""
    folder = tmp_path_factory.mktemp("linked")
    OLD[:6].write_csv(folder / "staff.csv")
    theirs = with_ids(misspelt(PEOPLE[:4]), first=50).rename(
        {"id": "nr", "first_name": "given_name"}
    )
    theirs.write_csv(folder / "guests.csv")
    dedupe.link(folder / "staff.csv", folder / "guests.csv", map={"id": "nr"})
    return folder


def test_a_linked_table_grows(linked: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    shutil.copytree(linked / "staff-guests.dedupe", workspace)
    before = pl.read_csv(workspace / "matches.csv", infer_schema=False)
    assert set(before.select("left_id", "right_id").iter_rows()) == {
        (f"r{n}", f"r{50 + n}") for n in range(4)
    }
    rows = with_ids([*misspelt(PEOPLE[4:6]), PEOPLE[0], PEOPLE[8]], first=60)
    rows = rows.rename({"id": "nr", "first_name": "given_name"})
    result = dedupe.add(workspace, rows, to="guests")
    now = {(f"r{n}", f"r{50 + n}") for n in range(4)} | {
        ("r4", "r60"),
        ("r5", "r61"),
        ("r0", "r62"),
    }
    assert set(result.matches.select("left_id", "right_id").iter_rows()) == now
    assert result.unmatched["guests"]["nr"].to_list() == ["r63"]
    assert result.unmatched["staff"].is_empty()
    merged = dedupe.add(workspace, with_ids([PEOPLE[8]], first=70), to="staff")
    assert merged.unmatched["guests"].is_empty()
    gone = dedupe.add(workspace, rows[:2], to="guests", replace_all=True)
    assert set(gone.matches["right_id"]) == {"r60", "r61"}
    assert gone.summary["additions"]["removed"] == 6
    assert gone.clusters.filter(pl.col("source") == "staff").height == 7


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "choose one with --to: staff, guests"),
        ({"to": "visitors"}, "no table 'visitors'"),
        ({"to": "staff", "id": "nr"}, "no column 'nr'"),
    ],
)
def test_what_a_linked_table_cannot_take(linked: Path, options: dict[str, Any], says: str) -> None:
    before = content(linked)
    with pytest.raises(DedupeError, match=says):
        dedupe.add(linked / "staff-guests.dedupe", NEW, **options)
    with pytest.raises(InputError, match="a column 'shoe' that the workspace lacks"):
        dedupe.add(linked / "staff-guests.dedupe", NEW.with_columns(shoe=pl.lit(7)), to="staff")
    rows = with_ids([PEOPLE[9]], first=50)  # r50 is one of the guests
    with pytest.raises(InputError, match="'r50' of the new records belongs to a record of another"):
        dedupe.add(linked / "staff-guests.dedupe", rows, to="staff")
    assert content(linked) == before


def test_two_columns_that_are_one_field_are_refused(linked: Path) -> None:
    rows = with_ids([PEOPLE[8]], first=80).rename({"id": "nr"})
    both = rows.with_columns(given_name=pl.lit("x"))
    with pytest.raises(InputError, match="'first_name' and another that both map to"):
        dedupe.add(linked / "staff-guests.dedupe", both, to="guests")


@pytest.mark.parametrize("tables", [2, 12])
def test_ids_that_are_in_several_tables_are_told_apart(tables: int) -> None:
    source = np.repeat(np.arange(tables, dtype=np.uint8), 2)
    ids = pl.Series("id", [f"{one + 1}:{n % 2}" for n, one in enumerate(source)])
    old = Records(pl.DataFrame(), ids, ids, ids, source, (), "id")
    new = pl.Series("id", ["0", "7"])
    found = dedupe.pipeline.incremental.delta._among_tables(new, old, tables - 1)
    assert found.to_list() == [f"{tables}:0", f"{tables}:7"]


def test_a_workspace_of_one_table_has_no_other(done: Path) -> None:
    with pytest.raises(OptionError, match="--to is for linked tables"):
        dedupe.add(done / "people.dedupe", NEW, to="guests")


def test_no_workspace_and_no_file(done: Path, tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="there is no workspace"):
        dedupe.add(tmp_path / "none", NEW)
    with pytest.raises(InputError, match=r"none\.csv"):
        dedupe.add(done / "people.dedupe", tmp_path / "none.csv")


@given(order=st.permutations(range(8)), cuts=st.sets(st.integers(1, 7), max_size=3))
@examples(8)
def test_any_number_of_steps_parts_the_records(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], cuts: set[int]
) -> None:
    """Every row has one cluster, rows in are rows kept plus merged, and old ids stay."""
    rows = pl.concat([OLD[8:], NEW[:4]])[order]
    start = OLD[:8]
    workspace = tmp_path_factory.mktemp("steps") / "w"
    result = run(start, output=workspace)
    whole, bounds = start, [0, *sorted(cuts), len(rows)]
    for low, high in pairwise(bounds):
        before = ids(result.clusters)
        result = dedupe.add(workspace, rows[low:high])
        whole = pl.concat([whole, rows[low:high]])
        assert_frame_equal(result.clusters.select(whole.columns), whole)
        assert result.merged.height + result.removed.height == whole.height
        after = ids(result.clusters)
        changed = {id for id in before if after[id] != before[id]}
        listed = result.outputs.more["additions"].filter(pl.col("change").is_in(["joined"]))
        gone = " ".join(listed["clusters_before"]).split()
        assert {before[id] for id in changed} <= set(gone)
    truth = whole.with_columns(pl.col("born").alias("cluster_id"))
    assert partition(result.clusters) == partition(truth)


WRITTEN = ("clusters", "merged", "removed", "pairs")


def exported(workspace: Path, folder: Path) -> dict[str, bytes]:
    """What a full export of the workspace writes."""
    dedupe.export(workspace, output=folder)
    return written(folder)


def written(folder: Path) -> dict[str, bytes]:
    return {name: (folder / f"{name}.csv").read_bytes() for name in WRITTEN}


@given(data=st.data())
@examples(10)
def test_what_is_written_is_what_a_full_export_writes(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever is added, changed, removed and decided: only what it touches is made, unseen."""
    folder = tmp_path_factory.mktemp("same")
    workspace, nobody = folder / "w", (POOR, "", "", "")
    everyone = [nobody, *PEOPLE, nobody, *misspelt(PEOPLE), nobody, nobody, *PEOPLE[::-1]]
    merge = data.draw(st.sampled_from([{}, {"city": "concat"}, {"born": "max", "city": "last"}]))
    run(with_ids(everyone[:12]), output=workspace, merge=merge)
    there, free = list(range(12)), list(range(12, len(everyone)))
    for _ in range(3):
        new = free[: data.draw(st.integers(0, 4))]
        changed = data.draw(st.lists(st.sampled_from(there), max_size=2, unique=True))
        gone = data.draw(st.lists(st.sampled_from(there), max_size=2, unique=True))
        free = free[len(new) :]
        rows = {n: with_ids([everyone[n]], n) for n in [*there, *new]}
        for n in changed:
            person = data.draw(st.sampled_from(everyone))
            rows[n] = with_ids([(*person[:3], data.draw(st.sampled_from(["", 'a, "b"'])))], n)
        replace_all = bool(gone)
        if replace_all:
            there = [n for n in there if n not in gone]
        else:
            rows = {n: row for n, row in rows.items() if n in [*changed, *new]}
        rows = {n: row for n, row in rows.items() if n in [*there, *new]}
        there += new
        if rows:
            dedupe.add(workspace, pl.concat(rows.values()), replace_all=replace_all)
        assert written(workspace) == exported(workspace, folder / "x")
        if data.draw(st.booleans()):
            with Workspace(workspace).decisions() as log:
                pair = data.draw(st.permutations([f"r{n}" for n in there]))[:2]
                decision = data.draw(st.sampled_from([Decision.MATCH, Decision.DIFFERENT]))
                log.record(*pair, decision, "ann")
            dedupe.export(workspace)


@pytest.mark.parametrize("what", ["edited", "gone"])
def test_a_file_changed_by_others_is_written_whole(folder: Path, what: str) -> None:
    workspace = folder / "people.dedupe"
    dedupe.add(workspace, NEW[:2])
    file = workspace / "clusters.csv"
    text = file.read_bytes()
    file.unlink()
    if what == "edited":
        file.write_bytes(text.replace(b"Katherine", b"Catherine"))
    dedupe.add(workspace, NEW[2:])
    assert written(workspace) == exported(workspace, folder / "x")


def test_a_kill_leaves_the_workspace_as_before_or_after(folder: Path) -> None:
    workspace = folder / "people.dedupe"
    command = [
        sys.executable,
        "-m",
        "dedupe",
        "add",
        str(workspace),
        str(folder / "new.csv"),
    ]
    sizes = {OLD.height, OLD.height + NEW.height}
    draw = random.Random(0)
    before = {path.name for path in (workspace / "stages").iterdir()}
    for _ in range(3):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while time.monotonic() < until and process.poll() is None:
            now = {path.name for path in (workspace / "stages").iterdir()}
            if now - before:
                time.sleep(draw.random() * 0.2)
                os.kill(process.pid, signal.SIGKILL)
                break
            time.sleep(0.002)
        process.wait()
        assert dedupe.export(workspace).summary["rows"] in sizes
    result = dedupe.add(workspace, folder / "new.csv")
    assert result.clusters.height == OLD.height + NEW.height
    truth = pl.concat([OLD, NEW]).with_columns(pl.col("born").alias("cluster_id"))
    assert partition(clusters_of(workspace)) == partition(truth)


def test_the_command_line_says_what_became_of_the_clusters(folder: Path) -> None:
    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "dedupe",
                "add",
                str(folder / "people.dedupe"),
                *arguments,
            ],
            capture_output=True,
            text=True,
            check=False,
        )

    bad = folder / "bad.csv"
    NEW.with_columns(shoe=pl.lit("7")).write_csv(bad)
    failed = call(str(bad))
    assert failed.returncode == 2 and failed.stderr.startswith("dedupe: the new records have a")
    assert failed.stderr.count("\n") == 1
    talked = call(str(folder / "new.csv"))
    assert talked.returncode == 0, talked.stderr
    assert "5 added" in talked.stderr and "2 made, 3 grown" in talked.stderr
    assert "additions.csv" in talked.stderr
    found = json.loads(call(str(folder / "new.csv"), "--json").stdout)
    assert found["additions"]["added"] == 0 and found["rows"] == OLD.height + NEW.height


def test_added_records_can_be_searched_and_scored_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after training: the records kept are the input."""
    workspace = folder / "people.dedupe"
    before = ids(dedupe.add(workspace, folder / "new.csv").clusters)
    opened = Workspace(workspace)
    with opened.locked():
        facts = opened.facts()
        config = {**facts["config"], "candidates_per_record": 6.0}
        opened.write_facts({**facts, "config": config})
    monkeypatch.setattr(train, "_go_back", lambda workspace, config: "bundled")
    _, result = dedupe.train(workspace, undo=True)
    assert ids(result.clusters) == before
    again = dedupe.add(workspace, with_ids([PEOPLE[2]], first=400))
    assert ids(again.clusters)["r400"] == before["r2"]


def statistics_files(workspace: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (workspace / "stages").glob("statistics-*")}


def test_new_records_are_compared_with_the_statistics_of_the_run_until_it_is_outgrown(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[int] = []
    compare = Comparison.log_odds

    def log_odds(self: Comparison) -> Any:
        used.append(self.file_statistics.records)
        return compare(self)

    monkeypatch.setattr(Comparison, "log_odds", log_odds)
    workspace = folder / "people.dedupe"
    before = statistics_files(workspace)
    assert len(before) == 2  # the counts, and the facts beside them
    rows = with_ids([*PEOPLE[8:], *misspelt(PEOPLE)], first=50)
    result = dedupe.add(workspace, rows)
    assert used == [OLD.height] and statistics_files(workspace) == before
    assert result.summary["additions"]["notes"] == []
    more = with_ids(misspelt(misspelt(PEOPLE)), first=90)
    result = dedupe.add(workspace, more)
    assert used == [OLD.height, OLD.height + rows.height + more.height]
    assert "all pairs were searched and scored again" in result.summary["additions"]["notes"][0]
    after = statistics_files(workspace)
    assert len(after) == 2 and not after.keys() & before.keys()
    opened = Workspace(workspace)
    restored = dedupe.workspace.stored.load_statistics(
        opened, dedupe.workspace.stored.scoring_facts(opened)
    )
    assert restored is not None and restored.records == used[1]


def test_lost_statistics_are_made_again_of_all_records(folder: Path) -> None:
    workspace = folder / "people.dedupe"
    for path in (workspace / "stages").glob("statistics-*"):
        path.unlink()
    result = dedupe.add(workspace, folder / "new.csv")
    truth = pl.concat([OLD, NEW]).with_columns(pl.col("born").alias("cluster_id"))
    assert partition(result.clusters) == partition(truth)
    assert len(statistics_files(workspace)) == 2


def poor(*numbers: int) -> pl.DataFrame:
    return pl.concat([with_ids([(POOR, "", "", "")], first=number) for number in numbers])


@pytest.mark.parametrize("in_the_run", [0, 1, 2])
def test_an_added_copy_of_a_poor_record_is_not_merged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_the_run: int
) -> None:
    asked: list[str] = []
    compare = Comparison.log_odds

    def log_odds(self: Comparison) -> Any:
        found = compare(self)
        for at in np.flatnonzero(self.left == self.right):
            text = self.texts[int(self.left[at])]
            asked.append(text)
            found[at] = -1.0 if POOR.lower() in text.lower() else 4.0
        return found

    monkeypatch.setattr(Comparison, "log_odds", log_odds)
    workspace = tmp_path / "w"
    run(pl.concat([OLD, *[poor(20 + n) for n in range(in_the_run)]]), output=workspace)
    new = pl.concat([poor(30, 31), with_ids([PEOPLE[0]], first=40)])
    result = dedupe.add(workspace, new)
    names = ids(result.clusters)
    anns = [id for id in names if id[:2] in ("r2", "r3") and len(id) == 3]
    assert len({names[id] for id in anns}) == len(anns) == in_the_run + 2
    assert sum(name in [names[id] for id in anns] for name in names.values()) == len(anns)
    assert names["r40"] == names["r0"]  # a copy of a full record is
    assert len(asked) == len(set(asked)) == 3  # each group is judged once
    between = result.pairs.filter(pl.col("left_id").is_in(anns) & pl.col("right_id").is_in(anns))
    assert between.height == len(anns) - 1 and set(between["decided_by"]) == {"comparison"}
    np.testing.assert_allclose(between["probability"], 1 / (1 + np.e), atol=1e-4)
    assert written(workspace) == exported(workspace, tmp_path / "x")
    # Without its first record, the group is as it was.
    rest = pl.concat([OLD, new]).filter(pl.col("id") != "r30")
    result = dedupe.add(workspace, rest, replace_all=True)
    dedupe.add(workspace, poor(32))
    names = ids(clusters_of(workspace))
    assert names["r31"] != names["r32"] and len(asked) == 3
    assert written(workspace) == exported(workspace, tmp_path / "y")


def judged_in_turn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Let another model judge: a list of the pairs it is asked, and all log odds are 2.5."""
    asked: list[tuple[str, str]] = []

    def judge(_: Any, texts: pl.Series, left: Any, right: Any, *__: Any) -> Any:
        asked.extend(zip(texts.gather(left), texts.gather(right), strict=True))
        return np.full(len(left), 2.5, dtype=np.float32)

    for module in (dedupe.scoring.score, dedupe.pipeline.incremental.rescore):
        monkeypatch.setattr(module, "load_cross_encoder", lambda _: None)
        monkeypatch.setattr(module, "judge", judge)
    return asked


@pytest.mark.parametrize("worth", [1, 500])
def test_the_cross_encoder_judges_doubtful_pairs_once_enough_are_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, worth: int
) -> None:
    asked = judged_in_turn(monkeypatch)
    monkeypatch.setattr(dedupe.pipeline.incremental.rescore, "WORTH_LOADING", worth)
    workspace = tmp_path / "w"
    run(OLD, output=workspace, effort="balanced")
    asked.clear()
    leave_in_doubt(monkeypatch)
    result = dedupe.add(workspace, NEW[:3])
    assert bool(asked) == (worth == 1)
    new = pl.col("right_id").str.contains("^r10[0-9]$")
    deciders = dict(result.pairs.filter(new)["decided_by"].value_counts().iter_rows())
    assert result.summary["cross_encoder"]["judged"] >= len(asked)
    if worth > 1:
        assert deciders.keys() == {"comparison"}
    else:
        assert deciders["cross-encoder"] > 0
        judged = result.pairs.filter(new & (pl.col("decided_by") == "cross-encoder"))
        np.testing.assert_allclose(judged["probability"], 1 / (1 + np.exp(-2.5)), atol=1e-4)
    assert written(workspace) == exported(workspace, tmp_path / "x")
    dedupe.add(workspace, NEW[3:])
    assert len(asked) == len({frozenset(pair) for pair in asked})  # no pair is judged twice
    assert written(workspace) == exported(workspace, tmp_path / "y")


@pytest.mark.parametrize(
    ("effort", "decider"), [("fast", "comparison"), ("thorough", "cross-encoder")]
)
def test_an_addition_takes_the_effort_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, effort: str, decider: str
) -> None:
    asked = judged_in_turn(monkeypatch)
    monkeypatch.setattr(dedupe.pipeline.incremental.rescore, "WORTH_LOADING", 1)
    run(OLD, output=tmp_path / "w", effort=effort)
    before = len(asked)
    result = dedupe.add(tmp_path / "w", NEW)
    assert set(result.pairs["decided_by"]) == {decider, "identical"}
    # Pairs just outside the candidates are judged in the run alone.
    scored = result.summary["additions"]["pairs_scored"]
    assert len(asked) - before == (scored if effort == "thorough" else 0)
    assert result.summary["cross_encoder"]["judged"] == len(asked)


def test_added_records_are_judged_by_the_cross_encoder_itself(tmp_path: Path) -> None:
    run(OLD, output=tmp_path / "w", effort="thorough")
    result = dedupe.add(tmp_path / "w", NEW)
    assert set(result.pairs["decided_by"]) == {"cross-encoder", "identical"}
    truth = pl.concat([OLD, NEW]).with_columns(pl.col("born").alias("cluster_id"))
    assert partition(result.clusters) == partition(truth)


def test_rows_are_added_with_the_header_options_of_the_run_unless_others_are_given(
    tmp_path: Path,
) -> None:
    OLD.write_csv(tmp_path / "old.csv", include_header=False)
    result = run(tmp_path / "old.csv", header=False, id="c1")
    names = [f"c{number}" for number in range(1, 6)]
    assert result.clusters.columns[:5] == names
    NEW[:2].write_csv(tmp_path / "new.csv", include_header=False)
    added = dedupe.add(tmp_path / "old.dedupe", tmp_path / "new.csv")
    assert added.summary["additions"]["added"] == 2
    named = NEW[2:].rename(dict(zip(NEW.columns, names, strict=True))).write_csv()
    (tmp_path / "titled.csv").write_text(f"Export\n{named}")
    added = dedupe.add(tmp_path / "old.dedupe", tmp_path / "titled.csv", header_row=2)
    assert added.summary["additions"]["added"] == NEW.height - 2
    assert clusters_of(tmp_path / "old.dedupe")["c1"].to_list() == [*OLD["id"], *NEW["id"]]


def test_doubts_about_the_input_are_in_the_summary_also_of_a_repeated_run(tmp_path: Path) -> None:
    OLD.write_csv(tmp_path / "old.csv", include_header=False)
    for threshold in (0.5, 0.6):
        result = run(tmp_path / "old.csv", threshold=threshold)
        (note,) = result.summary["input"]["notes"]
        assert "looks like data" in note
