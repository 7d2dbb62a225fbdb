"""JSON lines, or an array of JSON objects: values stay as they are written."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import polars as pl

from dedupe.config import Config
from dedupe.errors import InputError
from dedupe.io.dialect import Dialect, Parsed, first_line
from dedupe.io.formats.encoding import to_utf8
from dedupe.io.formats.header import column_names
from dedupe.records.value_text import WrittenNumber, column_text, holds_binary, value_text

ROWS = 20_000
"""Objects held as Python values at a time."""

_WHOLE = range(-(2**63), 2**63)
_SAFE_DIGITS = 18
"""Digits of integers that 64 bits hold in any case."""

_DTYPES: dict[str, pl.DataType] = {
    "boolean": pl.Boolean(),
    "whole": pl.Int64(),
    "real": pl.Float64(),
    "text": pl.String(),
}

_SPACE = re.compile(r"[ \t\r\n]*")


class _KeyTwice(Exception):
    """An object has a key twice."""


def parse_jsonl(data: bytes, name: str, config: Config) -> Parsed:
    """Read JSON lines, or one array of objects.

    A column of integers, of floats, of booleans or of text keeps this type. Numbers that would be
    written in another way (``1.10``, or ``2`` beside ``2.5``) become text, as they are written.
    Nested values become compact JSON. Columns are in the order of their first appearance.

    Parameters
    ----------
    data
        The bytes of the file.
    name
        Name of the file in messages.
    config
        ``encoding`` is used; text is UTF-8 if there is none.

    Raises
    ------
    InputError
        If a line is not a JSON object, or an object has a key twice; the message names the line.
    """
    text, _, _ = to_utf8(data, name, config.encoding, guess=False)
    objects = _array(text, name) if text.lstrip()[:1] == b"[" else _lines(text, name)
    columns = _Columns(name)
    while rows := list(islice(objects, ROWS)):
        try:
            columns.add(rows)
        except RecursionError:
            raise InputError(
                f"{name} is nested too deep to be read, {rows[0][0].rpartition(', ')[2]} or below"
            ) from None
    if not columns.height:
        raise InputError(f"{name} is empty: it needs one JSON object per line")
    if not columns.parts:
        raise InputError(f"{name} holds objects without keys: there is nothing to compare")
    return Parsed(columns.frame(), Dialect(format="jsonl"))


def jsonl_bytes(frame: pl.DataFrame) -> bytes:
    """Write a frame as JSON lines; binary values and durations become text."""
    texts = [column_text(s) for s in frame if s.dtype == pl.Duration or holds_binary(s.dtype)]
    return frame.with_columns(texts).write_ndjson().encode()


def json_objects(lines: Iterable[bytes], name: str) -> Iterator[dict[str, Any]]:
    """Iterate over the objects of JSON lines, as Python values; numbers stay as they are written.

    Raises
    ------
    InputError
        While iterating, if a line is not a JSON object; the message names it.
    """
    decode = _decoder().decode
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _decoded(decode, line.removeprefix(b"\xef\xbb\xbf"), f"{name}, line {number}")


def json_text(value: Any, separators: tuple[str, str] = (", ", ": ")) -> str:
    """Write a value that was read from JSON as JSON; numbers stay as they were written.

    Parameters
    ----------
    value
        What :mod:`json` makes of JSON, or a :class:`WrittenNumber` anywhere in it.
    separators
        What stands between items, and between a key and its value.

    Examples
    --------
    >>> json_text({"price": WrittenNumber("1.10"), "name": "é"})
    '{"price": 1.10, "name": "é"}'
    """
    if isinstance(value, WrittenNumber):
        return str(value)
    if isinstance(value, dict):
        items = (
            json.dumps(str(key), ensure_ascii=False) + separators[1] + json_text(item, separators)
            for key, item in value.items()
        )
        return "{" + separators[0].join(items) + "}"
    if isinstance(value, list | tuple):
        return "[" + separators[0].join(json_text(item, separators) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def _lines(data: bytes, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the place and the object of each line."""
    decode = _decoder().decode
    for number, line in enumerate(_split(data), start=1):
        if line.strip():
            place = f"{name}, line {number}"
            yield place, _decoded(decode, line, place)


def _split(data: bytes) -> Iterator[bytes]:
    """Split text at line feeds, without a copy of the whole."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        yield data[start:end]
        start = end + 1


def _array(data: bytes, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the place and the object of each element of an array."""
    text, decoder = data.decode(), _decoder()
    at, number = _after_space(text, text.index("[") + 1), 0
    while text[at : at + 1] != "]":
        number += 1
        place = f"{name}, object {number}"

        def decode(_: str, at: int = at) -> Any:
            return decoder.raw_decode(text, at)

        value, end = _caught(decode, "", place)
        yield place, _checked(value, place)
        at = _after_space(text, end)
        if text[at : at + 1] == ",":
            at = _after_space(text, at + 1)
        elif text[at : at + 1] != "]":
            raise InputError(f"{place} is not followed by a comma or the end of the array")
    if text[_after_space(text, at + 1) :]:
        raise InputError(f"{name} goes on after the end of its array: write one array, or lines")


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None
    return found.end()


def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=_object, parse_float=WrittenNumber, parse_int=_integer_or_number
    )


