"""Roles of fields: what kind of value a field holds, from its label and its values.

Records are compared by role, not by column, so that comparison vectors mean the same in every file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import polars as pl

from dedupe.config import KINDS
from dedupe.errors import OptionError
from dedupe.records.records import field_labels

SAMPLE = 2_000
"""Records from whose values the role of a field is told."""
MOSTLY = 0.6
"""Share of the sampled values that must look like a role."""
LONG_TEXT = 70
"""Mean number of characters from which a field without a known label holds free text."""
CATEGORY_SHARE = 0.06
"""Distinct values of a category, at most, as a share of the filled ones."""
MIN_CATEGORY_ROWS = 40
"""Filled values from which a field with few distinct values is a category."""
MIN_CODE_CHARACTERS = 4


class Role(StrEnum):
    """What a field holds."""

    NAME = "name"
    GIVEN = "given name"
    FAMILY = "family name"
    SUFFIX = "name suffix"
    CREATOR = "creator"
    CODE = "code"
    NUMBER = "number"
    PRICE = "price"
    DATE = "date"
    STREET = "street"
    HOUSE = "house number"
    PLACE = "place"
    POSTCODE = "postcode"
    PHONE = "phone"
    EMAIL = "e-mail"
    URL = "URL"
    TEXT = "free text"
    CATEGORY = "category"
    OTHER = "other"


@dataclass(frozen=True)
class RoleOfField:
    """A field of the records and its role.

    Parameters
    ----------
    label
        Label of the field in the record texts.
    role
        What it holds.
    values
        Number of distinct values that the file has of it.
    """

    label: str
    role: Role
    values: int = 0


_LABELS: tuple[tuple[Role, str], ...] = (
    (Role.EMAIL, r"e?mails?|mail|correo|courriel"),
    (
        Role.PHONE,
        r"(tele)?phones?|telefono?n?|tel|mobile?|cell|fax|handy|rufnummer|contact_?number",
    ),
    (Role.URL, r"url|web(site|page)?|homepage|link|site|internet"),
    (
        Role.GIVEN,
        r"given|first|fname|forename|vorname|prenom|prénom|christian|firstname|voornaam|"
        r"givenname|middle|second|nombres?",
    ),
    (
        Role.FAMILY,
        r"surname|last|lname|family|nachname|familienname|apellidos?|cognome|lastname|"
        r"achternaam|familyname|maiden",
    ),
    (Role.SUFFIX, r"suffix|generation"),
    (
        Role.STREET,
        r"street|address|addr|road|adresse|strasse|straße|direccion|dirección|via|rue|"
        r"indirizzo|adres|calle|location|flat|unit|apartment|anschrift|direcci[oó]n|domicilio|line",
    ),
    (Role.HOUSE, r"house|hausnummer|housenumber"),
    (Role.POSTCODE, r"postcode|zip|zipcode|postal|plz|post|cap|cp"),
    (
        Role.PLACE,
        r"city|town|suburb|state|country|county|region|province|ort|stadt|ville|ciudad|"
        r"municipality|district|land|pays|locality|place|village|plaats|città|comune|"
        r"birthplace|neighbourhood|neighborhood",
    ),
    (
        Role.DATE,
        r"dob|date|birth|born|geburtsdatum|birthdate|released?|published|day|nacimiento|"
        r"naissance|timestamp|expires|geboren",
    ),
    (
        Role.PRICE,
        r"price|cost|amount|preis|prix|precio|total|msrp|value|betrag|importe|salary",
    ),
    (
        Role.CODE,
        r"isbn\d*|ean\d*|upc|gtin|sku|asin|modelno|mpn|vin|ssn|soc|vat|siren|siret|iban|"
        r"issn|doi|barcode|passport|licen[cs]e|tax|nif|dni|serial|code|reference|ref|"
        r"partno|part|model|number|orcid|lei|registration|account|card",
    ),
    (
        Role.CREATOR,
        r"authors?|artists?|directors?|brand|manufacturer|maker|vendor|brew|brewery|"
        r"writers?|starring|actors?|composer|producer|hersteller|marke|marque|autor|"
        r"auteur|publisher|developer|band|performer|editor|make|cast",
    ),
    (
        Role.TEXT,
        r"description|abstract|notes?|comments?|remarks?|summary|beschreibung|features|"
        r"tracks|details|text|body",
    ),
    (
        Role.CATEGORY,
        r"sex|gender|genre|category|type|status|kind|class|department|"
        r"language|currency|color|colour|style|segment|venue|format",
    ),
    (
        Role.NAME,
        r"name|title|product|company|organi[sz]ations?|firma|firm|business|label|song|"
        r"album|movie|film|item|entity|institution|affiliation|employer|customer|client|"
        r"person|full|fullname|titel|titre|titulo|título|nom|nombre|nome|naam|restaurant|"
        r"hotel|paper|book|beer|app|store|school|hospital|team|species|account_?name",
    ),
)
"""Labels of each role; the first role whose pattern matches counts."""
_BY_LABEL = [(role, re.compile(rf"^(?:{pattern})$")) for role, pattern in _LABELS]
_DATE_VALUE = (
    r"^(?:\d{4}[-/.]\d{1,2}(?:[-/.]\d{1,2})?(?:[t ].*)?|\d{1,2}[-/. ]\d{1,2}[-/. ]\d{2,4}"
    r"|(?:1[89]|20)\d{6}|\d{1,2}[. ]+[a-z]{3,9}\.?,? \d{4}|[a-z]{3,9}\.? \d{1,2},? \d{4})$"
)
_VALUES: tuple[tuple[Role, str], ...] = (
    (Role.EMAIL, r"^[^@\s]+@[^@\s]+$"),
    (
        Role.URL,
        r"^(?:https?://|www\.)\S+$|^\S+\.(?:com|org|net|co\.uk|de|fr|example)(?:/\S*)?$",
    ),
    (Role.DATE, _DATE_VALUE),
    (
        Role.PHONE,
        r"^(?:\+|00|\(?0|\(\d)[\d\s().\-/]{6,}\d(?:\s*(?:x|ext)\.?\s*\d+)?$"
        r"|^\d{3}[\-. /]\d{3}[\-. ]\d{4}$",
    ),
    (Role.PRICE, r"^[$€£¥]\s*\d[\d.,]*$|^\d[\d.,]*\s*[$€£¥]$"),
    (Role.NUMBER, r"^[-+]?\d+(?:[.,]\d+)*%?$"),
)
"""What the values of a role look like, the first match counts."""
_NUMERIC = (Role.PRICE, Role.CODE, Role.HOUSE, Role.POSTCODE, Role.PHONE, Role.NUMBER)
"""Roles whose values may be plain numbers."""
_CONTACTS = (Role.EMAIL, Role.URL, Role.PHONE, Role.PRICE, Role.DATE)
_FIRST_LABELS = ("given", "first", "fname", "vorname", "name", "title")
_MAIN: tuple[tuple[Role, ...], ...] = (
    (Role.GIVEN, Role.FAMILY),
    (Role.NAME,),
    (Role.OTHER,),
    (Role.STREET,),
    (Role.TEXT,),
    (Role.CREATOR,),
    (Role.PLACE,),
    (Role.CODE,),
)
"""Roles that may name a record, the first that a file has counts."""


def field_role(
    label: str,
    values: pl.Series,
    given: Role | None = None,
    counted: tuple[int, int] | None = None,
) -> RoleOfField:
    """Tell the role of one field.

    Most distinct values of a large file may be misspelt, so values count by their records.

    Parameters
    ----------
    label
        Label of the field, the first word of the column's name.
    values
        Values of all records that have the field, as they are in record texts.
    given
        The role that the user gave the field; ``None``: it is told from the label and the values.
    counted
        Number of distinct values, and of values, in the file. ``None``: `values` are all of them.
    """
    distinct, filled = counted or (values.n_unique(), len(values))
    if given is not None:
        return RoleOfField(label, given, distinct)
    ordered = values.sort()
    places = np.linspace(0, len(values) - 1, min(SAMPLE, len(values))).astype(np.uint32)
    role = _role(label, ordered.gather(places), distinct, filled)
    return RoleOfField(label, role, distinct)


ROLE_OF_KIND: Mapping[str, Role] = dict(
    zip(
        KINDS,
        (
            Role.NAME, Role.GIVEN, Role.FAMILY, Role.SUFFIX, Role.CREATOR, Role.CODE, Role.NUMBER,
            Role.PRICE, Role.DATE, Role.STREET, Role.HOUSE, Role.PLACE, Role.POSTCODE, Role.PHONE,
            Role.EMAIL, Role.URL, Role.TEXT, Role.CATEGORY, Role.OTHER,
        ),
        strict=True,
    )
)  # fmt: skip
"""The role that each kind of the option ``kind`` stands for."""


def kind_of_role(role: Role) -> str:
    """Name a role as the option ``kind`` does."""
    return next(kind for kind, other in ROLE_OF_KIND.items() if other is role)


def given_roles(columns: Sequence[str], kinds: Mapping[str, str]) -> dict[str, Role]:
    """Return the roles that the option ``kind`` gives to fields, by label.

    Columns of one label are one field.

    Parameters
    ----------
    columns
        The compared columns, in column order.
    kinds
        The option: column to kind. Columns that are not compared do not matter.

    Raises
    ------
    OptionError
        If columns of one label are given different kinds.
    """
    given: dict[str, tuple[str, str]] = {}
    for column, label in zip(columns, field_labels(columns), strict=True):
        if column not in kinds:
            continue
        other, kind = given.setdefault(label, (column, kinds[column]))
        if kind != kinds[column]:
            raise OptionError(
                f"kind: the columns {other!r} and {column!r} begin with the same word and are "
                f"compared as one: give both the same kind, not {kind} and {kinds[column]}"
            )
    return {label: ROLE_OF_KIND[kind] for label, (_, kind) in given.items()}


def main_labels(roles: Sequence[RoleOfField]) -> list[str]:
    """Choose the fields that name the record: parts of a person's name, else names and titles.

    Where there are neither, the first field without a role does, then others. First names and
    titles come first.
    """
    found = [field.label for field in roles]
    for candidates in _MAIN:
        if labels := [field.label for field in roles if field.role in candidates]:
            found = labels[:1] if candidates == (Role.OTHER,) else labels
            break
    return sorted(found, key=lambda label: (not label.startswith(_FIRST_LABELS), label))


def _role(label: str, sample: pl.Series, distinct: int, filled: int) -> Role:
    named = next((role for role, pattern in _BY_LABEL if pattern.match(label)), None)
    looks = next(
        (role for role, pattern in _VALUES if _share(sample.str.contains(pattern)) > MOSTLY), None
    )
    # What values look like is stronger than a label: a column "contact" may hold e-mail addresses.
    if looks in (Role.EMAIL, Role.URL, Role.DATE) and named is not Role.CODE:
        return looks
    if looks is Role.NUMBER and named in (Role.STREET, Role.HOUSE):
        return Role.HOUSE
    if looks in _NUMERIC:
        return named if named in _NUMERIC else looks
    return _role_of_words(named, sample, distinct, filled)


def _role_of_words(named: Role | None, sample: pl.Series, distinct: int, filled: int) -> Role:
    """Tell the role of a field whose values are neither contacts nor numbers."""
    digits = _share(sample.str.contains(r"\d"))
    if named in (Role.PHONE, Role.PRICE, Role.DATE) and digits <= MOSTLY:
        named = None
    if named is Role.CODE and digits < 0.5:
        named = None
    if named is Role.TEXT or (named is None and _mean_length(sample) >= LONG_TEXT):
        return Role.TEXT
    few = distinct <= max(CATEGORY_SHARE * filled, 2) and filled >= MIN_CATEGORY_ROWS
    if few and named is None:
        return Role.CATEGORY
    if few and named is Role.NAME:
        # A company that many records have describes them, and does not name them.
        return Role.CREATOR
    if named is not None:
        return named
    code = sample.str.contains(r"^\S*\d\S*$") & (sample.str.len_chars() >= MIN_CODE_CHARACTERS)
    return Role.CODE if _share(code) > MOSTLY else Role.OTHER


def _share(found: pl.Series) -> float:
    return float(found.mean() or 0)  # type: ignore[arg-type]


def _mean_length(values: pl.Series) -> float:
    return float(values.str.len_chars().mean() or 0)  # type: ignore[arg-type]
