"""JSON files that are replaced whole or not at all, and that carry their checksum."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dedupe.io.atomic import write_bytes_atomically

_CHECKSUM = "checksum"


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file, with its checksum, under another name, then rename it."""
    plain = json.loads(json.dumps(value, ensure_ascii=False))
    text = json.dumps({**plain, _CHECKSUM: _checksum(plain)}, indent=2, ensure_ascii=False) + "\n"
    write_bytes_atomically(path, text.encode())


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; empty if it is missing or damaged."""
    try:
        return read_checked_json(path) or {}
    except (OSError, ValueError):
        return {}


def read_checked_json(path: Path) -> dict[str, Any] | None:
    """Return the object in a JSON file; ``None`` if it is missing.

    Raises
    ------
    ValueError
        If it is damaged: no JSON object, or another one than its checksum tells.
    OSError
        If it cannot be read.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(value, dict):
        raise ValueError("not an object")
    if value.pop(_CHECKSUM, None) != _checksum(value):
        raise ValueError("the checksum is wrong")
    return value


def _checksum(value: Mapping[str, Any]) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
