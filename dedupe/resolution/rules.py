"""Rules: what the user knows about columns, whatever the models say.

``must_agree``
    Two records with different values in the column are never a match, nor in one cluster.
``must_differ``
    Two records with the same value in the column are never a match, nor in one cluster.
``exact``
    Records with the same value in the column are a match, and in one cluster.

A record without a value, or with a placeholder, is not concerned. Values are compared in one
notation: see :func:`~dedupe.scoring.comparison.values.notation.in_one_notation`. Where rules and
decisions contradict each other, decisions come first, then ``must_agree`` and ``must_differ``, then
``exact``, then the models.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.column_roles import check_columns
from dedupe.config import RULES, Config
from dedupe.records.records import Records, field_labels, normalised, without_ignored_values
from dedupe.records.value_text import as_texts
from dedupe.resolution.clustering.union_find import UnionFind
from dedupe.scoring.comparison.statistics import FileStatistics
from dedupe.scoring.comparison.values.notation import in_one_notation
from dedupe.scoring.comparison.values.roles import ROLE_OF_KIND, Role, field_role
from dedupe.scoring.pairs import Rows

ALL_PAIRS = 20
"""Records of one value of an exact column up to which all their pairs are made; of more, each is
paired with the first one."""
Codes = NDArray[np.int64]
"""(n,) number of each record's value in a column; -1 where it has none."""


def check_rules(config: Config, columns: list[str]) -> None:
    """Check that the columns that rules and kinds name exist.

    Raises
    ------
    OptionError
        If one does not.
    """
    for name in (*RULES, "kind"):
        check_columns(name, getattr(config, name), columns)


def rule_columns(config: Config) -> list[str]:
    """List the columns that rules name, each once."""
    return list(dict.fromkeys(chain.from_iterable(getattr(config, name) for name in RULES)))


def rule_roles(records: Records, config: Config, statistics: FileStatistics) -> dict[str, Role]:
    """Tell what each column of a rule holds: as given, as compared, or as its values look."""
    compared = records.compared_columns
    label_of = dict(zip(compared, field_labels(compared), strict=True))
    roles = {field.label: field.role for field in statistics.roles}
    found = {}
    for name in rule_columns(config):
        if name in config.kind:
            found[name] = ROLE_OF_KIND[config.kind[name]]
        elif label_of.get(name) in roles:
            found[name] = roles[label_of[name]]
        else:
            values = normalised(as_texts(records.frame.select(name)).to_series())
            found[name] = field_role(field_labels([name])[0], values.filter(values != "")).role
    return found


def rule_values(frame: pl.DataFrame, config: Config, roles: dict[str, Role]) -> pl.DataFrame:
    """Write the values of the columns of rules in one notation.

    Parameters
    ----------
    frame
        n rows with these columns, of any type.
    config
        ``ignore_value`` is used.
    roles
        What each column holds, as of :func:`rule_roles`.

    Returns
    -------
    DataFrame
        n rows of text; null where a record has no value.
    """
    text = without_ignored_values(as_texts(frame.select(list(roles))), config)
    return pl.DataFrame(
        [in_one_notation(normalised(text[name]), roles[name]).alias(name) for name in roles]
    )


def with_rule_values(records: Records, config: Config, statistics: FileStatistics) -> Records:
    """Give records the values that the rules of a configuration compare."""
    values = rule_values(records.frame, config, rule_roles(records, config, statistics))
    return replace(records, rule_values=values)


