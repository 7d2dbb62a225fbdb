"""F1 on sources that training has not seen: ``python -m tests.benchmarks.zero_shot DATA_DIR WORK``.

Takes cross-encoders that were trained without a group of sources in every form (see
:mod:`dedupe.training.left_out`), and trees of the comparison model that were fitted without all of
them. So neither model has seen a pair of the source that it is measured on. Their combination is
fitted to the other sources, as models score them that have not seen those. What WORK lacks is
trained first.

Prints precision, recall and F1 of the test parts at 0.5, F1 at the best threshold, and the expected
calibration error, of both models and of their combination.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import mean

import numpy as np
from numpy.typing import NDArray

from dedupe.config import Config
from dedupe.models.loading import pick_device
from dedupe.scoring.comparison.model import combined_log_odds
from dedupe.scoring.cross_encoder.encoder import load_cross_encoder
from dedupe.scoring.logistic import sigmoid
from dedupe.training.calibrate import expected_calibration_error, pair_f1
from dedupe.training.comparison.data import all_sets
from dedupe.training.comparison.fit import TreeRecipe
from dedupe.training.comparison.unseen import (
    UnseenScores,
    fit_given_combination,
    unseen_scores,
    unseen_trees,
)
from dedupe.training.data import BENCHMARKS, LEFT_OUT_TOGETHER, NEVER_LEARNT
from dedupe.training.left_out import train_left_out
from dedupe.training.recipe import Recipe

PUBLISHED = {
    "amazon-google": (75.6, 23.3, 59.4, 64.0, 55.9, 69.3),
    "walmart-amazon": (86.8, 38.7, 62.4, 71.9, 66.0, 77.2),
    "walmart-amazon-dirty": (85.7,),
    "dblp-acm": (99.2, 93.7, 94.4, 90.6, 95.2, 96.5),
    "dblp-acm-dirty": (99.1,),
    "beer": (94.4, 61.9, 89.1, 80.2, 91.2, 95.3),
}
"""Published F1 in percent, in the order of :data:`PEERS`: supervised ("Analyzing How BERT
Performs Entity Matching", PVLDB 2022) and without labels of the set (cross-dataset study, EDBT
2025)."""
PEERS = (
    "Ditto, supervised",
    "ZeroER",
    "Ditto, transferred",
    "Unicorn",
    "AnyMatch 124 M",
    "AnyMatch 1 B",
)
FIGURES = (
    "precision", "recall", "F1", "best F1", "ECE", "comparison F1", "cross-encoder F1",
    "cross-encoder ECE",
)  # fmt: skip


def best_f1(score: NDArray[np.float32], labels: NDArray[np.int8]) -> float:
    """Return F1 at the best threshold."""
    found = labels[np.argsort(-score, kind="stable")].cumsum()
    return float((2 * found / (np.arange(1, len(labels) + 1) + labels.sum())).max())


def figures(test: UnseenScores, others: Sequence[UnseenScores]) -> tuple[float, ...]:
    """Measure one test set with the combination of other sources, in the order of FIGURES."""
    combination = fit_given_combination(others)
    labels = test.labels.astype(np.int64)
    combined, compared, read = (
        sigmoid(log_odds).astype(np.float32)
        for log_odds in (
            combined_log_odds(combination, test.inputs),
            test.comparison,
            test.cross_encoder,
        )
    )
    precision, recall, f1 = pair_f1(combined, labels)
    return (
        precision, recall, f1, best_f1(combined, test.labels),
        expected_calibration_error(combined, labels), pair_f1(compared, labels)[2],
        pair_f1(read, labels)[2], expected_calibration_error(read, labels),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    trees = unseen_trees(all_sets(given.data, 10, 0, given.work), TreeRecipe(), given.work)
    fitting: list[UnseenScores] = []
    tested: list[UnseenScores] = []
    device = pick_device(given.device)
    for group, folder in train_left_out(given.data, Recipe(), given.work, device=device).items():
        encoder = load_cross_encoder(Config(cross_encoder=str(folder)))
        # Any of them may score the sets that none learns: the last one does.
        names = (*group, *NEVER_LEARNT) if group == LEFT_OUT_TOGETHER[-1] else group
        scored = partial(
            unseen_scores, given.data, names, trees=trees, model=encoder, cache=given.work
        )
        fitting += scored("valid")
        tested += scored("test")
    head = ("set left out", "pairs", *FIGURES, *PEERS)
    print(f"| {' | '.join(head)} |\n| --- |{' ---: |' * (len(head) - 1)}")
    rows = []
    for test in tested:
        found = figures(test, [one for one in fitting if one.family != test.family])
        if test.name in BENCHMARKS:
            rows.append(found)
        peers = [*(str(one) for one in PUBLISHED.get(test.name, ())), *[""] * len(PEERS)]
        cells = [f"{len(test.labels):,}", *(f"{one:.3f}" for one in found), *peers[: len(PEERS)]]
        print(f"| {test.name} | {' | '.join(cells)} |", flush=True)
    means = (f"{mean(column):.3f}" for column in zip(*rows, strict=True))
    print(f"| **mean of the benchmarks** | | {' | '.join(means)} |{' |' * len(PEERS)}")


if __name__ == "__main__":
    main()
