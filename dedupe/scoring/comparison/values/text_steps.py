r"""Steps from a text to another one, or to what it says: written once, run by polars or by Python.

polars is fast at many texts and takes a tenth of a millisecond for each call, and far longer for a
pattern that it has to compile again: it keeps the last 32 of a thread. Python takes a microsecond
for a text and a step. A record that is matched has few texts.

Both give the same. Python is only used for texts of one line, in which ``$`` means the same to
both, and where there is a pattern with ``\d``, ``\s``, ``\w`` or ``\b`` only for ASCII texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any, TypeAlias, TypeVar, overload

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.datatypes import DataTypeClass

FEW = 1 << 9
"""Texts up to which Python runs the steps."""

REMEMBERED = 1 << 12
"""Texts of which Python remembers what several steps make of them."""

_OF_UNICODE = re.compile(r"\\[dDsSwWbB]")
"""What a pattern of Python finds in other texts than one of polars does."""

Texts: TypeAlias = pl.Series | list[str]
"""Texts: those of few records are a list, which takes no time to make."""
AnyTexts = TypeVar("AnyTexts", pl.Series, list[str], pl.Series | list[str])
"""One of the two, or either."""
_OfText: TypeAlias = Callable[[str], Any]
_Step: TypeAlias = tuple[Callable[[pl.Expr], pl.Expr], _OfText]
"""A step as an expression, and as a function of one text."""


_IN_NUMPY: dict[DataTypeClass, Any] = {
    pl.Boolean: np.bool_,
    pl.UInt32: np.uint32,
    pl.Int32: np.int32,
}


@dataclass(frozen=True, eq=False)
class TextSteps:
    """Steps that are applied to each text by itself, one after the other.

    Every method adds one step. Patterns are those of polars without flags and look-around.

    Parameters
    ----------
    steps
        The steps.
    dtype
        What the last step returns.
    only_ascii
        Whether Python runs them for ASCII texts only.
    """

    steps: tuple[_Step, ...] = ()
    dtype: DataTypeClass = pl.String
    only_ascii: bool = False

    @overload
    def of(self, values: pl.Series) -> pl.Series: ...
    @overload
    def of(self, values: list[str]) -> list[Any]: ...
    def of(self, values: Texts) -> pl.Series | list[Any]:
        """Apply the steps to texts, and return as much of the same kind; null stays null."""
        if not isinstance(values, pl.Series):
            return self._of_list(values)
        if len(values) >= FEW:
            return self._by_polars(values)
        return pl.Series(values.name, self._of_list(values.to_list()), dtype=self.dtype)

    def array(self, values: Texts) -> NDArray[Any]:
        """Apply steps to texts that end in a number or a truth value; there are no nulls."""
        made = self.of(values)
        if isinstance(made, pl.Series):
            return made.to_numpy()
        return np.array(made, dtype=_IN_NUMPY[self.dtype])

    def _of_list(self, texts: list[Any]) -> list[Any]:
        if len(texts) >= FEW:
            return self._by_polars(pl.Series(texts, dtype=pl.String)).to_list()
        function, foreign = self._of_text, []
        made: list[Any] = [None] * len(texts)
        for at, text in enumerate(texts):
            if text is None:
                continue
            if (text.isascii() or not self.only_ascii) and "\n" not in text:
                made[at] = function(text)
            else:
                foreign.append(at)
        if foreign:
            others = pl.Series([texts[at] for at in foreign], dtype=pl.String)
            for at, value in zip(foreign, self._by_polars(others).to_list(), strict=True):
                made[at] = value
        return made

    def _by_polars(self, values: pl.Series) -> pl.Series:
        # One call, however many steps.
        found = values.to_frame("value").select_seq(self._expression.alias("value"))
        return found.to_series().cast(self.dtype).alias(values.name)

    @cached_property
    def _expression(self) -> pl.Expr:
        made = pl.col("value")
        for add, _ in self.steps:
            made = add(made)
        return made

    @cached_property
    def _of_text(self) -> _OfText:
        functions = [function for _, function in self.steps]

        def run(text: Any) -> Any:
            for function in functions:
                if text is None:
                    return None
                text = function(text)
            return text

        # Towns, given names and the like come again and again while records are matched.
        return functions[0] if len(functions) == 1 else lru_cache(REMEMBERED)(run)

    def _then(
        self,
        expression: Callable[[pl.Expr], pl.Expr],
        function: _OfText,
        patterns: Sequence[str] = (),
        dtype: DataTypeClass = pl.String,
    ) -> TextSteps:
        only_ascii = self.only_ascii or any(map(_OF_UNICODE.search, patterns))
        return TextSteps((*self.steps, (expression, function)), dtype, only_ascii)

    def replace_all(self, pattern: str, by: str) -> TextSteps:
        """Replace all matches; ``${1}`` in `by` is the first group."""
        template = _template(by)
        return self._then(
            lambda value: value.str.replace_all(pattern, by),
            _replaced(pattern, template),
            [pattern],
        )

    def replace(self, pattern: str, by: str) -> TextSteps:
        """Replace the first match."""
        template = _template(by)
        return self._then(
            lambda value: value.str.replace(pattern, by),
            _replaced(pattern, template, 1),
            [pattern],
        )

    def without_prefix(self, prefix: str) -> TextSteps:
        """Leave out `prefix` at the begin."""
        return self._then(
            lambda value: value.str.strip_prefix(prefix),
            lambda text: text.removeprefix(prefix),
        )

    def head(self, characters: int) -> TextSteps:
        """Keep the first characters."""
        return self._then(lambda value: value.str.head(characters), lambda text: text[:characters])

    def tail(self, characters: int) -> TextSteps:
        """Keep the last characters."""
        return self._then(lambda value: value.str.tail(characters), lambda text: text[-characters:])

    def stripped(self, signs: str) -> TextSteps:
        """Leave out any of `signs` at the begin and the end."""
        return self._then(
            lambda value: value.str.strip_chars(signs), lambda text: text.strip(signs)
        )

    def stripped_start(self, signs: str) -> TextSteps:
        """Leave out any of `signs` at the begin."""
        return self._then(
            lambda value: value.str.strip_chars_start(signs), lambda text: text.lstrip(signs)
        )

    def between(self, prefix: str, suffix: str = "") -> TextSteps:
        """Put `prefix` before the text and `suffix` after it."""
        return self._then(
            lambda value: prefix + value + suffix, lambda text: prefix + text + suffix
        )

    def padded(self, characters: int, sign: str) -> TextSteps:
        """Fill the text with `sign` at the end."""
        return self._then(
            lambda value: value.str.pad_end(characters, sign),
            lambda text: text.ljust(characters, sign),
        )

    def extract(self, *patterns: tuple[str, int], default: str | None = None) -> TextSteps:
        """Take a group of the first match of the first pattern that has it, or `default`."""

        def expression(value: pl.Expr) -> pl.Expr:
            found = pl.coalesce(*(value.str.extract(*each) for each in patterns), pl.lit(default))
            return found if default is None else pl.when(value.is_not_null()).then(found)

        of_text = _extracted(*patterns, default=default)
        return self._then(expression, of_text, [pattern for pattern, _ in patterns])

    def translated(self, words: Mapping[str, str]) -> TextSteps:
        """Replace texts that are one of `words`."""
        return self._then(
            lambda value: value.replace(dict(words)), lambda text: words.get(text, text)
        )

    def integer(self) -> TextSteps:
        """Read the digits 0 to 9 as a number; there is nothing else."""
        return self._then(lambda value: value.cast(pl.Int32), int, dtype=pl.Int32)

    def contains(self, pattern: str) -> TextSteps:
        """Tell whether the text has a match."""
        return self._then(
            lambda value: value.str.contains(pattern),
            lambda text: compiled(pattern).search(text) is not None,
            [pattern],
            pl.Boolean,
        )

    def count(self, pattern: str) -> TextSteps:
        """Count the matches."""
        return self._then(
            lambda value: value.str.count_matches(pattern),
            lambda text: sum(1 for _ in compiled(pattern).finditer(text)),
            [pattern],
            pl.UInt32,
        )

    def length(self) -> TextSteps:
        """Count the characters."""
        return self._then(lambda value: value.str.len_chars(), len, dtype=pl.UInt32)


def all_matches(
    texts: Texts, pattern: str, group: int = 0
) -> tuple[NDArray[np.integer[Any]], Texts]:
    """Find all matches of a pattern in texts.

    Parameters
    ----------
    texts
        (k,) of str.
    pattern
        Pattern.
    group
        The group of the pattern to take from each match; where it is not there, nothing is.

    Returns
    -------
    rows
        (m,) number of the text that each match is in, ascending.
    found
        (m,) of str, of the kind of `texts`.
    """
    if isinstance(texts, pl.Series):
        return _all_matches_by_polars(texts, pattern, group)
    if len(texts) >= FEW or not all(text.isascii() and "\n" not in text for text in texts):
        series = pl.Series("value", texts, dtype=pl.String)
        rows, found = _all_matches_by_polars(series, pattern, group)
        return rows, found.to_list()
    taken = [
        (row, match[0])
        for row, text in enumerate(texts)
        for match in compiled(pattern).finditer(text)
    ]
    if group:
        # As in polars: the group is looked for in the match, and not in what is around it.
        group_of = _extracted((pattern, group))
        taken = [(row, part) for row, match in taken if (part := group_of(match)) is not None]
    return np.array([row for row, _ in taken], dtype=np.int64), [part for _, part in taken]


def _all_matches_by_polars(
    texts: pl.Series, pattern: str, group: int
) -> tuple[NDArray[np.integer[Any]], pl.Series]:
    lists = texts.to_frame("value").select_seq(pl.col("value").str.extract_all(pattern))
    exploded = lists.with_row_index("row").explode("value").drop_nulls("value")
    rows, found = exploded["row"].to_numpy(), exploded["value"]
    if group:
        found = TextSteps().extract((pattern, group)).of(found)
        rows = rows[found.is_not_null().to_numpy()]
    return rows, found.drop_nulls()


def _extracted(
    *patterns: tuple[str, int], default: str | None = None
) -> Callable[[str], str | None]:
    def first(text: str) -> str | None:
        for pattern, group in patterns:
            match = compiled(pattern).search(text)
            if match is not None and match[group] is not None:
                return str(match[group])
        return default

    return first


def listed(values: Texts) -> list[str]:
    """Return texts as a list."""
    return values.to_list() if isinstance(values, pl.Series) else values


def series(values: Texts) -> pl.Series:
    """Return texts as a column of polars."""
    if isinstance(values, pl.Series):
        return values.alias("value")
    return pl.Series("value", values, dtype=pl.String)


def as_texts(values: list[str], like: Texts) -> Texts:
    """Return a list as texts of the kind of others."""
    return series(values) if isinstance(like, pl.Series) else values


def where(values: AnyTexts, some: NDArray[np.bool_]) -> AnyTexts:
    """Keep the texts that are `some`, (k,) bool."""
    if isinstance(values, pl.Series):
        return values.filter(pl.Series(some))
    return [value for value, kept in zip(values, some.tolist(), strict=True) if kept]


def filled(values: Texts) -> NDArray[np.bool_]:
    """Tell which texts are not empty."""
    if isinstance(values, pl.Series):
        return (values != "").to_numpy()
    return np.array([value != "" for value in values], dtype=bool)


def put(values: AnyTexts, some: NDArray[np.bool_], new: AnyTexts) -> AnyTexts:
    """Put the texts `new` in the place of those that are `some`, (k,) bool, one after the other."""
    if isinstance(values, pl.Series):
        return values.clone().scatter(np.flatnonzero(some), new)
    values = list(values)
    for at, text in zip(np.flatnonzero(some).tolist(), new, strict=True):
        values[at] = text
    return values


def one_after_the_other(parts: Sequence[Texts]) -> Texts:
    """Join columns of texts, of which there is at least one."""
    series = [part for part in parts if isinstance(part, pl.Series)]
    if len(series) == len(parts):
        return pl.concat([part.alias("value") for part in series])
    return [text for part in parts for text in part]


def in_order(values: AnyTexts, rows: NDArray[np.integer[Any]]) -> AnyTexts:
    """Take texts by row number."""
    if isinstance(values, pl.Series):
        return values.gather(rows)
    return [values[row] for row in rows.tolist()]


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern for ASCII texts."""
    return re.compile(pattern, re.ASCII)


def _replaced(pattern: str, template: str, count: int = 0) -> Callable[[str], str]:
    def replaced(text: str) -> str:
        find = compiled(pattern)
        # Most texts have no match, and Python prepares a template with groups each time.
        return text if find.search(text) is None else find.sub(template, text, count)

    return replaced


def _template(by: str) -> str:
    """Write a replacement as Python does."""
    return re.sub(r"\$(?:\{(\d+)\}|(\d+))", r"\\g<\1\2>", by)
