"""Products as shops list them, and offers that consist of a title."""

from __future__ import annotations

from random import Random

from dedupe.training.augment import records as error_models
from dedupe.training.augment.edits import add_shop_noise, join_codes, respace_units
from dedupe.training.generators.domain import Change, Column, Domain, Entity, Style, single_column
from dedupe.training.generators.values import draw_name, draw_other, draw_word, nudge_digit
from dedupe.training.word_lists import word_table, words

_KINDS = word_table("products")
"""By kind of product: categories, brands, and features that distinguish variants."""


def _draw_model(rng: Random) -> str:
    """Draw a model number of letters and digits."""
    letters = "".join(
        rng.choice("abcdefghjklmnpqrstuvwxz") for _ in range(rng.choice((1, 2, 2, 3, 4)))
    )
    digits = str(
        rng.choice((rng.randint(2, 99) * 10, rng.randint(100, 999), rng.randint(1000, 9999)))
    )
    tail = "".join(rng.choice("abcdehklmnprstuwx") for _ in range(rng.choice((0, 0, 1, 1, 2))))
    return rng.choice(
        (
            f"{letters}-{digits}{tail}",
            f"{letters}{digits}{tail}",
            f"{letters}{digits}-{tail or 'b'}{rng.randint(1, 9)}",
        )
    )


def _draw_part_number(rng: Random) -> str:
    """Draw a part number of the maker or of a shop."""
    return rng.choice(
        (
            f"{rng.randint(100000, 699999)}-{rng.choice(('b21', '001', '003', 'b22'))}",
            _draw_model(rng),
            str(rng.randint(100000, 9999999)),
        )
    )


def _draw_series(rng: Random) -> str:
    """Draw the name of a series, sometimes an invented one."""
    return draw_word(rng, "product_series") if rng.random() < 0.6 else draw_name(rng).lower()


def set_price(rng: Random, entity: Entity) -> None:
    """Draw a price."""
    entity["price"] = f"{rng.lognormvariate(4.2, 1.1):.2f}"


def _aspect(feature: str) -> str:
    """Name the aspect of a feature; two sizes, two colours or two chips exclude each other."""
    last = feature.split()[-1]
    if last in words("colours"):
        return "colour"
    if last.isalpha():
        return {"tb": "gb", "m": "ft"}.get(last, last)
    return "".join(char for char in last if char.isalpha())[:2]


def _draw_features(rng: Random, features: tuple[str, ...]) -> list[str]:
    """Draw a few features of different aspects."""
    chosen = {_aspect(feature): feature for feature in rng.sample(features, rng.randint(2, 5))}
    return list(chosen.values())[:4]


def make_product(rng: Random) -> Entity:
    """Make a product of some brand, kind, series and model, with a few features."""
    kind = rng.choice(tuple(_KINDS))
    categories, brands, features = _KINDS[kind]
    entity = {
        "kind": kind,
        "category": rng.choice(categories),
        "brand": rng.choice(brands) if rng.random() < 0.85 else draw_name(rng).lower(),
        "series": _draw_series(rng) if rng.random() < 0.65 else "",
        "model": _draw_model(rng) if rng.random() < 0.85 else "",
        "features": ", ".join(_draw_features(rng, features)),
        "lead": "",
        "colour": "",
        "part": _draw_part_number(rng),
        "noise": "",
        "order": str(rng.randrange(5)),
    }
    if rng.random() < 0.35 and not set(words("colours")) & set(entity["features"].split(", ")):
        entity["colour"] = draw_word(rng, "colours")
    if not entity["model"] and not entity["series"]:
        entity["series"] = draw_name(rng).lower()
    set_price(rng, entity)
    return entity


