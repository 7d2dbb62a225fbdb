"""The keys of a screen, on its last lines."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.widgets import Footer

FEWEST = 3
"""Fewest keys on a line: on a still narrower screen, their descriptions are cut."""

_PADDING = 3
"""Blanks around a key and its description."""


class Keys(Footer):
    """The keys of a screen; a click does as the key.

    Where they do not fit on one line, as on a phone, they take several.
    """

    DEFAULT_CSS = """
    Keys.-lines {
        layout: grid;
        grid-columns: 1fr;
        grid-rows: 1;
        height: auto;
    }
    """

    def __init__(self) -> None:
        super().__init__(show_command_palette=False)
        self._laid_out = 0

    def compose(self) -> ComposeResult:
        """Lay out the keys in as many columns as fit."""
        keys = list(super().compose())
        self._laid_out = self.app.size.width
        widths = [
            sum(len(getattr(key, part, "")) for part in ("key_display", "description")) + _PADDING
            for key in keys
        ]
        lines = sum(widths) > self._laid_out
        self.set_class(lines, "-lines")
        if lines:
            self.styles.grid_size_columns = max(self._laid_out // max(widths), FEWEST)
        yield from keys

    async def on_resize(self, event: events.Resize) -> None:
        """Lay out the keys again if the screen has another width."""
        if self.app.size.width != self._laid_out:
            await self.recompose()
