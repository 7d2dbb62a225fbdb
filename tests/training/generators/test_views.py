"""Views: a row writes an entity the same way at every call, with its first column filled."""

from __future__ import annotations

from random import Random

import pytest

from dedupe.training.generators.domain import Style
from dedupe.training.generators.domains.companies import COMPANY
from dedupe.training.generators.views import File, draw_views

pytestmark = pytest.mark.model


def test_a_view_writes_an_entity_with_the_same_errors_at_every_call() -> None:
    for seed in range(50):
        rng = Random(seed)
        entity = COMPANY.make(rng)
        view, _ = draw_views(COMPANY, rng)
        assert view.record(entity) == view.record(entity)


def test_gaps_are_empty_and_the_first_column_is_not_among_them() -> None:
    gaps, rng = 0, Random(0)
    for _ in range(500):
        file = File.draw(COMPANY, rng)
        view = file.view(rng)
        names = [name for name, _ in file.columns]
        assert names[0] not in view.gaps
        assert len(set(names)) == len(names)
        gaps += len(view.gaps)
        shown = {attribute for _, column in file.columns for attribute in column.attributes}
        assert view.attributes() <= shown
    assert gaps > 50


@pytest.mark.parametrize(
    ("case", "script", "expected"),
    [
        ("keep", "own", "Müller Иван"),
        ("upper", "own", "MÜLLER ИВАН"),
        ("lower", "latin", "müller ivan"),
        ("keep", "ascii", "Mueller Ivan"),
    ],
)
def test_a_style_sets_case_and_script(case: str, script: str, expected: str) -> None:
    style = Style(case, "y-m-d", surname_first=False, joint=", ", script=script)
    assert style.apply("Müller Иван") == expected
