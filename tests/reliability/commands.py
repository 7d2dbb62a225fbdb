"""The commands that write to a workspace, on a table of a few rows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

import dedupe
from dedupe.workspace.folder import Workspace
from dedupe.workspace.labels import import_decisions
from dedupe.workspace.stored import current_decisions, stored_config
from tests.samples import PEOPLE, misspelt, with_ids

WORKSPACE = "p.dedupe"
Command = Callable[[Path], object]
"""Called with the folder that holds the input and the workspace."""


def make_inputs(folder: Path) -> None:
    """Write the input, rows to add, and labels."""
    folder.mkdir(parents=True, exist_ok=True)
    with_ids([*PEOPLE[:4], *misspelt(PEOPLE[:3]), PEOPLE[3]]).write_csv(folder / "p.csv")
    new = with_ids([PEOPLE[5], *misspelt([PEOPLE[1], PEOPLE[5]])], first=20)
    changed = with_ids([("Maria", *PEOPLE[2][1:])], first=2)
    pl.concat([new, changed]).write_csv(folder / "new.csv")
    labels = {"id_a": ["r0", "r1", "r2"], "id_b": ["r4", "r6", "r3"], "label": [1, 0, 0]}
    pl.DataFrame(labels).write_csv(folder / "labels.csv")


def run(folder: Path) -> object:
    return dedupe.run(folder / "p.csv", effort="fast")


def run_of_a_changed_file(folder: Path) -> object:
    frame = pl.read_csv(folder / "p.csv", infer_schema=False)
    with (folder / "p.part").open("wb") as file:
        frame.filter(pl.col("id") != "r3").write_csv(file)
    (folder / "p.part").replace(folder / "p.csv")
    return dedupe.run(folder / "p.csv", effort="fast", threshold=0.6)


def add(folder: Path) -> object:
    return dedupe.add(folder / WORKSPACE, folder / "new.csv")


def export(folder: Path) -> object:
    return dedupe.export(folder / WORKSPACE, threshold=0.97)


def export_of_another_format(folder: Path) -> object:
    return dedupe.export(folder / WORKSPACE, threshold=0.3, format="jsonl")


def link(folder: Path) -> object:
    return dedupe.link(
        folder / "p.csv", folder / "new.csv", output=folder / WORKSPACE, effort="fast"
    )


def import_labels(folder: Path) -> object:
    """Import labels unless they are there: a repeated import logs them again."""
    if current_decisions(Workspace(folder / WORKSPACE)).is_empty():
        return import_decisions(folder / WORKSPACE, folder / "labels.csv")
    return None


def leave_review(folder: Path) -> object:
    """Write what the review app writes on leaving."""
    return dedupe.export(folder / WORKSPACE)


COMMANDS: dict[str, tuple[tuple[Command, ...], Command]] = {
    "run": ((), run),
    "run again": ((run,), run_of_a_changed_file),
    "link": ((), link),
    "add": ((run,), add),
    "add after decisions": ((run, import_labels), add),
    "export": ((run,), export),
    "export of another format": ((run,), export_of_another_format),
    "import": ((run,), import_labels),
    "leave review": ((run, import_labels), leave_review),
}
"""What goes before, and the command."""


def prepared(folder: Path, before: tuple[Command, ...]) -> Path:
    """Make the folder in which a command is tried."""
    make_inputs(folder)
    for command in before:
        command(folder)
    return folder


def copied(folder: Path, to: Path) -> Path:
    """Copy a folder; outputs keep their times, so that they count as written by the last run."""
    return shutil.copytree(folder, to, copy_function=shutil.copy2)


def state(folder: Path) -> dict[str, Any]:
    """Return everything that a workspace tells, without times."""
    path = folder / WORKSPACE
    workspace = Workspace(path)
    manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    for name in ("stages", "checksum", "outputs", "written"):
        manifest.pop(name, None)
    files = [p for p in path.iterdir() if p.is_file() and not p.name.startswith(".")]
    tables = {
        p.name: p.read_bytes()
        for p in files
        if p.name not in ("manifest.json", "workspace.json") and "sqlite" not in p.name
    }
    return {
        "facts": workspace.facts(),
        "config": stored_config(workspace),
        "manifest": manifest,
        "tables": tables,
        "decisions": current_decisions(workspace).drop("at").rows(),
        "stages": sorted(p.name for p in workspace.cache.folder.iterdir()),
        "temporary": sorted(p.name for p in path.rglob("*.tmp*")),
    }
