"""The data of both training stages: published, candidate and synthetic pairs.

The first stage leaves out the sources that measure how the model does on unseen data. It learns the
published train pairs of all others, candidate pairs of full tables, and synthetic pairs. The second
stage adds the train pairs of the benchmarks, or of all but one source, and more synthetic files of
records that look alike, and reads a share of the first again.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np

from dedupe.records.records import record_text
from dedupe.scoring.cascade import DOUBTFUL
from dedupe.scoring.comparison.model import load_comparison_model
from dedupe.training.comparison.data import LabelledPairs, lesson_sets, synthetic_sets
from dedupe.training.data import (
    BENCHMARKS,
    LEFT_OUT,
    NEVER_LEARNT,
    TextPair,
    balanced_sample,
    labelled_folders,
    published_pairs,
    rearrange_fields,
    sample_pairs,
    table_candidates,
    table_folders,
)
from dedupe.training.generators.free_text import add_free_text
from dedupe.training.generators.synthesize import synthesize_pairs
from dedupe.training.recipe import Recipe

Tables = Mapping[str, Mapping[str, Sequence[TextPair]]]
"""Candidate pairs of full tables, by the name of the table and the part."""

SYNTHETIC = "synthetic"
"""Origin of synthetic pairs."""

PEOPLE = ("person", "person-name-birth")
"""Domains of people."""

MOST_PUBLISHED = {
    "pricerunner": 11_000,
    "usb-sticks": 6_000,
    "alaska-cameras": 6_000,
    "geo-osm-fsq": 5_000,
    "species-parks-games": 3_000,
    "funding-organisations": 3_000,
    "names-crosslingual": 3_000,
    "names-scripts": 3_000,
    "walmart-amazon-dirty": 3_000,
    "dblp-acm": 2_500,
    "amazon-google": 7_000,
    "walmart-amazon": 7_000,
    "wdc-computers": 7_000,
    "wdc-cameras": 7_000,
}
"""Most published pairs of a set in a stage. Products, which are the hardest, have most."""
MOST_OF_OTHERS = 2_000
"""The same for sets that are not named there."""
MOST_CALIBRATING = 300
"""Most published pairs of a set for the calibration."""
MOST_TESTED, MOST_TESTED_OF_OTHERS = 2_500, 500
"""Most published pairs of a set for the figures: of those in LEFT_OUT, and of others."""
DOUBTFUL_WEIGHT = 20.0
"""How much more often a pair of a lesson is drawn that the comparison model is in doubt about."""

SEEDS_PER_STAGE = 9_000
"""How far the seeds of the synthetic data of the two stages lie apart."""

_SMALL_FOLDER = "autofj"
"""Folder of many small tables, each of which contributes fewer pairs."""


def read_tables(data: Path, leave_out: Sequence[str] = ()) -> Tables:
    """Find the candidate pairs of each full table whose pairs are not published.

    Parameters
    ----------
    data
        Folder of the benchmark folders.
    leave_out
        Names of the sets to leave out.
    """
    excluded = {folder.name for folder in labelled_folders(data)} | set(leave_out)
    return {
        folder.relative_to(data).as_posix(): table_candidates(folder)
        for folder in table_folders(data)
        if folder.name not in excluded
    }


def first_stage_pairs(data: Path, tables: Tables, recipe: Recipe, cache: Path) -> list[TextPair]:
    """Collect all pairs of the first stage, in random order.

    Parameters
    ----------
    data, tables
        Folder of the benchmark folders, and the candidate pairs of its full tables.
    recipe
        Numbers of pairs, and the seed.
    cache
        Folder of the comparison vectors of the lessons; filled where it is empty.
    """
    pairs: list[TextPair] = []
    for folder in labelled_folders(data):
        if folder.name not in LEFT_OUT:
            pairs += _published_train_pairs(folder, recipe)
    for name, parts in tables.items():
        pairs += balanced_sample(parts["train"], _most_pairs(name, recipe), recipe.seed)
    for lesson in synthetic_sets(recipe.lessons, recipe.seed, cache):
        pairs += lesson_pairs(lesson, recipe.per_lesson, recipe.seed)
    pairs += synthetic_pairs(recipe.synthetic, recipe.people, recipe.seed)
    return vary_format(pairs, recipe, random.Random(recipe.seed))


def second_stage_pairs(
    data: Path,
    first: Sequence[TextPair],
    recipe: Recipe,
    cache: Path,
    leave_out: Sequence[str] = (),
) -> list[TextPair]:
    """Collect all pairs of the second stage, in random order.

    Parameters
    ----------
    data, recipe, cache
        As in :func:`first_stage_pairs`.
    first
        Pairs of the first stage.
    leave_out
        Names of the benchmarks to leave out.
    """
    rng = random.Random(recipe.seed + 1)
    pairs: list[TextPair] = []
    for folder in labelled_folders(data):
        if folder.name in BENCHMARKS and folder.name not in leave_out:
            pairs += _published_train_pairs(folder, recipe)
    seed = recipe.seed + SEEDS_PER_STAGE
    if recipe.per_lesson_again:
        for lesson in lesson_sets(recipe.lessons, seed, cache):
            pairs += lesson_pairs(lesson, recipe.per_lesson_again, seed)
    pairs += synthetic_pairs(recipe.synthetic_again, recipe.people_again, seed)
    pairs = vary_format(pairs, recipe, rng)
    pairs += rng.sample(first, min(recipe.rehearsed, len(first)))
    rng.shuffle(pairs)
    return pairs


def lesson_pairs(lesson: LabelledPairs, most: int, seed: int) -> list[TextPair]:
    """Draw up to `most` pairs of a lesson, more of those that are hard for the comparison model."""
    log_odds = load_comparison_model().log_odds(lesson.vectors)
    different = np.flatnonzero(lesson.left != lesson.right)
    weight = np.where(np.abs(log_odds[different]) < DOUBTFUL, DOUBTFUL_WEIGHT, 1.0)
    rng = np.random.default_rng(seed)
    drawn = rng.choice(different, min(most, len(different)), replace=False, p=weight / weight.sum())
    return [
        TextPair(lesson.left[i], lesson.right[i], int(lesson.labels[i]), lesson.name) for i in drawn
    ]


def vary_format(pairs: Sequence[TextPair], recipe: Recipe, rng: random.Random) -> list[TextPair]:
    """Shuffle pairs, rearrange their fields and add free text to some of them."""
    pairs = list(pairs)
    rng.shuffle(pairs)
    return [
        rearrange_fields(_maybe_free_text(pair, recipe.free_text, rng), rng)
        for pair in pairs
        if pair.left and pair.right
    ]


def _maybe_free_text(pair: TextPair, rate: float, rng: random.Random) -> TextPair:
    if rng.random() >= rate:
        return pair
    left, right = add_free_text(pair.left, pair.right, bool(pair.label), rng)
    return replace(pair, left=left, right=right)


def synthetic_pairs(count: int, people: int, seed: int) -> list[TextPair]:
    """Make synthetic pairs of all domains, and more of the domains of people, as texts."""
    pairs = chain(synthesize_pairs(count, seed), synthesize_pairs(people, seed + 1, PEOPLE))
    return [
        TextPair(
            record_text(pair.left.items()), record_text(pair.right.items()), pair.label, SYNTHETIC
        )
        for pair in pairs
    ]


def calibration_pairs(data: Path, tables: Tables, recipe: Recipe) -> list[TextPair]:
    """Collect pairs for calibration: the valid parts of what is learnt, at their match rate."""
    pairs: list[TextPair] = []
    for name, parts in tables.items():
        pairs += sample_pairs(parts["valid"], _most_pairs(name, recipe) // 6, recipe.seed)
    for folder in labelled_folders(data):
        if folder.name not in NEVER_LEARNT:
            pairs += sample_pairs(published_pairs(folder, "valid"), MOST_CALIBRATING, recipe.seed)
    return pairs


def tested_pairs(data: Path, tables: Tables, recipe: Recipe) -> list[TextPair]:
    """Collect the pairs of the test parts, published ones and candidates, at their match rate."""
    pairs: list[TextPair] = []
    for name, parts in tables.items():
        pairs += sample_pairs(parts["test"], _most_pairs(name, recipe) // 4, recipe.seed)
    for folder in labelled_folders(data):
        most = MOST_TESTED if folder.name in LEFT_OUT else MOST_TESTED_OF_OTHERS
        pairs += sample_pairs(published_pairs(folder, "test"), most, recipe.seed)
    return pairs


def _published_train_pairs(folder: Path, recipe: Recipe) -> list[TextPair]:
    most = MOST_PUBLISHED.get(folder.name, MOST_OF_OTHERS)
    return sample_pairs(published_pairs(folder, "train"), most, recipe.seed)


def _most_pairs(name: str, recipe: Recipe) -> int:
    return recipe.per_small_table if name.startswith(_SMALL_FOLDER) else recipe.per_table


def say(line: str) -> None:
    """Print a line of progress at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
