"""Compressed files are recognised by their content, and refused if they are incomplete."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pyarrow as pa
import pytest

from dedupe.errors import InputError
from dedupe.io.dialect import CSV
from dedupe.io.formats.compression import ALWAYS, half_of_memory, unpacked_limit
from dedupe.io.tables import read_table, write_table

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


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_what_unpacks_to_too_much_is_refused_and_the_limit_can_be_raised(
    codec: str, tmp_path: Path
) -> None:
    (tmp_path / "x.csv").write_bytes(packed(b"a,b\n" + b"1,2\n" * 600_000, codec))
    with pytest.raises(InputError, match=r"takes more than 0.001 GB .* --max-unpacked GB"):
        read_table(tmp_path / "x.csv", max_unpacked=0.001)
    assert read_table(tmp_path / "x.csv", max_unpacked=0.1).frame.height == 600_000


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": ["x"] * 2_000, "b": ["y"] * 2_000})
    write_table(frame, tmp_path / "x.xlsx", format="xlsx", dialect=CSV)
    assert read_table(tmp_path / "x.xlsx").frame.equals(frame)
    with pytest.raises(InputError, match="--max-unpacked"):
        read_table(tmp_path / "x.xlsx", max_unpacked=0.00001)


def test_repeated_values_of_parquet_count_in_memory(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1] * 2_000_000}).write_parquet(tmp_path / "x.parquet")
    with pytest.raises(InputError, match="--max-unpacked"):
        read_table(tmp_path / "x.parquet", max_unpacked=0.001)


def test_the_limit_depends_on_the_size_and_on_the_memory() -> None:
    assert unpacked_limit(1_000) == min(ALWAYS, half_of_memory())
    assert unpacked_limit(10**13) == half_of_memory()
    assert unpacked_limit(1_000, 3) == 3 * 10**9
