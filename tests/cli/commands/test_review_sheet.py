"""A workbook of doubtful pairs: it is written, filled in and taken back, and holds only text."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

import dedupe
from dedupe.io.formats.excel import cell_address
from dedupe.io.tables import read_table
from dedupe.resolution.decisions import Decision
from dedupe.workspace.labels import decision_log
from tests.cli.callers import Invoke
from tests.samples import write_workspace

NAMES = {
    "=1+1": "=HYPERLINK(1)",
    "007": "=HYPERLINC(1)",
    " b ": "@SUM(A1)",
    "_x0041_": "SUM(A1)",
    "e\nf": "eva\x1b[2J",
    "g": "ewa",
}
SCORES = {("=1+1", "007"): 0.4, (" b ", "_x0041_"): 0.3, ("e\nf", "g"): 0.2, ("g", "007"): 0.01}
HEADER = ["pair", "decision", "id", "probability", "reason", "name", "decision_2", "pair_2"]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    extra = {"decision": list("uvwxyz"), "pair": ["1", "1", "2", "3", "4", ""]}
    return write_workspace(tmp_path / "w", NAMES, SCORES, extra=extra)


@pytest.fixture
def sheet(workspace: Path, tmp_path: Path) -> Path:
    assert dedupe.write_review_sheet(workspace, tmp_path / "r.xlsx", order="highest") == 3
    return tmp_path / "r.xlsx"


def fill_in(sheet: Path, cells: Mapping[str, str], name: str = "filled.xlsx") -> Path:
    """Type texts into empty cells of the workbook, as a spreadsheet would save them."""
    filled = sheet.with_name(name)
    with zipfile.ZipFile(sheet) as old, zipfile.ZipFile(filled, "w") as new:
        for entry in old.namelist():
            data = old.read(entry)
            if entry == "xl/worksheets/sheet1.xml":
                text = data.decode()
                for cell, value in cells.items():
                    text, count = re.subn(
                        rf'<c r="{cell}"( s="\d+")/>',
                        rf'<c r="{cell}"\1 t="inlineStr"><is><t>{value}</t></is></c>',
                        text,
                    )
                    assert count == 1
                data = text.encode()
            new.writestr(entry, data)
    return filled


def decided(workspace: Path) -> list[tuple[str, ...]]:
    return decision_log(workspace).select("left_id", "right_id", "decision").rows()


def test_pairs_are_two_rows_of_text(sheet: Path) -> None:
    frame = read_table(sheet).frame
    assert frame.columns == HEADER
    assert frame["pair"].to_list() == ["1", "1", "2", "2", "3", "3"]
    assert frame["id"].to_list() == list(NAMES)
    assert frame["probability"].to_list()[::2] == ["0.4", "0.3", "0.2"]
    assert set(frame["decision"]) == {""} and set(frame["reason"]) == {"similar name"}
    assert frame["name"].to_list()[:2] == ["=HYPERLINK(1)", "=HYPERLINC(1)"]
    assert "\x1b" not in frame["name"][4] and frame["decision_2"].to_list() == list("uvwxyz")
    with zipfile.ZipFile(sheet) as book:
        cells = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in cells and "<hyperlink" not in cells
    assert '<formula1>"match,different,unsure"</formula1>' in cells


def test_cells_that_differ_have_another_colour(sheet: Path) -> None:
    with zipfile.ZipFile(sheet) as book:
        text = book.read("xl/worksheets/sheet1.xml").decode()
    style = dict(re.findall(r'<c r="([A-Z]+\d+)" s="(\d+)"', text))
    equal, different, one_sided = style["E2"], style["F2"], style["H6"]
    assert len({equal, different, one_sided, style["B2"]}) == 4
    assert style["H2"] == equal and style["G2"] == different


def test_what_is_filled_in_is_decided(workspace: Path, sheet: Path, invoke: Invoke) -> None:
    filled = fill_in(sheet, {"B2": "match", "B5": " Different "})
    code, _, err = invoke("decisions", str(workspace), "--import", str(filled))
    assert (code, err) == (0, f"Imported 2 decisions. Apply: dedupe export {workspace}\n")
    # A log sorts the two ids of a pair as text.
    assert decided(workspace) == [("007", "=1+1", "match"), (" b ", "_x0041_", "different")]
    assert set(decision_log(workspace)["reviewer"]) == {"filled.xlsx"}
    again = sheet.with_name("again.xlsx")
    assert dedupe.write_review_sheet(workspace, again, limit=1) == 1
    assert read_table(again).frame["id"].to_list() == ["e\nf", "g"]


def test_an_empty_workbook_decides_nothing(workspace: Path, sheet: Path, invoke: Invoke) -> None:
    code, _, err = invoke("decisions", str(workspace), "--import", str(sheet))
    assert (code, err) == (0, "Imported 0 decisions.\n")
    assert decided(workspace) == []


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"B2": "match", "B6": "mtach"}, "unknown decision 'mtach' in cell B6 of filled.xlsx"),
        ({"B2": "match", "B4": "match", "B5": "unsure"}, "cell B4 .* and cell B5 .* on pair 2"),
    ],
)
def test_a_wrong_word_names_its_cell_and_nothing_is_imported(
    workspace: Path, sheet: Path, cells: dict[str, str], message: str
) -> None:
    with pytest.raises(dedupe.InputError, match=message):
        dedupe.import_decisions(workspace, fill_in(sheet, cells))
    assert decided(workspace) == []


def test_cells_are_named_as_they_stand_after_rows_and_columns_were_inserted(
    workspace: Path, sheet: Path
) -> None:
    frame = read_table(fill_in(sheet, {"B3": "mtach"})).frame
    with xlsxwriter.Workbook(sheet.with_name("moved.xlsx")) as book:
        page = book.add_worksheet()
        page.write_blank(0, 0, None, book.add_format({"bold": True}))
        for number, row in enumerate([tuple(frame.columns), *frame.rows()]):
            page.write_row(number + 1, 2, row)
    with pytest.raises(dedupe.InputError, match=r"'mtach' in cell D4 of moved\.xlsx"):
        dedupe.import_decisions(workspace, sheet.with_name("moved.xlsx"))


def test_rows_may_be_sorted_but_not_lost(workspace: Path, sheet: Path) -> None:
    frame = read_table(fill_in(sheet, {"B3": "unsure"})).frame
    assert dedupe.import_decisions(workspace, frame.sort("id", descending=True)) == 1
    assert decided(workspace) == [("007", "=1+1", "unsure")]
    with pytest.raises(dedupe.InputError, match="row 1 decides pair 1, which has two rows, not 1"):
        dedupe.import_decisions(workspace, frame[1:])
    unnumbered = frame.with_columns(pair=pl.lit(""))
    with pytest.raises(dedupe.InputError, match="row 2 decides a row that has no number"):
        dedupe.import_decisions(workspace, unnumbered)


def test_pairs_as_outputs_have_them_are_read(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("left_id,right_id,decision\n007,g,\n=1+1,007,match\n")
    assert dedupe.import_decisions(workspace, tmp_path / "d.csv") == 1
    (tmp_path / "d.csv").write_text("left_id,right_id,decision\n007,g,\n=1+1,007,so\n")
    with pytest.raises(dedupe.InputError, match=r"unknown decision 'so' in row 2 of d\.csv"):
        dedupe.import_decisions(workspace, tmp_path / "d.csv")


def test_a_blind_sheet_has_no_scores_and_writing_changes_nothing(
    workspace: Path, tmp_path: Path
) -> None:
    before = {path: path.read_bytes() for path in workspace.rglob("*") if path.is_file()}
    dedupe.write_review_sheet(workspace, tmp_path / "b.xlsx", blind=True)
    assert read_table(tmp_path / "b.xlsx").frame.columns == [*HEADER[:3], *HEADER[5:]]
    assert {path: path.read_bytes() for path in workspace.rglob("*") if path.is_file()} == before
    dedupe.write_review_sheet(workspace, tmp_path / "c.xlsx", blind=True)
    assert (tmp_path / "b.xlsx").read_bytes() == (tmp_path / "c.xlsx").read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sheet", "r.xlsx"], "may hold decisions: give another name"),
        (["--sheet", "r.csv"], "must end in .xlsx"),
        (["--sheet", "n.xlsx", "--audit"], "--audit is for the app"),
        (["--sheet", "n.xlsx", "--reviewer", "ann"], "--reviewer is for the app"),
        (["--sheet", "n.xlsx", "--order", "contradictions"], "needs the review app"),
        (["--limit", "3"], "--limit is for --sheet and --page"),
    ],
)
def test_what_cannot_be_written_is_one_line(
    workspace: Path,
    sheet: Path,
    invoke: Invoke,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(sheet.parent)
    kept = sheet.read_bytes()
    code, out, err = invoke("review", str(workspace), *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert sheet.read_bytes() == kept and not (sheet.parent / "n.xlsx").exists()


def test_without_a_doubtful_pair_there_is_no_sheet(tmp_path: Path, invoke: Invoke) -> None:
    names, pair = {"a": "ada", "b": "adah"}, ("a", "b")
    workspace = write_workspace(
        tmp_path / "w", names, {pair: 0.4}, decisions=[(*pair, Decision.MATCH)]
    )
    code, _, err = invoke("review", str(workspace), "--sheet", str(tmp_path / "r.xlsx"))
    assert (code, err) == (0, "No doubtful pair is left to decide: nothing is written.\n")
    assert not (tmp_path / "r.xlsx").exists()


def test_cells_are_named_as_spreadsheets_do() -> None:
    names = [cell_address(1, column) for column in (1, 26, 27, 52, 702, 703)]
    assert names == ["A1", "Z1", "AA1", "AZ1", "ZZ1", "AAA1"]
