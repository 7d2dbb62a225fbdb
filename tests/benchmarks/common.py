"""What the benchmarks share: folders of data, processes and Markdown tables."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl


def tables(data: Path, only: Sequence[str] = ()) -> Iterator[tuple[str, Path]]:
    """Find the folders below `data` that hold a table and its gold standard.

    Parameters
    ----------
    data
        Folder of folders with ``records.csv`` and ``gold.csv`` or ``clusters.csv``.
    only
        Names to select, of a folder or of the folder above it. Empty: all.

    Yields
    ------
    tuple of str and Path
        The name relative to `data`, and the folder.
    """
    for records in sorted(data.rglob("records.csv")):
        folder = records.parent
        name = folder.relative_to(data).as_posix()
        if only and name not in only and name.split("/")[0] not in only:
            continue
        if gold_file(folder).exists():
            yield name, folder


def gold_file(folder: Path) -> Path:
    """Choose the gold standard of a table: pairs where there are some, else clusters."""
    pairs = folder / "gold.csv"
    return pairs if pairs.exists() else folder / "clusters.csv"


def write_by_source(records: pl.DataFrame, folder: Path) -> list[Path]:
    """Write the tables that are stacked in `records`, one file per value of ``source``."""
    files = []
    for (source,), table in sorted(records.group_by("source"), key=lambda group: str(group[0])):
        files.append(folder / f"{source}.csv")
        table.drop("source").write_csv(files[-1])
    return files


def call_dedupe(*arguments: str) -> dict[str, Any]:
    """Run a command of dedupe as a process, and return its JSON; exit if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "dedupe", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"dedupe {' '.join(arguments)}: {done.stderr}")
    output: dict[str, Any] = json.loads(done.stdout)
    return output


def print_head(*names: str) -> None:
    """Print the head of a Markdown table."""
    print_row(*names)
    print(f"|{' --- |' * len(names)}", flush=True)


def print_row(*cells: str) -> None:
    """Print a row of a Markdown table."""
    print(f"| {' | '.join(cells)} |", flush=True)
