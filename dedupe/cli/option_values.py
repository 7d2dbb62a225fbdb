"""Values of options: lists of names, and assignments."""

from __future__ import annotations

import click


def split_names(
    context: click.Context, option: click.Parameter, value: str | None
) -> tuple[str, ...] | None:
    """Split a list of names at its commas."""
    if value is None:
        return None
    return tuple(name.strip() for name in value.split(",") if name.strip())


def given_names(
    context: click.Context, option: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...] | None:
    """Return the values of a repeatable option; a single empty one stands for none."""
    return tuple(value for value in values if value) if values else None


def parse_assignments(
    context: click.Context, option: click.Parameter, values: tuple[str, ...]
) -> dict[str, str] | None:
    """Parse repeated ``NAME=VALUE`` options.

    Raises
    ------
    click.BadParameter
        If a value has no ``=``, or a name has two values.
    """
    assigned: dict[str, str] = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not equals:
            expected = str(option.metavar).lower()
            raise click.BadParameter(f"{text!r}: write it as {expected}", context, option)
        if assigned.setdefault(name, value) != value:
            raise click.BadParameter(f"{name!r} is given twice", context, option)
    return assigned or None
