"""What a newcomer with messy files meets: each check of ``python -m tests.first_use``."""

from __future__ import annotations

import pytest

from tests.first_use import CHECKS, failure_of, see


@pytest.mark.model
@pytest.mark.parametrize("sentence", CHECKS)
def test_a_newcomer_finds_that(sentence: str) -> None:
    assert failure_of(CHECKS[sentence]) == ""


def test_a_check_that_fails_says_what_it_saw() -> None:
    assert failure_of(lambda: see(False, "two\nlines")) == "two lines"
    assert failure_of(lambda: 1 / 0) == "ZeroDivisionError('division by zero')"