def _title(entity: Entity, style: Style) -> str:
    """Write the title as one of five kinds of shops does."""
    features = entity["features"].split(", ")
    brand, series, model, kind = (
        entity[attribute] for attribute in ("brand", "series", "model", "kind")
    )
    parts = {
        "0": (brand, series, model, *features, kind, entity["colour"]),
        "1": (brand, model, series, kind, "-", *features, entity["colour"]),
        "2": (brand, series, *features, kind, entity["colour"], f"({model})" if model else ""),
        "3": (brand, entity["colour"], *features, series, kind, model),
        "4": (series, model, kind, "with", *features, entity["colour"]),
    }[entity["order"]]
    return style.apply(" ".join(part for part in (entity["lead"], *parts, entity["noise"]) if part))


def _offer(entity: Entity, style: Style) -> str:
    """Write the title of an offer, sometimes with the part number."""
    title = _title(entity, style)
    return f"{title} {style.apply(entity['part'])}" if entity["part"][-1] in "1234" else title


_TITLE_ATTRIBUTES = ("lead", "brand", "series", "model", "features", "colour")
PRODUCT_COLUMNS = {
    "title": Column(
        ("title", "name", "product", "product_name", "description"), _title, _TITLE_ATTRIBUTES
    ),
    "offer": Column(("title", "offer", "name", "listing"), _offer, _TITLE_ATTRIBUTES),
    "brand": single_column("brand", "manufacturer", "maker", "vendor"),
    "category": single_column("category", "type", "department"),
    "model": single_column("model", "modelno", "model_number", "mpn"),
    "part": single_column("part", "part_number", "sku", "modelno"),
    "price": single_column("price", "list_price", "cost"),
    "colour": single_column("colour", "color"),
    "features": single_column("features", "description", "details"),
}


def _similar_model(rng: Random, entity: Entity) -> None:
    """Change to the product with a similar model number."""
    if not entity["model"]:
        _other_feature(rng, entity)
        return
    entity["model"] = nudge_digit(rng, entity["model"])
    entity["part"] = nudge_digit(rng, entity["part"])


def _model_suffix(rng: Random, entity: Entity) -> None:
    """Change to the product whose model number has another suffix."""
    if not entity["model"]:
        _other_series(rng, entity)
        return
    entity["model"] = (
        entity["model"] + rng.choice("abcdkswx")
        if entity["model"][-1].isdigit()
        else entity["model"][:-1] + rng.choice("0123456789yz")
    )
    entity["part"] = nudge_digit(rng, entity["part"])


def _other_feature(rng: Random, entity: Entity) -> None:
    """Change to a variant with another size, capacity or other feature."""
    features = entity["features"].split(", ")
    at = rng.randrange(len(features))
    others = [f for f in _KINDS[entity["kind"]][2] if f not in features]
    alike = [f for f in others if _aspect(f) == _aspect(features[at])]
    features[at] = rng.choice(alike or others)
    entity["features"] = ", ".join(features)
    entity["part"] = nudge_digit(rng, entity["part"])
    if entity["model"] and rng.random() < 0.6:
        entity["model"] = nudge_digit(rng, entity["model"])


def _other_colour(rng: Random, entity: Entity) -> None:
    """Change to a variant of another colour."""
    if not entity["colour"]:
        _other_feature(rng, entity)
        return
    entity["colour"] = draw_other(rng, words("colours"), entity["colour"])
    entity["part"] = nudge_digit(rng, entity["part"])


def _other_series(rng: Random, entity: Entity) -> None:
    """Change to a product of another series."""
    entity["series"] = draw_other(rng, words("product_series"), entity["series"])
    entity["model"] = _draw_model(rng) if entity["model"] else ""
    entity["part"] = _draw_part_number(rng)


_ACCESSORIES = (
    "battery", "case", "charger", "replacement lamp", "screen protector", "cable",
    "remote control", "cover", "bag",
)  # fmt: skip


def _accessory(rng: Random, entity: Entity) -> None:
    """Change to an accessory of the product."""
    entity["lead"] = f"{rng.choice(_ACCESSORIES)} for"
    entity["part"] = _draw_part_number(rng)
    entity["category"] = "accessories"


