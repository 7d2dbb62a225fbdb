"""Text encodings: found by the byte order mark or the content, and converted to UTF-8 by chunks."""

from __future__ import annotations

import codecs
import io
import re
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from dedupe.errors import InputError
from dedupe.io.dialect import Dialect

CHUNK = 1 << 20
"""Bytes decoded at a time, so that the text of a file is never in memory as a whole."""

_HEAD = 1 << 16
"""Bytes that are searched for signs of a binary file."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_ORDER_MARKS = {
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
}

_NOT_OF_FILES = ("idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape")
"""Codecs of Python that are not encodings of text files."""

_OTHER_SCRIPTS = frozenset(
    [
        "big5",
        "cp874",
        "cp932",
        "cp949",
        "cp1251",
        "cp1253",
        "cp1255",
        "cp1256",
        "euc_jp",
        "euc_kr",
        "gb18030",
        "gb2312",
        "gbk",
        "iso8859_5",
        "iso8859_7",
        "koi8_r",
        "koi8_u",
        "shift_jis",
        "tis_620",
    ]
)


def to_utf8(
    data: bytes, name: str, encoding: str | None, *, guess: bool = True
) -> tuple[bytes, Dialect, tuple[str, ...]]:
    """Convert text to UTF-8 without a byte order mark.

    The byte order mark tells the encoding. Without one, the text is taken for UTF-8 if it is valid
    as such; else the encoding is guessed from the content.

    Parameters
    ----------
    data
        The bytes of the file. Those of UTF-8 text are returned without a copy.
    name
        Name of the file in messages.
    encoding
        Python's name of the encoding; ``None`` to detect it.
    guess
        Whether the encoding may be guessed; else text that is not valid UTF-8 is refused.

    Returns
    -------
    data
        The text in UTF-8.
    dialect
        The default dialect with ``encoding`` and ``bom`` set.
    notes
        Which encoding was guessed, if one was.

    Raises
    ------
    InputError
        If the encoding is unknown or wrong, or the bytes are not text; it names the line.
    """
    if encoding is not None:
        return *_from_named(data, name, encoding), ()
    for mark, codec in _BOMS:
        if data.startswith(mark):
            try:
                return _converted(data[len(mark) :], codec), Dialect(encoding=codec, bom=True), ()
            except UnicodeDecodeError as error:
                raise InputError(
                    f"{name} begins as {codec} but byte {error.start + len(mark):,} "
                    f"({_place(error, codec)}) is not: it is damaged, or name its encoding with "
                    "--encoding"
                ) from None
    if _decodes(data, "utf-8"):
        return data, Dialect(), ()
    if b"\x00" in data[:_HEAD] or _control_share(data[:_HEAD]) > 0.02:
        raise InputError(f"{name} is a binary file, not text: export it as CSV, Parquet or Excel")
    _check_damaged(data, name, guess)
    codec = _guess(data)
    note = (
        f"the encoding of {name} is guessed: {codec}; if letters look wrong, name it with "
        "--encoding"
    )
    return _converted(data, codec), Dialect(encoding=codec), (note,)


def _check_damaged(data: bytes, name: str, guess: bool) -> None:
    """Refuse text that is UTF-8 in most places: a guess would misread all of its letters."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    view, letters, bad = memoryview(data), 0, 0
    for start in range(0, len(data) + 1, CHUNK):
        text = decoder.decode(bytes(view[start : start + CHUNK]), final=start + CHUNK > len(data))
        replaced = text.count("\ufffd")
        bad += replaced
        letters += len(text) - len(text.encode("ascii", "ignore")) - replaced
    if guess and letters <= bad:
        return
    try:
        data.decode()
    except UnicodeDecodeError as error:
        found = (
            f"a byte in {_place(error, 'utf-8')}"
            if bad == 1
            else (f"{bad:,} bytes, the first in {_place(error, 'utf-8')}")
        )
        raise InputError(
            f"{name} is UTF-8 but for {found}: mend it, or name its encoding with --encoding"
        ) from None


