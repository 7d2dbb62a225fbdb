"""Why a pair has its probability: what agrees speaks for, what differs against."""

from __future__ import annotations

from dedupe.config import Config
from dedupe.review.explain import contributions, load_model


def test_what_agrees_speaks_for_and_what_differs_against() -> None:
    model = load_model(Config(device="cpu"))
    found = contributions(
        model,
        "name: ada lovelace\nborn: 1815-12-10\ncity: london",
        "name: ada lovelace\nborn: 1936-08-17\ncity: london",
    )
    parts = dict(found)
    assert set(parts) == {"name", "born", "city"}
    assert parts["name"] > 0 > parts["born"]
    sizes = [abs(change) for _, change in found]
    assert sizes == sorted(sizes, reverse=True)