def _multipack(rng: Random, entity: Entity) -> None:
    """Change to a pack of several."""
    entity["features"] += ", " + rng.choice(
        ("2 pack", "3-pack", "pack of 5", "10-pack", "4 pcs", "set of 6")
    )
    entity["part"] = nudge_digit(rng, entity["part"])


def _other_brand(rng: Random, entity: Entity) -> None:
    """Change to a similar product of another brand."""
    entity["brand"] = draw_other(rng, _KINDS[entity["kind"]][1], entity["brand"])
    entity["model"] = _draw_model(rng) if entity["model"] else ""
    entity["series"] = draw_word(rng, "product_series")
    entity["part"] = _draw_part_number(rng)


def _sibling(rng: Random, entity: Entity) -> None:
    """Change to another product of the same brand and kind."""
    features = _KINDS[entity["kind"]][2]
    entity["features"] = ", ".join(_draw_features(rng, features))
    _other_series(rng, entity)


def _retitle(rng: Random, entity: Entity) -> None:
    """Describe the product as another shop does: another order, fewer features."""
    entity["order"] = str(rng.randrange(5))
    features = entity["features"].split(", ")
    if len(features) > 1 and entity["model"] and rng.random() < 0.6:
        features = rng.sample(features, rng.randint(1, len(features) - 1))
    else:
        rng.shuffle(features)
    entity["features"] = ", ".join(features)
    if entity["model"] and rng.random() < 0.25:
        entity["series"] = ""


def _vary_product(rng: Random, entity: Entity) -> None:
    """Vary price, category, order, spacing and shop noise."""
    if rng.random() < 0.7:
        if rng.random() < 0.6:
            entity["price"] = f"{float(entity['price']) * rng.uniform(0.7, 1.35):.2f}"
        else:
            set_price(rng, entity)
    if rng.random() < 0.5:
        entity["category"] = rng.choice(
            (
                *_KINDS[entity["kind"]][0],
                "electronics - general",
                "accessories",
            )
        )
    if rng.random() < 0.2:
        entity["noise"] = add_shop_noise("", rng).strip()
    if rng.random() < 0.5:
        entity["order"] = str(rng.randrange(5))
    if rng.random() < 0.3:
        entity["model"] = join_codes(entity["model"], rng)
    if rng.random() < 0.3:
        entity["features"] = respace_units(entity["features"], rng)
    if rng.random() < 0.12:
        entity["part"] = _draw_part_number(rng)


_OTHER_PRODUCT = (
    Change("model-number", _similar_model, 4),
    Change("model-suffix", _model_suffix, 2),
    Change("feature", _other_feature, 4),
    Change("colour", _other_colour, 2),
    Change("series", _other_series, 2),
    Change("accessory", _accessory, 2),
    Change("pack-count", _multipack, 1.5),
    Change("brand", _other_brand, 2),
    Change("sibling", _sibling, 3),
)
_SAME_PRODUCT = (Change("retitled", _retitle, 1),)
PRODUCT = Domain(
    name="product",
    make=make_product,
    columns=PRODUCT_COLUMNS,
    schemas=(
        ("title", "category", "brand", "model", "price"),
        ("title", "category", "brand", "part", "price"),
        ("title", "brand", "price"),
        ("title", "price"),
        ("title", "brand", "model"),
        ("title", "brand", "colour", "price"),
        ("title", "features", "price"),
        ("offer", "price"),
    ),
    different=_OTHER_PRODUCT,
    same=_SAME_PRODUCT,
    vary=_vary_product,
    errors=error_models.PRODUCTS,
    weak_attributes=frozenset({"price", "category", "part"}),
)
OFFER_TITLE = Domain(
    name="offer-title",
    make=make_product,
    columns=PRODUCT_COLUMNS,
    schemas=(("offer",), ("title",)),
    different=_OTHER_PRODUCT,
    same=_SAME_PRODUCT,
    vary=_vary_product,
    errors=error_models.OFFERS,
)
