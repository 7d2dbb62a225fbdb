"""Single edits that make one value look like another entry of it."""

from __future__ import annotations

import html
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from types import MappingProxyType

from dedupe.scoring.augment import words

Edit = Callable[[str, Random], str]


_DIGIT = re.compile(r"\d")


_ISO_DATE = re.compile(r"\b(1[5-9]\d\d|20\d\d)-(\d\d)-(\d\d)\b")


_CODE_JOINT = re.compile(r"(?<=[A-Za-z])[- ]?(?=\d)|(?<=\d)[- ]?(?=[A-Za-z])")


_UNIT = re.compile(r"(?<=\d)( ?)(gb|tb|mb|ghz|mhz|mm|cm|inch|ml|kg|g|w|watt|v|mp|rpm|ft)\b", re.I)


_NUMBER = re.compile(r"\b\d+\.\d+\b")


_PUNCTUATION = re.compile(r"(?<!\d)[.,]|[.,](?!\d)|[^\w\s.,]|_")  # decimal points stay


_FIRST_HANGUL = 0xAC00


_LATIN = "abcdefghijklmnopqrstuvwxyz"


def _forms(groups: Iterable[Sequence[str]]) -> Mapping[str, tuple[str, ...]]:
    """Map every form of a word to its other forms."""
    found: dict[str, list[str]] = defaultdict(list)
    for group in groups:
        for form in group:
            found[form].extend(other for other in group if other != form)
    return MappingProxyType({form: tuple(others) for form, others in found.items()})


SHORT_FORMS = _forms(words.ABBREVIATIONS)


NICKNAMES = _forms(words.NICKNAMES)


WHOLE_FORMS = _forms((*words.TRANSLATIONS, *words.COMPANY_FORMS, *words.VENUES))


def _letter_for(char: str, rng: Random) -> str:
    """Another character of the same kind, often a neighbour on the keyboard."""
    low = char.lower()
    if low in words.KEYBOARD and rng.random() < 0.6:
        made = rng.choice(words.KEYBOARD[low])
    elif char.isdigit():
        made = rng.choice("0123456789")
    elif "a" <= low <= "z" or not char.isalpha():
        made = rng.choice(_LATIN)
    else:
        moved = chr(min(ord(char) + rng.randint(-3, 3), 0x10FFFF))
        made = moved if moved.isalpha() else char
    return made.upper() if char.isupper() else made


def mistype(text: str, rng: Random, digits: float = 0.5) -> str:
    """Insert, drop, replace or transpose one character; a digit is spared with 1 - `digits`."""
    if not text:
        return text
    at = rng.randrange(len(text))
    if _DIGIT.match(text[at]) and rng.random() >= digits:
        return text
    char, action = text[at], rng.random()
    if char == " ":
        return text[:at] + text[at + 1 :]
    if action < 0.28:
        return text[:at] + _letter_for(char, rng) + text[at + 1 :]
    if action < 0.54 and len(text) > 1:
        return text[:at] + text[at + 1 :]
    if action < 0.72:
        added = char if rng.random() < 0.35 else _letter_for(char, rng)
        return text[:at] + added + text[at:]
    if action < 0.94 and at + 1 < len(text):
        following = text[at + 1]
        if following.isdigit() and not char.isdigit() and rng.random() >= digits:
            return text
        return text[:at] + following + char + text[at + 2 :]
    if char.isdigit():
        return text
    return text[:at] + " " + text[at:]


def _respell(table: Sequence[tuple[str, str]]) -> Edit:
    """Make an edit that replaces one occurrence of a spelling from a table."""

    def edit(text: str, rng: Random) -> str:
        low = text.lower()
        if len(low) != len(text):  # a few capitals, such as the dotted I, are two small letters
            low = text
        for _ in range(6):
            old, new = rng.choice(table)
            at = low.find(old)
            if at >= 0 and not (old.isdigit() or (new.isdigit() and rng.random() < 0.7)):
                new = new.upper() if text[at].isupper() and text.isupper() else new
                return text[:at] + new + text[at + len(old) :]
        return text

    return edit


