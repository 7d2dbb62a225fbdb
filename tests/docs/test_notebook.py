"""The notebook of the documentation runs, and shows what it shows when it is run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.docs.session import ROOT, agrees, prepare

NOTEBOOK = ROOT / "docs/guide/notebook.ipynb"
UPDATE = "UPDATE_DOCS"


def lines(outputs: list[dict[str, Any]]) -> list[str]:
    """List what a cell shows as text, and where it shows HTML."""
    found: list[str] = []
    for output in outputs:
        data = output.get("data", {})
        found += (output.get("text") or data.get("text/plain", "")).splitlines()
        if "text/html" in data:
            found.append("<html>")
            if "dataframe" not in data["text/html"]:  # the frames of polars have their own style
                found += data["text/html"].replace("><", ">\n<").splitlines()
    return found


def run(notebook: Any, folder: Path) -> Any:
    """Run a notebook in a folder."""
    NotebookClient(
        notebook, timeout=300, record_timing=False, resources={"metadata": {"path": str(folder)}}
    ).execute()
    return notebook


@pytest.mark.model
@pytest.mark.filterwarnings("default")  # those of the kernel's client are not ours
def test_the_notebook_shows_what_its_cells_show(tmp_path: Path) -> None:
    prepare(tmp_path)
    shown = nbformat.read(NOTEBOOK, as_version=4)
    found = run(nbformat.read(NOTEBOOK, as_version=4), tmp_path)
    if UPDATE in os.environ:
        for cell in found.cells:
            cell.metadata.clear()
        nbformat.write(found, NOTEBOOK)
        return
    for before, after in zip(shown.cells, found.cells, strict=True):
        if before.cell_type == "code":
            assert agrees(lines(before.outputs), lines(after.outputs)), f"run with {UPDATE}=1"
    everything = "\n".join(line for cell in found.cells for line in lines(cell.get("outputs", [])))
    assert "read · encode · search · score · cluster · export" in everything
