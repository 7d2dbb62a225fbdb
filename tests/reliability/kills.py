"""Kill commands at random moments with signal 9, and repeat them.

``python -m tests.reliability.kills --count 1000`` says how often, of how many kills, a decision was
lost, the repeated command failed, or gave something else than one that was not killed.

Commands run in forked processes. The process that forks has imported what they need, and never
computes with polars, whose threads do not survive a fork; so the workspaces are looked at in forked
processes too. Stand-ins take the place of the scores of pairs and of the network that is trained.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import pickle
import random
import select
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import dedupe.pipeline.fine_tuning.finetune
import dedupe.pipeline.fine_tuning.train
import dedupe.pipeline.pairs
from dedupe.errors import DedupeError
from dedupe.resolution.decisions import Decision
from dedupe.review.session import Session
from dedupe.workspace.folder import Workspace
from tests.pipeline.fine_tuning.fake_fine_tuning import FakeFineTuning
from tests.reliability.commands import (
    COMMANDS,
    WORKSPACE,
    Command,
    import_labels,
    leave_review,
    prepared,
    run,
    state,
)
from tests.samples import score_by_likeness

DECIDED = 40
"""Decisions that the command ``decide`` makes, one after the other."""

SLOW = 120.0
"""Seconds after which a command that was not killed counts as one that hangs."""

NOTES = "noted"
"""File of the decisions that were said to be on disk, one a line."""


def decide(folder: Path) -> None:
    """Record decisions on ids that the data do not have."""
    notes = folder / NOTES
    done = {line.split()[0] for line in notes.read_text().splitlines()} if notes.exists() else ()
    with Workspace(folder / WORKSPACE).decisions() as log, notes.open("ab", buffering=0) as file:
        for number in range(DECIDED):
            if f"a{number}" not in done:
                decision = list(Decision)[number % 3]
                log.record(f"a{number}", f"b{number}", decision, "ann")
                file.write(f"a{number} b{number} {decision}\n".encode())


def review(folder: Path) -> None:
    """Decide all pairs as the review app does, and write the results as it does on leaving."""
    session = Session(folder / WORKSPACE, reviewer="ann", order="highest")
    born, keys = session.records.frame["born"], session.keys
    with (folder / NOTES).open("ab", buffering=0) as file:
        while (pair := session.queue.pair) is not None and not session.known(pair):
            left, right = session.pairs.ends(pair)
            same = born[left] == born[right]
            decision = Decision.MATCH if same else Decision.DIFFERENT
            session.decide(decision)
            file.write(f"{keys[left]} {keys[right]} {decision}\n".encode())
    session.close()
    leave_review(folder)


def train(folder: Path) -> None:
    dedupe.pipeline.fine_tuning.train.train(folder / WORKSPACE)


TRIED: dict[str, tuple[tuple[Command, ...], Command]] = {
    **COMMANDS,
    "decide": ((run, import_labels), decide),
    "review": ((run,), review),
    "train": ((run, import_labels), train),
}

PARTS = {
    "decide": ("facts", "config", "manifest", "tables", "temporary"),
    "review": ("facts", "config", "decisions", "tables", "temporary"),
    "train": ("decisions", "tables", "temporary"),
}
"""Parts of a state that are equal after a repetition, where not all are: a decision that was not
noted is recorded again, the manifest of a review depends on the time of each decision, and a
training that is repeated is another version."""


def noted(folder: Path) -> set[tuple[str, ...]]:
    """Return the decisions that were said to be on disk."""
    notes = folder / NOTES
    lines = notes.read_text().splitlines() if notes.exists() else []
    return {tuple(line.split()) for line in lines}


def logged(folder: Path) -> set[tuple[str, ...]]:
    """Return the decisions that are on disk."""
    if not (folder / WORKSPACE / "decisions.sqlite").exists():
        return set()
    with Workspace(folder / WORKSPACE).decisions(readonly=True) as log:
        return set(log.log().select("left_id", "right_id", "decision").iter_rows())


def repeated(folder: Path, name: str, before: set[tuple[str, ...]], expected: Any) -> str:
    """Look for the decisions after a kill, repeat the command, and say what came of it."""
    if not before | noted(folder) <= logged(folder):
        return "lost a decision"
    if name.startswith("add"):  # one that was completed is not added twice
        with contextlib.suppress(OSError, ValueError, DedupeError):
            if not _different(name, expected, state(folder)):
                return "killed after its last write"
    TRIED[name][1](folder)
    if not before | noted(folder) <= logged(folder):
        return "lost a decision"
    different = _different(name, expected, found := state(folder))
    if different:
        print(_differences(expected[different], found[different]), flush=True)  # noqa: T201
        return f"other {different}"
    return "killed and repeated"


def _different(name: str, expected: Any, found: Any) -> str:
    """Name the first part of two states that differs; an empty text if there is none."""
    parts = PARTS.get(name, expected)
    return next((part for part in parts if found[part] != expected[part]), "")


def _differences(expected: Any, found: Any) -> str:
    """Describe what differs between two parts of a state."""
    if isinstance(expected, dict) and isinstance(found, dict):
        names = [n for n in {**expected, **found} if expected.get(n) != found.get(n)]
        pairs = [f"{name}: {expected.get(name)!r} -> {found.get(name)!r}" for name in names]
        return "; ".join(pairs)[:600]
    return f"{expected!r} -> {found!r}"[:600]


class Ended(Exception):
    """A forked process did not return a result."""


def in_child(function: Callable[[], Any], kill_after: float | None = None) -> Any:
    """Call a function in a forked process, which may be killed after some seconds."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            result = pickle.dumps(function())
            with os.fdopen(writing, "wb") as file:
                file.write(result)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}"[:300], file=sys.stderr, flush=True)  # noqa: T201
            os._exit(1)
        os._exit(0)
    os.close(writing)
    if kill_after is None:
        if not select.select([reading], [], [], SLOW)[0]:
            print("a command hangs", file=sys.stderr, flush=True)  # noqa: T201
            os.kill(child, signal.SIGKILL)
    else:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as file:
        data = file.read()
    os.waitpid(child, 0)
    try:
        return pickle.loads(data)
    except (EOFError, pickle.UnpicklingError):
        raise Ended from None


