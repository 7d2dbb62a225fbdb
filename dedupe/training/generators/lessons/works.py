"""Lessons about works: books in volumes, and papers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random

from dedupe.training.augment.word_lists import word_groups
from dedupe.training.generators.domains.work_titles import draw_work_title
from dedupe.training.generators.lessons.persons import draw_given, draw_surname
from dedupe.training.generators.lessons.styles import Style
from dedupe.training.generators.lessons.table import (
    Column,
    Facts,
    Group,
    Lesson,
    Plan,
    choose_columns,
    column,
    draw_groups,
    raw,
)
from dedupe.training.generators.lessons.vocabulary import (
    draw_brand,
    draw_home,
    draw_word_of,
    ordinal,
)
from dedupe.training.generators.lessons.writing import build
from dedupe.training.generators.values import draw_name, draw_other, draw_word
from dedupe.training.word_lists import word_table

ROMAN = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")
_ORDINAL = (
    "",
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
)
_VOLUME_FORMS = ("vol. {n}", "Volume {n}", "Vol. {r}", "Volume {r}", "Bd. {n}", "Band {n}", "v.{n}",
                 "Part {n}", "Book {n}", "Tome {r}")  # fmt: skip


def draw_authors(rng: Random, locale: str, most: int) -> str:
    """Draw names of authors, as "given surname" separated by semicolons."""
    count = rng.randint(1, most)
    return ";".join(
        f"{draw_given(rng, locale, rng.choice('mf'))} {draw_surname(rng, locale)}"
        for _ in range(count)
    )


def _write_authors(facts: Facts, style: Style, rng: Random) -> str:
    """Write the authors with full names or initials, surname first or last."""
    names = [name.split(" ", 1) for name in facts.get("authors", "").split(";") if name]
    initials = rng.random() < style.initials
    written = []
    for given, *rest in names:
        surname = rest[0] if rest else ""
        first = f"{given[0]}." if initials else given
        written.append(f"{surname}, {first}" if style.surname_first else f"{first} {surname}")
    joint = "; " if style.surname_first else rng.choice((", ", ", ", " and "))
    if len(written) > 3 and rng.random() < 0.1:
        return style.apply(f"{written[0]} et al.")
    return style.apply(joint.join(written))


def _write_volume(number: str, rng: Random) -> str:
    value = int(number)
    return rng.choice(_VOLUME_FORMS).format(n=value, r=ROMAN[value])


def _write_edition(number: str, rng: Random) -> str:
    value = int(number)
    return rng.choice(
        (f"{ordinal(value)} ed.", f"{ordinal(value)} edition", f"{_ORDINAL[value]} edition",
         f"{value}. Auflage", f"{value}. Aufl.", f"{value}e")
    )  # fmt: skip


def _write_book(facts: Facts, style: Style, rng: Random) -> str:
    """Write a title with subtitle, volume and edition."""
    title = facts.get("title", "")
    if facts.get("subtitle"):
        title += f"{rng.choice((': ', ' - ', ': '))}{facts['subtitle']}"
    if facts.get("volume"):
        title += f"{rng.choice((', ', ' ', ' - '))}{_write_volume(facts['volume'], rng)}"
    if facts.get("edition") and not facts.get("edition_apart"):
        written = _write_edition(facts["edition"], rng)
        title += f" ({written})" if rng.random() < 0.4 else f", {written}"
    if facts.get("frame"):
        title = facts["frame"].format(title)
    if facts.get("noise"):
        title = f"{title} {facts['noise']}"
    return style.apply(title)


WORK_COLUMNS: Mapping[str, Column] = {
    "book": Column(
        ("title", "name", "book_title"),
        _write_book,
        ("title", "volume", "edition", "frame", "subtitle"),
    ),
    "title": column("title", "title", "name", "article_title"),
    "authors": Column(("authors", "author", "creator", "artist"), _write_authors, ("authors",)),
    "publisher": column("publisher", "publisher", "imprint", typos=0.3),
    "year": raw("year", "year", "published", "pub_year", "release_year"),
    "isbn": raw("isbn", "isbn", "isbn13"),
    "pages": raw("pages", "pages", "pp"),
    "venue": column("venue", "venue", "journal", "booktitle", "source", typos=0.2),
    "language": raw("language", "language", "lang"),
}
_PARTS = (
    "Supplement to {}", "{} - Solutions Manual", "{}: Study Guide", "{} Workbook",
    "Instructor's Manual for {}", "{} [Spanish Edition]", "{} (Deutsche Ausgabe)", "{} (Errata)",
    "{} [Audiobook]", "The Making of {}",
)  # fmt: skip


def _year_off(rng: Random, facts: Facts) -> Iterable[str]:
    if facts.get("year", "").isdigit():
        facts["year"] = str(int(facts["year"]) + rng.choice((-1, 1)))
    return ("year",)


def _drop_subtitle(rng: Random, facts: Facts) -> Iterable[str]:
    facts["subtitle"] = ""
    return ()


def _fewer_authors(rng: Random, facts: Facts) -> Iterable[str]:
    names = facts.get("authors", "").split(";")
    if rng.random() < 0.5:
        facts["authors"] = ";".join(names[: rng.randint(1, len(names))])
    elif len(names) > 1:
        facts["authors"] = ";".join((*names[1:], names[0]))
    return ()


def _initials(rng: Random, facts: Facts) -> Iterable[str]:
    names = [name.split(" ", 1) for name in facts.get("authors", "").split(";")]
    facts["authors"] = ";".join(f"{name[0][0]}. {name[-1]}" for name in names if name[0])
    return ()


def _publisher_form(rng: Random, facts: Facts) -> Iterable[str]:
    name = facts.get("publisher", "")
    facts["publisher"] = rng.choice((f"{name} Inc.", name.split(" ")[0], f"{name} Publishing", ""))
    return ()


def volumes(rng: Random) -> Lesson:
    """Make books in volumes and editions, with their manuals and translations."""
    locale = draw_home(rng)
    schema = rng.choice(
        (
            ("book", "authors", "publisher", "year"),
            ("book", "authors"),
            ("authors", "book", "year", "isbn"),
            ("book", "authors", "language", "publisher", "pages"),
            ("book", "year"),
        )
    )
    columns = choose_columns(rng, WORK_COLUMNS, schema, ("book",))
    publishers = [
        f"{draw_brand(rng)} {rng.choice(('Press', 'Books', 'Verlag', ''))}" for _ in range(9)
    ]
    has_year = "year" in columns

    def make(rng: Random) -> Facts:
        textbook = rng.random() < 0.4
        subject = draw_word_of(rng, "textbook_subjects")
        title = (
            rng.choice(("Introduction to {}", "Handbook of {}", "{}", "Principles of {}")).format(
                subject
            )
            if textbook
            else draw_work_title(rng)
        )
        return {
            "title": title,
            "subtitle": draw_word_of(rng, "subtitles") if rng.random() < 0.35 else "",
            "authors": draw_authors(rng, locale, 3),
            "publisher": rng.choice(publishers).strip(),
            "year": str(rng.randint(1950, 2022)),
            "isbn": f"978{rng.randrange(10**10):010d}",
            "pages": str(rng.randint(90, 900)),
            "language": "en",
        }

    def lookalikes(rng: Random) -> Group:
        first = make(rng)
        group = [first]
        roll = rng.random()
        count = rng.choice((1, 1, 2, 3, 4))
        year = int(first["year"])
        for place in range(count):
            other = {**first, "isbn": f"978{rng.randrange(10**10):010d}"}
            other["pages"] = str(rng.randint(90, 900))
            if roll < 0.45:
                first["volume"] = "1"
                other["volume"] = str(place + 2)
                other["year"] = str(year + rng.choice((0, 1, 2)) * (place + 1))
            elif roll < 0.65:
                first["edition"] = "1"
                other["edition"] = str(place + 2)
                other["year"] = str(year + 4 * (place + 1))
            elif roll < 0.85:
                other["frame"] = _PARTS[(place + year) % len(_PARTS)]
            else:
                other["title"] = draw_work_title(rng)
                other["subtitle"] = first["subtitle"]
            group.append(other)
        return group

    variants = [
        (_drop_subtitle, 2.0),
        (_fewer_authors, 1.0),
        (_initials, 2.0),
        (_publisher_form, 2.0),
    ]
    if has_year:
        variants.append((_year_off, 1.0))
    plan = Plan(
        columns,
        {"volume": 1.0, "edition": 1.0, "frame": 1.0, "title": 1.0},
        {"title": 0.7, "authors": 0.4, "year": 0.3, "isbn": 0.3},
        variants,
        keep=frozenset({"book"}),
        absent_tells=frozenset({"frame"}),
    )
    return build("volumes", rng, plan, draw_groups(rng, lookalikes, make))


def _draw_paper(rng: Random, locale: str) -> Facts:
    field = rng.choice(tuple(word_table("research_topics")))
    subjects, adjectives, settings = word_table("research_topics")[field]
    subject, other = rng.sample(subjects, 2)
    title = draw_word(rng, "paper_titles").format(
        T=subject, U=other, Q=rng.choice(adjectives), S=rng.choice(settings), M=draw_brand(rng)
    )
    first = rng.randint(1, 1400)
    return {
        "title": title[:1].upper() + title[1:],
        "authors": draw_authors(rng, locale, 5),
        "venue": rng.choice(word_groups("venues"))[0],
        "year": str(rng.randint(1985, 2023)),
        "pages": f"{first}-{first + rng.randint(4, 25)}",
    }


def _venue_form(rng: Random, facts: Facts) -> Iterable[str]:
    """Write the venue in another form."""
    for forms in word_groups("venues"):
        if facts.get("venue") in forms:
            facts["venue"] = rng.choice(forms)
            break
    return ()


def _shorten_paper(rng: Random, facts: Facts) -> Iterable[str]:
    """Write the title otherwise: lower case, a full stop, an ampersand, or cut at its colon."""
    title = facts["title"]
    head, _, tail = title.partition(":")
    forms = [title.lower(), f"{title}.", title.replace(" and ", " & ")]
    if tail and len(head) > 22:
        forms.append(head)
    facts["title"] = rng.choice(forms)
    return ()


def _paper_plan(columns: Mapping[str, Column], errors: float) -> Plan:
    return Plan(
        columns,
        {"title": 1.0, "venue": 0.5, "year": 0.5, "authors": 0.6, "pages": 0.3},
        {"title": 0.75, "authors": 0.4, "year": 0.2, "venue": 0.2},
        ((_venue_form, 3), (_initials, 2), (_fewer_authors, 1), (_shorten_paper, 1.5),
         (_year_off, 0.3)),
        keep=frozenset({"title"}),
        errors=errors,
    )  # fmt: skip


def _family_of_papers(rng: Random, locale: str) -> Group:
    """Make a paper and its journal version, a comment on it, or another one of its authors."""
    venues = [forms[0] for forms in word_groups("venues")]

    first = _draw_paper(rng, locale)
    other = {**_draw_paper(rng, locale), "title": first["title"], "authors": first["authors"]}
    roll = rng.random()
    if roll < 0.35:
        other["venue"] = draw_other(rng, venues, first["venue"], word_groups("venues"))
        other["year"] = str(int(first["year"]) + rng.choice((1, 2, 3)))
    elif roll < 0.6:
        other["title"] = rng.choice(
            ("{}: Part II", "Erratum to: {}", "Comments on '{}'", "{} Revisited", "{} II",
             "A Reply to '{}'", "Corrigendum: {}")
        ).format(first["title"])  # fmt: skip
        other["year"] = str(int(first["year"]) + rng.choice((0, 1, 1, 2)))
    elif roll < 0.8:
        other["title"] = _draw_paper(rng, locale)["title"]
        other["venue"], other["year"] = first["venue"], first["year"]
    else:
        other["authors"] = draw_authors(rng, locale, 4)
        shared = first["title"].split(" ")
        replaced = draw_name(rng).lower() if len(shared) > 3 else shared[-1]
        other["title"] = " ".join((*shared[:-1], replaced))
    return [first, other]


def papers(rng: Random) -> Lesson:
    """Make papers with their journal versions, errata and second parts."""
    locale = draw_home(rng)
    schema = rng.choice(
        (
            ("title", "authors", "venue", "year"),
            ("title", "authors", "venue", "year", "pages"),
            ("authors", "title", "year", "venue"),
        )
    )
    columns = choose_columns(rng, WORK_COLUMNS, schema, ("title", "venue", "year"))
    groups = draw_groups(
        rng, lambda r: _family_of_papers(r, locale), lambda r: _draw_paper(r, locale)
    )
    return build("papers", rng, _paper_plan(columns, 1.0), groups)


def plain_papers(rng: Random) -> Lesson:
    """Make an ordinary file of papers."""
    locale = draw_home(rng)
    schema = rng.choice((("title", "authors", "venue", "year"), ("title", "authors", "year")))
    columns = choose_columns(rng, WORK_COLUMNS, schema, ("title",))
    groups = draw_groups(
        rng,
        lambda r: _family_of_papers(r, locale) if r.random() < 0.3 else [_draw_paper(r, locale)],
        lambda r: _draw_paper(r, locale),
        rng.randint(100, 350),
    )
    unique = {group[0]["title"]: group for group in groups}
    return build("plain-papers", rng, _paper_plan(columns, 2.0), unique.values())
