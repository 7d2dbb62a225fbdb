"""Software: boxed programs with version, edition, licence and platform."""

from __future__ import annotations

from random import Random

from dedupe.training.augment import records as error_models
from dedupe.training.generators.domain import Change, Column, Domain, Entity, Style, single_column
from dedupe.training.generators.domains.products import set_price
from dedupe.training.generators.values import draw_other, draw_word, nudge_digit
from dedupe.training.word_lists import word_table, words

_TITLES = {maker: titles for maker, (titles,) in word_table("software").items()}
"""Titles by maker."""

_TERM_FORMS = (("academic", "education edition", "student edition"), ("", "1 user"))
"""Licence terms that mean the same; a single user is the default."""

_WINDOWS = ("win", "pc", "windows xp/vista")


def _draw_version(rng: Random) -> str:
    """Draw a version: a year, a number or a name such as cs4."""
    return rng.choice(
        (
            str(rng.randint(1998, 2012)),
            f"{rng.randint(1, 14)}.{rng.randint(0, 9)}",
            str(rng.randint(2, 15)),
            f"cs{rng.randint(2, 6)}",
            f"v{rng.randint(2, 12)}",
            f"x{rng.randint(3, 6)}",
            str(rng.randint(1998, 2012)),
        )
    )


def make_software(rng: Random) -> Entity:
    """Make a boxed program with its version, edition, licence and platform."""
    maker = rng.choice(tuple(_TITLES))
    entity = {
        "maker": maker,
        "product": rng.choice(_TITLES[maker]),
        "version": _draw_version(rng) if rng.random() < 0.85 else "",
        "edition": draw_word(rng, "software_editions") if rng.random() < 0.55 else "",
        "terms": draw_word(rng, "software_terms") if rng.random() < 0.3 else "",
        "platform": draw_word(rng, "platforms") if rng.random() < 0.3 else "",
        "language": draw_word(rng, "languages") if rng.random() < 0.06 else "",
        "order": str(rng.randrange(4)),
        "branded": str(rng.randrange(2)),
        "noise": "",
    }
    set_price(rng, entity)
    return entity


def _software_title(entity: Entity, style: Style) -> str:
    """Write the title as one of several kinds of shops does."""
    maker = entity["maker"] if entity["branded"] == "1" else ""
    platform = (
        f"({entity['platform']})"
        if entity["platform"] and entity["order"] != "0"
        else entity["platform"]
    )
    core = (
        (entity["version"], entity["edition"])
        if int(entity["order"]) % 2
        else (entity["edition"], entity["version"])
    )
    licence = (entity["terms"], entity["language"], platform, entity["noise"])
    parts = (maker, entity["product"], *core, *licence)
    return style.apply(" ".join(part for part in parts if part))


def _other_version(rng: Random, entity: Entity) -> None:
    """Change to another version."""
    entity["version"] = (
        nudge_digit(rng, entity["version"]) if entity["version"] else _draw_version(rng)
    )


def _replace_attribute(
    attribute: str, values: tuple[str, ...], forms: tuple[tuple[str, ...], ...] = ()
) -> Change:
    """Make a change that replaces one attribute by another value of a word list."""

    def edit(rng: Random, entity: Entity) -> None:
        entity[attribute] = draw_other(rng, values, entity[attribute], forms)

    return Change(attribute, edit, 2)


def _other_program(rng: Random, entity: Entity) -> None:
    """Change to another program of the same maker."""
    entity["product"] = draw_other(rng, _TITLES[entity["maker"]], entity["product"])


def _vary_software(rng: Random, entity: Entity) -> None:
    """Vary price, order of the title and shop noise."""
    if rng.random() < 0.7:
        entity["price"] = f"{float(entity['price']) * rng.uniform(0.5, 1.5):.2f}"
    if rng.random() < 0.5:
        entity["order"], entity["branded"] = str(rng.randrange(4)), str(rng.randrange(2))
    if rng.random() < 0.15:
        entity["noise"] = draw_word(rng, "software_noise")


def _retitle(rng: Random, entity: Entity) -> None:
    """Describe the program as another shop does: defaults left out, other forms of words."""
    if entity["platform"] in (*_WINDOWS, "win/mac"):
        entity["platform"] = rng.choice(("", *_WINDOWS))
    if rng.random() < 0.5:
        entity["language"] = ""
    forms = {"professional": "pro", "standard": "std", "premium": "prem", "small-business": "sb"}
    entity["edition"] = forms.get(entity["edition"], entity["edition"])
    if entity["terms"] in ("academic", "education edition", "student edition"):
        entity["terms"] = rng.choice(("academic", "education", "student edition", "edu"))
    if rng.random() < 0.2:
        entity["product"] = entity["product"].removeprefix("norton ").removesuffix(" pro")


def _other_platform(rng: Random, entity: Entity) -> None:
    """Change to the version for another platform. Most titles do not name theirs."""
    entity["platform"] = draw_other(rng, words("ported_platforms"), entity["platform"])


SOFTWARE = Domain(
    name="software",
    make=make_software,
    columns={
        "title": Column(
            ("title", "name", "product", "software"),
            _software_title,
            ("product", "version", "edition", "terms", "language", "platform"),
        ),
        "maker": single_column("maker", "manufacturer", "vendor", "publisher", "brand"),
        "price": single_column("price", "cost"),
        "platform": single_column("platform", "os"),
    },
    schemas=(
        ("title", "maker", "price"),
        ("title", "maker", "price"),
        ("title", "price"),
        ("title",),
        ("title", "maker", "platform"),
    ),
    different=(
        Change("version", _other_version, 4),
        _replace_attribute("edition", words("software_editions")),
        _replace_attribute("terms", words("software_terms"), _TERM_FORMS),
        Change("platform", _other_platform, 2),
        Change("other-program", _other_program, 4),
    ),
    same=(Change("retitled", _retitle, 1),),
    vary=_vary_software,
    errors=error_models.PRODUCTS,
    weak_attributes=frozenset({"price"}),
)
