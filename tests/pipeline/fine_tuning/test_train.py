"""Fine-tuning on decisions: stored by version, undone, and never left half done."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import dedupe
import dedupe.pipeline.pairs
from dedupe.config import BUNDLED
from dedupe.errors import OptionError, WorkspaceError
from dedupe.evaluation.quality import estimate_workspace
from dedupe.pipeline.fine_tuning import train
from dedupe.pipeline.fine_tuning.train import _trained, run_after_training, training_summary
from dedupe.progress import no_report
from dedupe.resolution.decisions import Decision
from dedupe.scoring.score import held_out_scores
from dedupe.workspace.folder import open_workspace
from dedupe.workspace.labels import decision_log, import_decisions
from dedupe.workspace.state import open_state
from dedupe.workspace.stored import check_models, stored_config
from tests.pipeline.fine_tuning.fake_fine_tuning import FakeFineTuning, Model
from tests.reliability.commands import copied
from tests.reliability.cuts import Killed, cut, writes_to_try
from tests.reliability.flips import flip
from tests.samples import by_likeness, part_examples, write_workspace

pytestmark = pytest.mark.slow


@pytest.fixture
def fine_tuning(monkeypatch: pytest.MonkeyPatch, scored_by_likeness: None) -> FakeFineTuning:
    """Nothing is trained and no model is loaded: pairs are scored by likeness."""
    made = FakeFineTuning()
    monkeypatch.setattr("dedupe.pipeline.fine_tuning.finetune.fine_tune_on_decisions", made)
    monkeypatch.setattr("dedupe.pipeline.fine_tuning.finetune.halved", lambda model: model)
    monkeypatch.setattr(train, "no_bars", contextlib.nullcontext)
    return made


def people() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnoprstuvw"))
    names = ["".join(rng.choice(letters, 9)) for _ in range(16)]
    return pl.DataFrame(
        {
            "id": [f"r{i:02}" for i in range(48)],
            "name": [*names, *(f"{name[:-1]}z" for name in names), *names],
        }
    )


@pytest.fixture(scope="module")
def decided_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with eight decisions of either kind, which no test changes."""
    path = tmp_path_factory.mktemp("decided") / "w.dedupe"
    with by_likeness():
        dedupe.run(people(), output=path)
    labels = [(f"r{i:02}", f"r{i + 16:02}", "1") for i in range(8)]
    labels += [(f"r{i:02}", f"r{i + 1:02}", "0") for i in range(8)]
    said = pl.DataFrame(labels, schema=["id_a", "id_b", "label"], orient="row")
    import_decisions(path, said)
    return path


@pytest.fixture
def place(decided_run: Path, tmp_path: Path, fine_tuning: FakeFineTuning) -> Path:
    return copied(decided_run, tmp_path / "w.dedupe")


