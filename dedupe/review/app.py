"""The review app: screens over one :class:`~dedupe.review.session.Session`."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from dedupe.review.clusters import ClustersScreen
from dedupe.review.export import ExportScreen
from dedupe.review.overview import OverviewScreen
from dedupe.review.pairs import PairsScreen
from dedupe.review.session import Session

POLL = 2.0
"""Seconds between two looks for what other reviewers decided."""

HELP = """\
[b]Deciding[/]
  y  match        n  different     u  unsure
  backspace, ctrl+z  undo          ctrl+y  redo
[b]Moving[/]
  space  skip     ↓ j  next        ↑ k  previous
[b]Looking[/]
  x  long values in full           w  why: what each field does to the probability
  b  hide or show the scores       r  next order of the queue
  /  only pairs that hold a text (nothing: all pairs again)
[b]Screens[/]
  p  pairs        c  clusters      o  overview      e  export
  ?  this help    ctrl+p  all commands              q  quit

= equal   ~ equal but for case and blanks   ≠ different   · missing on one side
Every decision is on the disk at the moment of the key press."""


class HelpScreen(ModalScreen[None]):
    """All keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", "Close")
    ]
    CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > VerticalScroll {
        width: 78; height: auto; max-height: 90%; border: round $primary; padding: 0 2;
        background: $surface;
    }
    """

    def compose(self) -> ComposeResult:
        """Lay out the text."""
        with VerticalScroll():
            yield Static(HELP)


class ReviewApp(App[bool]):
    """Review of one workspace; returns whether anything was decided.

    Parameters
    ----------
    session
        What is reviewed, and by whom.
    blind
        Hide the scores until they are asked for.
    """

    TITLE = "dedupe review"
    SCREENS: ClassVar[dict[str, Any]] = {}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "show('pairs')", "Pairs"),
        Binding("c", "show('clusters')", "Clusters"),
        Binding("o", "show('overview')", "Overview"),
        Binding("e", "show('export')", "Export"),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("q", "leave", "Quit"),
    ]

    def __init__(self, session: Session, *, blind: bool = False) -> None:
        super().__init__()
        self.session = session
        self.blind = blind
        self.first_decisions = session.log.log().height

    def on_mount(self) -> None:
        """Begin with the pairs."""
        self.install_screen(PairsScreen(self.session, blind=self.blind), "pairs")
        self.install_screen(ClustersScreen(self.session), "clusters")
        self.install_screen(OverviewScreen(self.session), "overview")
        self.install_screen(ExportScreen(self.session), "export")
        self.push_screen("pairs")
        self.set_interval(POLL, self.look_for_others)

    def look_for_others(self) -> None:
        """Take in what other reviewers decided."""
        if self.session.refresh() and isinstance(self.screen, PairsScreen):
            pair = self.session.pair
            if pair is not None and self.session.known(pair):
                self.session.forward()
            self.screen.draw()

    def action_show(self, name: str) -> None:
        """Go to a screen."""
        if isinstance(self.screen, HelpScreen):
            self.pop_screen()
        self.switch_screen(name)

    def action_help(self) -> None:
        """Show all keys."""
        self.push_screen(HelpScreen())

    def action_leave(self) -> None:
        """End the app."""
        self.exit(self.session.log.log().height > self.first_decisions)


def review(
    workspace: str | Path,
    *,
    reviewer: str | None = None,
    order: str = "useful",
    blind: bool = False,
) -> bool:
    """Open the app on a workspace; return whether anything was decided.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    """
    session = Session(workspace, reviewer=reviewer or user_name(), order=order)
    try:
        return bool(ReviewApp(session, blind=blind).run())
    finally:
        session.close()


def user_name() -> str:
    """Return who is at the keyboard, as the system knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return os.environ.get("USER", "reviewer")
