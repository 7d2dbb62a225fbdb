"""The line on top of every screen that names the screens and their keys."""

from __future__ import annotations

from textual.widgets import Static

SCREENS = {"pairs": "p", "clusters": "c", "overview": "o", "export": "e"}
"""Names of the screens and their keys."""


class Navigation(Static):
    """The screens with their keys; a click goes to one.

    Parameters
    ----------
    current
        Name of the screen that this line is part of.
    """

    DEFAULT_CSS = """
    Navigation {
        height: 1;
        padding: 0 1;
        background: $panel;
    }
    """

    def __init__(self, current: str) -> None:
        names = (
            f"[@click=app.show('{name}')]{key} "
            + (f"[b u]{name.capitalize()}[/]" if name == current else name.capitalize())
            + "[/]"
            for name, key in SCREENS.items()
        )
        super().__init__("   ".join(names), id="navigation")
