"""Books: novels and textbooks, with volumes and editions."""

from __future__ import annotations

from random import Random

from dedupe.training.augment import records as error_models
from dedupe.training.generators.domain import Change, Column, Domain, Entity, Style, single_column
from dedupe.training.generators.domains.authors import (
    MANNERS,
    draw_people,
    list_fewer_authors,
    write_authors,
)
from dedupe.training.generators.domains.work_titles import (
    draw_work_title,
    drop_subtitle,
    fill_template,
)
from dedupe.training.generators.values import draw_other, draw_word

_EDITIONS = (
    "2nd edition", "3rd edition", "second edition", "4th ed.", "revised edition", "5th edition",
    "international edition", "teacher's edition",
)  # fmt: skip
_EDITION_FORMS = (("2nd edition", "second edition"),)


def make_book(rng: Random) -> Entity:
    """Make a book: a novel or a textbook, perhaps a volume or an edition."""
    textbook = rng.random() < 0.45
    textbook_title = fill_template(rng, draw_word(rng, "textbook_titles")).title()
    return {
        "title": textbook_title if textbook else draw_work_title(rng),
        "subtitle": draw_word(rng, "subtitles").title() if rng.random() < 0.15 else "",
        "edition": rng.choice(_EDITIONS) if textbook and rng.random() < 0.5 else "",
        "volume": f"vol. {rng.randint(1, 9)}" if rng.random() < 0.15 else "",
        "authors": draw_people(rng, 3),
        "publisher": draw_word(rng, "publishers").title(),
        "year": str(rng.randint(1950, 2023)),
        "pages": str(rng.randint(60, 1200)),
        "isbn": f"978{rng.randint(0, 9_999_999_999):010d}",
        "format": draw_word(rng, "book_formats"),
        "manner": rng.choice(MANNERS),
    }


def _book_title(entity: Entity, style: Style) -> str:
    """Write the title with subtitle, volume and edition."""
    title = f"{entity['title']}: {entity['subtitle']}" if entity["subtitle"] else entity["title"]
    return style.apply(", ".join(filter(None, (title, entity["volume"], entity["edition"]))))


def _other_edition(rng: Random, entity: Entity) -> None:
    """Change to another edition."""
    entity["edition"] = draw_other(rng, _EDITIONS, entity["edition"], _EDITION_FORMS)
    entity["year"] = str(int(entity["year"]) + rng.choice((-7, -4, -3, 3, 4, 6)))
    entity["isbn"] = f"978{rng.randint(0, 9_999_999_999):010d}"


def _other_volume(rng: Random, entity: Entity) -> None:
    """Change to another volume."""
    entity["volume"] = draw_other(rng, [f"vol. {i}" for i in range(1, 10)], entity["volume"])
    entity["isbn"] = f"978{rng.randint(0, 9_999_999_999):010d}"


def _other_book(rng: Random, entity: Entity) -> None:
    """Change to another book by the same authors."""
    other = make_book(rng)
    for attribute in ("title", "subtitle", "isbn", "year", "edition", "volume", "pages"):
        entity[attribute] = other[attribute]


def _same_title(rng: Random, entity: Entity) -> None:
    """Change to a book with the same title by other authors."""
    other = make_book(rng)
    for attribute in ("authors", "publisher", "isbn", "year", "pages"):
        entity[attribute] = other[attribute]


def _vary_book(rng: Random, entity: Entity) -> None:
    """Vary the form of authors and publisher, the format and the pages."""
    if rng.random() < 0.4:
        entity["manner"] = rng.choice(MANNERS)
    if rng.random() < 0.3:
        entity["format"] = draw_word(rng, "book_formats")
    if rng.random() < 0.2:
        entity["publisher"] = rng.choice(
            (
                f"{entity['publisher']} Inc.",
                entity["publisher"].split()[0],
                f"{entity['publisher']} Books",
            )
        )
    if rng.random() < 0.2:
        entity["pages"] = str(int(entity["pages"]) + rng.randint(-16, 16))


BOOK = Domain(
    name="book",
    make=make_book,
    columns={
        "title": Column(
            ("title", "book_title", "name"), _book_title, ("title", "subtitle", "volume", "edition")
        ),
        "authors": Column(("authors", "author", "writer", "by"), write_authors, ("authors",)),
        "publisher": single_column("publisher", "imprint", "verlag"),
        "year": single_column("year", "publication_year", "published"),
        "isbn": single_column("isbn", "isbn13", "ean"),
        "pages": single_column("pages", "page_count"),
        "format": single_column("format", "binding"),
    },
    schemas=(
        ("title", "authors", "publisher", "year"),
        ("title", "authors"),
        ("title", "authors", "year", "isbn"),
        ("title", "authors", "publisher", "year", "pages", "format"),
        ("title", "authors", "isbn", "publisher", "format"),
    ),
    different=(
        Change("edition", _other_edition, 3),
        Change("volume", _other_volume, 3),
        Change("same-author", _other_book, 3),
        Change("same-title", _same_title, 2),
    ),
    same=(Change("subtitle", drop_subtitle, 1), Change("fewer-authors", list_fewer_authors, 1)),
    vary=_vary_book,
    errors=error_models.WORKS,
    weak_attributes=frozenset({"publisher", "year", "pages", "format"}),
)
