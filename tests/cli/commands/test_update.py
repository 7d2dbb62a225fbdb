"""``dedupe add`` and ``match``."""

from __future__ import annotations

import csv
import io
import json
import sys
import time
from pathlib import Path

import polars as pl
import pytest

import dedupe.pipeline.incremental.match
from dedupe.cli import main
from dedupe.cli.stdout import PRINTED_DIGITS
from dedupe.config import Config
from dedupe.errors import InputError
from dedupe.pipeline.incremental.match import MATCHES
from tests.cli.callers import RunDedupe
from tests.samples import people_table


def test_new_records_are_matched_in_a_stream(run_folder: Path, run_dedupe: RunDedupe) -> None:
    before = sorted(path.name for path in (run_folder / "people.dedupe").rglob("*"))
    known = people_table().drop("id").row(0, named=True)
    lines = "\n".join(json.dumps(record) for record in (known, dict.fromkeys(known, "zzz")))
    done = run_dedupe("match", "people.dedupe", cwd=run_folder, stdin=lines.encode())
    assert done.returncode == 0, done.stderr.decode()
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    written = (run_folder / "people.dedupe/clusters.csv").read_text()
    clusters = {row["id"]: row["cluster_id"] for row in csv.DictReader(io.StringIO(written))}
    assert first["record"] == known
    assert first["matches"][0]["id"] == "r0"
    assert first["matches"][0]["probability"] > 0.9
    assert all(
        round(m["probability"], PRINTED_DIGITS) == m["probability"] for m in first["matches"]
    )
    assert all(clusters[match["id"]] == match["cluster_id"] for match in first["matches"])
    assert second["matches"] == []
    wrong = run_dedupe("match", "people.dedupe", cwd=run_folder, stdin=b'{"nothing": "x"}')
    assert wrong.returncode == 2 and b"compared columns" in wrong.stderr
    assert sorted(path.name for path in (run_folder / "people.dedupe").rglob("*")) == before


def test_half_a_surrogate_pair_is_matched_and_written_again(
    run_folder: Path, run_dedupe: RunDedupe
) -> None:
    lines = b'{"first_name": "Ada \\ud800", "last_name": "Lovelace", "x\\udfff": 1}\n'
    done = run_dedupe("match", "people.dedupe", cwd=run_folder, stdin=lines)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["record"] == json.loads(lines)


class NoMatches:
    """Stands in for a matcher that compares the column ``name`` and finds nothing."""

    config = Config()
    fields = ("name",)

    def __init__(self, workspace: str) -> None:
        pass

    def match(self, frame: pl.DataFrame, **_: object) -> pl.DataFrame:
        if "name" not in frame.columns:
            raise InputError("the new records have none of the columns compared: name")
        expected = {"ann", "an\ufffd", '{"first":"ann"}', "1.5", None}
        assert expected.issuperset(frame["name"])
        return pl.DataFrame(schema=MATCHES)


@pytest.mark.parametrize(
    ("arguments", "stdin", "answers", "message"),
    [
        ([], b"", 0, ""),
        ([], b'{"name": "ann"}\n\n{"name": null, "x": 1}\n', 2, ""),
        ([], b'{"name": {"first": "ann"}}\n{"name": 1.5}', 2, ""),
        ([], b'{"name": "an\\ud800", "x\\udc00": 1}\n', 1, ""),
        ([], b'{"name": "ann"}\n{"name": ', 1, "stdin, line 2 is not JSON"),
        ([], b"[1]\n", 0, "stdin, line 1 is not a JSON object"),
        ([], b'{"name": "ann"}\n{}\n', 1, "record 2 of stdin: the new records have none of"),
        ([], b'{"name": "ann\xff"}\n', 0, "stdin, line 1 is not UTF-8"),
        (["--input", "csv"], b"", 0, ""),
        (["--input", "csv"], b"name\tx\nann\t1\n", 1, ""),
        (["--input", "csv"], b"name,x\nann,1\nann\n", 1, "line 3: 1 field where the header has 2"),
        (["--input", "csv"], b"x\n1\n", 0, "record 1 of stdin: the new records have none of"),
        (["--min-probability", "2"], b"", 0, "2.0 is not in the range"),
        (["--limit", "0"], b"", 0, "0 is not in the range"),
    ],
)
def test_a_stream_of_matches_ends_at_the_first_line_that_cannot_be_read(
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    stdin: bytes,
    answers: int,
    message: str,
) -> None:
    monkeypatch.setattr(dedupe.pipeline.incremental.match, "Matcher", NoMatches)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
    with pytest.raises(SystemExit) as ended:
        main(["match", "w", *arguments])
    out, err = capsysbinary.readouterr()
    assert [json.loads(line)["matches"] for line in out.splitlines()] == [[]] * answers
    assert ended.value.code == (2 if message else 0)
    assert message in err.decode() and err.count(b"\n") == bool(message)


def test_records_that_wait_are_matched_together(
    capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    class Slow(NoMatches):
        def match(self, frame: pl.DataFrame, **_: object) -> pl.DataFrame:
            time.sleep(0.1)
            sizes.append(frame.height)
            return super().match(frame)

    monkeypatch.setattr(dedupe.pipeline.incremental.match, "Matcher", Slow)
    lines = b'{"name": "ann"}\n{"name": "1.5", "x": 2}\n' * 50
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))
    with pytest.raises(SystemExit):
        main(["match", "w"])
    out, _ = capsysbinary.readouterr()
    assert [json.loads(line)["record"] for line in out.splitlines()] == [
        json.loads(line) for line in lines.splitlines()
    ]
    assert sum(sizes) == 100
    assert len(sizes) <= 4


def test_numbers_of_a_stream_come_out_as_they_were_written(
    capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [
        "1.10",
        "9007199254740993",
        "-0",
        "1E5",
        "0.1e-7",
        "1" * 5_000,
        "12345678901234567890.5",
    ]
    record = '{"name": "ann", "n": [' + ", ".join(numbers) + '], "o": {"p": 2.50}}'
    monkeypatch.setattr(dedupe.pipeline.incremental.match, "Matcher", NoMatches)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(record.encode())))
    with pytest.raises(SystemExit):
        main(["match", "w"])
    out, _ = capsysbinary.readouterr()
    assert out.decode() == f'{{"record": {record}, "matches": []}}\n'


def test_a_broken_index_is_rebuilt(run_folder: Path, run_dedupe: RunDedupe) -> None:
    new = people_table()[:2].with_columns(id=pl.Series(["n0", "n1"]))
    new.write_csv(run_folder / "new.csv")
    for vectors in (run_folder / "people.dedupe/stages").glob("index-*.vectors"):
        vectors.write_bytes(vectors.read_bytes()[:100])
    added = run_dedupe("add", "people.dedupe", "new.csv", cwd=run_folder)
    assert added.returncode == 0, added.stderr.decode()
    assert b"the search index was missing or damaged" in added.stderr
    clusters = (run_folder / "people.dedupe/clusters.csv").read_text()
    assert len(clusters.splitlines()) == 1 + 17 + 2
