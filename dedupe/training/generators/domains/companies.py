"""Companies."""

from __future__ import annotations

from random import Random

from dedupe.training.augment import records as error_models
from dedupe.training.augment.edits import abbreviate
from dedupe.training.augment.word_lists import word_groups
from dedupe.training.generators.domain import Change, Column, Domain, Entity, Style
from dedupe.training.generators.domains.sites import (
    SITE_COLUMNS,
    SITE_EVIDENCE,
    change_contact,
    neighbour_of,
    open_branch,
    open_branch_elsewhere,
    set_site,
    set_town,
    vary_site,
)
from dedupe.training.generators.locales import country, country_code, draw_locale
from dedupe.training.generators.values import draw_name, draw_other, draw_word
from dedupe.training.word_lists import words

_FORMS = tuple(form for group in word_groups("company_forms") for form in group[:2])


def make_company(rng: Random) -> Entity:
    """Make a company with legal form, address, phone number and website."""
    locale = draw_locale(rng)
    entity = {
        "locale": locale,
        "country": country_code(locale),
        "trade": draw_word(rng, "company_trades"),
    }
    set_town(rng, entity)
    set_site(rng, entity)
    if rng.random() < 0.4:
        entity["name"], entity["form"] = country(locale).companies.draw(rng), ""
    else:
        stem = rng.choice(
            (
                draw_name(rng),
                draw_name(rng),
                f"{draw_word(rng, 'company_words')} {draw_word(rng, 'company_words')}",
                draw_word(rng, "company_words"),
                f"{draw_name(rng)} & {draw_name(rng)}",
                "".join(rng.choice("ABCDEFGHIKLMNPRSTVW") for _ in range(3)),
            )
        )
        entity["name"] = f"{stem} {entity['trade']}" if rng.random() < 0.7 else stem
        entity["form"] = rng.choice(_FORMS) if rng.random() < 0.7 else ""
    head = "".join(c for c in entity["name"].split()[0].lower() if c.isascii() and c.isalnum())
    entity["website"] = (
        f"www.{head or draw_name(rng).lower()}.{rng.choice(('com', 'net', 'org', 'eu'))}"
    )
    return entity


def _company_name(entity: Entity, style: Style) -> str:
    """Write the name with the legal form."""
    return style.apply(f"{entity['name']} {entity['form']}".strip())


def _subsidiary(rng: Random, entity: Entity) -> None:
    """Change to a subsidiary or division."""
    entity["name"] = f"{entity['name']} {draw_word(rng, 'company_divisions')}"
    if rng.random() < 0.6:
        open_branch(rng, entity)


def _other_trade(rng: Random, entity: Entity) -> None:
    """Change to a company with a similar name in another trade."""
    stem = entity["name"].split()[0]
    entity["trade"] = draw_other(rng, words("company_trades"), entity["trade"])
    entity["name"] = f"{stem} {entity['trade']}"
    if rng.random() < 0.7:
        open_branch(rng, entity)


def _similar_name(rng: Random, entity: Entity) -> None:
    """Change to a company whose name differs in the first word."""
    tokens = entity["name"].split()
    tokens[0] = rng.choice((draw_name(rng), draw_word(rng, "company_words")))
    entity["name"] = " ".join(tokens)
    entity["website"] = f"www.{tokens[0].lower()}.com"
    if rng.random() < 0.7:
        open_branch(rng, entity)


def _other_form(rng: Random, entity: Entity) -> None:
    """Write the legal form in another way, or drop it."""
    forms = next((g for g in word_groups("company_forms") if entity["form"] in g), ("",))
    entity["form"] = rng.choice((*forms, ""))


def _vary_company(rng: Random, entity: Entity) -> None:
    """Vary legal form, trade and address."""
    if rng.random() < 0.5:
        _other_form(rng, entity)
    if rng.random() < 0.2:
        entity["trade"] = draw_word(rng, "company_trades")
    vary_site(rng, entity)


def _acronym(rng: Random, entity: Entity) -> None:
    """Replace the name by its acronym, or add the acronym."""
    tokens = entity["name"].split()
    if len(tokens) > 2 and entity["name"].isascii():
        initials = "".join(t[0] for t in tokens if t[0].isalpha()).upper()
        entity["name"] = rng.choice((initials, f"{entity['name']} ({initials})"))
    else:
        entity["name"] = abbreviate(entity["name"], rng)


_COMPANY_COLUMNS = {
    **SITE_COLUMNS,
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
        Change("near-name", _similar_name, 3),
        Change("neighbour", neighbour_of(make_company), 2),
        Change("branch", open_branch_elsewhere, 2),
    ),
    same=(Change("moved", change_contact, 2), Change("acronym", _acronym, 1)),
    vary=_vary_company,
    errors=error_models.SITES,
    evidence=SITE_EVIDENCE,
    evidence_needed=2.0,
    weak_attributes=frozenset(
        {"phone", "trade", "postcode", "number", "street", "website", "region"}
    ),
)
