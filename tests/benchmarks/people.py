"""Customers with known duplicates, in any number, for the benchmark of scale.

About three records in ten are copies of another one, with one to four errors each: typing errors,
missing values, given name and surname exchanged, an initial, a new address (half of them in the
same suburb), day and month exchanged. Names follow a long tail: a large file has many namesakes,
and many rare names.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from random import Random

from faker import Faker

from dedupe.training.augment.edits import mistype

Person = dict[str, str]

COPIED = 0.3
"""Share of people who have copies."""
COPIES, ERRORS = (1, 1, 1, 2, 3), (1, 1, 2, 2, 3, 4)
"""Copies of one of them, and errors of a copy: each entry is as likely."""
STATES = ("ACT", "NSW", "NT", "QLD", "SA", "TAS", "VIC", "WA")
SYLLABLES = (
    "an", "bar", "bel", "cor", "dan", "den", "el", "far", "gar", "har", "il", "jor", "kel", "lan",
    "lor", "mar", "mil", "nor", "os", "pel", "ran", "ros", "sal", "sten", "tam", "tor", "ul", "van",
    "wes", "yar", "zan",
)  # fmt: skip
ENDINGS = ("", "a", "berg", "ford", "ham", "i", "ley", "man", "o", "son", "ton", "well")


class Values:
    """Names and places to draw from, each less common than the one before."""

    def __init__(self, rng: Random) -> None:
        faker = Faker("en_AU")
        faker.seed_instance(rng.randrange(2**32))
        self.rng = rng
        self.given = self._ranked(faker.first_name() for _ in range(4_000))
        self.surname = self._ranked(faker.last_name() for _ in range(4_000))
        self.street = self._ranked(faker.street_name() for _ in range(6_000))
        self.suburb = self._ranked(faker.city() for _ in range(3_000))

    def _ranked(self, drawn: Iterator[str]) -> tuple[list[str], list[float]]:
        values = sorted(set(drawn))
        self.rng.shuffle(values)
        return values, list(accumulate((rank + 10) ** -0.8 for rank in range(len(values))))

    def draw(self, kind: tuple[list[str], list[float]], rare: float = 0.0) -> str:
        """Draw a value of a kind, or make up a rare one."""
        if self.rng.random() < rare:
            parts = self.rng.choices(SYLLABLES, k=self.rng.randint(2, 3))
            return ("".join(parts) + self.rng.choice(ENDINGS)).capitalize()
        values, cumulated = kind
        return self.rng.choices(values, cum_weights=cumulated)[0]

    def home(self) -> Person:
        """Draw a house in a street."""
        return {
            "street_number": str(self.rng.randint(1, 399)),
            "address": self.draw(self.street, 0.1),
        }

    def place(self) -> Person:
        """Draw a suburb with its postcode and state."""
        return {
            "suburb": self.draw(self.suburb, 0.1),
            "postcode": f"{self.rng.randint(800, 7999):04d}",
            "state": self.rng.choice(STATES),
        }

    def person(self) -> Person:
        """Draw a person; six in ten have an e-mail address."""
        rng = self.rng
        given, surname = self.draw(self.given, 0.2), self.draw(self.surname, 0.35)
        month, day = rng.randint(1, 12), rng.randint(1, 28)
        email = f"{given[0]}{surname}{rng.randint(1, 99)}@{rng.choice(('mail', 'post'))}.example"
        return {
            "given_name": given,
            "surname": surname,
            **self.home(),
            **self.place(),
            "date_of_birth": f"{rng.randint(1920, 2008)}-{month:02d}-{day:02d}",
            "email": email.lower().replace(" ", "") if rng.random() < 0.6 else "",
        }

    def copy(self, person: Person) -> Person:
        """Copy a person with errors."""
        copied = dict(person)
        for _ in range(self.rng.choice(ERRORS)):
            self._err(copied)
        return copied

    def _err(self, person: Person) -> None:
        filled = self.rng.choice([name for name, value in person.items() if value])
        chance = self.rng.random()
        if chance < 0.60:
            person[filled] = mistype(person[filled], self.rng)
        elif chance < 0.72:
            person[filled] = ""
        elif chance < 0.80:
            person["given_name"], person["surname"] = person["surname"], person["given_name"]
        elif chance < 0.88:
            person["given_name"] = person["given_name"][:1]
        elif chance < 0.95:
            person |= self.home() if self.rng.random() < 0.5 else self.home() | self.place()
        elif person["date_of_birth"].count("-") == 2:
            year, month, day = person["date_of_birth"].split("-")
            person["date_of_birth"] = f"{year}-{day}-{month}"


def make_people(rows: int, folder: Path, seed: int = 0) -> tuple[Path, Path]:
    """Write `rows` records of people, and the cluster of each.

    Returns
    -------
    records, gold
        CSV files in `folder`: ``id`` and the columns of a person; ``id`` and ``cluster_id``.
    """
    rng = Random(seed)
    values = Values(rng)
    made: list[tuple[int, Person]] = []
    number = 0
    while len(made) < rows:
        person = values.person()
        copies = rng.choice(COPIES) if rng.random() < COPIED else 0
        made += [(number, person), *((number, values.copy(person)) for _ in range(copies))]
        number += 1
    del made[rows:]
    rng.shuffle(made)
    records, gold = folder / f"{rows}.csv", folder / f"{rows}-gold.csv"
    _write(records, [[str(n), *person.values()] for n, (_, person) in enumerate(made)], made[0][1])
    _write(gold, [[str(n), str(cluster)] for n, (cluster, _) in enumerate(made)], ["cluster_id"])
    return records, gold


def _write(file: Path, rows: Sequence[Sequence[str]], columns: Sequence[str] | Person) -> None:
    with file.open("w", newline="", encoding="utf-8") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["id", *columns])
        writer.writerows(rows)
