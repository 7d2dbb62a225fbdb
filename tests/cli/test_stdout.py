"""Lines of JSON and aligned rows."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from dedupe.cli.stdout import json_line, print_rows
from dedupe.errors import InputError


@given(st.dictionaries(st.text(), st.text(st.characters()) | st.integers() | st.none()))
def test_an_object_is_one_line_of_json_in_utf_8(value: dict[str, object]) -> None:
    line = json_line(value)
    assert line.encode().count(b"\n") == 1
    assert json.loads(line) == value


def test_characters_are_escaped_only_where_a_terminal_obeys_or_utf_8_cannot_encode_them() -> None:
    assert json_line({"a": "北京\u3000é"}) == '{"a": "北京\u3000é"}\n'
    assert json_line({"a": "é\ud800"}) == '{"a": "é\\ud800"}\n'
    deep: list[object] = []
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(InputError, match="nested too deep"):
        json_line({"a": deep})
    assert json_line({"a": "\x9b2J\u202e"}) == '{"a": "\\u009b2J\\u202e"}\n'


def test_rows_are_aligned_by_the_cells_that_they_take(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("北京", "7", "a  b\x1b"), ("x", "1,000", ""), ("y" * 300, "", "z")]
    print_rows(("name", "count", "note"), rows, right=(1,))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "name" + " " * 298 + "count  note"
    assert lines[1] == "北京" + " " * 298 + "    7  a b\ufffd"
    assert lines[2] == "x" + " " * 301 + "1,000"
    assert cell_len(lines[1].split("7")[0]) == cell_len(lines[3].split("z")[0]) - 3
