"""Facts about products and the titles that shops write of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random

from dedupe.training.augment.edits import abbreviate
from dedupe.training.generators.lessons.styles import Style
from dedupe.training.generators.lessons.table import Column, Facts, column, raw
from dedupe.training.generators.lessons.vocabulary import draw_ean
from dedupe.training.word_lists import word_table

_NOISE = (
    "new", "free shipping", "genuine", "original", "top quality", "best price", "in stock", "OEM",
    "(retail)", "sale", "NEU", "with warranty", "boxed", "- official", "premium", "2024", "hot",
)  # fmt: skip
_COLOURS = (
    ("black", "blk", "schwarz"), ("white", "wht", "weiß"), ("silver", "slv"), ("red", "rot"),
    ("blue", "blu", "blau"), ("green", "grn"), ("grey", "gray"), ("pink",), ("navy",),
    ("brown", "brn"), ("gold",), ("orange",), ("purple", "violet"), ("beige",), ("yellow", "ylw"),
)  # fmt: skip
COLOURS = tuple(forms[0] for forms in _COLOURS)
_COLOUR_FORMS = {forms[0]: forms for forms in _COLOURS}

_CONVERSIONS: Mapping[str, tuple[tuple[str, float], ...]] = {
    "ml": (("ml", 1), ("l", 0.001), ("cl", 0.1)),
    "g": (("g", 1), ("kg", 0.001)),
    "GB": (("GB", 1), ("TB", 0.001)),
    "mm": (("mm", 1), ("cm", 0.1)),
}
_UNIT_WORDS: Mapping[str, tuple[str, ...]] = {
    "ml": ("ml", "ml", "mL", "ML"),
    "l": ("l", "L", "litre", "ltr"),
    "g": ("g", "g", "gr", "gram"),
    "kg": ("kg", "KG", "kilo"),
    "GB": ("GB", "GB", "gb", "G"),
    "inch": ("inch", '"', "in", "-inch", "''"),
    "W": ("W", "W", "watt", "w"),
    "pack": ("pack", "pk", "pcs", "er Pack", "x", "count"),
    "MP": ("MP", "megapixel", "Mpx"),
}


_SIZE_FORMS: Mapping[str, tuple[str, ...]] = {
    "S": ("Small", "size S", "(S)"),
    "M": ("Medium", "size M", "(M)", "Med"),
    "L": ("Large", "size L", "(L)"),
    "XL": ("X-Large", "size XL", "(XL)", "Extra Large"),
    "XXL": ("2XL", "size XXL", "XX-Large"),
    "front left": ("FL", "left front", "front, left"),
    "front right": ("FR", "right front", "front, right"),
    "rear left": ("RL", "left rear"),
    "rear right": ("RR", "right rear"),
    "left": ("LH", "left side", "L/H"),
    "right": ("RH", "right side", "R/H"),
    "M8x40": ("M8 x 40", "M8x40mm", "M 8x40"),
    "M8x50": ("M8 x 50", "M8x50mm", "M 8x50"),
    "M6x40": ("M6 x 40", "M6x40mm"),
    "700x25C": ("700 x 25c", "25-622"),
    "700x28C": ("700 x 28c", "28-622"),
    "AA": ("LR6", "Mignon AA"),
    "AAA": ("LR03", "Micro AAA"),
}
_VARIANT_FORMS: Mapping[str, tuple[str, ...]] = {
    "men": ("men", "men's", "mens", "for men"),
    "women": ("women", "women's", "ladies", "for women"),
    "kids": ("kids", "children's", "junior", "for kids"),
    "2nd Gen": ("2nd Gen", "2nd generation", "Gen 2"),
    "3rd Gen": ("3rd Gen", "3rd generation", "Gen 3"),
    "mk II": ("mk II", "Mark II", "mk2"),
    "mk III": ("mk III", "Mark III", "mk3"),
}


def write_size(size: str, rng: Random) -> str:
    """Write a size such as "500 ml" in one of its equal forms."""
    amount, _, unit = size.partition(" ")
    if size in _SIZE_FORMS:
        return size if rng.random() < 0.5 else rng.choice(_SIZE_FORMS[size])
    if not unit:
        return size
    if not amount.replace(".", "").isdigit():
        return size
    value = float(amount)
    if unit == "pack":
        if rng.random() < 0.3:
            return rng.choice((f"pack of {amount}", f"set of {amount}", f"{amount}x"))
        return f"{amount}{rng.choice((' ', '', '-'))}{rng.choice(_UNIT_WORDS['pack'][:3])}"
    scales = [
        (name, value * scale)
        for name, scale in _CONVERSIONS.get(unit, ((unit, 1.0),))
        if value * scale >= 0.2 and (scale == 1 or value * scale == round(value * scale, 2))
    ]
    name, scaled = scales[0] if rng.random() < 0.6 else rng.choice(scales)
    if unit == "GB" and name == "TB" and value < 1000:
        name, scaled = "GB", value
    number = f"{scaled:g}"
    if "." in number and rng.random() < 0.25:
        number = number.replace(".", ",")
    word = rng.choice(_UNIT_WORDS.get(name, (name,)))
    joint = "" if word[:1] in "\"'-" else rng.choice(("", " "))
    return f"{number}{joint}{word}"


def write_code(code: str, rng: Random) -> str:
    """Write a model code with or without its dash."""
    if "-" in code and rng.random() < 0.4:
        return code.replace("-", rng.choice(("", " ")))
    return code


def write_title(facts: Facts, style: Style, rng: Random) -> str:
    """Write the title of an offer from its parts, in one of several orders."""
    size = write_size(facts.get("size", ""), rng) if facts.get("size") else ""
    colour, variant = facts.get("colour", ""), facts.get("variant", "")
    if colour and rng.random() < 0.3:
        colour = rng.choice(_COLOUR_FORMS.get(colour, (colour,)))
    parts = {
        "brand": "" if facts.get("anonymous") else facts.get("brand", ""),
        "line": facts.get("line", ""),
        "model": write_code(facts.get("model", ""), rng),
        "noun": facts.get("noun", ""),
        "size": size,
        "colour": f"({colour})" if colour and rng.random() < 0.1 else colour,
        "variant": rng.choice(_VARIANT_FORMS.get(variant, (variant,))),
        "extra": facts.get("extra", ""),
    }
    if facts.get("short"):
        for name in ("noun", "extra"):
            parts[name] = abbreviate(parts[name], rng)
    order = _ORDERS[int(facts.get("order", "0")) % len(_ORDERS)]
    words = [parts[name] for name in order if parts[name]]
    if facts.get("noise"):
        words.insert(0 if rng.random() < 0.2 else len(words), facts["noise"])
    text = " ".join(words)
    if facts.get("frame"):
        text = facts["frame"].format(text)
    return style.apply(text)


_ORDERS = (
    ("brand", "line", "model", "noun", "variant", "size", "colour", "extra"),
    ("brand", "line", "model", "noun", "variant", "size", "colour", "extra"),
    ("brand", "noun", "line", "model", "variant", "colour", "size", "extra"),
    ("brand", "model", "line", "variant", "noun", "size", "colour", "extra"),
    ("line", "model", "noun", "variant", "size", "colour", "extra", "brand"),
    ("brand", "line", "model", "size", "variant", "noun", "extra", "colour"),
)


def _write_price(facts: Facts, style: Style, rng: Random) -> str:
    if not facts.get("price"):
        return ""
    price = facts["price"]
    match style.phone:
        case 0:
            return f"${price}"
        case 1:
            return f"{price} EUR"
        case 2:
            return price.replace(".", ",")
    return price


GOODS_COLUMNS: Mapping[str, Column] = {
    "title": Column(
        ("title", "name", "product_name", "product", "description", "offer"),
        write_title,
        ("line", "model", "noun", "size", "colour", "variant", "frame", "condition", "brand"),
        1.0,
    ),
    "brand": column("brand", "brand", "manufacturer", "maker", "vendor", typos=0.3),
    "category": column("category", "category", "type", "group", typos=0.1),
    "price": Column(("price", "list_price", "cost", "preis"), _write_price, ("price",), 0.0),
    "ean": raw("ean", "ean", "gtin", "barcode", "upc"),
    "model_column": Column(
        ("model", "modelno", "mpn", "part_number", "sku"),
        lambda facts, style, rng: write_code(facts.get("model", ""), rng),
        ("model",),
        0.0,
    ),
    "size_column": Column(
        ("size", "variant", "capacity", "packaging"),
        lambda facts, style, rng: write_size(facts.get("size", ""), rng),
        ("size",),
        0.0,
    ),
    "colour_column": column("colour", "colour", "color", "farbe", typos=0.0),
    "shop": raw("shop", "shop", "source", "seller"),
}


_SHOPS = ("online", "outlet", "catalogue", "marketplace", "store 12", "store 7")


def set_offer(rng: Random, facts: Facts, low: float = 3.0, high: float = 900.0) -> None:
    """Draw price, article number, shop and the order of the title."""
    facts["price"] = f"{low * (high / low) ** rng.random():.2f}"
    facts["ean"] = draw_ean(rng)
    facts["order"] = str(rng.choice((0, 0, 0, 2, 3, 5)))
    facts["shop"] = rng.choice(_SHOPS)


def other_price(rng: Random, facts: Facts) -> Iterable[str]:
    """Change the price by some per cent."""
    facts["price"] = f"{float(facts['price']) * rng.uniform(0.8, 1.2):.2f}"
    return ()


def other_ean(rng: Random, facts: Facts) -> Iterable[str]:
    """Give another article number, as of another country."""
    facts["ean"] = draw_ean(rng)
    return ("ean",)


def other_order(rng: Random, facts: Facts) -> Iterable[str]:
    """Write the words of the title in another order."""
    facts["order"] = str(rng.randrange(6))
    return ()


def add_noise(rng: Random, facts: Facts) -> Iterable[str]:
    """Add a word that says nothing."""
    facts["noise"] = rng.choice(_NOISE)
    return ()


def drop_brand(rng: Random, facts: Facts) -> Iterable[str]:
    """Leave the brand out of the title."""
    facts["anonymous"] = "yes"
    return ()


def shorten(rng: Random, facts: Facts) -> Iterable[str]:
    """Abbreviate the title."""
    facts["short"] = "yes"
    return ()


def drop_noun(rng: Random, facts: Facts) -> Iterable[str]:
    """Leave out what the product is, if a model or a line says it."""
    if facts.get("model") or facts.get("line"):
        facts["noun"] = ""
    return ()


def drop_colour(rng: Random, facts: Facts) -> Iterable[str]:
    """Leave the colour out."""
    facts["colour"] = ""
    return ()


def add_extra(rng: Random, facts: Facts) -> Iterable[str]:
    """Add what goods of the kind often say of themselves."""
    rows = word_table("lesson_goods")
    if facts.get("kind") in rows:
        facts["extra"] = rng.choice(rows[facts["kind"]][2])
    return ()
