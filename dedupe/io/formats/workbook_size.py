"""The memory that a workbook takes: it is told before the workbook is read, and has a limit.

A part of the archive may unpack to much more than its size. A cell of Excel may name a text that
many cells share, and a cell or row of OpenDocument may be repeated: each takes memory of its own
once it is read.
"""

from __future__ import annotations

import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from xml.parsers import expat

from dedupe.errors import InputError
from dedupe.io.formats.compression import too_large, unpacked_limit

_DAMAGED_ARCHIVE = (
    expat.ExpatError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)
"""Errors of zipfile for archives that are damaged, encrypted or packed in unknown ways, and of
expat for parts that are no XML."""

_BLOCK = 1 << 20

_CELLS = 1 << 28
"""Most cells of the rectangle that the cells of a sheet span: each takes memory, filled or not."""

_TAGS_PER_CELL = 4
"""Tags of a cell that names a shared text: ``<c t="s"><v>7</v></c>``."""

_BEFORE_XML = b"\xef\xbb\xbf \t\r\n"

_LAST_ROW = re.compile(rb'<row [^>]*?\br="(\d+)"')
_FAR_COLUMN = re.compile(rb'r="([A-Z]{3})\d')


def check_workbook(data: bytes, name: str, gigabytes: float | None = None) -> None:
    """Check that a workbook that is a ZIP archive is complete and keeps to the limit.

    The parts are unpacked and thrown away, because what an archive says about them may be wrong.

    Parameters
    ----------
    data
        The bytes of the file.
    name
        Name of the file in messages.
    gigabytes
        As for :func:`~dedupe.io.formats.compression.unpacked_limit`.

    Raises
    ------
    InputError
        If it is damaged, its parts or the texts of its cells take more than the limit, or its cells
        are so far apart that the rectangle between them does not fit in memory.
    """
    limit = left = unpacked_limit(len(data), gigabytes)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts: dict[str, _Part] = {}
            for part in archive.namelist():
                parts[part] = measured = _measured(archive, part, left)
                left -= measured.size
                if left < 0:
                    raise too_large(name, limit)
                _check_rectangle(measured.rows, measured.columns, name)
            longest = max((part.longest_text for part in parts.values()), default=0)
            large = [part for part, found in parts.items() if found.cells * longest > limit]
            if large:
                _check_shared_texts(archive, large, name, limit)
            if "content.xml" in parts:
                _check_repetitions(archive, name, limit)
    except _DAMAGED_ARCHIVE as error:
        raise InputError(
            f"{name} is not an Excel workbook that can be read: {error or 'it is damaged'}"
        ) from None


@dataclass
class _Part:
    """What the bytes of a part tell at once, without reading its elements.

    Parameters
    ----------
    size
        Its bytes when it is unpacked.
    cells
        Cells that it can have at most.
    longest_text
        Bytes that a shared text in it can have at most.
    rows, columns
        The last row and column that it names, if it is a sheet.
    """

    size: int = 0
    cells: int = 0
    longest_text: int = 0
    rows: int = 0
    columns: int = 0


def _measured(archive: zipfile.ZipFile, part: str, limit: int) -> _Part:
    """Measure a part, up to a size."""
    found = _Part()
    # Sheets may have any name, but pictures are no XML.
    is_xml, tags, run = False, 0, 0
    for block in _blocks(archive, part):
        is_xml = is_xml or (not found.size and block.lstrip(_BEFORE_XML).startswith(b"<"))
        found.size += len(block)
        tags += block.count(b"<")
        if _is_shared(part):
            first, *others = map(len, block.split(b"si>"))
            found.longest_text = max(found.longest_text, run + first, *others)
            run = others[-1] if others else run + first
        elif "worksheets/" in part:
            found.rows = max(found.rows, _last_row(block))
            found.columns = max(found.columns, _far_column(block))
        if found.size > limit:
            return found
    found.cells = tags // _TAGS_PER_CELL if is_xml and not _is_shared(part) else 0
    return found


