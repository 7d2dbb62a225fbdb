"""Short texts of counts, lists and long values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def counted(counts: Mapping[str, int], names: Sequence[str]) -> str:
    """List the counts that are not 0, in the order of `names`."""
    return ", ".join(f"{counts[name]:,} {name}" for name in names if counts[name]) or "none"


def listed(names: Sequence[str], limit: int = 8) -> str:
    """List the first names, and the number of the others."""
    rest = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + rest


def shortened(value: str, width: int = 40) -> str:
    """Cut a long value."""
    return value if len(value) <= width else value[: width - 1] + "…"
