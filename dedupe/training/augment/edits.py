"""Edits of one value: typing errors, abbreviations, other names, units, dates and encodings.

An edit is a function of a text and a random source. It returns the text unchanged where it does
not apply. The same text and the same state of the source give the same result.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from random import Random
from types import MappingProxyType

from anyascii import anyascii

from dedupe.scoring.comparison.values.word_data import nicknames
from dedupe.training.augment.word_lists import word_groups, word_list, word_pairs

Edit = Callable[[str, Random], str]
_DIGIT = re.compile(r"\d")
_ISO_DATE = re.compile(r"\b(1[5-9]\d\d|20\d\d)-(\d\d)-(\d\d)\b")
_CODE_JOINT = re.compile(r"(?<=[A-Za-z])[- ]?(?=\d)|(?<=\d)[- ]?(?=[A-Za-z])")
_UNIT = re.compile(r"(?<=\d)( ?)(gb|tb|mb|ghz|mhz|mm|cm|inch|ml|kg|g|w|watt|v|mp|rpm|ft)\b", re.I)
_NUMBER = re.compile(r"\b\d+\.\d+\b")
_PUNCTUATION = re.compile(r"(?<!\d)[.,]|[.,](?!\d)|[^\w\s.,]|_")  # decimal points stay
_LATIN = "abcdefghijklmnopqrstuvwxyz"


def _other_forms(*groups: Sequence[Sequence[str]]) -> Mapping[str, tuple[str, ...]]:
    """Map each form of a word to the other forms in its groups."""
    others: dict[str, list[str]] = defaultdict(list)
    for group in chain(*groups):
        for form in group:
            others[form].extend(other for other in group if other != form)
    return MappingProxyType({form: tuple(forms) for form, forms in others.items()})


ABBREVIATIONS = _other_forms(word_groups("abbreviations"))
NICKNAMES = _other_forms(nicknames())
NAME_FORMS = _other_forms(
    word_groups("translations"), word_groups("company_forms"), word_groups("venues")
)
"""Other forms of a whole name: of a city abroad, of a legal form, of a conference or journal."""

_KEYBOARD = dict(word_pairs("keyboard"))
_SPELLED_ACCENTS = dict(word_pairs("spelled_accents"))
_MONTHS = word_list("months")


def _mistyped(char: str, rng: Random) -> str:
    """Draw another character of the same kind, often a neighbour on the keyboard."""
    lower = char.lower()
    if lower in _KEYBOARD and rng.random() < 0.6:
        drawn = rng.choice(_KEYBOARD[lower])
    elif char.isdigit():
        drawn = rng.choice("0123456789")
    elif "a" <= lower <= "z" or not char.isalpha():
        drawn = rng.choice(_LATIN)
    else:
        near = chr(min(ord(char) + rng.randint(-3, 3), 0x10FFFF))
        drawn = near if near.isalpha() else char
    return drawn.upper() if char.isupper() else drawn


def mistype(text: str, rng: Random, digits: float = 0.5) -> str:
    """Insert, drop, replace or transpose one character.

    Parameters
    ----------
    text, rng
        As in every edit.
    digits
        Probability that an error which falls on a digit is made, in [0, 1].
    """
    if not text:
        return text
    at = rng.randrange(len(text))
    if _DIGIT.match(text[at]) and rng.random() >= digits:
        return text
    char, action = text[at], rng.random()
    if char == " ":
        return text[:at] + text[at + 1 :]
    if action < 0.28:
        return text[:at] + _mistyped(char, rng) + text[at + 1 :]
    if action < 0.54 and len(text) > 1:
        return text[:at] + text[at + 1 :]
    if action < 0.72:
        added = char if rng.random() < 0.35 else _mistyped(char, rng)
        return text[:at] + added + text[at:]
    if action < 0.94 and at + 1 < len(text):
        following = text[at + 1]
        if following.isdigit() and not char.isdigit() and rng.random() >= digits:
            return text
        return text[:at] + following + char + text[at + 2 :]
    if char.isdigit():
        return text
    return text[:at] + " " + text[at:]


def _confuse(table: Sequence[tuple[str, str]]) -> Edit:
    """Make an edit that replaces the first occurrence of a spelling drawn from `table`."""

    def edit(text: str, rng: Random) -> str:
        lower = text.lower()
        if len(lower) != len(text):  # a few capitals, such as the dotted I, become two letters
            lower = text
        for _ in range(6):
            old, new = rng.choice(table)
            at = lower.find(old)
            if at >= 0 and not (old.isdigit() or (new.isdigit() and rng.random() < 0.7)):
                new = new.upper() if text[at].isupper() and text.isupper() else new
                return text[:at] + new + text[at + len(old) :]
        return text

    return edit


confuse_lookalikes = _confuse(word_pairs("lookalikes"))
confuse_soundalikes = _confuse(word_pairs("soundalikes"))


def change_digit(text: str, rng: Random) -> str:
    """Change one digit, or transpose two."""
    places = [i for i, char in enumerate(text) if char.isdigit()]
    if not places:
        return text
    at = rng.choice(places)
    if rng.random() < 0.3 and at + 1 < len(text) and text[at + 1].isdigit():
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text[:at] + _mistyped(text[at], rng) + text[at + 1 :]


def _in_case_of(original: str, text: str) -> str:
    """Write a text in the case of the original that it replaces."""
    if original.isupper() and len(original) > 1:
        return text.upper()
    if original[:1].isupper():
        return text[:1].upper() + text[1:]
    return text


def abbreviate(text: str, rng: Random) -> str:
    """Abbreviate or spell out most words that have such a form."""
    return " ".join(
        _in_case_of(word, rng.choice(forms))
        if (forms := ABBREVIATIONS.get(word.lower())) and rng.random() < 0.7
        else word
        for word in text.split(" ")
    )


def replace_nickname(text: str, rng: Random) -> str:
    """Replace given names by nicknames, and nicknames by given names."""
    return " ".join(
        _in_case_of(word, rng.choice(forms)) if (forms := NICKNAMES.get(word.lower())) else word
        for word in text.split(" ")
    )


def replace_name_form(text: str, rng: Random) -> str:
    """Replace a city, a venue or a legal form by another form; drop some legal forms."""
    forms = NAME_FORMS.get(text.lower())
    if forms:
        return _in_case_of(text, rng.choice(forms))
    head, _, tail = text.rpartition(" ")
    forms = NAME_FORMS.get(tail.lower())
    if forms and head:
        return f"{head} {_in_case_of(tail, rng.choice(forms))}" if rng.random() < 0.7 else head
    return text


def swap_words(text: str, rng: Random) -> str:
    """Swap two neighbouring words."""
    tokens = text.split(" ")
    if len(tokens) < 2:
        return text
    at = rng.randrange(len(tokens) - 1)
    tokens[at], tokens[at + 1] = tokens[at + 1], tokens[at]
    return " ".join(tokens)


def rotate_words(text: str, rng: Random) -> str:
    """Move words from the end to the front, with a comma in four of ten cases."""
    tokens = text.split(" ")
    if len(tokens) < 2:
        return text
    cut = rng.randrange(1, len(tokens))
    comma = "," if rng.random() < 0.4 else ""
    return " ".join(tokens[cut:]) + comma + " " + " ".join(tokens[:cut])


def drop_word(text: str, rng: Random) -> str:
    """Drop one word without a digit from a text of three or more."""
    tokens = text.split(" ")
    places = [i for i, token in enumerate(tokens) if len(token) > 1 and not _DIGIT.search(token)]
    if len(tokens) < 3 or not places:
        return text
    del tokens[rng.choice(places)]
    return " ".join(tokens)


def repeat_word(text: str, rng: Random) -> str:
    """Repeat one word at a random place."""
    tokens = text.split(" ")
    tokens.insert(rng.randrange(len(tokens) + 1), rng.choice(tokens))
    return " ".join(tokens)


def shorten_word(text: str, rng: Random) -> str:
    """Cut one word to its initial or its first letters."""
    tokens = text.split(" ")
    at = rng.randrange(len(tokens))
    if len(tokens) < 2 or len(tokens[at]) < 4 or not tokens[at].isalpha():
        return text
    cut = 1 if rng.random() < 0.5 else rng.randint(3, max(3, len(tokens[at]) - 1))
    tokens[at] = tokens[at][:cut] + ("." if rng.random() < 0.5 else "")
    return " ".join(tokens)


def truncate(text: str, rng: Random) -> str:
    """Cut off the end of a long text, as a column of fixed width does."""
    if len(text) < 16:
        return text
    return text[: rng.randint(max(12, len(text) * 2 // 3), len(text) - 1)].rstrip()


def _has_words(text: str) -> bool:
    """Tell whether a value has letters and is not an e-mail address."""
    return any(map(str.isalpha, text)) and "@" not in text


def add_filler(text: str, rng: Random) -> str:
    """Add a word without meaning before or after words."""
    if not _has_words(text):
        return text
    filler = rng.choice(word_list("filler"))
    return f"{text} {filler}" if rng.random() < 0.5 else f"{filler} {text}"


def add_shop_noise(text: str, rng: Random) -> str:
    """Add what shops write before or after the names of products."""
    if text and not _has_words(text):
        return text
    noise = rng.choice(word_list("shop_noise"))
    return f"{text} {noise}" if rng.random() < 0.6 else f"{noise} {text}"


def wrap_as_crawled(text: str, rng: Random) -> str:
    """Wrap a title as crawled offers are: quotes, language tags, a repeated ending."""
    tokens = text.split(" ")
    tail = " ".join(tokens[rng.randrange(len(tokens)) :])
    language = rng.choice(("@en", "@en-US", "@de", "@es", "@fr", "@nl", ""))
    shop = rng.choice(word_list("shop_noise"))
    return rng.choice(
        (
            f'"{text}"{language}',
            f'"{text}"{language} "{tail} {shop}"{language}',
            f'"{text} {shop}" "Null"',
        )
    )


def strip_accents(text: str, rng: Random) -> str:
    """Remove accents, or spell them out (ö as oe)."""
    if rng.random() < 0.5:
        text = "".join(_SPELLED_ACCENTS.get(char, char) for char in text)
    plain = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(c for c in plain if not "̀" <= c <= "ͯ"))


def transliterate(text: str, rng: Random) -> str:
    """Write the letters of other scripts in Latin letters; Latin letters keep their accents."""
    del rng
    return text if text.isascii() else "".join(map(_romanize, text))


def _romanize(char: str) -> str:
    """Write a letter or a mark of another script in ASCII."""
    if unicodedata.category(char)[0] not in "LM":
        return char
    if unicodedata.name(char, "").startswith(("LATIN", "COMBINING")):
        return char
    return anyascii(char)


def break_encoding(text: str, rng: Random) -> str:
    """Decode UTF-8 bytes as Windows-1252, replace non-ASCII characters, or escape HTML."""
    if text.isascii():
        return html.escape(text) if rng.random() < 0.5 else text
    if rng.random() < 0.5:
        return text.encode("ascii", "replace").decode("ascii") if _is_mostly_ascii(text) else text
    try:
        return text.encode("utf-8").decode("cp1252")
    except UnicodeDecodeError:
        return text.encode("utf-8", "replace").decode("latin-1") if _is_mostly_ascii(text) else text
    except UnicodeEncodeError:
        return text


def _is_mostly_ascii(text: str) -> bool:
    """Tell whether a text stays readable without its other characters: most of it is ASCII."""
    return sum(char.isascii() for char in text) * 2 > len(text)


def change_case(text: str, rng: Random) -> str:
    """Write the whole text in upper, lower or title case."""
    return rng.choice((text.upper(), text.lower(), text.title()))


def strip_punctuation(text: str, rng: Random) -> str:
    """Replace punctuation by spaces, or remove it."""
    if "@" in text:
        return text
    return " ".join(_PUNCTUATION.sub(" " if rng.random() < 0.6 else "", text).split()) or text


def join_codes(text: str, rng: Random) -> str:
    """Change what stands between the letters and digits of a code: nothing, a dash or a space."""
    joint = rng.choice(("", "", "-", " "))
    return _CODE_JOINT.sub(joint, text, count=rng.randint(1, 2))


def respace_units(text: str, rng: Random) -> str:
    """Join units to their numbers, or separate them."""
    gap = "" if " " in "".join(m[1] for m in _UNIT.finditer(text)) else rng.choice((" ", "-"))
    return _UNIT.sub(lambda m: gap + m[2], text)


def rewrite_number(text: str, rng: Random) -> str:
    """Write a decimal number with more or fewer zeros, or with a comma."""

    def write(match: re.Match[str]) -> str:
        number = match[0]
        return rng.choice((number.rstrip("0").rstrip("."), number + "0", number.replace(".", ",")))

    return _NUMBER.sub(write, text, count=1)


def rewrite_date(text: str, rng: Random) -> str:
    """Write an ISO date in another format."""

    def write(match: re.Match[str]) -> str:
        year, month, day = match.groups()
        name = _MONTHS[min(max(int(month), 1), 12) - 1]
        return rng.choice(
            (
                f"{day}/{month}/{year}",
                f"{month}/{day}/{year}",
                f"{day}.{month}.{year}",
                f"{year}{month}{day}",
                f"{year}/{month}/{day}",
                f"{int(day)} {name[:3].title()} {year}",
                f"{name.title()} {int(day)}, {year}",
            )
        )

    return _ISO_DATE.sub(write, text)
