"""The recipe of the bundled cross-encoder: every number that training depends on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """All settings of one training, so that it can be repeated.

    Attributes
    ----------
    synthetic, people
        Synthetic pairs of the first round: of all domains, and more of the domains of people.
    per_table, per_small_table
        Most pairs of one full table in a round, and of one table from a folder of small tables.
    per_published
        Published pairs of one set that a round reads twice, each time with another arrangement of
        the fields, up to this number.
    synthetic_again, people_again
        Synthetic pairs of each later round.
    synthetic_tables, synthetic_rows
        Synthetic tables per domain in each later round, and their rows. The domains of people have
        five times as many tables.
    searched, searched_small
        Candidate pairs of one full table, and of one small or synthetic table, among which a later
        round looks for hard pairs.
    free_text
        Share of the pairs of a later round that get a column of free text.
    batch
        Pairs per batch.
    warmup
        Share of the steps during which the learning rate rises.
    smoothing
        Label smoothing: how far targets lie from 0 and 1.
    learning_rate, learning_rate_again
        Learning rates of the first round and of the later ones.
    rounds
        Number of rounds.
    seed
        Seed of every random choice.
    """

    synthetic: int = 80_000
    people: int = 30_000
    per_table: int = 3_500
    per_small_table: int = 500
    per_published: int = 10_000
    synthetic_again: int = 15_000
    people_again: int = 6_000
    synthetic_tables: int = 1
    synthetic_rows: int = 1_500
    searched: int = 7_000
    searched_small: int = 1_200
    free_text: float = 0.2
    batch: int = 64
    warmup: float = 0.06
    smoothing: float = 0.02
    learning_rate: float = 1e-4
    learning_rate_again: float = 7e-5
    rounds: int = 4
    seed: int = 0
