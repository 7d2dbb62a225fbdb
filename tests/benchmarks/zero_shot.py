"""F1 on sets that training has not seen: ``python -m tests.benchmarks.zero_shot DATA_DIR``.

Leaves out one source of labelled pairs at a time, in every form, trains on all the others, and
measures F1 at 0.5 on the test part of that source. The first round of training, on full tables of
other sources and on synthetic pairs, contains no published pair and is shared by all sources. Two
more rounds per source add published pairs of the other sources and a share of the other data: the
second those that the first round found hard, the third nearly all. F1 is printed after each round.
``--rounds 4`` adds one that goes through most published pairs twice, as the bundled model does.

``--scale`` multiplies all numbers of pairs. ``--work FOLDER`` keeps the weights, so that a second
call does not train them again.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean

import numpy as np

from dedupe.config import Config
from dedupe.models.loading import pick_device
from dedupe.scoring.cross_encoder import load_cross_encoder
from dedupe.training.calibrate import fit_calibration, pair_f1
from dedupe.training.data import (
    TextPair,
    hard_sample,
    labelled_folders,
    published_pairs,
    sample_pairs,
)
from dedupe.training.data_mix import (
    Tables,
    first_round_pairs,
    hard_candidates,
    read_tables,
    repeat_some,
    vary_format,
)
from dedupe.training.fine_tuning import base_model, fine_tune
from dedupe.training.measure import equal_weights
from dedupe.training.predict import predict, sigmoid
from dedupe.training.recipe import Recipe

RECIPE = Recipe(
    synthetic=30_000,
    people=10_000,
    per_table=4_000,
    per_small_table=400,
    per_published=1_500,
    synthetic_again=2_000,
    people_again=1_000,
    synthetic_tables=1,
    synthetic_rows=400,
    searched=600,
    searched_small=150,
    free_text=0.1,
)
"""The recipe of the bundled model with fewer pairs, because so many models are trained."""
COUNTS = (
    "synthetic",
    "people",
    "per_table",
    "per_small_table",
    "per_published",
    "synthetic_again",
    "people_again",
    "searched",
    "searched_small",
)
PUBLISHED_SEARCHED = 3_000
"""Published pairs per set among which the second round looks for hard ones."""
PUBLISHED_TWICE = 12_000
"""Largest number of published pairs of a set that the fourth round goes through twice."""
SOLVED = ("dblp-acm", "dblp-acm-dirty")
"""Sets with so little left to learn that every round takes hard pairs only."""
AGAIN = {"per_table": 500, "per_small_table": 80}
"""Amounts of other data in the second round, where they differ from :data:`RECIPE`."""
LEAST_AGAIN = {
    "per_table": 300,
    "per_small_table": 60,
    "searched": 400,
    "searched_small": 100,
    "synthetic_again": 1_500,
    "people_again": 500,
}
"""The same for the third round."""
TWICE = {
    "per_table": 500,
    "per_small_table": 80,
    "searched": 1_000,
    "searched_small": 160,
    "synthetic_again": 15_000,
    "people_again": 1_000,
}
"""The same for the fourth round."""
LATER = {2: AGAIN, 3: LEAST_AGAIN, 4: TWICE}
"""Amounts by round."""
VALID_PAIRS = 1_000
"""Largest number of valid pairs per set for the calibration."""

PUBLISHED = {
    "amazon-google": (75.6, 23.3, 59.4, 64.0, 55.9, 69.3),
    "walmart-amazon": (86.8, 38.7, 62.4, 71.9, 66.0, 77.2),
    "walmart-amazon-dirty": (85.7,),
    "dblp-acm": (99.2, 93.7, 94.4, 90.6, 95.2, 96.5),
    "dblp-acm-dirty": (99.1,),
    "beer": (94.4, 61.9, 89.1, 80.2, 91.2, 95.3),
}
"""Published F1 in percent, in the order of :data:`COLUMNS`: supervised ("Analyzing How BERT
Performs Entity Matching", PVLDB 2022) and without labels of the set (cross-dataset study, EDBT
2025)."""
COLUMNS = (
    "Ditto, supervised",
    "ZeroER",
    "Ditto, transferred",
    "Unicorn",
    "AnyMatch 124 M",
    "AnyMatch 1 B",
)


def scaled(recipe: Recipe, scale: float) -> Recipe:
    """Multiply all numbers of pairs of a recipe by `scale`."""
    counts = {name: max(int(getattr(recipe, name) * scale), 1) for name in COUNTS}
    return replace(recipe, **counts)


def families(data: Path) -> dict[str, list[str]]:
    """Group the sets of labelled pairs by source: a group is left out together."""
    found: dict[str, list[str]] = {}
    for folder in labelled_folders(data):
        found.setdefault(folder.name.removesuffix("-dirty"), []).append(folder.name)
    return found


def first_round(data: Path, tables: Tables, recipe: Recipe, device: str, out: Path) -> Path:
    """Train the weights without any published pair, unless `out` has them."""
    if not out.exists():
        every = [folder.name for folder in labelled_folders(data)]
        pairs = first_round_pairs(data, tables, recipe, leave_out=every)
        say(f"first round: {len(pairs):,} pairs without any published one")
        model = fine_tune(pairs, base_model(), recipe, recipe.learning_rate, device)
        model.save_pretrained(str(out), create_model_card=False)
    return out


def others_published(
    data: Path, model: Path, recipe: Recipe, leave_out: Sequence[str], number: int
) -> list[TextPair]:
    """Select the published train pairs that round `number` learns.

    The second round, and any round of :data:`SOLVED` sets, takes those that the model finds hard
    and some easy ones. The third takes all, the fourth most of them twice.
    """
    scored = load_cross_encoder(Config(cross_encoder=str(model)))
    rng = random.Random(recipe.seed)
    found = []
    for folder in labelled_folders(data):
        if folder.name in leave_out:
            continue
        pairs = published_pairs(folder, "train")
        if number == 2 or folder.name in SOLVED:
            pairs = sample_pairs(pairs, PUBLISHED_SEARCHED, recipe.seed)
            chance = sigmoid(predict(scored, pairs))
            pairs = hard_sample(pairs, chance, recipe.per_published, recipe.seed)
        elif number == 4:
            pairs = repeat_some(pairs, PUBLISHED_TWICE, rng)
        say(f"  {folder.name}: {len(pairs):,} published pairs")
        found += pairs
    return found


def later_round(
    data: Path,
    tables: Tables,
    before: Path,
    recipe: Recipe,
    number: int,
    leave_out: Sequence[str],
    device: str,
    out: Path,
) -> Path:
    """Train round `number` (2 to 4) from the weights in `before`, unless `out` has it."""
    if not out.exists():
        pairs = hard_candidates(tables, before, recipe, number)
        pairs += others_published(data, before, recipe, leave_out, number)
        pairs = vary_format(pairs, recipe, random.Random(recipe.seed))
        say(f"round {number} without {leave_out[0]}: {len(pairs):,} pairs")
        model = fine_tune(pairs, before, recipe, recipe.learning_rate_again, device)
        model.save_pretrained(str(out), create_model_card=False)
    return out


def figures(model: Path, data: Path, names: list[str]) -> Mapping[str, tuple[float, float, float]]:
    """Measure precision, recall and F1 on the test parts of `names`.

    The calibration is fitted on the valid parts of the other sets.
    """
    scored = load_cross_encoder(Config(cross_encoder=str(model)))
    valid: list[TextPair] = []
    for folder in labelled_folders(data):
        if folder.name not in names:
            valid += sample_pairs(published_pairs(folder, "valid"), VALID_PAIRS, 0)
    labels = np.array([pair.label for pair in valid])
    fitted = fit_calibration(predict(scored, valid), labels, equal_weights(valid))
    found = {}
    for name in names:
        test = published_pairs(data / name, "test")
        chance = sigmoid(fitted.scale * predict(scored, test) + fitted.shift)
        found[name] = pair_f1(chance, np.array([pair.label for pair in test]))
    return found


def measure_all(
    data: Path, scale: float, rounds: int, work: Path, device: str, only: list[str]
) -> None:
    """Train the models that `work` does not have, measure all, and print the table."""
    tables = read_tables(data)
    first = first_round(data, tables, scaled(RECIPE, scale), device, work / "first")
    rows, f1s = [], []
    for source, names in families(data).items():
        if only and source not in only:
            continue
        weights = [first]
        for number in range(2, rounds + 1):
            again = scaled(replace(RECIPE, **LATER[number]), scale)
            out = work / f"{source}-{number}"
            weights.append(
                later_round(data, tables, weights[-1], again, number, names, device, out)
            )
        after = [figures(folder, data, names) for folder in weights]
        for name in names:
            precision, recall, _ = after[-1][name]
            f1s.append([found[name][2] for found in after])
            peers = [*(str(one) for one in PUBLISHED.get(name, ())), *[""] * len(COLUMNS)]
            cells = (f"{one:.3f}" for one in (precision, recall, *reversed(f1s[-1])))
            rows.append(f"| {name} | {' | '.join([*cells, *peers[: len(COLUMNS)]])} |")
            say(rows[-1])
    earlier = (f"after {number}" for number in reversed(range(1, rounds)))
    head = ("set left out", "precision", "recall", "F1", *earlier, *COLUMNS)
    print(f"| {' | '.join(head)} |\n|{' --- |' * len(head)}")
    print("\n".join(rows))
    if f1s:
        means = (f"{mean(column):.3f}" for column in reversed(list(zip(*f1s, strict=True))))
        print(f"| **mean** | | | {' | '.join(means)} |{' |' * len(COLUMNS)}")


def say(line: str) -> None:
    """Print a line of progress."""
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, choices=range(1, len(LATER) + 2), default=3)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = given.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        device = pick_device(given.device)
        measure_all(given.data, given.scale, given.rounds, work, device, given.only)


if __name__ == "__main__":
    main()
