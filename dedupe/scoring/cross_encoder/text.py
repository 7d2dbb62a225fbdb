"""What a cross-encoder reads: two record texts, shortened, with what differs in them marked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dedupe.scoring.cross_encoder.encoder import PairModel

TEXT_BUDGET = 256
"""Characters of a record that a cross-encoder reads; the longest values are cut first."""
MARK = "¬"
"""Written before a number or code that the other record does not have."""
_DIGITS = re.compile(r"\d{5,}")
_WORD = re.compile(r"[0-9A-Za-z]+(?:[-./][0-9A-Za-z]+)*")
_NUMBER_WITH_UNIT = re.compile(r"(\d+(?:\.\d+)?)[a-z]{1,3}")
_NOT_IN_CODES = re.compile(r"[^0-9a-z]+")
_MIN_INSIDE = 4
"""Shortest code that is looked for inside longer text: ``dc90`` in ``wp-dc90-x``."""


def cross_encoder_text(text: str) -> str:
    r"""Shorten a record text and split its long numbers.

    Runs of five digits or more are split into groups of two, so that two dates or numbers that
    differ in one digit share all other tokens. In a record of more than :data:`TEXT_BUDGET`
    characters, the longest values are cut to a common length.

    Examples
    --------
    >>> cross_encoder_text("surname: smith\ndate: 19580121")
    'surname: smith\ndate: 19 58 01 21'
    """
    if len(text) > TEXT_BUDGET:
        lines = text.split("\n")
        length = _common_length([len(line) for line in lines], TEXT_BUDGET)
        text = "\n".join(line[:length] for line in lines)
    return _DIGITS.sub(_split_digits, text)


def spell_unknown(texts: Iterable[str], vocabulary: Set[str]) -> dict[int, str]:
    """Build a translation table that spells out characters that a vocabulary does not have.

    A word-piece tokenizer turns a word with an unknown character into one unknown token, so that
    all such words look equal. Spelled as its code point, in groups of two digits, the character
    stays distinct.

    Parameters
    ----------
    texts
        Texts to translate.
    vocabulary
        Tokens of the tokenizer.

    Returns
    -------
    dict
        For :meth:`str.translate`; empty if all characters are known.
    """
    import unicodedata

    table: dict[int, str] = {}
    for character in set().union(*map(set, texts)):
        if character.isspace() or character in vocabulary or ord(character) < 128:
            continue
        parts = [
            part
            for part in unicodedata.normalize("NFD", character.lower())
            if unicodedata.category(part) != "Mn"
        ]
        # A word piece has another form inside a word (##a) than at its start; both are needed.
        if all(part in vocabulary and f"##{part}" in vocabulary for part in parts):
            continue
        code = str(ord(character))
        code = code.zfill(len(code) + len(code) % 2)
        pairs = " ".join(code[at : at + 2] for at in range(0, len(code), 2))
        table[ord(character)] = f" {pairs} "
    return table


def _split_digits(match: re.Match[str]) -> str:
    digits = match.group()
    return " ".join(digits[at : at + 2] for at in range(0, len(digits), 2))


def _common_length(lengths: list[int], budget: int) -> int:
    """Find the largest cap for which the capped lengths add up to `budget` or less."""
    left = budget
    for rank, length in enumerate(sorted(lengths)):
        share = left // (len(lengths) - rank)
        if length > share:
            return max(share, 1)
        left -= length
    return max(lengths, default=0)


def mark_differences(left: str, right: str) -> tuple[str, str]:
    """Mark the numbers and codes of each text that the other text does not have.

    Case, and hyphens, dots and slashes within a code, do not count. A number is found in a number
    with its unit. To a network that reads word pieces, codes that differ in one character look
    alike; whether both records have a code is for it to read, not to work out.

    Examples
    --------
    >>> mark_differences("lumix dmc-fz18k 8gb 2007", "Lumix DMC FZ18S 8 GB 2007")
    ('lumix ¬ dmc-fz18k 8gb 2007', 'Lumix DMC ¬ FZ18S 8 GB 2007')
    """
    return _mark(left, right), _mark(right, left)


def _mark(text: str, other: str) -> str:
    words, joined = _known_words(other.lower())

    def marked(match: re.Match[str]) -> str:
        word = match.group()
        if not any(map(str.isdigit, word)):
            return word
        lower = word.lower()
        code = _NOT_IN_CODES.sub("", lower)
        known = code in words or (len(code) >= _MIN_INSIDE and code in joined)
        number = _NUMBER_WITH_UNIT.fullmatch(lower)
        if known or (number and _NOT_IN_CODES.sub("", number.group(1)) in words):
            return word
        return f"{MARK} {word}"

    return _WORD.sub(marked, text)


def _known_words(text: str) -> tuple[set[str], str]:
    """Return the words of a text, with their parts and their numbers, and all of it as one code."""
    words: set[str] = set()
    for word in _WORD.findall(text):
        words.add(_NOT_IN_CODES.sub("", word))
        words.update(_NOT_IN_CODES.split(word))
        if number := _NUMBER_WITH_UNIT.fullmatch(word):
            words.add(_NOT_IN_CODES.sub("", number.group(1)))
    return words, _NOT_IN_CODES.sub("", text)


def pair_texts(
    model: PairModel, left: Sequence[str], right: Sequence[str]
) -> list[tuple[str, str]]:
    """Put pairs of prepared texts into the form that a cross-encoder reads.

    Parameters
    ----------
    left, right
        (m,) texts as of :func:`prepare_texts`.

    Returns
    -------
    list
        m pairs, each in alphabetical order, so that their score does not depend on which record
        came first. What differs is marked for models that were trained with marks.
    """
    pairs = [(a, b) if a <= b else (b, a) for a, b in zip(left, right, strict=True)]
    return [mark_differences(a, b) for a, b in pairs] if model.reads_marks else pairs


def prepare_texts(model: PairModel, texts: Sequence[str]) -> list[str]:
    """Rewrite record texts for a cross-encoder: shortened, and with all characters known."""
    return rewrite_texts(texts, model.vocabulary)


def rewrite_texts(texts: Sequence[str], vocabulary: frozenset[str]) -> list[str]:
    """Rewrite record texts as :func:`prepare_texts` does, for a model of this vocabulary."""
    shortened = [cross_encoder_text(text) for text in texts]
    table = spell_unknown(shortened, vocabulary)
    return [text.translate(table) for text in shortened] if table else shortened
