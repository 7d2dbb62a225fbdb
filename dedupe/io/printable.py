"""Text from files and from the command line, made safe for a terminal.

A terminal obeys some characters instead of showing them: escape sequences clear the screen, change
the title or colours; others reorder the text around them. None of them may come from a file. The
command line and the review app pass everything that they show through these functions.
"""

from __future__ import annotations

REPLACEMENT = "\ufffd"
"""What stands for a character that is not shown."""


class _Shown(dict[int, str]):
    """A table for :meth:`str.translate`: white space as a blank, what is not shown replaced.

    Parameters
    ----------
    kept
        Characters that stay as they are.
    """

    def __init__(self, kept: str = "") -> None:
        super().__init__({ord(character): character for character in kept})

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if character.isprintable():
            shown = character
        else:
            shown = " " if character.isspace() else REPLACEMENT
        self[code] = shown
        return shown


_ONE_LINE = _Shown()
_LINES = _Shown(kept="\n\t")


def printable(text: str) -> str:
    r"""Replace what a terminal would obey instead of show; white space becomes blanks.

    Control and format characters (escape, the control codes of Latin-1, marks of direction),
    surrogates and unassigned characters become U+FFFD. The result is one line.

    Examples
    --------
    >>> printable("a\tb\x1b[2Jc")
    'a b�[2Jc'
    """
    return text if text.isprintable() else text.translate(_ONE_LINE)


def printable_lines(text: str) -> str:
    """Do as :func:`printable`, but keep line breaks and tabs."""
    return text if text.isprintable() else text.translate(_LINES)
