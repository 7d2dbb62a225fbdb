"""Music: albums and songs."""

from __future__ import annotations

from random import Random

from dedupe.training.augment import records as error_models
from dedupe.training.generators.domain import Change, Column, Domain, Entity, Style, single_column
from dedupe.training.generators.domains.authors import draw_person
from dedupe.training.generators.domains.work_titles import draw_work_title, fill_template
from dedupe.training.generators.values import draw_other, draw_word
from dedupe.training.word_lists import words


def _draw_artist(rng: Random) -> str:
    """Draw an artist: a band, a person or Various."""
    if rng.random() < 0.08:
        return "Various"
    return fill_template(rng, draw_word(rng, "band_names")).title()


def _draw_tracks(rng: Random) -> str:
    """Draw three to nine tracks."""
    return " | ".join(draw_work_title(rng).lower() for _ in range(rng.randint(3, 9)))


def make_music(rng: Random) -> Entity:
    """Make an album or a song of an artist."""
    return {
        "title": draw_work_title(rng),
        "version": draw_word(rng, "album_versions") if rng.random() < 0.12 else "",
        "tag": "",
        "artist": _draw_artist(rng),
        "genre": draw_word(rng, "music_genres"),
        "category": draw_word(rng, "music_genres"),
        "year": str(rng.randint(1958, 2022)),
        "length": f"{rng.randint(1, 7)}:{rng.randint(0, 59):02d}",
        "album": draw_work_title(rng),
        "tracks": _draw_tracks(rng),
        "numbered": str(rng.randrange(3)),
    }


def _album_title(entity: Entity, style: Style) -> str:
    """Write the title with version and tag."""
    version = f"({entity['version']})" if entity["version"] else ""
    return style.apply(" ".join(filter(None, (entity["title"], version, entity["tag"]))))


def _track_list(entity: Entity, style: Style) -> str:
    """Write the list of tracks, sometimes numbered."""
    tracks = entity["tracks"].split(" | ")
    if entity["numbered"] == "1":
        tracks = [f"{place:02d} {track}" for place, track in enumerate(tracks, 1)]
    return style.apply(" ".join(tracks))


def _other_release(rng: Random, entity: Entity) -> None:
    """Change to another release: live, remixed, acoustic."""
    entity["version"] = draw_other(rng, words("album_versions"), entity["version"])
    entity["length"] = f"{rng.randint(1, 7)}:{rng.randint(0, 59):02d}"
    entity["tracks"] = _draw_tracks(rng)
    entity["year"] = str(int(entity["year"]) + rng.randint(1, 9))


def _same_artist(rng: Random, entity: Entity) -> None:
    """Change to another album or song of the same artist."""
    other = make_music(rng)
    for attribute in ("title", "tracks", "year", "length", "version"):
        entity[attribute] = other[attribute]
    if rng.random() < 0.5:
        entity["album"] = other["album"]


def _cover(rng: Random, entity: Entity) -> None:
    """Change to the same title by another artist."""
    other = make_music(rng)
    for attribute in ("artist", "tracks", "year", "length", "album", "genre"):
        entity[attribute] = other[attribute]


def _vary_music(rng: Random, entity: Entity) -> None:
    """Vary category, genre, tag, year and numbering.

    The year of a song may be that of the recording, of any album that holds it, or of a broadcast.
    """
    if rng.random() < 0.5:
        entity["category"] = draw_word(rng, "music_genres")
    if rng.random() < 0.3:
        entity["genre"] = draw_word(rng, "music_genres")
    if rng.random() < 0.25:
        entity["tag"] = draw_word(rng, "album_tags")
    if rng.random() < 0.45:
        shift = rng.choice((-1, 1)) if rng.random() < 0.4 else rng.randint(-40, 40)
        entity["year"] = str(min(int(entity["year"]) + shift, 2023))
    entity["numbered"] = str(rng.randrange(3))


def _artist_form(rng: Random, entity: Entity) -> None:
    """Write the artist in another form: last word first, without article, with a guest."""
    artist = entity["artist"]
    tokens = artist.split()
    entity["artist"] = rng.choice(
        (
            f"{tokens[-1]}, {' '.join(tokens[:-1])}" if len(tokens) > 1 else artist,
            artist.removeprefix("The "),
            f"{artist} feat. {draw_person(rng)}",
            f"{artist} & {draw_person(rng)}",
        )
    )


def _artist_in_title(rng: Random, entity: Entity) -> None:
    """Write the artist before the title."""
    del rng
    entity["title"] = f"{entity['artist']} {entity['title']}"


MUSIC = Domain(
    name="music",
    make=make_music,
    columns={
        "title": Column(
            ("title", "album", "song", "name", "release"), _album_title, ("title", "version")
        ),
        "artist": single_column("artist", "performer", "band", "interpret"),
        "genre": single_column("genre", "style"),
        "category": single_column("category", "section"),
        "year": single_column("year", "released"),
        "tracks": Column(("tracks", "track_list", "songs"), _track_list, ("tracks",)),
        "length": single_column("length", "duration", "time"),
        "album": single_column("album", "album_name", "record"),
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
        Change("artist-form", _artist_form, 2),
        Change("artist-in-title", _artist_in_title, 1),
    ),
    vary=_vary_music,
    errors=error_models.WORKS,
    weak_attributes=frozenset({"genre", "category", "year", "album"}),
)
