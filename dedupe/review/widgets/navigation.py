"""The line on top of every screen: the screens, help and quit, each with its key."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

SCREENS = {"pairs": "p", "clusters": "c", "overview": "o", "export": "e"}
"""Names of the screens and their keys."""

NO_BREAK = "\N{NO-BREAK SPACE}"
"""Between a key and its name, which stay on one line."""


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
        names = (
            f"[@click=app.show('{name}')]{key}{NO_BREAK}"
            + (f"[b u]{name.capitalize()}[/]" if name == self._current else name.capitalize())
            + "[/]"
            for name, key in SCREENS.items()
        )
        yield Static("  ".join(names), id="screens")
        always = f"[@click=app.help]?{NO_BREAK}Help[/]  [@click=app.leave]q{NO_BREAK}Quit[/]"
        yield Static(always, id="always")
