"""Cross-encoders that have not seen a source: they show how the recipe does on unseen data.

The first stage starts from the base model and leaves out all benchmarks. A second stage learns the
benchmarks but for one group of them, in every form.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dedupe.training.data import LEFT_OUT, LEFT_OUT_TOGETHER
from dedupe.training.data_mix import first_stage_pairs, read_tables, say, second_stage_pairs
from dedupe.training.fine_tuning import average_weights, base_model, fine_tune
from dedupe.training.recipe import Recipe

FIRST_STAGE = "first-stage"
"""Folder of the cross-encoder after the first stage, in the working folder."""
REHEARSED = 5_000
"""Pairs of the first stage that each second stage reads again."""


def train_left_out(
    data: Path, recipe: Recipe, work: Path, *, device: str = "cpu"
) -> dict[tuple[str, ...], Path]:
    """Train a cross-encoder without each group of benchmarks that the working folder lacks.

    Parameters
    ----------
    data, recipe, work, device
        As in :func:`dedupe.training.train.train_model`.

    Returns
    -------
    dict
        Folder of the cross-encoder by the group that it has not seen.
    """
    folders: dict[tuple[str, ...], Path] = {
        group: work / f"without-{group[0]}" for group in LEFT_OUT_TOGETHER
    }
    missing = [group for group, folder in folders.items() if not folder.exists()]
    if not missing:
        return folders
    first = first_stage_pairs(data, read_tables(data, LEFT_OUT), recipe, work)
    start = fine_tune(first, base_model(), work / FIRST_STAGE, recipe, recipe.learning_rate, device)
    short = replace(
        recipe, synthetic_again=0, people_again=0, per_lesson_again=0, rehearsed=REHEARSED
    )
    for group in missing:
        pairs = second_stage_pairs(data, first, short, work, group)
        say(f"without {', '.join(group)}: {len(pairs):,} pairs")
        trained = work / f"without-{group[0]}-trained"
        fine_tune(pairs, start, trained, recipe, recipe.learning_rate_again, device)
        average_weights(start, trained, recipe.trained_share, folders[group])
    return folders
