"""Functions applied to many columns: long ones in threads, short ones together.

A call of polars costs a tenth of a millisecond however few values it gets. One record that is
matched has few, and would need hundreds of calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dedupe.models.loading import cpu_count
from dedupe.scoring.comparison.values.text_steps import Texts, one_after_the_other

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")
_Column = TypeVar("_Column", Texts, NDArray[Any])

MANY = 1 << 13
"""Records from which columns are handled in threads: much of polars and NumPy runs on one core."""


def for_each(function: Callable[[_Given], _Made], items: Iterable[_Given], n: int) -> list[_Made]:
    """Call a function for each item; in threads if the items hold many records, of which `n`."""
    if n < MANY or cpu_count() == 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(cpu_count()) as pool:
        return list(pool.map(function, items))


def batches(items: Sequence[_Given], n: int) -> list[Sequence[_Given]]:
    """Divide items that hold `n` records: each by itself if these are many, else all together."""
    if n >= MANY:
        return [items[at : at + 1] for at in range(len(items))]
    return [items] if items else []


def together(function: Callable[[Texts], _Column], columns: Sequence[Texts]) -> list[_Column]:
    """Apply a function that takes each value by itself to several columns, in one call if short."""
    if len(columns) < 2:
        return [function(column) for column in columns]
    if sum(map(len, columns)) >= MANY:
        return for_each(function, columns, MANY)
    made = function(one_after_the_other(columns))
    ends = np.cumsum([0, *map(len, columns)]).tolist()
    return [made[begin:end] for begin, end in pairwise(ends)]
