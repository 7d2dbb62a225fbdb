"""Entities that are known by one name: teams, drugs, species, museums, magazines."""

from __future__ import annotations

from random import Random

from dedupe.training.augment import records as error_models
from dedupe.training.generators.domain import Change, Domain, Entity, single_column
from dedupe.training.generators.domains.title_names import NAME_PAIRS, draw_country
from dedupe.training.generators.values import draw_word


def make_title(rng: Random) -> Entity:
    """Make the name of an entity, and a similar name of another entity."""
    kind = rng.choice(tuple(NAME_PAIRS))
    name, lookalike = NAME_PAIRS[kind](rng)
    return {"kind": kind, "name": name, "lookalike": lookalike}


def _take_lookalike(rng: Random, entity: Entity) -> None:
    """Change to the entity with the similar name."""
    del rng
    entity["name"] = entity["lookalike"]


def _same_kind(rng: Random, entity: Entity) -> None:
    """Change to another entity of the same kind."""
    entity["name"] = NAME_PAIRS[entity["kind"]](rng)[0]


_HINTS = {
    "team": "team",
    "hospital": "hospital",
    "museum": "museum",
    "song": "song",
    "magazine": "magazine",
    "drug": "drug",
    "league": "league",
    "station": "TV channel",
    "noble": "nobleman",
    "country": "state",
    "venue": "venue",
    "species": "species",
    "mall": "shopping centre",
    "race": "horse race",
}


def _hint(rng: Random, entity: Entity) -> None:
    """Add or remove a hint at the kind of entity."""
    name, hint = entity["name"], _HINTS.get(entity["kind"], "disambiguation")
    entity["name"] = rng.choice(
        (
            f"{name} ({hint})",
            name.replace("(", "").replace(")", ""),
            name.replace(" (", ", ").replace(")", ""),
            f"The {name}",
            name.removeprefix("The "),
        )
    )


def _longer_name(rng: Random, entity: Entity) -> None:
    """Add a salt to the name of a drug, or a country to other names."""
    if entity["kind"] == "drug":
        entity["name"] = f"{entity['name']} {draw_word(rng, 'drug_salts')}"
    elif entity["kind"] in ("team", "museum", "hospital", "venue"):
        entity["name"] = f"{entity['name']}, {draw_country(rng)}"


TITLE_ONLY = Domain(
    name="title-only",
    make=make_title,
    columns={"name": single_column("name", "title", "label", "value")},
    schemas=(("name",),),
    different=(Change("lookalike", _take_lookalike, 5), Change("same-sort", _same_kind, 1)),
    same=(Change("hint", _hint, 2), Change("longer-name", _longer_name, 1)),
    errors=error_models.NAMES,
)
