"""Features of texts are trigrams, words, and pairs of neighbouring words."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dedupe.blocking.embedding.features import BUCKET_BITS, EMBEDDED, KINDS, extract_features
from tests.laws import examples

WORDS = st.lists(st.text("abc1é", min_size=1, max_size=4), max_size=6)


@examples(60)
@given(st.lists(WORDS, min_size=1, max_size=4))
def test_pairs_of_words_do_not_depend_on_order_and_stay_within_a_text(
    texts: list[list[str]],
) -> None:
    written = [" ".join(text) for text in texts]
    turned = [" ".join(reversed(text)) for text in texts]
    found, other = (extract_features(some, KINDS) for some in (written, turned))
    words, pairs = found[1], found[2]
    for number in range(len(texts)):
        count = int((words.text == number).sum())
        assert int((pairs.text == number).sum()) == max(count - 1, 0)
        of_text = np.sort(pairs.hash[pairs.text == number])
        np.testing.assert_array_equal(of_text, np.sort(other[2].hash[other[2].text == number]))


def test_pairs_are_extracted_only_where_they_are_asked_for() -> None:
    texts = ["name: ada lovelace\nborn: 1815-12-10"]
    assert len(extract_features(texts, EMBEDDED)) == EMBEDDED
    trigrams, words, pairs = extract_features(texts, KINDS)
    assert (len(words.hash), len(pairs.hash)) == (5, 4)
    assert len(trigrams.hash) == sum(map(len, ("ada", "lovelace", "1815", "12", "10")))
    assert len(set(pairs.hash.tolist()) & set(words.hash.tolist())) == 0
    assert pairs.bucket.max() < 1 << BUCKET_BITS
