"""A patched file has the same bytes as the file of the whole table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dedupe.io.formats.patches
from dedupe.io.dialect import CSV, Dialect
from dedupe.io.formats.csv_output import csv_bytes
from dedupe.io.formats.patches import Patch, patched_text
from dedupe.io.tables import write_table, write_tables

VALUES = st.sampled_from(["", "a", "b,c", 'say "x"', "芙蓉", "=1+1", " ", "é;ü"]) | st.none()
ROWS = st.lists(st.tuples(VALUES, st.integers(-5, 5), st.floats(0, 1)), max_size=8)
DIALECTS = st.builds(
    Dialect,
    bom=st.booleans(),
    delimiter=st.sampled_from(",;\t"),
    quote_all=st.booleans(),
    newline=st.sampled_from(["\n", "\r\n"]),
)


def table(rows: list[tuple[str | None, int, float]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"x": pl.String, "n": pl.Int64, "p": pl.Float64}, orient="row")


def patch(old: pl.DataFrame, new: pl.DataFrame, lines: list[int]) -> Patch:
    fresh = new.filter(pl.Series([line < 0 for line in lines], dtype=pl.Boolean))
    return Patch(np.array(lines, dtype=np.int64), old.height, fresh, lambda: new)


@given(old=ROWS, fresh=ROWS, dialect=DIALECTS, safe=st.booleans(), data=st.data())
def test_unchanged_lines_and_new_rows_make_the_whole_table(
    tmp_path_factory: pytest.TempPathFactory,
    old: list[tuple[str | None, int, float]],
    fresh: list[tuple[str | None, int, float]],
    dialect: Dialect,
    safe: bool,
    data: st.DataObject,
) -> None:
    file = tmp_path_factory.mktemp("patch") / "t.csv"
    file.write_bytes(csv_bytes(table(old), dialect, safe=safe))
    stay = data.draw(st.lists(st.sampled_from(range(len(old))))) if old else []
    lines = data.draw(st.permutations([*stay, *[-1] * len(fresh)]))
    rest = iter(fresh)
    new = table([old[line] if line >= 0 else next(rest) for line in lines])
    with pytest.MonkeyPatch.context() as context:
        context.setattr(dedupe.io.formats.patches, "BLOCK", data.draw(st.integers(1, 40)))
        parts = patched_text(patch(table(old), new, lines), file, dialect, safe=safe)
    assert parts is not None
    assert b"".join(parts) == csv_bytes(new, dialect, safe=safe)


@pytest.mark.parametrize(
    ("old", "change", "dialect"),
    [
        ([("a", 1, 0.5), ("two\nlines", 2, 0.5)], lambda text: text, CSV),
        ([("a", 1, 0.5)], lambda text: text + b"b,2,0.5\n", CSV),
        ([("a", 1, 0.5)], lambda text: text[:-1], CSV),
        ([("a", 1, 0.5)], lambda text: text.replace(b"x,n,p", b"y,n,p"), CSV),
        ([("a", 1, 0.5)], lambda text: text, Dialect(encoding="cp1252")),
        ([("a", 1, 0.5)], lambda text: text, Dialect(newline="\r")),
        ([("a", 1, 0.5)], lambda text: None, CSV),
    ],
)
def test_a_file_that_does_not_fit_the_patch_is_written_as_a_whole(
    tmp_path: Path, old: list[tuple[str | None, int, float]], change, dialect: Dialect
) -> None:
    file = tmp_path / "t.csv"
    if (text := change(csv_bytes(table(old), dialect))) is not None:
        file.write_bytes(text)
    new = table([*old, ("é", 3, 1.0)])
    changes = patch(table(old), new, [*range(len(old)), -1])
    assert patched_text(changes, file, dialect) is None
    assert write_tables({"t": changes}, tmp_path, format="csv", dialect=dialect) == [file]
    assert file.read_bytes() == csv_bytes(new, dialect)


def test_a_new_value_of_two_lines_is_written_as_a_whole(tmp_path: Path) -> None:
    old, new = table([("a", 1, 0.5)]), table([("a", 1, 0.5), ("two\nlines", 2, 1.0)])
    write_table(old, tmp_path / "t.csv", format="csv", dialect=CSV)
    assert patched_text(patch(old, new, [0, -1]), tmp_path / "t.csv", CSV) is None


@pytest.mark.parametrize("format", ["parquet", "sqlite"])
def test_other_formats_write_the_whole_table(tmp_path: Path, format: str) -> None:
    old, new = table([("a", 1, 0.5)]), table([("a", 1, 0.5), ("b", 2, 1.0)])
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, made in ((one, patch(old, new, [0, -1])), (other, new)):
        folder.mkdir()
        write_tables({"t": made}, folder, format=format, dialect=CSV)
    files = [next(folder.iterdir()).read_bytes() for folder in (one, other)]
    assert files[0] == files[1]
