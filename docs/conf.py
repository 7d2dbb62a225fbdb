"""Settings of the documentation: ``sphinx-build -W docs site`` builds it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import version as version_of
from pathlib import Path

import click
from sphinx.application import Sphinx

project = "dedupe"
author = "The dedupe authors"
copyright = f"2026, {author}"
release = version_of("dedupe-tui")

NOTEBOOK = Path(__file__).parent / "guide/notebook.ipynb"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # they are in the signature
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"dedupe {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_theme_options = {
    "source_repository": "https://github.com/dedupe-tui/dedupe-tui/",
    "source_branch": "main",
    "source_directory": "docs/",
}


def setup(app: Sphinx) -> None:
    """Connect what is filled in from the code."""
    app.connect("source-read", fill_in)


def fill_in(app: Sphinx, page: str, source: list[str]) -> None:
    """Write the help of every command, and the cells of the notebook, in place of their marks."""
    if page == "reference/commands":
        source[0] = source[0].replace("% commands", "\n".join(_help_of_commands()))
    if page == "guide/notebook":
        source[0] = source[0].replace("% notebook", "\n".join(_cells(NOTEBOOK)))


def _cells(notebook: Path) -> Iterator[str]:
    """Write the cells of a notebook, and what they show, as Markdown."""
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        yield f"{text}\n" if cell["cell_type"] == "markdown" else f"```python\n{text}\n```\n"
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if "text/html" in data:
                html = "".join(data["text/html"])
                yield f'````{{raw}} html\n<div class="cell-output">{html}</div>\n````\n'
            else:
                text = "".join(output.get("text") or data.get("text/plain", ""))
                yield f"```text\n{text.rstrip()}\n```\n"


def _help_of_commands() -> Iterator[str]:
    from dedupe.cli import cli

    for name, command in cli.commands.items():
        context = click.Context(command, info_name=f"dedupe {name}", max_content_width=88)
        yield f"## dedupe {name}\n"
        yield f"```text\n{command.get_help(context)}\n```\n"
