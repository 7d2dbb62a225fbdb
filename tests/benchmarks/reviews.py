"""How fast decisions raise F1: ``python -m tests.benchmarks.reviews DATA_DIR --cache FOLDER``.

Runs dedupe once on each folder below DATA_DIR with ``records.csv`` and ``gold.csv`` or
``clusters.csv``; two tables stacked in one file (``source``) are linked. The workspaces stay in
FOLDER. Then the gold standard answers in place of a reviewer: pairs come in the order `informative`
of the review app, at random among the doubtful ones, or at random among all. After each number of
answers the clusters are evaluated, with and without recalibration of the other pairs.

If both records of a pair are from one table of a link, the answer is whether the gold standard
connects them.
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
from dedupe.evaluation.gold import Gold, evaluate, read_gold
from dedupe.io.sources import SOURCE_COLUMN
from dedupe.resolution.decisions import Decision
from dedupe.review.active_learning import informative_order
from dedupe.review.closure import DecisionClosure
from dedupe.scoring.pairs import identical_groups
from dedupe.workspace.folder import open_workspace
from dedupe.workspace.labels import with_table_numbers
from dedupe.workspace.state import State, open_state
from tests.benchmarks.common import gold_file, print_head, print_row, tables, write_by_source

STEPS = (0, 25, 50, 100, 200)
"""Numbers of answers after which the clusters are evaluated."""
ROUND = 5
"""Answers after which the order is computed again."""
ARMS = (
    ("informative", True), ("doubtful at random", True), ("all at random", True),
    ("informative", False), ("doubtful at random", False), ("all at random", False),
)  # fmt: skip
HEAD = ("set", "order", "other pairs", *(str(step) for step in STEPS))

Numbers: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Table:
    """A workspace with the true answers for its scored pairs.

    Parameters
    ----------
    state
        The workspace, without any decision.
    gold
        The true clusters.
    across
        (n,) source of each record: only pairs across sources count. ``None``: all pairs count.
    scored
        Which of the pairs of `state` were scored: those whose texts differ.
    left, right
        Row numbers of the scored pairs.
    truth
        Which scored pairs are matches.
    """

    state: State
    gold: Gold
    across: NDArray[Any] | None
    scored: NDArray[np.bool_]
    left: Numbers
    right: Numbers
    truth: NDArray[np.bool_]

    def after(self, asked: Sequence[int], recalibrate: bool) -> State:
        """Make the state in which the pairs `asked` have their true answers."""
        at, keys = list(asked), self.state.records.keys
        answers = np.where(self.truth[at], Decision.MATCH.value, Decision.DIFFERENT.value)
        decisions = pl.DataFrame(
            {
                "left_id": keys.gather(self.left[at]),
                "right_id": keys.gather(self.right[at]),
                "decision": pl.Series(answers.tolist(), dtype=pl.String),
            }
        )
        config = replace(self.state.config, recalibrate=recalibrate)
        return replace(self.state, decisions=decisions, config=config)

    def f1(self, asked: Sequence[int], recalibrate: bool) -> float:
        """Evaluate the clusters after the answers to the pairs `asked`."""
        clustered = self.after(asked, recalibrate).cluster()
        labels = clustered.resolved.labels
        return evaluate(labels, clustered.pairs, self.gold, self.across).pair_f1


def run_once(folder: Path, cache: Path, name: str) -> Table:
    """Open the workspace of a table in `cache`; run dedupe first if there is none."""
    path = cache / f"{name.replace('/', '-')}.dedupe"
    frame = pl.read_csv(folder / "records.csv", infer_schema=False)
    linked = "source" in frame.columns
    if not (path / "manifest.json").exists():
        if linked:
            with tempfile.TemporaryDirectory() as scratch:
                dedupe.link(*write_by_source(frame, Path(scratch)), output=path)
        else:
            dedupe.run(folder / "records.csv", output=path)
    state = open_state(open_workspace(path))
    records = state.records
    truth = pl.read_csv(gold_file(folder), infer_schema=False)
    gold = read_gold(with_table_numbers(truth, state.table), records.ids.to_list())
    scored = (state.pairs["decided_by"] != "identical").to_numpy()
    left, right = (
        state.pairs[side].to_numpy()[scored].astype(np.int64) for side in ("left", "right")
    )
    across = records.frame[SOURCE_COLUMN].to_numpy() if linked else None
    return Table(state, gold, across, scored, left, right, gold.labels[left] == gold.labels[right])


def asked_in_order(table: Table, order: str, recalibrate: bool, seed: int) -> Iterator[list[int]]:
    """Yield the pairs asked so far, one round at a time; implied pairs are skipped."""
    rng = np.random.default_rng(seed)
    before = table.state.pairs["probability"].to_numpy()[table.scored]
    low = table.state.config.review_from
    shuffled = rng.permutation(len(before))
    if order == "doubtful at random":
        doubtful = (before[shuffled] >= low) & (before[shuffled] <= 1 - low)
        shuffled = np.concatenate([shuffled[doubtful], shuffled[~doubtful]])
    asked: list[int] = []
    implied = DecisionClosure(identical_groups(len(table.state.records), table.state.pairs))
    yield asked
    while len(asked) < STEPS[-1]:
        queue = shuffled
        if order == "informative":
            pairs, _ = table.after(asked, recalibrate).recalibrated()
            now = pairs["probability"].to_numpy()[table.scored]
            threshold = table.state.config.threshold
            queue = informative_order(table.left, table.right, now, threshold=threshold)
        fresh = 0
        done = set(asked)
        for pair in queue.tolist():
            a, b = int(table.left[pair]), int(table.right[pair])
            if pair in done or implied.decision(a, b) is not None:
                continue
            asked.append(pair)
            implied.add(a, b, Decision.MATCH if table.truth[pair] else Decision.DIFFERENT)
            fresh += 1
            if fresh == ROUND:
                break
        if not fresh:
            return
        yield list(asked)


def curve(table: Table, order: str, recalibrate: bool, seeds: int) -> list[float]:
    """Measure F1 after each of STEPS answers; random orders are averaged over `seeds`."""
    runs = []
    for seed in range(1 if order == "informative" else seeds):
        found, asked = [], []
        for asked in asked_in_order(table, order, recalibrate, seed):
            if len(asked) in STEPS:
                found.append(table.f1(asked, recalibrate))
        found += [table.f1(asked, recalibrate)] * (len(STEPS) - len(found))
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
    print_head(*HEAD)
    curves: dict[tuple[str, bool], list[list[float]]] = {arm: [] for arm in ARMS}
    for name, folder in tables(given.data, given.only):
        if "/" in name and not given.small:
            continue
        table = run_once(folder, given.cache, name)
        for order, recalibrate in ARMS:
            found = curve(table, order, recalibrate, given.seeds)
            curves[order, recalibrate].append(found)
            print_curve(name, order, recalibrate, found)
    for (order, recalibrate), measured in curves.items():
        if measured:
            means = [mean(column) for column in zip(*measured, strict=True)]
            print_curve("**mean**", order, recalibrate, means)


def print_curve(name: str, order: str, recalibrate: bool, f1: Sequence[float]) -> None:
    """Print one row of the table."""
    others = "recalibrated" if recalibrate else "not recalibrated"
    print_row(name, order, others, *(f"{value:.3f}" for value in f1))


if __name__ == "__main__":
    main()
