"""The command line."""

from dedupe.cli.entry_point import cli, main

__all__ = ["cli", "main"]