@pytest.fixture(autouse=True)
def gaining(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a workspace is only a means, what it learns is always worth using."""
    if "place" in request.fixturenames:
        monkeypatch.setattr(train, "_recalibrated_losses", lambda *_: (0.5, 0.1))


def in_use(place: Path) -> str:
    return stored_config(open_workspace(place)).cross_encoder


def test_versions_are_gone_back_from_one_by_one(place: Path, fine_tuning: FakeFineTuning) -> None:
    for version in (1, 2):
        training, result = dedupe.train(place)
        assert (training["version"], training["used"]) == (version, True)
        assert result.summary["config"]["cross_encoder"] == in_use(place)
        assert Path(in_use(place)).name == f"cross-encoder-{version}"
    assert fine_tuning.models[0] == fine_tuning.models[1]  # each version trains on all decisions
    assert dedupe.train(place, undo=True)[0]["version"] == 1
    assert Path(in_use(place)).name == "cross-encoder-1"
    assert dedupe.train(place, undo=True)[0]["version"] == 0
    assert in_use(place) == BUNDLED
    with pytest.raises(OptionError, match="go back"):
        dedupe.train(place, undo=True)
    assert dedupe.train(place)[0]["version"] == 3


@pytest.mark.parametrize("move", [shutil.move, shutil.copytree])
def test_a_workspace_that_moves_takes_its_models_along(
    place: Path, tmp_path: Path, move: Callable[[Path, Path], object]
) -> None:
    for _ in range(2):
        dedupe.train(place)
    there = tmp_path / "elsewhere"
    move(place, there)
    assert Path(in_use(there)) == (there / "models/cross-encoder-2").resolve()
    assert dedupe.train(there, undo=True)[0]["version"] == 1
    assert Path(in_use(there)) == (there / "models/cross-encoder-1").resolve()


@pytest.mark.parametrize(
    ("stage", "back"),
    [("learn", False), ("score", False), ("cluster", False), ("score", True)],
)
def test_what_is_stopped_leaves_a_whole_workspace(place: Path, stage: str, back: bool) -> None:
    if back:
        dedupe.train(place)

    def stop(name: str, done: int, total: int) -> None:
        if name == stage:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dedupe.train(place, undo=back, report=stop)
    opened = open_workspace(place)
    check_models(opened, stored_config(opened))
    assert open_state(opened).pairs.height
    assert estimate_workspace(place).reviewed
    assert dedupe.export(place).summary["decisions"] == 16
    training, result = dedupe.train(place, undo=back)
    assert result.summary["config"]["cross_encoder"] == in_use(place)
    assert training["version"] == opened.models.current()
    assert len(list((place / "stages").glob("scored-*.parquet"))) == 1


def test_a_training_that_was_killed_at_a_write_is_repeated(place: Path, tmp_path: Path) -> None:
    whole = copied(place, tmp_path / "whole")
    with cut(whole) as counting:
        dedupe.train(whole)
    for at in writes_to_try(counting.count, "train", 5):
        folder = copied(place, tmp_path / str(at))
        with cut(folder, at), pytest.raises(Killed):
            dedupe.train(folder)
        _, result = dedupe.train(folder)
        assert result.summary["config"]["cross_encoder"] == in_use(folder)
        assert Path(in_use(folder)).is_dir()
        assert dedupe.export(folder).summary["decisions"] == 16
        assert not [path for path in folder.rglob(".*") if path.name != ".lock"]
        assert len(list((folder / "stages").glob("scored-*.parquet"))) == 1


def test_a_damaged_version_is_named_and_can_be_gone_back_from(place: Path) -> None:
    dedupe.train(place)
    opened = open_workspace(place)
    (file,) = (place / "models/cross-encoder-1").glob("*.safetensors")
    file.write_bytes(file.read_bytes() + b"x")
    for use in (
        lambda: check_models(opened, stored_config(opened)),
        lambda: dedupe.run(people(), output=place),
    ):
        with pytest.raises(WorkspaceError, match="is damaged or incomplete: return to"):
            use()
    assert dedupe.train(place, undo=True)[0]["version"] == 0
    check_models(opened, stored_config(opened))


@pytest.mark.parametrize("lost", ["current.json", "cross-encoder-1/fine-tuning.json"])
def test_a_damaged_file_about_the_versions_never_changes_the_model(place: Path, lost: str) -> None:
    dedupe.train(place)
    assert Path(in_use(place)).name == "cross-encoder-1"
    file = place / "models" / lost
    flip(file, file.stat().st_size // 2, 0)
    with pytest.raises(WorkspaceError, match="is damaged"):
        dedupe.run(people(), output=place)
    assert Path(in_use(place)).name == "cross-encoder-1"
    assert dedupe.train(place, undo=True)[0]["version"] == 0
    dedupe.run(people(), output=place)
    assert in_use(place) == BUNDLED


def test_a_model_in_use_that_is_lost_is_named(place: Path) -> None:
    dedupe.train(place)
    shutil.rmtree(place / "models/cross-encoder-1")
    with pytest.raises(WorkspaceError, match="cross-encoder-1 is damaged or incomplete"):
        dedupe.run(people(), output=place)


def test_a_version_half_made_is_cleared_away(place: Path) -> None:
    for name in (".making-1", "cross-encoder-1"):
        (place / "models" / name).mkdir(parents=True)
    assert dedupe.train(place)[0]["version"] == 2
    assert sorted(path.name for path in (place / "models").iterdir()) == [
        "cross-encoder-1", "cross-encoder-2", "current.json",
    ]  # fmt: skip


def test_a_version_that_is_lost_is_gone_back_from(place: Path) -> None:
    dedupe.train(place)
    shutil.rmtree(place / "models/cross-encoder-1")
    assert dedupe.train(place, undo=True)[0]["version"] == 0
    assert in_use(place) == BUNDLED


def test_copies_of_one_text_are_one_example(place: Path, fine_tuning: FakeFineTuning) -> None:
    # r32 is r00 again, and r33 is r01.
    labels = [("r16", "r32", "1"), ("r00", "r32", "1"), ("r32", "r33", "0")]
    said = pl.DataFrame(labels, schema=["id_a", "id_b", "label"], orient="row")
    import_decisions(place, said)
    dedupe.train(place)
    assert [sum(e.probability == kind for e in fine_tuning.decided[0]) for kind in (1, 0)] == [8, 8]
    assert len({frozenset((e.left, e.right)) for e in fine_tuning.decided[0]}) == 16


def test_the_seed_of_training_is_not_that_of_the_search(
    place: Path, fine_tuning: FakeFineTuning
) -> None:
    dedupe.train(place, seed=5)
    assert fine_tuning.seeds == [5]
    assert stored_config(open_workspace(place)).seed == 0


def test_a_run_after_training_uses_the_new_model(place: Path, tmp_path: Path) -> None:
    named = tmp_path / "named"
    shutil.copytree(place, tmp_path / "copy")
    Model().save_pretrained(str(named), create_model_card=False)
    for model in (BUNDLED, str(named)):
        training, _ = run_after_training(people(), output=place, cross_encoder=model)
        assert Path(in_use(place)).name == f"cross-encoder-{training['version']}"
    with pytest.raises(OptionError, match="no decisions to train on yet"):
        run_after_training(people(), output=tmp_path / "new")


def test_records_of_another_version_are_refused(place: Path, fine_tuning: FakeFineTuning) -> None:
    workspace = open_workspace(place)
    facts = workspace.facts()
    facts["input"]["fingerprint"] = "another"
    workspace.write_facts(facts)
    for back in (False, True):
        with pytest.raises(WorkspaceError, match="another version of dedupe"):
            dedupe.train(place, undo=back)
    assert not fine_tuning.decided


@pytest.mark.model
def test_a_workspace_learns_and_goes_back(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "part": [
                text.removeprefix("part: ") for e in part_examples() for text in (e.left, e.right)
            ]
        }
    ).unique(maintain_order=True)
    first = dedupe.run(frame, output=tmp_path / "w.dedupe", device="cpu")
    place = {value: str(at) for at, value in enumerate(frame["part"])}
    labels = pl.DataFrame(
        {
            "id_a": [place[e.left.removeprefix("part: ")] for e in part_examples()],
            "id_b": [place[e.right.removeprefix("part: ")] for e in part_examples()],
            "label": [str(int(e.probability)) for e in part_examples()],
        }
    )
    with pytest.raises(OptionError, match="too few"):
        dedupe.train(tmp_path / "w.dedupe")
    assert import_decisions(tmp_path / "w.dedupe", labels, reviewer="gold") == 24
    assert set(decision_log(tmp_path / "w.dedupe")["reviewer"]) == {"gold"}
    training, trained = dedupe.train(tmp_path / "w.dedupe", device="cpu")
    assert training["version"] == 1
    weights = tmp_path / "w.dedupe/models/cross-encoder-1/model.safetensors"
    assert weights.stat().st_size < 60e6
    assert trained.summary["models"] != first.summary["models"]
    # Later runs into the workspace use the fine-tuned model.
    again = dedupe.run(frame, output=tmp_path / "w.dedupe", device="cpu")
    assert again.summary["models"] == trained.summary["models"]
    training, back = dedupe.train(tmp_path / "w.dedupe", undo=True)
    assert training["version"] == 0
    assert back.summary["models"] == first.summary["models"]
    with pytest.raises(OptionError, match="go back"):
        dedupe.train(tmp_path / "w.dedupe", undo=True)


@pytest.mark.parametrize("right", [True, False])
def test_a_model_is_used_if_it_predicts_held_out_decisions_better(
    tmp_path: Path, fine_tuning: FakeFineTuning, right: bool
) -> None:
    rng = np.random.default_rng(0)
    couples = [(f"a{i:02}", f"b{i:02}") for i in range(60)]
    truth = np.arange(60) % 2 == 0
    names = {key: f"{rng.integers(1e9)}" for couple in couples for key in couple}
    said = [Decision.MATCH if match else Decision.DIFFERENT for match in truth]
    scores = dict(zip(couples, np.where(truth, 0.6, 0.4) + rng.uniform(-0.3, 0.3, 60), strict=True))
    decisions = [(*couple, decision) for couple, decision in zip(couples, said, strict=True)]
    place = write_workspace(tmp_path / "w", names, scores, decisions=decisions)
    fine_tuning.right = right
    opened = dedupe.open_workspace(place)
    training = _trained(opened, stored_config(opened), no_report)
    assert (training["used"], opened.models.current()) == (right, int(right))
    assert (training["recalibrated_after"] < training["recalibrated_before"]) == right
    assert len(held_out_scores(str(opened.models.path(1)))) == 60
    assert ("the new model is used" in training_summary(training)) == right
    assert ("stay as they were" in training_summary(training)) != right


@pytest.mark.model
def test_labels_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    dedupe.run(
        pl.DataFrame({"a": ["x one", "x two", "y three"]}), output=tmp_path / "w", device="cpu"
    )
    for rows, says in (
        ({"id_a": ["0"], "id_b": ["9"], "label": ["1"]}, "'9'"),
        ({"id_a": ["0"], "id_b": ["1"], "label": ["perhaps"]}, "perhaps"),
        ({"id_a": ["0"], "label": ["1"]}, "id_b"),
    ):
        with pytest.raises(dedupe.InputError, match=says):
            import_decisions(tmp_path / "w", pl.DataFrame(rows))
