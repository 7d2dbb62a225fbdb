"""Everything that can go wrong in a way the user can mend.

::

    DedupeError
    ├── InputError       a file or table cannot be used as given
    ├── OptionError      an option or a line of the configuration is wrong
    ├── ModelError       a model cannot be loaded, or is not of the kind asked for
    ├── WorkspaceError   the workspace folder is broken, locked, or belongs to another input
    └── OutputError      a result cannot be written

Each message is one line: what is wrong, where, and what to do about it. The command line turns
every :class:`DedupeError` into that line on stderr and exit code 2; anything else is a fault of
ours and exits with 1.
"""


class DedupeError(Exception):
    """Base of all errors whose message is written for the user."""


class InputError(DedupeError):
    """A file or table cannot be used as given."""


class OptionError(DedupeError):
    """An option or a line of the configuration is wrong."""


class ModelError(DedupeError):
    """A model cannot be loaded, or is not of the kind asked for."""


class WorkspaceError(DedupeError):
    """The workspace folder is broken, locked, or belongs to another input."""


class OutputError(DedupeError):
    """A result cannot be written."""
