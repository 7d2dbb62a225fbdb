"""Goods: what shops list, software, offers that are a title alone, and beers."""

from __future__ import annotations

from random import Random

from dedupe.scoring.augment.edits import add_shop_noise, join_codes, respace_units
from dedupe.scoring.augment.records import COMMERCIAL, OFFERED
from dedupe.training import words
from dedupe.training.generators.domain import (
    Change,
    Column,
    Domain,
    Style,
    Thing,
    draw_name,
    nudge_digit,
    other_of,
    plain,
)

_KINDS = tuple(words.PRODUCTS)


def _model(rng: Random) -> str:
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


def _part_number(rng: Random) -> str:
    return rng.choice(
        (
            f"{rng.randint(100000, 699999)}-{rng.choice(('b21', '001', '003', 'b22'))}",
            _model(rng),
            str(rng.randint(100000, 9999999)),
        )
    )


def _series(rng: Random) -> str:
    return rng.choice(words.SERIES) if rng.random() < 0.6 else draw_name(rng).lower()


def _set_price(rng: Random, thing: Thing) -> None:
    thing["price"] = f"{rng.lognormvariate(4.2, 1.1):.2f}"


def _aspect(feature: str) -> str:
    """Name what a feature is a value of: two sizes, colours or chips exclude each other."""
    last = feature.split()[-1]
    if last in words.COLOURS:
        return "colour"
    if last.isalpha():
        return {"tb": "gb", "m": "ft"}.get(last, last)
    return "".join(char for char in last if char.isalpha())[:2]


def _draw_features(rng: Random, known: tuple[str, ...]) -> list[str]:
    """Draw a few features of different aspects."""
    chosen = {_aspect(feature): feature for feature in rng.sample(known, rng.randint(2, 5))}
    return list(chosen.values())[:4]


def make_product(rng: Random) -> Thing:
    """Make a product of some brand, kind, series and model, with a few features."""
    kind = rng.choice(_KINDS)
    category, brands, features = words.PRODUCTS[kind]
    thing = {
        "kind": kind,
        "category": rng.choice(category.split(", ")),
        "brand": rng.choice(brands) if rng.random() < 0.85 else draw_name(rng).lower(),
        "series": _series(rng) if rng.random() < 0.65 else "",
        "model": _model(rng) if rng.random() < 0.85 else "",
        "features": ", ".join(_draw_features(rng, features)),
        "lead": "",
        "colour": "",
        "part": _part_number(rng),
        "noise": "",
        "order": str(rng.randrange(5)),
    }
    if rng.random() < 0.35 and not set(words.COLOURS) & set(thing["features"].split(", ")):
        thing["colour"] = rng.choice(words.COLOURS)
    if not thing["model"] and not thing["series"]:
        thing["series"] = draw_name(rng).lower()
    _set_price(rng, thing)
    return thing


def _title(thing: Thing, style: Style) -> str:
    features = thing["features"].split(", ")
    brand, series, model, kind = (thing[role] for role in ("brand", "series", "model", "kind"))
    parts = {
        "0": (brand, series, model, *features, kind, thing["colour"]),
        "1": (brand, model, series, kind, "-", *features, thing["colour"]),
        "2": (brand, series, *features, kind, thing["colour"], f"({model})" if model else ""),
        "3": (brand, thing["colour"], *features, series, kind, model),
        "4": (series, model, kind, "with", *features, thing["colour"]),
    }[thing["order"]]
    return style.written(" ".join(part for part in (thing["lead"], *parts, thing["noise"]) if part))


def _offer(thing: Thing, style: Style) -> str:
    title = _title(thing, style)
    return f"{title} {style.written(thing['part'])}" if thing["part"][-1] in "1234" else title


_TITLE_ROLES = ("lead", "brand", "series", "model", "features", "colour")


PRODUCT_COLUMNS = {
    "title": Column(
        ("title", "name", "product", "product_name", "description"), _title, _TITLE_ROLES
    ),
    "offer": Column(("title", "offer", "name", "listing"), _offer, _TITLE_ROLES),
    "brand": plain("brand", "manufacturer", "maker", "vendor"),
    "category": plain("category", "type", "department"),
    "model": plain("model", "modelno", "model_number", "mpn"),
    "part": plain("part", "part_number", "sku", "modelno"),
    "price": plain("price", "list_price", "cost"),
    "colour": plain("colour", "color"),
    "features": plain("features", "description", "details"),
}


def _next_model(rng: Random, thing: Thing) -> None:
    if not thing["model"]:
        _other_feature(rng, thing)
        return
    thing["model"] = nudge_digit(rng, thing["model"])
    thing["part"] = nudge_digit(rng, thing["part"])


