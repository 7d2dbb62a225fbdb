"""Lessons about names of companies: legal forms, acronyms, divisions and alike names of others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from random import Random

from dedupe.training.generators.lessons.firms import (
    draw_form,
    draw_stem,
    draw_trade,
    rewrite_firm,
)
from dedupe.training.generators.lessons.persons import PERSON_COLUMNS, set_home
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
from dedupe.training.generators.lessons.vocabulary import draw_home, draw_town
from dedupe.training.generators.lessons.writing import build

_REGIONAL = (
    "UK", "France", "Deutschland", "USA", "Europe", "Asia", "Nordic", "Polska", "Italia", "Iberia",
    "East", "West", "North", "South", "International", "Canada", "Australia", "India", "Benelux",
)  # fmt: skip
_DIVISIONS = (
    "Holdings", "Capital", "Bank", "Insurance", "Leasing", "Foundation", "Ventures", "Labs",
    "Logistics", "Real Estate", "Finance", "Digital", "Services", "Properties", "Energy", "Retail",
    "Partners", "Technologies", "Media", "Aerospace", "II", "III",
)  # fmt: skip
_GENERIC = (
    "First National Bank of {}", "{} Savings Bank", "University of {}", "Bank of {}",
    "{} Chamber of Commerce", "Stadtwerke {}", "Sparkasse {}", "Volksbank {}", "City of {}",
    "{} School District", "{} Credit Union", "Rotary Club of {}", "Ayuntamiento de {}",
    "{} Historical Society", "{} Public Library", "Diocese of {}", "{} Water Authority",
)  # fmt: skip

_NAME = column("firm", "name", "company", "company_name", "organisation", "legal_name")
FIRM_COLUMNS: Mapping[str, Column] = {
    **PERSON_COLUMNS,
    "firm": replace(_NAME, attributes=("firm", "core")),
    "trade": raw("trade", "industry", "sector", "trade"),
}


def make_firm(rng: Random, locale: str) -> Facts:
    """Make a company by stem, trade and legal form."""
    facts: Facts = {
        "locale": locale,
        "country": locale[-2:],
        "stem": draw_stem(rng, locale),
        "trade": draw_trade(rng),
        "form": draw_form(rng, locale),
    }
    set_home(rng, facts)
    _name(facts, rng.random() < 0.75)
    return facts


def _name(facts: Facts, with_trade: bool = True, added: str = "") -> None:
    """Name a company: stem, trade, an added word and the legal form, which tells nothing."""
    parts = (facts["stem"], facts["trade"] if with_trade else "", added)
    facts["core"] = " ".join(part for part in parts if part)
    facts["firm"] = f"{facts['core']} {facts['form']}".strip()


def _family_of_firms(rng: Random, locale: str) -> Group:
    """Make companies with alike names."""
    first = make_firm(rng, locale)
    group = [first]
    roll = rng.random()
    count = rng.choice((1, 1, 2, 3, 4))
    if roll < 0.2:
        template = rng.choice(_GENERIC)
        group = [make_firm(rng, locale) for _ in range(count + 1)]
        for facts in group:
            facts["stem"], facts["trade"] = draw_town(rng, locale), ""
            facts["firm"] = template.format(facts["stem"])
            facts["city"], facts["core"] = facts["stem"], facts["firm"]
    else:
        pools = {0: _DIVISIONS, 1: _REGIONAL, 2: (), 3: ()}
        kind = rng.randrange(4)
        added = rng.sample(pools[kind], count) if pools[kind] else [""] * count
        for word in added:
            other = make_firm(rng, locale)
            if kind < 3:
                other["stem"] = first["stem"]
            if kind in (0, 1):
                other["trade"] = first["trade"] if rng.random() < 0.4 else ""
                other["form"] = first["form"] if rng.random() < 0.5 else other["form"]
            elif kind == 3:
                other["trade"] = first["trade"]
            if rng.random() < 0.5 and kind < 3:
                for name in ("number", "street", "unit", "city", "postcode", "region"):
                    other[name] = first[name]
            _name(other, bool(other["trade"]), word)
            group.append(other)
    return group


def _rewrite(rng: Random, facts: Facts) -> Iterable[str]:
    facts["firm"] = rewrite_firm(facts["firm"], rng)
    return ()


def _acronym(rng: Random, facts: Facts) -> Iterable[str]:
    """Write the name as an acronym, or add it in brackets."""
    name = facts["firm"].removesuffix(f" {facts.get('form', '')}")
    words = [word for word in name.split(" ") if word[:1].isalpha() and word[0].isupper()]
    if len(words) >= 3:
        initials = "".join(word[0] for word in words)
        facts["firm"] = rng.choice((initials, f"{facts['firm']} ({initials})"))
    return ()


def _decorate(rng: Random, facts: Facts) -> Iterable[str]:
    """Add words that say nothing, or move a word behind a comma."""
    name = facts["firm"]
    if " of " in name and rng.random() < 0.3:
        facts["firm"] = f"{name.split(' of ')[0]}, {name.split(' of ', 1)[1]}"
    else:
        facts["firm"] = rng.choice(
            (
                f"{name} (HQ)",
                f"c/o {name}",
                f"{name} - Head Office",
                f"The {name}",
                f"{name} [inactive]",
                f"*{name}",
                f"{name} (see notes)",
            )
        )
    return ()


def company_names(rng: Random) -> Lesson:
    """Make names of companies, mostly without anything else."""
    locale = draw_home(rng)
    schema = rng.choice((("firm",), ("firm",), ("firm", "city"), ("firm", "country", "trade")))
    columns = choose_columns(rng, FIRM_COLUMNS, schema, ("firm",))
    plan = Plan(
        columns,
        {"core": 1.0},
        {"firm": 1.0},
        ((_rewrite, 8), (_acronym, 0.5), (_decorate, 0.7)),
        keep=frozenset({"firm"}),
    )
    groups = draw_groups(rng, lambda r: _family_of_firms(r, locale), lambda r: make_firm(r, locale))
    return build("company-names", rng, plan, groups)


def plain_companies(rng: Random) -> Lesson:
    """Make an ordinary file of companies with addresses."""
    locale = draw_home(rng)
    schema = rng.choice(
        (
            ("firm", "address", "city", "postcode", "country"),
            ("firm", "trade", "city", "phone"),
            ("firm", "full_address"),
            ("firm", "city", "region"),
        )
    )
    columns = choose_columns(rng, FIRM_COLUMNS, schema, ("firm",))
    plan = Plan(
        columns,
        {"core": 1.0},
        {"firm": 0.8, "street": 0.3, "city": 0.2, "trade": 0.2},
        ((_rewrite, 8), (_decorate, 0.3)),
        keep=frozenset({"firm"}),
        errors=1.8,
    )
    groups = draw_groups(
        rng,
        lambda r: _family_of_firms(r, locale),
        lambda r: make_firm(r, locale),
        rng.randint(100, 350),
    )
    return build("plain-companies", rng, plan, groups)
