from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import Any

import polars as pl
import pytest

from dedupe import explain
from dedupe.engine.candidates import PAIR
from dedupe.engine.plan import Sizes
from dedupe.engine.run import run_distributed
from dedupe.errors import LimitError, OptionError, WorkspaceError
from dedupe.resolution.outputs import OUTPUTS
from dedupe.workspace.folder import open_workspace
from dedupe.workspace.state import open_state
from tests.engine.clusters import SMALL, Mortal, pair_f1

pytestmark = pytest.mark.model

EVERY_NIGHT = os.environ.get("NIGHTLY") == "true"
KILLED = ("counts", "hits", "score", "resolve")
"""Stages in which workers die; every night, in all of them. Each death costs a new process."""
FEW_OBJECTS = 20
"""So few that the search has several rounds."""
TOLERANCE = 0.995
"""Pair F1 between the clusters of both engines, at least."""


def clusters_of(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "clusters")


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for name in OUTPUTS
        for path in sorted((folder / name).iterdir())
    }


def run(file: Path, folder: Path, **options: Any) -> dict[str, Any]:
    options = {"sizes": SMALL, "effort": "fast", **options}
    return run_distributed(str(file), engine="ray", output=str(folder), **options).summary


@pytest.fixture(scope="module")
def whole(cluster: None, file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole") / "out"
    run(file, folder)
    return folder


def test_clusters_are_those_of_a_local_run(whole: Path, local: pl.DataFrame) -> None:
    found = clusters_of(whole)
    assert sorted(found["id"]) == sorted(local["id"])
    assert pair_f1(found, local) >= TOLERANCE


def test_one_search_finds_the_pairs_of_a_local_run(
    cluster: None, file: Path, local: pl.DataFrame, tmp_path: Path
) -> None:
    run(file, tmp_path / "out", sizes=Sizes(rows=300))
    found = clusters_of(tmp_path / "out")
    assert pair_f1(found, local) == 1
    ids = {full[:8]: 1 for full in found["cluster_id"]}
    assert set(ids) == set(local["cluster_id"])


def test_tables_agree(whole: Path, file: Path) -> None:
    tables = {name: pl.read_parquet(whole / name) for name in OUTPUTS}
    rows = pl.read_csv(file, infer_schema=False)
    assert tables["clusters"].select(rows.columns).sort("id").equals(rows.sort("id"))
    assert tables["merged"].height + tables["removed"].height == rows.height
    assert set(tables["removed"]["id"]).isdisjoint(tables["merged"]["id"])
    assert not tables["pairs"].select("left_id", "right_id").is_duplicated().any()


def test_one_worker_and_several_rounds_write_the_same_bytes(
    whole: Path, file: Path, tmp_path: Path
) -> None:
    import ray

    @ray.remote(num_cpus=1)
    def hold_a_core() -> None:
        sleep(600)

    held = hold_a_core.remote()
    try:
        run(file, tmp_path / "out", sizes=replace(SMALL, objects=FEW_OBJECTS))
    finally:
        ray.cancel(held, force=True)
    assert hashes(tmp_path / "out") == hashes(whole)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_workers_that_die_in_each_stage_change_nothing(
    whole: Path, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaths = tmp_path / "deaths"
    deaths.mkdir()
    monkeypatch.setattr(Mortal, "deaths", deaths, raising=False)
    monkeypatch.setattr(Mortal, "stages", None if EVERY_NIGHT else KILLED)
    monkeypatch.setattr("dedupe.engine.run.Workers", Mortal)
    stages = run(file, tmp_path / "out")["stages"]
    assert hashes(tmp_path / "out") == hashes(whole)
    died = {path.name.rpartition("-")[0] for path in deaths.iterdir()}
    assert died == ({stage["stage"] for stage in stages} if EVERY_NIGHT else set(KILLED))


def test_a_run_goes_on_after_the_last_finished_stage(
    whole: Path, file: Path, tmp_path: Path
) -> None:
    def report(stage: str, done: int, total: int) -> None:
        if stage == "score":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(file, tmp_path / "out", report=report)
    stages = run(file, tmp_path / "out")["stages"]
    at = [stage["stage"] for stage in stages].index("score")
    assert all(stage.get("reused") for stage in stages[:at])
    assert not any(stage.get("reused") for stage in stages[at:])
    assert hashes(tmp_path / "out") == hashes(whole)


@pytest.mark.skipif(not EVERY_NIGHT, reason="starts Ray twice: every night")
def test_a_command_that_was_killed_goes_on_after_the_last_finished_stage(
    local: pl.DataFrame, file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    command = [
        sys.executable, "-m", "dedupe", "run", str(file), "--engine", "ray", "-o", str(folder),
        "--fast",
    ]  # fmt: skip
    first = subprocess.Popen(command)
    while not list(folder.glob("stages/*/search/done.json")):
        assert first.poll() is None
        sleep(0.005)
    first.kill()
    first.wait()
    finished = {path.parent.name for path in folder.glob("stages/*/*/done.json")}
    subprocess.run(command, check=True)
    stages = json.loads((folder / "manifest.json").read_text())["stages"]
    assert {stage["stage"] for stage in stages if stage.get("reused")} == finished
    assert pair_f1(clusters_of(folder), local) == 1


CLUSTER_GOES_AWAY = """
import os, subprocess, sys, time
from dedupe.engine.run import run_distributed
from dedupe.errors import EngineError

def report(stage, done, total):
    if stage == "counts":
        subprocess.run(["pkill", "-9", "-P", str(os.getpid()), "gcs_server"], check=True)
        time.sleep(0.5)

try:
    run_distributed(sys.argv[1], engine="ray", output=sys.argv[2], report=report)
except EngineError as error:
    print(error)
"""


@pytest.mark.skipif(
    not EVERY_NIGHT or shutil.which("pkill") is None, reason="starts Ray: every night"
)
def test_a_cluster_that_goes_away_is_one_line(file: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", CLUSTER_GOES_AWAY, str(file), str(tmp_path / "out")]
    with (tmp_path / "said").open("w") as output:
        subprocess.run(command, stdout=output, check=True, timeout=60)
    said = (tmp_path / "said").read_text()
    assert re.fullmatch(r"the Ray cluster went away.* run the same command again.*\n", said)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.mark.skipif(not EVERY_NIGHT, reason="starts Ray: every night")
@pytest.mark.parametrize("how", ["client", "address", "variable"])
def test_a_running_cluster_is_used_by_its_address(
    how: str, local: pl.DataFrame, file: Path, tmp_path: Path
) -> None:
    ports = free_port(), free_port()
    environment = {**os.environ, "RAY_AUTH_MODE": "disabled"}
    started = [
        str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--num-cpus=2",
        f"--port={ports[0]}", f"--ray-client-server-port={ports[1]}", "--include-dashboard=false",
    ]  # fmt: skip
    engine = {"client": f"ray://127.0.0.1:{ports[1]}", "address": f"127.0.0.1:{ports[0]}"}
    if how == "variable":
        environment["RAY_ADDRESS"] = engine["address"]
    command = [sys.executable, "-m", "dedupe", "run", str(file), "--fast", "-o"]
    command += [str(tmp_path / "out"), "--engine", engine.get(how, "ray")]
    with (tmp_path / "log").open("w") as log:
        cluster = subprocess.Popen(
            started, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        while "Ray runtime started" not in (tmp_path / "log").read_text():
            assert cluster.poll() is None
            sleep(0.2)
        subprocess.run(command, env=environment, check=True, timeout=120)
    finally:
        os.killpg(cluster.pid, signal.SIGTERM)
        cluster.wait()
    assert pair_f1(clusters_of(tmp_path / "out"), local) == 1


def test_a_finished_run_is_not_repeated(whole: Path, file: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("*.parquet")}
    assert run(file, whole)["unchanged"]
    assert before == {path: path.stat().st_mtime_ns for path in whole.rglob("*.parquet")}


@pytest.mark.parametrize("threshold", [0.5, 0.4])
def test_a_result_beyond_a_limit_is_not_written(whole: Path, file: Path, threshold: float) -> None:
    before = hashes(whole)
    with pytest.raises(LimitError, match="max_merged_share"):
        run(file, whole, threshold=threshold, max_merged_share=0.01)
    assert hashes(whole) == before


def test_another_threshold_reuses_the_scores(whole: Path, file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    shutil.copytree(whole, folder)
    stages = {
        stage["stage"]: stage.get("reused", False)
        for stage in run(file, folder, threshold=1.0)["stages"]
    }
    assert stages["score"]
    assert not stages["resolve"]
    assert pl.read_parquet(folder / "merged").height > pl.read_parquet(whole / "merged").height


def test_several_files_are_stacked(cluster: None, file: Path, tmp_path: Path) -> None:
    rows = pl.read_csv(file, infer_schema=False)
    (tmp_path / "in").mkdir()
    rows[:250].write_parquet(tmp_path / "in/a.parquet", row_group_size=90)
    rows[250:].write_csv(tmp_path / "in/b.csv")
    summary = run(tmp_path / "in", tmp_path / "out", sizes=Sizes(rows=200))
    found = clusters_of(tmp_path / "out")
    assert summary["rows"] == rows.height
    assert found["source"].value_counts().sort("source").rows() == [
        ("a.parquet", 250),
        ("b.csv", 350),
    ]


def test_ids_have_to_be_unique(
    cluster: None, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dedupe.engine.reading.SAMPLED_ROWS", 1)
    rows = pl.read_csv(file, infer_schema=False)
    ids = rows["id"].to_list()
    ids[400] = ids[9]
    path = tmp_path / "twice.csv"
    rows.with_columns(pl.Series("id", ids)).write_csv(path)
    with pytest.raises(OptionError, match="rows 10 and 401 have the same value"):
        run(path, tmp_path / "out")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"must_agree": ("born",)}, "does not support must_agree"),
        ({"target_precision": 0.9}, "does not support target_precision"),
        ({"format": "csv"}, "writes Parquet only"),
        ({"merge": {"born": "max"}}, "merge rule max compares the values of the whole file"),
    ],
)
def test_what_it_does_not_support_is_refused(
    cluster: None, file: Path, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        run(file, tmp_path / "out", **options)


def test_other_folders_are_left_alone(cluster: None, file: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(WorkspaceError, match="name another with -o"):
        run(file, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_sample_of_the_doubtful_pairs_can_be_reviewed(whole: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"made with --engine ray.* use .*sample\.dedupe"):
        open_workspace(whole)
    state = open_state(open_workspace(whole / "sample.dedupe"))
    ids = state.records.ids
    found = {
        (ids[left], ids[right]): round(probability, 4)
        for left, right, probability in state.pairs.select(*PAIR, "probability").iter_rows()
    }
    scored = pl.read_parquet(whole / "pairs").select("left_id", "right_id", "probability")
    known = {(left, right): probability for left, right, probability in scored.iter_rows()}
    assert found.items() <= known.items()
    doubtful = {pair for pair, probability in known.items() if 0.1 <= probability < 0.5}
    assert doubtful <= found.keys()
    clusters = clusters_of(whole).filter(pl.col("id").is_in(ids.implode()))
    again = state.cluster().resolved.rows.with_columns(ids)
    assert pair_f1(clusters, again.select("id", "cluster_id")) == 1
    left, right = next(iter(doubtful))
    explanation = explain(whole / "sample.dedupe", left, right)
    assert round(explanation.probability, 4) == known[left, right]
