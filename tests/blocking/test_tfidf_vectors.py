"""The lexical embedding tells records apart by what is rare in their file."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedupe.blocking.tfidf import DIMENSIONS, HashedTfidf

NAMES = [
    f"name: person{n % 97} family{n}\ncity: {'berlin' if n % 2 else 'rome'}" for n in range(300)
]


def vectors(texts: list[str]) -> np.ndarray:
    return HashedTfidf.fitted(texts).embed(texts)


def test_rows_are_unit_vectors() -> None:
    found = vectors(NAMES)
    assert found.shape == (300, DIMENSIONS)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_an_empty_text_is_the_zero_vector() -> None:
    found = vectors(["", "name: ada", "name: bob"])
    assert not found[0].any()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=30).map(lambda t: t.replace("\x00", "")), min_size=2, max_size=12))
def test_any_text_is_embedded_by_itself_alone(values: list[str]) -> None:
    texts = [f"name: {value}" for value in values]
    model = HashedTfidf.fitted(texts)
    together = model.embed(texts)
    alone = np.concatenate([model.embed([text]) for text in texts])
    assert np.isfinite(together).all()
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_a_typo_stays_closer_than_another_name() -> None:
    texts = [*NAMES, "name: katherine johnson", "name: kathrine jonson", "name: dorothy vaughan"]
    found = vectors(texts)
    typo, other = found[-3] @ found[-2], found[-3] @ found[-1]
    assert typo > 0.2 > other + 0.1


def test_what_is_rare_in_the_file_counts_for_more() -> None:
    texts = [f"name: acme gmbh {n}" for n in range(200)]
    found = vectors([*texts, "name: zyxw gmbh", "name: zyxw", "name: gmbh"])
    assert found[-3] @ found[-2] > found[-3] @ found[-1] + 0.3


def test_a_long_description_does_not_drown_the_title() -> None:
    words = [f"word{n}" for n in range(400)]
    rng = np.random.default_rng(0)
    filler = [f"title: thing{n}\ntext: {' '.join(rng.choice(words, 40))}" for n in range(200)]
    text = " ".join(rng.choice(words, 40))
    same_title = "title: quartz lamp\ntext: " + " ".join(rng.choice(words, 40))
    found = vectors([*filler, f"title: quartz lamp\ntext: {text}", same_title])
    assert found[-1] @ found[-2] > max(found[-2] @ row for row in found[:-2])


@pytest.mark.parametrize(
    ("one", "typo", "other"),
    [
        ("北京大学出版社", "北京大学岀版社", "上海交通大学"),
        ("محمد عبد الله", "محمد عبدالله", "فاطمة الزهراء"),
        ("Иванов Сергей", "Иваноф Сергей", "Петрова Анна"),
        ("राजेश कुमार", "राजेष कुमार", "सुनीता शर्मा"),
        ("สมชาย ใจดี", "สมชัย ใจดี", "วิภา สุขใจ"),
    ],
)
def test_every_script_is_matched_as_what_it_is(one: str, typo: str, other: str) -> None:
    texts = [*NAMES, f"name: {one}", f"name: {typo}", f"name: {other}"]
    found = vectors(texts)
    assert found[-3].any()
    assert found[-3] @ found[-2] > 0.3
    assert found[-3] @ found[-2] > found[-3] @ found[-1] + 0.2


def test_field_names_do_not_count() -> None:
    texts = [*NAMES, "name: ada lovelace", "contact: ada lovelace"]
    found = vectors(texts)
    assert found[-1] @ found[-2] == pytest.approx(1, abs=1e-6)


def test_the_same_texts_give_the_same_bytes() -> None:
    assert vectors(NAMES).tobytes() == vectors(NAMES).tobytes()
