"""Flip single bits in the files of a workspace, and see what the commands make of it.

A command may do what it does without the damage, or end in one line. It must not give another
result. ``python -m tests.reliability.flips --count 2000`` flips more bits than the test does.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import dedupe
from dedupe.errors import DedupeError
from tests.reliability.commands import (
    WORKSPACE,
    Command,
    add,
    copied,
    export,
    import_labels,
    prepared,
    run,
    state,
)


def add_again(folder: Path) -> object:
    """Add records to a workspace that has had an addition."""
    (folder / "more.csv").write_text("id,first_name,last_name,born,city\nr40,Ada,Lovelace,1815,\n")
    return dedupe.add(folder / WORKSPACE, folder / "more.csv")


def run_on(folder: Path) -> object:
    return dedupe.run(folder / "p.csv", effort="fast", candidates_per_record=4)


TRIALS: dict[str, tuple[tuple[Command, ...], Command]] = {
    "export": ((run, import_labels), export),
    "run": ((run, import_labels), run),
    "run with other options": ((run, import_labels), run_on),
    "add": ((run, import_labels), add),
    "second add": ((run, import_labels, add), add_again),
}
"""What goes before, and the command."""

_COMPARED = ("tables", "decisions", "config")


def files_of(folder: Path) -> list[Path]:
    """List the files of the workspace that hold anything."""
    found = sorted((folder / WORKSPACE).rglob("*"))
    return [path.relative_to(folder) for path in found if path.is_file() and path.stat().st_size]


def outcome(folder: Path, command: Command, but: Path | None = None) -> dict[str, Any] | None:
    """Return what a workspace tells after a command; ``None`` if damage was named in one line.

    `but` is a table that the command may leave as it is.
    """
    try:
        result = command(folder)
    except DedupeError as error:
        assert "\n" not in str(error)
        return None
    assert isinstance(result, dedupe.Result)
    if any("damaged" in note for note in result.summary.get("additions", {}).get("notes", ())):
        return None
    found = state(folder)
    if but is not None and but.name == "additions.csv":
        found["tables"].pop(but.name, None)
    return {name: found[name] for name in _COMPARED}


def flip(path: Path, position: int, bit: int) -> None:
    """Flip one bit of a file; its times stay, as on a disk that goes bad."""
    times = path.stat()
    data = bytearray(path.read_bytes())
    data[position] ^= 1 << bit
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


class Trial:
    """A workspace whose files are damaged in turn, and a command.

    Parameters
    ----------
    name
        One of :data:`TRIALS`.
    place
        An empty folder.
    """

    def __init__(self, name: str, place: Path) -> None:
        before, self.command = TRIALS[name]
        self.name, self.place = name, place
        self.start = prepared(place / "start", before)
        self.expected = outcome(copied(self.start, place / "whole"), self.command)
        self.files = files_of(self.start)
        assert self.expected is not None

    def flip(self, file: Path, position: int, bit: int) -> bool:
        """Flip a bit and run the command; return whether it named the damage."""
        folder = copied(self.start, self.place / "scratch")
        try:
            flip(folder / file, position, bit)
            found = outcome(folder, self.command, file)
        finally:
            shutil.rmtree(folder)
        if found is None:
            return True
        expected = {**(self.expected or {})}
        if file.name == "additions.csv":
            tables = expected["tables"].items()
            expected["tables"] = {name: data for name, data in tables if name != file.name}
        for part in expected:
            assert found[part] == expected[part], f"bit {bit} of byte {position} of {file}: {part}"
        return False


def main() -> None:
    """Flip random bits in every file, and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--file", default="", help="only files with this in their names")
    options = parser.parse_args()
    import dedupe.pipeline.pairs
    from tests.samples import score_by_likeness

    dedupe.pipeline.pairs.score_pairs = score_by_likeness  # type: ignore[assignment]
    draw = random.Random(options.seed)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as temporary:
        trials = []
        for name in TRIALS:
            place = Path(temporary) / name
            place.mkdir()
            trials.append(Trial(name, place))
        for number in range(options.count):
            trial = trials[number % len(trials)]
            files = [file for file in trial.files if options.file in str(file)]
            file = files[number // len(trials) % len(files)]
            position, bit = draw.randrange((trial.start / file).stat().st_size), draw.randrange(8)
            try:
                found = "named" if trial.flip(file, position, bit) else "harmless"
            except Exception as error:
                found = "fault"
                print(f"{trial.name}: {file}:{position}:{bit} {error!r}"[:400], flush=True)  # noqa: T201
            counts[found] += 1
    print(dict(counts))  # noqa: T201


if __name__ == "__main__":
    main()
