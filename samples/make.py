"""Make the sample files again: ``python samples/make.py`` (needs the ``test`` extra, for Faker).

Each file holds things of one kind; about a quarter of them stand there twice to four times, written
differently, and some have a look-alike that is not the same. ``*_gold.csv`` says which rows are
one.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from dedupe.scoring.augment.records import damage
from dedupe.training.generators.domain import Domain, Style, Thing
from dedupe.training.generators.people import PERSON
from dedupe.training.generators.products import PRODUCT
from dedupe.training.generators.works import PUBLICATION

HERE = Path(__file__).parent
DOUBLED = 0.17
"""Share of the things that stand there more than once."""
LOOK_ALIKES = 0.12


@dataclass(frozen=True)
class Sample:
    """One sample file: its domain, its columns, and how many rows it has."""

    name: str
    domain: Domain
    columns: Mapping[str, str]
    rows: int
    finish: Callable[[dict[str, str], Random], dict[str, str]] = lambda row, rng: row


def contact(row: dict[str, str], rng: Random) -> dict[str, str]:
    """Keep addresses and numbers out of the real world, and everybody in our time."""
    row["email"] = re.sub(r"@(\w+).*", r"@\1.example.org", row["email"])
    row["born"] = re.sub(r"^18", "19", row["born"])
    if row["phone"]:
        digits = "".join(c for c in row["phone"] if c.isdigit())[-4:].rjust(4, "0")
        row["phone"] = rng.choice((f"555-01{digits[-2:]} x{digits[:2]}", f"(555) 01{digits[-2:]}"))
    return row


SAMPLES = (
    Sample(
        "contacts",
        PERSON,
        {
            "given": "first_name", "surname": "last_name", "company": "company", "email": "email",
            "phone": "phone", "address": "street", "city": "city", "postcode": "postcode",
            "country": "country", "birth": "born",
        },
        1200,
        contact,
    ),
    Sample(
        "products",
        PRODUCT,
        {"title": "title", "brand": "brand", "model": "model", "category": "category",
         "price": "price"},
        800,
    ),
    Sample(
        "publications",
        PUBLICATION,
        {"title": "title", "authors": "authors", "venue": "venue", "year": "year"},
        1000,
    ),
)  # fmt: skip


def make(sample: Sample) -> tuple[list[dict[str, str]], list[int]]:
    """Return the rows of a sample and the cluster of each, shuffled."""
    rng = Random(f"sample {sample.name}")
    style = Style("keep", "y-m-d", surname_first=False, joint=", ")
    rows: list[tuple[dict[str, str], int]] = []
    cluster = 0
    while len(rows) < sample.rows:
        thing = sample.domain.make(rng)
        rows.append((written(sample, thing, style, rng, 0.15), cluster))
        if rng.random() < DOUBLED:
            copies = rng.choice((1, 1, 1, 2, 3))
            rows += [
                (
                    written(
                        sample, again(sample, thing, rng), style, rng, rng.choice((0.4, 0.8, 1.2))
                    ),
                    cluster,
                )
                for _ in range(copies)
            ]
        if rng.random() < LOOK_ALIKES:
            other = dict(thing)
            rng.choice(sample.domain.different).edit(rng, other)
            if shown(sample, other, style) != shown(sample, thing, style):
                cluster += 1
                rows.append((written(sample, other, style, rng, 0.15), cluster))
        cluster += 1
    rows = rows[: sample.rows]
    rng.shuffle(rows)
    return [row for row, _ in rows], [number for _, number in rows]


def again(sample: Sample, thing: Thing, rng: Random) -> Thing:
    """Return another account of the same thing."""
    other = dict(thing)
    if sample.domain.same and rng.random() < 0.4:
        rng.choice(sample.domain.same).edit(rng, other)
    if sample.domain.vary is not None:
        sample.domain.vary(rng, other)
    return other


def shown(sample: Sample, thing: Thing, style: Style) -> dict[str, str]:
    """Write a thing without errors."""
    columns = sample.domain.columns
    return {name: columns[key].write(thing, style) for key, name in sample.columns.items()}


def written(
    sample: Sample, thing: Thing, style: Style, rng: Random, strength: float
) -> dict[str, str]:
    """Write a thing as one row, with gaps and errors."""
    row = sample.finish(shown(sample, thing, style), rng)
    first = next(iter(row))
    for name in row:
        if name != first and rng.random() < 0.04 + 0.06 * strength:
            row[name] = ""
    made = damage(row, rng, strength, sample.domain.habits)
    if "email" in made:  # an error must not lead to a real host either
        real = re.compile(r"@(\w+)\S*")
        made = {name: real.sub(r"@\1.example.org", value) for name, value in made.items()}
    return made


def main() -> None:
    """Write all samples beside this file."""
    for sample in SAMPLES:
        rows, clusters = make(sample)
        names = ["id", *sample.columns.values()]
        with (HERE / f"{sample.name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names, lineterminator="\n", extrasaction="ignore")
            writer.writeheader()
            writer.writerows({"id": str(n), **row} for n, row in enumerate(rows, start=1))
        with (HERE / f"{sample.name}_gold.csv").open("w", newline="", encoding="utf-8") as file:
            gold = csv.writer(file, lineterminator="\n")
            gold.writerow(["id", "cluster_id"])
            gold.writerows((n, cluster) for n, cluster in enumerate(clusters, start=1))


if __name__ == "__main__":
    main()
