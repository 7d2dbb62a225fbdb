"""Encodings are detected, and text is converted to UTF-8."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.errors import InputError
from dedupe.io.formats.encoding import CHUNK, to_utf8

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\ufeff"), max_size=40)


@given(TEXT, st.sampled_from(["utf-8", "utf-16", "utf-16-be", "utf-32", "utf-7", "gb18030"]))
def test_text_of_a_named_encoding_is_converted(text: str, encoding: str) -> None:
    data, dialect, _ = to_utf8(text.encode(encoding), "x.csv", encoding)
    assert data == text.encode()
    assert dialect.encoding == codecs.lookup(encoding).name


@given(
    TEXT.filter(lambda text: text[:1] != "\x00"),
    st.sampled_from(["utf-8-sig", "utf-16", "utf-32"]),
)
def test_a_byte_order_mark_tells_the_encoding(text: str, encoding: str) -> None:
    data, dialect, _ = to_utf8(text.encode(encoding), "x.csv", None)
    assert data == text.encode()
    assert dialect.bom and dialect.encoding == encoding.removesuffix("-sig") + (
        "" if encoding == "utf-8-sig" else "-le"
    )


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("utf-8", "naïve 東京\n"), ("shift_jis", "田中太郎\n"), ("utf-16", "Жанна 서울\n")],
)
def test_characters_across_chunks_are_whole(encoding: str, text: str) -> None:
    text = "x" + text * (2 * CHUNK // len(text))
    assert to_utf8(text.encode(encoding), "x.csv", encoding)[0] == text.encode()


def test_utf_8_is_not_copied() -> None:
    data = ("naïve" * CHUNK).encode()
    assert to_utf8(data, "x.csv", None)[0] is data


def test_an_error_names_the_byte_in_the_whole_file() -> None:
    data = b"x" * (CHUNK + 7) + b"\xff" + b"y" * CHUNK
    with pytest.raises(
        InputError, match=f"is not utf-8: byte {CHUNK + 7:,} .*line 1, column {CHUNK + 8:,}"
    ):
        to_utf8(data, "x.csv", "utf-8")
    with pytest.raises(InputError, match=f"begins as utf-8 but byte {CHUNK + 10:,} .*is not"):
        to_utf8(codecs.BOM_UTF8 + data, "x.csv", None)


@pytest.mark.parametrize("encoding", ["klingon", "hex", "base64", "zlib"])
def test_an_encoding_that_is_not_one_of_text_is_refused(encoding: str) -> None:
    with pytest.raises(InputError, match=f"unknown encoding '{encoding}'"):
        to_utf8(b"a,b\n1,2\n", "x.csv", encoding)
