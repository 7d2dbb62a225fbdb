"""Compressed files are recognised by their content, and refused if they are incomplete."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

from dedupe.errors import InputError
from dedupe.io.tables import read_table

DATA = b"name;city\nada;london\nbob;rome\n"
ROWS = [("ada", "london"), ("bob", "rome")]


def packed(data: bytes, codec: str) -> bytes:
    if codec == "gzip":
        return gzip.compress(data)
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, codec) as stream:
        stream.write(data)
    return bytes(sink.getvalue())


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
@pytest.mark.parametrize("name", ["x.csv.gz", "x.csv.zst", "x.csv", "x", "x.gz"])
def test_compression_is_recognised_by_the_content_not_the_name(
    codec: str, name: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(packed(DATA, codec))
    table = read_table(tmp_path / name)
    assert table.frame.rows() == ROWS
    assert (table.dialect.format, table.dialect.delimiter) == ("csv", ";")


def test_a_plain_file_with_the_name_of_a_compressed_one_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.csv.gz").write_bytes(DATA)
    assert read_table(tmp_path / "x.csv.gz").frame.rows() == ROWS


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_the_ending_before_that_of_compression_tells_the_format(codec: str, tmp_path: Path) -> None:
    (tmp_path / "x.tsv.gz").write_bytes(packed(b"a\tb\n1,5\t2\n", codec))
    (tmp_path / "x.jsonl.zst").write_bytes(packed(b'{"a": "1,5", "b": "2"}\n', codec))
    for name in ("x.tsv.gz", "x.jsonl.zst"):
        assert read_table(tmp_path / name).frame.rows() == [("1,5", "2")]


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_several_compressed_members_are_one_file(codec: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(packed(DATA, codec) + packed(b"eve;oslo\n", codec))
    assert read_table(tmp_path / "x.csv").frame.rows() == [*ROWS, ("eve", "oslo")]


def test_compressed_stdin_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = SimpleNamespace(buffer=io.BytesIO(packed(DATA, "zstd")))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert read_table("-").frame.rows() == ROWS


def cut(data: bytes) -> bytes:
    return data[:-7]


def scratched(data: bytes) -> bytes:
    return data[:4] + b"\xff" * 12 + data[16:]


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
@pytest.mark.parametrize("damage", [cut, scratched, lambda data: data[:6]])
def test_a_damaged_file_is_one_clear_line(
    codec: str, damage: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    (tmp_path / "x.csv.gz").write_bytes(damage(packed(DATA * 100, codec)))
    with pytest.raises(InputError, match=f"x.csv.gz is not a complete {codec} file") as raised:
        read_table(tmp_path / "x.csv.gz")
    assert "\n" not in str(raised.value)


def test_a_compressed_empty_file_is_empty(tmp_path: Path) -> None:
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(b""))
    with pytest.raises(InputError, match="is empty"):
        read_table(tmp_path / "x.csv.gz")
