"""Lessons about poor records, whose equality says little, and about orders and payments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from random import Random

from dedupe.training.generators.lessons.firms import draw_firm_name, vary_firm_name
from dedupe.training.generators.lessons.persons import (
    PERSON_COLUMNS,
    make_person,
    use_nickname,
)
from dedupe.training.generators.lessons.styles import Style, write_date
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
from dedupe.training.generators.lessons.vocabulary import draw_home, draw_town, draw_word_of
from dedupe.training.generators.lessons.writing import build
from dedupe.training.generators.values import draw_word
from dedupe.training.word_lists import words

POOR_COLUMNS: Mapping[str, Column] = {
    **PERSON_COLUMNS,
    "cuisine": column("cuisine", "cuisine", "kind", "type", typos=0.2),
    "category": column("category", "category", "group", "segment", typos=0.2),
    "plan": raw("plan", "plan", "status", "tier"),
}


def poor_records(rng: Random) -> Lesson:
    """Make records of one or two values that many strangers share, and some rich ones."""
    locale = draw_home(rng)
    schema = rng.choice(
        (
            ("given", "city"),
            ("given", "city", "plan"),
            ("given",),
            ("job", "city"),
            ("cuisine", "city"),
            ("category", "country"),
            ("job",),
            ("given", "surname", "city", "email", "phone"),
            ("given", "city", "email", "phone"),
            ("given", "surname", "phone", "category"),
            ("given", "surname", "city", "email", "phone"),
            ("given", "surname", "city", "email", "phone"),
        )
    )
    columns = {key: POOR_COLUMNS[key] for key in schema}
    rich = "phone" in columns
    towns = [draw_town(rng, locale) for _ in range(rng.choice((3, 8, 15)))]
    groups_of = [draw_word_of(rng, "company_trades") for _ in range(8)]

    def make(rng: Random) -> Facts:
        facts = make_person(rng, locale)
        facts["city"] = rng.choice(towns)
        facts["cuisine"] = draw_word(rng, "cuisines")
        facts["category"] = rng.choice(groups_of)
        facts["plan"] = rng.choice(("basic", "plus", "pro"))
        if rich and rng.random() < 0.6:
            facts["surname"] = facts["email"] = facts["phone"] = ""
            facts["alone"] = "yes"
            if rng.random() < 0.4:
                facts[rng.choice(("given", "city"))] = ""
        return facts

    entities = rng.randint(40, 200)
    if not rich:
        plan = Plan(columns, {}, {}, (), share=0.0, gaps=0.4, errors=0.2, allow_equal=True)
        return build("poor-records", rng, plan, [[make(rng)] for _ in range(entities)])
    plan = Plan(
        columns,
        {"phone": 1.0, "surname": 1.0, "email": 1.0},
        {"given": 0.3, "surname": 0.3, "email": 0.6, "phone": 0.6},
        ((use_nickname, 1),),
        gaps=0.2,
        errors=0.3,
        allow_equal=True,
    )
    return build("poor-records", rng, plan, [[make(rng)] for _ in range(entities)])


def _write_amount(facts: Facts, style: Style, rng: Random) -> str:
    amount = facts.get("amount", "")
    match style.phone % 4:
        case 0:
            return f"${amount}" if amount else ""
        case 1:
            return amount.replace(".", ",")
        case 2:
            return f"{float(amount):g}" if amount else ""
    return amount


def _write_memo(facts: Facts, style: Style, rng: Random) -> str:
    memo = facts.get("memo", "")
    if facts.get("cut"):
        memo = memo[: int(facts["cut"])].rstrip()
    return style.apply(memo)


ORDER_COLUMNS: Mapping[str, Column] = {
    **PERSON_COLUMNS,
    "firm": column("firm", "payee", "customer", "vendor", "account", "merchant"),
    "date": Column(
        ("date", "booking_date", "order_date", "datum"),
        lambda facts, style, rng: write_date(facts.get("date", ""), style),
        ("date",),
        0.0,
    ),
    "amount": Column(("amount", "total", "value", "betrag"), _write_amount, ("amount",), 0.0),
    "reference": raw("reference", "reference", "order_no", "invoice", "ref"),
    "memo": Column(("memo", "description", "text", "purpose"), _write_memo, ("memo",), 0.7),
    "currency": raw("currency", "currency", "ccy"),
}


def orders(rng: Random) -> Lesson:
    """Make payments and orders: one amount on several days, cut texts, other references."""
    locale = draw_home(rng)
    schema = rng.choice(
        (
            ("date", "firm", "amount", "reference"),
            ("date", "amount", "memo"),
            ("reference", "full_name", "date", "amount", "currency"),
            ("date", "firm", "memo", "amount", "currency"),
        )
    )
    keep = ("date", "amount", "reference", "memo", "firm", "full_name")
    columns = choose_columns(rng, ORDER_COLUMNS, schema, keep)
    goods = words("lesson_trades")

    def make(rng: Random) -> Facts:
        facts = make_person(rng, locale)
        day = date(rng.randint(2015, 2024), 1, 1) + timedelta(days=rng.randrange(365))
        number = rng.randint(1000, 99_999)
        facts.update(
            firm=draw_firm_name(rng, locale),
            date=day.isoformat(),
            amount=f"{rng.choice((10, 25, 100, 1000)) * rng.uniform(0.3, 3):.2f}",
            reference=rng.choice((f"INV-{number}", f"{number}", f"PO{number}", f"R-{number}/24")),
            currency=rng.choice(("EUR", "EUR", "USD")),
        )
        facts["memo"] = rng.choice(("{f} {r} {g}", "PAYMENT {f} REF {r}", "{g} {f} {r}")).format(
            f=facts["firm"], r=facts["reference"], g=rng.choice(goods)
        )
        return facts

    def lookalikes(rng: Random) -> Group:
        first = make(rng)
        group = [first]
        for place in range(rng.choice((1, 2, 3, 5))):
            other = dict(first)
            step = rng.choice((1, 7, 30, 31, 365)) * (place + 1)
            other["date"] = (date.fromisoformat(first["date"]) + timedelta(days=step)).isoformat()
            number = rng.randint(1000, 99_999)
            other["reference"] = f"{first['reference'][:3]}{number}"
            other["memo"] = first["memo"].replace(first["reference"], other["reference"])
            if rng.random() < 0.3:
                other["amount"] = f"{float(first['amount']) + rng.randint(1, 30):.2f}"
                other["date"] = first["date"] if rng.random() < 0.5 else other["date"]
            group.append(other)
        return group

    def cut(rng: Random, facts: Facts) -> Iterable[str]:
        facts["cut"] = str(rng.randint(max(12, len(facts["memo"]) * 2 // 3), len(facts["memo"])))
        return ()

    def later(rng: Random, facts: Facts) -> Iterable[str]:
        day = date.fromisoformat(facts["date"]) + timedelta(days=rng.choice((1, 1, 2)))
        facts["date"] = day.isoformat()
        return ("date",)

    variants = [(cut, 3.0), (vary_firm_name, 3.0), (use_nickname, 0.5)]
    if "reference" in columns:
        variants.append((later, 1.0))
    plan = Plan(
        columns,
        {"reference": 0.7, "date": 0.7, "amount": 0.4, "firm": 0.3, "given": 0.3, "memo": 0.3},
        {"date": 0.5, "amount": 0.4, "reference": 0.6, "firm": 0.2, "memo": 0.2, "surname": 0.2},
        variants,
        gaps=0.4,
        errors=0.6,
    )
    return build("orders", rng, plan, draw_groups(rng, lookalikes, make))
