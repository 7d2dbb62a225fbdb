"""Word lists of the training data: entries, pairs and tables."""

from __future__ import annotations

import pytest

from dedupe.training.word_lists import word_pairs, word_table, words

pytestmark = pytest.mark.model


def test_lists_pairs_and_tables_are_split() -> None:
    assert words("colours")[:3] == ("black", "white", "silver")
    assert dict(word_pairs("demonyms"))["france"] == "french"
    categories, brands, features = word_table("products")["hard drive"]
    assert categories == ("hard drives", "storage")
    assert brands[:2] == ("seagate", "western digital")
    assert "7200 rpm" in features
