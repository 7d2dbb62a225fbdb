"""Kill commands at random moments with signal 9, and repeat them.

``python -m tests.reliability.kills --count 1000`` says how often, of how many kills, a decision was
lost, the repeated command failed, or gave something else than one that was not killed.

Commands run in forked processes. The process that forks never computes with polars, whose threads
do not survive a fork; so the workspaces are looked at in forked processes too.
"""

from __future__ import annotations

import argparse
import os
import pickle
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dedupe.pipeline.pairs
from dedupe.resolution.decisions import Decision
from dedupe.workspace.folder import Workspace
from tests.reliability.commands import (
    COMMANDS,
    WORKSPACE,
    Command,
    import_labels,
    prepared,
    run,
    state,
)
from tests.samples import score_by_likeness

DECIDED = 40
"""Decisions that the command ``decide`` makes, one after the other."""


def decide(folder: Path) -> int:
    """Record decisions; each is noted in a file once it is said to be on disk."""
    done = folder / "decided"
    first = len(done.read_bytes()) if done.exists() else 0
    with Workspace(folder / WORKSPACE).decisions() as log, done.open("ab", buffering=0) as file:
        for number in range(first, DECIDED):
            decision = list(Decision)[number % 3]
            log.record(f"a{number}", f"b{number}", decision, "ann")
            file.write(b".")
    return DECIDED


def decided(folder: Path) -> tuple[int, int]:
    """Return how many decisions were said to be on disk, and how many are."""
    done = folder / "decided"
    noted = len(done.read_bytes()) if done.exists() else 0
    with Workspace(folder / WORKSPACE).decisions(readonly=True) as log:
        return noted, log.log().height


TRIED: dict[str, tuple[tuple[Command, ...], Command]] = {
    **COMMANDS,
    "decide": ((run, import_labels), decide),
}


class Ended(Exception):
    """A forked process did not return a result."""


def in_child(function: Callable[[], Any], kill_after: float | None = None) -> Any:
    """Call a function in a forked process, which may be killed after some seconds."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            with os.fdopen(writing, "wb") as file:
                pickle.dump(function(), file)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}"[:300], file=sys.stderr, flush=True)  # noqa: T201
            os._exit(1)
        os._exit(0)
    os.close(writing)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as file:
        data = file.read()
    os.waitpid(child, 0)
    try:
        return pickle.loads(data)
    except (EOFError, pickle.UnpicklingError):
        raise Ended from None


def killed_once(start: Path, folder: Path, name: str, seconds: float, expected: Any) -> str:
    """Kill a command after some seconds, repeat it, and say what came of it."""
    command = TRIED[name][1]
    shutil.copytree(start, folder, copy_function=shutil.copy2)
    try:
        try:
            in_child(lambda: command(folder) and None, seconds)
            end = "done before"
        except Ended:
            end = "killed"
        if name == "decide":
            noted, there = in_child(lambda: decided(folder))
            if there - 3 < noted:  # three were imported before
                return "lost a decision"
        try:
            in_child(lambda: command(folder) and None)
            found = in_child(lambda: state(folder))
        except Ended:
            return "cannot be repeated"
        if name == "decide":  # one may be on disk that was not noted: it is recorded again
            noted, there = in_child(lambda: decided(folder))
            return end if noted == DECIDED <= there - 3 <= DECIDED + 1 else "lost a decision"
        if found["decisions"] != expected["decisions"]:
            return "lost a decision"
        different = [part for part in expected if found[part] != expected[part]]
        return f"other {different[0]}" if different else end
    finally:
        shutil.rmtree(folder)


def main() -> None:
    """Kill commands, and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=1e6, help="stop after this time")
    options = parser.parse_args()
    dedupe.pipeline.pairs.score_pairs = score_by_likeness  # type: ignore[assignment]
    draw, until = random.Random(options.seed), time.monotonic() + 60 * options.minutes
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        tried = []
        for name, (before, command) in TRIED.items():
            start, whole = place / name / "start", place / name / "whole"
            in_child(lambda start=start, before=before: prepared(start, before) and None)
            shutil.copytree(start, whole, copy_function=shutil.copy2)
            began = time.monotonic()
            in_child(lambda command=command, whole=whole: command(whole) and None)
            seconds = time.monotonic() - began
            tried.append((name, start, seconds, in_child(lambda whole=whole: state(whole))))
        for number in range(options.count):
            if time.monotonic() > until:
                break
            name, start, seconds, expected = tried[number % len(tried)]
            after = draw.uniform(0, seconds)
            found = killed_once(start, place / "tried", name, after, expected)
            counts[found] += 1
            if found not in ("killed", "done before"):
                print(f"{number} {name} after {after:.3f} s: {found}", flush=True)  # noqa: T201
    print(f"{counts.total()} tried:", dict(counts))  # noqa: T201


if __name__ == "__main__":
    main()
