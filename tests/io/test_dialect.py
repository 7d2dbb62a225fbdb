"""Fingerprints of tables in memory."""

from __future__ import annotations

import datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.io.dialect import frame_fingerprint

FRAME = pl.DataFrame(
    {
        "text": ["ada", None, "žluťoučký", ""],
        "whole": [1, None, -3, 0],
        "real": [0.5, None, float("nan"), 0.0],
        "flag": [True, None, False, False],
        "day": [datetime.date(1815, 12, 10), None, None, datetime.date(1970, 1, 1)],
        "moment": [datetime.datetime(2020, 1, 2, 3, 4, 5, 6), None, None, None],
        "clock": [datetime.time(1, 2, 3, 4), None, None, None],
        "span": [datetime.timedelta(days=1), None, None, None],
        "tags": [["a", "b"], None, [], [None]],
        "place": [{"city": "oslo"}, None, {"city": None}, {"city": "rome"}],
        "bytes": [b"\xff\x00", None, b"", b"x"],
        "money": [Decimal("1.50"), None, None, None],
        "huge": [2**70, None, None, None],
        "nothing": [None, None, None, None],
    },
    schema_overrides={"money": pl.Decimal(10, 2)},
)


def test_the_fingerprint_of_a_frame_never_changes() -> None:
    assert frame_fingerprint(FRAME) == (
        "101640c62ed4acb839b7ad4850e8fa454218a778768ca7b2a45bd9e224bf20bd"
    )


@pytest.mark.parametrize("name", FRAME.columns)
def test_the_fingerprint_depends_on_every_column(name: str) -> None:
    changed = [
        FRAME.drop(name),
        FRAME.rename({name: "other"}),
        FRAME.with_columns(pl.lit(1).alias(name)),
    ]
    if name != "nothing":
        changed.append(FRAME.with_columns(pl.col(name).reverse()))
    assert frame_fingerprint(FRAME) not in [frame_fingerprint(frame) for frame in changed]


def test_the_fingerprint_depends_on_the_order_of_rows_and_columns() -> None:
    assert frame_fingerprint(FRAME.reverse()) != frame_fingerprint(FRAME)
    assert frame_fingerprint(FRAME.select(reversed(FRAME.columns))) != frame_fingerprint(FRAME)


@given(st.integers(0, 4))
def test_the_fingerprint_does_not_depend_on_how_polars_stores_a_frame(cut: int) -> None:
    parts = pl.concat([FRAME[:cut], FRAME[cut:]], rechunk=False)
    assert frame_fingerprint(parts) == frame_fingerprint(FRAME)


@given(
    st.lists(st.text(max_size=3) | st.none(), max_size=4),
    st.lists(st.text(max_size=3) | st.none(), max_size=4),
)
def test_different_texts_have_different_fingerprints(
    left: list[str | None], right: list[str | None]
) -> None:
    fingerprints = [
        frame_fingerprint(pl.DataFrame({"x": pl.Series(values, dtype=pl.String)}))
        for values in (left, right)
    ]
    assert (fingerprints[0] == fingerprints[1]) == (left == right)
