"""Why a pair has its probability: agreement is evidence for a match, difference against it."""

from __future__ import annotations

import pytest

from dedupe.config import Config
from dedupe.review.explain import contributions, load_model


@pytest.mark.model
def test_equal_fields_are_evidence_for_a_match_and_different_fields_against_it() -> None:
    model = load_model(Config(device="cpu"))
    found = contributions(
        model,
        "name: ada lovelace\nborn: 1815-12-10\ncity: london",
        "name: ada lovelace\nborn: 1936-08-17\ncity: london",
    )
    by_field = dict(found)
    assert set(by_field) == {"name", "born", "city"}
    assert by_field["name"] > 0 > by_field["born"]
    sizes = [abs(change) for _, change in found]
    assert sizes == sorted(sizes, reverse=True)
