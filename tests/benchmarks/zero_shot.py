"""F1 on sets that training has not seen: ``python -m tests.benchmarks.zero_shot DATA_DIR``.

Leaves one source of labelled pairs out at a time (with every form of it), trains on all the others
by the recipe of the bundled model, and measures the pairs of its test part at a threshold of 0.5.
``--scale`` makes all counts of pairs smaller, for a machine without a GPU.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from dedupe.encoders import pick_device
from dedupe.learn.data import labelled_folders
from dedupe.learn.train import Recipe, train_model

COUNTS = (
    "synthetic",
    "people",
    "per_table",
    "per_small_table",
    "synthetic_again",
    "people_again",
    "searched",
    "searched_small",
)
PUBLISHED = {
    "amazon-google": {"Ditto": 75.6, "Ditto, transferred": 59.4, "AnyMatch GPT-2": 55.9},
    "walmart-amazon": {"Ditto": 86.8, "Ditto, transferred": 62.4, "AnyMatch GPT-2": 66.0},
    "walmart-amazon-dirty": {"Ditto": 85.7},
    "dblp-acm": {"Ditto": 99.2, "Ditto, transferred": 94.4, "AnyMatch GPT-2": 95.2},
    "dblp-acm-dirty": {"Ditto": 99.1},
    "beer": {"Ditto": 94.4, "Ditto, transferred": 89.1, "AnyMatch GPT-2": 91.2},
}
"""F1 in percent: supervised ("Analyzing How BERT Performs Entity Matching", PVLDB 2022), and
without labels of the set (cross-dataset study, EDBT 2025)."""
COLUMNS = ("Ditto", "Ditto, transferred", "AnyMatch GPT-2")


def scaled(recipe: Recipe, scale: float, rounds: int) -> Recipe:
    """Return the recipe with all its counts of pairs times `scale`."""
    counts = {name: max(int(getattr(recipe, name) * scale), 1) for name in COUNTS}
    return replace(recipe, rounds=rounds, **counts)


def families(data: Path) -> dict[str, list[str]]:
    """Return the sets of labelled pairs by their source: those left out together."""
    found: dict[str, list[str]] = {}
    for folder in labelled_folders(data):
        found.setdefault(folder.name.removesuffix("-dirty"), []).append(folder.name)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=Recipe.rounds)
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    recipe = scaled(Recipe(), given.scale, given.rounds)
    print(f"| set left out | precision | recall | F1 | {' | '.join(COLUMNS)} |")
    print("|" + " --- |" * (4 + len(COLUMNS)))
    means = []
    for source, names in families(given.data).items():
        if given.only and source not in given.only:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            made = train_model(
                given.data,
                recipe,
                Path(scratch),
                leave_out=names,
                device=pick_device(given.device),
            )
        for name in names:
            figures = made.figures["sets"][name]
            means.append(figures["f1"])
            published = (PUBLISHED.get(name, {}).get(column, "") for column in COLUMNS)
            print(
                f"| {name} | {figures['precision']:.3f} | {figures['recall']:.3f} "
                f"| {figures['f1']:.3f} | {' | '.join(str(one) for one in published)} |",
                flush=True,
            )
    if means:
        print(f"| mean | | | {np.mean(means):.3f} |" + " |" * len(COLUMNS))


if __name__ == "__main__":
    main()
