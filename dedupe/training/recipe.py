"""The recipe of the bundled cross-encoder: every number that training depends on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """All settings of one training, so that it can be repeated.

    Attributes
    ----------
    synthetic, people
        Synthetic pairs of the first stage: of all domains, and more of the domains of people.
    per_table, per_small_table
        Most pairs of one full table, and of one table from a folder of small tables.
    lessons, per_lesson
        Synthetic files of each kind of lesson, and pairs of one kind.
    free_text
        Share of the pairs that get a column of free text.
    synthetic_again, people_again
        Synthetic pairs of the second stage: of all domains, and more of the domains of people.
    per_lesson_again
        Pairs of one kind of lesson in the second stage, from other files than those of the first.
    rehearsed
        Pairs of the first stage that the second stage reads again.
    batch
        Pairs per batch.
    warmup
        Share of the steps during which the learning rate rises.
    smoothing
        Label smoothing: how far targets lie from 0 and 1.
    learning_rate, learning_rate_again
        Learning rates of both stages.
    trained_share
        Share of the trained weights in the mean of those before and after training.
    checkpoint_steps
        Steps between two checkpoints.
    seed
        Seed of every random choice.
    """

    synthetic: int = 22_000
    people: int = 7_000
    per_table: int = 2_300
    per_small_table: int = 360
    lessons: int = 10
    per_lesson: int = 250
    free_text: float = 0.1
    synthetic_again: int = 10_000
    people_again: int = 5_000
    per_lesson_again: int = 400
    rehearsed: int = 40_000
    batch: int = 64
    warmup: float = 0.06
    smoothing: float = 0.03
    learning_rate: float = 1e-4
    learning_rate_again: float = 7e-5
    trained_share: float = 0.7
    checkpoint_steps: int = 150
    seed: int = 1
