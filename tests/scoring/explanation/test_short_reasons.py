"""Short reasons name the strongest evidence, and stay silent about improbable pairs."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.explanation.short_reasons import reasons_of
from dedupe.scoring.pairs import ALL_EQUAL
from tests.scoring.comparison.samples import ends, texts_of

PEOPLE = [
    {"given": "Anna", "family": "Okonkwo", "email": "anna@firma.de", "phone": "030 5551234"},
    {"given": "Ana", "family": "Okonkwo", "email": "anna@firma.de", "phone": "030 5551234"},
    {"given": "Otto", "family": "Okonkwo", "email": "otto@other.com", "phone": "030 7778899"},
    *({"given": f"Name{i}", "family": f"Other{i}", "phone": "0800 12340"} for i in range(8)),
]


def explained(*pairs: tuple[int, int], **options: int) -> tuple[np.ndarray, list[str]]:
    left, right = ends(pairs)
    similarity = np.full(len(pairs), 0.7, dtype=np.float32)
    comparison = Comparison(texts_of(PEOPLE), left, right, similarity, with_neighbours=False)
    log_odds = comparison.log_odds()
    return log_odds, reasons_of(comparison, log_odds, **options).to_list()


def test_reasons_name_the_strongest_evidence() -> None:
    log_odds, (reason,) = explained((0, 1))
    assert log_odds[0] > 0
    assert "same e-mail" in reason and len(reason.split("; ")) <= 3


def test_identical_and_improbable_pairs_have_fixed_reasons() -> None:
    log_odds, reasons = explained((0, 0), (0, 5))
    assert reasons == [ALL_EQUAL, ""]
    assert log_odds[1] < -3


def test_no_pairs_have_no_reasons() -> None:
    empty = Comparison(
        pl.Series("text", ["name: a"]),
        np.empty(0, np.uint32), np.empty(0, np.uint32), np.empty(0, np.float32),
    )  # fmt: skip
    assert len(reasons_of(empty, empty.log_odds())) == 0


@pytest.mark.model
def test_of_too_many_pairs_the_most_doubtful_have_reasons() -> None:
    ends_of = ((0, 1), (0, 2), (1, 2))
    _, every = explained(*ends_of)
    log_odds, _ = explained(*ends_of)
    assert sum(map(bool, every)) >= 1
    _, some = explained(*ends_of, most=1)
    assert [bool(reason) for reason in some] == [
        at == int(np.abs(log_odds).argmin()) for at in range(3)
    ]
