"""F1 on sets that training has not seen: ``python -m tests.benchmarks.zero_shot DATA_DIR``.

Leaves one source of labelled pairs out at a time (with every form of it), trains on all the others
and measures the pairs of its test part at a threshold of 0.5. The first round, on full tables of
other sources and on synthesized pairs, has no published pair in it and is therefore made once for
all; a second one for each source left out learns the published pairs of the others that the first
round found hard, with a share of its own data again.

``--scale`` makes all counts of pairs larger or smaller. ``--work FOLDER`` keeps the weights: what
is there is not trained again.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from dedupe.config import Config
from dedupe.encoders import load_cross_encoder, pick_device
from dedupe.learn.calibrate import fit_calibration, pair_f1
from dedupe.learn.data import TextPair, as_they_come, hardest, labelled_folders, published_pairs
from dedupe.learn.train import (
    Recipe,
    Tables,
    as_others_write,
    base_model,
    equal_weights,
    fine_tune,
    hard_candidates,
    predict,
    read_tables,
    sigmoid,
    training_pairs,
)

RECIPE = Recipe(
    synthetic=30_000,
    people=10_000,
    per_table=4_000,
    per_small_table=400,
    per_published=1_500,
    synthetic_again=2_000,
    people_again=1_000,
    made_tables=1,
    made_rows=400,
    searched=600,
    searched_small=150,
    with_prose=0.1,
)
"""That of the bundled model with fewer pairs, so that seven trainings end within two hours."""
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
"""Published pairs of one set among which the second round looks for hard ones."""
AGAIN_PER_TABLE, AGAIN_PER_SMALL_TABLE = 500, 80
"""Most pairs of a full table, and of a small one, that the second round learns again."""
VALID_PAIRS = 1_000
"""Most valid pairs of one set that the calibration is fitted on."""

PUBLISHED = {
    "amazon-google": (75.6, 23.3, 59.4, 64.0, 55.9, 69.3),
    "walmart-amazon": (86.8, 38.7, 62.4, 71.9, 66.0, 77.2),
    "walmart-amazon-dirty": (85.7,),
    "dblp-acm": (99.2, 93.7, 94.4, 90.6, 95.2, 96.5),
    "dblp-acm-dirty": (99.1,),
    "beer": (94.4, 61.9, 89.1, 80.2, 91.2, 95.3),
}
"""F1 in percent: supervised ("Analyzing How BERT Performs Entity Matching", PVLDB 2022), and
without labels of the set (cross-dataset study, EDBT 2025), in the order of :data:`COLUMNS`."""
COLUMNS = (
    "Ditto, supervised",
    "ZeroER",
    "Ditto, transferred",
    "Unicorn",
    "AnyMatch 124 M",
    "AnyMatch 1 B",
)


def scaled(recipe: Recipe, scale: float) -> Recipe:
    """Return the recipe with all its counts of pairs times `scale`."""
    counts = {name: max(int(getattr(recipe, name) * scale), 1) for name in COUNTS}
    return replace(recipe, **counts)


def families(data: Path) -> dict[str, list[str]]:
    """Return the sets of labelled pairs by their source: those left out together."""
    found: dict[str, list[str]] = {}
    for folder in labelled_folders(data):
        found.setdefault(folder.name.removesuffix("-dirty"), []).append(folder.name)
    return found


def first_round(data: Path, tables: Tables, recipe: Recipe, device: str, out: Path) -> Path:
    """Return the weights trained without any published pair, made if they are not there."""
    if not out.exists():
        every = [folder.name for folder in labelled_folders(data)]
        pairs = training_pairs(data, tables, recipe, leave_out=every)
        say(f"first round: {len(pairs):,} pairs without any published one")
        model = fine_tune(pairs, base_model(), recipe, recipe.learning_rate, device)
        model.save_pretrained(str(out), create_model_card=False)
    return out


def hard_published(data: Path, model: Path, recipe: Recipe) -> dict[str, list[TextPair]]:
    """Return the published train pairs that the model finds hard, by set, with easy ones."""
    scored = load_cross_encoder(Config(cross_encoder=str(model)))
    found = {}
    for folder in labelled_folders(data):
        pairs = as_they_come(published_pairs(folder, "train"), PUBLISHED_SEARCHED, recipe.seed)
        chance = sigmoid(predict(scored, pairs))
        found[folder.name] = hardest(pairs, chance, recipe.per_published, recipe.seed)
        say(f"  {folder.name}: {len(found[folder.name]):,} of {len(pairs):,} published pairs")
    return found


def figures(model: Path, data: Path, names: list[str]) -> Mapping[str, tuple[float, float, float]]:
    """Return precision, recall and F1 on the test parts of `names`.

    The calibration is fitted on the valid parts of the other sets.
    """
    scored = load_cross_encoder(Config(cross_encoder=str(model)))
    valid: list[TextPair] = []
    for folder in labelled_folders(data):
        if folder.name not in names:
            valid += as_they_come(published_pairs(folder, "valid"), VALID_PAIRS, 0)
    labels = np.array([pair.label for pair in valid])
    fitted = fit_calibration(predict(scored, valid), labels, equal_weights(valid))
    found = {}
    for name in names:
        test = published_pairs(data / name, "test")
        chance = sigmoid(fitted.scale * predict(scored, test) + fitted.shift)
        found[name] = pair_f1(chance, np.array([pair.label for pair in test]))
    return found


def measure_all(data: Path, recipe: Recipe, work: Path, device: str, only: list[str]) -> None:
    """Train what is not in `work`, and print the table."""
    tables = read_tables(data)
    first = first_round(data, tables, recipe, device, work / "first")
    again = replace(recipe, per_table=AGAIN_PER_TABLE, per_small_table=AGAIN_PER_SMALL_TABLE)
    replayed: list[TextPair] | None = None
    published: dict[str, list[TextPair]] = {}
    rows, means, first_means = [], [], []
    for source, names in families(data).items():
        if only and source not in only:
            continue
        folder = work / source
        if not folder.exists():
            if replayed is None:
                replayed = hard_candidates(tables, first, again, 2)
                published = hard_published(data, first, recipe)
            pairs = replayed + [
                pair for name, some in published.items() if name not in names for pair in some
            ]
            pairs = as_others_write(pairs, recipe, random.Random(recipe.seed))
            say(f"without {source}: {len(pairs):,} pairs")
            model = fine_tune(pairs, first, recipe, recipe.learning_rate_again, device)
            model.save_pretrained(str(folder), create_model_card=False)
        before = figures(first, data, names)
        for name, (precision, recall, f1) in figures(folder, data, names).items():
            means.append(f1)
            first_means.append(before[name][2])
            peers = [*(str(one) for one in PUBLISHED.get(name, ())), *[""] * len(COLUMNS)]
            rows.append(
                f"| {name} | {precision:.3f} | {recall:.3f} | {f1:.3f} | {before[name][2]:.3f} "
                f"| {' | '.join(peers[: len(COLUMNS)])} |"
            )
            say(rows[-1])
    print(f"| set left out | precision | recall | F1 | F1, first round | {' | '.join(COLUMNS)} |")
    print("|" + " --- |" * (5 + len(COLUMNS)))
    print("\n".join(rows))
    if means:
        peers_none = " |" * len(COLUMNS)
        print(f"| mean | | | {np.mean(means):.3f} | {np.mean(first_means):.3f} |{peers_none}")


def say(line: str) -> None:
    """Print a line of progress."""
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = given.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        recipe = scaled(RECIPE, given.scale)
        measure_all(given.data, recipe, work, pick_device(given.device), given.only)


if __name__ == "__main__":
    main()
