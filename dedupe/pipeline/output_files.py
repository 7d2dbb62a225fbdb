"""Writing the output tables, and telling whether the files are still those of a run."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from dedupe.config import Config
from dedupe.io.dialect import Dialect
from dedupe.io.tables import write_tables
from dedupe.workspace.folder import Workspace


def write_outputs(
    workspace: Workspace,
    tables: Mapping[str, pl.DataFrame],
    dialect: Dialect,
    config: Config,
) -> dict[str, Any]:
    """Write the output tables; return the size, modification time and CRC-32 of each file.

    A temporary workspace gets none: its tables are used in memory.
    """
    if workspace.temporary:
        return {}
    written = write_tables(
        tables,
        workspace.path,
        format=config.format,
        dialect=dialect,
        safe_csv=config.safe_csv,
        tidy=workspace.facts_file.exists(),
    )
    return {path.name: _stamp(path) for path in written}


def outputs_current(workspace: Workspace, key: str) -> bool:
    """Check that the output files were written for `key` and not changed since."""
    manifest = workspace.manifest()
    return manifest.get("key") == key and all(
        _is_as_written(workspace.path / name, stamp) for name, stamp in manifest["outputs"].items()
    )


def _is_as_written(path: Path, stamp: list[int]) -> bool:
    try:
        found = path.stat()
        # The content last: it takes longer.
        return [found.st_size, found.st_mtime_ns] == stamp[:2] and _stamp(path) == stamp
    except OSError:
        return False


def _stamp(path: Path) -> list[int]:
    found, checksum = path.stat(), 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            checksum = zlib.crc32(block, checksum)
    return [found.st_size, found.st_mtime_ns, checksum]
