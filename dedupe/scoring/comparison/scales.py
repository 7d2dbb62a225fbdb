"""Scales of features: one byte each, with what is not known between against and for a match."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Bytes: TypeAlias = NDArray[np.uint8]
Rows: TypeAlias = NDArray[np.uint32]
Numbers: TypeAlias = NDArray[Any]
Features: TypeAlias = dict[str, Bytes]
"""Features of m pairs by name, (m,) uint8 each."""

UNKNOWN = 128
"""A feature that a pair does not have: what lies below speaks against a match, above for it."""
EQUAL = 255
CONTAINED = 250
"""A similarity of 1 of values that are not equal: one has all words of the other."""
_BELOW, _ABOVE = 126, 130


def _between(values: Numbers, low: int, high: int) -> Numbers:
    # Of few values, np.clip takes several times as long.
    between: Numbers = np.minimum(np.maximum(values, low), high)
    return between


def graded(similarity: Numbers, middle: float) -> Bytes:
    """Scale similarities from 0 to 1: those below `middle` end below :data:`UNKNOWN`."""
    s = _between(similarity, 0, 1)
    low = s / middle * _BELOW
    high = _ABOVE + (s - middle) / (1 - middle) * (CONTAINED - _ABOVE)
    return np.where(s < middle, low, high).astype(np.uint8)


def scaled(values: Numbers, scale: float, most: int = EQUAL) -> Bytes:
    """Scale amounts from 0, with a limit at the top."""
    return _between(values * scale, 0, most).astype(np.uint8)


def signed(values: Numbers, scale: float) -> Bytes:
    """Scale amounts that may be negative; 0 becomes :data:`UNKNOWN`."""
    return _between(UNKNOWN + values * scale, 1, EQUAL).astype(np.uint8)


def share(part: Numbers, whole: Numbers) -> Bytes:
    """Scale shares of a whole; :data:`UNKNOWN` where there is nothing to share."""
    values = part / np.where(whole > 0, whole, 1) * EQUAL
    return np.where(whole > 0, _between(values, 0, EQUAL), UNKNOWN).astype(np.uint8)


def constant(m: int, value: int = UNKNOWN) -> Bytes:
    """Return the same value for m pairs."""
    return np.full(m, value, dtype=np.uint8)


def first_level(conditions: Sequence[Numbers], levels: Sequence[int], default: int) -> Bytes:
    """Give each pair the level of the first condition that holds."""
    return np.select(conditions, levels, default).astype(np.uint8)
