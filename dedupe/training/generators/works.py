"""Works: papers, books, records and films."""

from __future__ import annotations

from random import Random

from dedupe.scoring.augment import words as word_forms
from dedupe.scoring.augment.records import LITERARY
from dedupe.training import words
from dedupe.training.generators.domain import (
    Change,
    Column,
    Domain,
    Style,
    Thing,
    draw_name,
    other_of,
    plain,
)
from dedupe.training.generators.people import ENGLISH, WESTERN, country


def _person(rng: Random) -> str:
    home = country(rng.choice(ENGLISH if rng.random() < 0.6 else WESTERN))
    given = (home.men if rng.random() < 0.6 else home.women).draw(rng).split()[0]
    surname = draw_name(rng, words.SURNAME_ENDS) if rng.random() < 0.3 else home.surnames.draw(rng)
    middle = f" {rng.choice('ABCDEFGHJKLMNPRSTW')}." if rng.random() < 0.3 else ""
    return f"{given}{middle} {surname}"


def _people(rng: Random, most: int) -> str:
    return ", ".join(_person(rng) for _ in range(rng.randint(1, most)))


def write_people(names: str, manner: str) -> str:
    """Write a list of people as one source does: in full, by initials, surname first, cut off."""
    people = [name.split() for name in names.split(", ") if name]
    if manner == "initials":
        return ", ".join(" ".join([*(f"{g[0]}." for g in p[:-1]), p[-1]]) for p in people)
    if manner == "surname-first":
        return "; ".join(f"{p[-1]}, {' '.join(p[:-1])}" for p in people)
    if manner == "surname-initials":
        return ", ".join(f"{p[-1]} {''.join(g[0] for g in p[:-1])}" for p in people)
    if manner == "et-al" and len(people) > 1:
        return f"{' '.join(people[0])} et al."
    if manner == "surnames":
        return ", ".join(p[-1] for p in people)
    if manner == "and":
        return " and ".join(" ".join(p) for p in people)
    return ", ".join(" ".join(p) for p in people)


_MANNERS = (
    "full",
    "full",
    "full",
    "initials",
    "initials",
    "surname-first",
    "surname-initials",
    "et-al",
    "surnames",
    "and",
)


def _fill(rng: Random, template: str) -> str:
    n, m = rng.choice(words.WORK_NOUNS), rng.choice(words.WORK_NOUNS)
    p = rng.choice((draw_name(rng), _person(rng), rng.choice(words.COMMON_PLACES)))
    return template.format(
        q=rng.choice(words.WORK_QUALITIES), n=n, m=m, p=p, b=rng.choice(words.BOOK_SUBJECTS)
    )


def draw_work_title(rng: Random) -> str:
    """Make up the title of a book, a film, a record or a song."""
    return _fill(rng, rng.choice(words.WORK_TEMPLATES)[0]).title().replace("'S", "'s")


def _paper_title(rng: Random, field: str) -> str:
    things, qualities, settings = words.TOPICS[field]
    thing, other = rng.sample(things, 2)
    acronym = "".join(rng.choice(words.SYLLABLES) for _ in range(2))
    template = ", ".join(rng.choice(words.PAPER_TEMPLATES))
    title = template.format(
        T=thing, U=other, Q=rng.choice(qualities), S=rng.choice(settings), M=acronym
    )

    return title[:1].upper() + title[1:]


def _set_place(rng: Random, thing: Thing) -> None:
    thing["volume"], thing["issue"] = str(rng.randint(1, 120)), str(rng.randint(1, 12))
    first = rng.randint(1, 1500)
    thing["pages"] = f"{first}-{first + rng.randint(2, 30)}"


_HEADINGS = (
    "Editorial", "Introduction", "Editor's Notes", "Book Review Column", "Guest Editorial",
    "Industrial exhibit", "Preface", "Erratum", "Letter to the Editor", "Chair's Message",
    "Book Reviews", "From the Editor", "In This Issue", "Conference Report", "News and Notes",
    "President's Message", "Call for Papers", "Foreword", "Problems and Solutions", "Obituary",
)  # fmt: skip
"""Titles that many papers share, most of them those of a column that appears again and again."""


