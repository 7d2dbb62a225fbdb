"""Lessons about contacts: shared mailboxes and switchboards, placeholders, and CRM systems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random

from dedupe.training.generators.lessons.firms import draw_firm_name, vary_firm_name
from dedupe.training.generators.lessons.persons import (
    PERSON_COLUMNS,
    SAME_PERSON,
    change_email,
    change_phone,
    draw_other_given,
    make_person,
    marry,
    move,
    use_initial,
    use_nickname,
)
from dedupe.training.generators.lessons.table import (
    Column,
    Facts,
    Group,
    Lesson,
    Plan,
    Variant,
    choose_columns,
    column,
    draw_groups,
    raw,
)
from dedupe.training.generators.lessons.vocabulary import (
    draw_area,
    draw_brand,
    draw_email,
    draw_home,
    draw_phone,
)
from dedupe.training.generators.lessons.writing import build

_SHARED_SITE = ("number", "street", "unit", "city", "postcode", "region")
_ROLE_MAILBOXES = ("info", "office", "contact", "sales", "admin", "kontakt", "hello", "mail")
_DEPARTMENTS = (
    "Sales", "Marketing", "Finance", "IT", "HR", "Purchasing", "Legal", "Operations", "Support",
)  # fmt: skip
_ROLES = (
    "Manager", "Head", "Director", "Assistant", "Analyst", "Engineer", "Consultant", "CEO", "CFO",
    "Buyer", "Partner", "Associate",
)  # fmt: skip
_STATUSES = (("active", "inactive"), ("lead", "customer", "prospect"), ("open", "closed", "new"))

CONTACT_COLUMNS: Mapping[str, Column] = {
    **PERSON_COLUMNS,
    "department": column("department", "department", "dept", "abteilung", typos=0.2),
    "role": column("role", "role", "title", "position", "job_title", typos=0.2),
    "status": raw("status", "status", "stage", "type"),
    "source": raw("source", "source", "lead_source", "system"),
    "firm": column("firm", "company", "account", "company_name", "organisation", "firma"),
    "website": raw("website", "website", "url", "web", "domain"),
}


def host_of(firm: str, rng: Random) -> str:
    """Make the domain of a company."""
    stem = "".join(c for c in firm.split()[0].lower() if c.isascii() and c.isalnum())
    return f"{stem or draw_brand(rng).lower()}.{rng.choice(('com', 'net', 'de', 'co.uk', 'eu'))}"


def _set_firm(rng: Random, facts: Facts, locale: str) -> None:
    """Let a person work for a company with its own domain and switchboard."""
    facts["firm"] = facts["company"] = draw_firm_name(rng, locale)
    facts["website"] = host_of(facts["firm"], rng)


def _colleague(rng: Random, facts: Facts) -> Facts:
    """Make a person who works for the company of another."""
    locale = facts["locale"]
    other = make_person(rng, locale)
    other["given"] = draw_other_given(rng, locale, other["sex"], [facts["given"]])
    for name in (*_SHARED_SITE, "firm", "company", "website", "country"):
        other[name] = facts.get(name, "")
    other["email"] = draw_email(rng, other["given"], other["surname"], facts["website"])
    return other


def same_contact(rng: Random) -> Lesson:
    """Make strangers with one mailbox, switchboard or address."""
    locale = draw_home(rng)
    of_firms = rng.random() < 0.4
    schema = rng.choice(
        (
            ("firm", "email", "phone", "address", "city", "postcode"),
            ("firm", "email", "phone", "full_address"),
            ("firm", "phone", "website", "city"),
        )
        if of_firms
        else (
            ("full_name", "email", "phone", "address", "city"),
            ("given", "surname", "firm", "email", "phone"),
            ("given", "surname", "email", "phone", "address", "city", "postcode"),
            ("full_name", "firm", "email", "phone", "address", "city"),
        )
    )
    columns = choose_columns(
        rng, CONTACT_COLUMNS, schema, ("firm", "full_name", "given", "surname", "email")
    )

    def stranger(rng: Random) -> Facts:
        facts = make_person(rng, locale)
        _set_firm(rng, facts, locale)
        if of_firms:
            facts["email"] = f"{rng.choice(_ROLE_MAILBOXES)}@{facts['website']}"
        return facts

    def lookalikes(rng: Random) -> Group:
        first = stranger(rng)
        shared = [n for n in ("email", "phone", "site") if rng.random() < 0.5] or ["email"]
        if "email" in shared and not of_firms:
            role = f"{rng.choice(_ROLE_MAILBOXES)}@{first['website']}"
            couple = f"{first['surname'].lower().split()[0]}family@gmail.com"
            first["email"] = rng.choice((role, role, couple if couple.isascii() else role))
        group = [first]
        for _ in range(rng.choice((1, 1, 2, 2, 3, 5, 8))):
            other = stranger(rng)
            if not of_firms and rng.random() < 0.6:
                other = _colleague(rng, first)
            for name in shared:
                if name == "site":
                    other["care"] = first["surname"] if rng.random() < 0.25 else ""
                    for part in _SHARED_SITE:
                        other[part] = first.get(part, "")
                else:
                    other[name] = first[name]
            group.append(other)
        return group

    if of_firms:
        telling: Mapping[str, float] = {"firm": 1.0}
        evidence: Mapping[str, float] = {
            "firm": 0.7, "email": 0.3, "phone": 0.3, "street": 0.3, "website": 0.3, "city": 0.3,
        }  # fmt: skip
        variants: Sequence[tuple[Variant, float]] = (
            (vary_firm_name, 4),
            (change_phone, 1),
            (move, 0.7),
        )
    else:
        telling = {"given": 1.0, "surname": 1.0}
        evidence = {
            "given": 0.4, "surname": 0.4, "email": 0.3, "phone": 0.3, "street": 0.3, "firm": 0.3,
        }  # fmt: skip
        variants = ((use_nickname, 3), (use_initial, 1), (change_phone, 1), (move, 1), (marry, 0.3))
    plan = Plan(columns, telling, evidence, variants)
    return build("same-contact", rng, plan, draw_groups(rng, lookalikes, stranger))


_PLACEHOLDERS: Mapping[str, tuple[str, ...]] = {
    "email": (
        "test@test.com", "noreply@example.com", "none@none.com", "no@email.com", "info@info.com",
        "unknown@unknown.com", "N/A", "customer@store.com", "na@na.com",
    ),
    "phone": (
        "0000000000", "1234567890", "9999999", "N/A", "000-000-0000", "-", "555-5555", "unknown",
        "1111111111", "+00",
    ),
    "address": ("no address", "see notes", "N/A", "unknown", "TBD", "PO Box", "-", "Main Street 1"),
    "full_address": ("no address", "see notes", "N/A", "unknown", "TBD", "."),
    "birth": ("1900-01-01", "1970-01-01", "01/01/1900", "0000-00-00", "1990-01-01", "1.1.1970"),
    "city": ("unknown", "N/A", "Other", "-", "none", "Springfield", "xxx"),
    "postcode": ("00000", "99999", "12345", "0000", "N/A", "XXXXX"),
    "firm": ("N/A", "none", "private", "self", "unknown", "-", "Privat", "not provided"),
    "job": ("N/A", "other", "unknown", "-"),
}  # fmt: skip


def placeholders(rng: Random) -> Lesson:
    """Make strangers whose records hold the same placeholders."""
    locale = draw_home(rng)
    schema = rng.choice(
        (
            ("given", "surname", "email", "phone", "address", "city", "postcode"),
            ("full_name", "email", "phone", "birth", "city"),
            ("full_name", "firm", "email", "phone", "full_address"),
            ("given", "surname", "birth", "phone", "email", "firm", "job"),
        )
    )
    keep = ("given", "surname", "full_name", "email", "phone")
    columns = choose_columns(rng, CONTACT_COLUMNS, schema, keep)
    open_keys = [key for key in columns if key in _PLACEHOLDERS]
    chosen = rng.sample(open_keys, min(rng.randint(1, 4), len(open_keys)))
    texts = {key: rng.sample(_PLACEHOLDERS[key], rng.choice((1, 1, 2))) for key in chosen}

    def stranger(rng: Random) -> Facts:
        facts = make_person(rng, locale)
        _set_firm(rng, facts, locale)
        return facts

    def lookalikes(rng: Random) -> Group:
        first, other = stranger(rng), stranger(rng)
        if rng.random() < 0.5:
            other["given"], other["sex"] = first["given"], first["sex"]
        else:
            other["surname"] = first["surname"]
        other["city"] = first["city"]
        other["email"] = draw_email(rng, other["given"], other["surname"])
        return [first, other]

    plan = Plan(
        columns,
        {"given": 1.0, "surname": 1.0},
        {**SAME_PERSON, "given": 0.35, "surname": 0.35, "firm": 0.4},
        ((use_nickname, 2), (change_phone, 1), (change_email, 1), (move, 1), (use_initial, 0.5)),
        placeholders=texts,
        placeholder_rate=rng.choice((0.1, 0.2, 0.4)),
    )
    return build("placeholders", rng, plan, draw_groups(rng, lookalikes, stranger))


def crm(rng: Random) -> Lesson:
    """Make contacts of companies, from several sources with columns of few values."""
    locale = draw_home(rng)
    schema = rng.choice(
        (
            (
                "given",
                "surname",
                "firm",
                "department",
                "role",
                "email",
                "phone",
                "status",
                "source",
            ),
            ("full_name", "firm", "role", "email", "phone", "country", "status"),
            ("source", "given", "surname", "email", "firm", "city", "country", "department"),
            ("firm", "full_name", "email", "phone", "website", "role", "source"),
        )
    )
    columns = choose_columns(
        rng, CONTACT_COLUMNS, schema, ("given", "surname", "full_name", "firm", "email")
    )
    sources = rng.sample(("web", "event", "import", "sap", "newsletter", "referral", "crm"), 3)
    statuses = rng.choice(_STATUSES)

    def describe(rng: Random, facts: Facts) -> Facts:
        facts["department"], facts["role"] = rng.choice(_DEPARTMENTS), rng.choice(_ROLES)
        facts["status"], facts["source"] = rng.choice(statuses), rng.choice(sources)
        return facts

    def contact(rng: Random) -> Facts:
        facts = make_person(rng, locale)
        _set_firm(rng, facts, locale)
        facts["email"] = draw_email(rng, facts["given"], facts["surname"], facts["website"])
        return describe(rng, facts)

    def lookalikes(rng: Random) -> Group:
        first = contact(rng)
        area = draw_area(rng)
        group = [first]
        for _ in range(rng.choice((1, 2, 2, 3, 4, 6))):
            other = describe(rng, _colleague(rng, first))
            roll = rng.random()
            if roll < 0.35:
                other["surname"] = first["surname"]
            elif roll < 0.5:
                other["given"], other["sex"] = first["given"], first["sex"]
            other["email"] = draw_email(rng, other["given"], other["surname"], first["website"])
            if rng.random() < 0.5:
                for name in ("department", "role", "status", "source"):
                    other[name] = first[name]
            group.append(other)
        for facts in group:
            line = draw_phone(rng, locale, area).split(" ")
            facts["phone"] = " ".join((*line[:2], f"{line[2][:4]}{rng.randint(10, 99)}"))
        return group

    def other_source(rng: Random, facts: Facts) -> Iterable[str]:
        facts["status"], facts["source"] = rng.choice(statuses), rng.choice(sources)
        return ()

    def promote(rng: Random, facts: Facts) -> Iterable[str]:
        facts["role"] = rng.choice(_ROLES)
        return ("role",)

    def use_private_mail(rng: Random, facts: Facts) -> Iterable[str]:
        facts["email"] = draw_email(rng, facts["given"], facts["surname"])
        return ("email",)

    def rename_firm(rng: Random, facts: Facts) -> Iterable[str]:
        return vary_firm_name(rng, facts)

    plan = Plan(
        columns,
        {"given": 1.0, "surname": 1.0},
        {"given": 0.4, "surname": 0.3, "firm": 0.4, "email": 0.4, "phone": 0.3},
        (
            (other_source, 4),
            (use_nickname, 2),
            (promote, 1),
            (rename_firm, 2),
            (use_private_mail, 0.7),
            (change_phone, 1),
            (use_initial, 0.7),
        ),
        gaps=1.6,
    )
    return build("crm", rng, plan, draw_groups(rng, lookalikes, contact))
