"""How fast decisions raise F1: ``python -m tests.benchmarks.reviews DATA_DIR --cache FOLDER``.

Each folder below DATA_DIR with ``records.csv`` and ``gold.csv`` or ``clusters.csv`` is run once;
two tables stacked in one file (``source``) are written apart and linked. The workspaces stay in
FOLDER. Then the gold standard plays the reviewer: pairs are asked in the order that the review app
calls useful, at random among the doubtful ones, and at random among all. After so many answers, the
clusters are measured: with the other pairs as they were scored, and corrected by the answers.

Where the reviewer may say what two records of one table of a link are, its answer is whether the
gold standard connects them.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

import dedupe
from dedupe.config import Config
from dedupe.evaluation.gold import Gold, evaluate, read_gold
from dedupe.io.sources import STACKED
from dedupe.records import Records
from dedupe.resolution.resolve import corrected, resolve
from dedupe.review.active_learning import useful_order
from dedupe.scoring.pairs import identical_groups
from dedupe.workspace.folder import open_workspace
from dedupe.workspace.labels import with_tables
from dedupe.workspace.state import kept_config, reopened
from tests.benchmarks.quality import tables

STEPS = (0, 25, 50, 100, 200)
ROUND = 5
"""Answers between two rankings."""
ARMS = (
    ("useful", True), ("doubtful at random", True), ("all at random", True),
    ("useful", False), ("doubtful at random", False), ("all at random", False),
)  # fmt: skip
HEAD = ("set", "order", "others", *(str(step) for step in STEPS))

Numbers: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Table:
    """A workspace and what is true of its scored pairs."""

    records: Records
    pairs: pl.DataFrame
    config: Config
    gold: Gold
    across: NDArray[Any] | None
    left: Numbers
    right: Numbers
    group: Numbers
    truth: NDArray[np.bool_]

    def decisions(self, asked: Sequence[int]) -> pl.DataFrame:
        at, keys = list(asked), self.records.keys
        decisions = np.where(self.truth[at], "match", "different").tolist()
        return pl.DataFrame(
            {
                "left_id": keys.gather(self.left[at]),
                "right_id": keys.gather(self.right[at]),
                "decision": pl.Series(decisions, dtype=pl.String),
            }
        )

    def corrected(self, asked: Sequence[int], correct: bool) -> pl.DataFrame:
        config = replace(self.config, correct=correct)
        return corrected(self.records, self.pairs, self.decisions(asked), config)[0]

    def f1(self, asked: Sequence[int], correct: bool) -> float:
        pairs = self.corrected(asked, correct)
        labels = resolve(self.records, pairs, self.decisions(asked), self.config).clustering.labels
        return evaluate(labels, pairs, self.gold, self.across).pair_f1


def opened(folder: Path, cache: Path, name: str) -> Table:
    place = cache / f"{name.replace('/', '-')}.dedupe"
    frame = pl.read_csv(folder / "records.csv", infer_schema=False)
    linked = "source" in frame.columns
    if not (place / "manifest.json").exists():
        if linked:
            with tempfile.TemporaryDirectory() as scratch:
                files = []
                for key, part in sorted(frame.group_by("source"), key=lambda one: str(one[0])):
                    files.append(Path(scratch) / f"{key[0]}.csv")
                    part.drop("source").write_csv(files[-1])
                dedupe.link(*files, output=place)
        else:
            dedupe.run(folder / "records.csv", output=place)
    workspace = open_workspace(place)
    table, pairs = reopened(workspace)
    gold_file = folder / "gold.csv"
    if not gold_file.exists():
        gold_file = folder / "clusters.csv"
    truth = with_tables(pl.read_csv(gold_file, infer_schema=False), table)
    gold = read_gold(truth, table.records.ids.to_list())
    scored = pairs.filter(pl.col("decided_by") != "identical")
    left, right = (scored[side].to_numpy().astype(np.int64) for side in ("left", "right"))
    return Table(
        table.records, pairs, kept_config(workspace), gold,
        table.records.frame[STACKED].to_numpy() if linked else None,
        left, right, identical_groups(len(table.records), pairs).astype(np.int64),
        gold.labels[left] == gold.labels[right],
    )  # fmt: skip


def asked_in_order(table: Table, order: str, correct: bool, seed: int) -> Iterator[list[int]]:
    """Yield the pairs asked so far, a round at a time; those that follow are not asked."""
    rng = np.random.default_rng(seed)
    scored = (table.pairs["decided_by"] != "identical").to_numpy()
    before = table.pairs["probability"].to_numpy()[scored]
    low = table.config.review_from
    chance = rng.permutation(len(before))
    if order == "doubtful at random":
        doubtful = (before[chance] >= low) & (before[chance] <= 1 - low)
        chance = np.concatenate([chance[doubtful], chance[~doubtful]])
    asked: list[int] = []
    implied = Implied(table.group)
    yield asked
    while len(asked) < STEPS[-1]:
        queue = chance
        if order == "useful":
            now = table.corrected(asked, correct)["probability"].to_numpy()[scored]
            queue = useful_order(table.left, table.right, now, threshold=table.config.threshold)
        fresh = 0
        done = set(asked)
        for pair in queue.tolist():
            a, b = int(table.left[pair]), int(table.right[pair])
            if pair in done or implied(a, b):
                continue
            asked.append(pair)
            implied.learn(a, b, bool(table.truth[pair]))
            fresh += 1
            if fresh == ROUND:
                break
        if not fresh:
            return
        yield list(asked)


class Implied:
    """Which pairs follow from those answered."""

    def __init__(self, group: Numbers) -> None:
        self.group = group
        self.parent: dict[int, int] = {}
        self.apart: set[tuple[int, int]] = set()

    def find(self, row: int) -> int:
        at = int(self.group[row])
        while at in self.parent:
            at = self.parent[at]
        return at

    def __call__(self, a: int, b: int) -> bool:
        a, b = self.find(a), self.find(b)
        return a == b or (min(a, b), max(a, b)) in self.apart

    def learn(self, a: int, b: int, match: bool) -> None:
        a, b = self.find(a), self.find(b)
        if not match:
            self.apart.add((min(a, b), max(a, b)))
        elif a != b:
            self.parent[b] = a
            moved = [pair for pair in self.apart if b in pair]
            for pair in moved:
                other = pair[0] if pair[1] == b else pair[1]
                self.apart.discard(pair)
                self.apart.add((min(a, other), max(a, other)))


def curve(table: Table, order: str, correct: bool, seeds: int) -> list[float]:
    """Return F1 after each of STEPS answers, the mean over `seeds` where the order is random."""
    runs = []
    for seed in range(1 if order == "useful" else seeds):
        found, asked = [], []
        for asked in asked_in_order(table, order, correct, seed):
            if len(asked) in STEPS:
                found.append(table.f1(asked, correct))
        found += [table.f1(asked, correct)] * (len(STEPS) - len(found))
        runs.append(found)
    return [mean(run[at] for run in runs) for at in range(len(STEPS))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path, required=True, help="folder of the workspaces")
    parser.add_argument("--only", nargs="*", default=(), help="names of sets")
    parser.add_argument("--seeds", type=int, default=3, help="random orders that are averaged")
    parser.add_argument("--small", action="store_true", help="sets in subfolders as well")
    given = parser.parse_args()
    print(f"| {' | '.join(HEAD)} |\n|{' --- |' * len(HEAD)}", flush=True)
    curves: dict[tuple[str, bool], list[list[float]]] = {arm: [] for arm in ARMS}
    for name, folder in tables(given.data):
        if (given.only and name not in given.only) or ("/" in name and not given.small):
            continue
        table = opened(folder, given.cache, name)
        for order, correct in ARMS:
            found = curve(table, order, correct, given.seeds)
            curves[order, correct].append(found)
            print(row(name, order, correct, found), flush=True)
    for (order, correct), all_of_it in curves.items():
        if all_of_it:
            print(row("**mean**", order, correct, [mean(c) for c in zip(*all_of_it, strict=True)]))


def row(name: str, order: str, correct: bool, found: Sequence[float]) -> str:
    others = "corrected" if correct else "as scored"
    return f"| {' | '.join([name, order, others, *(f'{value:.3f}' for value in found)])} |"


if __name__ == "__main__":
    main()