misread = _respell(words.LOOKALIKES)


mishear = _respell(words.SOUNDALIKES)


def mistype_number(text: str, rng: Random) -> str:
    """Change one digit, or transpose two."""
    places = [i for i, char in enumerate(text) if char.isdigit()]
    if not places:
        return text
    at = rng.choice(places)
    if rng.random() < 0.3 and at + 1 < len(text) and text[at + 1].isdigit():
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text[:at] + _letter_for(text[at], rng) + text[at + 1 :]


def _on_one_word(change: Callable[[str, Random], str]) -> Edit:
    """Make an edit that changes one word out of several."""

    def edit(text: str, rng: Random) -> str:
        tokens = text.split(" ")
        at = rng.randrange(len(tokens))
        tokens[at] = change(tokens[at], rng)
        return " ".join(tokens)

    return edit


def _like(model: str, text: str) -> str:
    """Write a text in the case of another."""
    if model.isupper() and len(model) > 1:
        return text.upper()
    if model[:1].isupper():
        return text[:1].upper() + text[1:]
    return text


def _other_form(table: Mapping[str, Sequence[str]]) -> Callable[[str, Random], str]:
    def change(word: str, rng: Random) -> str:
        forms = table.get(word.lower())
        return _like(word, rng.choice(forms)) if forms else word

    return change


def abbreviate(text: str, rng: Random) -> str:
    """Write every second word that has other forms in one of them."""
    return " ".join(
        _like(word, rng.choice(forms))
        if (forms := SHORT_FORMS.get(word.lower())) and rng.random() < 0.7
        else word
        for word in text.split(" ")
    )


def rename(text: str, rng: Random) -> str:
    """Write given names as nicknames, or nicknames as given names."""
    change = _other_form(NICKNAMES)
    return " ".join(change(word, rng) for word in text.split(" "))


def restate(text: str, rng: Random) -> str:
    """Replace a name that has another form as a whole: a city abroad, a venue, a legal form."""
    low = text.lower()
    whole = WHOLE_FORMS.get(low)
    if whole:
        return _like(text, rng.choice(whole))
    head, _, tail = text.rpartition(" ")
    forms = WHOLE_FORMS.get(tail.lower())
    if forms and head:
        return f"{head} {_like(tail, rng.choice(forms))}" if rng.random() < 0.7 else head
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
    """Move words from the end to the front, now and then with a comma."""
    tokens = text.split(" ")
    if len(tokens) < 2:
        return text
    cut = rng.randrange(1, len(tokens))
    comma = "," if rng.random() < 0.4 else ""
    return " ".join(tokens[cut:]) + comma + " " + " ".join(tokens[:cut])


def drop_word(text: str, rng: Random) -> str:
    """Leave out one word that carries no digit and is not the only one."""
    tokens = text.split(" ")
    places = [i for i, token in enumerate(tokens) if len(token) > 1 and not _DIGIT.search(token)]
    if len(tokens) < 3 or not places:
        return text
    del tokens[rng.choice(places)]
    return " ".join(tokens)


