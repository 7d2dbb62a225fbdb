"""Free text is added as a column and says little about the label."""

from __future__ import annotations

from random import Random

import pytest

from dedupe.training.generators.free_text import add_free_text, write_free_text

pytestmark = pytest.mark.model

LEFT, RIGHT = "name: acme 12\ncity: berlin", "name: acme 13\ncity: bonn"


def test_the_records_keep_their_lines_and_get_one_more() -> None:
    for seed in range(200):
        texts = add_free_text(LEFT, RIGHT, bool(seed % 2), Random(seed), "notes")
        added = 0
        for before, after in zip((LEFT, RIGHT), texts, strict=True):
            lines = after.split("\n")
            extra = [line for line in lines if line.startswith("notes: ")]
            added += len(extra)
            assert [line for line in lines if line not in extra] == before.split("\n")
        assert added in (1, 2)


def test_a_label_is_drawn_where_none_is_given() -> None:
    labels = {
        line.split(": ")[0]
        for seed in range(50)
        for line in add_free_text(LEFT, RIGHT, True, Random(seed))[0].split("\n")
    }
    assert len(labels - {"name", "city"}) > 5


def test_copies_are_a_little_more_frequent_in_matches() -> None:
    def copies(match: bool) -> float:
        rng = Random(0)
        pairs = [add_free_text("a: x", "a: y", match, rng, "t") for _ in range(3_000)]
        texts = [[line for text in pair for line in text.split("\n") if line[0] == "t"]
                 for pair in pairs]  # fmt: skip
        both = [lines for lines in texts if len(lines) == 2]
        return sum(left == right for left, right in both) / len(both)

    assert copies(True) - copies(False) == pytest.approx(0.04, abs=0.03)


def test_every_placeholder_is_filled() -> None:
    text = " ".join(write_free_text("acme", Random(seed)) for seed in range(300))
    assert "{" not in text
    assert "acme" in text