def make_publication(rng: Random) -> Thing:
    """Make a paper with its authors, venue, year and place in it."""
    field = rng.choice(tuple(words.TOPICS))
    thing = {
        "field": field,
        "title": rng.choice(_HEADINGS) if rng.random() < 0.1 else _paper_title(rng, field),
        "authors": _people(rng, 5),
        "venue": ", ".join(rng.choice(word_forms.VENUES)[:1]),
        "year": str(rng.randint(1965, 2023) if rng.random() < 0.4 else rng.randint(1990, 2015)),
        "manner": rng.choice(_MANNERS),
    }
    _set_place(rng, thing)
    return thing


def _new_title(rng: Random, thing: Thing) -> None:
    thing["title"] = _paper_title(rng, thing["field"])
    _set_place(rng, thing)


def _near_title(rng: Random, thing: Thing) -> None:
    things, qualities, settings = words.TOPICS[thing["field"]]
    low = thing["title"].lower()
    for table in rng.sample((things, qualities, settings), 3):
        for phrase in table:
            if phrase in low:
                at = low.index(phrase)
                new = other_of(rng, table, phrase)
                thing["title"] = thing["title"][:at] + new + thing["title"][at + len(phrase) :]
                if rng.random() < 0.5:
                    thing["authors"] = _people(rng, 5)
                _set_place(rng, thing)
                return
    _new_title(rng, thing)


def _other_version(rng: Random, thing: Thing) -> None:
    _near_title(rng, thing)
    thing["venue"] = rng.choice(word_forms.VENUES)[0]
    thing["year"] = str(int(thing["year"]) + rng.choice((-2, -1, 1, 2, 3)))


def _same_title(rng: Random, thing: Thing) -> None:
    thing["authors"] = _people(rng, 3)
    thing["year"] = str(int(thing["year"]) + rng.choice((-6, -3, -1, 1, 2, 4)))
    _set_place(rng, thing)


def _extended(rng: Random, thing: Thing) -> None:
    """Make the article in a journal that follows a paper at a conference, or the other way."""
    names = [forms[0] for forms in word_forms.VENUES]
    thing["venue"] = other_of(rng, names, thing["venue"], word_forms.VENUES)
    thing["year"] = str(int(thing["year"]) + rng.choice((-3, -2, -1, 1, 1, 2, 2, 3)))
    _set_place(rng, thing)
    if rng.random() < 0.2:
        thing["title"] = rng.choice(("Towards {}", "{} Revisited", "{}: A Survey")).format(
            thing["title"]
        )


def _other_issue(rng: Random, thing: Thing) -> None:
    """Make the same column by the same people in another issue."""
    if thing["title"] in _HEADINGS:
        thing["year"] = str(int(thing["year"]) + rng.choice((-4, -3, -2, -1, 1, 2, 3, 4)))
        _set_place(rng, thing)


def _part_two(rng: Random, thing: Thing) -> None:
    part = rng.choice((", part II", ": part 2", " II", ", part 3", " (extended abstract): II"))
    thing["title"] += part
    _set_place(rng, thing)


def _vary_publication(rng: Random, thing: Thing) -> None:
    thing["manner"] = rng.choice(_MANNERS) if rng.random() < 0.5 else thing["manner"]
    names = thing["authors"].split(", ")
    if len(names) > 1 and rng.random() < 0.25:
        rng.shuffle(names)
        thing["authors"] = ", ".join(names)
    if rng.random() < 0.5:
        forms = next((g for g in word_forms.VENUES if thing["venue"] in g), (thing["venue"],))
        thing["venue"] = rng.choice(forms)
    if rng.random() < 0.06:
        thing["year"] = f"{thing['year']}.0"
    if rng.random() < 0.15:
        thing["pages"] = thing["pages"].replace("-", rng.choice(("--", "–", " - ")))


def _preprint(rng: Random, thing: Thing) -> None:
    thing["venue"] = rng.choice(("corr", "arxiv", "technical report", "arxiv preprint", ""))
    thing["volume"] = thing["issue"] = thing["pages"] = ""
    if rng.random() < 0.5:
        thing["year"] = str(int(thing["year"]) - 1)


def _cut_title(rng: Random, thing: Thing) -> None:
    head, colon, _ = thing["title"].partition(":")
    if colon and len(head) > 18:
        thing["title"] = head
    elif rng.random() < 0.5:
        thing["title"] = thing["title"].lower()


