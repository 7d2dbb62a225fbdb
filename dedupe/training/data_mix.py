"""The data of each training round: published, candidate and synthetic pairs.

The first round learns published pairs, candidate pairs of full tables and synthetic pairs. Later
rounds replace the candidates by those that the last model gets wrong or doubts, add candidates of
synthetic tables, and put free text beside some records.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from dedupe.config import Config
from dedupe.records.records import record_text
from dedupe.scoring.cross_encoder import load_cross_encoder
from dedupe.training.data import (
    TextPair,
    balanced_sample,
    hard_sample,
    labelled_folders,
    published_pairs,
    rearrange_fields,
    sample_pairs,
    synthetic_candidates,
    table_candidates,
    table_folders,
)
from dedupe.training.generators.free_text import add_free_text
from dedupe.training.generators.synthesize import DOMAINS, synthesize_pairs, synthesize_table
from dedupe.training.predict import predict, sigmoid
from dedupe.training.recipe import Recipe

Tables = Mapping[str, Mapping[str, Sequence[TextPair]]]
"""Candidate pairs of full tables, by the name of the table and the part."""

SYNTHETIC = "synthetic"
"""Origin of synthetic pairs."""

PEOPLE = ("person", "person-name-birth")
"""Domains of people."""

_SYNTHETIC_TABLE = "made-"
"""Prefix of the names of synthetic tables. The seeds of their samples depend on it."""

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


def first_round_pairs(
    data: Path, tables: Tables, recipe: Recipe, leave_out: Sequence[str] = ()
) -> list[TextPair]:
    """Collect all pairs of the first round, in random order.

    Parameters
    ----------
    data, tables
        Folder of the benchmark folders, and the candidate pairs of its full tables.
    recipe
        Numbers of pairs, and the seed.
    leave_out
        Names of the sets whose published pairs are left out.
    """
    rng = random.Random(recipe.seed)
    pairs = _published_train_pairs(data, recipe, rng, leave_out)
    for name, parts in tables.items():
        pairs += balanced_sample(parts["train"], _most_pairs(name, recipe), recipe.seed)
    pairs += synthetic_pairs(recipe.synthetic, recipe.people, recipe.seed)
    rng.shuffle(pairs)
    return [rearrange_fields(pair, rng) for pair in pairs if pair.left and pair.right]


def later_round_pairs(
    data: Path,
    tables: Tables,
    model: Path,
    recipe: Recipe,
    number: int,
    leave_out: Sequence[str] = (),
) -> list[TextPair]:
    """Collect all pairs of a later round, in random order.

    Parameters
    ----------
    data, tables, recipe, leave_out
        As in :func:`first_round_pairs`.
    model
        Folder of the model that decides which candidates are hard.
    number
        Number of the round, from 2.
    """
    rng = random.Random(recipe.seed + number - 1)
    pairs = _published_train_pairs(data, recipe, rng, leave_out)
    pairs += hard_candidates(tables, model, recipe, number)
    return vary_format(pairs, recipe, rng)


def hard_candidates(tables: Tables, model: Path, recipe: Recipe, number: int) -> list[TextPair]:
    """Collect the pairs of a later round that are not published.

    These are candidates of full and synthetic tables that a model finds hard, some that it finds
    easy, and new synthetic pairs.

    Parameters
    ----------
    tables
        Candidate pairs of full tables.
    model
        Folder of the model.
    recipe
        Numbers of pairs, and the seed.
    number
        Number of the round, from 2.
    """
    seed = recipe.seed + number
    encoder = load_cross_encoder(Config(cross_encoder=str(model)))
    pairs: list[TextPair] = []
    full_tables = ((name, parts["train"]) for name, parts in tables.items())
    for name, candidates in chain(full_tables, synthetic_tables(recipe, seed)):
        most = recipe.searched_small if _is_small(name) else recipe.searched
        sample = sample_pairs(candidates, most, seed)
        probabilities = sigmoid(predict(encoder, sample))
        pairs += hard_sample(sample, probabilities, _most_pairs(name, recipe), seed)
        wrong = int(((probabilities >= 0.5) != [pair.label == 1 for pair in sample]).sum())
        say(f"  {name}: {len(sample):,} candidates searched, {wrong:,} of them classified wrongly")
    return pairs + synthetic_pairs(recipe.synthetic_again, recipe.people_again, seed * 1_000)


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


def synthetic_tables(recipe: Recipe, seed: int) -> Iterator[tuple[str, list[TextPair]]]:
    """Yield the names and the candidate pairs of synthetic tables."""
    for domain in DOMAINS:
        count = recipe.synthetic_tables * (5 if domain in PEOPLE else 1)
        for number in range(count):
            table = synthesize_table(recipe.synthetic_rows, seed * 1_000 + number, domain)
            yield f"{_SYNTHETIC_TABLE}{domain}-{number}", synthetic_candidates(table)


def synthetic_pairs(count: int, people: int, seed: int) -> list[TextPair]:
    """Make synthetic pairs of all domains, and more of the domains of people, as texts."""
    pairs = chain(synthesize_pairs(count, seed), synthesize_pairs(people, seed + 1, PEOPLE))
    return [
        TextPair(
            record_text(pair.left.items()), record_text(pair.right.items()), pair.label, SYNTHETIC
        )
        for pair in pairs
    ]


def _published_train_pairs(
    data: Path, recipe: Recipe, rng: random.Random, leave_out: Sequence[str]
) -> list[TextPair]:
    """Read the published train pairs; those of small sets come twice."""
    pairs: list[TextPair] = []
    for folder in labelled_folders(data):
        if folder.name not in leave_out:
            pairs += repeat_some(published_pairs(folder, "train"), recipe.per_published, rng)
    return pairs


def repeat_some(pairs: list[TextPair], most: int, rng: random.Random) -> list[TextPair]:
    """Append some or all of the pairs once more, up to `most` pairs in all."""
    count = min(len(pairs), max(most - len(pairs), 0))
    return pairs + rng.sample(pairs, count)


def held_out_pairs(
    data: Path, tables: Tables, part: str, recipe: Recipe, leave_out: Sequence[str] = ()
) -> list[TextPair]:
    """Collect the published pairs and the candidates of one part, at their own match rate.

    Parameters
    ----------
    data, tables, recipe
        As in :func:`first_round_pairs`.
    part
        "valid" or "test".
    leave_out
        Names of the sets that are left out of the valid part.
    """
    pairs: list[TextPair] = []
    for name, parts in tables.items():
        pairs += sample_pairs(parts[part], _most_pairs(name, recipe) // 2, recipe.seed)
    for folder in labelled_folders(data):
        if folder.name not in leave_out or part == "test":
            pairs += published_pairs(folder, part)
    return pairs


def _is_small(name: str) -> bool:
    return name.startswith((_SMALL_FOLDER, _SYNTHETIC_TABLE))


def _most_pairs(name: str, recipe: Recipe) -> int:
    return recipe.per_small_table if _is_small(name) else recipe.per_table


def say(line: str) -> None:
    """Print a line of progress at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
