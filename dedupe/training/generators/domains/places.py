"""Places on the map, with coordinates."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from dedupe.training.augment import records as error_models
from dedupe.training.generators.domain import Change, Column, Domain, Entity, Style, single_column
from dedupe.training.generators.locales import country, draw_locale
from dedupe.training.generators.values import draw_name, draw_word


def make_place(rng: Random) -> Entity:
    """Make a place on the map."""
    locale = draw_locale(rng)
    name = rng.choice(
        (
            country(locale).cities.draw(rng),
            draw_word(rng, "common_places").title(),
            draw_name(rng, ("burg", "ville", "ton", "stad", "ovo", "heim")),
        )
    )
    nation = draw_word(rng, "countries").title()
    return {
        "name": name,
        "region": draw_word(rng, "regions").title(),
        "country": nation,
        "lat": f"{rng.uniform(-60, 70):.6f}",
        "lon": f"{rng.uniform(-179, 179):.6f}",
        "kinds": draw_word(rng, "place_types"),
        "population": str(int(rng.lognormvariate(9, 2))),
        "ele": str(rng.randint(0, 2500)),
        "within": rng.choice(("", "", "country", "region")),
        "brackets": str(rng.randrange(2)),
        "digits": str(rng.randint(2, 6)),
    }


def _write_name(entity: Entity, style: Style) -> str:
    """Write the name, sometimes with the region or country."""
    outer = entity.get(entity["within"], "") if entity["within"] else ""
    name = entity["name"]
    if outer:
        name = f"{name} ({outer})" if entity["brackets"] == "1" else f"{name}, {outer}"
    return style.apply(name)


def _coordinate(attribute: str) -> Callable[[Entity, Style], str]:
    """Make the writer of a coordinate, rounded as the entity says."""
    return lambda entity, style: (
        f"{float(entity[attribute]):.{int(entity['digits'])}f}" if entity[attribute] else ""
    )


def _elsewhere(rng: Random, entity: Entity) -> None:
    """Change to a place with the same name elsewhere."""
    other = make_place(rng)
    for attribute in ("region", "country", "lat", "lon", "population", "ele"):
        entity[attribute] = other[attribute]
    if entity["within"] == "" and rng.random() < 0.5:
        entity["within"] = "region"


def _nearby(rng: Random, entity: Entity) -> None:
    """Change to a place with another name nearby."""
    entity["name"] = rng.choice(
        (
            make_place(rng)["name"],
            f"New {entity['name']}",
            f"East {entity['name']}",
            f"{entity['name']} Heights",
            f"{entity['name']} County",
            f"Upper {entity['name']}",
        )
    )
    for attribute in ("lat", "lon"):
        entity[attribute] = (
            f"{float(entity[attribute]) + rng.choice((-1, 1)) * rng.uniform(0.08, 1.2):.6f}"
        )
    entity["population"] = str(int(rng.lognormvariate(9, 2)))


def _vary_place(rng: Random, entity: Entity) -> None:
    """Vary form of the name, coordinates, type and population."""
    entity["within"], entity["brackets"] = (
        rng.choice(("", "", "country", "region")),
        str(rng.randrange(2)),
    )
    for attribute in ("lat", "lon"):
        if rng.random() < 0.5:
            entity[attribute] = f"{float(entity[attribute]) + rng.gauss(0, 0.012):.6f}"
    entity["digits"] = str(rng.randint(2, 6))
    if rng.random() < 0.4:
        entity["kinds"] = rng.choice(
            ("city", "city, village,...", "populated place", entity["kinds"])
        )
    if rng.random() < 0.5:
        entity["population"] = str(int(int(entity["population"]) * rng.uniform(0.8, 1.25)))


PLACE = Domain(
    name="place",
    make=make_place,
    columns={
        "name": Column(("name", "label", "place", "title"), _write_name, ("name",)),
        "region": single_column("region", "state", "admin1"),
        "country": single_column("country", "nation"),
        "lat": Column(("lat", "latitude", "y"), _coordinate("lat"), ("lat",)),
        "lon": Column(("lon", "longitude", "lng", "x"), _coordinate("lon"), ("lon",)),
        "kinds": single_column("kinds", "type", "feature_class"),
        "population": single_column("population", "pop"),
        "ele": single_column("ele", "elevation", "altitude"),
    },
    schemas=(
        ("name", "lat", "lon", "kinds"),
        ("name", "ele", "lat", "lon", "kinds"),
        ("name", "region", "country"),
        ("name", "country", "population", "lat", "lon"),
        ("name", "lat", "lon"),
    ),
    different=(Change("elsewhere", _elsewhere, 3), Change("near-name", _nearby, 3)),
    vary=_vary_place,
    errors=error_models.PLACES,
    weak_attributes=frozenset({"region", "population", "ele", "kinds"}),
    evidence={
        "name": 1.0,
        "lat": 1.0,
        "lon": 1.0,
        "region": 0.6,
        "country": 0.6,
        "population": 0.5,
    },
    evidence_needed=1.6,
)
