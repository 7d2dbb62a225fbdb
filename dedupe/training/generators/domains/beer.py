"""Beer and breweries."""

from __future__ import annotations

from random import Random

from dedupe.training.augment import records as error_models
from dedupe.training.generators.domain import Change, Column, Domain, Entity, Style, single_column
from dedupe.training.generators.values import draw_name, draw_other, draw_word
from dedupe.training.word_lists import words


def make_beer(rng: Random) -> Entity:
    """Make a beer of a brewery."""
    brewery = rng.choice(
        (
            draw_name(rng),
            f"{draw_word(rng, 'work_adjectives')} {draw_word(rng, 'work_nouns')}",
            draw_word(rng, "common_places"),
        )
    )
    return {
        "house": brewery.title(),
        "brewery": f"{brewery} {draw_word(rng, 'brewery_suffixes')}".title(),
        "beer": rng.choice(
            (
                f"{draw_word(rng, 'work_adjectives')} {draw_word(rng, 'work_nouns')}",
                f"{draw_name(rng)}'s",
                draw_word(rng, "work_nouns"),
                f"{draw_word(rng, 'company_words')} {draw_word(rng, 'mascots')[:-1]}",
                "",
            )
        ).title(),
        "type": draw_word(rng, "beer_types").title(),
        "style": draw_word(rng, "beer_styles").title(),
        "variant": draw_word(rng, "beer_variants").title() if rng.random() < 0.15 else "",
        "abv": f"{rng.uniform(3.8, 11.5):.1f}",
        "with_house": str(rng.randrange(3)),
        "percent": rng.choice((" %", "%", "", "0 %")),
    }


def _beer_name(entity: Entity, style: Style) -> str:
    """Write the name of the beer, sometimes after that of the brewery."""
    house = entity["house"] if entity["with_house"] == "1" or not entity["beer"] else ""
    parts = (house, entity["beer"], entity["type"], entity["variant"])
    return style.apply(" ".join(filter(None, parts)))


def _other_beer(rng: Random, entity: Entity) -> None:
    """Change to another beer of the same brewery."""
    other = make_beer(rng)
    part = rng.random()
    if part < 0.5:
        entity["beer"] = other["beer"] or draw_name(rng)
    if part > 0.35:
        entity["type"] = draw_other(rng, words("beer_types"), entity["type"]).title()
        entity["style"] = other["style"]
    entity["abv"] = other["abv"]


def _beer_variant(rng: Random, entity: Entity) -> None:
    """Change to a variant of the beer."""
    entity["variant"] = draw_other(rng, words("beer_variants"), entity["variant"]).title()
    entity["abv"] = f"{float(entity['abv']) + rng.uniform(-1, 2):.1f}"


def _other_brewery(rng: Random, entity: Entity) -> None:
    """Change to a beer of the same name from another brewery."""
    other = make_beer(rng)
    for attribute in ("house", "brewery", "abv"):
        entity[attribute] = other[attribute]


def _vary_beer(rng: Random, entity: Entity) -> None:
    """Vary style, alcohol content and their form."""
    if rng.random() < 0.45:
        entity["style"] = draw_word(rng, "beer_styles").title()
    if rng.random() < 0.4:
        entity["with_house"] = str(rng.randrange(3))
    if rng.random() < 0.1:
        entity["abv"] = ""
    elif rng.random() < 0.15:
        entity["abv"] = f"{float(entity['abv']) + rng.choice((-0.2, -0.1, 0.1, 0.3, 0.5)):.1f}"
    if rng.random() < 0.3:
        entity["percent"] = rng.choice((" %", "%", "", "0 %"))


BEER = Domain(
    name="beer",
    make=make_beer,
    columns={
        "beer": Column(
            ("beer", "Beer_Name", "name", "beer_name"), _beer_name, ("beer", "type", "variant")
        ),
        "brewery": single_column("brewery", "Brew_Factory_Name", "brewer", "producer"),
        "style": single_column("style", "Style", "beer_style", "type"),
        "abv": Column(
            ("abv", "ABV", "alcohol"),
            lambda entity, style: entity["abv"] + entity["percent"] if entity["abv"] else "",
            ("abv",),
        ),
    },
    schemas=(
        ("beer", "brewery", "style", "abv"),
        ("beer", "brewery", "style", "abv"),
        ("beer", "brewery"),
        ("beer", "style", "abv", "brewery"),
    ),
    different=(
        Change("same-brewery", _other_beer, 4),
        Change("variant", _beer_variant, 2),
        Change("other-brewery", _other_brewery, 2),
    ),
    vary=_vary_beer,
    errors=error_models.PRODUCTS,
    weak_attributes=frozenset({"style", "abv"}),
)
