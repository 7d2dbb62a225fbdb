"""The facts of a workspace: what its file holds, and whether it is undamaged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from dedupe.config import Config
from dedupe.errors import OptionError, WorkspaceError

FORMAT = 3
"""Version of the layout. A workspace of a newer version is refused, an older one is run again."""


def check_facts(facts: Mapping[str, Any], file: Path) -> None:
    """Check that facts of this format have their entries, and no others.

    Parameters
    ----------
    facts
        Content of the file.
    file
        The file, for the message.

    Raises
    ------
    WorkspaceError
        If an entry is unknown, missing, or of another type.
    """
    problem = _problem("", facts, _ENTRIES, optional=("original", "added"))
    problem = problem or _config_problem(facts["config"])
    if problem is not None:
        raise WorkspaceError(
            f"{file} {problem}: it was changed or written by another version of dedupe; delete it "
            "and its copy in stages, and run dedupe run on the input again; decisions are kept"
        )


_Check = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_list_of(check: _Check) -> _Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


def _is_key(value: Any) -> bool:
    return isinstance(value, str) and value.isalnum()


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


_ENTRIES: Mapping[str, _Check | Mapping[str, _Check]] = {
    "format": _is_number,
    "input": {
        "names": _is_list_of(_is_text),
        "fingerprint": _is_text,
        "rows": _is_number,
        "columns": _is_list_of(_is_text),
    },
    "keys": {"table": _is_key, "candidates": _is_key, "scored": _is_key},
    "config": _is_object,
    "models": {"bi_encoder": _is_text, "cross_encoder": _is_text},
    "original": _is_text,
    "added": _is_list_of(_is_object),
}
"""Test of each entry; a mapping holds those of the entries of an object."""


def _problem(
    place: str,
    found: Any,
    entries: Mapping[str, _Check | Mapping[str, _Check]],
    optional: tuple[str, ...] = (),
) -> str | None:
    """Say what is wrong with an object, if anything is."""
    if not isinstance(found, dict):
        return f"has a wrong entry {place!r}"
    for name in found:
        if name not in entries:
            return f"has an unknown entry {place + name!r}"
    for name, check in entries.items():
        if name not in found:
            if name in optional:
                continue
            return f"has no entry {place + name!r}"
        if isinstance(check, Mapping):
            if (problem := _problem(f"{place}{name}.", found[name], check)) is not None:
                return problem
        elif not check(found[name]):
            return f"has a wrong entry {place + name!r}"
    return None


def _config_problem(stored: Mapping[str, Any]) -> str | None:
    known = [field.name for field in fields(Config)]
    for name in stored:
        if name not in known:
            return f"has an unknown option {name!r}"
        if name in ("fields", "ignore") and not _is_list_of(_is_text)(stored[name]):
            return f"has a wrong option {name!r}"
    try:
        Config(**stored)
    except (OptionError, TypeError) as error:
        return f"has a wrong option ({error})"
    return None
