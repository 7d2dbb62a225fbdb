"""Settings of the documentation: ``sphinx-build -W docs site`` builds it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version as version_of

import click
from sphinx.application import Sphinx

project = "dedupe"
author = "The dedupe authors"
copyright = f"2026, {author}"
release = version_of("dedupe-tui")

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
    app.connect("source-read", add_commands)


def add_commands(app: Sphinx, page: str, source: list[str]) -> None:
    """Write the help of every command in place of its mark."""
    if page == "reference/commands":
        source[0] = source[0].replace("% commands", "\n".join(_help_of_commands()))


def _help_of_commands() -> Iterator[str]:
    from dedupe.cli import cli

    for name, command in cli.commands.items():
        context = click.Context(command, info_name=f"dedupe {name}", max_content_width=88)
        yield f"## dedupe {name}\n"
        yield f"```text\n{command.get_help(context)}\n```\n"
