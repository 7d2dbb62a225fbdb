"""Lessons about people: households, namesakes, nicknames, swapped names and ordinary files."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from random import Random

from dedupe.training.generators.lessons.persons import (
    PERSON_COLUMNS,
    PERSON_SCHEMAS,
    SAME_PERSON,
    TOLD_APART,
    USUAL_CHANGES,
    change_email,
    change_middle,
    change_phone,
    draw_birth,
    draw_given,
    draw_other_given,
    join_names,
    make_person,
    marry,
    move,
    romanize,
    swap_day,
    swap_names,
    use_initial,
    use_nickname,
)
from dedupe.training.generators.lessons.table import (
    Facts,
    Group,
    Lesson,
    Plan,
    choose_columns,
    draw_groups,
)
from dedupe.training.generators.lessons.vocabulary import draw_email, draw_home
from dedupe.training.generators.lessons.writing import build

_SHARED_AT_HOME = ("number", "street", "unit", "city", "postcode", "region", "locale", "country")


def _schema(rng: Random) -> tuple[str, ...]:
    return rng.choice(PERSON_SCHEMAS)


def _relative(rng: Random, head: Facts, taken: list[str]) -> Facts:
    """Make another member of the household of `head`."""
    locale = head["locale"]
    other = make_person(rng, locale)
    for name in _SHARED_AT_HOME:
        other[name] = head.get(name, "")
    if rng.random() < 0.88:
        other["surname"] = head["surname"]
    other["given"] = draw_other_given(rng, locale, other["sex"], taken)
    if rng.random() < 0.6:
        other["phone"] = head["phone"]
    shared = rng.random() < 0.25
    other["email"] = head["email"] if shared else draw_email(rng, other["given"], other["surname"])
    return other


def make_household(rng: Random, locale: str) -> Group:
    """Make a household: spouses, children, twins, or a child named like a parent."""
    head = make_person(rng, locale)
    head["birth"] = draw_birth(rng, 1935, 1985)
    members, taken = [head], [head["given"]]
    for _ in range(rng.choice((1, 1, 2, 2, 3, 4))):
        other = _relative(rng, head, taken)
        role = rng.random()
        if role < 0.35:
            born = date.fromisoformat(head["birth"]) + timedelta(days=rng.randint(-2500, 2500))
            other["birth"] = born.isoformat()
        elif role < 0.55 and len(members) > 1:
            twin = members[-1]
            other["birth"], other["surname"] = twin["birth"], twin["surname"]
            other["given"] = _similar_given(rng, locale, twin["given"], taken)
        elif role < 0.72 and head["sex"] == "m" and not head.get("suffix"):
            other["given"], other["sex"] = head["given"], head["sex"]
            other["surname"] = head["surname"]
            other["birth"] = _child_birth(rng, head["birth"])
            head["suffix"], other["suffix"] = "Sr", "Jr"
        else:
            other["birth"] = _child_birth(rng, head["birth"])
        if other["email"] != head["email"]:
            other["email"] = draw_email(rng, other["given"], other["surname"])
        taken.append(other["given"])
        members.append(other)
    return members


def _child_birth(rng: Random, birth: str) -> str:
    born = date.fromisoformat(birth) + timedelta(days=rng.randint(365 * 19, 365 * 38))
    return born.isoformat()


def _similar_given(rng: Random, locale: str, given: str, taken: list[str]) -> str:
    """Draw a given name that begins like another one, if there is one."""
    names = [draw_other_given(rng, locale, rng.choice("mf"), taken) for _ in range(12)]
    return next((name for name in names if name[:1] == given[:1]), names[0])


def families(rng: Random) -> Lesson:
    """Make households whose members share surname, address and phone number."""
    locale = draw_home(rng)
    columns = choose_columns(rng, PERSON_COLUMNS, _schema(rng), ("given", "surname", "full_name"))
    plan = Plan(
        columns,
        {
            name: weight
            for name, weight in TOLD_APART.items()
            if name in ("given", "birth", "suffix")
        },
        {**SAME_PERSON, "given": 0.5, "surname": 0.3, "street": 0.2},
        USUAL_CHANGES,
    )
    groups = draw_groups(rng, lambda r: make_household(r, locale), lambda r: make_person(r, locale))
    return build("families", rng, plan, groups)


def make_twins(rng: Random, locale: str) -> Group:
    """Make twins and other siblings who share everything but the given name, and often the sex."""
    head = make_person(rng, locale)
    group, taken = [head], [head["given"]]
    for _ in range(rng.choice((1, 1, 1, 2))):
        other = {
            **head,
            "sex": rng.choice("mf"),
            "middle": make_person(rng, locale).get("middle", ""),
        }
        if rng.random() < 0.3:
            other["given"] = _similar_given(rng, locale, head["given"], taken)
        else:
            other["given"] = draw_other_given(rng, locale, other["sex"], taken)
        if rng.random() < 0.15:
            born = date.fromisoformat(head["birth"]) + timedelta(days=rng.randint(330, 2500))
            other["birth"] = born.isoformat()
        if rng.random() < 0.1:
            other["phone"] = make_person(rng, locale)["phone"]
        if rng.random() < 0.7:
            other["email"] = draw_email(rng, other["given"], other["surname"])
        taken.append(other["given"])
        group.append(other)
    return group


def twins(rng: Random) -> Lesson:
    """Make twins at one address: the given name alone tells them apart."""
    locale = draw_home(rng)
    schemas = [schema for schema in PERSON_SCHEMAS if "birth" in schema]
    columns = choose_columns(
        rng, PERSON_COLUMNS, rng.choice(schemas), ("given", "surname", "full_name", "birth")
    )
    plan = Plan(
        columns,
        {"given": 1.0, "birth": 1.0},
        {**SAME_PERSON, "given": 0.5, "surname": 0.3, "street": 0.2},
        USUAL_CHANGES,
    )
    groups = draw_groups(rng, lambda r: make_twins(r, locale), lambda r: make_person(r, locale))
    return build("twins", rng, plan, groups)


def suffixes(rng: Random) -> Lesson:
    """Make fathers, sons and grandsons of one name at one address."""
    locale = rng.choice(("en_US", "en_US", "en_CA", "en_GB"))
    with_birth = rng.random() < 0.6
    schema = rng.choice(
        (
            ("full_name", "birth", "address", "city", "postcode", "phone"),
            ("given", "middle", "surname", "suffix", "birth", "address", "city", "region"),
            ("full_name", "full_address", "birth"),
            ("given", "surname", "suffix", "birth", "phone", "email"),
        )
    )
    keep = ("given", "surname", "full_name", "suffix", "address", "full_address", "phone")
    columns = choose_columns(rng, PERSON_COLUMNS, schema, (*keep, "birth") if with_birth else keep)
    if not with_birth:
        columns.pop("birth", None)

    def make_man(rng: Random) -> Facts:
        person = {**make_person(rng, locale), "sex": "m", "given": draw_given(rng, locale, "m")}
        person["email"] = draw_email(rng, person["given"], person["surname"])
        return person

    def namesakes(rng: Random) -> Group:
        first = make_man(rng)
        first["birth"] = draw_birth(rng, 1930, 1955)
        group = [first]
        for _ in range(rng.choice((1, 1, 1, 2))):
            child = make_man(rng)
            for name in (*_SHARED_AT_HOME, "given", "surname", "sex"):
                child[name] = first.get(name, "")
            child["email"] = draw_email(rng, child["given"], child["surname"])
            child["birth"] = _child_birth(rng, group[-1]["birth"])
            child["middle"] = first.get("middle", "")
            if rng.random() < 0.7:
                child["phone"] = first["phone"]
            group.append(child)
        labels = ("Sr", "Jr", "III") if rng.random() < 0.7 else ("", "II", "III")
        for member, label in zip(group, labels, strict=False):
            member["suffix"] = label
        return group

    def drop_suffix(rng: Random, facts: Facts) -> tuple[str, ...]:
        facts["suffix"] = ""
        return ()

    plan = Plan(
        columns,
        {"suffix": 1.0, "birth": 1.0, "given": 1.0, "surname": 1.0},
        {**SAME_PERSON, "suffix": 0.1, "given": 0.4, "surname": 0.3},
        (
            (drop_suffix, 3 if with_birth else 0.5),
            (use_nickname, 1),
            (change_middle, 2),
            (move, 1),
            (change_phone, 1),
            (use_initial, 0.5),
        ),
    )
    groups = draw_groups(rng, namesakes, lambda r: make_person(r, locale))
    return build("suffixes", rng, plan, groups)


def nicknames(rng: Random) -> Lesson:
    """Make people under nicknames and initials, beside relatives and namesakes."""
    locale = draw_home(rng, 0.15)
    columns = choose_columns(rng, PERSON_COLUMNS, _schema(rng), ("given", "surname", "full_name"))
    towns = [make_person(rng, locale) for _ in range(3)]

    def lookalikes(rng: Random) -> Group:
        person = make_person(rng, locale)
        other = make_person(rng, locale)
        other["surname"] = person["surname"]
        roll = rng.random()
        if roll < 0.45:
            other["given"], other["sex"] = person["given"], person["sex"]
            town = rng.choice(towns)
            for facts in (person, other):
                facts["city"], facts["region"] = town["city"], town["region"]
            other["email"] = draw_email(rng, other["given"], other["surname"])
        elif roll < 0.75:
            other = _relative(rng, person, [person["given"]])
        else:
            other["given"] = draw_other_given(rng, locale, person["sex"], [person["given"]])
            other["birth"] = person["birth"]
        return [person, other]

    plan = Plan(
        columns,
        {**TOLD_APART, "street": 0.5, "number": 0.2, "phone": 0.4, "email": 0.4},
        {**SAME_PERSON, "given": 0.3, "surname": 0.3},
        (
            (use_nickname, 6),
            (romanize, 4),
            (use_initial, 2),
            (change_middle, 2),
            (join_names, 2),
            (swap_names, 0.5),
            (change_phone, 0.7),
            (move, 0.7),
        ),
    )
    groups = draw_groups(rng, lookalikes, lambda r: make_person(r, locale))
    return build("nicknames", rng, plan, groups)


def swapped(rng: Random) -> Lesson:
    """Make swapped names and mistaken dates, beside others who were born the same day or year."""
    locale = draw_home(rng)
    schema = rng.choice(
        (
            ("given", "surname", "birth", "city", "postcode"),
            ("full_name", "birth", "address", "city"),
            ("surname", "given", "middle", "birth", "sex", "phone"),
            ("given", "surname", "birth", "email", "address"),
            ("given", "surname", "birth"),
        )
    )
    keep = ("given", "surname", "full_name", "birth")
    columns = choose_columns(rng, PERSON_COLUMNS, schema, keep)

    def lookalikes(rng: Random) -> Group:
        person, other = make_person(rng, locale), make_person(rng, locale)
        if rng.random() < 0.6:
            other["birth"] = person["birth"]
        else:
            other["birth"] = f"{person['birth'][:4]}{draw_birth(rng)[4:]}"
        if rng.random() < 0.6:
            other["surname"] = person["surname"]
            other["given"] = _similar_given(rng, locale, person["given"], [person["given"]])
        else:
            other["given"], other["sex"] = person["given"], person["sex"]
        other["email"] = draw_email(rng, other["given"], other["surname"])
        if rng.random() < 0.4:
            other["city"] = person["city"]
        return [person, other]

    plan = Plan(
        columns,
        {"given": 1.0, "surname": 1.0},
        {"given": 0.4, "surname": 0.4, "birth": 0.4, "phone": 0.3, "email": 0.4, "street": 0.3,
         "postcode": 0.2, "city": 0.2},
        (
            (swap_names, 4),
            (swap_day, 3),
            (change_middle, 1),
            (use_nickname, 1),
            (join_names, 1),
            (move, 0.5),
        ),
        most=2,
    )  # fmt: skip
    groups = draw_groups(rng, lookalikes, lambda r: make_person(r, locale))
    return build("swapped", rng, plan, groups)


def moved(rng: Random) -> Lesson:
    """Make people with new contacts or surnames, beside namesakes and neighbours."""
    locale = draw_home(rng)
    schema = rng.choice(
        (
            ("given", "surname", "birth", "address", "city", "postcode", "phone", "email"),
            ("full_name", "birth", "full_address", "email"),
            ("given", "middle", "surname", "birth", "phone", "email"),
            ("given", "surname", "birth", "job", "email", "phone"),
        )
    )
    keep = ("given", "surname", "full_name", "birth", "email", "full_address")
    columns = choose_columns(rng, PERSON_COLUMNS, schema, keep)

    def lookalikes(rng: Random) -> Group:
        person, other = make_person(rng, locale), make_person(rng, locale)
        if rng.random() < 0.5:
            other["given"], other["surname"] = person["given"], person["surname"]
            other["sex"], other["city"] = person["sex"], person["city"]
            if rng.random() < 0.4:
                for name in _SHARED_AT_HOME:
                    other[name] = person.get(name, "")
            other["email"] = draw_email(rng, other["given"], other["surname"])
        else:
            for name in _SHARED_AT_HOME:
                other[name] = person.get(name, "")
            if rng.random() < 0.5:
                other["phone"] = person["phone"]
        return [person, other]

    plan = Plan(
        columns,
        {"birth": 1.0, "given": 0.6, "surname": 0.6},
        {"given": 0.35, "surname": 0.2, "birth": 0.5, "email": 0.4, "phone": 0.4, "street": 0.2},
        ((move, 3), (change_phone, 3), (change_email, 3), (marry, 3), (use_nickname, 1)),
        most=3,
    )
    groups = draw_groups(rng, lookalikes, lambda r: make_person(r, locale))
    return build("moved", rng, plan, groups)


ORDINARY = Plan({}, TOLD_APART, SAME_PERSON, USUAL_CHANGES, errors=2.0)
"""Plan of an ordinary file, without its columns."""
REGISTER = Plan(
    {},
    TOLD_APART,
    SAME_PERSON,
    (*USUAL_CHANGES, (swap_names, 1.5), (swap_day, 1.5), (use_initial, 1), (move, 2)),
    most=4,
    errors=5.0,
    share=0.3,
)
"""Plan of a register that was typed by hand over many years, without its columns."""


def plain_people(rng: Random) -> Lesson:
    """Make an ordinary file of some hundred people with typing errors."""
    return _ordinary_people("plain-people", rng, rng.randint(200, 380))


def many_people(rng: Random) -> Lesson:
    """Make an ordinary file of ten to thirty thousand people: some are namesakes and neighbours."""
    return _ordinary_people("many-people", rng, rng.randint(8_000, 24_000))


def crowds(rng: Random) -> Lesson:
    """Make a register of about a hundred thousand people in which several fields of a copy differ.

    In so large a file many share a name, and a birthday or an address still tells who is meant.
    """
    return _ordinary_people("crowds", rng, rng.randint(50_000, 120_000), REGISTER)


def _ordinary_people(kind: str, rng: Random, count: int, plan: Plan = ORDINARY) -> Lesson:
    locale = draw_home(rng, 0.1)
    columns = choose_columns(rng, PERSON_COLUMNS, _schema(rng), ("given", "surname", "full_name"))
    plan = replace(plan, columns=columns)
    cities = [make_person(rng, locale)["city"] for _ in range(rng.choice((5, 20, 60)))]

    def resident(rng: Random) -> Facts:
        person = make_person(rng, locale)
        person["city"] = rng.choice(cities)
        return person

    def lookalikes(rng: Random) -> Group:
        person = resident(rng)
        return [person, _relative(rng, person, [person["given"]])]

    groups = draw_groups(rng, lookalikes, resident, count)
    return build(kind, rng, plan, groups, most=max(600, 2 * count))