def _place(error: UnicodeDecodeError, codec: str) -> str:
    """Name the line and the column of the first character that cannot be read."""
    before = re.split("\r\n|\n|\r", error.object[: error.start].decode(codec, "replace"))
    return f"line {len(before):,}, column {len(before[-1]) + 1:,}"


def _from_named(data: bytes, name: str, encoding: str) -> tuple[bytes, Dialect]:
    """Convert text from an encoding that the user names."""
    try:
        codec = codecs.lookup(encoding).name
        if codec.replace("-", "_") in _NOT_OF_FILES:
            raise LookupError
        with suppress(UnicodeDecodeError):
            b" ".decode(codec)  # a LookupError if the codec is not one of text
    except (LookupError, ValueError, OSError):
        raise InputError(f"unknown encoding {encoding!r}: try utf-8, cp1252, utf-16 …") from None
    try:
        # Bytes that mark UTF-8 are no text of another encoding, and never part of a column's name.
        data = _converted(data if codec == "utf-8" else data.removeprefix(codecs.BOM_UTF8), codec)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is not {encoding}: byte {error.start:,} ({_place(error, codec)}) cannot be "
            "read: mend it, or leave out --encoding to detect it"
        ) from None
    except UnicodeError:
        raise InputError(
            f"{name} is not {encoding}: it holds half a surrogate pair; leave out --encoding to "
            "detect it"
        ) from None
    bom = codec != "utf-16" and data.startswith(codecs.BOM_UTF8)
    dialect = Dialect(encoding=codec, bom=bom or codec == "utf-16")
    return data.removeprefix(codecs.BOM_UTF8), dialect


def _converted(data: bytes, codec: str) -> bytes:
    """Convert text to UTF-8; a UnicodeDecodeError counts bytes from the beginning of `data`."""
    if codec == "utf-8" and _decodes(data, codec):
        return data
    try:
        size = sum(len(text.encode()) for text in _chunks(data, codec))
    except UnicodeDecodeError:
        data.decode(codec)  # its error has the place in the whole text
        raise
    converted = io.BytesIO()
    converted.seek(size)
    converted.write(b"\x00")  # reserves the space: a buffer that grows needs twice the memory
    converted.seek(0)
    for text in _chunks(data, codec):
        converted.write(text.encode())
    converted.truncate()
    return converted.getvalue()


def _decodes(data: bytes, codec: str) -> bool:
    if codec == "utf-8" and data.isascii():
        return True
    try:
        for _ in _chunks(data, codec):
            pass
    except UnicodeDecodeError:
        return False
    return True


def _chunks(data: bytes, codec: str) -> Iterator[str]:
    """Decode `data` by chunks; UTF-16 without a byte order mark has the order of the machine."""
    marks = _ORDER_MARKS.get(codec)
    if marks is not None and not data.startswith(marks):
        codec = f"{codec}-{'le' if sys.byteorder == 'little' else 'be'}"
    decoder = codecs.getincrementaldecoder(codec)()
    view = memoryview(data)
    for start in range(0, len(data), CHUNK):
        yield decoder.decode(bytes(view[start : start + CHUNK]))
    yield decoder.decode(b"", final=True)


def _control_share(data: bytes) -> float:
    control = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in data)
    return control / max(len(data), 1)


def _guess(data: bytes) -> str:
    """Guess the encoding of text that is not UTF-8.

    Most such files are Windows-1252. The detector's guess is taken only if the text that it reads
    is mostly in another script: it takes western text in single bytes for many other encodings.
    """
    from charset_normalizer import from_bytes

    lines = (line.removesuffix(b"\n") for line in io.BytesIO(data) if not line.isascii())
    best = from_bytes(b"\n".join(islice(lines, 2000))).best()
    if best is not None and best.encoding in _OTHER_SCRIPTS:
        read = [c for c in str(best) if c.isalpha() and ord(c) > 127]
        latin = sum("LATIN" in unicodedata.name(c, "") for c in read)
        if read and latin < len(read) / 2 and _decodes(data, best.encoding):
            return best.encoding
    return "cp1252" if _decodes(data, "cp1252") else "latin-1"
