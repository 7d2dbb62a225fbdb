"""The review app: screens over one :class:`~dedupe.review.session.Session`."""

from __future__ import annotations

import getpass
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.segment import Segment
from textual.app import App
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.filter import LineFilter
from textual.notifications import SeverityLevel
from textual.theme import BUILTIN_THEMES

from dedupe.errors import DedupeError, OptionError
from dedupe.io.printable import printable
from dedupe.review.screens.clusters import ClustersScreen
from dedupe.review.screens.export import ExportScreen
from dedupe.review.screens.help import HelpScreen
from dedupe.review.screens.overview import OverviewScreen
from dedupe.review.screens.pairs import PairsScreen
from dedupe.review.session import Session

POLL_SECONDS = 2.0
"""Seconds between two looks for decisions of other reviewers."""

INTERVAL_WIDTH = 0.1
"""Width of the intervals of precision and recall at which an audit is done by default."""

THEMES = {"dark": "textual-dark", "light": "textual-light"}
"""Short names of two themes of Textual."""


@dataclass(frozen=True)
class Reviewed:
    """What a review leaves to be written.

    Parameters
    ----------
    changed
        Whether anything was decided, or the threshold moved.
    threshold
        The threshold, if it was moved; ``None``: that of the workspace.
    """

    changed: bool
    threshold: float | None = None


class _PrintableLines(LineFilter):
    """Replaces characters that a terminal would obey in every line that is drawn."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Replace them in the segments of one line."""
        return [
            segment
            if segment.control or segment.text.isprintable()
            else Segment(printable(segment.text), segment.style)
            for segment in segments
        ]


_PRINTABLE = _PrintableLines()


class ReviewApp(App[bool]):
    """The review of one workspace; its result is whether anything is left to be written.

    Parameters
    ----------
    session
        The review.
    blind
        Hide the scores until the reviewer asks for them.
    theme
        Name of a theme of Textual; ``None``: dark.
    interval_width
        Width of the intervals of precision and recall at which an audit is done.
    """

    TITLE = "dedupe review"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "show('pairs')", "Pairs", show=False),
        Binding("c", "show('clusters')", "Clusters", show=False),
        Binding("o", "show('overview')", "Overview", show=False),
        Binding("e", "show('export')", "Export", show=False),
        Binding("d", "dark", "Dark or light", show=False),
        Binding("question_mark", "help", "Help", key_display="?", show=False),
        Binding("q", "leave", "Quit", show=False),
    ]

    def __init__(
        self,
        session: Session,
        *,
        blind: bool = False,
        theme: str | None = None,
        interval_width: float = INTERVAL_WIDTH,
    ) -> None:
        super().__init__()
        self.session = session
        self.blind = blind
        self.interval_width = interval_width
        self.theme = theme_name(theme)
        self.overview = OverviewScreen(session)
        self.leaving = False
        self.first_line = session.log.last()
        self.first_threshold = self.overview.threshold

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Add the last guard: nothing is drawn that a terminal would obey."""
        return [*super().get_line_filters(), _PRINTABLE]

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Show a message for some seconds, as plain text: it may quote a value."""
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    def on_mount(self) -> None:
        """Show the pairs first."""
        pairs = PairsScreen(self.session, blind=self.blind, interval_width=self.interval_width)
        self.install_screen(pairs, "pairs")
        self.install_screen(ClustersScreen(self.session), "clusters")
        self.install_screen(self.overview, "overview")
        self.install_screen(ExportScreen(self.session), "export")
        self.push_screen("pairs")
        self.set_interval(POLL_SECONDS, self.look_for_others)

    def look_for_others(self) -> None:
        """Show what other reviewers decided."""
        try:
            changed = self.session.refresh()
        except DedupeError as error:
            self.notify(str(error), severity="error")
            return
        if changed and isinstance(self.screen, PairsScreen):
            self.screen.draw("another reviewer made a decision")

    def action_show(self, name: str) -> None:
        """Go to a screen."""
        if isinstance(self.screen, HelpScreen):
            self.pop_screen()
        self.switch_screen(name)

    def action_dark(self) -> None:
        """Switch between dark and light."""
        self.theme = THEMES["dark" if "light" in self.theme else "light"]

    def action_help(self) -> None:
        """Show all keys."""
        self.push_screen(HelpScreen())

    def action_leave(self) -> None:
        """Leave the app. Training in progress has to be stopped by a second key press."""
        if self.overview.training and not self.leaving:
            self.leaving = True
            self.notify("training is in progress: press q again to stop it; decisions are kept")
            return
        self.exit(self.reviewed().changed)

    def reviewed(self) -> Reviewed:
        """Return what is left to be written."""
        threshold = self.overview.threshold
        moved = threshold != self.first_threshold
        decided = self.session.log.last() != self.first_line
        return Reviewed(decided or moved, threshold if moved else None)


def review(
    workspace: str | Path,
    *,
    reviewer: str | None = None,
    order: str = "informative",
    blind: bool = False,
    theme: str | None = None,
    interval_width: float = INTERVAL_WIDTH,
) -> Reviewed:
    """Open the app on a workspace.

    Parameters
    ----------
    workspace
        Folder of the workspace.
    reviewer
        Name of the reviewer; ``None``: the user's name.
    order
        A name of :data:`~dedupe.review.order.ORDERS`.
    blind, theme, interval_width
        As for :class:`ReviewApp`.

    Returns
    -------
    Reviewed
        What is left to be written.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    OptionError
        If the order or the theme is unknown.
    """
    theme = theme_name(theme)
    session = Session(workspace, reviewer=reviewer or user_name(), order=order)
    try:
        app = ReviewApp(session, blind=blind, theme=theme, interval_width=interval_width)
        return app.reviewed() if app.run() else Reviewed(changed=False)
    finally:
        session.close()


def theme_name(name: str | None) -> str:
    """Look up the full name of a theme; ``None`` is the dark one.

    Raises
    ------
    OptionError
        If there is no such theme.
    """
    name = THEMES.get(name or "dark", name or "dark")
    if name not in BUILTIN_THEMES:
        known = ", ".join(sorted([*THEMES, *BUILTIN_THEMES]))
        raise OptionError(f"unknown theme {name!r}: use one of {known}")
    return name


def user_name() -> str:
    """Look up the name of the user in the system."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return os.environ.get("USER", "reviewer")
