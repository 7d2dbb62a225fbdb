"""Locales and pools of the names that are common in each, from Faker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from random import Random

from dedupe.training.generators.values import Pool
from dedupe.training.word_lists import words

ENGLISH = ("en_US", "en_GB", "en_AU", "en_CA", "en_IN")
WESTERN = (
    "de_DE", "fr_FR", "es_ES", "es_MX", "it_IT", "pl_PL", "pt_BR", "nl_NL", "sv_SE", "tr_TR",
    "vi_VN",
)  # fmt: skip
OTHER_SCRIPTS = (
    "ru_RU", "el_GR", "ja_JP", "zh_CN", "ko_KR", "ar_AA", "hi_IN", "he_IL", "th_TH", "uk_UA",
)  # fmt: skip

_DRAWS = 260
"""Names that are drawn for a pool; repeated ones become one value."""


@dataclass(frozen=True)
class Country:
    """Pools of the names that are common in one country."""

    women: Pool
    men: Pool
    surnames: Pool
    streets: Pool
    cities: Pool
    companies: Pool


@cache
def country(locale: str) -> Country:
    """Draw the pools of a locale. They are the same in every process."""
    from faker import Faker

    fake = Faker(locale)
    fake.seed_instance(20_250_101)

    def pool(*sources: str) -> Pool:
        for source in sources:
            make: Callable[[], str] | None = getattr(fake, source, None)
            if make is not None:
                return Pool.of([make() for _ in range(_DRAWS)])
        raise LookupError(f"no {sources[0]} in locale {locale}")

    return Country(
        women=pool("first_name_female", "first_name"),
        men=pool("first_name_male", "first_name"),
        surnames=pool("last_name"),
        streets=pool("street_name", "road_name", "town", "street_address"),
        cities=Pool.of(words("italian_towns")) if locale == "it_IT" else pool("city", "city_name"),
        companies=pool("company"),
    )


def country_code(locale: str) -> str:
    """Look up the country of a locale. The Arabic locale names none: Egypt stands in."""
    return "EG" if locale == "ar_AA" else locale[-2:]


def draw_locale(rng: Random) -> str:
    """Draw a locale: half of them are English, most of the others use Latin letters."""
    return rng.choice(rng.choices((ENGLISH, WESTERN, OTHER_SCRIPTS), (50, 35, 15))[0])
