"""Counts with their nouns."""

from __future__ import annotations


def plural(count: int, noun: str) -> str:
    """Write a count with its noun in the singular or plural."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
