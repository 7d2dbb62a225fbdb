"""Styles: how one source of a file writes dates, phone numbers, streets, names and letters."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Self

from dedupe.training.augment.edits import strip_accents
from dedupe.training.word_lists import word_table

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY_FIRST = ("d/m/y", "d.m.y", "d-m-y", "d/m/yy")
_MONTH_FIRST = ("m/d/y", "m-d-y", "m/d/yy")


class _Constant(Random):
    """A random source with one value: a source treats all accents alike."""

    def __init__(self, value: float) -> None:
        super().__init__(0)
        self.value = value

    def random(self) -> float:
        """Return the value."""
        return self.value


_SPELLED, _STRIPPED = _Constant(0.25), _Constant(0.75)


@dataclass(frozen=True)
class Style:
    """How one source writes its values.

    Attributes
    ----------
    case
        "keep", "lower", "upper" or "title".
    accents
        "keep", "spell" (ü as two letters) or "strip".
    date
        Order and separators of dates, such as "d/m/y".
    phone
        Number of the notation of phone numbers, 0 to 7.
    surname_first
        Whether full names begin with the surname.
    short_streets
        Probability that Street is written St.
    blank_postcode
        Whether postcodes keep their blank.
    initials
        Probability that a given name in a list of authors is an initial.
    joint
        Separator of the parts of an address.
    """

    case: str
    accents: str
    date: str
    phone: int
    surname_first: bool
    short_streets: float
    blank_postcode: bool
    initials: float
    joint: str

    @classmethod
    def draw(cls, rng: Random, month_first: bool = False) -> Self:
        """Draw a style. Days and months have one order in all sources of a file."""
        dates = ("y-m-d", "ymd", "d Mon y", *(_MONTH_FIRST if month_first else _DAY_FIRST))
        return cls(
            case=rng.choices(("keep", "lower", "upper", "title"), (10, 3, 2, 1))[0],
            accents=rng.choices(("keep", "spell", "strip"), (6, 2, 2))[0],
            date=rng.choices(dates, (6, 1, 1, 4, 2, 1, 1)[: len(dates)])[0],
            phone=rng.randrange(8),
            surname_first=rng.random() < 0.25,
            short_streets=rng.choice((0.0, 0.0, 0.3, 1.0)),
            blank_postcode=rng.random() < 0.75,
            initials=rng.choice((0.0, 0.0, 0.5, 1.0)),
            joint=rng.choice((", ", ", ", " ", " - ", "; ")),
        )

    def apply(self, text: str) -> str:
        """Write a text in the case and with the accents of the source."""
        text = self.spell(text)
        match self.case:
            case "lower":
                return text.lower()
            case "upper":
                return text.upper()
            case "title":
                return " ".join(word[:1].upper() + word[1:] for word in text.split(" "))
        return text

    def spell(self, text: str) -> str:
        """Write a text with the accents of the source."""
        if self.accents != "keep" and not text.isascii():
            return strip_accents(text, _SPELLED if self.accents == "spell" else _STRIPPED)
        return text


def write_date(iso: str, style: Style) -> str:
    """Write an ISO date; parts of dates, such as a year, stay as they are."""
    year, _, rest = iso.partition("-")
    month, _, day = rest.partition("-")
    if not day:
        return iso
    match style.date:
        case "ymd":
            return f"{year}{month}{day}"
        case "d Mon y":
            return f"{int(day)} {_MONTHS[int(month) - 1]} {year}"
        case "d.m.y":
            return f"{int(day)}.{int(month)}.{year}"
        case "d/m/y":
            return f"{day}/{month}/{year}"
        case "d-m-y":
            return f"{day}-{month}-{year}"
        case "d/m/yy":
            return f"{day}/{month}/{year[2:]}"
        case "m/d/y":
            return f"{month}/{day}/{year}"
        case "m-d-y":
            return f"{int(month)}-{int(day)}-{year}"
        case "m/d/yy":
            return f"{int(month)}/{int(day)}/{year[2:]}"
    return iso


def write_phone(number: str, style: Style) -> str:
    """Write a phone number, given as country code, area and line separated by blanks."""
    code, area, line = number.split(" ")
    half = len(line) // 2
    match style.phone:
        case 0:
            return f"+{code} {area} {line}"
        case 1:
            return f"0{area}{line}" if code != "1" else f"{area}{line}"
        case 2:
            return f"({area}) {line[:half]}-{line[half:]}"
        case 3:
            return f"{area}-{line[:half]}-{line[half:]}"
        case 4:
            return f"0{area}/{line}" if code != "1" else f"{area}.{line[:half]}.{line[half:]}"
        case 5:
            return f"00{code}{area}{line}"
        case 6:
            return f"+{code}{area}{line}"
    prefix = "" if code == "1" else "0"
    return f"{prefix}{area} {line[:half]} {line[half:]}"


def write_street(street: str, style: Style, rng: Random) -> str:
    """Write a street, with its usual abbreviations as often as the source uses them."""
    if rng.random() >= style.short_streets:
        return style.apply(street)
    table = word_table("lesson_street_forms")
    text = " ".join(
        rng.choice(table[word][0]) if word in table else word for word in street.split(" ")
    )
    for ending, (forms,) in table.items():
        if ending.startswith("-") and text.lower().endswith(ending[1:]):
            kept, form = text[: 1 - len(ending)], rng.choice(forms)
            text = kept + (form.capitalize() if kept.endswith(" ") else form)
            break
    return style.apply(text)


def write_postcode(postcode: str, style: Style) -> str:
    """Write a postcode with or without its blank."""
    return postcode if style.blank_postcode else postcode.replace(" ", "")
