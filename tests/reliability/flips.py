"""Flip single bits in the files of a workspace, and see what the commands make of it.

A command may do what it does without the damage, or end in one line. It must not give another
result. ``python -m tests.reliability.flips --count 2000`` flips more bits than the test does.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import shutil
import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

import dedupe
from dedupe.errors import DedupeError
from dedupe.evaluation.quality import estimate_workspace, evaluate_workspace
from dedupe.pipeline.incremental.match import Matcher
from dedupe.review.session import Session
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


def match(folder: Path) -> object:
    """Match records that are misspelt against a workspace."""
    found = Matcher(folder / WORKSPACE).match(pl.read_csv(folder / "new.csv"), min_probability=0.0)
    return found.rows()


def review(folder: Path) -> object:
    """Read what the review app shows."""
    session = Session(folder / WORKSPACE, reviewer="ann", readonly=True)
    shown = [session.pairs.ends(pair) for pair in session.queue.order.tolist()]
    labels = session.clusters.labels.tolist()
    decisions = session.log.current().rows()
    session.close()
    return shown, labels, decisions, session.records.frame.rows()


def explain(folder: Path) -> object:
    """Explain a candidate pair, and two records that are none."""
    found = [dedupe.explain(folder / WORKSPACE, "r0", other) for other in ("r4", "r3")]
    return [asdict(explanation) for explanation in found]


def evaluate(folder: Path) -> object:
    """Estimate the quality, and measure it against labels."""
    estimated = estimate_workspace(folder / WORKSPACE).as_dict()
    return estimated, evaluate_workspace(folder / WORKSPACE, folder / "labels.csv").as_dict()


TRIALS: dict[str, tuple[tuple[Command, ...], Command]] = {
    "export": ((run, import_labels), export),
    "run": ((run, import_labels), run),
    "run with other options": ((run, import_labels), run_on),
    "add": ((run, import_labels), add),
    "second add": ((run, import_labels, add), add_again),
    "match": ((run, import_labels, add), match),
    "review": ((run, import_labels), review),
    "explain": ((run, import_labels, add), explain),
    "evaluate": ((run, import_labels), evaluate),
}
"""What goes before, and the command."""

_COMPARED = ("tables", "decisions", "config")


def files_of(folder: Path) -> list[Path]:
    """List the files of the workspace that hold anything."""
    found = sorted((folder / WORKSPACE).rglob("*"))
    return [path.relative_to(folder) for path in found if path.is_file() and path.stat().st_size]


class Warnings(logging.Handler):
    """Collects the warnings of the package, each of which is a line on stderr."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def outcome(folder: Path, command: Command, but: Path | None = None) -> dict[str, Any] | None:
    """Return what a workspace tells after a command; ``None`` if damage was named in one line.

    `but` is a table that the command may leave as it is.
    """
    warnings = Warnings()
    logging.getLogger("dedupe").addHandler(warnings)
    try:
        result = command(folder)
    except DedupeError as error:
        assert "\n" not in str(error)
        return None
    finally:
        logging.getLogger("dedupe").removeHandler(warnings)
    if warnings.lines:
        assert not any("\n" in line for line in warnings.lines)
        return None
    if not isinstance(result, dedupe.Result):
        return {"result": result}
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
        # The name of the folder is in the configuration if a model was trained.
        self.expected = outcome(copied(self.start, place / "scratch"), self.command)
        shutil.rmtree(place / "scratch")
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
        if file.name == "additions.csv" and "tables" in expected:
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
    from tests.reliability.kills import stand_in, train

    stand_in()
    # A workspace with a model of its own.
    TRIALS["run after training"] = ((run, import_labels, train), run_on)
    draw = random.Random(options.seed)
    counts: Counter[str] = Counter()
    tried: defaultdict[str, set[Path]] = defaultdict(set)
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
            tried[trial.name].add(file)
            if number % 200 == 199:
                print(f"{number + 1} tried", flush=True)  # noqa: T201
        for trial in trials:
            print(f"{trial.name}: {len(tried[trial.name])} of {len(trial.files)} files")  # noqa: T201
    print(f"seed {options.seed}, {counts.total()} tried: {dict(counts)}")  # noqa: T201
    sys.exit(counts["fault"] > 0)


if __name__ == "__main__":
    main()