def _fewer_authors(rng: Random, thing: Thing) -> None:
    names = thing["authors"].split(", ")
    thing["authors"] = ", ".join(names[: rng.randint(1, len(names))])


def _authors(thing: Thing, style: Style) -> str:
    return style.written(write_people(thing["authors"], thing["manner"]))


def _citation(thing: Thing, style: Style) -> str:
    parts = (_authors(thing, style), thing["title"], thing["venue"], thing["year"])
    return style.written(style.joint.join(p for p in parts if p))


PUBLICATION = Domain(
    name="publication",
    make=make_publication,
    columns={
        "title": plain("title", "paper_title", "name", "article"),
        "authors": Column(("authors", "author", "creator", "written_by"), _authors, ("authors",)),
        "venue": plain("venue", "journal", "booktitle", "publication", "source_title"),
        "year": plain("year", "pub_year", "date", "published"),
        "volume": plain("volume", "vol"),
        "pages": plain("pages", "pp"),
        "citation": Column(
            ("citation", "reference", "text"), _citation, ("title", "authors", "venue", "year")
        ),
    },
    schemas=(
        ("title", "authors", "venue", "year"),
        ("title", "authors", "venue", "year"),
        ("title", "authors", "year"),
        ("title", "authors", "venue", "volume", "pages", "year"),
        ("title", "authors"),
        ("citation",),
    ),
    different=(
        Change("same-authors", _new_title, 3),
        Change("near-title", _near_title, 4),
        Change("other-version", _other_version, 2),
        Change("same-title", _same_title, 2),
        Change("extended", _extended, 3),
        Change("other-issue", _other_issue, 4, telling="year"),
        Change("part", _part_two, 1),
    ),
    same=(
        Change("preprint", _preprint, 1),
        Change("subtitle", _cut_title, 1),
        Change("fewer-authors", _fewer_authors, 1),
    ),
    vary=_vary_publication,
    habits=LITERARY,
    weak=frozenset({"venue", "year", "volume", "pages"}),
)


_EDITIONS = (
    "2nd edition",
    "3rd edition",
    "second edition",
    "4th ed.",
    "revised edition",
    "5th edition",
    "international edition",
    "teacher's edition",
)


_EDITION_FORMS = (("2nd edition", "second edition"),)


def make_book(rng: Random) -> Thing:
    """Make a book: a novel or a textbook, perhaps a volume or an edition."""
    textbook = rng.random() < 0.45
    taught = _fill(rng, rng.choice(words.BOOK_TEMPLATES)[0]).title()
    return {
        "title": taught if textbook else draw_work_title(rng),
        "subtitle": rng.choice(words.SUBTITLES).title() if rng.random() < 0.15 else "",
        "edition": rng.choice(_EDITIONS) if textbook and rng.random() < 0.5 else "",
        "volume": f"vol. {rng.randint(1, 9)}" if rng.random() < 0.15 else "",
        "authors": _people(rng, 3),
        "publisher": rng.choice(words.PUBLISHERS).title(),
        "year": str(rng.randint(1950, 2023)),
        "pages": str(rng.randint(60, 1200)),
        "isbn": f"978{rng.randint(0, 9_999_999_999):010d}",
        "format": rng.choice(words.BOOK_FORMATS),
        "manner": rng.choice(_MANNERS),
    }


def _book_title(thing: Thing, style: Style) -> str:
    title = f"{thing['title']}: {thing['subtitle']}" if thing["subtitle"] else thing["title"]
    return style.written(", ".join(p for p in (title, thing["volume"], thing["edition"]) if p))


def _other_edition(rng: Random, thing: Thing) -> None:
    thing["edition"] = other_of(rng, _EDITIONS, thing["edition"], _EDITION_FORMS)
    thing["year"] = str(int(thing["year"]) + rng.choice((-7, -4, -3, 3, 4, 6)))
    thing["isbn"] = f"978{rng.randint(0, 9_999_999_999):010d}"


def _other_volume(rng: Random, thing: Thing) -> None:
    thing["volume"] = other_of(rng, [f"vol. {i}" for i in range(1, 10)], thing["volume"])
    thing["isbn"] = f"978{rng.randint(0, 9_999_999_999):010d}"


