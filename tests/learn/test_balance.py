"""The balance of the bi-encoder as parameters: the same vectors, numbers that training moves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dedupe.learn.balance import (
    BUNDLED,
    NAMES,
    PARTS,
    TRAIN,
    Balanced,
    Recipe,
    Table,
    candidate_recalls,
    made_tables,
    main,
    mined_triples,
    read_parts,
    read_tables,
    train_balance,
)
from dedupe.learn.synthesize import DOMAINS
from dedupe.spelling import Spelling
from tests.learn.test_data import data as data  # a fixture

SMALL = Recipe(per_table=40, made_rows=0, rounds=1, negatives=2, batch=16)
EVERYTHING = replace(SMALL, trained=NAMES)
TEXTS = [
    "name: ada lovelace\ncity: london 1815",
    "name: lovelace, ada",
    "name: 北京大学出版社",
    "name: محمد عبد الله\ncity: x",
    "name: ...",
    "",
    *(f"name: person {n % 7} smith\ncity: {'berlin' if n % 2 else 'rome'} {n}" for n in range(40)),
]


def table_of(texts: list[str]) -> Table:
    n = len(texts)
    pairs = np.array([[0, 1]])
    return Table(texts, np.arange(n), pairs, np.zeros(1, dtype=np.int64), np.ones(n, dtype=bool))


def test_with_the_bundled_numbers_the_vectors_are_the_bundled_ones() -> None:
    module = Balanced({"table": table_of(TEXTS)}, SMALL, BUNDLED)
    np.testing.assert_allclose(
        module.embed("table"), Spelling.fitted(TEXTS).embed(TEXTS), atol=1e-5
    )
    assert module.numbers() == pytest.approx(BUNDLED)


def test_parts_are_of_their_text_and_know_their_traits() -> None:
    found = read_parts(["name: ab 12", "name: ab ab\ncity: ab"], PARTS)
    count = {part: np.bincount(read.features.text).tolist() for part, read in found.items()}
    assert count == {
        "trigrams": [4, 6], "words": [2, 3], "bigrams": [4, 6], "neighbours": [1, 1],
    }  # fmt: skip
    for part in ("trigrams", "bigrams"):
        assert found[part].traits.tolist() == [1, 0, 3, 2, *([1, 0] * 3)]
    assert found["words"].traits.tolist() == [0, 2, 0, 0, 0]
    assert found["neighbours"].traits.tolist() == [2, 0]
    spelled = found["words"].features.hash
    assert spelled[0] == spelled[2] == spelled[4] != spelled[1]


def test_every_number_has_a_finite_slope() -> None:
    # What all texts have, and texts with nothing in them, must not make one infinite.
    module = Balanced(
        {"table": table_of(["name: same", "name: same", "", "name: a 1"])}, EVERYTHING
    )
    features = module.preprocess(["name: same", "name: a 1", "", "name: sane 1 b"], "table")
    vectors = module(features)["sentence_embedding"]
    (vectors[0] @ vectors[3] + vectors[1] @ vectors[3] - vectors[2].sum()).backward()
    slopes = {name: number.grad for name, number in module.logarithm.items()}
    assert slopes.keys() == set(BUNDLED)
    assert all(
        slope is not None and bool(slope.isfinite())
        if name in EVERYTHING.trained
        else slope is None
        for name, slope in slopes.items()
    )
    assert any(slope is not None and float(slope) != 0 for slope in slopes.values())


def test_negatives_are_the_nearest_records_of_other_things(data: Path) -> None:
    table = read_tables(data, SMALL)["table"]
    assert len(table.pairs) > 0 and table.may_train.any() and not table.may_train.all()
    module = Balanced({"table": table}, SMALL, BUNDLED)
    vectors = module.embed("table")
    triples = mined_triples(module, "table", SMALL, "0")
    assert len(triples) == 40
    assert triples == mined_triples(module, "table", SMALL, "0")
    assert triples != mined_triples(module, "table", SMALL, "1")
    number = {text: at for at, text in enumerate(table.texts)}
    for anchor, positive, *negatives in ([number[text] for text in one] for one in triples):
        assert table.thing[anchor] == table.thing[positive]
        assert table.may_train[[anchor, positive, *negatives]].all()
        assert len({anchor, *negatives}) == 3
        assert (table.thing[negatives] != table.thing[anchor]).all()
        others = table.may_train & (table.thing != table.thing[anchor])
        nearer = (vectors[others] @ vectors[anchor])[:, None] > vectors[negatives] @ vectors[anchor]
        assert nearer.sum(axis=0).max() <= SMALL.nearest


def test_large_tables_and_those_with_published_pairs_are_left_out(data: Path) -> None:
    assert list(read_tables(data, SMALL)) == ["table"]
    assert not read_tables(data, Recipe(most_rows=100))


def test_made_tables_are_to_train_on_alone() -> None:
    made = made_tables(Recipe(made_rows=60))
    assert list(made) == [f"made-{domain}" for domain in DOMAINS]
    for table in made.values():
        assert table.may_train.all() and (table.part == TRAIN).all()
        assert (table.thing[table.pairs[:, 0]] == table.thing[table.pairs[:, 1]]).all()
    assert sum(len(table.pairs) for table in made.values()) > 50


def test_recall_counts_the_pairs_of_one_part(data: Path) -> None:
    table = read_tables(data, SMALL)["table"]
    for part in range(3):
        (recall,) = (found for _, found in candidate_recalls({"table": table}, BUNDLED, part))
        assert 0.5 < recall <= 1
    alone = Table(table.texts, table.thing, table.pairs[:0], table.part[:0], table.may_train)
    assert not list(candidate_recalls({"table": alone}, BUNDLED, TRAIN))


@pytest.mark.filterwarnings("ignore::Warning")  # those of the trainer
def test_training_moves_the_numbers_and_can_be_repeated(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("datasets")
    pytest.importorskip("accelerate")
    tables = read_tables(data, SMALL)
    found = train_balance(tables, EVERYTHING)
    assert found == train_balance(tables, EVERYTHING)
    assert found.keys() == BUNDLED.keys() and found["trigrams"] == 1
    assert all(np.isfinite(value) and value > 0 for value in found.values())
    assert not any(found[name] == BUNDLED[name] for name in NAMES)
    main([str(data), "--rounds", "1", "--per-table", "20", "--made-rows", "0",
          "--trained", "words", "--rarity-power", "1"])  # fmt: skip
    said = capsys.readouterr().out
    assert "round 1: 40 pairs" in said and "round 1: 20 pairs" in said
    assert "bigrams          0.000 -> 0.000" in said and "-> 1.000\nfield_damping" in said
    assert "candidate recall of valid clusters" in said and "\nmean " in said


def test_numbers_are_not_saved_as_a_model(tmp_path: Path) -> None:
    with pytest.raises(NotImplementedError, match="printed"):
        Balanced({}, SMALL).save(str(tmp_path))


def test_an_unknown_text_of_a_known_table_has_a_vector() -> None:
    module = Balanced({"table": table_of(TEXTS)}, SMALL, {**BUNDLED, "neighbours": 0.5})
    made = module(module.preprocess(["name: never seen before"], "table"))["sentence_embedding"]
    assert made.shape == (1, module.get_embedding_dimension())
    assert torch.linalg.vector_norm(made).item() == pytest.approx(1)