def _model_tail(rng: Random, thing: Thing) -> None:
    if not thing["model"]:
        _other_series(rng, thing)
        return
    thing["model"] = (
        thing["model"] + rng.choice("abcdkswx")
        if thing["model"][-1].isdigit()
        else thing["model"][:-1] + rng.choice("0123456789yz")
    )
    thing["part"] = nudge_digit(rng, thing["part"])


def _other_feature(rng: Random, thing: Thing) -> None:
    features = thing["features"].split(", ")
    at = rng.randrange(len(features))
    known = [f for f in words.PRODUCTS[thing["kind"]][2] if f not in features]
    alike = [f for f in known if _aspect(f) == _aspect(features[at])] or known
    features[at] = rng.choice(alike)
    thing["features"] = ", ".join(features)
    thing["part"] = nudge_digit(rng, thing["part"])
    if thing["model"] and rng.random() < 0.6:
        thing["model"] = nudge_digit(rng, thing["model"])


def _other_colour(rng: Random, thing: Thing) -> None:
    if not thing["colour"]:
        _other_feature(rng, thing)
        return
    thing["colour"] = other_of(rng, words.COLOURS, thing["colour"])
    thing["part"] = nudge_digit(rng, thing["part"])


def _other_series(rng: Random, thing: Thing) -> None:
    thing["series"] = other_of(rng, words.SERIES, thing["series"])
    thing["model"] = _model(rng) if thing["model"] else ""
    thing["part"] = _part_number(rng)


def _accessory(rng: Random, thing: Thing) -> None:
    extra = rng.choice(
        (
            "battery for",
            "case for",
            "charger for",
            "replacement lamp for",
            "screen protector for",
            "cable for",
            "remote control for",
            "cover for",
            "bag for",
        )
    )
    thing["lead"], thing["part"] = extra, _part_number(rng)
    thing["category"] = "accessories"


def _pack(rng: Random, thing: Thing) -> None:
    thing["features"] += ", " + rng.choice(
        ("2 pack", "3-pack", "pack of 5", "10-pack", "4 pcs", "set of 6")
    )
    thing["part"] = nudge_digit(rng, thing["part"])


def _other_brand(rng: Random, thing: Thing) -> None:
    thing["brand"] = other_of(rng, words.PRODUCTS[thing["kind"]][1], thing["brand"])
    thing["model"] = _model(rng) if thing["model"] else ""
    thing["series"] = rng.choice(words.SERIES)
    thing["part"] = _part_number(rng)


def _sibling(rng: Random, thing: Thing) -> None:
    features = words.PRODUCTS[thing["kind"]][2]
    thing["features"] = ", ".join(_draw_features(rng, features))
    _other_series(rng, thing)


def _retitle(rng: Random, thing: Thing) -> None:
    """Describe the same product as another shop would: other order, fewer or more features."""
    thing["order"] = str(rng.randrange(5))
    features = thing["features"].split(", ")
    if len(features) > 1 and thing["model"] and rng.random() < 0.6:
        features = rng.sample(features, rng.randint(1, len(features) - 1))
    else:
        rng.shuffle(features)
    thing["features"] = ", ".join(features)
    if thing["model"] and rng.random() < 0.25:
        thing["series"] = ""


def _vary_product(rng: Random, thing: Thing) -> None:
    if rng.random() < 0.7:
        if rng.random() < 0.6:
            thing["price"] = f"{float(thing['price']) * rng.uniform(0.7, 1.35):.2f}"
        else:
            _set_price(rng, thing)
    if rng.random() < 0.5:
        thing["category"] = rng.choice(
            (*words.PRODUCTS[thing["kind"]][0].split(", "), "electronics - general", "accessories")
        )
    if rng.random() < 0.2:
        thing["noise"] = add_shop_noise("", rng).strip()
    if rng.random() < 0.5:
        thing["order"] = str(rng.randrange(5))
    if rng.random() < 0.3:
        thing["model"] = join_codes(thing["model"], rng)
    if rng.random() < 0.3:
        thing["features"] = respace_units(thing["features"], rng)
    if rng.random() < 0.12:
        thing["part"] = _part_number(rng)


_OTHER_PRODUCT = (
    Change("model-number", _next_model, 4),
    Change("model-suffix", _model_tail, 2),
    Change("feature", _other_feature, 4),
    Change("colour", _other_colour, 2),
    Change("series", _other_series, 2),
    Change("accessory", _accessory, 2),
    Change("pack-count", _pack, 1.5),
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
    habits=COMMERCIAL,
    weak=frozenset({"price", "category", "part"}),
)


OFFER_TITLE = Domain(
    name="offer-title",
    make=make_product,
    columns=PRODUCT_COLUMNS,
    schemas=(("offer",), ("title",)),
    different=_OTHER_PRODUCT,
    same=_SAME_PRODUCT,
    vary=_vary_product,
    habits=OFFERED,
)


