"""Errors that the user can fix.

::

    DedupeError
    ├── InputError       a file or table cannot be used
    ├── OptionError      an option, or a line of the configuration file, is wrong
    ├── ModelError       a model cannot be loaded, or is of the wrong kind
    ├── WorkspaceError   the workspace is damaged, locked, or belongs to another input
    ├── OutputError      a result cannot be written
    ├── EngineError      the cluster of a distributed run cannot be used, or a record breaks a stage
    └── LimitError       a figure of a result misses a limit that was set

Each message is one line: what is wrong, where, and how to fix it. The command line prints it to
stderr and exits with code 2, or 3 for a missed limit. Any other exception is a bug of this package
and exits with code 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class DedupeError(Exception):
    """Base class of all errors whose message is written for the user."""


class InputError(DedupeError):
    """A file or table cannot be used."""


class OptionError(DedupeError):
    """An option, or a line of the configuration file, is wrong."""


class ModelError(DedupeError):
    """A model cannot be loaded, or is of the wrong kind."""


class WorkspaceError(DedupeError):
    """The workspace is damaged, locked, or belongs to another input."""


class OutputError(DedupeError):
    """A result cannot be written."""


class EngineError(DedupeError):
    """The cluster of a distributed run cannot be used, or a record breaks one of its stages."""


class LimitError(DedupeError):
    """A figure of a result misses a limit that was set."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Name the known name that a wrong one resembles, as the end of a message; else nothing.

    Examples
    --------
    >>> did_you_mean("naem", ["name", "city"])
    "; did you mean 'name'?"
    """
    from difflib import get_close_matches

    by_lower = {other.lower(): other for other in known}
    found = get_close_matches(name.lower(), by_lower, n=1)
    return f"; did you mean {by_lower[found[0]]!r}?" if found else ""


@contextmanager
def needs_extra(extra: str, feature: str, error: type[DedupeError]) -> Iterator[None]:
    """Turn a failed import into an error that names the extra to install.

    Parameters
    ----------
    extra
        Extra of this package that brings the imported one.
    feature
        What needs the imported package, as the subject of the message.
    error
        Class of the error.

    Examples
    --------
    >>> with needs_extra("databases", "DuckDB", OutputError):           # doctest: +SKIP
    ...     import duckdb
    """
    try:
        yield
    except ImportError as missing:
        raise error(
            f"{feature} needs the package {missing.name}: pip install 'dedupe-tui[{extra}]'"
        ) from None
