"""Synthetic people, some of them several times with errors."""

from __future__ import annotations

from random import Random

import polars as pl

GIVEN = ("anna", "bernd", "carla", "david", "elena", "farid", "greta", "hugo", "irene", "jonas")
FAMILY = (
    "abelmann", "brockhaus", "castellani", "dubrovnik", "eisenhardt", "fonseca", "grunewald",
    "hallstrom", "ivanova", "jankowski", "kowalczyk", "lindqvist", "montague", "nakamura",
)  # fmt: skip
STREETS = ("acacia", "birch", "cedar", "dogwood", "elm", "fir", "gum", "hazel", "ivy", "juniper")


def people(rows: int, seed: int = 0) -> pl.DataFrame:
    """Make a table of people: a third of them occur a second or third time, with a typing error."""
    rng = Random(seed)
    made: list[tuple[str, ...]] = []
    while len(made) < rows:
        given, family = rng.choice(GIVEN), rng.choice(FAMILY)
        number = rng.randrange(10**6)
        person = (
            f"{given} {family}{rng.choice(('', '-'))}{rng.choice(FAMILY)[:5]}",
            f"{rng.randint(1, 300)} {rng.choice(STREETS)} {rng.choice(('street', 'road', 'lane'))}",
            f"{rng.randint(1930, 2005)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
            f"{given}.{number}@mail.example",
        )
        made += [
            _with_error(person, rng) if rng.random() < 0.6 else person
            for _ in range(rng.choice((1, 1, 1, 1, 2, 3)))
        ]
    rng.shuffle(made)
    table = pl.DataFrame(made[:rows], schema=["name", "street", "born", "email"], orient="row")
    return table.with_row_index("id").with_columns(pl.format("p{}", "id").alias("id"))


def _with_error(person: tuple[str, ...], rng: Random) -> tuple[str, ...]:
    field = rng.choice((0, 1, 3))
    text = person[field]
    at = rng.randrange(1, len(text) - 1)
    wrong = rng.choice((text[:at] + text[at + 1 :], text[:at] + "x" + text[at:]))
    return (*person[:field], wrong, *person[field + 1 :])
