"""Lessons about sites: branches of chains, restaurants and hotels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random

from dedupe.training.generators.lessons.contacts import host_of
from dedupe.training.generators.lessons.firms import draw_stem
from dedupe.training.generators.lessons.persons import (
    PERSON_COLUMNS,
    change_phone,
    draw_given,
    draw_surname,
    set_home,
)
from dedupe.training.generators.lessons.styles import Style
from dedupe.training.generators.lessons.table import (
    Column,
    Facts,
    Group,
    Lesson,
    Plan,
    choose_columns,
    draw_groups,
    raw,
)
from dedupe.training.generators.lessons.vocabulary import (
    draw_brand,
    draw_home,
    draw_phone,
    draw_postcode,
    draw_street,
    draw_town,
)
from dedupe.training.generators.lessons.writing import build
from dedupe.training.generators.values import draw_word
from dedupe.training.word_lists import words

_BRANCH_WORDS = {
    "de": ("Filiale", "", "Niederlassung"),
    "fr": ("Agence", "", "Magasin"),
    "es": ("Sucursal", "", "Tienda"),
    "en": ("Branch", "", "Store", "Branch"),
}


def _write_site_name(facts: Facts, style: Style, rng: Random) -> str:
    """Write the name of a branch, perhaps with its town, street or number."""
    name = facts.get("name", "")
    match facts.get("manner", ""):
        case "town":
            name = rng.choice(("{n} {c}", "{n} - {c}", "{n} ({c})", "{n}, {c}")).format(
                n=name, c=facts.get("city", "")
            )
        case "street":
            name = f"{name} {facts.get('street', '')}"
        case "code":
            code = facts.get("code", "")
            name = rng.choice((f"{name} #{code}", f"{name} Store {code}", f"{name} No. {code}"))
        case "branch":
            forms = _BRANCH_WORDS.get(facts.get("locale", "en")[:2], _BRANCH_WORDS["en"])
            name = f"{name} {rng.choice(forms)}"
    return style.apply(name)


def _write_kinds(facts: Facts, style: Style, rng: Random) -> str:
    return style.apply(facts.get("kinds", ""))


SITE_COLUMNS: Mapping[str, Column] = {
    **PERSON_COLUMNS,
    "name": Column(
        ("name", "company", "business_name", "location_name", "shop", "title"),
        _write_site_name,
        ("name",),
        1.5,
    ),
    "code": raw("code", "store_number", "branch_no", "filiale"),
    "website": raw("website", "website", "url", "web"),
    "kinds": Column(("category", "cuisine", "type", "kind"), _write_kinds, ("kinds",), 0.2),
}


def _make_site(rng: Random, locale: str) -> Facts:
    """Make a site of its own."""
    trade = draw_word(rng, "lesson_shops")
    stem = draw_stem(rng, locale)
    name = rng.choice((f"{stem} {trade}", f"{stem}'s {trade}", f"{stem} {trade}", stem))
    facts: Facts = {"locale": locale, "country": locale[-2:], "name": name, "kinds": trade}
    set_home(rng, facts)
    facts["unit"] = ""
    facts["phone"] = draw_phone(rng, locale)
    facts["website"] = f"www.{host_of(name, rng)}"
    facts["email"] = f"{rng.choice(('info', 'office', 'contact'))}@{facts['website'][4:]}"
    facts["code"] = str(rng.randint(2, 4000))
    return facts


def _chain(rng: Random, locale: str, sizes: tuple[int, ...] = (2, 3, 3, 4, 6, 9)) -> Group:
    """Make the branches of a chain, with one central phone number, website and mailbox."""
    first = _make_site(rng, locale)
    central = [key for key in ("phone", "website", "email") if rng.random() < 0.7]
    group = [first]
    for _ in range(rng.choice(sizes) - 1):
        branch = {**_make_site(rng, locale), "name": first["name"], "kinds": first["kinds"]}
        for key in central:
            branch[key] = first[key]
        roll = rng.random()
        if roll < 0.3:
            for key in ("city", "region"):
                branch[key] = first[key]
        elif roll < 0.38:
            for key in ("city", "region", "street", "postcode"):
                branch[key] = first[key]
            branch["number"] = str(int(first["number"]) + rng.choice((12, 48, 101, 230)))
        group.append(branch)
    if rng.random() < 0.3:
        neighbour = _make_site(rng, locale)
        for key in ("number", "street", "city", "region", "postcode"):
            neighbour[key] = first[key]
        group.append(neighbour)
    return group


def _name_branch(rng: Random, facts: Facts) -> Iterable[str]:
    """Write the branch with or without its town, street or number."""
    facts["manner"] = rng.choice(("", "", "town", "town", "street", "branch"))
    return ()


def drop_postcode(rng: Random, facts: Facts) -> Iterable[str]:
    """Leave the postcode out."""
    del rng
    facts["postcode"] = ""
    return ()


def _other_postcode(rng: Random, facts: Facts) -> Iterable[str]:
    facts["postcode"] = draw_postcode(rng, facts["locale"])
    return ("postcode",)


def _rename_site(rng: Random, facts: Facts) -> Iterable[str]:
    """Write the name of a site in another form."""
    name, kind = facts.get("name", ""), facts.get("kinds", "")
    forms = [f"The {name}", name.replace("'s", "s"), f"{name} {kind}" if kind not in name else name]
    if name.endswith(kind) and len(name) > len(kind) + 4 and kind:
        forms.append(name[: -len(kind)].strip())
    facts["name"] = rng.choice(forms)
    return ()


_SITE_EVIDENCE: Mapping[str, float] = {
    "name": 0.45, "street": 0.35, "number": 0.15, "city": 0.2, "postcode": 0.15, "code": 0.2,
    "phone": 0.1,
}  # fmt: skip
_SITE_TELLING: Mapping[str, float] = {"street": 1.0, "number": 1.0, "city": 1.0, "name": 1.0}


def branches(rng: Random) -> Lesson:
    """Make branches of chains, and companies at one address."""
    locale = draw_home(rng)
    schema = rng.choice(
        (
            ("name", "address", "city", "postcode", "phone"),
            ("name", "full_address", "phone", "website"),
            ("name", "code", "address", "city", "region", "phone", "email"),
            ("name", "kinds", "number", "street", "city", "postcode", "website"),
        )
    )
    keep = ("name", "address", "full_address", "street", "number", "city")
    columns = choose_columns(rng, SITE_COLUMNS, schema, keep)
    plan = Plan(
        columns,
        _SITE_TELLING,
        _SITE_EVIDENCE,
        (
            (_name_branch, 5),
            (drop_postcode, 1),
            (_other_postcode, 0.5),
            (change_phone, 1.5),
            (_rename_site, 1),
        ),
        keep=frozenset({"name"}),
        share=rng.choice((0.08, 0.16, 0.28)),
    )
    groups = draw_groups(rng, lambda r: _chain(r, locale), lambda r: _make_site(r, locale))
    return build("branches", rng, plan, groups)


def restaurants(rng: Random) -> Lesson:
    """Make restaurants and hotels: chains, new phone numbers, other names of a cuisine."""
    locale = draw_home(rng)
    hotels = rng.random() < 0.35
    schema = rng.choice(
        (
            ("name", "address", "city", "phone", "kinds"),
            ("name", "address", "city", "kinds"),
            ("name", "full_address", "phone"),
            ("name", "address", "city", "postcode", "phone", "website"),
        )
    )
    keep = ("name", "address", "full_address", "city")
    columns = choose_columns(rng, SITE_COLUMNS, schema, keep)
    towns = [draw_town(rng, locale) for _ in range(rng.choice((1, 3, 8, 30)))]
    kinds = words("lesson_hotels" if hotels else "cuisines")

    def make(rng: Random) -> Facts:
        facts = _make_site(rng, locale)
        facts["city"] = rng.choice(towns)
        facts["kinds"] = rng.choice(kinds)
        if hotels:
            stem = rng.choice((facts["city"], draw_brand(rng), draw_surname(rng, locale)))
            facts["name"] = rng.choice(("Hotel {s}", "{s} {k}", "{k} {s}", "{s} Hotel")).format(
                s=stem, k=facts["kinds"].title()
            )
        else:
            person = rng.choice((draw_surname(rng, locale), draw_given(rng, locale, "f")))
            facts["name"] = draw_word(rng, "restaurant_names").format(
                p=person, k=draw_word(rng, "restaurant_kinds"),
                q=draw_word(rng, "work_adjectives"), n=draw_word(rng, "work_nouns"),
                m=draw_word(rng, "work_nouns"), street=facts["street"], city=facts["city"],
                s=draw_brand(rng),
            ).title().replace("'S", "'s")  # fmt: skip
        return facts

    def lookalikes(rng: Random) -> Group:
        first, other = make(rng), make(rng)
        roll = rng.random()
        if roll < 0.6:
            other["name"], other["kinds"] = first["name"], first["kinds"]
            if rng.random() < 0.5:
                other["city"], other["region"] = first["city"], first["region"]
            elif other["city"] != first["city"]:
                other["phone"], other["website"] = first["phone"], first["website"]
            if other["city"] == first["city"] and rng.random() < 0.3:
                other["street"], other["postcode"] = first["street"], first["postcode"]
                other["number"] = str(int(first["number"]) + rng.choice((64, 110, 250)))
        elif roll < 0.85:
            for key in ("number", "street", "city", "postcode", "region"):
                other[key] = first[key]
        else:
            other["name"] = f"{first['name'].split(' ')[0]} {draw_word(rng, 'restaurant_kinds')}"
            other["city"] = first["city"]
        return [first, other]

    def other_kind(rng: Random, facts: Facts) -> Iterable[str]:
        facts["kinds"] = rng.choice(kinds)
        return ()

    def relocate(rng: Random, facts: Facts) -> Iterable[str]:
        facts["street"] = draw_street(rng, locale)
        facts["number"] = str(rng.randint(1, 90))
        return ("street", "number", "postcode")

    def extend_name(rng: Random, facts: Facts) -> Iterable[str]:
        name = facts["name"]
        facts["name"] = rng.choice(
            (f"{name} {'Hotel' if hotels else 'Restaurant'}", f"The {name}", name.replace("'s", ""),
             f"{name} ({facts['city']})", name.replace("&", "and"), f"{name} {facts['city']}")
        )  # fmt: skip
        return ()

    plan = Plan(
        columns,
        _SITE_TELLING,
        {**_SITE_EVIDENCE, "phone": 0.4},
        (
            (extend_name, 4),
            (other_kind, 2),
            (change_phone, 2),
            (drop_postcode, 1),
            (relocate, 0.7),
        ),
        keep=frozenset({"name"}),
    )
    return build("restaurants", rng, plan, draw_groups(rng, lookalikes, make))
