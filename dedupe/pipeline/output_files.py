"""Writing the output tables, and telling whether the files are still those of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from dedupe.config import Config
from dedupe.io.dialect import Dialect
from dedupe.io.formats.patches import Patch
from dedupe.io.tables import write_tables
from dedupe.workspace.folder import Workspace


def write_outputs(
    workspace: Workspace,
    tables: Mapping[str, pl.DataFrame | Patch],
    dialect: Dialect,
    config: Config,
) -> dict[str, Any]:
    """Write the output tables; return the size and modification time of each file.

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
        (workspace.path / name).exists() and _stamp(workspace.path / name) == stamp
        for name, stamp in manifest["outputs"].items()
    )


def _stamp(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns]
