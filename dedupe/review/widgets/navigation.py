"""The line on top of every screen: the screens, help and quit, each with its key."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

SCREENS = {"pairs": "p", "clusters": "c", "overview": "o", "export": "e"}
"""Names of the screens and their keys."""

WIDE = 56
"""Characters of a line that has room for all; narrower, the screens take two lines."""


class Navigation(Horizontal):
    """The screens with their keys, and the keys of help and quit; a click does as the key.

    Parameters
    ----------
    current
        Name of the screen that this line is part of.
    """

    DEFAULT_CSS = """
    Navigation {
        height: auto;
        max-height: 2;
        padding: 0 1;
        background: $panel;
    }
    Navigation > #screens {
        width: 1fr;
    }
    Navigation > #always {
        width: auto;
    }
    """

    def __init__(self, current: str) -> None:
        super().__init__(id="navigation")
        self._current = current

    def compose(self) -> ComposeResult:
        """Lay out the line."""
        pairs, clusters, overview, export = (
            f"[@click=app.show('{name}')]{key} "
            + (f"[b u]{name.capitalize()}[/]" if name == self._current else name.capitalize())
            + "[/]"
            for name, key in SCREENS.items()
        )
        between = "  " if self.app.size.width >= WIDE else "\n"
        names = f"{pairs}  {clusters}{between}{overview}  {export}"
        yield Static(names, id="screens")
        yield Static("[@click=app.help]? Help[/]  [@click=app.leave]q Quit[/]", id="always")
