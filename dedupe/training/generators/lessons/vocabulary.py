"""Invented and pooled names of towns, streets and brands, and phone numbers, by country."""

from __future__ import annotations

from functools import cache
from random import Random

from dedupe.training.augment.edits import strip_accents, transliterate
from dedupe.training.generators.locales import Country, country
from dedupe.training.generators.values import draw_name, draw_word
from dedupe.training.word_lists import word_table, words

LOCALES = (
    "en_US", "en_US", "en_GB", "en_GB", "en_AU", "en_CA", "en_IN", "de_DE", "de_DE", "fr_FR",
    "es_ES", "es_MX", "it_IT", "pl_PL", "pt_BR", "nl_NL", "sv_SE", "tr_TR",
)  # fmt: skip
_OTHER_SCRIPTS = ("ru_RU", "uk_UA", "el_GR")
_CODES = {
    "RU": "7", "UA": "380", "GR": "30",
    "US": "1", "CA": "1", "GB": "44", "AU": "61", "IN": "91", "DE": "49", "FR": "33", "ES": "34",
    "MX": "52", "IT": "39", "PL": "48", "BR": "55", "NL": "31", "SE": "46", "TR": "90",
}  # fmt: skip
_ORDINALS = {1: "1st", 2: "2nd", 3: "3rd"}
_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
_MAIL_HOSTS = ("gmail.com", "yahoo.com", "hotmail.com", "outlook.com", "mail.com", "gmx.net")


def draw_home(rng: Random, other_scripts: float = 0.0) -> str:
    """Draw the locale of a file: two of five are English, some are in other scripts."""
    return rng.choice(_OTHER_SCRIPTS if rng.random() < other_scripts else LOCALES)


def language(locale: str) -> str:
    """Get the language of a locale for which there are names of streets and towns."""
    code = locale[:2]
    return code if code in word_table("lesson_streets") else "en"


@cache
def home_of(locale: str) -> Country:
    """Get the pools of a locale."""
    return country(locale)


def draw_town(rng: Random, locale: str) -> str:
    """Draw a town: a common one, or an invented one with a usual ending."""
    if rng.random() < 0.4 or locale in _OTHER_SCRIPTS:
        return home_of(locale).cities.draw(rng)
    (endings, patterns) = word_table("lesson_towns")[language(locale)]
    name = draw_name(rng) + (rng.choice(endings) if rng.random() < 0.8 else "")
    return rng.choice(patterns).format(x=name, y=draw_name(rng), l=name.lower())


def draw_street(rng: Random, locale: str) -> str:
    """Draw a street: pattern of the language around a word or an invented name."""
    if locale in _OTHER_SCRIPTS:
        return home_of(locale).streets.draw(rng)
    nouns, patterns = word_table("lesson_streets")[language(locale)]
    if rng.random() < 0.6:
        noun = rng.choice(nouns)
    elif rng.random() < 0.5:
        noun = home_of(locale).surnames.draw(rng)
    else:
        noun = draw_name(rng)
    street = rng.choice(patterns).format(x=noun, l=noun.lower())
    return street[:1].upper() + street[1:] if language(locale) in ("de", "nl", "sv") else street


def draw_postcode(rng: Random, locale: str) -> str:
    """Draw a postcode in the form of the country."""
    match locale[-2:]:
        case "GB":
            area = rng.choice(("B", "BS", "CF", "E", "EH", "G", "LS", "M", "N", "NE", "OX", "SW"))
            return f"{area}{rng.randint(1, 29)} {_digits(rng, 1)}{_letters(rng, 2)}"
        case "CA":
            return (
                f"{_letters(rng, 1)}{_digits(rng, 1)}{_letters(rng, 1)} "
                f"{_digits(rng, 1)}{_letters(rng, 1)}{_digits(rng, 1)}"
            )
        case "NL":
            return f"{rng.randint(1000, 9999)} {_letters(rng, 2)}"
        case "AU":
            return str(rng.randint(1000, 7999))
        case "SE":
            return f"{rng.randint(100, 999)} {rng.randint(10, 99)}"
        case "PL":
            return f"{rng.randint(10, 99)}-{rng.randint(100, 999)}"
        case "IN":
            return str(rng.randint(110_000, 899_999))
    return f"{rng.randint(1000, 99999):05d}"


def draw_phone(rng: Random, locale: str, area: str = "") -> str:
    """Draw a phone number: country code, area and line, separated by blanks."""
    return f"{_CODES[locale[-2:]]} {area or draw_area(rng)} {rng.randint(200_000, 9_899_999)}"


def draw_area(rng: Random) -> str:
    """Draw an area code."""
    return str(rng.randint(21, 989))


def draw_email(rng: Random, given: str, surname: str, host: str = "") -> str:
    """Draw an e-mail address made of a name."""
    first, last = _ascii(given.split()[0]), _ascii(surname.split()[-1])
    user = rng.choice(
        (
            f"{first}.{last}",
            f"{first}.{last}",
            f"{first[:1]}{last}",
            f"{first}{rng.randint(1, 99)}",
            f"{last}{first[:1]}{rng.randint(1, 99)}",
            f"{first}_{last}",
            f"{first}{last}{rng.randint(50, 99)}",
        )
    )
    return f"{user}@{host or draw_mail_host(rng)}"


def draw_mail_host(rng: Random) -> str:
    """Draw the host of an e-mail address: a large provider or an invented one."""
    if rng.random() < 0.6:
        return rng.choice(_MAIL_HOSTS)
    return f"{draw_name(rng).lower()}.{rng.choice(('com', 'net', 'org', 'co.uk', 'de', 'fr'))}"


def draw_brand(rng: Random) -> str:
    """Invent a brand."""
    stem = "".join(draw_word(rng, "syllables") for _ in range(rng.choice((2, 2, 3))))
    ending = rng.choice(("", "", "", "x", "tec", "on", "ix", "ia", "line", "co", "ex", "or", "en"))
    name = f"{stem}{ending}"
    return name.upper() if rng.random() < 0.1 else name.capitalize()


def draw_word_of(rng: Random, name: str) -> str:
    """Draw a line of a word list in title case."""
    return " ".join(word[:1].upper() + word[1:] for word in rng.choice(words(name)).split(" "))


def ordinal(number: int) -> str:
    """Write an English ordinal number."""
    if number in (11, 12, 13):
        return f"{number}th"
    tens, ones = divmod(number, 10)
    return f"{tens or ''}{_ORDINALS.get(ones, f'{ones}th')}"


def draw_ean(rng: Random) -> str:
    """Draw a 13-digit article number."""
    body = f"{rng.choice(('40', '50', '30', '80', '07', '87'))}{rng.randrange(10**10):010d}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body))
    return f"{body}{-total % 10}"


def _ascii(text: str) -> str:
    """Write a name as in an e-mail address."""
    plain = transliterate(text, Random(0)) if not text.isascii() else text
    kept = "".join(
        c for c in strip_accents(plain, Random(0)).lower() if c.isascii() and c.isalnum()
    )
    return kept or "mail"


def _letters(rng: Random, count: int) -> str:
    return "".join(rng.choice(_LETTERS) for _ in range(count))


def _digits(rng: Random, count: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(count))
