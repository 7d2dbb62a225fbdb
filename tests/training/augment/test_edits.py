"""Edits of one value: every edit takes any text, and writes what its name says."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.training.augment import edits, records
from tests.laws import examples

pytestmark = pytest.mark.model

EDITS = tuple(
    dict.fromkeys(
        edit
        for errors in (
            records.GENERAL,
            records.PEOPLE,
            records.OFFERS,
            records.WORKS,
            records.NAMES,
        )
        for edit, _ in errors.edits
    )
)


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__qualname__)
@examples(25)
@given(text=st.text(min_size=1, max_size=40), seed=st.integers(0, 2**32 - 1))
def test_every_edit_takes_any_text(edit: edits.Edit, text: str, seed: int) -> None:
    edited = edit(text, Random(seed))
    assert isinstance(edited, str)
    assert edited == edit(text, Random(seed))


@pytest.mark.parametrize(
    ("edit", "text", "expected"),
    [
        (edits.transliterate, "Иван Щукин", "Ivan Shchukin"),
        (edits.transliterate, "김민수", "GimMinSu"),
        (edits.transliterate, "Γιώργος", "Giorgos"),
        (edits.transliterate, "北京", "BeiJing"),
        (edits.transliterate, "अमित", "amit"),
        (edits.transliterate, "José Ñandú – “Müller”", "José Ñandú – “Müller”"),
        (edits.strip_accents, "Müller", "Mueller"),
        (edits.strip_accents, "Müller", "Muller"),
        (edits.respace_units, "8 gb ddr3 1600 mhz", "8gb ddr3 1600mhz"),
        (edits.replace_nickname, "katya", "ekaterina"),
        (edits.replace_name_form, "Köln", "Cologne"),
        (edits.abbreviate, "Main STREET", "Main ST"),
        (edits.swap_words, "Ada Lovelace", "Lovelace Ada"),
        (edits.break_encoding, "Müller", "MÃ¼ller"),
    ],
)
def test_edits_write_what_they_say(edit: edits.Edit, text: str, expected: str) -> None:
    assert expected in {edit(text, Random(seed)) for seed in range(40)}


def test_dates_are_written_in_other_formats() -> None:
    forms = {edits.rewrite_date("1980-02-03", Random(seed)) for seed in range(80)}
    assert {"03/02/1980", "19800203", "3 Feb 1980"} <= forms