def _other_book(rng: Random, thing: Thing) -> None:
    other = make_book(rng)
    for role in ("title", "subtitle", "isbn", "year", "edition", "volume", "pages"):
        thing[role] = other[role]


def _book_namesake(rng: Random, thing: Thing) -> None:
    other = make_book(rng)
    for role in ("authors", "publisher", "isbn", "year", "pages"):
        thing[role] = other[role]


def _vary_book(rng: Random, thing: Thing) -> None:
    if rng.random() < 0.4:
        thing["manner"] = rng.choice(_MANNERS)
    if rng.random() < 0.3:
        thing["format"] = rng.choice(words.BOOK_FORMATS)
    if rng.random() < 0.2:
        thing["publisher"] = rng.choice(
            (
                f"{thing['publisher']} Inc.",
                thing["publisher"].split()[0],
                f"{thing['publisher']} Books",
            )
        )
    if rng.random() < 0.2:
        thing["pages"] = str(int(thing["pages"]) + rng.randint(-16, 16))


def _drop_subtitle(rng: Random, thing: Thing) -> None:
    del rng
    thing["subtitle"] = ""


BOOK = Domain(
    name="book",
    make=make_book,
    columns={
        "title": Column(
            ("title", "book_title", "name"), _book_title, ("title", "subtitle", "volume", "edition")
        ),
        "authors": Column(("authors", "author", "writer", "by"), _authors, ("authors",)),
        "publisher": plain("publisher", "imprint", "verlag"),
        "year": plain("year", "publication_year", "published"),
        "isbn": plain("isbn", "isbn13", "ean"),
        "pages": plain("pages", "page_count"),
        "format": plain("format", "binding"),
    },
    schemas=(
        ("title", "authors", "publisher", "year"),
        ("title", "authors"),
        ("title", "authors", "year", "isbn"),
        ("title", "authors", "publisher", "year", "pages", "format"),
        ("title", "authors", "isbn", "publisher", "format"),
    ),
    different=(
        Change("edition", _other_edition, 3),
        Change("volume", _other_volume, 3),
        Change("same-author", _other_book, 3),
        Change("same-title", _book_namesake, 2),
    ),
    same=(Change("subtitle", _drop_subtitle, 1), Change("fewer-authors", _fewer_authors, 1)),
    vary=_vary_book,
    habits=LITERARY,
    weak=frozenset({"publisher", "year", "pages", "format"}),
)


_ALBUM_VERSIONS = (
    "live",
    "live at wembley",
    "remixes",
    "acoustic",
    "unplugged",
    "greatest hits",
    "the best of",
    "vol. 2",
    "vol. 3",
    "ep",
    "single",
    "karaoke version",
    "instrumental",
)


_ALBUM_TAGS = (
    "remastered",
    "deluxe edition",
    "cd1",
    "disc 1",
    "(album)",
    "[explicit]",
    "bonus tracks",
    "2009 remaster",
    "expanded edition",
)


def _artist(rng: Random) -> str:
    if rng.random() < 0.08:
        return "Various"
    return _fill(rng, rng.choice(words.BAND_TEMPLATES)[0]).title()


def _tracks(rng: Random) -> str:
    return " | ".join(draw_work_title(rng).lower() for _ in range(rng.randint(3, 9)))


def make_music(rng: Random) -> Thing:
    """Make a record, or a song, of an artist."""
    return {
        "title": draw_work_title(rng),
        "version": rng.choice(_ALBUM_VERSIONS) if rng.random() < 0.12 else "",
        "tag": "",
        "artist": _artist(rng),
        "genre": rng.choice(words.GENRES_MUSIC),
        "category": rng.choice(words.GENRES_MUSIC),
        "year": str(rng.randint(1958, 2022)),
        "length": f"{rng.randint(1, 7)}:{rng.randint(0, 59):02d}",
        "album": draw_work_title(rng),
        "tracks": _tracks(rng),
        "numbered": str(rng.randrange(3)),
    }


def _album_title(thing: Thing, style: Style) -> str:
    return style.written(
        " ".join(
            p
            for p in (
                thing["title"],
                f"({thing['version']})" if thing["version"] else "",
                thing["tag"],
            )
            if p
        )
    )


def _track_list(thing: Thing, style: Style) -> str:
    tracks = thing["tracks"].split(" | ")
    if thing["numbered"] == "1":
        tracks = [f"{place:02d} {track}" for place, track in enumerate(tracks, 1)]
    return style.written(" ".join(tracks))


