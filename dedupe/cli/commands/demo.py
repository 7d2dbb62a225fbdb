"""The command that shows what dedupe does on a sample of its own."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click

import dedupe
from dedupe.cli.console import echo, progress_bars
from dedupe.cli.options import EPILOG, FOLDERS, message_options
from dedupe.cli.summary import print_result
from dedupe.errors import OptionError

SAMPLE = "demo_contacts.csv"
"""Made-up contacts beside this module; ``samples/make.py`` chooses them."""


@click.command(epilog=EPILOG)
@click.argument("folder", default="dedupe-demo", required=False, shell_complete=FOLDERS)
@message_options
def demo(folder: str, as_json: bool, quiet: bool, verbose: int) -> None:
    """Find the duplicates in a small sample, to see what dedupe does.

    The sample, contacts.csv with 80 made-up contacts, is copied to FOLDER (default: dedupe-demo),
    which must be new or empty.
    """
    sample = _copy_sample(Path(folder))
    if not quiet and not as_json:
        echo(f"The sample is {sample}: 80 made-up contacts.", err=True)
    with progress_bars(quiet) as report:
        result = dedupe.run(sample, report=report)
    print_result(result, as_json=as_json, quiet=quiet, verbose=verbose)


def _copy_sample(folder: Path) -> Path:
    """Copy the sample to a new or empty folder; a folder that has it already is left as it is."""
    from dedupe.io.atomic import write_bytes_atomically

    data = files("dedupe.cli").joinpath(SAMPLE).read_bytes()
    file = folder / "contacts.csv"
    try:
        if file.is_file() and file.read_bytes() == data:
            return file
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise OptionError(f"{folder} is not empty: name a new folder")
    except OSError as error:
        raise OptionError(
            f"cannot use the folder {folder}: {error.strerror}; name a new folder"
        ) from None
    write_bytes_atomically(file, data)
    return file
