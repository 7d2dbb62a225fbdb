"""Every feature belongs to a kind of evidence, and the reference says nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from dedupe.scoring.comparison.record_table import record_table
from dedupe.scoring.comparison.scales import EQUAL, UNKNOWN
from dedupe.scoring.comparison.vectors import feature_names
from dedupe.scoring.explanation.evidence import (
    AGREEMENTS,
    KIND,
    KINDS,
    agreement_of,
    explainer,
    kind_of_feature,
    reference_vector,
)
from tests.laws import examples
from tests.scoring.comparison.samples import RECORDS, all_pairs, texts_of, vectors_of


def test_every_feature_has_a_kind_and_every_kind_has_features() -> None:
    assert {kind_of_feature(name) for name in feature_names()} == set(KIND)
    assert {name for kind in KINDS for name in kind.state} <= set(feature_names())


@pytest.mark.parametrize(
    ("feature", "kind"),
    [
        ("given jaro_winkler", "main"),
        ("main rarest on one side alone", "main"),
        ("email shared by", "email"),
        ("codes alike", "code"),
        ("mass or volumes", "mass or volume"),
        ("text token_set", "text"),
        ("share of token bits shared", "words"),
        ("share of columns equal", "columns"),
        ("rank among candidates", "rivals"),
    ],
)
def test_features_are_grouped_by_what_they_are_about(feature: str, kind: str) -> None:
    assert kind_of_feature(feature) == kind


def test_the_reference_speaks_neither_for_nor_against_a_match() -> None:
    reference = reference_vector()
    assert not ((reference > UNKNOWN) | (reference == EQUAL)).any()
    for kind in KINDS:
        assert AGREEMENTS[agreement_of(kind, reference[None])[0]] == "unknown"
    start, contributions = explainer().contributions(reference[None])
    assert contributions == pytest.approx(np.zeros((1, len(KINDS))))
    assert 0.005 < 1 / (1 + np.exp(-start)) < 0.5, "an unknown pair is rather no match"


@pytest.mark.model
@examples(8)
@given(RECORDS)
def test_what_neither_record_has_contributes_nothing(records: list[dict[str, str]]) -> None:
    table = record_table(texts_of(records))
    _, contributions = explainer().contributions(vectors_of(table, *all_pairs(len(table))))
    for name, kind in KIND.items():
        if name in ("phone", "email", "date", "price") and name not in table.groups:
            assert contributions[:, kind] == pytest.approx(0), name