def _other_release(rng: Random, thing: Thing) -> None:
    thing["version"] = other_of(rng, _ALBUM_VERSIONS, thing["version"])
    thing["length"] = f"{rng.randint(1, 7)}:{rng.randint(0, 59):02d}"
    thing["tracks"] = _tracks(rng)
    thing["year"] = str(int(thing["year"]) + rng.randint(1, 9))


def _same_artist(rng: Random, thing: Thing) -> None:
    other = make_music(rng)
    for role in ("title", "tracks", "year", "length", "version"):
        thing[role] = other[role]
    if rng.random() < 0.5:
        thing["album"] = other["album"]


def _cover(rng: Random, thing: Thing) -> None:
    other = make_music(rng)
    for role in ("artist", "tracks", "year", "length", "album", "genre"):
        thing[role] = other[role]


def _vary_music(rng: Random, thing: Thing) -> None:
    if rng.random() < 0.5:
        thing["category"] = rng.choice(words.GENRES_MUSIC)
    if rng.random() < 0.3:
        thing["genre"] = rng.choice(words.GENRES_MUSIC)
    if rng.random() < 0.25:
        thing["tag"] = rng.choice(_ALBUM_TAGS)
    if rng.random() < 0.25:
        thing["year"] = str(int(thing["year"]) + rng.choice((-1, 1, 0, 12)))
    thing["numbered"] = str(rng.randrange(3))


def _shuffle_artist(rng: Random, thing: Thing) -> None:
    artist = thing["artist"]
    tokens = artist.split()
    thing["artist"] = rng.choice(
        (
            f"{tokens[-1]}, {' '.join(tokens[:-1])}" if len(tokens) > 1 else artist,
            artist.removeprefix("The "),
            f"{artist} feat. {_person(rng)}",
            f"{artist} & {_person(rng)}",
        )
    )


def _artist_in_title(rng: Random, thing: Thing) -> None:
    del rng
    thing["title"] = f"{thing['artist']} {thing['title']}"


MUSIC = Domain(
    name="music",
    make=make_music,
    columns={
        "title": Column(
            ("title", "album", "song", "name", "release"), _album_title, ("title", "version")
        ),
        "artist": plain("artist", "performer", "band", "interpret"),
        "genre": plain("genre", "style"),
        "category": plain("category", "section"),
        "year": plain("year", "released"),
        "tracks": Column(("tracks", "track_list", "songs"), _track_list, ("tracks",)),
        "length": plain("length", "duration", "time"),
        "album": plain("album", "album_name", "record"),
    },
    schemas=(
        ("title", "artist", "category", "genre", "tracks", "year"),
        ("title", "artist", "year"),
        ("title", "artist", "album", "length"),
        ("title", "artist", "album", "year", "length", "genre"),
        ("title", "artist"),
    ),
    different=(
        Change("release", _other_release, 3),
        Change("same-artist", _same_artist, 4),
        Change("cover", _cover, 3),
    ),
    same=(
        Change("artist-form", _shuffle_artist, 2),
        Change("artist-in-title", _artist_in_title, 1),
    ),
    vary=_vary_music,
    habits=LITERARY,
    weak=frozenset({"genre", "category", "year", "album"}),
)


def make_film(rng: Random) -> Thing:
    """Make a film, or a season of a series."""
    return {
        "title": draw_work_title(rng),
        "part": rng.choice((*words.ROMAN[1:4], "2", "3", "season 2", "episode 4"))
        if rng.random() < 0.12
        else "",
        "subtitle": rng.choice(words.SUBTITLES).title() if rng.random() < 0.12 else "",
        "year": str(rng.randint(1915, 2023)),
        "director": _person(rng),
        "actors": _people(rng, 4),
        "writer": _person(rng),
        "genre": rng.choice(words.GENRES_FILM).title(),
        "length": f"{rng.randint(60, 190)} min",
        "dated": str(rng.randrange(4)),
        "last": str(rng.randrange(4)),
        "manner": rng.choice(("full", "full", "surname-first")),
    }