def repeat_word(text: str, rng: Random) -> str:
    """Write one word twice, the second time somewhere else."""
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
    """Cut a long text off, as a column of a fixed width does."""
    if len(text) < 16:
        return text
    return text[: rng.randint(max(12, len(text) * 2 // 3), len(text) - 1)].rstrip()


def _has_words(text: str) -> bool:
    """Whether a value is more than a number, a date or an address of the net."""
    return any(map(str.isalpha, text)) and "@" not in text


def add_filler(text: str, rng: Random) -> str:
    """Put a word before or after that says nothing, where there are words."""
    if not _has_words(text):
        return text
    filler = rng.choice(words.FILLER)
    return f"{text} {filler}" if rng.random() < 0.5 else f"{filler} {text}"


def add_shop_noise(text: str, rng: Random) -> str:
    """Put what shops write around the names of things before or after them."""
    if text and not _has_words(text):
        return text
    noise = rng.choice(words.SHOP_NOISE)
    return f"{text} {noise}" if rng.random() < 0.6 else f"{noise} {text}"


def crawl(text: str, rng: Random) -> str:
    """Wrap a title as a crawler of shops does: quotes, languages, its end repeated."""
    tokens = text.split(" ")
    tail = " ".join(tokens[rng.randrange(len(tokens)) :])
    language = rng.choice(("@en", "@en-US", "@de", "@es", "@fr", "@nl", ""))
    shop = rng.choice(words.SHOP_NOISE)
    return rng.choice(
        (
            f'"{text}"{language}',
            f'"{text}"{language} "{tail} {shop}"{language}',
            f'"{text} {shop}" "Null"',
        )
    )


def strip_accents(text: str, rng: Random) -> str:
    """Lose the accents, or spell them out."""
    if rng.random() < 0.5:
        text = "".join(words.SPELT_ACCENTS.get(char, char) for char in text)
    plain = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(c for c in plain if not "̀" <= c <= "ͯ"))


def transliterate(text: str, rng: Random) -> str:
    """Write Cyrillic and Greek in Latin letters."""
    del rng
    return text if text.isascii() else "".join(map(_latin_for, text))


def _latin_for(char: str) -> str:
    """Write one character in Latin letters, if its script is an alphabet that we know."""
    syllable = ord(char) - _FIRST_HANGUL
    if 0 <= syllable < 11_172:
        initial, rest = divmod(syllable, 588)
        vowel, final = divmod(rest, 28)
        return (
            words.HANGUL_INITIALS[initial] + words.HANGUL_VOWELS[vowel] + words.HANGUL_FINALS[final]
        )
    known = words.TRANSLITERATION.get(char.lower())
    return char if known is None else _like(char, known)


def garble(text: str, rng: Random) -> str:
    """Read the bytes of a text in the wrong encoding, or lose what is not ASCII."""
    if text.isascii():
        return html.escape(text) if rng.random() < 0.5 else text
    if rng.random() < 0.5:
        return text.encode("ascii", "replace").decode("ascii") if _is_latin(text) else text
    try:
        return text.encode("utf-8").decode("cp1252")
    except UnicodeDecodeError:
        return text.encode("utf-8", "replace").decode("latin-1") if _is_latin(text) else text
    except UnicodeEncodeError:
        return text


def _is_latin(text: str) -> bool:
    """Whether most of a text is ASCII, so that losing the rest leaves something to read."""
    return sum(char.isascii() for char in text) * 2 > len(text)


def change_case(text: str, rng: Random) -> str:
    """Write all of a text in another case."""
    return rng.choice((text.upper(), text.lower(), text.title()))


def strip_punctuation(text: str, rng: Random) -> str:
    """Replace punctuation with spaces or with nothing."""
    if "@" in text:
        return text
    return " ".join(_PUNCTUATION.sub(" " if rng.random() < 0.6 else "", text).split()) or text


def join_codes(text: str, rng: Random) -> str:
    """Write the joints between letters and digits without, or with, a dash or a space."""
    joint = rng.choice(("", "", "-", " "))
    return _CODE_JOINT.sub(joint, text, count=rng.randint(1, 2))


def respace_units(text: str, rng: Random) -> str:
    """Write units close to their numbers or apart from them."""
    gap = "" if " " in "".join(m[1] for m in _UNIT.finditer(text)) else rng.choice((" ", "-"))
    return _UNIT.sub(lambda m: gap + m[2], text)


def rewrite_number(text: str, rng: Random) -> str:
    """Write a decimal number with more digits, fewer, or a comma."""

    def write(match: re.Match[str]) -> str:
        number = match[0]
        return rng.choice((number.rstrip("0").rstrip("."), number + "0", number.replace(".", ",")))

    return _NUMBER.sub(write, text, count=1)


def rewrite_date(text: str, rng: Random) -> str:
    """Write an ISO date in another order."""

    def write(match: re.Match[str]) -> str:
        year, month, day = match.groups()
        name = words.MONTHS[min(max(int(month), 1), 12) - 1]
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
