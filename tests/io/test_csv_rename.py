"""Columns of one name can be numbered, and a mark of UTF-8 is never part of a column's name."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.errors import InputError
from dedupe.io.formats.header import unique_columns
from dedupe.io.tables import read_table


@given(st.lists(st.sampled_from(["a", "a_2", "a_3", "b", "", " "])))
def test_numbered_columns_are_unique_and_keep_their_first_names(header: list[str]) -> None:
    names = unique_columns(header)
    filled = [name for name in names if name.strip()]
    assert len(names) == len(header)
    assert len(set(filled)) == len(filled)
    for place, text in enumerate(header):
        if text.strip() and text not in header[:place]:
            assert names[place] == text


def test_columns_of_one_name_are_refused_unless_they_are_numbered(tmp_path: Path) -> None:
    file = tmp_path / "phones.csv"
    file.write_text("id,phone,phone\n1,a,b\n2,c,d\n")
    with pytest.raises(InputError, match="--rename-duplicates"):
        read_table(file)
    table = read_table(file, rename_duplicates=True)
    assert table.frame.columns == ["id", "phone", "phone_2"]
    assert table.frame["phone_2"].to_list() == ["b", "d"]


def test_a_mark_of_utf_8_is_not_part_of_a_column_in_another_encoding(tmp_path: Path) -> None:
    file = tmp_path / "marked.csv"
    file.write_bytes(b"\xef\xbb\xbfid,name\n1,Zo\xeb\n2,Ana\n")
    table = read_table(file, encoding="cp1252")
    assert table.frame.columns == ["id", "name"]
    assert table.frame["name"].to_list() == ["Zoë", "Ana"]
