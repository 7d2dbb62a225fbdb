"""Publications: papers at conferences and in journals."""

from __future__ import annotations

from random import Random

from dedupe.training.augment import records as error_models
from dedupe.training.augment.word_lists import word_groups
from dedupe.training.generators.domain import Change, Column, Domain, Entity, Style, single_column
from dedupe.training.generators.domains.authors import (
    MANNERS,
    draw_people,
    list_fewer_authors,
    write_authors,
)
from dedupe.training.generators.values import draw_other, draw_word
from dedupe.training.word_lists import word_table, words


def _paper_title(rng: Random, field: str) -> str:
    """Make the title of a paper in a field of research."""
    subjects, adjectives, settings = word_table("research_topics")[field]
    subject, other = rng.sample(subjects, 2)
    acronym = "".join(draw_word(rng, "syllables") for _ in range(2))
    title = draw_word(rng, "paper_titles").format(
        T=subject, U=other, Q=rng.choice(adjectives), S=rng.choice(settings), M=acronym
    )
    return title[:1].upper() + title[1:]


def _set_pages(rng: Random, entity: Entity) -> None:
    """Draw volume, issue and pages."""
    entity["volume"], entity["issue"] = str(rng.randint(1, 120)), str(rng.randint(1, 12))
    first = rng.randint(1, 1500)
    entity["pages"] = f"{first}-{first + rng.randint(2, 30)}"


def make_publication(rng: Random) -> Entity:
    """Make a paper with authors, venue, year, volume, issue and pages."""
    field = rng.choice(tuple(word_table("research_topics")))
    entity = {
        "field": field,
        "title": draw_word(rng, "recurring_titles")
        if rng.random() < 0.1
        else _paper_title(rng, field),
        "authors": draw_people(rng, 5),
        "venue": rng.choice(word_groups("venues"))[0],
        "year": str(rng.randint(1965, 2023) if rng.random() < 0.4 else rng.randint(1990, 2015)),
        "manner": rng.choice(MANNERS),
    }
    _set_pages(rng, entity)
    return entity


def _other_paper(rng: Random, entity: Entity) -> None:
    """Change to another paper by the same authors."""
    entity["title"] = _paper_title(rng, entity["field"])
    _set_pages(rng, entity)


def _similar_title(rng: Random, entity: Entity) -> None:
    """Change to a paper with a similar title."""
    title = entity["title"]
    for phrases in rng.sample(word_table("research_topics")[entity["field"]], 3):
        for phrase in phrases:
            at = title.lower().find(phrase)
            if at >= 0:
                other = draw_other(rng, phrases, phrase)
                entity["title"] = title[:at] + other + title[at + len(phrase) :]
                if rng.random() < 0.5:
                    entity["authors"] = draw_people(rng, 5)
                _set_pages(rng, entity)
                return
    _other_paper(rng, entity)


def _other_version(rng: Random, entity: Entity) -> None:
    """Change to a paper with a similar title, at another venue in another year."""
    _similar_title(rng, entity)
    entity["venue"] = rng.choice(word_groups("venues"))[0]
    entity["year"] = str(int(entity["year"]) + rng.choice((-2, -1, 1, 2, 3)))


def _same_title(rng: Random, entity: Entity) -> None:
    """Change to a paper with the same title by other authors."""
    entity["authors"] = draw_people(rng, 3)
    entity["year"] = str(int(entity["year"]) + rng.choice((-6, -3, -1, 1, 2, 4)))
    _set_pages(rng, entity)


def _extended(rng: Random, entity: Entity) -> None:
    """Change to the journal article that extends a conference paper, or the reverse."""
    names = [forms[0] for forms in word_groups("venues")]
    entity["venue"] = draw_other(rng, names, entity["venue"], word_groups("venues"))
    entity["year"] = str(int(entity["year"]) + rng.choice((-3, -2, -1, 1, 1, 2, 2, 3)))
    _set_pages(rng, entity)
    if rng.random() < 0.2:
        entity["title"] = rng.choice(("Towards {}", "{} Revisited", "{}: A Survey")).format(
            entity["title"]
        )


