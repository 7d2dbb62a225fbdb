"""``dedupe profile`` and ``score``."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import dedupe.pipeline.score
from dedupe.cli import main
from tests.cli.callers import Invoke, RunDedupe


def test_profile_prints_a_table_and_json(
    tmp_path: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = "id,mail,city\n1,a@x.org,Rome\n2,b@x.org,\n3,c@x.org,Oslo \x1b[31m\n"
    (tmp_path / "people.csv").write_text(data)
    monkeypatch.chdir(tmp_path)
    code, out, err = invoke("profile", "people.csv")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "people.csv: 3 rows, 3 columns"
    assert lines[2].split() == ["id", "code", "100.0%", "3", "the", "id", "of", "the", "row",
                                "1,", "2,", "3"]  # fmt: skip
    assert lines[3].split()[:5] == ["mail", "email", "100.0%", "3", "compared"]
    assert "\x1b" not in out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data.encode())))
    found = json.loads(invoke("profile", "-", "--ignore", "city", "--json")[1])
    assert (found["input"], found["rows"], found["id_column"]) == (["stdin"], 3, "id")
    assert found["columns"][2]["used"] is False
    assert [path.name for path in tmp_path.iterdir()] == ["people.csv"]


def test_profile_notes_a_doubt_without_raw_characters(tmp_path: Path, invoke: Invoke) -> None:
    file = tmp_path / "x.csv"
    file.write_text("C001,ann@x.org\x1b[2J\nC002,bob@x.org\nC003,cid@x.org\n")
    code, out, err = invoke("profile", str(file))
    assert code == 0 and "\x1b" not in out + err
    assert "looks like data" in err and err.count("\n") == 1
    code, out, err = invoke("profile", str(file), "--no-header", "--json")
    assert json.loads(out)["notes"] == [] and [c["column"] for c in json.loads(out)["columns"]] == [
        "c1",
        "c2",
    ]


@pytest.mark.parametrize("options", [(), ("--fast",)])
def test_pairs_are_scored_in_a_stream(
    tmp_path: Path, run_dedupe: RunDedupe, options: tuple[str, ...]
) -> None:
    pairs = [
        {"left": {"name": "Ada Lovelace"}, "right": {"name": "Lovelace, Ada"}, "note": "kept"},
        {"left": {"name": "Ada Lovelace"}, "right": {"name": "Alan Turing"}},
    ]
    lines = "\n".join(json.dumps(pair) for pair in pairs).encode()
    done = run_dedupe("score", "-", *options, cwd=tmp_path, stdin=lines)
    assert done.returncode == 0, done.stderr.decode()
    scored = [json.loads(line) for line in done.stdout.splitlines()]
    assert [{k: v for k, v in pair.items() if k != "probability"} for pair in scored] == pairs
    assert scored[0]["probability"] > 0.5 > scored[1]["probability"]
    (tmp_path / "pairs.jsonl").write_bytes(lines + b"\n{}\n")
    wrong = run_dedupe("score", "pairs.jsonl", *options, "-o", "out.jsonl", cwd=tmp_path)
    assert wrong.returncode == 2
    assert b"pair 3" in wrong.stderr and len(wrong.stderr.splitlines()) == 1
    assert not (tmp_path / "out.jsonl").exists()


def test_half_a_surrogate_pair_is_scored_and_written_again(
    tmp_path: Path, run_dedupe: RunDedupe
) -> None:
    line = b'{"left": {"name": "Ada \\ud800"}, "right": {"x\\udfff": "Ada"}}\n'
    done = run_dedupe("score", "-", cwd=tmp_path, stdin=line)
    assert (done.returncode, done.stderr) == (0, b"")
    scored = json.loads(done.stdout)
    assert 0 <= scored.pop("probability") <= 1
    assert scored == json.loads(line)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"left": {"a": "\\ud800x"}, "right": {"a": "北京"}, "k": 1}', ""),
        ('\ufeff{"left": {"a": null}, "right": {}, "probability": "mine"}\r', ""),
        ('{"left": {"a": ' + "[" * 99_999 + "]" * 99_999 + '}, "right": {}}', "too deep"),
    ],
    ids=["half-a-surrogate-pair", "byte-order-mark", "deep"],
)
@pytest.mark.parametrize("output", ["-", "out.jsonl"])
def test_every_line_of_pairs_is_written_again_or_named(
    tmp_path: Path,
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    message: str,
    output: str,
) -> None:
    monkeypatch.setattr(
        dedupe.pipeline.score,
        "scored_batches",
        lambda pairs, _: (([pair], [0.25]) for pair in pairs),
    )
    monkeypatch.chdir(tmp_path)
    Path("pairs.jsonl").write_text("\n" + line + "\n", encoding="utf-8", newline="")
    with pytest.raises(SystemExit) as ended:
        main(["score", "pairs.jsonl", "-o", output])
    out, err = capsysbinary.readouterr()
    assert ended.value.code == (2 if message else 0)
    assert message in err.decode() and err.count(b"\n") == bool(message)
    if not message:
        written = out if output == "-" else Path(output).read_bytes()
        expected = {**json.loads(line.lstrip("\ufeff")), "probability": 0.25}
        assert json.loads(written) == expected


@pytest.mark.slow
def test_a_reader_that_closes_the_pipe_early_is_no_error(
    tmp_path: Path, environment: Mapping[str, str]
) -> None:
    lines = "".join(f'{{"left": {{"a": "{n}"}}, "right": {{"a": "x"}}}}\n' for n in range(9_000))
    (tmp_path / "pairs.jsonl").write_text(lines)
    script = (
        "import dedupe.cli, dedupe.pipeline.score\n"
        "dedupe.pipeline.score.scored_batches = lambda pairs, _: "
        "(([pair], [0.5]) for pair in pairs)\n"
        "dedupe.cli.main(['score', 'pairs.jsonl'])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().endswith(b'"probability": 0.5}\n')
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
