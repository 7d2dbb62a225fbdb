"""Train the bundled comparison model: ``python -m dedupe.training.comparison DATA_DIR WORK_DIR``.

Compares the candidate pairs of full tables, the published train pairs and those of synthetic
files; fits the trees to all of them; and fits the combination with the cross-encoder to pairs that
neither model has learnt: predictions for families of sets that were held out, and fresh synthetic
files. For pairs that are given without a file, another one is fitted to sets that no cross-encoder
learns, with trees fitted without these sets. Writes weights with the names of the features. Needs
the extra ``train``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from dedupe.config import Config
from dedupe.scoring.comparison.model import WEIGHTS, ComparisonModel, save_comparison_model
from dedupe.scoring.cross_encoder.encoder import load_cross_encoder
from dedupe.training.comparison.data import all_sets, fresh_lessons
from dedupe.training.comparison.fit import (
    TreeRecipe,
    fit_combination,
    fit_trees,
    held_out_log_odds,
    unlearnt_pairs,
)
from dedupe.training.comparison.unseen import (
    fit_given_combination,
    unseen_scores,
    unseen_trees,
)
from dedupe.training.data import LEFT_OUT, NEVER_LEARNT
from dedupe.training.data_mix import read_tables, say


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the comparison model on the benchmark folders below a data folder."""
    parser = argparse.ArgumentParser(prog="python -m dedupe.training.comparison")
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--lessons", type=int, default=40, help="synthetic files of each kind")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--held-out-iterations", type=int, default=450)
    parser.add_argument("--iterations", type=int, default=TreeRecipe.iterations)
    options = parser.parse_args(arguments)
    recipe = TreeRecipe(iterations=options.iterations)
    sets = list(all_sets(options.data, options.lessons, 0, options.work))
    say(f"{len(sets)} sets, {sum(map(len, sets)):,} pairs")
    without = unseen_trees(sets, recipe, options.work)
    encoder = load_cross_encoder(Config())
    unseen = [
        scores
        for part in ("train", "valid")
        for scores in unseen_scores(
            options.data, NEVER_LEARNT, part, without, encoder, options.work
        )
    ]
    given_combination = fit_given_combination(unseen)
    short = replace(recipe, iterations=options.held_out_iterations)
    held_out = held_out_log_odds(sets, short, options.folds)
    trees = fit_trees(sets, recipe)
    unlearnt = unlearnt_pairs(sets, held_out, read_tables(options.data, LEFT_OUT))
    fresh = ((pairs, trees.log_odds(pairs.vectors)) for pairs in fresh_lessons(options.work))
    combination = fit_combination(chain(unlearnt, fresh), recipe.seed)
    say(f"combination {combination.round(3).tolist()}, {given_combination.round(3).tolist()}")
    options.out.parent.mkdir(exist_ok=True)
    save_comparison_model(ComparisonModel(trees, combination, given_combination), options.out)
    say(f"written to {options.out}")


if __name__ == "__main__":
    main()
