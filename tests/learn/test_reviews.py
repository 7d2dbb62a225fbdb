"""Learning from decisions: what was decided is learnt, the rest is not forgotten."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import dedupe
from dedupe.encoders import MODELS
from dedupe.errors import OptionError
from dedupe.feedback import decision_log, import_decisions
from dedupe.learn.reviews import Example, ReviewRecipe, learn_decisions

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