@dataclass(frozen=True, eq=False)
class Rules:
    """Rules about n records.

    Parameters
    ----------
    names
        Option and column of each rule.
    agree, differ, exact
        Of each column, the code of each record's value.
    """

    names: tuple[tuple[str, str], ...]
    agree: tuple[Codes, ...]
    differ: tuple[Codes, ...]
    exact: tuple[Codes, ...]

    @classmethod
    def of(cls, records: Records, config: Config) -> Rules | None:
        """Make the rules of a configuration; ``None`` if it has none."""
        values = records.rule_values
        return None if values is None else cls.of_values(values, config)

    @classmethod
    def of_values(cls, values: pl.DataFrame, config: Config) -> Rules:
        """Make the rules of a configuration from the values of its columns."""
        codes = {name: _codes(values[name]) for name in values.columns}
        names = [(option, column) for option in RULES for column in getattr(config, option)]
        agree, differ, exact = (
            tuple(codes[column] for column in getattr(config, option)) for option in RULES
        )
        return cls(tuple(names), agree, differ, exact)

    def forbid(self, left: Rows, right: Rows) -> NDArray[np.bool_]:
        """Tell which pairs of records, (m,), must not be in one cluster."""
        found = np.zeros(len(left), dtype=bool)
        for codes in self.agree:
            found |= _filled(codes, left, right) & (codes[left] != codes[right])
        for codes in self.differ:
            found |= _filled(codes, left, right) & (codes[left] == codes[right])
        return found

    def join(self, left: Rows, right: Rows) -> NDArray[np.bool_]:
        """Tell which pairs of records, (m,), have the same value in an exact column."""
        found = np.zeros(len(left), dtype=bool)
        for codes in self.exact:
            found |= _filled(codes, left, right) & (codes[left] == codes[right])
        return found

    def reasons(self, left: int, right: int) -> list[str]:
        """Name the rules that decide a pair, such as ``must agree: country``.

        Those that forbid it come first; others do not count then.
        """
        pair = np.array([left], dtype=np.uint32), np.array([right], dtype=np.uint32)
        found = []
        columns = chain(self.agree, self.differ, self.exact)
        for (option, column), codes in zip(self.names, columns, strict=True):
            same = codes[left] == codes[right]
            if _filled(codes, *pair)[0] and same == (option != "must_agree"):
                found.append((option, f"{option.replace('_', ' ')}: {column}"))
        forbidden = [text for option, text in found if option != "exact"]
        return forbidden or [text for _, text in found]

    def mixed(self, label: Rows) -> NDArray[np.bool_]:
        """Tell which sets of records hold a forbidden pair.

        Parameters
        ----------
        label
            (n,) number below n of the set of each record.

        Returns
        -------
        ndarray
            (n,) bool, by the number of the set.
        """
        found = np.zeros(len(label), dtype=bool)
        for codes in self.agree:
            pairs = _filled_pairs(label, codes).unique()
            found[pairs.filter(pairs["label"].is_duplicated())["label"].to_numpy()] = True
        for codes in self.differ:
            pairs = _filled_pairs(label, codes)
            found[pairs.filter(pairs.is_duplicated())["label"].to_numpy()] = True
        return found

    def units(self, label: Rows, rows: Rows) -> Rows:
        """Split sets of records into units that hold no forbidden pair.

        Records of a unit have the same values, or none, in columns that must agree. Of those that
        share a value in a column that must differ, the first are in one unit, the second in
        another, and so on.

        Parameters
        ----------
        label
            (n,) set of each record.
        rows
            (k,) the records to split.

        Returns
        -------
        ndarray
            (k,) smallest row of the unit of each of `rows`.
        """
        frame = pl.DataFrame({"row": rows, "label": label[rows]}).with_columns(
            pl.Series(f"{kind}{number}", codes[rows])
            for kind, columns in (("agree", self.agree), ("differ", self.differ))
            for number, codes in enumerate(columns)
        )
        alike = ["label", *(f"agree{number}" for number in range(len(self.agree)))]
        frame = frame.sort("row").with_columns(
            pl.when(pl.col(name) >= 0)
            .then(pl.int_range(pl.len()).over([*alike, name]))
            .otherwise(0)
            .alias(f"rank of {name}")
            for name in (f"differ{number}" for number in range(len(self.differ)))
        )
        alike += [name for name in frame.columns if name.startswith("rank of ")]
        units = frame.select("row", pl.col("row").min().over(alike).alias("unit"))
        place = np.searchsorted(units["row"].to_numpy(), rows)
        found: Rows = units["unit"].to_numpy()[place]
        return found

    def exact_pairs(self, source: NDArray[np.uint8] | None = None) -> Rows:
        """List pairs of records that exact columns join: enough to connect the records of a value.

        Up to :data:`ALL_PAIRS` records of a value, these are all their pairs; of more, each record
        with the first of its unit (see :meth:`units`), and the units with the first one. Forbidden
        pairs are left out.

        Parameters
        ----------
        source
            (n,) table of each record; then pairs within a table are left out too.

        Returns
        -------
        ndarray
            (m, 2), the smaller row first, unique and sorted.
        """
        found = [np.empty((0, 2), dtype=np.uint32)]
        for codes in self.exact:
            filled = pl.DataFrame({"code": codes}).with_row_index("row").filter(pl.col("code") >= 0)
            shared = filled.with_columns(pl.len().over("code").alias("size"))
            few = shared.filter(pl.col("size").is_between(2, ALL_PAIRS)).select("row", "code")
            found.append(_all_pairs(few, "code"))
            many = shared.filter(pl.col("size") > ALL_PAIRS)
            if many.height:
                found += self._stars(codes, many["row"].to_numpy(), source)
        pairs = np.unique(np.concatenate(found), axis=0)
        left, right = pairs[:, 0], pairs[:, 1]
        kept = ~self.forbid(left, right)
        if source is not None:
            kept &= source[left] != source[right]
        listed: Rows = pairs[kept]
        return listed

    def _stars(
        self, codes: Codes, rows: Rows, source: NDArray[np.uint8] | None
    ) -> list[NDArray[np.uint32]]:
        """Pair records of a value with the first of their unit, and units with the first one.

        Between tables, each record is also paired with the first one of another table.
        """
        label = np.zeros(len(codes), dtype=np.uint32)
        label[rows] = codes[rows]
        frame = pl.DataFrame(
            {"row": rows, "code": codes[rows], "unit": self.units(label, rows)}
        ).with_columns(pl.col("unit").min().over("code").alias("first"))
        stars = [frame.select(pl.col("unit").alias("a"), pl.col("row").alias("b"))]
        heads = frame.filter(pl.col("row") == pl.col("unit"))
        numbered = heads.with_columns(pl.int_range(pl.len()).over("code").alias("number"))
        some = numbered.filter(pl.col("number") < ALL_PAIRS).select("row", "code")
        stars.append(heads.select(pl.col("first").alias("a"), pl.col("row").alias("b")))
        if source is not None:
            placed = frame.with_columns(pl.Series("source", source[rows]))
            first = placed.group_by("code", "source", maintain_order=True).agg(pl.min("row"))
            stars.append(
                placed.join(first, on="code", suffix="_b")
                .filter(pl.col("source") != pl.col("source_b"))
                .select(pl.col("row").alias("a"), pl.col("row_b").alias("b"))
            )
        ends = pl.concat([star.cast(pl.UInt32) for star in stars])
        ends = ends.filter(pl.col("a") != pl.col("b"))
        pairs = ends.select(pl.min_horizontal("a", "b"), pl.max_horizontal("a", "b").alias("c"))
        return [pairs.to_numpy().astype(np.uint32), _all_pairs(some, "code")]


