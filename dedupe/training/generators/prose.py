"""Free text beside a record: descriptions that say little about which thing it is.

Real tables carry long columns of prose next to the few words that identify. Two accounts of one
thing often share none of it, and two things of one maker often share all of it; a scorer has to
learn to look past it.
"""

from __future__ import annotations

from random import Random

from dedupe.scoring.augment.edits import mistype

LABELS = (
    "description", "description", "desc", "details", "notes", "abstract", "summary", "features",
    "comment", "about", "overview", "long", "text", "specifications", "remarks",
)  # fmt: skip
"""Labels that columns of free text have."""


_SENTENCES = tuple(
    line.strip()
    for line in """
    the {a} is the {q} way to {v} your {n} and {n}
    {a} gives you {q} {n} and {q} {n} for {w}
    with {a} you can {v} {n}, {v} {n} and {v} {n} at {w}
    {q} {n} for {w} and {w}
    designed for {w}, it offers {q} {n} with {q} {n}
    features include {n}, {n} and {q} {n}
    {v} your {n} with {q} {n}
    {d} {u} {n} with {d} {u} {n}
    up to {d} {u} of {n}; {q} {n} included
    includes {d} {n}, {n} and {n}
    easy to {v} and {v}, ideal for {w}
    this {q} {n} lets you {v} {n} in {d} {u}
    we present a {q} approach to {n} that can {v} {n} without {n}
    the results show that {q} {n} {v} {n} by {d} percent
    founded in {y}, it is known for its {q} {n} and {n}
    located near {w}, open since {y}
    the story of {w} who {v} the {n} and find {q} {n}
    customer since {y}; prefers {n} by {w}
    see also {w}; last checked in {y}
    requires {d} {u} of {n}, {d} {u} recommended
    comes with {d} year warranty and {q} {n}
    whether for {w} or {w}, {a} helps you {v} {q} {n}
    no {n} needed: just {v} and {v}
    combines {q} {n} with the {n} of {w}
    dieses {n} bietet {q} {n} und {d} {u} {n}
    avec {a}, {v} {n} et {n} en {d} {u}
    ideal para {w}, con {d} {u} de {n}
    """.strip().split("\n")
)


_BANK = {
    "q": """powerful easy advanced complete affordable award-winning professional reliable new
        integrated high-quality stylish compact classic flexible intuitive exclusive premium
        essential unique fresh simple fast secure digital traditional friendly rare modern""",
    "n": """performance tools files photos design power projects accounts music storage sound
        colour quality business protection network data games lessons reports features battery
        display control templates text images service rooms ingredients flavours members tracks
        editing support memory speed security characters studies methods models analysis""",
    "v": """create manage organize share protect discover improve learn build print record explore
        connect enjoy edit publish track save restore convert plan clean save combine reduce""",
    "u": "gb mb hours inches mm cm pages watts kg users channels minutes ml mhz pieces",
}


_WORDS = {kind: tuple(words.split()) for kind, words in _BANK.items()}


_WHOM = (
    "home", "the office", "students", "small businesses", "children", "professionals", "travel",
    "the whole family", "beginners", "experts", "teachers", "everyday use", "windows users",
    "friends", "visitors", "the city centre", "collectors", "the community",
)  # fmt: skip


def prose(subject: str, rng: Random) -> str:
    """Write one to six sentences in which `subject` may or may not be named."""
    return ". ".join(_sentence(subject, rng) for _ in range(rng.choice((1, 2, 2, 3, 4, 6))))


def with_prose(
    left: str, right: str, same: bool, rng: Random, label: str | None = None
) -> tuple[str, str]:
    """Return two record texts with a column of free text on one side or on both.

    What the two say depends on the label only as far as it does in real tables: two accounts of
    one thing are a little likelier to be copies of each other.

    Parameters
    ----------
    left, right
        Record texts.
    same
        Whether they are one thing.
    label
        Of the column; drawn from :data:`LABELS` where ``None``.
    """
    label = label or rng.choice(LABELS)
    first = prose(_subject(left, rng), rng)
    roll = rng.random()
    if roll < (0.3 if same else 0.2):
        second = _copied(first, rng)
    elif roll < 0.5:
        kept = first.split(". ")[: rng.randint(1, 2)]
        second = ". ".join([*kept, prose(_subject(right, rng), rng)])
    else:
        second = prose(_subject(right, rng), rng)
    sides = rng.choices(("both", "left", "right"), (2, 1, 1))[0]
    place = rng.random()
    if sides != "right":
        left = _inserted(left, f"{label}: {first}", place)
    if sides != "left":
        right = _inserted(right, f"{label}: {second}", place)
    return left, right


def _sentence(subject: str, rng: Random) -> str:
    text = rng.choice(_SENTENCES)
    made = []
    for piece in text.split("{"):
        kind, closing, rest = piece.partition("}")
        if not closing:
            made.append(piece)
            continue
        made.append(_word(kind, subject, rng) + rest)
    return "".join(made)


def _word(kind: str, subject: str, rng: Random) -> str:
    match kind:
        case "a":
            return subject
        case "d":
            return str(rng.choice((2, 3, 4, 5, 8, 10, 12, 16, 20, 24, 30, 50, 64, 100, 250, 500)))
        case "y":
            return str(rng.randint(1880, 2024))
        case "w":
            return rng.choice(_WHOM)
    return rng.choice(_WORDS[kind])


def _subject(text: str, rng: Random) -> str:
    """Return what the record calls itself: some of the words of its longest value."""
    values = [line.split(": ", 1)[-1] for line in text.split("\n")]
    words = max(values, key=len).split()
    if rng.random() < 0.3:
        return "it"
    return " ".join(words[: rng.randint(1, max(len(words), 1))])[:80]


def _copied(text: str, rng: Random) -> str:
    """Return the text as another file copied it: whole, cut off, or with an error."""
    roll = rng.random()
    if roll < 0.4:
        return text
    if roll < 0.8:
        return text[: rng.randint(len(text) // 3, len(text))].rstrip()
    return mistype(text, rng)


def _inserted(text: str, line: str, place: float) -> str:
    lines = text.split("\n")
    lines.insert(int(place * (len(lines) + 1)), line)
    return "\n".join(lines)
