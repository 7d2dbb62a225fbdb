"""Lessons about products: sizes, models and versions of software."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random

from dedupe.training.generators.lessons.goods import (
    COLOURS,
    GOODS_COLUMNS,
    add_extra,
    add_noise,
    drop_brand,
    drop_colour,
    drop_noun,
    other_ean,
    other_order,
    other_price,
    set_offer,
    shorten,
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
)
from dedupe.training.generators.lessons.vocabulary import draw_brand, draw_ean
from dedupe.training.generators.lessons.writing import build
from dedupe.training.generators.values import draw_name, draw_other, draw_word, nudge_digit
from dedupe.training.word_lists import word_table

_SCHEMAS: tuple[tuple[str, ...], ...] = (
    ("title",),
    ("title", "price"),
    ("title", "brand", "price"),
    ("title", "category", "brand", "price"),
    ("title", "brand", "ean", "price"),
    ("brand", "title", "size_column", "price"),
    ("title", "shop", "price"),
)
_GENDERS = ("men", "women", "kids")
_AUDIENCES = {"shirt", "shoe"}
_COLOURED = {"shirt", "shoe", "storage", "lamp", "towel", "paint", "tyre"}
_TELLING: Mapping[str, float] = {
    "model": 1.0, "size": 1.0, "line": 1.0, "noun": 0.6, "variant": 1.0, "colour": 1.0,
    "brand": 0.6, "frame": 1.0,
}  # fmt: skip
_ABSENT_TELLS = frozenset({"frame", "variant"})
_EVIDENCE: Mapping[str, float] = {
    "brand": 0.3, "model": 0.7, "line": 0.4, "noun": 0.3, "size": 0.3, "ean": 0.4, "frame": 0.0,
}  # fmt: skip


def _make_good(rng: Random, brands: list[str]) -> Facts:
    """Make a product that is sold in sizes."""
    kind = rng.choice(tuple(word_table("lesson_goods")))
    nouns, sizes, _ = word_table("lesson_goods")[kind]
    facts: Facts = {
        "kind": kind,
        "category": kind.capitalize(),
        "brand": rng.choice(brands),
        "line": rng.choice((draw_name(rng), draw_word(rng, "product_series").title(), "")),
        "noun": rng.choice(nouns),
        "size": rng.choice(sizes),
    }
    if kind in _COLOURED and rng.random() < 0.6:
        facts["colour"] = rng.choice(COLOURS)
    if kind in _AUDIENCES:
        facts["variant"] = rng.choice(_GENDERS)
    set_offer(rng, facts, 2, 120)
    return facts


def _sizes_of(rng: Random, brands: list[str]) -> Group:
    """Make one product in several sizes and colours, and its neighbours on the shelf."""
    first = _make_good(rng, brands)
    nouns, sizes, _ = word_table("lesson_goods")[first["kind"]]
    group = [first]
    for _ in range(rng.choice((1, 2, 2, 3, 4))):
        other = {**first, "ean": draw_ean(rng)}
        roll = rng.random()
        if roll < 0.6:
            other["size"] = draw_other(rng, sizes, first["size"])
            other["price"] = f"{float(first['price']) * rng.uniform(0.6, 1.8):.2f}"
        elif roll < 0.75 and first.get("colour"):
            other["colour"] = draw_other(rng, COLOURS, first["colour"])
        elif roll < 0.85 and first.get("variant"):
            other["variant"] = draw_other(rng, _GENDERS, first["variant"])
        elif roll < 0.93:
            other["noun"], other["line"] = draw_other(rng, nouns, first["noun"]), draw_name(rng)
        else:
            other["frame"] = rng.choice(("{} twin pack", "{} gift set", "2 x {}", "{} refill"))
        group.append(other)
    return group


def sizes(rng: Random) -> Lesson:
    """Make products in several sizes, packs and colours."""
    schema = rng.choice(_SCHEMAS)
    columns = choose_columns(rng, GOODS_COLUMNS, schema, ("title", "size_column"))
    brands = [draw_brand(rng) for _ in range(rng.choice((5, 15, 50)))]
    plan = Plan(
        columns,
        _TELLING,
        {**_EVIDENCE, "line": 0.45, "noun": 0.45},
        (
            (other_ean, 0.5),
            (other_order, 3),
            (add_noise, 2),
            (drop_brand, 1),
            (shorten, 2),
            (add_extra, 2),
        ),
        usual=other_price,
        keep=frozenset({"title"}),
        share=rng.choice((0.08, 0.16, 0.28)),
        errors=0.7,
        absent_tells=_ABSENT_TELLS,
    )
    groups = draw_groups(rng, lambda r: _sizes_of(r, brands), lambda r: _make_good(r, brands))
    return build("sizes", rng, plan, groups)


_DEVICES = (
    "Digital Camera", "Laptop", "Headphones", "Cordless Drill", "Laser Printer", "Router",
    "Bluetooth Speaker", "Vacuum Cleaner", "Coffee Machine", "Air Fryer", "Smartphone", "Tablet",
    "Circular Saw", "Lawn Mower", "Keyboard", "Mouse", "Graphics Card", "Power Supply", "Monitor",
    "Blender", "Electric Shaver", "GPS Watch", "Dash Cam", "Microwave", "Washing Machine",
    "Soundbar", "Lens", "Scanner", "Calculator", "Toner Cartridge", "Oil Filter", "Fan Belt",
)  # fmt: skip
_ACCESSORIES = (
    "Case for {}", "Battery for {}", "Charger for {}", "Screen Protector for {}", "Remote for {}",
    "{} Replacement Battery", "Carrying Bag for {}", "Filter for {}", "{} User Manual",
)  # fmt: skip
_BUNDLES = ("{} Bundle with Case", "{} Starter Kit", "{} + 32GB Card", "{} (Pack of 2)", "{} Combo")
_GENERATIONS = ("2nd Gen", "3rd Gen", "mk II", "mk III", "Plus", "Pro", "Mini", "Max", "Lite", "SE")
_LETTERS = "ABCDEFGHKLMNPRSTVWXZ"


def _draw_model(rng: Random) -> str:
    letters = "".join(rng.choice(_LETTERS) for _ in range(rng.choice((1, 2, 2, 3))))
    number = str(rng.choice((rng.randint(10, 99), rng.randint(100, 999), rng.randint(1, 99) * 100)))
    return rng.choice(
        (
            f"{letters}{number}",
            f"{letters}-{number}",
            f"{letters}-{rng.choice(_LETTERS)}{number}",
            f"{letters}{number}{rng.choice(_LETTERS)}",
            f"{letters}-{number}-{rng.randint(10, 99)}",
        )
    )


def _other_model(rng: Random, model: str) -> str:
    """Draw the code of another model of the series."""
    for _ in range(8):
        roll = rng.random()
        if roll < 0.6:
            other = nudge_digit(rng, model)
        elif roll < 0.8 and model[-1].isalpha():
            other = model[:-1] + rng.choice(_LETTERS)
        else:
            digits = "".join(c for c in model if c.isdigit())
            other = model.replace(digits[:1], str((int(digits[:1] or 1) + 2) % 9 + 1), 1)
        if other != model:
            return other
    return _draw_model(rng)


def _make_device(rng: Random, brands: list[str]) -> Facts:
    """Make a device with a model code."""
    facts: Facts = {
        "brand": rng.choice(brands),
        "line": rng.choice((draw_word(rng, "product_series").title(), draw_name(rng), "", "")),
        "model": _draw_model(rng),
        "noun": rng.choice(_DEVICES),
    }
    facts["category"] = facts["noun"].split(" ")[-1]
    if rng.random() < 0.4:
        facts["colour"] = rng.choice(COLOURS[:8])
    set_offer(rng, facts, 8, 1500)
    return facts


def _models_of(rng: Random, brands: list[str]) -> Group:
    """Make a device, others of its series, and what is sold for it."""
    first = _make_device(rng, brands)
    group = [first]
    models = {first["model"]}
    for _ in range(rng.choice((1, 1, 2, 3, 5))):
        other = {**first, "ean": draw_ean(rng)}
        roll = rng.random()
        if roll < 0.62:
            other["model"] = _other_model(rng, rng.choice(sorted(models)))
            other["price"] = f"{float(first['price']) * rng.uniform(0.7, 1.5):.2f}"
            models.add(other["model"])
        elif roll < 0.74:
            other["variant"] = draw_other(rng, _GENERATIONS, "")
        elif roll < 0.88:
            other["frame"] = rng.choice(_ACCESSORIES)
            other["price"] = f"{float(first['price']) * rng.uniform(0.04, 0.2):.2f}"
            other["category"] = "Accessories"
        elif roll < 0.95:
            other["frame"] = rng.choice(_BUNDLES)
        else:
            other["frame"] = rng.choice(("{} (refurbished)", "{} - used", "{} open box"))
        group.append(other)
    return group


def _add_suffix(rng: Random, facts: Facts) -> Iterable[str]:
    """Append a suffix of colour or region to the model code."""
    facts["model"] += rng.choice(("/B", "BK", "-EU", "/US", "S/W", "#ABA", "-UK"))
    return ()


def _drop_line(rng: Random, facts: Facts) -> Iterable[str]:
    """Leave the line out."""
    if facts.get("model"):
        facts["line"] = ""
    return ()


def models(rng: Random) -> Lesson:
    """Make devices of a series, their generations, accessories and bundles."""
    schema = rng.choice(
        (
            ("title",),
            ("title", "price"),
            ("title", "brand", "price"),
            ("title", "brand", "model_column", "price"),
            ("title", "category", "brand", "model_column", "price"),
            ("title", "ean", "price"),
            ("title", "shop", "price"),
        )
    )
    columns = choose_columns(rng, GOODS_COLUMNS, schema, ("title",))
    brands = [draw_brand(rng) for _ in range(rng.choice((4, 12, 40)))]
    shops = [f"{draw_name(rng).lower()}.com" for _ in range(4)]

    def other_shop(rng: Random, facts: Facts) -> Iterable[str]:
        facts["shop"] = rng.choice(shops)
        facts["price"] = f"{float(facts['price']) * rng.uniform(0.93, 1.08):.2f}"
        return ()

    plan = Plan(
        columns,
        {**_TELLING, "colour": 0.0, "frame": 1.0},
        _EVIDENCE,
        (
            (other_shop, 4),
            (other_order, 3),
            (add_noise, 2),
            (drop_brand, 1),
            (drop_noun, 2),
            (drop_colour, 1.5),
            (shorten, 1),
            (_add_suffix, 1),
            (_drop_line, 1),
            (other_ean, 0.5),
        ),
        usual=other_shop,
        most=3,
        keep=frozenset({"title"}),
        share=rng.choice((0.08, 0.16, 0.28)),
        errors=0.7,
        absent_tells=_ABSENT_TELLS,
    )
    groups = draw_groups(rng, lambda r: _models_of(r, brands), lambda r: _make_device(r, brands))
    return build("models", rng, plan, groups)


_PROGRAM_NOUNS = (
    "Office", "Photo Studio", "Antivirus", "Accounting", "Video Editor", "Backup", "CAD", "Tax",
    "Internet Security", "Payroll", "Family Tree", "PDF Converter", "Typing Tutor", "Spanish",
    "Music Maker", "Home Design", "Database", "Project Planner", "Chess", "Flight Simulator",
)  # fmt: skip
_EDITIONS = (
    ("Home", "Home Edition"), ("Professional", "Pro", "Prof."), ("Standard", "Std"),
    ("Deluxe", "DLX"), ("Ultimate",), ("Student", "Student Edition", "Academic"),
    ("Upgrade", "UPG", "upg"), ("Small Business", "SB"), ("Premium",), ("5 Users", "5-user"),
    ("10 Users", "10-user"), ("3 PC", "3-user"), ("Enterprise", "Ent."),
)  # fmt: skip
_PLATFORMS = (("Mac", "Macintosh", "(Mac)"), ("Win", "Windows", "(PC)", ""))
_TONGUES = ("French", "German", "Spanish")


def _write_software(facts: Facts, style: Style, rng: Random) -> str:
    """Write the title of a program: maker, name, version, edition, platform and language."""
    maker = "" if facts.get("anonymous") else facts.get("brand", "")
    version = facts.get("version", "")
    if version and "." in version and rng.random() < 0.3:
        version = rng.choice((f"v{version}", f"version {version}", f"V{version}"))
    forms = {edition[0]: edition for edition in _EDITIONS}
    edition = facts.get("edition", "")
    if edition:
        edition = rng.choice(forms.get(edition, (edition,)))
    platform = facts.get("platform", "")
    if platform:
        platform = rng.choice(_PLATFORMS[0] if platform == "Mac" else _PLATFORMS[1])
    parts = [maker, facts.get("line", ""), version, edition, platform, facts.get("tongue", "")]
    if facts.get("order") == "2":
        parts[2], parts[3] = parts[3], parts[2]
    if facts.get("noise"):
        parts.append(facts["noise"])
    text = " ".join(part for part in parts if part)
    return style.apply(text)


def software(rng: Random) -> Lesson:
    """Make versions, editions and platforms of programs."""
    columns_of = {
        **GOODS_COLUMNS,
        "title": Column(
            ("title", "name", "product", "software"),
            _write_software,
            ("brand", "line", "version", "edition", "platform", "tongue"),
        ),
    }
    schema = rng.choice((("title",), ("title", "price"), ("title", "brand", "price")))
    columns = choose_columns(rng, columns_of, schema, ("title",))
    makers = [f"{draw_brand(rng)}{rng.choice(('', 'soft', ' Software'))}" for _ in range(15)]
    editions = [forms[0] for forms in _EDITIONS]

    def draw_version(rng: Random) -> str:
        year = str(rng.randint(2001, 2012))
        return rng.choice((year, year, f"{rng.randint(1, 14)}.{rng.choice((0, 0, 5))}", ""))

    def make(rng: Random) -> Facts:
        name = rng.choice((draw_brand(rng), draw_word(rng, "product_series").title()))
        facts: Facts = {
            "brand": rng.choice(makers),
            "line": f"{name} {rng.choice(_PROGRAM_NOUNS)}",
            "version": draw_version(rng),
            "edition": rng.choice((*editions, "", "", "")),
            "platform": rng.choice(("Mac", "Win", "Win", "")),
        }
        set_offer(rng, facts, 9, 700)
        return facts

    def lookalikes(rng: Random) -> Group:
        first = make(rng)
        group = [first]
        for _ in range(rng.choice((1, 1, 2, 3, 4))):
            other = dict(first)
            roll = rng.random()
            if roll < 0.4 and first["version"]:
                other["version"] = (
                    str(int(first["version"]) + rng.choice((-1, 1, 2)))
                    if first["version"].isdigit()
                    else f"{int(first['version'].split('.')[0]) + rng.choice((1, 2))}.0"
                )
            elif roll < 0.75:
                other["edition"] = draw_other(rng, editions, first["edition"])
                first["edition"] = first["edition"] or draw_other(rng, editions, other["edition"])
            elif roll < 0.9:
                first["platform"] = first["platform"] or "Win"
                other["platform"] = "Mac" if first["platform"] == "Win" else "Win"
            else:
                other["line"] = f"{first['line'].split(' ')[0]} {rng.choice(_PROGRAM_NOUNS)}"
            set_offer(rng, other, 9, 700)
            group.append(other)
        return group

    def add_maker_noise(rng: Random, facts: Facts) -> Iterable[str]:
        facts["noise"] = rng.choice(("CD-ROM", "software", "full version", "box", "DVD"))
        return ()

    plan = Plan(
        columns,
        {"version": 1.0, "edition": 1.0, "platform": 1.0, "line": 1.0},
        {"line": 0.7, "brand": 0.3, "version": 0.3, "edition": 0.3},
        ((drop_brand, 3), (other_order, 2), (add_maker_noise, 2), (other_price, 2)),
        keep=frozenset({"title"}),
    )
    return build("software", rng, plan, draw_groups(rng, lookalikes, make))


def plain_products(rng: Random) -> Lesson:
    """Make an ordinary file of products of many kinds."""
    schema = rng.choice(_SCHEMAS[1:5])
    columns = choose_columns(rng, GOODS_COLUMNS, schema, ("title",))
    brands = [draw_brand(rng) for _ in range(60)]

    def make(rng: Random) -> Facts:
        return _make_good(rng, brands) if rng.random() < 0.5 else _make_device(rng, brands)

    def lookalikes(rng: Random) -> Group:
        return _models_of(rng, brands) if rng.random() < 0.5 else _sizes_of(rng, brands)

    plan = Plan(
        columns,
        _TELLING,
        {**_EVIDENCE, "noun": 0.4},
        ((other_price, 3), (other_order, 2), (add_noise, 2), (drop_brand, 1), (shorten, 1)),
        keep=frozenset({"title"}),
        errors=1.5,
        absent_tells=_ABSENT_TELLS,
    )
    groups = draw_groups(rng, lookalikes, make, rng.randint(80, 300))
    return build("plain-products", rng, plan, groups)
