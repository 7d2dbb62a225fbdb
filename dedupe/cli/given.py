"""The options that were given: on the command line and in a configuration file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dedupe.config import TARGETS
from dedupe.errors import OptionError
from dedupe.io.config_file import read_config

THRESHOLDS = ("threshold", "preset")
"""Options that set the threshold directly; :data:`~dedupe.config.TARGETS` set it indirectly."""


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Drop the options that are not set; ``--fast`` and ``--thorough`` become an effort.

    Raises
    ------
    OptionError
        If both are given.
    """
    found = {name: value for name, value in options.items() if value is not None}
    efforts = [name for name in ("fast", "thorough") if found.pop(name, False)]
    if len(efforts) > 1:
        raise OptionError("--fast and --thorough contradict each other: give one")
    return {**found, "effort": efforts[0]} if efforts else found


def with_config_file(file: Path | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """Combine the options of a TOML file with those of the command line, which take precedence.

    A threshold or target of the command line also overrides every threshold and target of the file.

    Raises
    ------
    OptionError
        If the file cannot be read, is not TOML, or names an unknown option.
    """
    own, from_file = given(options), read_config(file) if file else {}
    overridden: set[str] = set()
    if any(name in own for name in THRESHOLDS):
        overridden.update(TARGETS)
    if any(name in own for name in TARGETS):
        overridden.update(THRESHOLDS, TARGETS)
    kept = {name: value for name, value in from_file.items() if name not in overridden}
    return {**kept, **own}


def one_source(inputs: Sequence[str]) -> str | list[str]:
    """Pass on a single input as it is, and several as a list of tables to stack."""
    return inputs[0] if len(inputs) == 1 else list(inputs)
