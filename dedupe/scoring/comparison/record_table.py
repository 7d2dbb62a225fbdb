"""Records prepared for comparison: values by role group, tokens, and how common each value is."""

from __future__ import annotations

import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

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
from dedupe.scoring.comparison.values.columns import MANY, batches, for_each, together
from dedupe.scoring.comparison.values.placeholders import is_no_value, placeholder_of
from dedupe.scoring.comparison.values.roles import Role, RoleOfField, field_role, main_labels
from dedupe.scoring.comparison.values.shared_values import others_sharing
from dedupe.scoring.comparison.values.token_table import TokenField, TokenTable, token_table

_Made = TypeVar("_Made")

MAX_FIELDS = 24
"""Fields that are compared, the fullest first."""
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
_NORMALISE: dict[str, Callable[[pl.Series], pl.Series]] = {
    "phone": notation.phone,
    "email": notation.email,
    "url": notation.url,
    "code": notation.compact,
    "postcode": notation.compact,
    **dict.fromkeys(("date", *NUMBERS), pl.Series.clone),
}
_SHARED = ("phone", "email", "url", "street", "code", "postcode", "date")
"""Groups of which it is told how many other names, and other places, share a value."""
_FIRST_LABELS = ("given", "first", "fname", "vorname", "name", "title")


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
    lines = _lines(texts)
    counted = _Counts(statistics)
    labels = [role.label for role in statistics.roles] if statistics else _fullest(lines)
    parts = [
        counted.without(part, is_no_value(part["value"]), labels) for part in _parts(lines, labels)
    ]
    del lines
    if statistics is None:
        roles, main = _roles(parts, labels, given or {}, n)
    else:
        roles, main = list(statistics.roles), list(statistics.main)
    parts = [_without_placeholders(part, roles, counted) for part in parts]
    coded = _by_record(parts, labels, n)
    names = groups_of_fields(roles, main)
    records = (statistics.records if statistics else n) + PRIOR_RECORDS
    columns = {label: codes for label, (_, codes) in coded.items()}
    column_bits = [
        np.log2(records / np.maximum(counted(f"field:{label}", found, codes), 1)).astype(np.float32)
        for label, (found, codes) in coded.items()
    ]
    tokens = token_table(
        _token_fields(roles, names, coded), n, records,
        lambda found, here: counted.of(TOKEN, found, here), counted.classes,
    )  # fmt: skip
    fields = {name: [label for label in labels if name in names[label]] for name in GROUPS}
    filled = batches([name for name in GROUPS if fields[name]], n)
    groups: dict[str, Group] = {}
    for made in for_each(lambda some: _groups(some, fields, coded, tokens, counted), filled, n):
        groups |= made
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

    def __call__(self, kind: str, values: pl.Series, codes: NDArray[np.int32]) -> NDArray[np.int32]:
        here = np.bincount(codes[codes >= 0], minlength=len(values)).astype(np.int32)
        return self.of(kind, values, here)

    def of(self, kind: str, values: pl.Series, here: NDArray[np.int32]) -> NDArray[np.int32]:
        """Look up the counts of values of which these records have `here`."""
        if self._statistics is not None:
            return self._statistics.look_up(kind, values)[0]
        self._add(kind, values, here)
        return here

    def classes(
        self, tokens: pl.Series, here: NDArray[np.int32], several: NDArray[np.bool_]
    ) -> NDArray[np.int32]:
        """Look up the classes of tokens: one that has several in the file has the last of them."""
        if self._statistics is not None:
            return np.maximum(here, self._statistics.class_of_tokens(tokens))
        self._add(CLASS_OF_TOKEN, tokens.filter(several), here[several] + 2)
        return here

    def without(
        self, part: pl.DataFrame, no_value: pl.Series, labels: Sequence[str]
    ) -> pl.DataFrame:
        """Set values aside that say there is none; count those that several records have."""
        if not no_value.any():
            return part
        if self._statistics is None:
            aside = part.filter(no_value)
            for label in labels:
                of_field = aside.filter(pl.col("label") == label)
                values, here = of_field["value"].value_counts().sort("value").get_columns()
                self._add(f"{PLACEHOLDER}{label}", values, here.to_numpy().astype(np.int32))
        return part.filter(~no_value)

    def group(
        self, name: str, values: pl.Series, codes: NDArray[np.int32], tokens: TokenTable
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
        """Count the records that have each value, and the other names and places they have."""
        if self._statistics is not None:
            return self._statistics.look_up(f"group:{name}", values)
        here = np.bincount(codes[codes >= 0], minlength=len(values)).astype(np.int32)
        names, places = (
            others_sharing(codes, here, tokens, [GROUP[name] for name in groups])
            if name in _SHARED
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
        values: pl.Series,
        here: NDArray[np.int32],
        names: NDArray[np.float32] | None = None,
        places: NDArray[np.float32] | None = None,
    ) -> None:
        frame = pl.DataFrame(
            {
                "kind": pl.Series([kind], dtype=pl.String).new_from_index(0, len(values)),
                "value": values,
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


def _lines(texts: pl.Series) -> pl.DataFrame:
    """Split record texts into ``row``, ``label`` and ``value``."""
    split = pl.col("text").str.splitn(": ", 2).struct
    return (
        pl.DataFrame({"row": pl.int_range(len(texts), dtype=pl.UInt32, eager=True), "text": texts})
        .with_columns(pl.col("text").str.split("\n"))
        .explode("text")
        .select("row", split.field("field_0").alias("label"), split.field("field_1").alias("value"))
        .filter(pl.col("value").is_not_null())
    )


def _fullest(lines: pl.DataFrame) -> list[str]:
    counts = lines.group_by("label").len().sort(["len", "label"], descending=[True, False])
    return counts["label"].head(MAX_FIELDS).to_list()


def _parts(lines: pl.DataFrame, labels: Sequence[str]) -> list[pl.DataFrame]:
    """Divide lines by field, if they are many; each record keeps one value of a field."""
    if lines.height < MANY:
        return [_one_value_each(lines.filter(pl.col("label").is_in(labels)))]
    parts = (lines.filter(pl.col("label") == label).drop("label") for label in labels)
    return [
        _one_value_each(part).with_columns(pl.lit(label).alias("label"))
        for label, part in zip(labels, parts, strict=True)
    ]


def _one_value_each(part: pl.DataFrame) -> pl.DataFrame:
    """Join the values of fields that have the same label."""
    keys = [name for name in part.columns if name != "value"]
    if part.select(keys).is_duplicated().any():
        joined = pl.col("value").str.join(" ")
        part = part.group_by(keys, maintain_order=True).agg(joined)
    return part


def _of_field(parts: Sequence[pl.DataFrame], label: str, number: int) -> pl.Series:
    """Return the values of one field, of which `parts` are all or one for each."""
    if len(parts) > 1:
        return parts[number]["value"]
    return parts[0].filter(pl.col("label") == label)["value"]


def _roles(
    parts: Sequence[pl.DataFrame], labels: Sequence[str], given: Mapping[str, Role], n: int
) -> tuple[list[RoleOfField], list[str]]:
    roles = for_each(
        lambda field: field_role(
            field[1], _of_field(parts, field[1], field[0]), given.get(field[1])
        ),
        list(enumerate(labels)),
        n,
    )
    main = main_labels(roles)
    return roles, sorted(main, key=lambda label: (not label.startswith(_FIRST_LABELS), label))


def _without_placeholders(
    part: pl.DataFrame, roles: Sequence[RoleOfField], counted: _Counts
) -> pl.DataFrame:
    """Set the placeholders of contacts and dates aside."""
    found = []
    for role in dict.fromkeys(field.role for field in roles):
        is_one = placeholder_of(role)
        if is_one is not None:
            labels = [field.label for field in roles if field.role is role]
            found.append(pl.col("label").is_in(labels) & is_one)
    if not found:
        return part
    aside = part.select(pl.any_horizontal(found).alias("value")).to_series()
    return counted.without(part, aside, [field.label for field in roles])


def _by_record(
    parts: Sequence[pl.DataFrame], labels: Sequence[str], n: int
) -> dict[str, tuple[pl.Series, NDArray[np.int32]]]:
    """List the distinct values of each field, and the number of each record's value."""
    found = {}
    coded = for_each(
        lambda part: _code(part[1], [labels[part[0]]] if len(parts) > 1 else labels),
        list(enumerate(parts)),
        n,
    )
    for part, of_part in zip(parts, coded, strict=True):
        rows = part["row"].to_numpy()
        for label, (values, at, numbers) in of_part.items():
            codes = np.full(n, -1, dtype=np.int32)
            codes[rows[at]] = numbers
            found[label] = values, codes
    return found


def _code(
    part: pl.DataFrame, labels: Sequence[str]
) -> dict[str, tuple[pl.Series, NDArray[np.int64] | slice, NDArray[np.int32]]]:
    """List the distinct values of some columns, and number them.

    Parameters
    ----------
    part
        ``label`` and ``value``.
    labels
        The columns.

    Returns
    -------
    dict
        By label: distinct values, sorted; rows of `part`; and the number of the value in each.
    """
    if len(labels) == 1:
        values = part["value"].unique().sort()
        numbered = values.to_frame("value").with_row_index("code")
        code = part.select("value").join(numbered, on="value", how="left", maintain_order="left")[
            "code"
        ]
        return {labels[0]: (values, slice(None), code.to_numpy().astype(np.int32))}
    keys = ["label", "value"]
    numbered = part.select(keys).unique().sort(keys).with_row_index("code")
    code = part.select(keys).join(numbered, on=keys, how="left", maintain_order="left")["code"]
    codes = code.to_numpy().astype(np.int32)
    of_label = numbered["label"].to_list()
    found: dict[str, tuple[pl.Series, NDArray[np.int64] | slice, NDArray[np.int32]]] = {}
    for label in labels:
        begin, end = bisect_left(of_label, label), bisect_right(of_label, label)
        rows = np.flatnonzero((codes >= begin) & (codes < end))
        found[label] = numbered["value"].slice(begin, end - begin), rows, codes[rows] - begin
    return found


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
    coded: Mapping[str, tuple[pl.Series, NDArray[np.int32]]],
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


def _groups(
    names: Sequence[str],
    fields: Mapping[str, Sequence[str]],
    coded: Mapping[str, tuple[pl.Series, NDArray[np.int32]]],
    tokens: TokenTable,
    counted: _Counts,
) -> dict[str, Group]:
    """Join the fields of role groups and write their values in one notation."""
    columns = {name: _joined(name, [coded[label] for label in fields[name]]) for name in names}
    texts: dict[str, pl.Series] = {}
    notations = {name: _NORMALISE.get(name, notation.words) for name in names}
    for normalise in dict.fromkeys(notations.values()):
        alike = [name for name in names if notations[name] is normalise]
        written = together(
            lambda values: normalise(values.str.head(MAX_CHARACTERS)),  # noqa: B023
            [columns[name][0] for name in alike],
        )
        texts |= dict(zip(alike, written, strict=True))
    part = pl.DataFrame({"value": pl.concat([texts[name] for name in names])})
    if len(names) > 1:
        label = [name for name in names for _ in range(len(texts[name]))]
        part.insert_column(0, pl.Series("label", label, dtype=pl.String))
    filled = np.flatnonzero((part["value"] != "").to_numpy())
    numbered = _code(part.filter(pl.col("value") != ""), names)
    groups, start = {}, 0
    for name in names:
        distinct, rows, numbers = numbered[name]
        number = np.full(len(texts[name]) + 1, -1, dtype=np.int32)
        number[filled[rows] - start] = numbers
        start += len(texts[name])
        codes = number[columns[name][1]]
        counts, others, places = counted.group(name, distinct, codes, tokens)
        groups[name] = Group(codes, distinct.to_numpy().astype(object), counts, others, places)
    return groups


def _joined(
    name: str, columns: Sequence[tuple[pl.Series, NDArray[np.int32]]]
) -> tuple[pl.Series, NDArray[np.int32]]:
    """Join the fields of a role group: distinct values, and the number of each record's value."""
    if len(columns) == 1:
        return columns[0]
    frame = pl.DataFrame(
        [_values_of_records(*column).alias(str(at)) for at, column in enumerate(columns)]
    )
    joined = pl.concat_str(pl.all(), separator=" ", ignore_nulls=True)
    there = pl.coalesce(pl.all())
    value = pl.when(there.is_not_null()).then(joined if name in _JOINED else there)
    part = frame.select(value.alias("value")).with_row_index("row").drop_nulls()
    values, _, numbers = _code(part, [name])[name]
    codes = np.full(frame.height, -1, dtype=np.int32)
    codes[part["row"].to_numpy()] = numbers
    return values, codes


def _values_of_records(values: pl.Series, codes: NDArray[np.int32]) -> pl.Series:
    """Return the value of each record, (n,); null where it has none."""
    with_null = pl.concat([values, pl.Series(values.name, [None], dtype=pl.String)])
    return with_null.gather(np.where(codes < 0, len(values), codes))


def _numbers(group: Group) -> NDArray[np.float64]:
    values = notation.numbers(pl.Series(group.values.tolist(), dtype=pl.String))
    return np.append(values.fill_null(float("nan")).to_numpy(), np.nan)[group.codes]


def _dates(group: Group) -> NDArray[np.int32]:
    parts = notation.dates(pl.Series(group.values.tolist(), dtype=pl.String)).to_numpy()
    unknown = np.zeros((1, 3), dtype=np.int32)
    return np.vstack([parts.astype(np.int32), unknown])[group.codes]
