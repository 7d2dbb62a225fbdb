"""Lessons about films, episodes and songs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from random import Random

from dedupe.training.generators.domains.work_titles import draw_work_title
from dedupe.training.generators.lessons.persons import draw_given, draw_surname
from dedupe.training.generators.lessons.styles import Style, write_date
from dedupe.training.generators.lessons.table import (
    Column,
    Facts,
    Group,
    Lesson,
    Plan,
    choose_columns,
    column,
    draw_groups,
)
from dedupe.training.generators.lessons.vocabulary import draw_brand, draw_home, draw_word_of
from dedupe.training.generators.lessons.works import ROMAN, WORK_COLUMNS
from dedupe.training.generators.lessons.writing import build
from dedupe.training.generators.values import draw_name


def _write_length(facts: Facts, style: Style, rng: Random) -> str:
    """Write a duration in minutes in one of its notations."""
    if not facts.get("length"):
        return ""
    minutes = int(facts["length"])
    match style.phone % 4:
        case 0:
            return f"{minutes} min"
        case 1:
            return f"{minutes // 60}h {minutes % 60}min"
        case 2:
            return f"PT{minutes}M"
    return str(minutes)


def _write_media(facts: Facts, style: Style, rng: Random) -> str:
    """Write the title with part, episode and version."""
    parts = [facts.get("title", "")]
    if facts.get("part"):
        value = int(facts["part"])
        parts.append(rng.choice((ROMAN[value], str(value), f"Part {value}")))
    if facts.get("episode"):
        season, number = facts["episode"].split("x")
        parts.append(
            rng.choice(
                (
                    f"S{int(season):02d}E{int(number):02d}",
                    f"{season}x{int(number):02d}",
                    f"Season {season} Episode {number}",
                )
            )
        )
    if facts.get("version"):
        version = facts["version"]
        parts.append(rng.choice((f"({version})", f"- {version}", f"[{version}]")))
    if facts.get("noise"):
        parts.append(facts["noise"])
    text = " ".join(part for part in parts if part)
    head, _, tail = text.partition(" ")
    if facts.get("order") and head.lower() in ("the", "a", "la", "le") and tail:
        text = f"{tail}, {head}"
    return style.apply(text)


MEDIA_COLUMNS: Mapping[str, Column] = {
    **WORK_COLUMNS,
    "media": Column(
        ("title", "name", "movie", "track", "song"),
        _write_media,
        ("title", "part", "episode", "version"),
    ),
    "released": Column(
        ("released", "release_date", "date", "premiere"),
        lambda facts, style, rng: write_date(facts.get("released", ""), style),
        ("released",),
        0.0,
    ),
    "length": Column(("length", "runtime", "duration"), _write_length, ("length",), 0.0),
    "director": column("director", "director", "directed_by"),
    "artist": column("artist", "artist", "performer", "band"),
    "album": column("album", "album", "release", typos=0.5),
    "genre": column("genre", "genre", "category", typos=0.1),
}
_VERSIONS = ("live", "acoustic", "remix", "radio edit", "instrumental", "demo", "karaoke version")


def media(rng: Random) -> Lesson:
    """Make films with remakes and sequels, episodes, or songs with their versions."""
    make_file: Callable[[Random], Lesson] = rng.choice((_films, _films, _songs))
    return make_file(rng)


def _films(rng: Random) -> Lesson:
    locale = draw_home(rng)
    schema = rng.choice(
        (
            ("media", "year", "director", "genre"),
            ("media", "released", "length", "director"),
            ("media", "year", "length"),
            ("media", "released"),
        )
    )
    columns = choose_columns(rng, MEDIA_COLUMNS, schema, ("media", "year", "released"))

    def make(rng: Random) -> Facts:
        year = rng.randint(1930, 2022)
        return {
            "title": draw_work_title(rng),
            "year": str(year),
            "released": f"{year}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
            "length": str(rng.randint(70, 180)),
            "director": f"{draw_given(rng, locale, 'm')} {draw_surname(rng, locale)}",
            "genre": draw_word_of(rng, "film_genres"),
        }

    def lookalikes(rng: Random) -> Group:
        first = make(rng)
        group = [first]
        roll = rng.random()
        season = rng.randint(1, 8)
        for place in range(rng.choice((1, 1, 2, 3))):
            other = {**make(rng), "title": first["title"]}
            if roll < 0.35:
                shift = rng.choice((-40, -25, -12, 9, 15, 30, 45))
                other["year"] = str(min(int(first["year"]) + shift + place, 2023))
                other["released"] = other["year"] + other["released"][4:]
            elif roll < 0.65:
                other["part"] = str(place + 2)
                other["director"] = first["director"]
                other["year"] = str(min(int(first["year"]) + 3 * (place + 1), 2023))
                other["released"] = other["year"] + other["released"][4:]
                first["part"] = "1" if rng.random() < 0.3 else ""
            else:
                first["episode"] = f"{season}x{1 + place}"
                other.update(year=first["year"], director=first["director"])
                other["released"] = first["released"]
                other["episode"] = f"{season}x{place + 2}"
                other["length"] = first["length"]
            group.append(other)
        return group

    def other_release(rng: Random, facts: Facts) -> Iterable[str]:
        year, _, rest = facts["released"].partition("-")
        later = int(year) + rng.choice((0, 0, 0, 1))
        month, day = rng.randint(1, 12), rng.randint(1, 28)
        facts["released"] = rng.choice(
            (f"{later}-{month:02d}-{day:02d}", f"{year}-01-01", f"{year}-{rest[:2]}-{day:02d}")
        )
        facts["year"] = facts["released"][:4]
        return ("released",)

    def round_length(rng: Random, facts: Facts) -> Iterable[str]:
        facts["length"] = str(int(facts["length"]) + rng.choice((-2, -1, 1, 2, 5)))
        return ()

    def article_last(rng: Random, facts: Facts) -> Iterable[str]:
        facts["order"] = "last"
        return ()

    plan = Plan(
        columns,
        {"part": 1.0, "episode": 1.0, "title": 1.0, "year": 1.0, "released": 1.0},
        {"title": 0.7, "director": 0.3, "year": 0.3, "released": 0.3, "length": 0.2},
        ((other_release, 3), (round_length, 2), (article_last, 2)),
        keep=frozenset({"media"}),
        absent_tells=frozenset({"part", "version"}),
    )
    return build("media", rng, plan, draw_groups(rng, lookalikes, make))


def _songs(rng: Random) -> Lesson:
    locale = draw_home(rng)
    schema = rng.choice(
        (
            ("media", "artist", "album", "year"),
            ("media", "artist"),
            ("media", "artist", "length", "genre"),
        )
    )
    columns = choose_columns(rng, MEDIA_COLUMNS, schema, ("media", "artist"))

    def make(rng: Random) -> Facts:
        return {
            "title": draw_work_title(rng),
            "artist": rng.choice(
                (f"{draw_given(rng, locale, 'f')} {draw_surname(rng, locale)}",
                 f"The {draw_word_of(rng, 'work_nouns')}s", draw_brand(rng))
            ),
            "album": draw_work_title(rng),
            "year": str(rng.randint(1960, 2022)),
            "length": str(rng.randint(2, 9)),
            "genre": draw_word_of(rng, "music_genres"),
        }  # fmt: skip

    def lookalikes(rng: Random) -> Group:
        first = make(rng)
        group = [first]
        for _ in range(rng.choice((1, 1, 2, 3))):
            other = {**first, "length": str(rng.randint(2, 9))}
            roll = rng.random()
            if roll < 0.5:
                other["version"] = rng.choice(_VERSIONS)
            elif roll < 0.75:
                other["artist"], other["album"] = make(rng)["artist"], draw_work_title(rng)
            else:
                other["title"] = draw_work_title(rng)
            group.append(other)
        return group

    def add_words(rng: Random, facts: Facts) -> Iterable[str]:
        facts["noise"] = rng.choice(("(Remastered)", "[HD]", "(Album Version)", "- 2011 Remaster"))
        return ()

    def add_guest(rng: Random, facts: Facts) -> Iterable[str]:
        if " feat. " not in facts["artist"]:
            facts["artist"] = f"{facts['artist']} feat. {draw_name(rng)}"
        return ()

    def other_album(rng: Random, facts: Facts) -> Iterable[str]:
        facts["album"] = rng.choice(("Greatest Hits", "The Best Of", f"{facts['album']} (Deluxe)"))
        return ("album", "year")

    plan = Plan(
        columns,
        {"version": 1.0, "artist": 1.0, "title": 1.0},
        {"title": 0.6, "artist": 0.5, "album": 0.2},
        ((add_words, 2), (add_guest, 1), (other_album, 2)),
        keep=frozenset({"media"}),
        absent_tells=frozenset({"part", "version"}),
    )
    return build("media", rng, plan, draw_groups(rng, lookalikes, make))
