"""The screen that lists all keys."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

HELP = """\
[b]Decide (pairs)[/]
  y  match          n  different        u  unsure
  backspace ctrl+z  undo                ctrl+y  redo
[b]Move (pairs)[/]
  space  next undecided pair            ↓ j  next     ↑ k  previous
  pgdn pgup  scroll long records        x  show long values in full
[b]Scores and order (pairs)[/]
  w  why: evidence of each field        b  hide or show the scores
  r  next order of the queue
  /  search for a text                  f  filter by probability
  i  the pairs of one record, by its id
[b]Clusters[/]
  enter  go to the rows                 space  mark a row
  s  split off the marked rows          m  confirm that all rows match
  h  hold a cluster                     g  merge with the held cluster
  v  use this value in the merged row   *  make it representative
  t  type a value of the merged row     i  go to a record by its id
[b]Overview[/]
  ← →  move the threshold (shift .1)    t  train on the decisions
[b]Screens[/]
  p  pairs        c  clusters           o  overview   e  export
  d  dark, light  ?  this help          q  quit       ctrl+p  commands

= equal  ~ except case and spaces  ≠ different  · missing on one side
● marked  ★ representative  ⇒ merged row  ✓ chosen  ! contradiction
Every decision is on disk as soon as you press the key."""


WIDE = 74
"""Characters of a line of the text that stand side by side."""


def in_one_column(text: str) -> str:
    """Give each key a line of its own, for a narrow screen."""
    return "\n".join(
        "\n".join(f"  {entry}" for entry in re.split(" {3,}", line.strip()))
        if line.startswith("  ")
        else line
        for line in text.splitlines()
    )


class HelpScreen(ModalScreen[None]):
    """All keys, over the screen below."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", "Close")
    ]

    def compose(self) -> ComposeResult:
        """Lay out the text."""
        with VerticalScroll():
            yield Static(HELP if self.app.size.width > WIDE else in_one_column(HELP))
