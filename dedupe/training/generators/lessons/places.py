"""Lessons about places on a map."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random

from dedupe.training.generators.lessons.styles import Style
from dedupe.training.generators.lessons.table import (
    Column,
    Facts,
    Group,
    Lesson,
    Plan,
    choose_columns,
    column,
    draw_groups,
    raw,
)
from dedupe.training.generators.lessons.vocabulary import (
    draw_home,
    draw_town,
)
from dedupe.training.generators.lessons.writing import build
from dedupe.training.generators.values import draw_word
from dedupe.training.word_lists import words


def _write_coordinates(name: str) -> Column:
    """Make a column of a latitude or longitude with a few metres of noise."""

    def write(facts: Facts, style: Style, rng: Random) -> str:
        if not facts.get(name):
            return ""
        value = float(facts[name]) + rng.uniform(-0.0004, 0.0004)
        return f"{value:.{3 + style.phone % 4}f}"

    names = (name, "lat", "latitude", "y") if name == "lat" else (name, "lon", "lng", "longitude")
    return Column(names, write, (name,), 0.0)


PLACE_COLUMNS: Mapping[str, Column] = {
    "place": column("place", "name", "place", "settlement", "location", typos=1.5),
    "region": column("region", "state", "region", "county", "province", typos=0.3),
    "country": raw("country", "country", "country_code", "land"),
    "kinds": column("kinds", "kind", "type", "feature", typos=0.1),
    "population": raw("population", "population", "pop", "inhabitants"),
    "lat": _write_coordinates("lat"),
    "lon": _write_coordinates("lon"),
}


def places(rng: Random) -> Lesson:
    """Make places with coordinates, some of one name in other regions."""
    locale = draw_home(rng)
    schema = rng.choice(
        (
            ("place", "lat", "lon"),
            ("place", "lat", "lon", "population", "region"),
            ("place", "region", "country", "lat", "lon"),
            ("place", "kinds", "region", "lat", "lon"),
        )
    )
    columns = choose_columns(rng, PLACE_COLUMNS, schema, ("place", "lat", "lon", "region"))
    kinds = words("place_types")

    def make(rng: Random) -> Facts:
        return {
            "locale": locale,
            "country": locale[-2:],
            "place": draw_town(rng, locale),
            "region": draw_word(rng, "regions").title(),
            "lat": f"{rng.uniform(-55, 65):.5f}",
            "lon": f"{rng.uniform(-120, 140):.5f}",
            "population": str(int(10 ** rng.uniform(2, 6))),
            "kinds": rng.choice(kinds),
        }

    def lookalikes(rng: Random) -> Group:
        first = make(rng)
        group = [first]
        for _ in range(rng.choice((1, 1, 2, 3))):
            other = make(rng)
            roll = rng.random()
            if roll < 0.25:
                other["place"], other["region"] = first["place"], first["region"]
                for name in ("lat", "lon"):
                    shift = rng.choice((-1, 1)) * rng.uniform(0.4, 3.0)
                    other[name] = f"{float(first[name]) + shift:.5f}"
            elif roll < 0.6:
                other["place"] = first["place"]
            else:
                added = rng.choice(("North {}", "{} Creek", "New {}", "Lake {}", "Upper {}"))
                other["place"] = added.format(first["place"])
                other["region"] = first["region"]
                for name in ("lat", "lon"):
                    shift = rng.choice((-1, 1)) * rng.uniform(0.05, 0.6)
                    other[name] = f"{float(first[name]) + shift:.5f}"
            group.append(other)
        return group

    def write_otherwise(rng: Random, facts: Facts) -> Iterable[str]:
        place = facts["place"]
        if place.endswith(")") or "," in place:
            return ()
        facts["place"] = rng.choice(
            (f"{place}, {facts['region']}", place.replace("Saint", "St."), place.replace("-", " "),
             place.replace("North ", "N. "), f"{place} ({facts['country']})")
        )  # fmt: skip
        return ()

    def count_again(rng: Random, facts: Facts) -> Iterable[str]:
        facts["population"] = str(int(float(facts["population"]) * rng.uniform(0.9, 1.12)))
        return ()

    plan = Plan(
        columns,
        {"lat": 0.6, "lon": 0.6, "region": 0.6, "place": 0.4},
        {"place": 0.6, "lat": 0.25, "lon": 0.25, "region": 0.4},
        ((write_otherwise, 3), (count_again, 3)),
        keep=frozenset({"place"}),
        gaps=0.6,
    )
    return build("places", rng, plan, draw_groups(rng, lookalikes, make))