def _version(rng: Random) -> str:
    return rng.choice(
        (
            str(rng.randint(1998, 2012)),
            f"{rng.randint(1, 14)}.{rng.randint(0, 9)}",
            str(rng.randint(2, 15)),
            f"cs{rng.randint(2, 6)}",
            f"v{rng.randint(2, 12)}",
            f"x{rng.randint(3, 6)}",
            str(rng.randint(1998, 2012)),
        )
    )


def make_software(rng: Random) -> Thing:
    """Make a boxed program with its version, edition, licence and platform."""
    maker = rng.choice(tuple(words.SOFTWARE))
    thing = {
        "maker": maker,
        "product": rng.choice(words.SOFTWARE[maker]),
        "version": _version(rng) if rng.random() < 0.85 else "",
        "edition": rng.choice(words.SOFTWARE_EDITIONS) if rng.random() < 0.55 else "",
        "terms": rng.choice(words.SOFTWARE_TERMS) if rng.random() < 0.3 else "",
        "platform": rng.choice(words.PLATFORMS) if rng.random() < 0.3 else "",
        "language": rng.choice(words.LANGUAGES) if rng.random() < 0.06 else "",
        "order": str(rng.randrange(4)),
        "branded": str(rng.randrange(2)),
        "noise": "",
    }
    _set_price(rng, thing)
    return thing


def _software_title(thing: Thing, style: Style) -> str:
    maker = thing["maker"] if thing["branded"] == "1" else ""
    platform = (
        f"({thing['platform']})"
        if thing["platform"] and thing["order"] != "0"
        else thing["platform"]
    )
    core = (
        (thing["version"], thing["edition"])
        if int(thing["order"]) % 2
        else (thing["edition"], thing["version"])
    )
    return style.written(
        " ".join(
            p
            for p in (
                maker,
                thing["product"],
                *core,
                thing["terms"],
                thing["language"],
                platform,
                thing["noise"],
            )
            if p
        )
    )


def _bump_version(rng: Random, thing: Thing) -> None:
    thing["version"] = nudge_digit(rng, thing["version"]) if thing["version"] else _version(rng)


_TERMS_FORMS = (("academic", "education edition", "distilled edition"), ("", "1 user"))
"""Terms that shops write for each other; one user goes without saying."""


def _set_role(
    role: str, values: tuple[str, ...], forms: tuple[tuple[str, ...], ...] = ()
) -> Change:
    def edit(rng: Random, thing: Thing) -> None:
        thing[role] = other_of(rng, values, thing[role], forms)

    return Change(role, edit, 2)


def _other_program(rng: Random, thing: Thing) -> None:
    thing["product"] = other_of(rng, words.SOFTWARE[thing["maker"]], thing["product"])


def _vary_software(rng: Random, thing: Thing) -> None:
    if rng.random() < 0.7:
        thing["price"] = f"{float(thing['price']) * rng.uniform(0.5, 1.5):.2f}"
    if rng.random() < 0.5:
        thing["order"], thing["branded"] = str(rng.randrange(4)), str(rng.randrange(2))
    if rng.random() < 0.15:
        thing["noise"] = rng.choice(words.SOFTWARE_WRAPPING)


_WINDOWS = ("win", "pc", "windows xp/vista")


def _shorten_software(rng: Random, thing: Thing) -> None:
    """Title it as another shop would: what goes without saying unsaid, words in other forms."""
    if thing["platform"] in (*_WINDOWS, "win/mac"):
        thing["platform"] = rng.choice(("", *_WINDOWS))
    if rng.random() < 0.5:
        thing["language"] = ""
    forms = {"professional": "pro", "standard": "std", "premium": "prem", "small-business": "sb"}
    thing["edition"] = forms.get(thing["edition"], thing["edition"])
    if thing["terms"] in ("academic", "education edition", "distilled edition"):
        thing["terms"] = rng.choice(("academic", "education", "distilled edition", "edu"))
    if rng.random() < 0.2:
        thing["product"] = thing["product"].removeprefix("norton ").removesuffix(" pro")


def _port(rng: Random, thing: Thing) -> None:
    """Another platform; that of most programs goes without saying."""
    thing["platform"] = other_of(rng, words.PLATFORM_PORTS, thing["platform"])


SOFTWARE = Domain(
    name="software",
    make=make_software,
    columns={
        "title": Column(
            ("title", "name", "product", "software"),
            _software_title,
            ("product", "version", "edition", "terms", "language", "platform"),
        ),
        "maker": plain("maker", "manufacturer", "vendor", "publisher", "brand"),
        "price": plain("price", "cost"),
        "platform": plain("platform", "os"),
    },
    schemas=(
        ("title", "maker", "price"),
        ("title", "maker", "price"),
        ("title", "price"),
        ("title",),
        ("title", "maker", "platform"),
    ),
    different=(
        Change("version", _bump_version, 4),
        _set_role("edition", words.SOFTWARE_EDITIONS),
        _set_role("terms", words.SOFTWARE_TERMS, _TERMS_FORMS),
        Change("platform", _port, 2),
        Change("other-program", _other_program, 4),
    ),
    same=(Change("retitled", _shorten_software, 1),),
    vary=_vary_software,
    habits=COMMERCIAL,
    weak=frozenset({"price"}),
)


