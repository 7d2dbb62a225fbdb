"""Forms of given names: nicknames, spellings and initials that may stand for one name."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.scoring.comparison.values import notation
from dedupe.scoring.comparison.values.text_steps import Texts, listed
from dedupe.scoring.comparison.values.word_data import nicknames


@cache
def groups_of_name() -> dict[str, frozenset[int]]:
    """Return the numbers of the groups that each known given name, folded, is a form in."""
    groups: dict[str, set[int]] = {}
    for number, forms in enumerate(nicknames()):
        for form in notation.fold(pl.Series(forms).str.to_lowercase()).to_list():
            groups.setdefault(form, set()).add(number)
    return {name: frozenset(numbers) for name, numbers in groups.items()}


def name_numbers(tokens: Texts, initials: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """Give each known given name and initial among tokens its number.

    Parameters
    ----------
    tokens
        (v,) folded tokens.
    initials
        (v,) bool: single letters that may stand for a name.

    Returns
    -------
    ndarray
        (v,) uint16: row and column of :func:`compatible_names`; 0 for other tokens.
    """
    number, texts = _number_of_name(), listed(tokens)
    found = np.array([number.get(token, 0) for token in texts], dtype=np.uint16)
    single = np.array([len(token) == 1 for token in texts], dtype=bool)
    return np.where(single & ~initials, np.uint16(0), found)


@cache
def _number_of_name() -> dict[str, int]:
    names = [*groups_of_name(), *_INITIALS]
    return dict(zip(names, range(1, len(names) + 1), strict=True))


@cache
def compatible_names() -> NDArray[np.bool_]:
    """Tell which numbers of :func:`name_numbers` may be one name, (k, k) bool.

    Two forms of one name are compatible, and a name with its initial.
    """
    names = list(groups_of_name())
    size = 1 + len(names) + len(_INITIALS)
    compatible = np.zeros((size, size), dtype=bool)
    groups = np.zeros((size, len(nicknames())), dtype=np.int32)
    for row, numbers in enumerate(groups_of_name().values(), start=1):
        groups[row, list(numbers)] = 1
    compatible[:] = groups @ groups.T > 0
    for row, name in enumerate(names, start=1):
        letter = _INITIALS.find(name[:1])
        if letter >= 0:
            column = 1 + len(names) + letter
            compatible[row, column] = compatible[column, row] = True
    return compatible


_INITIALS = "abcdefghijklmnopqrstuvwxyz"
