"""A saved index is read as it was written, and grows at its end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import dedupe.blocking.index
from dedupe.blocking.embedding.features import EMBEDDED, KINDS
from dedupe.blocking.embedding.tfidf import HashedTfidf
from dedupe.blocking.index import NO_SLOT, Index, assign_slots
from dedupe.config import Config
from dedupe.scoring.pairs import identical_pairs
from dedupe.workspace.stage_cache import StageCache

TEXTS = [f"name: person{n} family{n % 7}\nstreet: {n % 9} long road of rome" for n in range(60)]
MORE = [
    "name: somebody else\nstreet: 1 paris",
    "name: person3 familly3\nstreet: 3 long road of rome",
]


@pytest.fixture(params=["vectors only", "rare features"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> StageCache:
    if request.param == "rare features":
        monkeypatch.setattr(dedupe.blocking.index, "FLAT_LIMIT", 10)
    return StageCache(tmp_path)


def test_an_extended_index_equals_one_built_with_the_same_weights(store: StageCache) -> None:
    facts = Index.build(TEXTS, Config()).save(store, "k").facts
    index = Index.load(store, facts, Config())
    assert index is not None and not index.facts["grown"]
    grown = index.add(MORE, store)
    again = Index.load(store, grown.facts, Config())
    assert again is not None and again.facts["rows"] == 62 and again.facts["fitted_on"] == 60
    encoder = HashedTfidf.fit(TEXTS, EMBEDDED if again.rare is None else KINDS)
    whole = encoder.embed([*TEXTS, *MORE])
    for extended in (grown, again):
        assert np.abs(extended.vectors[np.arange(62)] - whole).max() < 0.005
    if again.rare is None:
        assert again.names is not None and again.names.label == "name"
        named = again.names.vectors[np.arange(62)]
        assert np.abs(named - again.names.embed([*TEXTS, *MORE])).max() < 0.01
    else:
        assert again.names is None
        rare = encoder.rare_features([*TEXTS, *MORE], singletons=True)
        assert (again.rare.indices == rare.indices).all()
        assert (again.rare.indptr == rare.indptr).all()
    # The facts from before the extension still open the index as it was.
    before = Index.load(store, facts, Config())
    assert before is not None and len(before.vectors) == 60


def test_texts_of_an_interrupted_extension_are_overwritten(store: StageCache) -> None:
    facts = Index.build(TEXTS, Config()).save(store, "k").facts
    index = Index.load(store, facts, Config())
    assert index is not None
    index.add(["name: interrupted"] * 5, store)
    grown = index.add(MORE, store)
    again = Index.load(store, grown.facts, Config())
    assert again is not None
    rows = np.arange(62)
    assert np.array_equal(again.vectors[rows], grown.vectors[rows])


@pytest.mark.parametrize(
    "name",
    ["vectors", "scale", "npz", "names_vectors", "names_scale", "columns", "values", "counts"],
)
@pytest.mark.parametrize("how", ["cut", "flipped", "missing"])
def test_a_damaged_index_is_not_opened(store: StageCache, name: str, how: str) -> None:
    facts = Index.build(TEXTS, Config()).save(store, "k").facts
    path = store.folder / f"index-k.{name}"
    if not path.exists():
        assert (name in ("columns", "values", "counts")) != name.startswith("names")
        return
    data = path.read_bytes()
    middle = len(data) // 2
    flipped = data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :]
    path.unlink() if how == "missing" else path.write_bytes(data[:-3] if how == "cut" else flipped)
    assert Index.load(store, facts, Config()) is None
    assert Index.load(store, {}, Config()) is None


def test_records_with_the_same_text_share_a_slot() -> None:
    texts = pl.Series(["a", "", "b", "a", "", "c"])
    slot = assign_slots(texts, *identical_pairs(texts))
    assert slot.tolist() == [0, int(NO_SLOT), 2, 0, int(NO_SLOT), 4]
