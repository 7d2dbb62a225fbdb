"""Rebuild the sample files: ``pip install -e '.[train]'``, then ``python samples/make.py``.

Each file holds entities of one kind. About a sixth of them have two to four rows that are written
differently, and some have a similar row that is another entity. ``*_gold.csv`` assigns each row to
its cluster. The content depends on the version of Faker.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from dedupe.training.augment.records import corrupt_record
from dedupe.training.generators.domain import Domain, Entity, Style
from dedupe.training.generators.domains.people import PERSON
from dedupe.training.generators.domains.products import PRODUCT
from dedupe.training.generators.domains.publications import PUBLICATION

HERE = Path(__file__).parent
DUPLICATE_RATE = 0.17
"""Share of the entities that have more than one row."""
LOOKALIKE_RATE = 0.12
"""Share of the entities that have a similar other entity."""
DEMO = HERE.parent / "dedupe" / "cli" / "demo_contacts.csv"
DEMO_ROWS, DEMO_CLUSTERS = 80, 20
"""Rows of the sample of ``dedupe demo``, and people in it that have more than one row."""


@dataclass(frozen=True)
class Sample:
    """A sample file.

    Attributes
    ----------
    name
        Stem of the file.
    domain
        Domain of its entities.
    columns
        Keys of the columns of the domain, and the names that the file gives them.
    rows
        Number of rows.
    finish
        Last step before a row gets its errors.
    """

    name: str
    domain: Domain
    columns: Mapping[str, str]
    rows: int
    finish: Callable[[dict[str, str], Random], dict[str, str]] = lambda row, rng: row


def anonymize(row: dict[str, str], rng: Random) -> dict[str, str]:
    """Replace e-mail hosts and phone numbers by reserved ones, and births before 1900."""
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
        anonymize,
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
    """Make the rows of a sample and the cluster of each, shuffled."""
    rng = Random(f"sample {sample.name}")
    style = Style("keep", "y-m-d", surname_first=False, joint=", ")
    rows: list[tuple[dict[str, str], int]] = []
    cluster = 0
    while len(rows) < sample.rows:
        entity = sample.domain.make(rng)
        rows.append((make_row(sample, entity, style, rng, 0.15), cluster))
        if rng.random() < DUPLICATE_RATE:
            for _ in range(rng.choice((1, 1, 1, 2, 3))):
                other = describe_again(sample, entity, rng)
                strength = rng.choice((0.4, 0.8, 1.2))
                rows.append((make_row(sample, other, style, rng, strength), cluster))
        if rng.random() < LOOKALIKE_RATE:
            other = dict(entity)
            rng.choice(sample.domain.different).edit(rng, other)
            if values_of(sample, other, style) != values_of(sample, entity, style):
                cluster += 1
                rows.append((make_row(sample, other, style, rng, 0.15), cluster))
        cluster += 1
    rows = rows[: sample.rows]
    rng.shuffle(rows)
    return [row for row, _ in rows], [number for _, number in rows]


def describe_again(sample: Sample, entity: Entity, rng: Random) -> Entity:
    """Describe the same entity differently."""
    other = dict(entity)
    if sample.domain.same and rng.random() < 0.4:
        rng.choice(sample.domain.same).edit(rng, other)
    if sample.domain.vary is not None:
        sample.domain.vary(rng, other)
    return other


def values_of(sample: Sample, entity: Entity, style: Style) -> dict[str, str]:
    """Write the values of an entity without errors."""
    columns = sample.domain.columns
    return {name: columns[key].write(entity, style) for key, name in sample.columns.items()}


def make_row(
    sample: Sample, entity: Entity, style: Style, rng: Random, strength: float
) -> dict[str, str]:
    """Write an entity as one row, with gaps and errors."""
    row = sample.finish(values_of(sample, entity, style), rng)
    first = next(iter(row))
    for name in row:
        if name != first and rng.random() < 0.04 + 0.06 * strength:
            row[name] = ""
    row = corrupt_record(row, rng, strength, sample.domain.errors)
    if "email" in row:  # an error must not lead to a real host either
        host = re.compile(r"@(\w+)\S*")
        row = {name: host.sub(r"@\1.example.org", value) for name, value in row.items()}
    return row


def choose_demo(rows: Sequence[Mapping[str, str]], clusters: Sequence[int]) -> list[int]:
    """Choose the rows of ``dedupe demo``: duplicates, similar other people, and people alone.

    All are from English-speaking countries, so that whoever starts can judge them.
    """
    english = [n for n, row in enumerate(rows) if row["country"] in ("AU", "CA", "GB", "US")]
    sizes = Counter(clusters[n] for n in english)
    repeated = [cluster for cluster, size in sorted(sizes.items()) if size > 1][:DEMO_CLUSTERS]
    # The cluster of a similar other person follows.
    chosen = {*repeated, *(cluster + 1 for cluster in repeated)}
    together = [n for n in english if clusters[n] in chosen]
    alone = [n for n in english if sizes[clusters[n]] == 1 and clusters[n] not in chosen]
    return sorted(together + alone[: DEMO_ROWS - len(together)])


def write_rows(file: Path, names: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """Write rows with ids from 1."""
    with file.open("w", newline="", encoding="utf-8") as text:
        writer = csv.DictWriter(text, ["id", *names], lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows({"id": str(n), **row} for n, row in enumerate(rows, start=1))


def main() -> None:
    """Write all samples beside this file, and that of ``dedupe demo`` into the package."""
    for sample in SAMPLES:
        rows, clusters = make(sample)
        names = list(sample.columns.values())
        write_rows(HERE / f"{sample.name}.csv", names, rows)
        if sample.name == "contacts":
            write_rows(DEMO, names, [rows[n] for n in choose_demo(rows, clusters)])
        with (HERE / f"{sample.name}_gold.csv").open("w", newline="", encoding="utf-8") as file:
            gold = csv.writer(file, lineterminator="\n")
            gold.writerow(["id", "cluster_id"])
            gold.writerows((n, cluster) for n, cluster in enumerate(clusters, start=1))


if __name__ == "__main__":
    main()
