"""The command line."""

from dedupe.cli.commands import main

__all__ = ["main"]
