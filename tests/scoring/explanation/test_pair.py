"""The steps of an explanation add up to the probability shown, and say why in words."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.config import Config
from dedupe.records.records import make_records
from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.explanation.pair import Explanation, explain_pair
from dedupe.scoring.logistic import sigmoid
from dedupe.scoring.pairs import DECIDERS, PAIRS
from tests.laws import examples
from tests.scoring.comparison.samples import RECORDS, VALUES

pytestmark = pytest.mark.model

SCORES = st.floats(0, 1, width=32)


def explained(
    rows: list[dict[str, str]],
    pair: tuple[int, int] = (0, 1),
    *,
    decided_by: str | None = None,
    scored: float | None = None,
    shown: float | None = None,
    similarity: float = 0.8,
) -> Explanation:
    """Explain a pair; without `decided_by` the search did not propose it."""
    columns = list(dict.fromkeys(name for row in rows for name in row)) or ["name"]
    frame = pl.DataFrame([{name: row.get(name) for name in columns} for row in rows])
    records = make_records(frame, Config(fields=tuple(columns)))
    listed = [] if decided_by is None else [(*sorted(pair), similarity, 0.5, decided_by, "")]
    pairs = pl.DataFrame(listed, schema=PAIRS, orient="row")
    comparison = Comparison.of(records.texts, pairs)
    if decided_by is not None and scored is None:
        scored = float(sigmoid(comparison.log_odds())[0])

    def with_probability(probability: float | None) -> pl.DataFrame:
        return pairs.with_columns(pl.lit(probability, dtype=pl.Float32).alias("probability"))

    raw = with_probability(scored)
    final = raw if shown is None else with_probability(shown)
    return explain_pair(records, comparison, raw, final, *pair, lambda a, b: similarity)


def total(found: Explanation) -> float:
    return float(sigmoid(np.array(found.start + sum(step.log_odds for step in found.steps))))


MODELS = [name for name in DECIDERS.categories if name != "rule"]
"""What decides pairs before the rules of the user."""


@examples(15)  # each prepares records several times
@given(RECORDS, st.sampled_from([None, *MODELS]), SCORES, SCORES)
def test_steps_add_up_to_the_probability_shown(
    records: list[dict[str, str]], decided_by: str | None, scored: float, shown: float
) -> None:
    found = explained(records, decided_by=decided_by, scored=scored, shown=shown)
    assert total(found) == pytest.approx(found.probability, abs=2e-5)
    if decided_by is not None:
        assert found.probability == np.float32(shown)
    if found.steps:
        assert found.running()[-1] == pytest.approx(found.probability, abs=2e-5)


@examples(5)
@given(st.fixed_dictionaries(VALUES), st.fixed_dictionaries(VALUES))
def test_the_order_of_the_records_changes_the_order_of_the_words_only(
    one: dict[str, str], other: dict[str, str]
) -> None:
    found, turned = (explained([one, other], pair) for pair in ((0, 1), (1, 0)))
    assert turned.probability == found.probability
    assert [(s.kind, s.log_odds) for s in turned.steps] == [
        (s.kind, s.log_odds) for s in found.steps
    ]


PEOPLE = [
    {"name": "Anna Okonkwo", "email": "anna@firma.de", "phone": "030 5551234", "street": "12 High"},
    {"name": "Ana Okonkwo", "email": "ANNA@firma.de", "phone": "030 5551234", "street": "14 High"},
    *(
        {"name": f"{name} Smith", "email": f"{name}@post.org", "phone": "030 5551234"}
        for name in ("otto", "ida", "leo", "mia", "noah", "emma", "finn", "lena")
    ),
]


def words_of(found: Explanation) -> dict[str, str]:
    return {step.kind: step.text for step in found.steps}


def test_words_name_the_columns_and_the_values() -> None:
    found = explained(PEOPLE, decided_by="comparison")
    steps = {step.kind: step for step in found.steps}
    assert steps["email"].label == "email"
    assert steps["email"].text == "the same: anna@firma.de / ANNA@firma.de, and no other row has it"
    assert steps["email"].log_odds > 0.5
    assert "shared by 8 other rows, so little evidence" in steps["phone"].text
    assert steps["phone"].log_odds < steps["email"].log_odds
    assert steps["main"].text == "Anna Okonkwo like Ana Okonkwo"
    assert "okonkwo (2 rows)" in steps["words"].text


def test_a_house_number_that_differs_is_evidence_against_a_match() -> None:
    found = explained(PEOPLE, decided_by="comparison")
    steps = {step.kind: step for step in found.steps}
    conflict = steps.get("house") or steps["conflicts"]
    assert conflict.log_odds < 0
    assert words_of(found).get("house", "12 against 14") == "12 against 14"


def test_words_are_shown_as_they_are_written() -> None:
    rows = [{"name": "Müller Gebäude"}, {"name": "Mueller Gebaeude"}]
    found = explained(rows, decided_by="comparison")
    assert "müller (2 rows)" in words_of(found)["words"]


def test_quantities_are_shown_as_they_are_written() -> None:
    rows = [{"title": "Flour 1000 kg, disk 2 TB"}, {"title": "Flour 3500 kg, disk 2000000 MB"}]
    found = explained(
        [*rows, *({"title": f"Oil {n} ml"} for n in range(9))], decided_by="comparison"
    )
    words = words_of(found)
    assert words["mass or volume"] == "1000 kg against 3500 kg"
    assert "2 tb (2 rows)" in words["words"]
    assert "e+0" not in " ".join(words.values())


def test_later_steps_say_who_changed_the_probability() -> None:
    found = explained(PEOPLE, decided_by="cross-encoder", scored=0.3, shown=0.6)
    *_, judged, recalibrated = found.steps
    assert (judged.kind, recalibrated.kind) == ("cross-encoder", "recalibration")
    assert found.running()[-2:] == pytest.approx([0.3, 0.6], abs=1e-5)


def test_a_pair_that_the_search_did_not_propose_is_explained() -> None:
    found = explained(PEOPLE, (0, 2))
    assert not found.proposed and found.decided_by is None
    assert found.probability < 0.5
    as_proposed = explained(PEOPLE, (0, 2), decided_by="comparison")
    assert found.probability == pytest.approx(as_proposed.probability)


def test_identical_records_are_certain() -> None:
    found = explained([PEOPLE[0], PEOPLE[0]], decided_by="identical", scored=1.0)
    assert found.probability == 1.0
    assert found.steps[-1].kind == "identical"
