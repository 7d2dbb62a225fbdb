"""Titles of books, films, albums and songs."""

from __future__ import annotations

from random import Random

from dedupe.training.generators.domain import Entity
from dedupe.training.generators.domains.authors import draw_person
from dedupe.training.generators.values import draw_name, draw_word


def fill_template(rng: Random, template: str) -> str:
    """Fill the placeholders of a template of titles or names."""
    noun, other = draw_word(rng, "work_nouns"), draw_word(rng, "work_nouns")
    name = rng.choice((draw_name(rng), draw_person(rng), draw_word(rng, "common_places")))
    adjective, subject = draw_word(rng, "work_adjectives"), draw_word(rng, "textbook_subjects")
    return template.format(q=adjective, n=noun, m=other, p=name, b=subject)


def draw_work_title(rng: Random) -> str:
    """Invent the title of a book, a film, an album or a song."""
    return fill_template(rng, draw_word(rng, "work_titles")).title().replace("'S", "'s")


def drop_subtitle(rng: Random, entity: Entity) -> None:
    """Drop the subtitle."""
    del rng
    entity["subtitle"] = ""
