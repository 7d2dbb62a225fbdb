"""Lessons of a single column of names: schools, teams, stations, seasons, places and more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random

from dedupe.training.augment.edits import abbreviate
from dedupe.training.generators.domains.title_names import NAME_PAIRS
from dedupe.training.generators.lessons.table import (
    Column,
    Facts,
    Group,
    Lesson,
    Plan,
    column,
    draw_groups,
)
from dedupe.training.generators.lessons.vocabulary import (
    draw_home,
    draw_town,
    draw_word_of,
    home_of,
    ordinal,
)
from dedupe.training.generators.lessons.writing import build
from dedupe.training.generators.values import draw_name, draw_word

NameGroup = Callable[[Random, str], list[str]]
"""Makes names of entities that look alike, in a locale."""

_ORDINALS = ("First", "Second", "Third", "Fourth", "Fifth", "Sixth")


def _schools(rng: Random, locale: str) -> list[str]:
    stem = rng.choice(
        (draw_town(rng, locale), f"Saint {draw_name(rng)}", home_of(locale).surnames.draw(rng))
    )
    kinds = rng.sample(("High School", "Middle School", "Elementary School", "Junior High School",
                        "Academy", "Community College", "University"), 3)  # fmt: skip
    side = rng.choice(("North ", "South ", "East ", "West "))
    return [*(f"{stem} {kind}" for kind in kinds), f"{side}{stem} {kinds[0]}"]


def _stations(rng: Random, locale: str) -> list[str]:
    town = draw_town(rng, locale)
    kind = rng.choice(("Fire Station", "Police Station {}", "Pump Station", "Terminal", "Gate",
                       "District", "Ward", "School No.", "Battalion", "Line"))  # fmt: skip
    numbers = rng.sample(range(1, 40), 3)
    return [f"{town} {kind.replace(' {}', '')} {number}" for number in numbers]


def _teams(rng: Random, locale: str) -> list[str]:
    town = draw_town(rng, locale)
    club = rng.choice(("Football Club", "Athletic", "United", "City", "Rovers", "Basketball Club"))
    mascot = draw_word_of(rng, "mascots")
    sport = draw_word(rng, "sports")
    return [f"{town} {club}", f"{town} {club} Women", f"{town} {mascot}",
            f"{town} {mascot} men's {sport}", f"{town} {mascot} women's {sport}"]  # fmt: skip


def _seasons(rng: Random, locale: str) -> list[str]:
    town = draw_town(rng, locale)
    league = rng.choice((f"{town} {draw_word_of(rng, 'mascots')} season", f"{town} Premier League",
                         f"{town} Cup", f"{town} Marathon"))  # fmt: skip
    first = rng.randint(1920, 2015)
    years = sorted({first, first + 1, first + rng.choice((2, 10)), first - 1})
    double = rng.random() < 0.5
    return [f"{year}–{(year + 1) % 100:02d} {league}" if double else f"{year} {league}"
            for year in years]  # fmt: skip


def _qualified(rng: Random, locale: str) -> list[str]:
    title = rng.choice(
        (draw_name(rng), draw_word_of(rng, "work_nouns"), home_of(locale).surnames.draw(rng))
    )
    kinds = rng.sample(("band", "album", "film", "river", "novel", "surname", "ship", "song",
                        "magazine", "video game", "painter", "footballer"), 3)  # fmt: skip
    return [f"{title} ({kind})" for kind in kinds]


def _lists(rng: Random, locale: str) -> list[str]:
    town = draw_town(rng, locale)
    things = rng.sample(
        ("mayors", "bridges", "museums", "schools", "rivers", "tallest buildings"), 3
    )
    return [f"List of {thing} in {town}" for thing in things]


def _centuries(rng: Random, locale: str) -> list[str]:
    subject = rng.choice(("Infantry Regiment", "Congress", "parliament", "Academy Awards",
                          f"{draw_town(rng, locale)} Symphony", "century", "Street"))  # fmt: skip
    numbers = rng.sample(range(2, 40), 3)
    return [f"{ordinal(number)} {subject}" for number in numbers]


def _hospitals(rng: Random, locale: str) -> list[str]:
    town, saint = draw_town(rng, locale), f"Saint {draw_name(rng)}"
    kinds = rng.sample(("General Hospital", "Medical Center", "Children's Hospital", "Clinic",
                        "Memorial Hospital", "University Hospital"), 2)  # fmt: skip
    return [*(f"{town} {kind}" for kind in kinds), f"{saint} {kinds[0]}", f"{saint}'s Church"]


def _ships(rng: Random, locale: str) -> list[str]:
    del locale
    name = rng.choice(
        (draw_name(rng), draw_word_of(rng, "work_nouns"), draw_word_of(rng, "animals"))
    )
    years = rng.sample(range(1850, 1990), 2)
    prefix, other = rng.sample(("USS", "HMS", "SS", "MV", "HMAS", "RMS"), 2)
    return [*(f"{prefix} {name} ({year})" for year in years), f"{other} {name} ({years[0]})"]


def _streets(rng: Random, locale: str) -> list[str]:
    name = rng.choice((draw_name(rng), home_of(locale).surnames.draw(rng)))
    kinds = rng.sample(("River", "Lake", "Mountain", "Valley", "Bay", "Island", "Creek", "Park",
                        "Airport", "Railway Station", "Bridge"), 3)  # fmt: skip
    return [*(f"{name} {kind}" for kind in kinds), f"Upper {name} {kinds[0]}"]


def _of_domain(name: str) -> NameGroup:
    def make(rng: Random, locale: str) -> list[str]:
        del locale
        return list(NAME_PAIRS[name](rng))

    return make


_MAKERS: tuple[NameGroup, ...] = (
    _schools, _stations, _teams, _seasons, _qualified, _lists, _centuries, _hospitals, _ships,
    _streets, _of_domain("species"), _of_domain("noble"), _of_domain("agency"),
    _of_domain("league"), _of_domain("race"), _of_domain("museum"), _of_domain("galaxy"),
)  # fmt: skip
_SHORT = (
    ("Saint ", "St. "), ("University", "Univ."), ("Football Club", "FC"), ("Football Club", "F.C."),
    ("High School", "HS"), ("Elementary School", "Elem. School"), ("Number", "No."),
    ("Medical Center", "Med Ctr"), ("Hospital", "Hosp."), ("North ", "N. "), ("South ", "S. "),
    ("Mountain", "Mt."), ("Station", "Stn"), (" of the ", " of "), ("Women", "Ladies"),
    ("–", "-"), ("–", "/"), (" and ", " & "), ("Basketball Club", "BC"), ("Railway", "Rail"),
)  # fmt: skip


def _write_shorter(rng: Random, facts: Facts) -> Iterable[str]:
    """Abbreviate a usual word of a name."""
    name = facts["name"]
    fitting = [(long, short) for long, short in _SHORT if long in name]
    if fitting:
        facts["name"] = name.replace(*rng.choice(fitting))
    elif rng.random() < 0.5 and " in " not in name:
        facts["name"] = abbreviate(name, rng)
    return ()


def _turn(rng: Random, facts: Facts) -> Iterable[str]:
    """Move the first or the last words of a name behind a comma, or add an article."""
    name = facts["name"]
    if facts.get("unique") and name.endswith(")"):
        facts["name"] = name.split(" (")[0]
        return ()
    head, _, tail = name.partition(" ")
    if head in ("North", "South", "East", "West", "Saint", "The", "Upper", "USS", "HMS") and tail:
        facts["name"] = f"{tail}, {head}"
    elif " (" in name or name[:1].isdigit():
        facts["name"] = rng.choice((f"The {name}", name.replace(" (", ", ").replace(")", "")))
    else:
        facts["name"] = rng.choice((f"The {name}", name.replace("-", " "), name.replace("'", "")))
    return ()


def single_names(rng: Random) -> Lesson:
    """Make one column of names that differ in a word or a number."""
    locale = draw_home(rng)
    makers = rng.sample(_MAKERS, rng.choice((1, 1, 2, 4, 8)))

    def lookalikes(rng: Random) -> Group:
        names = list(dict.fromkeys(rng.choice(makers)(rng, locale)))
        count = min(rng.choice((1, 2, 2, 3, 4)), len(names))
        facts = [{"name": name} for name in rng.sample(names, count)]
        if len(facts) == 1:
            facts[0]["unique"] = "yes"
        return facts

    plan = Plan(
        {"name": _NAME},
        {"name": 1.0},
        {"name": 1.0},
        ((_write_shorter, 5), (_turn, 2)),
        keep=frozenset({"name"}),
    )
    return build("single-names", rng, plan, draw_groups(rng, lookalikes))


_NAME: Column = column("name", "name", "title", "label", "entity", "entry")
