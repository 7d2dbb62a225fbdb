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
from textual.theme import BUILTIN_THEMES
from textual.widgets import Static

from dedupe.errors import DedupeError, OptionError
from dedupe.review.screens.clusters import ClustersScreen
from dedupe.review.screens.export import ExportScreen
from dedupe.review.screens.overview import OverviewScreen
from dedupe.review.screens.pairs import PairsScreen
from dedupe.review.session import Session

POLL = 2.0
"""Seconds between two looks for what other reviewers decided."""

AUDIT_WIDTH = 0.1
"""Width of the intervals of precision and recall at which an audit is done, unless given."""

THEMES = {"dark": "textual-dark", "light": "textual-light"}

HELP = """\
[b]Deciding[/]
  y  match          n  different        u  unsure
  backspace, ctrl+z  undo               ctrl+y  redo
[b]Moving[/]
  space  next undecided pair            ↓ j  next     ↑ k  previous
  pgdn, pgup  scroll long records       x  long values in full
[b]Looking[/]
  w  why: what each field speaks for    b  hide or show the scores
  r  next order of the queue
  /  only pairs that hold a text        f  only some probabilities
[b]Clusters[/]
  enter  to the rows    space  mark     s  split off what is marked
  m  confirm whole      h  hold         g  merge with the one held
  v  take this value    *  let this row stand for the cluster
[b]Overview[/]
  ← →  move the threshold (shift: 0.1)  t  learn from the decisions
[b]Screens[/]
  p  pairs        c  clusters           o  overview   e  export
  d  dark, light  ?  this help          q  quit       ctrl+p  commands

= equal  ~ but for case and blanks  ≠ different  · missing on one side
● marked  ★ stands for its cluster  ✓ chosen value  ! contradiction
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
    theme
        Name of a theme of Textual; ``None``: dark.
    width
        Width of the intervals at which an audit is done.
    """

    TITLE = "dedupe review"
    SCREENS: ClassVar[dict[str, Any]] = {}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "show('pairs')", "Pairs"),
        Binding("c", "show('clusters')", "Clusters"),
        Binding("o", "show('overview')", "Overview"),
        Binding("e", "show('export')", "Export"),
        Binding("d", "dark", "Dark, light", show=False),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("q", "leave", "Quit"),
    ]

    def __init__(
        self,
        session: Session,
        *,
        blind: bool = False,
        theme: str | None = None,
        width: float = AUDIT_WIDTH,
    ) -> None:
        super().__init__()
        self.session = session
        self.blind = blind
        self.width = width
        self.theme = themed(theme)
        self.overview = OverviewScreen(session)
        self.leaving = False
        self.begun_at = session.log.last()

    def on_mount(self) -> None:
        """Begin with the pairs."""
        self.install_screen(PairsScreen(self.session, blind=self.blind, width=self.width), "pairs")
        self.install_screen(ClustersScreen(self.session), "clusters")
        self.install_screen(self.overview, "overview")
        self.install_screen(ExportScreen(self.session), "export")
        self.push_screen("pairs")
        self.set_interval(POLL, self.look_for_others)

    def look_for_others(self) -> None:
        """Take in what other reviewers decided."""
        try:
            changed = self.session.refresh()
        except DedupeError as error:
            self.notify(str(error), severity="error")
            return
        if changed and isinstance(self.screen, PairsScreen):
            self.screen.draw("another reviewer decided something")

    def action_show(self, name: str) -> None:
        """Go to a screen."""
        if isinstance(self.screen, HelpScreen):
            self.pop_screen()
        self.switch_screen(name)

    def action_dark(self) -> None:
        """Change between dark and light."""
        self.theme = THEMES["dark" if "light" in self.theme else "light"]

    def action_help(self) -> None:
        """Show all keys."""
        self.push_screen(HelpScreen())

    def action_leave(self) -> None:
        """End the app; asked for twice while the model learns, which ends that too."""
        if self.overview.learning and not self.leaving:
            self.leaving = True
            self.notify("the model is learning: q again stops it; every decision is kept")
            return
        self.exit(self.session.log.last() != self.begun_at)


def review(
    workspace: str | Path,
    *,
    reviewer: str | None = None,
    order: str = "useful",
    blind: bool = False,
    theme: str | None = None,
    width: float = AUDIT_WIDTH,
) -> bool:
    """Open the app on a workspace; return whether anything was decided.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    OptionError
        If the order or the theme is unknown.
    """
    theme = themed(theme)
    session = Session(workspace, reviewer=reviewer or user_name(), order=order)
    try:
        return bool(ReviewApp(session, blind=blind, theme=theme, width=width).run())
    finally:
        session.close()


def themed(name: str | None) -> str:
    """Return the name of a theme: ``dark`` and ``light`` are short for two of Textual's.

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
    """Return who is at the keyboard, as the system knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return os.environ.get("USER", "reviewer")
