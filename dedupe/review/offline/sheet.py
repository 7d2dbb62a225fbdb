"""Doubtful pairs as a workbook: two rows per pair, and a column to fill in."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from dedupe.errors import OptionError, OutputError
from dedupe.io.atomic import write_bytes_atomically
from dedupe.io.formats.excel import WIDTH, cell_address, check_excel, plain_workbook
from dedupe.io.formats.header import unique_columns
from dedupe.io.printable import printable
from dedupe.report.examples import cut
from dedupe.report.field_differences import Span
from dedupe.resolution.decisions import Decision
from dedupe.review.offline.pairs import MOST_CHARACTERS, OfflinePair, OfflineReview, offline_review

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

ENDING = ".xlsx"
FILLED_IN = "decision"
"""Column to fill in."""
FROZEN = ("pair", FILLED_IN, "id")
"""First columns, which stay in sight."""
SCORES = ("probability", "reason")
"""Columns that a blind review has not."""

DIFFERS, ONE_SIDED, TO_FILL, LINE = "#FFE3A3", "#E8EBF0", "#FFFBE6", "#8A93A3"
CHARACTERS = "#A33A00"
ANSWERS = {"match": "#CDEBDD", "different": "#F8D3CB", "unsure": "#DDE1E8"}
"""Colours of the cells, and of what is filled in."""

HELP = (
    "Each pair is two rows with the same number: two records that may be the same real thing.",
    "Choose match, different or unsure in the column decision, in one of the two rows.",
    "Leave it empty if you have not looked: an empty cell is no decision.",
    "Yellow cells differ; the characters that differ are bold. Grey: filled on one side only.",
    "You may sort, filter and hide. Leave the columns pair and id as they are.",
    "Save the workbook. Then: dedupe decisions WORKSPACE --import FILE",
)


def write_review_sheet(
    workspace: str | Path,
    output: str | Path,
    *,
    order: str = "informative",
    limit: int | None = None,
    blind: bool = False,
) -> int:
    """Write the doubtful pairs that nobody decided as an Excel workbook to fill in.

    A pair is two rows, one above the other. :func:`~dedupe.workspace.labels.import_decisions` reads
    the workbook.

    Parameters
    ----------
    workspace
        Folder of the workspace.
    output
        The file, which must not exist and ends in ``.xlsx``.
    order
        Order of the pairs, as in the review app, without ``contradictions`` and ``audit``.
    limit
        Most pairs; ``None``: all.
    blind
        Leave out the probabilities and the reasons.

    Returns
    -------
    int
        Number of pairs. Without any, nothing is written.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    OptionError
        If the file has another ending, or an option is wrong.
    OutputError
        If the file exists, cannot be written, or cannot hold the values.

    Examples
    --------
    >>> dedupe.write_review_sheet("contacts.dedupe", "review.xlsx")
    3
    """
    file = Path(output)
    if file.suffix.lower() != ENDING:
        raise OptionError(f"{file.name!r} is no name of a workbook: it must end in {ENDING}")
    if file.exists():
        raise OutputError(f"{file} is there, and may hold decisions: give another name")
    review = offline_review(workspace, order=order, limit=limit)
    if review.pairs:
        _check(review)
        data = _workbook(review, blind=blind)
        write_bytes_atomically(file, data)
    return len(review.pairs)


def _workbook(review: OfflineReview, *, blind: bool) -> bytes:
    ours = FROZEN if blind else (*FROZEN, *SCORES)
    names = unique_columns([*ours, *map(printable, review.columns)])
    buffer = io.BytesIO()
    with plain_workbook(buffer) as book:
        sheet = book.add_worksheet("review")
        for place, name in enumerate(names):
            compared = place < len(ours) or review.columns[place - len(ours)] in review.compared
            sheet.write_string(0, place, name, book.add_format(_header(compared)))
        widths = [len(name) + 4 for name in names]
        formats = _formats(book)
        for row, (number, pair, side) in enumerate(_rows(review), start=1):
            top = side == 0
            cells = {field.name: field for field in pair.fields}
            record_id = (pair.left_id, pair.right_id)[side]
            sheet.write_number(row, 0, number, formats[top, "number"])
            sheet.write_blank(row, 1, None, formats[top, "fill in"])
            sheet.write_string(row, 2, record_id, formats[top, "="])
            widths[2] = max(widths[2], len(record_id) + 1)
            if not blind:
                sheet.write_number(row, 3, pair.probability, formats[top, "number"])
                sheet.write_string(row, 4, printable(pair.reason), formats[top, "="])
                widths[4] = max(widths[4], len(pair.reason) + 1)
            for place, name in enumerate(review.columns, start=len(ours)):
                if name not in cells:
                    sheet.write_blank(row, place, None, formats[top, "="])
                    continue
                field = cells[name]
                spans = list(cut((field.left, field.right)[side], MOST_CHARACTERS))
                _write_value(sheet, row, place, spans, formats, (top, field.mark))
                widths[place] = max(widths[place], sum(len(text) for text, _ in spans) + 1)
        for place, width in enumerate(widths):
            sheet.set_column(place, place, min(width, WIDTH))
        _set_up(sheet, 2 * len(review.pairs), len(names), book)
        _write_help(book)
    return buffer.getvalue()


def _rows(review: OfflineReview) -> Iterator[tuple[int, OfflinePair, int]]:
    """Yield the number of each pair from 1, the pair, and the side of each of its two rows."""
    for number, pair in enumerate(review.pairs, start=1):
        yield number, pair, 0
        yield number, pair, 1


def _check(review: OfflineReview) -> None:
    """Check that a sheet can hold the pairs: ids are written as they are."""
    ids = [record_id for pair in review.pairs for record_id in (pair.left_id, pair.right_id)]
    check_excel(pl.DataFrame({"id": ids}))
    texts = {name: [None] for name in unique_columns([*map(printable, review.columns)])}
    check_excel(pl.DataFrame(texts))


def _header(compared: bool) -> dict[str, Any]:
    style = {"bold": True, "bottom": 1, "bottom_color": LINE, "valign": "top"}
    return style if compared else {**style, "bold": False, "italic": True}


def _formats(book: Workbook) -> dict[tuple[bool, str], Format]:
    """Make the formats of cells, by whether they are in the upper row and by their mark."""
    colours = {"≠": DIFFERS, "·": ONE_SIDED, "fill in": TO_FILL}
    formats = {}
    for mark in ("=", "~", "≠", "·", "fill in", "number"):
        for top in (True, False):
            style: dict[str, Any] = {"valign": "top", "text_wrap": True}
            style["num_format"] = "General" if mark in ("fill in", "number") else "@"
            if mark in colours:
                style["bg_color"] = colours[mark]
            if not top:
                style |= {"bottom": 1, "bottom_color": LINE}
            formats[top, mark] = book.add_format(style)
    formats[True, "characters"] = book.add_format({"bold": True, "font_color": CHARACTERS})
    formats[True, "others"] = book.add_format()
    return formats


def _write_value(
    sheet: Worksheet,
    row: int,
    column: int,
    spans: Sequence[Span],
    formats: Mapping[tuple[bool, str], Format],
    cell: tuple[bool, str],
) -> None:
    """Write a value as text, with the characters that differ in bold."""
    if len(spans) < 2:
        text = spans[0][0] if spans else ""
        sheet.write_string(row, column, text, formats[cell])
        return
    pieces: list[Any] = []
    for text, differs in spans:
        pieces += [formats[True, "characters" if differs else "others"], text]
    sheet.write_rich_string(row, column, *pieces, formats[cell])


def _set_up(sheet: Worksheet, rows: int, columns: int, book: Workbook) -> None:
    """Keep the header and the first columns in sight, and offer the decisions to choose from."""
    sheet.freeze_panes(1, len(FROZEN))
    sheet.autofilter(0, 0, rows, columns - 1)
    sheet.ignore_errors({"number_stored_as_text": f"A1:{cell_address(rows + 1, columns)}"})
    decisions = [decision.value for decision in Decision]
    sheet.data_validation(
        1,
        1,
        rows,
        1,
        {
            "validate": "list",
            "source": decisions,
            "error_title": "Decision",
            "error_message": "Choose match, different or unsure, or leave the cell empty.",
        },
    )
    for decision in decisions:
        filled_in = book.add_format({"bg_color": ANSWERS[decision]})
        rule = {"type": "cell", "criteria": "==", "value": f'"{decision}"', "format": filled_in}
        sheet.conditional_format(1, 1, rows, 1, rule)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)


def _write_help(book: Workbook) -> None:
    sheet = book.add_worksheet("help")
    sheet.set_column(0, 0, 100)
    for row, line in enumerate(HELP):
        sheet.write_string(row, 0, line)
