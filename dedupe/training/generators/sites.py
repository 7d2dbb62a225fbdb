"""Sites and bodies: restaurants, places, companies, addresses, and things known by a name alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from dedupe.scoring.augment import words as word_forms
from dedupe.scoring.augment.edits import abbreviate
from dedupe.scoring.augment.records import LOCAL, MAPPED, NOMINAL
from dedupe.training import words
from dedupe.training.generators.domain import (
    Change,
    Column,
    Domain,
    Edit,
    Style,
    Thing,
    draw_name,
    joined,
    nudge_digit,
    other_of,
    plain,
)
from dedupe.training.generators.people import ENGLISH, country, country_code, draw_locale
from dedupe.training.generators.works import draw_work_title

_DEMONYM = dict(words.DEMONYMS)


def _phone(rng: Random) -> str:
    area, line = rng.randint(201, 989), rng.randint(0, 9_999_999)
    return rng.choice(
        (
            f"{area}/{line // 10000:03d}-{line % 10000:04d}",
            f"{area}-{line // 10000:03d}-{line % 10000:04d}",
            f"({area}) {line // 10000:03d} {line % 10000:04d}",
        )
    )


def _set_site(rng: Random, thing: Thing) -> None:
    home = country(thing["locale"])
    thing["number"] = str(rng.randint(1, 9999 if rng.random() < 0.3 else 250))
    thing["street"] = home.streets.draw(rng)
    thing["phone"] = _phone(rng)


def _set_town(rng: Random, thing: Thing) -> None:
    thing["city"] = country(thing["locale"]).cities.draw(rng)
    thing["postcode"] = f"{rng.randint(10000, 99999)}"
    thing["region"] = rng.choice(words.REGIONS).title()


def _branch(rng: Random, thing: Thing) -> None:
    if rng.random() < 0.5:
        _set_town(rng, thing)
    _set_site(rng, thing)


def _branch_elsewhere(rng: Random, thing: Thing) -> None:
    _set_town(rng, thing)
    _set_site(rng, thing)


def _vary_site(rng: Random, thing: Thing) -> None:
    if rng.random() < 0.3 and thing["street"].isascii():
        thing["street"] = abbreviate(thing["street"], rng)
    if rng.random() < 0.25 and thing.get("kinds"):
        thing["kinds"] = rng.choice(words.CUISINES)
    if rng.random() < 0.3:
        digits = "".join(c for c in thing["phone"] if c.isdigit())
        thing["phone"] = rng.choice(
            (digits, f"{digits[:3]}-{digits[3:6]}-{digits[6:]}", f"+1 {digits}")
        )


def _moved_number(rng: Random, thing: Thing) -> None:
    match rng.randrange(3):
        case 0:
            thing["phone"] = _phone(rng)
        case 1:
            thing["number"] = nudge_digit(rng, thing["number"])
        case _:
            thing["street"] = country(thing["locale"]).streets.draw(rng)


def _other_neighbour(make: Callable[[Random], Thing]) -> Edit:
    """Make an edit that puts another body at the same address."""

    def edit(rng: Random, thing: Thing) -> None:
        other = make(rng)
        for role in ("name", "phone", "kinds", "website", "trade", "form"):
            if role in thing:
                thing[role] = other.get(role, "")
        if rng.random() < 0.5:
            thing["number"] = nudge_digit(rng, thing["number"])

    return edit


_SITE_COLUMNS: Mapping[str, Column] = {
    "name": plain("name", "title", "restaurant", "business_name"),
    "address": joined(("number", "street"), "address", "addr", "street", joint=" "),
    "full_address": joined(
        ("number", "street", "city", "region", "postcode"), "address", "location"
    ),
    "number": plain("number", "house_number", "street_number"),
    "street": plain("street", "street_name", "road"),
    "unit": plain("unit", "apt", "suite", "address_2"),
    "city": plain("city", "town", "locality", "place"),
    "postcode": plain("postcode", "zip", "postal_code"),
    "region": plain("region", "state", "county", "province"),
    "phone": plain("phone", "telephone", "tel"),
    "kinds": plain("kinds", "type", "cuisine", "category"),
    "website": plain("website", "url", "web", "domain"),
    "country": plain("country", "nation"),
    "trade": plain("trade", "industry", "sector"),
}


_SITE_PROOF = {
    "name": 2.0, "number": 0.3, "street": 0.7, "phone": 1.5, "city": 0.5, "website": 1.5,
    "postcode": 0.4,
}  # fmt: skip


def _restaurant_name(rng: Random, city: str) -> str:
    home = country(rng.choice(ENGLISH))
    street = home.streets.draw(rng)
    surname = rng.choice((draw_name(rng), home.surnames.draw(rng), home.men.draw(rng)))
    return rng.choice(words.RESTAURANT_TEMPLATES)[0].format(
        p=surname, k=rng.choice(words.RESTAURANT_KINDS), q=rng.choice(words.WORK_QUALITIES),
        n=rng.choice(words.WORK_NOUNS), m=rng.choice(words.WORK_NOUNS), street=street, city=city,
        s=rng.choice(words.CHAINS),
    )  # fmt: skip


def make_restaurant(rng: Random) -> Thing:
    """Make a restaurant with its address, telephone and cuisine."""
    thing = {
        "locale": rng.choice(ENGLISH) if rng.random() < 0.75 else draw_locale(rng),
        "kinds": rng.choice(words.CUISINES),
    }
    _set_town(rng, thing)
    _set_site(rng, thing)
    thing["name"] = _restaurant_name(rng, thing["city"])
    return thing


def _restaurant_alias(rng: Random, thing: Thing) -> None:
    name = thing["name"]
    thing["name"] = rng.choice(
        (
            f"{name} restaurant",
            f"the {name}",
            name.removeprefix("the "),
            name.replace("'s", ""),
            f"{name} ({thing['city']})",
            f"{name} {rng.choice(words.RESTAURANT_KINDS)}",
        )
    )


def _dining_room(rng: Random, thing: Thing) -> None:
    """Turn to another restaurant of the same house: the café beside the dining room."""
    rooms = ("cafe", "dining room", "bar", "express", "to go", "bakery", "(hotel)")
    thing["name"] = f"{thing['name']} {rng.choice(rooms)}"
    thing["phone"] = _phone(rng)
    thing["number"] = nudge_digit(rng, thing["number"])


RESTAURANT = Domain(
    name="restaurant",
    make=make_restaurant,
    columns=_SITE_COLUMNS,
    schemas=(
        ("name", "address", "city", "phone", "kinds"),
        ("name", "address", "city", "phone"),
        ("name", "address", "city", "kinds"),
        ("name", "full_address", "phone"),
        ("name", "phone", "kinds", "address", "city", "postcode"),
    ),
    different=(
        Change("branch", _branch, 4),
        Change("neighbour", _other_neighbour(make_restaurant), 3),
        Change("same-house", _dining_room, 1),
    ),
    same=(Change("alias", _restaurant_alias, 2), Change("moved", _moved_number, 1)),
    vary=_vary_site,
    habits=LOCAL,
    proof=_SITE_PROOF,
    proof_needed=2.6,
    weak=frozenset({"phone", "kinds", "postcode", "number", "region"}),
)


_FORMS = tuple(form for group in word_forms.COMPANY_FORMS for form in group[:2])


def make_company(rng: Random) -> Thing:
    """Make a company, its seat and its ways to be reached."""
    locale = draw_locale(rng)
    thing = {
        "locale": locale,
        "country": country_code(locale),
        "trade": rng.choice(words.COMPANY_TRADES),
    }
    _set_town(rng, thing)
    _set_site(rng, thing)
    if rng.random() < 0.4:
        thing["name"], thing["form"] = country(locale).companies.draw(rng), ""
    else:
        stem = rng.choice(
            (
                draw_name(rng),
                draw_name(rng),
                f"{rng.choice(words.COMPANY_WORDS)} {rng.choice(words.COMPANY_WORDS)}",
                rng.choice(words.COMPANY_WORDS),
                f"{draw_name(rng)} & {draw_name(rng)}",
                "".join(rng.choice("ABCDEFGHIKLMNPRSTVW") for _ in range(3)),
            )
        )
        thing["name"] = f"{stem} {thing['trade']}" if rng.random() < 0.7 else stem
        thing["form"] = rng.choice(_FORMS) if rng.random() < 0.7 else ""
    head = "".join(c for c in thing["name"].split()[0].lower() if c.isascii() and c.isalnum())
    thing["website"] = (
        f"www.{head or draw_name(rng).lower()}.{rng.choice(('com', 'net', 'org', 'eu'))}"
    )
    return thing


def _company_name(thing: Thing, style: Style) -> str:
    return style.written(f"{thing['name']} {thing['form']}".strip())


def _subsidiary(rng: Random, thing: Thing) -> None:
    thing["name"] = f"{thing['name']} {rng.choice(words.COMPANY_DIVISIONS)}"
    if rng.random() < 0.6:
        _branch(rng, thing)


def _other_trade(rng: Random, thing: Thing) -> None:
    stem = thing["name"].split()[0]
    thing["trade"] = other_of(rng, words.COMPANY_TRADES, thing["trade"])
    thing["name"] = f"{stem} {thing['trade']}"
    if rng.random() < 0.7:
        _branch(rng, thing)


def _near_company(rng: Random, thing: Thing) -> None:
    tokens = thing["name"].split()
    tokens[0] = rng.choice((draw_name(rng), rng.choice(words.COMPANY_WORDS)))
    thing["name"] = " ".join(tokens)
    thing["website"] = f"www.{tokens[0].lower()}.com"
    if rng.random() < 0.7:
        _branch(rng, thing)


def _other_form(rng: Random, thing: Thing) -> None:
    forms = next((g for g in word_forms.COMPANY_FORMS if thing["form"] in g), ("",))
    thing["form"] = rng.choice((*forms, ""))


def _vary_company(rng: Random, thing: Thing) -> None:
    if rng.random() < 0.5:
        _other_form(rng, thing)
    if rng.random() < 0.2:
        thing["trade"] = rng.choice(words.COMPANY_TRADES)
    _vary_site(rng, thing)


def _acronym(rng: Random, thing: Thing) -> None:
    tokens = thing["name"].split()
    if len(tokens) > 2 and thing["name"].isascii():
        initials = "".join(t[0] for t in tokens if t[0].isalpha()).upper()
        thing["name"] = rng.choice((initials, f"{thing['name']} ({initials})"))
    else:
        thing["name"] = abbreviate(thing["name"], rng)


_COMPANY_COLUMNS = {
    **_SITE_COLUMNS,
    "name": Column(
        ("name", "company", "company_name", "organisation", "firma", "legal_name"),
        _company_name,
        ("name",),
    ),
}


COMPANY = Domain(
    name="company",
    make=make_company,
    columns=_COMPANY_COLUMNS,
    schemas=(
        ("name", "address", "city", "postcode", "country"),
        ("name", "city", "country"),
        ("name", "website", "phone"),
        ("name", "full_address"),
        ("name", "trade", "city", "website"),
        ("name", "address", "city", "region", "phone"),
        ("name",),
    ),
    different=(
        Change("subsidiary", _subsidiary, 3),
        Change("other-trade", _other_trade, 3),
        Change("near-name", _near_company, 3),
        Change("neighbour", _other_neighbour(make_company), 2),
        Change("branch", _branch_elsewhere, 2),
    ),
    same=(Change("moved", _moved_number, 2), Change("acronym", _acronym, 1)),
    vary=_vary_company,
    habits=LOCAL,
    proof=_SITE_PROOF,
    proof_needed=2.0,
    weak=frozenset({"phone", "trade", "postcode", "number", "street", "website", "region"}),
)


def make_address(rng: Random) -> Thing:
    """Make a postal address."""
    thing = {"locale": draw_locale(rng)}
    thing["country"] = country_code(thing["locale"])
    _set_town(rng, thing)
    _set_site(rng, thing)
    thing["unit"] = rng.choice(
        (
            "",
            "",
            f"apt {rng.randint(1, 80)}",
            f"suite {rng.randint(100, 900)}",
            f"floor {rng.randint(1, 30)}",
        )
    )
    return thing


def _next_door(rng: Random, thing: Thing) -> None:
    if thing["unit"] and rng.random() < 0.5:
        thing["unit"] = nudge_digit(rng, thing["unit"])
    else:
        thing["number"] = other_of(
            rng,
            [str(int(thing["number"]) + d) for d in (-10, -2, -1, 1, 2, 4, 10, 20, 100)],
            thing["number"],
        ).lstrip("-")


def _other_street(rng: Random, thing: Thing) -> None:
    thing["street"] = other_of(rng, country(thing["locale"]).streets.values, thing["street"])


def _other_town(rng: Random, thing: Thing) -> None:
    _set_town(rng, thing)


def _loose_postcode(rng: Random, thing: Thing) -> None:
    thing["postcode"] = rng.choice(("", nudge_digit(rng, thing["postcode"])))


ADDRESS = Domain(
    name="address",
    make=make_address,
    columns=_SITE_COLUMNS,
    schemas=(
        ("address", "city", "postcode"),
        ("number", "street", "unit", "city", "region", "postcode"),
        ("full_address",),
        ("address", "unit", "city", "region", "country"),
    ),
    different=(
        Change("next-door", _next_door, 4),
        Change("other-street", _other_street, 2),
        Change("other-town", _other_town, 3),
    ),
    same=(Change("postcode", _loose_postcode, 1),),
    vary=_vary_site,
    habits=LOCAL,
    proof={
        "street": 1.0,
        "number": 1.0,
        "city": 1.0,
        "postcode": 0.5,
    },
    proof_needed=2.4,
)


def make_place(rng: Random) -> Thing:
    """Make a place on the map."""
    locale = draw_locale(rng)
    name = rng.choice(
        (
            country(locale).cities.draw(rng),
            rng.choice(words.COMMON_PLACES).title(),
            draw_name(rng, ("burg", "ville", "ton", "stad", "ovo", "heim")),
        )
    )
    nation = rng.choice(words.COUNTRIES).title()
    return {
        "name": name,
        "region": rng.choice(words.REGIONS).title(),
        "country": nation,
        "lat": f"{rng.uniform(-60, 70):.6f}",
        "lon": f"{rng.uniform(-179, 179):.6f}",
        "kinds": rng.choice(words.PLACE_TYPES),
        "population": str(int(rng.lognormvariate(9, 2))),
        "ele": str(rng.randint(0, 2500)),
        "within": rng.choice(("", "", "country", "region")),
        "brackets": str(rng.randrange(2)),
        "digits": str(rng.randint(2, 6)),
    }


def _place_name(thing: Thing, style: Style) -> str:
    outer = thing.get(thing["within"], "") if thing["within"] else ""
    name = thing["name"]
    if outer:
        name = f"{name} ({outer})" if thing["brackets"] == "1" else f"{name}, {outer}"
    return style.written(name)


def _coordinate(role: str) -> Callable[[Thing, Style], str]:
    return lambda thing, style: (
        f"{float(thing[role]):.{int(thing['digits'])}f}" if thing[role] else ""
    )


def _elsewhere(rng: Random, thing: Thing) -> None:
    other = make_place(rng)
    for role in ("region", "country", "lat", "lon", "population", "ele"):
        thing[role] = other[role]
    if thing["within"] == "" and rng.random() < 0.5:
        thing["within"] = "region"


def _near_place(rng: Random, thing: Thing) -> None:
    thing["name"] = rng.choice(
        (
            make_place(rng)["name"],
            f"New {thing['name']}",
            f"East {thing['name']}",
            f"{thing['name']} Heights",
            f"{thing['name']} County",
            f"Upper {thing['name']}",
        )
    )
    for role in ("lat", "lon"):
        thing[role] = f"{float(thing[role]) + rng.choice((-1, 1)) * rng.uniform(0.08, 1.2):.6f}"
    thing["population"] = str(int(rng.lognormvariate(9, 2)))


def _vary_place(rng: Random, thing: Thing) -> None:
    thing["within"], thing["brackets"] = (
        rng.choice(("", "", "country", "region")),
        str(rng.randrange(2)),
    )
    for role in ("lat", "lon"):
        if rng.random() < 0.5:
            thing[role] = f"{float(thing[role]) + rng.gauss(0, 0.012):.6f}"
    thing["digits"] = str(rng.randint(2, 6))
    if rng.random() < 0.4:
        thing["kinds"] = rng.choice(
            ("city", "city, village,...", "populated place", thing["kinds"])
        )
    if rng.random() < 0.5:
        thing["population"] = str(int(int(thing["population"]) * rng.uniform(0.8, 1.25)))


PLACE = Domain(
    name="place",
    make=make_place,
    columns={
        "name": Column(("name", "label", "place", "title"), _place_name, ("name",)),
        "region": plain("region", "state", "admin1"),
        "country": plain("country", "nation"),
        "lat": Column(("lat", "latitude", "y"), _coordinate("lat"), ("lat",)),
        "lon": Column(("lon", "longitude", "lng", "x"), _coordinate("lon"), ("lon",)),
        "kinds": plain("kinds", "type", "feature_class"),
        "population": plain("population", "pop"),
        "ele": plain("ele", "elevation", "altitude"),
    },
    schemas=(
        ("name", "lat", "lon", "kinds"),
        ("name", "ele", "lat", "lon", "kinds"),
        ("name", "region", "country"),
        ("name", "country", "population", "lat", "lon"),
        ("name", "lat", "lon"),
    ),
    different=(Change("elsewhere", _elsewhere, 3), Change("near-name", _near_place, 3)),
    vary=_vary_place,
    habits=MAPPED,
    weak=frozenset({"region", "population", "ele", "kinds"}),
    proof={"name": 1.0, "lat": 1.0, "lon": 1.0, "region": 0.6, "country": 0.6, "population": 0.5},
    proof_needed=1.6,
)


_Namer = Callable[[Random], tuple[str, str]]


def _town(rng: Random) -> str:
    return (
        country(rng.choice(ENGLISH)).cities.draw(rng)
        if rng.random() < 0.5
        else rng.choice((draw_name(rng), rng.choice(words.COMMON_PLACES).title()))
    )


def _nation(rng: Random) -> str:
    return rng.choice(words.COUNTRIES).title()


def _adjective(rng: Random) -> str:
    return rng.choice(words.DEMONYMS)[1].title()


_ORDINALS = ("First", "Second", "Third", "Fourth")


def _team(rng: Random) -> tuple[str, str]:
    town, mascot = _town(rng), rng.choice(words.MASCOTS).title()
    club = rng.choice(("F.C.", "FC", "BC", "SK", "United", "City"))
    one = rng.choice((f"{town} {mascot}", f"{town} {club}", f"{club} {town}"))
    match rng.randrange(5):
        case 0:
            return one, f"{one} women"
        case 1:
            return one, f"{one} II"
        case 2:
            return f"{town} {mascot}", f"{town} {other_of(rng, words.MASCOTS, mascot).title()}"
        case 3:
            return one, one.replace(town, _town(rng))
        case _:
            return (
                f"{one} (men's {rng.choice(words.SPORTS)})",
                f"{one} (women's {rng.choice(words.SPORTS)})",
            )


def _season(rng: Random) -> tuple[str, str]:
    year = rng.randint(1905, 2019)
    body = rng.choice(
        (
            f"{_town(rng)} {rng.choice(words.MASCOTS).title()} season",
            f"{_nation(rng)} Premier League",
            f"{_adjective(rng)} {rng.choice(_ORDINALS)} Division",
            f"{_town(rng)} Open",
            f"{_adjective(rng)} {rng.choice(words.SPORTS).title()} Cup",
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
    nation, sport = _adjective(rng), rng.choice(words.SPORTS).title()
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
    swap = rng.choice(
        (
            (level, other_of(rng, _ORDINALS, level)),
            (nation, other_of(rng, [d for _, d in words.DEMONYMS], nation).title()),
            (sport, other_of(rng, words.SPORTS, sport).title()),
            ("Women's ", ""),
        )
    )
    other = name.replace(*swap)
    return name, other if other != name else f"{name} (women)"


def _drug(rng: Random) -> tuple[str, str]:
    start, end = rng.choice(words.DRUG_STARTS), rng.choice(words.DRUG_ENDS)
    name = f"{start}{end}".capitalize()
    if rng.random() < 0.12:
        return (
            f"Interferon {rng.choice(('alfa', 'beta', 'gamma'))}-{rng.randint(1, 2)}a",
            f"Interferon {rng.choice(('alfa', 'beta', 'gamma'))}-{rng.randint(1, 2)}b",
        )
    near = rng.choice(
        (
            f"{other_of(rng, words.DRUG_STARTS, start)}{end}",
            f"{start}{other_of(rng, words.DRUG_ENDS, end)}",
        )
    )
    return name, near.capitalize()


def _enzyme(rng: Random) -> tuple[str, str]:
    stems = (
        "glucose",
        "pyruvate",
        "lactate",
        "malate",
        "citrate",
        "fructose",
        "glycerol",
        "aspartate",
        "alanine",
        "tyrosine",
        "methionine",
        "isoeugenol",
        "hydroxybenzoate",
        "aminobutyrate",
        "xylulose",
    )
    roles = (
        "kinase",
        "dehydrogenase",
        "synthase",
        "transaminase",
        "oxidase",
        "reductase",
        "phosphatase",
        "ligase",
        "monooxygenase",
        "N-methyltransferase",
        "lyase",
    )
    stem, role = rng.choice(stems), rng.choice(roles)
    place = f"{rng.randint(1, 6)}-" if rng.random() < 0.5 else ""
    name = f"{place}{stem} {role}"
    other = rng.choice(
        (
            f"{place}{stem} {other_of(rng, roles, role)}",
            f"{place}{other_of(rng, stems, stem)} {role}",
            f"{nudge_digit(rng, place) if place else '2-'}{stem} {role}",
        )
    )
    return name.capitalize(), other.strip().capitalize()


def _species(rng: Random) -> tuple[str, str]:
    if rng.random() < 0.5:
        genus, epithet = rng.choice(words.GENERA), rng.choice(words.EPITHETS)
        other = rng.choice(
            (
                f"{genus} {other_of(rng, words.EPITHETS, epithet)}",
                f"{other_of(rng, words.GENERA, genus)} {epithet}",
            )
        )
        return f"{genus} {epithet}".capitalize(), other.capitalize()
    animal, first = (
        rng.choice(words.ANIMALS),
        rng.choice(
            (
                _town(rng),
                rng.choice(words.COLOURS),
                rng.choice(words.WORK_QUALITIES),
                f"{draw_name(rng)}'s",
                _nation(rng),
            )
        ),
    )
    other = rng.choice(
        (
            f"{first} {other_of(rng, words.ANIMALS, animal)}",
            f"{_nation(rng)} {animal}",
            f"{draw_name(rng)}'s {animal}",
        )
    )
    return f"{first} {animal}".capitalize(), other.capitalize()


_KIND_FORMS = (("art museum", "museum of art"),)


def _institution(kinds: tuple[str, ...]) -> _Namer:
    def name(rng: Random) -> tuple[str, str]:
        kind, town = rng.choice(kinds).title().replace("'S", "'s"), _town(rng)
        stem = rng.choice(
            (town, f"St. {draw_name(rng)}", draw_name(rng), rng.choice(words.COMPANY_WORDS).title())
        )
        one = rng.choice(
            (
                f"{stem} {kind}",
                f"{kind} of {stem}",
                f"{stem} {kind}, {town}",
                f"{stem} {kind} ({town})",
            )
        )
        if rng.random() < 0.35:
            other = other_of(rng, kinds, kind, _KIND_FORMS)
            return one, one.replace(kind, other.title().replace("'S", "'s"))
        if rng.random() < 0.4:
            return f"{stem} {kind} ({town})", f"{stem} {kind} ({_town(rng)})"
        return one, one.replace(stem, draw_name(rng) if rng.random() < 0.5 else _town(rng))

    return name


def _agency(rng: Random) -> tuple[str, str]:
    template = rng.choice(words.TITLE_KINDS_AGENCY)[0]
    subject, nation = rng.choice(words.AGENCY_SUBJECTS), rng.choice(words.DEMONYMS)
    one = template.format(x=subject, d=nation[1])
    if "{d}" not in template:
        one = f"{one} ({nation[0]})"
        other = (
            template.format(x=subject, d="") + f" ({_nation(rng)})"
            if rng.random() < 0.5
            else template.format(x=other_of(rng, words.AGENCY_SUBJECTS, subject), d="")
            + f" ({nation[0]})"
        )
    else:
        other = (
            template.format(x=other_of(rng, words.AGENCY_SUBJECTS, subject), d=nation[1])
            if rng.random() < 0.5
            else template.format(x=subject, d=_adjective(rng).lower())
        )
    return one.title(), other.title()


def _magazine(rng: Random) -> tuple[str, str]:
    template, word = rng.choice(words.MAGAZINE_TEMPLATES)[0], rng.choice(words.MAGAZINE_WORDS)

    def fill(x: str) -> str:
        return template.format(
            x=x,
            y=rng.choice(words.MAGAZINE_WORDS),
            d=_adjective(rng).lower(),
            q=rng.choice(words.WORK_QUALITIES),
        ).title()

    return fill(word), fill(other_of(rng, words.MAGAZINE_WORDS, word))


def _noble(rng: Random) -> tuple[str, str]:
    name, number, title, land = (
        rng.choice(words.MONARCH_NAMES).title(),
        rng.choice(words.ROMAN[:8]),
        rng.choice(words.NOBLE_TITLES).title(),
        _town(rng),
    )
    joint = rng.choice((", {t} of {l}", " of {l}", " ({t} of {l})", ", {t} of {l}"))

    def write(one: str, numeral: str, rank: str, where: str) -> str:
        return f"{one} {numeral}{joint.format(t=rank, l=where)}"

    other = rng.choice(
        (
            write(name, other_of(rng, words.ROMAN[:8], number), title, land),
            write(name, number, title, _town(rng)),
            write(other_of(rng, words.MONARCH_NAMES, name).title(), number, title, land),
        )
    )
    return write(name, number, title, land), other


def _galaxy(rng: Random) -> tuple[str, str]:
    catalogue, number = rng.choice(words.GALAXY_CATALOGUES).upper(), str(rng.randint(10, 9999))
    return f"{catalogue} {number}", rng.choice(
        (
            f"{catalogue} {nudge_digit(rng, number)}",
            f"{other_of(rng, words.GALAXY_CATALOGUES, catalogue).upper()} {number}",
        )
    )


def _song(rng: Random) -> tuple[str, str]:
    title = draw_work_title(rng)
    who, year = draw_name(rng, words.SURNAME_ENDS), rng.randint(1930, 2015)
    return rng.choice(
        (
            (f"{title} ({who} song)", f"{title} ({draw_name(rng)} song)"),
            (f"{title} ({year} film)", f"{title} ({year + rng.randint(1, 30)} film)"),
            (title, draw_work_title(rng)),
            (f"{title} II", f"{title} III"),
        )
    )


_EVENTS = (
    "Stakes", "Handicap", "Marathon", "Grand Prix", "Classic", "Cup", "Derby", "Open", "Trophy",
    "Rally", "Oaks",
)  # fmt: skip


def _event(rng: Random) -> tuple[str, str]:
    kind, noun = rng.choice(_EVENTS), rng.choice(words.WORK_NOUNS).title()
    word = rng.choice((draw_name(rng), noun, _town(rng)))
    others = (
        f"{draw_name(rng)} {kind}",
        f"{word} {other_of(rng, _EVENTS, kind)}",
        f"{rng.choice(words.WORK_NOUNS).title()} {kind}",
    )
    return f"{word} {kind}", rng.choice(others)


def _station(rng: Random) -> tuple[str, str]:
    letters = rng.choice("WK") + "".join(rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(3))
    if rng.random() < 0.5:
        return f"{letters}-TV", f"{letters[:-1]}{rng.choice('ABCDEFGHKLMNPQRSTVWXYZ')}-TV"
    name = f"{draw_name(rng)} TV"
    return (
        f"{name} {rng.randint(1, 9)}",
        f"{name} {rng.choice(('Sports', 'News', 'Plus', 'Kids', 'HD2'))}",
    )


def _state(rng: Random) -> tuple[str, str]:
    kinds = (
        "Kingdom of",
        "Duchy of",
        "County of",
        "Republic of",
        "Principality of",
        "Sultanate of",
        "Emirate of",
    )
    kind, land = rng.choice(kinds), rng.choice((draw_name(rng), _nation(rng)))
    return f"{kind} {land}", rng.choice(
        (
            f"{kind} {draw_name(rng)}",
            f"{kind} {_nation(rng)}",
            f"{rng.choice(('East', 'West', 'Upper', 'Lower'))} {land}",
        )
    )


_NAMERS: Mapping[str, _Namer] = {
    "team": _team,
    "season": _season,
    "league": _league,
    "drug": _drug,
    "enzyme": _enzyme,
    "species": _species,
    "hospital": _institution(words.TITLE_KINDS_HOSPITAL),
    "museum": _institution(words.TITLE_KINDS_MUSEUM),
    "mall": _institution(words.TITLE_KINDS_MALL),
    "venue": _institution(words.TITLE_KINDS_VENUE),
    "agency": _agency,
    "magazine": _magazine,
    "noble": _noble,
    "galaxy": _galaxy,
    "song": _song,
    "race": _event,
    "station": _station,
    "country": _state,
}


def make_title(rng: Random) -> Thing:
    """Make the name of a thing, and beside it the name of another one that looks like it."""
    sort = rng.choice(tuple(_NAMERS))
    name, lookalike = _NAMERS[sort](rng)
    return {"sort": sort, "name": name, "lookalike": lookalike}


def _take_lookalike(rng: Random, thing: Thing) -> None:
    del rng
    thing["name"] = thing["lookalike"]


def _same_sort(rng: Random, thing: Thing) -> None:
    thing["name"] = _NAMERS[thing["sort"]](rng)[0]


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


def _hint(rng: Random, thing: Thing) -> None:
    """Say in brackets what kind of thing it is, or stop saying it."""
    name, hint = thing["name"], _HINTS.get(thing["sort"], "disambiguation")
    thing["name"] = rng.choice(
        (
            f"{name} ({hint})",
            name.replace("(", "").replace(")", ""),
            name.replace(" (", ", ").replace(")", ""),
            f"The {name}",
            name.removeprefix("The "),
        )
    )


def _salt(rng: Random, thing: Thing) -> None:
    if thing["sort"] == "drug":
        thing["name"] = f"{thing['name']} {rng.choice(words.DRUG_SALTS)}"
    elif thing["sort"] in ("team", "museum", "hospital", "venue"):
        thing["name"] = f"{thing['name']}, {_nation(rng)}"


TITLE_ONLY = Domain(
    name="title-only",
    make=make_title,
    columns={"name": plain("name", "title", "label", "value")},
    schemas=(("name",),),
    different=(Change("lookalike", _take_lookalike, 5), Change("same-sort", _same_sort, 1)),
    same=(Change("hint", _hint, 2), Change("longer-name", _salt, 1)),
    habits=NOMINAL,
)