def _blocks(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    with archive.open(part) as stream:
        while block := stream.read(_BLOCK):
            yield block


def _is_shared(part: str) -> bool:
    return part.lower().endswith("sharedstrings.xml")


def _check_rectangle(rows: int, columns: int, name: str) -> None:
    if rows * columns > _CELLS:
        raise InputError(
            f"{name} has cells in row {rows:,} and in column {columns:,}, and a sheet of "
            f"{rows * columns:,} cells does not fit in memory: delete the cells outside of the "
            "table"
        )


def _last_row(block: bytes) -> int:
    found = _LAST_ROW.findall(block[max(block.rfind(b"<row "), 0) :])
    return int(found[-1][:7]) if found else 0


def _far_column(block: bytes) -> int:
    """Return the number of the last column of three letters; 0 if there is none."""
    last = max(_FAR_COLUMN.findall(block), default=b"")
    number = 0
    for letter in last:
        number = number * 26 + letter - ord("A") + 1
    return number


@dataclass
class _Elements:
    """Reads a part of an archive element by element.

    Parameters
    ----------
    started, ended
        Called with the name of an element without its prefix, and the attributes at its start,
        or the length of the text in it, in bytes, at its end.
    text
        The text since the last start of an element for which `started` returns true.
    """

    started: Callable[[str, dict[str, str]], bool]
    ended: Callable[[str, list[str]], None]
    text: list[str] = field(default_factory=list)

    def read(self, archive: zipfile.ZipFile, part: str) -> None:
        """Read a part to its end."""
        parser = expat.ParserCreate()
        parser.buffer_text = True

        def start(name: str, attributes: dict[str, str]) -> None:
            local = {key.rpartition(":")[2]: value for key, value in attributes.items()}
            if self.started(name.rpartition(":")[2], local):
                self.text.clear()

        def end(name: str) -> None:
            self.ended(name.rpartition(":")[2], self.text)

        parser.StartElementHandler = start
        parser.EndElementHandler = end
        parser.CharacterDataHandler = self.text.append
        for block in _blocks(archive, part):
            parser.Parse(block)
        parser.Parse(b"", True)


def _size(text: list[str]) -> int:
    return sum(len(part.encode()) for part in text)


def _check_shared_texts(
    archive: zipfile.ZipFile, sheets: Sequence[str], name: str, limit: int
) -> None:
    """Refuse sheets whose cells name more text than the limit, text that is named twice counted so.

    Raises
    ------
    InputError
        If one does.
    """
    lengths: list[int] = []

    def text_ended(element: str, text: list[str]) -> None:
        if element == "si":
            lengths.append(_size(text))

    for part in archive.namelist():
        if _is_shared(part):
            _Elements(lambda element, _: element == "si", text_ended).read(archive, part)
    total, is_shared = 0, False

    def cell_started(element: str, attributes: dict[str, str]) -> bool:
        nonlocal is_shared
        if element == "c":
            is_shared = attributes.get("t") == "s"
        return element == "v"

    def cell_ended(element: str, text: list[str]) -> None:
        nonlocal total
        if element == "v" and is_shared:
            number = "".join(text).strip()
            if number.isdecimal() and len(number) < 10 and int(number) < len(lengths):
                total += lengths[int(number)]
                if total > limit:
                    raise too_large(name, limit)

    for part in sheets:
        total = 0
        _Elements(cell_started, cell_ended).read(archive, part)


def _check_repetitions(archive: zipfile.ZipFile, name: str, limit: int) -> None:
    """Refuse sheets of OpenDocument whose repeated cells take more than the limit.

    Raises
    ------
    InputError
        If one does.
    """
    row = column = row_size = total = far_column = value_size = 0
    rows_here = cells_here = 1

    def started(element: str, attributes: dict[str, str]) -> bool:
        nonlocal row, column, row_size, far_column, rows_here, cells_here, value_size
        if element == "table":
            row = far_column = 0
        elif element == "table-row":
            column = row_size = 0
            rows_here = _number(attributes.get("number-rows-repeated"))
        elif element in ("table-cell", "covered-table-cell"):
            cells_here = _number(attributes.get("number-columns-repeated"))
            has_value = "value-type" in attributes
            value_size = sum(map(len, attributes.values())) if has_value else 0
            return True
        return False

    def ended(element: str, text: list[str]) -> None:
        nonlocal row, column, row_size, total, far_column
        if element in ("table-cell", "covered-table-cell"):
            column += cells_here
            if size := value_size + _size(text):
                row_size += cells_here * size
                far_column = max(far_column, column)
        elif element == "table-row":
            row += rows_here
            total += rows_here * row_size
            if row_size:
                _check_rectangle(row, far_column, name)
            if total > limit:
                raise too_large(name, limit)

    _Elements(started, ended).read(archive, "content.xml")


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() and len(text) < 10 else 1