def _decoded(decode: Callable[[str], Any], line: bytes, place: str) -> dict[str, Any]:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise InputError(f"{place} is not UTF-8: convert it first") from None
    return _checked(_caught(decode, text, place), place)


def _caught(decode: Callable[[str], Any], text: str, place: str) -> Any:
    try:
        return decode(text)
    except _KeyTwice as error:
        raise InputError(f"{place} has the key {error.args[0]!r} twice: rename one") from None
    except RecursionError:
        raise InputError(f"{place} is nested too deep to be read") from None
    except ValueError as error:
        raise InputError(
            f"{place} is not JSON ({first_line(error)}): write one object per line, or an array "
            "of objects"
        ) from None


def _checked(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{place} is not a JSON object: write one object per line")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _KeyTwice(Counter(key for key, _ in pairs).most_common(1)[0][0])
    return found


def _integer_or_number(text: str) -> int | WrittenNumber:
    if len(text) <= _SAFE_DIGITS and text != "-0":
        return int(text)
    return (
        int(text)
        if text != "-0" and len(text) < 21 and int(text) in _WHOLE
        else WrittenNumber(text)
    )


@dataclass
class _Columns:
    """Columns that grow by chunks of rows.

    Parameters
    ----------
    name
        Name of the file in messages.
    parts
        For each column, in order of appearance, the number of the first row, the kind and the
        values of each chunk.
    height
        Rows so far.
    """

    name: str
    parts: dict[str, list[tuple[int, str, pl.Series]]] = field(default_factory=dict)
    height: int = 0

    def add(self, rows: list[tuple[str, dict[str, Any]]]) -> None:
        """Append rows."""
        values: dict[str, list[Any]] = {}
        for number, (place, row) in enumerate(rows):
            for key, value in row.items():
                column = values.get(key)
                if column is None:
                    _check_text(key, place, "a key")
                    column = values[key] = []
                if len(column) < number:
                    column.extend([None] * (number - len(column)))
                column.append(value)
        for key, column in values.items():
            column.extend([None] * (len(rows) - len(column)))
            kind, series = _series(column)
            if kind == "text":
                self._check_values(series, key, [place for place, _ in rows])
            self.parts.setdefault(key, []).append((self.height, kind, series))
        self.height += len(rows)

    def frame(self) -> pl.DataFrame:
        """Join the chunks."""
        names = column_names(list(self.parts), self.name)
        parts = self.parts.values()
        return pl.DataFrame(list(map(self._joined, names, parts)))

    def _joined(self, key: str, parts: list[tuple[int, str, pl.Series]]) -> pl.Series:
        kinds = {kind for _, kind, _ in parts if kind != "none"}
        kind = kinds.pop() if len(kinds) == 1 else "text"
        dtype = _DTYPES[kind]
        pieces, end = [pl.Series([], dtype=dtype)], 0
        for start, found, series in parts:
            if start > end:
                pieces.append(pl.repeat(None, start - end, dtype=dtype, eager=True))
            if found != kind:
                series = series.cast(dtype) if found == "none" else column_text(series)
            pieces.append(series)
            end = start + len(series)
        if end < self.height:
            pieces.append(pl.repeat(None, self.height - end, dtype=dtype, eager=True))
        return pl.concat([piece.alias(key) for piece in pieces])

    def _check_values(self, series: pl.Series, key: str, places: list[str]) -> None:
        if series.str.contains("\x00", literal=True).any():
            row = int(series.str.contains("\x00", literal=True).fill_null(False).arg_max() or 0)
            _check_text(series[row], places[row], f"the value of {key!r}")


def _series(values: list[Any]) -> tuple[str, pl.Series]:
    """Make a column of the values of a chunk, and name its kind."""
    types = {type(value) for value in values}
    types.discard(type(None))
    if not types:
        return "none", pl.Series(values, dtype=pl.String)
    if types == {bool}:
        return "boolean", pl.Series(values, dtype=pl.Boolean)
    if types == {int}:
        return "whole", pl.Series(values, dtype=pl.Int64)
    if types == {float} or types == {WrittenNumber} or types == {float, WrittenNumber}:
        numbers = [value if value is None else float(value) for value in values]
        if all(
            value is None or isinstance(value, float) or value_text(number) == value
            for value, number in zip(values, numbers, strict=True)
        ):
            return "real", pl.Series(numbers, dtype=pl.Float64)
    texts = values if types == {str} else [_text(value) for value in values]
    try:
        return "text", pl.Series(texts, dtype=pl.String)
    except UnicodeEncodeError:
        # Half a surrogate pair: replaced by NUL, which is refused with its line.
        return "text", pl.Series([text and _without_halves(text) for text in texts])


def _text(value: Any) -> str | None:
    """Write a value as text; nested values as compact JSON."""
    if isinstance(value, dict | list):
        return json_text(value, (",", ":"))
    return str(value) if isinstance(value, WrittenNumber) else value_text(value)


def _without_halves(text: str) -> str:
    return "".join("\x00" if "\ud800" <= c <= "\udfff" else c for c in text)


def _check_text(text: str, place: str, what: str) -> None:
    """Refuse text that tables cannot hold."""
    if "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise InputError(
            f"{place}: {what} holds a NUL character or half a surrogate pair: remove it"
        )