def killed_once(
    start: Path,
    folder: Path,
    name: str,
    seconds: float,
    before: set[tuple[str, ...]],
    expected: Any,
) -> str:
    """Kill a command after some seconds, repeat it, and say what came of it."""
    shutil.copytree(start, folder, copy_function=shutil.copy2)
    try:
        with contextlib.suppress(Ended):
            in_child(lambda: TRIED[name][1](folder) and None, seconds)
        return str(in_child(lambda: repeated(folder, name, before, expected)))
    except Ended:
        return "cannot be repeated"
    finally:
        shutil.rmtree(folder)


def stand_in() -> None:
    """Replace the models by stand-ins."""
    pairs: Any = dedupe.pipeline.pairs
    tuning: Any = dedupe.pipeline.fine_tuning.finetune
    training: Any = dedupe.pipeline.fine_tuning.train
    pairs.score_pairs = score_by_likeness
    tuning.fine_tune_on_decisions = FakeFineTuning()
    tuning.halved = lambda model: model
    training.no_bars = contextlib.nullcontext
    training._recalibrated_losses = lambda *_: (0.5, 0.1)


def main() -> None:
    """Kill commands, and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=1e6, help="stop after this time")
    parser.add_argument("--command", action="append", choices=TRIED, help="default: all")
    options = parser.parse_args()
    stand_in()
    draw, until = random.Random(options.seed), time.monotonic() + 60 * options.minutes
    counts: dict[str, Counter[str]] = {name: Counter() for name in options.command or TRIED}
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)

        def whole(name: str) -> tuple[set[tuple[str, ...]], float, dict[str, Any], list[str]]:
            before, command = TRIED[name]
            start = prepared(place / name / "start", before)
            there = shutil.copytree(start, place / name / "whole", copy_function=shutil.copy2)
            decisions, began = logged(start), time.monotonic()
            command(there)
            return decisions, time.monotonic() - began, state(there), list(sys.modules)

        tried = []
        for name in counts:
            decisions, _, expected, modules = in_child(partial(whole, name))
            for module in modules:
                if module.startswith(("dedupe.", "polars.", "scipy.", "sklearn.", "numpy.")):
                    importlib.import_module(module)
            shutil.rmtree(place / name)
            # With all that is imported, it takes less time.
            decisions, seconds, expected, _ = in_child(partial(whole, name))
            tried.append((name, seconds, decisions, expected))
        for number in range(options.count):
            if time.monotonic() > until:
                break
            name, seconds, decisions, expected = tried[number % len(tried)]
            start, after = place / name / "start", draw.uniform(0, seconds)
            found = killed_once(start, place / "tried", name, after, decisions, expected)
            counts[name][found] += 1
            if not found.startswith("killed"):
                print(f"{number} {name} after {after:.3f} s: {found}", flush=True)  # noqa: T201
            elif number % 100 == 99:
                print(f"{number + 1} tried", flush=True)  # noqa: T201
    for name, outcomes in counts.items():
        print(f"{name}: {dict(outcomes)}")  # noqa: T201
    total = sum(counts.values(), Counter[str]())
    print(f"seed {options.seed}, {total.total()} tried: {dict(total)}")  # noqa: T201
    sys.exit(any(not found.startswith("killed") for found in total))


if __name__ == "__main__":
    main()
