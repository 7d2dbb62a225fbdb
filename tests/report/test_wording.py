"""Counts come with their nouns."""

from __future__ import annotations

from dedupe.report.wording import plural


def test_numbers_have_their_noun() -> None:
    assert [plural(n, "pair") for n in (0, 1, 2, 1_000)] == [
        "0 pairs", "1 pair", "2 pairs", "1,000 pairs"
    ]  # fmt: skip