_BREWERY_ENDS = (
    "brewing company",
    "brewery",
    "brewing co.",
    "beer company",
    "brauerei",
    "bryggeri",
    "craft brewery",
    "brewhouse",
)


def make_beer(rng: Random) -> Thing:
    """Make a beer of a brewery."""
    brewery = rng.choice(
        (
            draw_name(rng),
            f"{rng.choice(words.WORK_QUALITIES)} {rng.choice(words.WORK_NOUNS)}",
            rng.choice(words.COMMON_PLACES),
        )
    )
    return {
        "house": brewery.title(),
        "brewery": f"{brewery} {rng.choice(_BREWERY_ENDS)}".title(),
        "beer": rng.choice(
            (
                f"{rng.choice(words.WORK_QUALITIES)} {rng.choice(words.WORK_NOUNS)}",
                f"{draw_name(rng)}'s",
                rng.choice(words.WORK_NOUNS),
                f"{rng.choice(words.COMPANY_WORDS)} {rng.choice(words.MASCOTS)[:-1]}",
                "",
            )
        ).title(),
        "sort": rng.choice(words.BEER_TYPES).title(),
        "style": rng.choice(words.BEER_STYLES).title(),
        "variant": rng.choice(words.BEER_VARIANTS).title() if rng.random() < 0.15 else "",
        "abv": f"{rng.uniform(3.8, 11.5):.1f}",
        "with_house": str(rng.randrange(3)),
        "percent": rng.choice((" %", "%", "", "0 %")),
    }


def _beer_name(thing: Thing, style: Style) -> str:
    house = thing["house"] if thing["with_house"] == "1" or not thing["beer"] else ""
    return style.written(
        " ".join(p for p in (house, thing["beer"], thing["sort"], thing["variant"]) if p)
    )


def _other_beer(rng: Random, thing: Thing) -> None:
    other = make_beer(rng)
    keep = rng.random()
    if keep < 0.5:
        thing["beer"] = other["beer"] or draw_name(rng)
    if keep > 0.35:
        thing["sort"], thing["style"] = (
            other_of(rng, words.BEER_TYPES, thing["sort"]).title(),
            other["style"],
        )
    thing["abv"] = other["abv"]


def _beer_variant(rng: Random, thing: Thing) -> None:
    thing["variant"] = other_of(rng, words.BEER_VARIANTS, thing["variant"]).title()
    thing["abv"] = f"{float(thing['abv']) + rng.uniform(-1, 2):.1f}"


def _other_brewery(rng: Random, thing: Thing) -> None:
    other = make_beer(rng)
    thing["house"], thing["brewery"], thing["abv"] = other["house"], other["brewery"], other["abv"]


def _vary_beer(rng: Random, thing: Thing) -> None:
    if rng.random() < 0.45:
        thing["style"] = rng.choice(words.BEER_STYLES).title()
    if rng.random() < 0.4:
        thing["with_house"] = str(rng.randrange(3))
    if rng.random() < 0.1:
        thing["abv"] = ""
    elif rng.random() < 0.15:
        thing["abv"] = f"{float(thing['abv']) + rng.choice((-0.2, -0.1, 0.1, 0.3, 0.5)):.1f}"
    if rng.random() < 0.3:
        thing["percent"] = rng.choice((" %", "%", "", "0 %"))


BEER = Domain(
    name="beer",
    make=make_beer,
    columns={
        "beer": Column(
            ("beer", "Beer_Name", "name", "beer_name"), _beer_name, ("beer", "sort", "variant")
        ),
        "brewery": plain("brewery", "Brew_Factory_Name", "brewer", "producer"),
        "style": plain("style", "Style", "beer_style", "type"),
        "abv": Column(
            ("abv", "ABV", "alcohol"),
            lambda thing, style: thing["abv"] + thing["percent"] if thing["abv"] else "",
            ("abv",),
        ),
    },
    schemas=(
        ("beer", "brewery", "style", "abv"),
        ("beer", "brewery", "style", "abv"),
        ("beer", "brewery"),
        ("beer", "style", "abv", "brewery"),
    ),
    different=(
        Change("same-brewery", _other_beer, 4),
        Change("variant", _beer_variant, 2),
        Change("other-brewery", _other_brewery, 2),
    ),
    vary=_vary_beer,
    habits=COMMERCIAL,
    weak=frozenset({"style", "abv"}),
)
