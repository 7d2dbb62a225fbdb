"""How many random examples a law is checked with."""

from __future__ import annotations

from typing import Any

from hypothesis import settings

ALL, FEW = 50, 8
"""Examples for each law in a run of all tests, and in one that leaves out the models."""


def tries(count: int) -> int:
    """Return how many of `count` tries to make: all, or few where laws have few examples."""
    return max(1, count * settings().max_examples // ALL)


def examples(count: int, **options: Any) -> settings:
    """Return settings for a law that needs more examples than others, or can only afford fewer.

    Parameters
    ----------
    count
        Number of examples where other laws have :data:`ALL`; in proportion to that elsewhere.
    options
        Other settings of Hypothesis.
    """
    return settings(max_examples=max(3, tries(count)), **options)
