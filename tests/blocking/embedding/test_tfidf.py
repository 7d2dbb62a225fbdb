"""The TF-IDF embedding separates records by what is rare in their file."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.blocking.embedding.features import EMBEDDED, KINDS
from dedupe.blocking.embedding.tfidf import DIMENSIONS, MAX_RARE, MAX_SINGLETONS, HashedTfidf
from tests.blocking.samples import misspelled_people
from tests.laws import examples

TEXTS = [
    f"name: person{n % 97} family{n}\ncity: {'berlin' if n % 2 else 'rome'}" for n in range(300)
]
NEW = ["name: somebody else entirely", "name: persn3 family3\ncity: rome"]


def vectors(texts: list[str]) -> np.ndarray:
    return HashedTfidf.fit(texts).embed(texts)


def test_rows_are_unit_vectors() -> None:
    found = vectors(TEXTS)
    assert found.shape == (300, DIMENSIONS)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_an_empty_text_has_the_zero_vector() -> None:
    found = vectors(["", "name: ada", "name: bob"])
    assert not found[0].any()


@examples(30)
@given(st.lists(st.text(max_size=30).map(lambda t: t.replace("\x00", "")), min_size=2, max_size=12))
def test_the_vector_of_a_text_does_not_depend_on_its_batch(values: list[str]) -> None:
    texts = [f"name: {value}" for value in values]
    model = HashedTfidf.fit(texts)
    together = model.embed(texts)
    alone = np.concatenate([model.embed([text]) for text in texts])
    assert np.isfinite(together).all()
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_a_typo_stays_closer_than_another_name() -> None:
    texts = [*TEXTS, "name: katherine johnson", "name: kathrine jonson", "name: dorothy vaughan"]
    found = vectors(texts)
    typo, other = found[-3] @ found[-2], found[-3] @ found[-1]
    assert typo > 0.2 > other + 0.1


def test_rare_words_weigh_more_than_frequent_ones() -> None:
    texts = [f"name: acme gmbh {n}" for n in range(200)]
    found = vectors([*texts, "name: zyxw gmbh", "name: zyxw", "name: gmbh"])
    assert found[-3] @ found[-2] > found[-3] @ found[-1] + 0.3


def test_a_long_description_does_not_outweigh_the_title() -> None:
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
def test_typos_are_close_in_every_script(one: str, typo: str, other: str) -> None:
    texts = [*TEXTS, f"name: {one}", f"name: {typo}", f"name: {other}"]
    found = vectors(texts)
    assert found[-3].any()
    assert found[-3] @ found[-2] > 0.3
    assert found[-3] @ found[-2] > found[-3] @ found[-1] + 0.2


def test_labels_of_fields_have_no_weight() -> None:
    texts = [*TEXTS, "name: ada lovelace", "contact: ada lovelace"]
    found = vectors(texts)
    assert found[-1] @ found[-2] == pytest.approx(1, abs=1e-6)


def test_the_same_texts_give_the_same_bytes() -> None:
    assert vectors(TEXTS).tobytes() == vectors(TEXTS).tobytes()


@pytest.mark.parametrize("kinds", [EMBEDDED, KINDS])
@pytest.mark.parametrize("n", [1, 2, 300])
def test_weights_restored_from_their_arrays_are_the_same(n: int, kinds: int) -> None:
    fitted = HashedTfidf.fit(TEXTS[:n], kinds)
    restored = HashedTfidf.from_arrays(fitted.to_arrays())
    np.testing.assert_array_equal(restored.rarity, fitted.rarity)
    np.testing.assert_array_equal(restored.embed([*TEXTS, *NEW]), fitted.embed([*TEXTS, *NEW]))


def test_the_arrays_of_a_small_file_are_small() -> None:
    assert sum(array.nbytes for array in HashedTfidf.fit(TEXTS[:20]).to_arrays().values()) < 20_000


def test_singletons_are_shared_with_later_records() -> None:
    fitted = HashedTfidf.fit(TEXTS, KINDS)
    shared = (
        fitted.rare_features([TEXTS[3]], singletons=True)
        @ fitted.rare_features(NEW, singletons=True).T
    )
    assert shared.toarray()[0, 1] > shared.toarray()[0, 0]
    for singletons, most in ((False, MAX_RARE), (True, MAX_SINGLETONS)):
        counts = np.diff(fitted.rare_features(TEXTS, singletons=singletons).indptr)
        assert counts.max() <= most
    assert fitted.rare_features([], singletons=True).shape[0] == 0


def test_one_pass_computes_the_same_vectors_and_features_as_two() -> None:
    texts = [f"name: person {i % 40}\ncity: town {i % 7} {i:04}" for i in range(5000)]
    encoder = HashedTfidf.fit(texts, KINDS)
    vectors, rare = encoder.embed_with_features(texts)
    assert np.abs(vectors[np.arange(5000)] - encoder.embed(texts)).max() < 0.005
    expected = encoder.rare_features(texts, singletons=True)
    assert rare.shape == expected.shape and (rare != expected).nnz == 0


def test_new_texts_get_the_same_in_one_pass() -> None:
    encoder = HashedTfidf.fit(TEXTS, KINDS)
    for texts in (NEW, []):
        vectors, rare = encoder.embed_new(texts)
        np.testing.assert_array_equal(vectors, encoder.embed(texts))
        expected = encoder.rare_features(texts, singletons=True)
        assert rare.shape == expected.shape and (rare != expected).nnz == 0


def test_without_singletons_only_shared_features_remain() -> None:
    encoder = HashedTfidf.fit(TEXTS, KINDS)
    shared = encoder.without_singletons(encoder.rare_features(TEXTS, singletons=True))
    expected = encoder.rare_features(TEXTS)
    assert (shared != expected).nnz == 0
    counts = np.bincount(shared.indices)
    assert counts[counts > 0].min() > 1


def test_products_of_features_are_the_cosines_that_the_projection_estimates() -> None:
    texts, _ = misspelled_people(300)
    model = HashedTfidf.fit(texts)
    features, vectors = model.features(texts), model.embed(texts)
    exact = (features @ features.T).toarray()
    np.testing.assert_allclose(np.diag(exact), 1, atol=1e-5)
    assert np.abs(exact - vectors @ vectors.T).mean() < 0.05


def test_vectors_are_not_made_of_pairs_of_words() -> None:
    np.testing.assert_array_equal(vectors(TEXTS), HashedTfidf.fit(TEXTS, KINDS).embed(TEXTS))


def test_a_pair_of_common_words_is_rare_in_either_order() -> None:
    rng = np.random.default_rng(0)
    days = [" ".join(map(str, 100 + rng.integers(0, [60, 12, 28]))) for _ in range(20_000)]
    texts = [f"born: {day}" for day in days] + ["born: 500 600 501", "born: 600 500 502"]
    texts += [f"born: {word} {n % 28 + 100}" for n in range(2_000) for word in (500, 600)]
    encoder = HashedTfidf.fit(texts, KINDS)
    # Half of the texts have two of these words: they tell nothing, but their pair does.
    rare = encoder.rare_features(texts)
    shared = rare[[20_000]] @ rare.T
    assert shared[0, 20_001] > 0
    alone = HashedTfidf.fit(texts).rare_features(texts)
    assert (alone[[20_000]] @ alone.T)[0, 20_001] == 0
