"""The kept index: what is written is what is read, and it grows at its end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import dedupe.blocking.index
from dedupe.blocking.bi_encoder import fit_bi_encoder
from dedupe.blocking.index import NO_SLOT, extended, first_slots, index_texts, open_index
from dedupe.config import Config
from dedupe.scoring.pairs import identical_pairs
from dedupe.workspace.folder import Workspace

TEXTS = [f"name: person{n} family{n % 7}\ncity: rome" for n in range(60)]
MORE = ["name: somebody else\ncity: paris", "name: person3 familly3\ncity: rome"]


@pytest.fixture(params=["vectors only", "rare features"])
def workspace(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    if request.param == "rare features":
        monkeypatch.setattr(dedupe.blocking.index, "FLAT_LIMIT", 10)
    found = Workspace(tmp_path)
    found.stages.mkdir()
    return found


def test_an_index_that_grew_is_as_one_made_with_the_same_weights(workspace: Workspace) -> None:
    facts = index_texts(workspace, "k", TEXTS, Config())
    index = open_index(workspace, facts, Config())
    assert index is not None and not index.facts["grown"]
    grown = extended(workspace, index, MORE)
    again = open_index(workspace, grown.facts, Config())
    assert again is not None and again.facts["rows"] == 62 and again.facts["fitted_on"] == 60
    spelling = fit_bi_encoder(Config(), TEXTS)
    whole = spelling.embed([*TEXTS, *MORE])
    for one in (grown, again):
        assert np.abs(one.stored.vectors[np.arange(62)] - whole).max() < 0.005
    if again.stored.rare is not None:
        rare = spelling.rare_features([*TEXTS, *MORE], lone=True)
        assert (again.stored.rare.indices == rare.indices).all()
        assert (again.stored.rare.indptr == rare.indptr).all()
    # What was appended does not count for those who know the index as it was.
    before = open_index(workspace, facts, Config())
    assert before is not None and len(before.stored.vectors) == 60


def test_what_an_addition_left_unfinished_is_written_over(workspace: Workspace) -> None:
    facts = index_texts(workspace, "k", TEXTS, Config())
    index = open_index(workspace, facts, Config())
    assert index is not None
    extended(workspace, index, ["name: never counted"] * 5)
    grown = extended(workspace, index, MORE)
    again = open_index(workspace, grown.facts, Config())
    assert again is not None
    rows = np.arange(62)
    assert np.array_equal(again.stored.vectors[rows], grown.stored.vectors[rows])


@pytest.mark.parametrize("name", ["vectors", "scale", "npz", "columns", "values", "counts"])
@pytest.mark.parametrize("how", ["cut", "flipped", "missing"])
def test_a_damaged_index_is_none(workspace: Workspace, name: str, how: str) -> None:
    facts = index_texts(workspace, "k", TEXTS, Config())
    path = workspace.stages / f"index-k.{name}"
    if not path.exists():
        assert name in ("columns", "values", "counts")
        return
    data = path.read_bytes()
    middle = len(data) // 2
    flipped = data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :]
    path.unlink() if how == "missing" else path.write_bytes(data[:-3] if how == "cut" else flipped)
    assert open_index(workspace, facts, Config()) is None
    assert open_index(workspace, {}, Config()) is None


def test_records_have_the_place_of_their_text() -> None:
    texts = pl.Series(["a", "", "b", "a", "", "c"])
    slot = first_slots(texts, *identical_pairs(texts))
    assert slot.tolist() == [0, int(NO_SLOT), 2, 0, int(NO_SLOT), 4]
