"""Free text beside records: long columns that are poor evidence of identity.

Real tables have long columns of prose next to the few words that identify an entity. Two records
of one entity often share none of it, and records of two products of one maker often share all of
it. A scorer has to learn to disregard it.
"""

from __future__ import annotations

from random import Random

from dedupe.training.augment.edits import mistype
from dedupe.training.generators.values import draw_word
from dedupe.training.word_lists import word_table


def add_free_text(
    left: str, right: str, match: bool, rng: Random, label: str | None = None
) -> tuple[str, str]:
    """Add a column of free text to one of two record texts, or to both.

    The text depends on the label no more than in real tables: texts of one entity are copies of
    each other a little more often.

    Parameters
    ----------
    left, right
        Record texts.
    match
        Whether they describe one entity.
    rng
        Source of every random choice.
    label
        Label of the column; ``None`` draws one.

    Returns
    -------
    tuple of str
        Both record texts.
    """
    label = label or draw_word(rng, "free_text_labels")
    first = write_free_text(_draw_subject(left, rng), rng)
    roll = rng.random()
    if roll < (0.3 if match else 0.2):
        second = _copy(first, rng)
    elif roll < 0.5:
        shared = first.split(". ")[: rng.randint(1, 2)]
        second = ". ".join([*shared, write_free_text(_draw_subject(right, rng), rng)])
    else:
        second = write_free_text(_draw_subject(right, rng), rng)
    sides = rng.choices(("both", "left", "right"), (2, 1, 1))[0]
    place = rng.random()
    if sides != "right":
        left = _insert_line(left, f"{label}: {first}", place)
    if sides != "left":
        right = _insert_line(right, f"{label}: {second}", place)
    return left, right


def write_free_text(subject: str, rng: Random) -> str:
    """Write one to six sentences, some of which name `subject`."""
    return ". ".join(_sentence(subject, rng) for _ in range(rng.choice((1, 2, 2, 3, 4, 6))))


def _sentence(subject: str, rng: Random) -> str:
    """Fill the placeholders of a template of sentences."""
    filled = []
    for piece in draw_word(rng, "free_text_sentences").split("{"):
        placeholder, closing, rest = piece.partition("}")
        filled.append(_fill(placeholder, subject, rng) + rest if closing else piece)
    return "".join(filled)


def _fill(placeholder: str, subject: str, rng: Random) -> str:
    """Draw what takes the place of a placeholder."""
    match placeholder:
        case "a":
            return subject
        case "d":
            return str(rng.choice((2, 3, 4, 5, 8, 10, 12, 16, 20, 24, 30, 50, 64, 100, 250, 500)))
        case "y":
            return str(rng.randint(1880, 2024))
        case "w":
            return draw_word(rng, "free_text_audiences")
    (entries,) = word_table("free_text_words")[placeholder]
    return rng.choice(entries)


def _draw_subject(text: str, rng: Random) -> str:
    """Take some words from the longest value of a record, or "it"."""
    values = [line.split(": ", 1)[-1] for line in text.split("\n")]
    longest = max(values, key=len).split()
    if rng.random() < 0.3:
        return "it"
    return " ".join(longest[: rng.randint(1, max(len(longest), 1))])[:80]


def _copy(text: str, rng: Random) -> str:
    """Copy a text as another file does: whole, cut off, or with a typing error."""
    roll = rng.random()
    if roll < 0.4:
        return text
    if roll < 0.8:
        return text[: rng.randint(len(text) // 3, len(text))].rstrip()
    return mistype(text, rng)


def _insert_line(text: str, line: str, place: float) -> str:
    """Insert a line at a relative place in [0, 1)."""
    lines = text.split("\n")
    lines.insert(int(place * (len(lines) + 1)), line)
    return "\n".join(lines)
