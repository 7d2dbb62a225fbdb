"""Films and seasons of series."""

from __future__ import annotations

from random import Random

from dedupe.training.augment import records as error_models
from dedupe.training.generators.domain import Change, Column, Domain, Entity, Style, single_column
from dedupe.training.generators.domains.authors import draw_people, draw_person, write_people
from dedupe.training.generators.domains.work_titles import draw_work_title, drop_subtitle
from dedupe.training.generators.values import draw_other, draw_word
from dedupe.training.word_lists import words

_PARTS = ("II", "III", "IV", "2", "3", "4", "season 2", "season 3")
_PART_FORMS = (("ii", "2"), ("iii", "3"), ("iv", "4"))


def make_film(rng: Random) -> Entity:
    """Make a film, or a season of a series."""
    return {
        "title": draw_work_title(rng),
        "part": rng.choice((*words("roman_numerals")[1:4], "2", "3", "season 2", "episode 4"))
        if rng.random() < 0.12
        else "",
        "subtitle": draw_word(rng, "subtitles").title() if rng.random() < 0.12 else "",
        "year": str(rng.randint(1915, 2023)),
        "director": draw_person(rng),
        "actors": draw_people(rng, 4),
        "writer": draw_person(rng),
        "genre": draw_word(rng, "film_genres").title(),
        "length": f"{rng.randint(60, 190)} min",
        "dated": str(rng.randrange(4)),
        "last": str(rng.randrange(4)),
        "manner": rng.choice(("full", "full", "surname-first")),
    }


def _film_title(entity: Entity, style: Style) -> str:
    """Write the title with part and subtitle, and perhaps the year."""
    title = entity["title"]
    head, _, tail = title.partition(" ")
    if entity["last"] == "0" and head.lower() in ("the", "a", "la", "il", "el") and tail:
        title = f"{tail}, {head}"
    title = " ".join(filter(None, (title, entity["part"])))
    title = f"{title}: {entity['subtitle']}" if entity["subtitle"] else title
    if entity["dated"] == "0":
        title = f"{title} ({entity['year']})"
    return style.apply(title)


def _person_column(attribute: str) -> Column:
    """Make a column of directors, actors or writers."""
    names = {
        "director": ("director", "director name", "directed_by"),
        "actors": ("starring", "actor name", "actors", "cast"),
        "writer": ("writer", "screenplay", "editor"),
    }
    return Column(
        names[attribute],
        lambda entity, style: style.apply(write_people(entity[attribute], entity["manner"])),
        (attribute,),
    )


def _sequel(rng: Random, entity: Entity) -> None:
    """Change to a sequel or another season."""
    if rng.random() < 0.6:
        entity["part"] = draw_other(rng, _PARTS, entity["part"], _PART_FORMS)
    else:
        entity["subtitle"] = draw_other(rng, words("subtitles"), entity["subtitle"]).title()
    entity["year"] = str(int(entity["year"]) + rng.randint(1, 6))
    if rng.random() < 0.4:
        entity["director"] = draw_person(rng)


def _remake(rng: Random, entity: Entity) -> None:
    """Change to a remake."""
    other = make_film(rng)
    for attribute in ("director", "actors", "writer"):
        entity[attribute] = other[attribute]
    entity["year"] = str(int(entity["year"]) + rng.choice((-40, -25, -9, 7, 12, 24, 37)))


def _same_director(rng: Random, entity: Entity) -> None:
    """Change to another film of the same director and actors."""
    entity["title"], entity["part"], entity["subtitle"] = draw_work_title(rng), "", ""
    entity["year"] = str(int(entity["year"]) + rng.choice((-3, -2, -1, 0, 1, 2, 3)))


def _similar_title(rng: Random, entity: Entity) -> None:
    """Change to a film with a similar title."""
    tokens = entity["title"].split()
    at = rng.randrange(len(tokens))
    tokens[at] = draw_other(rng, words("work_nouns"), tokens[at]).title()
    entity["title"] = " ".join(tokens)
    entity["director"], entity["actors"], entity["writer"] = (
        draw_person(rng),
        draw_people(rng, 3),
        draw_person(rng),
    )
    entity["year"] = str(rng.randint(1915, 2023))


def _vary_film(rng: Random, entity: Entity) -> None:
    """Vary the form of the title, the actors and the genre."""
    entity["dated"], entity["last"] = str(rng.randrange(4)), str(rng.randrange(4))
    if rng.random() < 0.5:
        entity["manner"] = rng.choice(("full", "surname-first"))
    names = entity["actors"].split(", ")
    if len(names) > 1 and rng.random() < 0.5:
        entity["actors"] = ", ".join(rng.sample(names, rng.randint(1, len(names))))
    if rng.random() < 0.12:
        entity["actors"] = draw_people(rng, 3)
    if rng.random() < 0.3:
        entity["genre"] = draw_word(rng, "film_genres").title()


def _year_error(rng: Random, entity: Entity) -> None:
    """Mistake the year by one."""
    entity["year"] = str(int(entity["year"]) + rng.choice((-1, 1)))


FILM = Domain(
    name="film",
    make=make_film,
    columns={
        "title": Column(
            ("title", "name", "movie", "film"), _film_title, ("title", "part", "subtitle")
        ),
        "year": single_column("year", "release_year", "released"),
        "director": _person_column("director"),
        "actors": _person_column("actors"),
        "writer": _person_column("writer"),
        "genre": single_column("genre", "category"),
        "length": single_column("length", "runtime", "duration"),
    },
    schemas=(
        ("title", "director", "year", "genre"),
        ("title", "actors", "writer"),
        ("title", "actors", "director", "year", "genre"),
        ("title", "year"),
        ("title", "year", "length", "director"),
    ),
    different=(
        Change("sequel", _sequel, 3),
        Change("remake", _remake, 2),
        Change("same-crew", _same_director, 2),
        Change("near-title", _similar_title, 3),
    ),
    same=(Change("year-slip", _year_error, 1), Change("subtitle", drop_subtitle, 1)),
    vary=_vary_film,
    errors=error_models.WORKS,
    weak_attributes=frozenset({"genre", "length", "actors", "writer"}),
)
