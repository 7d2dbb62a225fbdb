"""Learning from decisions: what was decided is learnt, the rest is not forgotten."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import dedupe
from dedupe import scoring
from dedupe.config import Config
from dedupe.decisions import Verdict
from dedupe.encoders import MODELS
from dedupe.errors import OptionError
from dedupe.feedback import _learnt, decision_log, import_decisions, lesson_said
from dedupe.kept import kept_config
from dedupe.learn.calibrate import Calibration
from dedupe.learn.reviews import Example, Lesson, ReviewRecipe, learn_decisions
from dedupe.scoring import unseen_verdicts
from tests.test_differences import make

FOLDER = MODELS / "cross-encoder"
WORDS = (
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath", "inlet", "jetty",
    "knoll", "ledge",
)  # fmt: skip


def examples() -> list[Example]:
    """Codes that differ in their last letter are one thing here, against all the model knows."""
    return [
        Example(f"part: {word} 77{i}", f"part: {word} 77{i} {'x' if i % 2 else 'q'}", float(i % 2))
        for i, word in enumerate(WORDS * 2)
    ]


def test_decisions_are_learnt_and_the_rest_is_kept() -> None:
    replay = [Example("name: ada lovelace", "name: petra huber", 0.01)] * 10
    replay += [Example("name: ada lovelace", "name: ada lovelase", 0.99)] * 10
    seen: list[tuple[int, int]] = []
    model, lesson, unseen = learn_decisions(
        FOLDER, examples(), replay, device="cpu", recipe=ReviewRecipe(steps=8),
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert lesson.decisions == 24
    assert lesson.loss_after <= lesson.loss_before + 0.05
    assert unseen.shape == (24,)
    assert seen[-1][0] == seen[-1][1] <= 8
    from dedupe.scoring import prepare_texts, score_texts

    left, right = (
        prepare_texts(model, [getattr(e, side) for e in replay]) for side in ("left", "right")
    )
    chances = score_texts(model, left, right)
    assert ((chances >= 0.5) == np.array([e.chance >= 0.5 for e in replay])).all()


def test_too_few_decisions_are_refused() -> None:
    with pytest.raises(OptionError, match="10 pairs"):
        learn_decisions(FOLDER, examples()[:4], [])


def test_a_workspace_learns_and_goes_back(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"part": [text.removeprefix("part: ") for e in examples() for text in (e.left, e.right)]}
    ).unique(maintain_order=True)
    first = dedupe.run(frame, output=tmp_path / "w.dedupe", device="cpu")
    place = {value: str(at) for at, value in enumerate(frame["part"])}
    labels = pl.DataFrame(
        {
            "id_a": [place[e.left.removeprefix("part: ")] for e in examples()],
            "id_b": [place[e.right.removeprefix("part: ")] for e in examples()],
            "label": [str(int(e.chance)) for e in examples()],
        }
    )
    with pytest.raises(OptionError, match="too few"):
        dedupe.train(tmp_path / "w.dedupe")
    assert import_decisions(tmp_path / "w.dedupe", labels, reviewer="gold") == 24
    assert set(decision_log(tmp_path / "w.dedupe")["reviewer"]) == {"gold"}
    lesson, learnt = dedupe.train(tmp_path / "w.dedupe", device="cpu")
    assert lesson["version"] == 1
    weights = tmp_path / "w.dedupe/models/cross-encoder-1/model.safetensors"
    assert weights.stat().st_size < 60e6
    assert learnt.summary["models"] != first.summary["models"]
    # Later runs into the workspace use what was learnt, without being told.
    again = dedupe.run(frame, output=tmp_path / "w.dedupe", device="cpu")
    assert again.summary["models"] == learnt.summary["models"]
    lesson, back = dedupe.train(tmp_path / "w.dedupe", back=True)
    assert lesson["version"] == 0
    assert back.summary["models"] == first.summary["models"]
    with pytest.raises(OptionError, match="go back"):
        dedupe.train(tmp_path / "w.dedupe", back=True)


@pytest.mark.parametrize("right", [True, False])
def test_a_model_is_used_where_corrected_scores_gain_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, right: bool
) -> None:
    rng = np.random.default_rng(0)
    couples = [(f"a{i:02}", f"b{i:02}") for i in range(60)]
    truth = np.arange(60) % 2 == 0
    names = {key: f"{rng.integers(1e9)}" for couple in couples for key in couple}
    said = [Verdict.MATCH if match else Verdict.DIFFERENT for match in truth]
    scores = dict(zip(couples, np.where(truth, 0.6, 0.4) + rng.uniform(-0.3, 0.3, 60), strict=True))
    decisions = [(*couple, verdict) for couple, verdict in zip(couples, said, strict=True)]
    place = make(tmp_path / "w", names, scores, decisions=decisions)

    class Model:
        def save_pretrained(self, folder: str, create_model_card: bool) -> None:
            Path(folder).mkdir(parents=True)
            for name in ("model.safetensors", "config.json"):
                (Path(folder) / name).write_text("{}")

    def learn(folder: Path, decided: list[Example], replay: list[Example], **_: object):
        chance = np.array([example.chance for example in decided])
        logits = np.where(chance > 0.5, 3.0, -3.0) if right else rng.normal(0, 3, 60)
        return Model(), Lesson(60, 1.0, 0.7, 0.1, 0.5, 0.9, Calibration(1.0, 0.0)), logits

    monkeypatch.setattr("dedupe.learn.reviews.learn_decisions", learn)
    monkeypatch.setattr("dedupe.learn.calibrate.halved", lambda model: model)
    opened = dedupe.open_workspace(place)
    lesson = _learnt(opened, kept_config(opened), lambda done, total: None)
    assert (lesson["used"], opened.current_version()) == (right, int(right))
    assert (lesson["corrected_after"] < lesson["corrected_before"]) == right
    assert len(unseen_verdicts(str(opened.model(1)))) == 60
    assert ("used from now on" in lesson_said(lesson)) == right
    assert ("stay as they were" in lesson_said(lesson)) != right


def test_what_was_learnt_is_scored_as_it_was_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "prepare_texts", lambda model, texts: list(texts))
    monkeypatch.setattr(
        scoring, "score_texts", lambda model, left, right, _: np.full(len(left), 0.9, np.float32)
    )
    known = {scoring.pair_name("x", "z"): 0.25}
    monkeypatch.setattr(scoring, "unseen_verdicts", lambda folder: known)
    pairs = pl.DataFrame(
        {"left": [0, 0, 1], "right": [1, 2, 2], "similarity": [0.5] * 3},
        schema={"left": pl.UInt32, "right": pl.UInt32, "similarity": pl.Float32},
    )
    found, _, _ = scoring.score_pairs(None, pairs, pl.Series(["z", "x", "y"]), Config())
    assert found["probability"].to_list() == pytest.approx([0.25, 0.9, 0.9])


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