def _film_title(thing: Thing, style: Style) -> str:
    title = thing["title"]
    head, _, tail = title.partition(" ")
    if thing["last"] == "0" and head.lower() in ("the", "a", "la", "il", "el") and tail:
        title = f"{tail}, {head}"
    title = " ".join(p for p in (title, thing["part"]) if p)
    title = f"{title}: {thing['subtitle']}" if thing["subtitle"] else title
    if thing["dated"] == "0":
        title = f"{title} ({thing['year']})"
    return style.written(title)


def _persons(role: str) -> Column:
    names = {
        "director": ("director", "director name", "directed_by"),
        "actors": ("starring", "actor name", "actors", "cast"),
        "writer": ("writer", "screenplay", "editor"),
    }
    return Column(
        names[role],
        lambda thing, style: style.written(write_people(thing[role], thing["manner"])),
        (role,),
    )


_SEQUELS = ("II", "III", "IV", "2", "3", "4", "season 2", "season 3")


_PART_FORMS = (("ii", "2"), ("iii", "3"), ("iv", "4"))


def _sequel(rng: Random, thing: Thing) -> None:
    if rng.random() < 0.6:
        thing["part"] = other_of(rng, _SEQUELS, thing["part"], _PART_FORMS)
    else:
        thing["subtitle"] = other_of(rng, words.SUBTITLES, thing["subtitle"]).title()
    thing["year"] = str(int(thing["year"]) + rng.randint(1, 6))
    if rng.random() < 0.4:
        thing["director"] = _person(rng)


def _remake(rng: Random, thing: Thing) -> None:
    other = make_film(rng)
    for role in ("director", "actors", "writer"):
        thing[role] = other[role]
    thing["year"] = str(int(thing["year"]) + rng.choice((-40, -25, -9, 7, 12, 24, 37)))


def _same_crew(rng: Random, thing: Thing) -> None:
    thing["title"], thing["part"], thing["subtitle"] = draw_work_title(rng), "", ""
    thing["year"] = str(int(thing["year"]) + rng.choice((-3, -2, -1, 0, 1, 2, 3)))


def _near_work(rng: Random, thing: Thing) -> None:
    tokens = thing["title"].split()
    at = rng.randrange(len(tokens))
    tokens[at] = other_of(rng, words.WORK_NOUNS, tokens[at]).title()
    thing["title"] = " ".join(tokens)
    thing["director"], thing["actors"], thing["writer"] = (
        _person(rng),
        _people(rng, 3),
        _person(rng),
    )
    thing["year"] = str(rng.randint(1915, 2023))


def _vary_film(rng: Random, thing: Thing) -> None:
    thing["dated"], thing["last"] = str(rng.randrange(4)), str(rng.randrange(4))
    if rng.random() < 0.5:
        thing["manner"] = rng.choice(("full", "surname-first"))
    names = thing["actors"].split(", ")
    if len(names) > 1 and rng.random() < 0.5:
        thing["actors"] = ", ".join(rng.sample(names, rng.randint(1, len(names))))
    if rng.random() < 0.12:
        thing["actors"] = _people(rng, 3)
    if rng.random() < 0.3:
        thing["genre"] = rng.choice(words.GENRES_FILM).title()


def _year_slip(rng: Random, thing: Thing) -> None:
    thing["year"] = str(int(thing["year"]) + rng.choice((-1, 1)))


FILM = Domain(
    name="film",
    make=make_film,
    columns={
        "title": Column(
            ("title", "name", "movie", "film"), _film_title, ("title", "part", "subtitle")
        ),
        "year": plain("year", "release_year", "released"),
        "director": _persons("director"),
        "actors": _persons("actors"),
        "writer": _persons("writer"),
        "genre": plain("genre", "category"),
        "length": plain("length", "runtime", "duration"),
    },
    schemas=(
        ("title", "director", "year", "genre"),
        ("title", "actors", "writer"),
        ("title", "actors", "director", "year", "genre"),
        ("title", "year"),
        ("title", "year", "length", "director"),
    ),
    different=(
        Change("sequel", _sequel, 3),
        Change("remake", _remake, 2),
        Change("same-crew", _same_crew, 2),
        Change("near-title", _near_work, 3),
    ),
    same=(Change("year-slip", _year_slip, 1), Change("subtitle", _drop_subtitle, 1)),
    vary=_vary_film,
    habits=LITERARY,
    weak=frozenset({"genre", "length", "actors", "writer"}),
)