def _other_issue(rng: Random, entity: Entity) -> None:
    """Change to the same column of another issue."""
    if entity["title"] in words("recurring_titles"):
        entity["year"] = str(int(entity["year"]) + rng.choice((-4, -3, -2, -1, 1, 2, 3, 4)))
        _set_pages(rng, entity)


def _part_two(rng: Random, entity: Entity) -> None:
    """Change to another part of the paper."""
    part = rng.choice((", part II", ": part 2", " II", ", part 3", " (extended abstract): II"))
    entity["title"] += part
    _set_pages(rng, entity)


def _vary_publication(rng: Random, entity: Entity) -> None:
    """Vary the form of authors, venue, year and pages."""
    manners = {entity["manner"]}
    entity["manner"] = rng.choice(MANNERS) if rng.random() < 0.5 else entity["manner"]
    names = entity["authors"].split(", ")
    # "First author et al." in one record and another first author in the other are two papers.
    in_full = "et-al" not in manners | {entity["manner"]}
    if len(names) > 1 and in_full and rng.random() < 0.25:
        rng.shuffle(names)
        entity["authors"] = ", ".join(names)
    if rng.random() < 0.5:
        venue = entity["venue"]
        forms = next((forms for forms in word_groups("venues") if venue in forms), (venue,))
        entity["venue"] = rng.choice(forms)
    if rng.random() < 0.06:
        entity["year"] = f"{entity['year']}.0"
    if rng.random() < 0.15:
        entity["pages"] = entity["pages"].replace("-", rng.choice(("--", "–", " - ")))


def _preprint(rng: Random, entity: Entity) -> None:
    """Describe the preprint of the paper."""
    entity["venue"] = rng.choice(("corr", "arxiv", "technical report", "arxiv preprint", ""))
    entity["volume"] = entity["issue"] = entity["pages"] = ""
    if rng.random() < 0.5:
        entity["year"] = str(int(entity["year"]) - 1)


def _shorten_title(rng: Random, entity: Entity) -> None:
    """Cut the title at its colon, or write it in lower case."""
    head, colon, _ = entity["title"].partition(":")
    if colon and len(head) > 18:
        entity["title"] = head
    elif rng.random() < 0.5:
        entity["title"] = entity["title"].lower()


def _citation(entity: Entity, style: Style) -> str:
    """Write a citation: authors, title, venue and year."""
    parts = (write_authors(entity, style), entity["title"], entity["venue"], entity["year"])
    return style.apply(style.joint.join(part for part in parts if part))


PUBLICATION = Domain(
    name="publication",
    make=make_publication,
    columns={
        "title": single_column("title", "paper_title", "name", "article"),
        "authors": Column(
            ("authors", "author", "creator", "written_by"), write_authors, ("authors",)
        ),
        "venue": single_column("venue", "journal", "booktitle", "publication", "source_title"),
        "year": single_column("year", "pub_year", "date", "published"),
        "volume": single_column("volume", "vol"),
        "pages": single_column("pages", "pp"),
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
        Change("same-authors", _other_paper, 3),
        Change("near-title", _similar_title, 4),
        Change("other-version", _other_version, 2),
        Change("same-title", _same_title, 2),
        Change("extended", _extended, 1),
        Change("other-issue", _other_issue, 4, distinguishing="year"),
        Change("part", _part_two, 2),
    ),
    same=(
        Change("preprint", _preprint, 2),
        Change("subtitle", _shorten_title, 1),
        Change("fewer-authors", list_fewer_authors, 1),
    ),
    vary=_vary_publication,
    errors=error_models.WORKS,
    weak_attributes=frozenset({"venue", "year", "volume", "pages"}),
)
