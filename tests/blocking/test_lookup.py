"""New texts are looked up among stored ones, by every view or by rare features."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dedupe.blocking.index
from dedupe.blocking.embedding.bi_encoder import SentenceEncoder
from dedupe.blocking.embedding.int8 import Int8Vectors
from dedupe.blocking.index import Index
from dedupe.blocking.lookup import Lookup
from dedupe.config import Config
from tests.blocking.samples import unit_vectors

TEXTS = [
    f"title: person{n % 97} family{n}\ndescription: {n % 7} long road of rome" for n in range(200)
]
NEW = [text.replace("person", "persn") for text in TEXTS[:9]]


def nearest_of(lookup: Lookup, texts: list[str], k: int) -> list[list[int]]:
    """Return the stored texts that each new one is near to, the nearest first."""
    rows, slots, cosine = lookup.nearest(texts, k)
    for row in range(len(texts)):
        assert (np.diff(cosine[rows == row]) <= 0).all()
    return [slots[rows == row].tolist() for row in range(len(texts))]


@pytest.mark.parametrize("how", ["views", "rare features"])
def test_misspelled_texts_find_theirs(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if how == "rare features":
        monkeypatch.setattr(dedupe.blocking.index, "FLAT_LIMIT", 10)
    index = Index.build(TEXTS, Config()).quantized()
    searchable = np.ones(200, dtype=bool)
    lookup = Lookup(index, TEXTS, searchable)
    found = nearest_of(lookup, [*NEW, ""], 3)
    assert [slots[0] for slots in found[:9]] == list(range(9)) and found[9] == []
    assert all(len(slots) == 3 for slots in found[:9])
    assert found[:9] == [nearest_of(lookup, [text], 3)[0] for text in NEW]
    searchable[0] = False
    assert 0 not in nearest_of(Lookup(index, TEXTS, searchable), NEW[:1], 3)[0]


def test_the_naming_field_finds_what_long_descriptions_hide() -> None:
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("bcdfgklmnprst"), 6)) for _ in range(400)]
    texts = [
        f"title: {words[n]} {words[200 + n]}\ndescription: {' '.join(rng.choice(words, 40))}"
        for n in range(200)
    ]
    new = [
        f"title: {words[n]} {words[200 + n]}\ndescription: {texts[n + 1].split('description: ')[1]}"
        for n in range(20)
    ]
    index = Index.build(texts, Config()).quantized()
    assert index.names is not None
    found = nearest_of(Lookup(index, texts, np.ones(200, dtype=bool)), new, 4)
    assert all({n, n + 1} <= set(slots) for n, slots in enumerate(found))


@given(st.integers(1, 40), st.integers(0, 10**6), st.data())
def test_the_nearest_vectors_are_those_of_brute_force(
    n: int, seed: int, data: st.DataObject
) -> None:
    vector = unit_vectors(1, seed=seed + 1)[0]

    class Model:
        def encode(self, texts: list[str], **options: object) -> np.ndarray:
            return np.stack([vector] * len(texts))

    stored = Int8Vectors.of(unit_vectors(n, seed=seed))
    index = Index(SentenceEncoder(Model()), stored)
    searchable = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    rows, slots, cosine = Lookup(index, [], searchable).nearest(["asked"], 5)
    true = stored[:] @ vector
    assert set(slots) <= set(np.flatnonzero(searchable)) and len(rows) == min(5, searchable.sum())
    assert np.allclose(cosine, np.sort(true[searchable])[::-1][:5], atol=1e-6)
