"""Records prepared for comparison: values by role group, tokens, and how common each value is."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.scoring.comparison.statistics import (
    CLASS_OF_TOKEN,
    COUNTS,
    PLACEHOLDER,
    PRIOR_RECORDS,
    TOKEN,
    FileStatistics,
)
from dedupe.scoring.comparison.values import notation
from dedupe.scoring.comparison.values.columns import MANY, for_each, together
from dedupe.scoring.comparison.values.fields import (
    Column,
    Field,
    fields_of,
    joined_column,
    numbered,
)
from dedupe.scoring.comparison.values.placeholders import (
    is_no_value,
    is_placeholder,
    may_be_placeholder,
)
from dedupe.scoring.comparison.values.roles import Role, RoleOfField, field_role, main_labels
from dedupe.scoring.comparison.values.shared_values import others_sharing
from dedupe.scoring.comparison.values.text_steps import (
    Texts,
    TextSteps,
    filled,
    listed,
    series,
    where,
)
from dedupe.scoring.comparison.values.token_table import (
    TokenField,
    TokenTable,
    token_table,
)

MAX_CHARACTERS = 120
"""Characters of a value that are compared as a string: the cost grows with their square."""
MAIN = "main"
"""Role group of what names the record."""
GROUPS = (
    MAIN, "given", "family", "creator", "street", "place", "text", "category", "other1", "other2",
    "other3", "code", "postcode", "phone", "email", "url", "date", "price", "number1", "number2",
    "house",
)  # fmt: skip
"""Role groups. Fields of one role are one group, but for fields without a role and numbers."""
GROUP = {name: number for number, name in enumerate(GROUPS)}
FIELD_WITHOUT_GROUP = 29
NAME_GROUPS = (MAIN, "given", "family")
PLACE_GROUPS = ("street", "place", "house")
NUMBERS = ("price", "number1", "number2")

_GROUP_OF_ROLE = {
    Role.GIVEN: "given",
    Role.FAMILY: "family",
    Role.SUFFIX: "family",
    Role.CREATOR: "creator",
    Role.STREET: "street",
    Role.PLACE: "place",
    Role.TEXT: "text",
    Role.CATEGORY: "category",
    Role.CODE: "code",
    Role.POSTCODE: "postcode",
    Role.PHONE: "phone",
    Role.EMAIL: "email",
    Role.URL: "url",
    Role.DATE: "date",
    Role.PRICE: "price",
    Role.HOUSE: "house",
    # A name that does not name the record is that of its maker or employer.
    Role.NAME: "creator",
}
_JOINED = (
    MAIN, "given", "family", "creator", "street", "place", "text", "category", "other3", "house",
)  # fmt: skip
"""Groups whose fields are joined; of the others, the first filled field counts."""
_NORMALISE: dict[str, Callable[[Any], Any]] = {
    "phone": notation.phone,
    "email": notation.email,
    "url": notation.url,
    "code": notation.compact,
    "postcode": notation.compact,
    **dict.fromkeys(("date", *NUMBERS), copy),
}
SHARED = ("phone", "email", "url", "street", "code", "postcode", "date")
"""Groups of which it is told how many other names, and other places, share a value."""
_BEGIN = TextSteps().head(MAX_CHARACTERS)


@dataclass(frozen=True, eq=False)
class Group:
    """The values of one role group.

    Parameters
    ----------
    codes
        (n,) int32: number of each record's value; -1 where it has none.
    values
        (v,) of str: distinct values in one notation, sorted.
    counts
        (v,) int32: records of the file that have each value.
    names, places
        (v,) float32: about how many other names and places share each value.
    """

    codes: NDArray[np.int32]
    values: NDArray[np.object_]
    counts: NDArray[np.int32]
    names: NDArray[np.float32]
    places: NDArray[np.float32]

    @cached_property
    def first_words(self) -> list[str]:
        """First word of each value."""
        return [str(value).partition(" ")[0] for value in self.values]

    @cached_property
    def word_hashes(self) -> NDArray[np.int64]:
        """(v + 1,) int64: hash of the words of each value in any order; -1 for no value."""
        words = (" ".join(sorted(str(value).split())) for value in self.values)
        return np.array([*(zlib.crc32(text.encode()) for text in words), -1], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class RecordTable:
    """n records prepared for comparison.

    Parameters
    ----------
    statistics
        Statistics of the file.
    columns
        Of each field, (n,) int32: number of each record's value; -1 where it has none.
    column_bits
        Of each field, (v,) float32: how rare each value is, in bits.
    groups
        Role groups that the records have, by name.
    tokens
        Tokens of the records.
    bits
        (n,) float32: information of each record, the sum of the bits of its tokens.
    numbers
        Of each group of numbers, (n,) float64; NaN where a record has none.
    dates
        (n, 3) int32: year, month, day; 0 for what is not known. ``None`` if there are no dates.
    """

    statistics: FileStatistics
    columns: tuple[NDArray[np.int32], ...]
    column_bits: tuple[NDArray[np.float32], ...]
    groups: Mapping[str, Group]
    tokens: TokenTable
    bits: NDArray[np.float32]
    numbers: Mapping[str, NDArray[np.float64]]
    dates: NDArray[np.int32] | None

    def __len__(self) -> int:
        """Return n, the number of records."""
        return len(self.bits)

    @cached_property
    def depends_on_others(self) -> NDArray[np.bool_]:
        """(n,) bool: records that have a token of several classes that the file does not know.

        Such a token has the last of its classes here, and may have another one among fewer records.
        """
        tokens = self.tokens
        several = np.flatnonzero(tokens.several)
        known = self.statistics.class_of_tokens(tokens.names.gather(several))
        changed = np.zeros(len(tokens.classes) + 1, dtype=bool)
        changed[several[tokens.classes[several] > known]] = True
        depends: NDArray[np.bool_] = np.any(changed[tokens.tokens], axis=1)
        return depends


def record_table(
    texts: pl.Series,
    statistics: FileStatistics | None = None,
    given: Mapping[str, Role] | None = None,
) -> RecordTable:
    """Prepare records for comparison.

    Parameters
    ----------
    texts
        (n,) record texts; see :mod:`dedupe.records`.
    statistics
        Statistics of the file that the records belong to. ``None``: the records are the file.
    given
        Roles that the user gave fields, by label; `statistics`, if there are any, have them.
    """
    n = len(texts)
    counted = _Counts(statistics)
    found = fields_of(texts, [role.label for role in statistics.roles] if statistics else None)
    labels = list(found)
    no_value = together(is_no_value, [found[label].values for label in labels])
    found = {
        label: counted.without(label, found[label], is_none)
        for label, is_none in zip(labels, no_value, strict=True)
    }
    if statistics is None:
        roles, main = _roles(found, given or {}, n)
    else:
        roles, main = list(statistics.roles), list(statistics.main)
    for role in roles:
        field = found[role.label]
        if may_be_placeholder(role.role):
            is_one = is_placeholder(field.values, role.role)
            found[role.label] = counted.without(role.label, field, is_one)
    columns_of = for_each(lambda label: found[label].coded(n), labels, n)
    coded = dict(zip(labels, columns_of, strict=True))
    names = groups_of_fields(roles, main)
    records = (statistics.records if statistics else n) + PRIOR_RECORDS
    columns = {label: codes for label, (_, codes) in coded.items()}
    column_bits = [
        np.log2(records / np.maximum(counted(f"field:{label}", found, codes), 1)).astype(np.float32)
        for label, (found, codes) in coded.items()
    ]
    of_group = {name: [label for label in labels if name in names[label]] for name in GROUPS}
    columns_of_group = {
        name: [coded[label] for label in of_group[name]] for name in GROUPS if of_group[name]
    }
    # The groups of few records are written together.
    written = _written(columns_of_group) if n < MANY else {}
    token_fields, count = _token_fields(roles, names, coded), partial(counted.of, TOKEN)
    tokens = token_table(token_fields, n, records, count, counted.classes)
    made = for_each(
        lambda name: _group(
            name,
            written.get(name) or _written({name: columns_of_group[name]})[name],
            tokens,
            counted,
        ),
        columns_of_group,
        n,
    )
    groups = dict(zip(columns_of_group, made, strict=True))
    counted.add_groups(groups)
    bits = np.append(tokens.bits, np.float32(0))[tokens.tokens].sum(axis=1, dtype=np.float32)
    if statistics is None:
        statistics = FileStatistics(n, tuple(roles), tuple(main), counted.frame(groups))
    return RecordTable(
        statistics=statistics,
        columns=tuple(columns.values()),
        column_bits=tuple(column_bits),
        groups=groups,
        tokens=tokens,
        bits=bits,
        numbers={name: _numbers(groups[name]) for name in NUMBERS if name in groups},
        dates=_dates(groups["date"]) if "date" in groups else None,
    )


class _Counts:
    """Counts the records that have a value: those here, or as stored for the file."""

    def __init__(self, statistics: FileStatistics | None) -> None:
        self._statistics = statistics
        self._counted: list[pl.DataFrame] = []

    def __call__(self, kind: str, values: Texts, codes: NDArray[np.int32]) -> NDArray[np.int32]:
        here = np.bincount(codes[codes >= 0], minlength=len(values)).astype(np.int32)
        return self.of(kind, values, here)

    def of(self, kind: str, values: Texts, here: NDArray[np.int32]) -> NDArray[np.int32]:
        """Look up the counts of values of which these records have `here`."""
        if self._statistics is not None:
            return self._statistics.look_up(kind, values, here)[0]
        self._add(kind, values, here)
        return here

    def classes(
        self, tokens: Texts, here: NDArray[np.int32], several: NDArray[np.bool_]
    ) -> NDArray[np.int32]:
        """Look up the classes of tokens: one that has several in the file has the last of them."""
        if self._statistics is not None:
            # Below zero: the token has several classes here.
            marked = np.where(several, -1 - here, here)
            return np.maximum(here, self._statistics.class_of_tokens(tokens, marked))
        self._add(CLASS_OF_TOKEN, where(tokens, several), here[several] + 2)
        return here

    def without(self, label: str, field: Field, no_value: NDArray[np.bool_]) -> Field:
        """Set values aside that say there is none; count those that several records have."""
        if self._statistics is None and no_value.any():
            values, here = (
                series(where(field.values, no_value)).value_counts().sort("value").get_columns()
            )
            self._add(f"{PLACEHOLDER}{label}", values, here.to_numpy().astype(np.int32))
        return field.without(no_value)

    def group(
        self, name: str, values: Texts, codes: NDArray[np.int32], tokens: TokenTable
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
        """Count the records that have each value, and the other names and places they have."""
        here = np.bincount(codes[codes >= 0], minlength=len(values)).astype(np.int32)
        if self._statistics is not None:
            return self._statistics.look_up(f"group:{name}", values, here)
        names, places = (
            others_sharing(codes, here, tokens, [GROUP[name] for name in groups])
            if name in SHARED
            else np.zeros(len(values), dtype=np.float32)
            for groups in (NAME_GROUPS, PLACE_GROUPS)
        )
        return here, names, places

    def add_groups(self, groups: Mapping[str, Group]) -> None:
        """Keep the counts of all groups, where these records are the file."""
        if self._statistics is None:
            for name, group in groups.items():
                values = pl.Series("value", group.values.tolist(), dtype=pl.String)
                self._add(f"group:{name}", values, group.counts, group.names, group.places)

    def _add(
        self,
        kind: str,
        values: Texts,
        here: NDArray[np.int32],
        names: NDArray[np.float32] | None = None,
        places: NDArray[np.float32] | None = None,
    ) -> None:
        frame = pl.DataFrame(
            {
                "kind": pl.Series([kind], dtype=pl.String).new_from_index(0, len(values)),
                "value": series(values),
                "count": here,
                "names": names if names is not None else np.zeros(len(values), np.float32),
                "places": places if places is not None else np.zeros(len(values), np.float32),
            },
            schema=COUNTS,
        )
        self._counted.append(frame.filter(pl.col("count") > 1))

    def frame(self, groups: Mapping[str, Group]) -> pl.DataFrame:
        """Return all counts above one, of schema :data:`COUNTS`."""
        return pl.concat(self._counted) if self._counted else COUNTS.to_frame()


def _roles(
    found: Mapping[str, Field], given: Mapping[str, Role], n: int
) -> tuple[list[RoleOfField], list[str]]:
    roles = for_each(
        lambda label: field_role(label, series(found[label].values), given.get(label)),
        list(found),
        n,
    )
    return roles, main_labels(roles)


def groups_of_fields(roles: Sequence[RoleOfField], main: Sequence[str]) -> dict[str, list[str]]:
    """Give each field its role groups, the most distinctive one first."""

    def numbered(role: Role) -> list[str]:
        fields = [field for field in roles if field.role is role and field.label not in main]
        return [field.label for field in sorted(fields, key=lambda field: -field.values)]

    names: dict[str, list[str]] = {field.label: [] for field in roles}
    for label in main:
        names[label].append(MAIN)
    for at, label in enumerate(numbered(Role.OTHER), start=1):
        names[label].append(f"other{min(at, 3)}")
    for at, label in enumerate(numbered(Role.NUMBER)[:2], start=1):
        names[label].append(f"number{at}")
    for field in roles:
        group = _GROUP_OF_ROLE.get(field.role)
        if group and not (field.role is Role.NAME and field.label in main):
            names[field.label].append(group)
    return names


def _token_fields(
    roles: Iterable[RoleOfField],
    names: Mapping[str, Sequence[str]],
    coded: Mapping[str, Column],
) -> list[TokenField]:
    """List the fields that have tokens: those that name the record first, free text last."""
    fields = []
    for field in roles:
        values, codes = coded[field.label]
        groups = names[field.label]
        group = GROUP[groups[0]] if groups else FIELD_WITHOUT_GROUP
        role = Role.OTHER if MAIN in groups and field.role is Role.CODE else field.role
        fields.append(TokenField(values, codes, role, group))
    return sorted(fields, key=lambda field: (field.group != GROUP[MAIN], field.role is Role.TEXT))


def _written(columns: Mapping[str, Sequence[Column]]) -> dict[str, Column]:
    """Join the fields of role groups, and write their values in one notation.

    Returns
    -------
    dict
        Of each group, the texts of its values, not all of them distinct; and the number of each
        record's value, (n,).
    """
    joined = {
        name: joined_column(fields, all_values=name in _JOINED) for name, fields in columns.items()
    }
    begins = together(lambda values: _BEGIN.of(values), [values for values, _ in joined.values()])
    short = dict(zip(joined, begins, strict=True))
    notations = {name: _NORMALISE.get(name, notation.words) for name in joined}
    written: dict[str, Column] = {}
    for normalise in dict.fromkeys(notations.values()):
        alike = [name for name in joined if notations[name] is normalise]
        texts = together(normalise, [short[name] for name in alike])
        written |= {name: (text, joined[name][1]) for name, text in zip(alike, texts, strict=True)}
    return written


def _group(name: str, written: Column, tokens: TokenTable, counted: _Counts) -> Group:
    """Make a role group of its texts, counted."""
    texts, codes = written
    there = filled(texts)
    distinct, numbers = numbered(where(texts, there))
    number = np.full(len(texts) + 1, -1, dtype=np.int32)
    number[:-1][there] = numbers
    codes = number[codes]
    counts, names, places = counted.group(name, distinct, codes, tokens)
    return Group(codes, np.array(listed(distinct), dtype=object), counts, names, places)


def _numbers(group: Group) -> NDArray[np.float64]:
    values = notation.numbers(group.values.tolist())
    return np.append(values.fill_null(float("nan")).to_numpy(), np.nan)[group.codes]


def _dates(group: Group) -> NDArray[np.int32]:
    unknown = np.zeros((1, 3), dtype=np.int32)
    return np.vstack([notation.dates(group.values.tolist()), unknown])[group.codes]