class RuleSets(UnionFind[int]):
    """Disjoint sets of records that are joined only where neither rules nor `apart` forbid it.

    Parameters
    ----------
    apart
        Pairs of records that must stay in different sets.
    rules
        The rules.
    """

    def __init__(self, apart: list[tuple[int, int]], rules: Rules) -> None:
        super().__init__(apart)
        self._values = SetValues(rules)

    def join(self, members: list[int]) -> bool:  # type: ignore[override]
        """Join the sets of all `members`; ``False``, and no change, if two must stay apart."""
        roots = list(dict.fromkeys(self.find(member) for member in members))
        together = self._values.together(roots)
        if together is None or not super().join(roots):
            return False
        self._values[self.find(roots[0])] = together
        return True

    def join_decided(self, pair: list[int]) -> None:
        """Join two sets whatever the rules say."""
        roots = list(dict.fromkeys(self.find(member) for member in pair))
        together = self._values.together(roots, whatever=True)
        if together is not None and super().join(roots):
            self._values[self.find(roots[0])] = together


Values = tuple[frozenset[int], ...]
"""The codes that a set of records has in each column that must agree, then that must differ."""


class SetValues(dict[int, Values]):
    """The values of sets of records, by a number; of a number not set, those of the record."""

    def __init__(self, rules: Rules) -> None:
        super().__init__()
        self._columns = (*rules.agree, *rules.differ)
        self._agree = len(rules.agree)

    def __missing__(self, row: int) -> Values:
        codes = (int(column[row]) for column in self._columns)
        return tuple(frozenset() if code < 0 else frozenset((code,)) for code in codes)

    def forbid(self, a: int, b: int) -> bool:
        """Tell whether two sets hold records that must not be in one cluster."""
        return self._forbid(self[a], self[b])

    def add(self, a: int, b: int) -> None:
        """Add the values of set `b` to those of set `a`."""
        self[a] = tuple(one | other for one, other in zip(self[a], self[b], strict=True))

    def together(self, sets: list[int], *, whatever: bool = False) -> Values | None:
        """Join the values of sets; ``None`` if two must stay apart, unless joined `whatever`."""
        total = self[sets[0]]
        for number in sets[1:]:
            values = self[number]
            if not whatever and self._forbid(total, values):
                return None
            total = tuple(one | other for one, other in zip(total, values, strict=True))
        return total

    def _forbid(self, a: Values, b: Values) -> bool:
        return any(
            one and other and len(one | other) > 1
            for one, other in zip(a[: self._agree], b, strict=False)
        ) or any(
            not one.isdisjoint(other)
            for one, other in zip(a[self._agree :], b[self._agree :], strict=True)
        )


def exact_joins(exact: Rows, must: Rows, cannot: Rows, rules: Rules) -> Rows:
    """Select the pairs of exact columns that decisions and other rules allow, in their order."""
    sets = RuleSets(cannot.tolist(), rules)
    for pair in must.tolist():
        sets.join_decided(pair)
    kept = np.fromiter((sets.join(pair) for pair in exact.tolist()), dtype=bool, count=len(exact))
    allowed: Rows = exact[kept]
    return allowed


def _codes(values: pl.Series) -> Codes:
    numbered = values.rank("dense").cast(pl.Int64) - 1
    codes: Codes = numbered.fill_null(-1).to_numpy()
    return codes


def _filled(codes: Codes, left: Rows, right: Rows) -> NDArray[np.bool_]:
    filled: NDArray[np.bool_] = (codes[left] >= 0) & (codes[right] >= 0)
    return filled


def _filled_pairs(label: Rows, codes: Codes) -> pl.DataFrame:
    return pl.DataFrame({"label": label, "code": codes}).filter(pl.col("code") >= 0)


def _all_pairs(rows: pl.DataFrame, by: str) -> NDArray[np.uint32]:
    """Pair the rows of each value with one another, the smaller first."""
    both = rows.join(rows, on=by, suffix="_b").filter(pl.col("row") < pl.col("row_b"))
    return both.select("row", "row_b").to_numpy().astype(np.uint32).reshape(-1, 2)
