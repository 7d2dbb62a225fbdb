"""Kinds of evidence: which features of a comparison vector say one understandable thing together.

A kind is a column or a group of columns with one role (the phone numbers), a class of telling
tokens (house numbers), or what concerns the records as a whole. Features of one kind are one player
of the explanation, because a value of one of them without the others has no meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.scoring.comparison.model import load_comparison_model
from dedupe.scoring.comparison.record_table import MAIN, record_table
from dedupe.scoring.comparison.scales import EQUAL, UNKNOWN, Bytes
from dedupe.scoring.comparison.token_features import CONFLICTING
from dedupe.scoring.comparison.vectors import comparison_vectors, feature_names
from dedupe.scoring.explanation.shapley import TreeExplainer


class Form(StrEnum):
    """What the words for a kind of evidence are made of."""

    FIELD = "field"
    CONTACT = "contact"
    TOKENS = "tokens"
    WHOLE = "whole"


@dataclass(frozen=True)
class Kind:
    """A kind of evidence.

    Parameters
    ----------
    name
        Name of its role group or token class, or of the whole of the records.
    noun
        What it is called where no column is named.
    form
        What its words are made of.
    state
        Features that tell whether the records agree; the highest counts.
    supports, opposes
        For :attr:`Form.WHOLE`: short words for evidence for and against a match.
    """

    name: str
    noun: str
    form: Form
    state: tuple[str, ...] = ()
    supports: str = ""
    opposes: str = ""


WORDS, SIMILARITY, COLUMNS, RIVALS, CONFLICTS = (
    "words", "similarity", "columns", "rivals", "conflicts",
)  # fmt: skip
"""Kinds that concern the records as a whole."""

_FIELDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    MAIN: ("name", ("main token_sort", "main token_set")),
    "creator": ("company, author or maker", ("creator token_set",)),
    "street": ("address", ("street token_sort",)),
    "place": ("place", ("place token_sort",)),
    "text": ("description", ("text token_set",)),
    "category": ("category", ("category token_sort",)),
    "other1": ("other column", ("other1 token_sort",)),
    "other2": ("second other column", ("other2 token_sort",)),
    "other3": ("further columns", ("other3 token_sort",)),
    "code": ("code", ("code ratio", "codes", "codes alike")),
    "postcode": ("postcode", ("postcode ratio",)),
    "date": ("date", ("date",)),
    "price": ("price", ("price",)),
    "number1": ("number", ("number1",)),
    "number2": ("second number", ("number2",)),
}
_CONTACTS = {"phone": "phone", "email": "e-mail", "url": "URL"}
_NOUN_OF_CLASS = {
    "suffix": "name suffix",
    "house": "house number",
    "performance": "kind of performance",
    "data": "amount of data",
    "electrical": "electrical value",
}
_WHOLE = tuple(
    Kind(name, noun, Form.WHOLE, (), supports, opposes)
    for name, noun, supports, opposes in (
        (WORDS, "words in common", "words in common", "few words in common"),
        (SIMILARITY, "text similarity", "texts alike", "texts unlike"),
        (COLUMNS, "columns overall", "many columns equal", "many columns different"),
        (RIVALS, "other candidates", "no closer candidate", "closer candidates"),
        (CONFLICTS, "conflicting details", "few conflicts", "conflicting details"),
    )
)
KINDS: tuple[Kind, ...] = (
    *(Kind(name, noun, Form.FIELD, state) for name, (noun, state) in _FIELDS.items()),
    *(Kind(name, noun, Form.CONTACT, (name,)) for name, noun in _CONTACTS.items()),
    *(
        Kind(name, _NOUN_OF_CLASS.get(name, name), Form.TOKENS, (f"{name}s",))
        for name in CONFLICTING
        if name != "code"
    ),
    *_WHOLE,
)
"""All kinds of evidence."""
KIND = {kind.name: number for number, kind in enumerate(KINDS)}

_ABOUT_COLUMNS = (
    "columns equal", "columns different", "columns on one side", "share of columns equal",
    "bits of equal columns", "most bits of an equal column", "share of bits equal",
)  # fmt: skip
_ABOUT_RIVALS = (
    "margin left", "margin right", "rivals left", "rivals right", "rank among candidates",
)  # fmt: skip
_OF_ONE_FEATURE = {
    "cosine": SIMILARITY,
    "conflicts": CONFLICTS,
    "names exchanged": MAIN,
    "codes": "code",
    "codes alike": "code",
}
_OF_PERSON = ("given", "family")
"""Role groups that name a person, and with them the record: their features are of its name."""
_TYPICAL_RIVALS = {"rivals left": 32, "rivals right": 64, "rank among candidates": 64}


def kind_of_feature(feature: str) -> str:
    """Return the name of the kind of evidence that a feature belongs to.

    Examples
    --------
    >>> kind_of_feature("phone by name"), kind_of_feature("houses"), kind_of_feature("cosine")
    ('phone', 'house', 'similarity')
    """
    if feature in _OF_ONE_FEATURE:
        return _OF_ONE_FEATURE[feature]
    if feature in _ABOUT_COLUMNS:
        return COLUMNS
    if feature in _ABOUT_RIVALS:
        return RIVALS
    if feature.removesuffix("s") in KIND and feature.endswith("s"):
        return feature.removesuffix("s")
    group = feature.partition(" ")[0]
    if group in _OF_PERSON:
        return MAIN
    return group if group in _FIELDS or group in _CONTACTS else WORDS


def reference_vector() -> Bytes:
    """Return the vector that pairs are explained against, (f,) uint8.

    It is that of a candidate pair of which nothing is known: the records say nothing, so that no
    feature speaks for or against a match, their similarity and its rank are in the middle, and
    there are a few other candidates as close. Against it, what is equal adds to the log odds and
    what is different takes from them, in every file.
    """
    nothing = record_table(pl.Series(["", ""]))
    left, right = np.array([[0], [1]], dtype=np.uint32)
    vector: Bytes = comparison_vectors(nothing, left, right, np.array([0.5], dtype=np.float32))[
        0
    ].copy()
    for name, value in {**_TYPICAL_RIVALS, "cosine": UNKNOWN}.items():
        vector[feature_names().index(name)] = value
    return vector


@cache
def explainer() -> TreeExplainer:
    """Return the explainer of the bundled comparison model, by kinds of evidence."""
    group = np.array([KIND[kind_of_feature(name)] for name in feature_names()], dtype=np.int64)
    return TreeExplainer(load_comparison_model().trees, reference_vector(), group)


class Agreement(StrEnum):
    """How the values of two records compare."""

    SAME = "same"
    SHARED = "shared"
    SIMILAR = "similar"
    DIFFERENT = "different"
    ONE_SIDED = "one-sided"
    UNKNOWN = "unknown"


AGREEMENTS = tuple(Agreement)
WIDELY_SHARED = 199
"""Level of a contact ``by name`` below which about three other names or more have it."""
_TOKENS_DIFFER = 60


def agreement_of(kind: Kind, vectors: Bytes) -> NDArray[np.int8]:
    """Tell how the records of m pairs agree in one kind, (m,) numbers in :data:`AGREEMENTS`."""
    number = {agreement: np.int8(place) for place, agreement in enumerate(AGREEMENTS)}
    m = len(vectors)
    if not kind.state:
        return np.full(m, number[Agreement.UNKNOWN])
    names = feature_names()
    states = np.stack([vectors[:, names.index(name)] for name in kind.state])
    # What is not known says nothing, also beside something that is.
    known = np.where(states == UNKNOWN, -1, states.astype(np.int16)).max(axis=0)
    if kind.form is Form.TOKENS:
        levels = [known < 0, known == EQUAL, known <= _TOKENS_DIFFER]
        found = [Agreement.UNKNOWN, Agreement.SAME, Agreement.DIFFERENT]
        default = Agreement.ONE_SIDED
    else:
        levels = [known < 0, known == EQUAL, known > UNKNOWN]
        found = [Agreement.UNKNOWN, Agreement.SAME, Agreement.SIMILAR]
        default = Agreement.DIFFERENT
    agreement = np.select(levels, [number[level] for level in found], number[default])
    if kind.form is Form.CONTACT:
        exclusive = vectors[:, names.index(f"{kind.name} by name")]
        shared = (known == EQUAL) & (exclusive < WIDELY_SHARED)
        agreement = np.where(shared, number[Agreement.SHARED], agreement)
    return agreement.astype(np.int8)
