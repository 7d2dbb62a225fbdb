"""Names of entities of many kinds, each with a similar name of another entity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from dedupe.training.generators.domains.work_titles import draw_work_title
from dedupe.training.generators.locales import ENGLISH, country
from dedupe.training.generators.values import draw_name, draw_other, draw_word, nudge_digit
from dedupe.training.word_lists import word_pairs, words

NamePair = Callable[[Random], tuple[str, str]]
"""Makes a name of an entity and a similar name of another entity."""

_ORDINALS = ("First", "Second", "Third", "Fourth")
_RACE_KINDS = (
    "Stakes", "Handicap", "Marathon", "Grand Prix", "Classic", "Cup", "Derby", "Open", "Trophy",
    "Rally", "Oaks",
)  # fmt: skip
_STATE_KINDS = (
    "Kingdom of", "Duchy of", "County of", "Republic of", "Principality of", "Sultanate of",
    "Emirate of",
)  # fmt: skip
_KIND_FORMS = (("art museum", "museum of art"),)
"""Kinds of institutions that mean the same."""


def _town(rng: Random) -> str:
    """Draw a town."""
    if rng.random() < 0.5:
        return country(rng.choice(ENGLISH)).cities.draw(rng)
    return rng.choice((draw_name(rng), draw_word(rng, "common_places").title()))


def draw_country(rng: Random) -> str:
    """Draw a country."""
    return draw_word(rng, "countries").title()


def _adjective(rng: Random) -> str:
    """Draw the adjective of a country."""
    return rng.choice(word_pairs("demonyms"))[1].title()


def _team(rng: Random) -> tuple[str, str]:
    """Name a sports team and a similar one."""
    town, mascot = _town(rng), draw_word(rng, "mascots").title()
    club = rng.choice(("F.C.", "FC", "BC", "SK", "United", "City"))
    name = rng.choice((f"{town} {mascot}", f"{town} {club}", f"{club} {town}"))
    match rng.randrange(5):
        case 0:
            return name, f"{name} women"
        case 1:
            return name, f"{name} II"
        case 2:
            return f"{town} {mascot}", f"{town} {draw_other(rng, words('mascots'), mascot).title()}"
        case 3:
            return name, name.replace(town, _town(rng))
        case _:
            return (
                f"{name} (men's {draw_word(rng, 'sports')})",
                f"{name} (women's {draw_word(rng, 'sports')})",
            )


def _season(rng: Random) -> tuple[str, str]:
    """Name a season of a team, a league or a tournament and a similar one."""
    year = rng.randint(1905, 2019)
    body = rng.choice(
        (
            f"{_town(rng)} {draw_word(rng, 'mascots').title()} season",
            f"{draw_country(rng)} Premier League",
            f"{_adjective(rng)} {rng.choice(_ORDINALS)} Division",
            f"{_town(rng)} Open",
            f"{_adjective(rng)} {draw_word(rng, 'sports').title()} Cup",
        )
    )
    two_year = rng.random() < 0.3
    date = f"{year}–{(year + 1) % 100:02d}" if two_year else str(year)
    if rng.random() < 0.7:
        other = year + rng.choice((-10, -2, -1, 1, 2, 10, 3))
        return (
            f"{date} {body}",
            f"{other}–{(other + 1) % 100:02d} {body}" if two_year else f"{other} {body}",
        )
    return f"{date} {body}", f"{date} {_season(rng)[0].split(' ', 1)[1]}"


def _league(rng: Random) -> tuple[str, str]:
    """Name a league and a similar one."""
    nation, sport = _adjective(rng), draw_word(rng, "sports").title()
    level = rng.choice(_ORDINALS)
    name = rng.choice(
        (
            f"{nation} {level} Division",
            f"{nation} {sport} League",
            f"{nation} Women's {sport} League",
            f"{nation} Under-{rng.choice((17, 19, 21))} {sport} Championship",
            f"{nation} {sport} League {level} Division",
        )
    )
    adjectives = [adjective for _, adjective in word_pairs("demonyms")]
    replacements = (
        (level, draw_other(rng, _ORDINALS, level)),
        (nation, draw_other(rng, adjectives, nation).title()),
        (sport, draw_other(rng, words("sports"), sport).title()),
        ("Women's ", ""),
    )
    other = name.replace(*rng.choice(replacements))
    return name, other if other != name else f"{name} (women)"


def _drug(rng: Random) -> tuple[str, str]:
    """Name a drug and a similar one."""
    start, end = draw_word(rng, "drug_beginnings"), draw_word(rng, "drug_endings")
    name = f"{start}{end}".capitalize()
    if rng.random() < 0.12:
        return (
            f"Interferon {rng.choice(('alfa', 'beta', 'gamma'))}-{rng.randint(1, 2)}a",
            f"Interferon {rng.choice(('alfa', 'beta', 'gamma'))}-{rng.randint(1, 2)}b",
        )
    near = rng.choice(
        (
            f"{draw_other(rng, words('drug_beginnings'), start)}{end}",
            f"{start}{draw_other(rng, words('drug_endings'), end)}",
        )
    )
    return name, near.capitalize()


def _enzyme(rng: Random) -> tuple[str, str]:
    """Name an enzyme and a similar one."""
    substrates, classes = words("enzyme_substrates"), words("enzyme_classes")
    substrate, kind = rng.choice(substrates), rng.choice(classes)
    place = f"{rng.randint(1, 6)}-" if rng.random() < 0.5 else ""
    name = f"{place}{substrate} {kind}"
    other = rng.choice(
        (
            f"{place}{substrate} {draw_other(rng, classes, kind)}",
            f"{place}{draw_other(rng, substrates, substrate)} {kind}",
            f"{nudge_digit(rng, place) if place else '2-'}{substrate} {kind}",
        )
    )
    return name.capitalize(), other.strip().capitalize()


def _species(rng: Random) -> tuple[str, str]:
    """Name a species of animals or plants and a similar one."""
    if rng.random() < 0.5:
        genus, epithet = draw_word(rng, "genera"), draw_word(rng, "epithets")
        other = rng.choice(
            (
                f"{genus} {draw_other(rng, words('epithets'), epithet)}",
                f"{draw_other(rng, words('genera'), genus)} {epithet}",
            )
        )
        return f"{genus} {epithet}".capitalize(), other.capitalize()
    animal, first = (
        draw_word(rng, "animals"),
        rng.choice(
            (
                _town(rng),
                draw_word(rng, "colours"),
                draw_word(rng, "work_adjectives"),
                f"{draw_name(rng)}'s",
                draw_country(rng),
            )
        ),
    )
    other = rng.choice(
        (
            f"{first} {draw_other(rng, words('animals'), animal)}",
            f"{draw_country(rng)} {animal}",
            f"{draw_name(rng)}'s {animal}",
        )
    )
    return f"{first} {animal}".capitalize(), other.capitalize()


def _institution(kinds: tuple[str, ...]) -> NamePair:
    """Make a function that names institutions of some kinds."""

    def institution(rng: Random) -> tuple[str, str]:
        kind, town = rng.choice(kinds).title().replace("'S", "'s"), _town(rng)
        stem = rng.choice(
            (town, f"St. {draw_name(rng)}", draw_name(rng), draw_word(rng, "company_words").title())
        )
        name = rng.choice(
            (
                f"{stem} {kind}",
                f"{kind} of {stem}",
                f"{stem} {kind}, {town}",
                f"{stem} {kind} ({town})",
            )
        )
        if rng.random() < 0.35:
            other = draw_other(rng, kinds, kind, _KIND_FORMS)
            return name, name.replace(kind, other.title().replace("'S", "'s"))
        if rng.random() < 0.4:
            return f"{stem} {kind} ({town})", f"{stem} {kind} ({_town(rng)})"
        return name, name.replace(stem, draw_name(rng) if rng.random() < 0.5 else _town(rng))

    return institution


def _agency(rng: Random) -> tuple[str, str]:
    """Name a government agency and a similar one."""
    template = draw_word(rng, "agency_names")
    subject = draw_word(rng, "agency_subjects")
    nation, adjective = rng.choice(word_pairs("demonyms"))
    names_country = "{d}" in template
    if not names_country:
        template += " ({c})"
    name = template.format(x=subject, d=adjective, c=nation)
    if (rng.random() < 0.5) == names_country:
        other = draw_other(rng, words("agency_subjects"), subject)
        similar = template.format(x=other, d=adjective, c=nation)
    elif names_country:
        similar = template.format(x=subject, d=_adjective(rng).lower())
    else:
        similar = template.format(x=subject, c=draw_country(rng))
    return name.title(), similar.title()


def _magazine(rng: Random) -> tuple[str, str]:
    """Name a magazine and a similar one."""
    template, word = draw_word(rng, "magazine_names"), draw_word(rng, "magazine_words")

    def fill(x: str) -> str:
        return template.format(
            x=x,
            y=draw_word(rng, "magazine_words"),
            d=_adjective(rng).lower(),
            q=draw_word(rng, "work_adjectives"),
        ).title()

    return fill(word), fill(draw_other(rng, words("magazine_words"), word))


def _noble(rng: Random) -> tuple[str, str]:
    """Name a monarch or a noble and a similar one."""
    name, number = draw_word(rng, "monarchs").title(), rng.choice(words("roman_numerals")[:8])
    title, land = draw_word(rng, "noble_titles").title(), _town(rng)
    joint = rng.choice((", {t} of {l}", " of {l}", " ({t} of {l})", ", {t} of {l}"))

    def write(name: str, numeral: str, title: str, land: str) -> str:
        return f"{name} {numeral}{joint.format(t=title, l=land)}"

    other = rng.choice(
        (
            write(name, draw_other(rng, words("roman_numerals")[:8], number), title, land),
            write(name, number, title, _town(rng)),
            write(draw_other(rng, words("monarchs"), name).title(), number, title, land),
        )
    )
    return write(name, number, title, land), other


def _galaxy(rng: Random) -> tuple[str, str]:
    """Name a galaxy by its number in a catalogue and a similar one."""
    catalogue, number = draw_word(rng, "galaxy_catalogues").upper(), str(rng.randint(10, 9999))
    return f"{catalogue} {number}", rng.choice(
        (
            f"{catalogue} {nudge_digit(rng, number)}",
            f"{draw_other(rng, words('galaxy_catalogues'), catalogue).upper()} {number}",
        )
    )


def _song(rng: Random) -> tuple[str, str]:
    """Name a song or a film and a similar one."""
    title = draw_work_title(rng)
    who, year = draw_name(rng, words("surname_endings")), rng.randint(1930, 2015)
    return rng.choice(
        (
            (f"{title} ({who} song)", f"{title} ({draw_name(rng)} song)"),
            (f"{title} ({year} film)", f"{title} ({year + rng.randint(1, 30)} film)"),
            (title, draw_work_title(rng)),
            (f"{title} II", f"{title} III"),
        )
    )


def _race(rng: Random) -> tuple[str, str]:
    """Name a race or a tournament and a similar one."""
    kind, noun = rng.choice(_RACE_KINDS), draw_word(rng, "work_nouns").title()
    word = rng.choice((draw_name(rng), noun, _town(rng)))
    others = (
        f"{draw_name(rng)} {kind}",
        f"{word} {draw_other(rng, _RACE_KINDS, kind)}",
        f"{draw_word(rng, 'work_nouns').title()} {kind}",
    )
    return f"{word} {kind}", rng.choice(others)


def _station(rng: Random) -> tuple[str, str]:
    """Name a TV station and a similar one."""
    letters = rng.choice("WK") + "".join(rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(3))
    if rng.random() < 0.5:
        return f"{letters}-TV", f"{letters[:-1]}{rng.choice('ABCDEFGHKLMNPQRSTVWXYZ')}-TV"
    name = f"{draw_name(rng)} TV"
    return (
        f"{name} {rng.randint(1, 9)}",
        f"{name} {rng.choice(('Sports', 'News', 'Plus', 'Kids', 'HD2'))}",
    )


def _state(rng: Random) -> tuple[str, str]:
    """Name a historical state and a similar one."""
    kind, land = rng.choice(_STATE_KINDS), rng.choice((draw_name(rng), draw_country(rng)))
    return f"{kind} {land}", rng.choice(
        (
            f"{kind} {draw_name(rng)}",
            f"{kind} {draw_country(rng)}",
            f"{rng.choice(('East', 'West', 'Upper', 'Lower'))} {land}",
        )
    )


NAME_PAIRS: Mapping[str, NamePair] = {
    "team": _team,
    "season": _season,
    "league": _league,
    "drug": _drug,
    "enzyme": _enzyme,
    "species": _species,
    "hospital": _institution(words("hospital_kinds")),
    "museum": _institution(words("museum_kinds")),
    "mall": _institution(words("mall_kinds")),
    "venue": _institution(words("venue_kinds")),
    "agency": _agency,
    "magazine": _magazine,
    "noble": _noble,
    "galaxy": _galaxy,
    "song": _song,
    "race": _race,
    "station": _station,
    "country": _state,
}
