from collections import Counter
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from anyascii import anyascii
from rapidfuzz import fuzz, process

from dedupe.training.generators.lessons import (
    LESSONS,
    Lesson,
    format_lesson,
    lesson_files,
    make_lesson,
)

pytestmark = pytest.mark.model

KINDS = tuple(LESSONS)


def texts(lesson: Lesson) -> list[str]:
    rows = lesson.frame.iter_rows()
    return [anyascii(" | ".join(value or "" for value in row[1:])).lower() for row in rows]


def pairs_of_one_cluster(lesson: Lesson) -> list[tuple[int, int]]:
    rows: dict[int, list[int]] = {}
    for row, label in enumerate(lesson.labels.tolist()):
        rows.setdefault(label, []).append(row)
    return [pair for members in rows.values() for pair in combinations(members, 2)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_kind_and_seed_give_the_same_lesson(kind):
    first, second = make_lesson(kind, 3), make_lesson(kind, 3)
    assert first.frame.equals(second.frame)
    assert np.array_equal(first.labels, second.labels)
    assert not first.frame.equals(make_lesson(kind, 4).frame)


@pytest.mark.parametrize("kind", KINDS)
def test_a_lesson_is_a_table_of_texts_with_unique_ids_and_a_label_for_each_row(kind):
    for seed in range(3):
        lesson = make_lesson(kind, seed)
        frame = lesson.frame
        assert lesson.kind == kind
        assert frame.columns[0] == "id"
        assert set(frame.dtypes) == {pl.String}
        assert frame["id"].n_unique() == frame.height == len(lesson.labels)
        assert lesson.labels.dtype == np.int64
        assert 30 <= frame.height <= 600
        assert "" not in {value for row in frame.iter_rows() for value in row}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_duplicates_but_not_too_many(kind):
    lessons = [make_lesson(kind, seed) for seed in range(6)]
    shares = [1 - len(set(lesson.labels.tolist())) / len(lesson.labels) for lesson in lessons]
    assert max(shares) > 0.05
    assert max(shares) < 0.65
    assert max(Counter(lessons[0].labels.tolist()).values()) <= 6


@pytest.mark.parametrize("kind", KINDS)
def test_records_of_other_entities_are_as_alike_as_duplicates(kind):
    alike = duplicates = 0
    for seed in range(3):
        lesson = make_lesson(kind, seed)
        written = texts(lesson)
        scores = process.cdist(written, written, scorer=fuzz.token_sort_ratio)
        same = lesson.labels[:, None] == lesson.labels[None, :]
        above = np.triu(np.ones_like(same), 1).astype(bool)
        duplicates += int((same & above).sum())
        bar = min(np.quantile(scores[same & above], 0.25), 75) if (same & above).any() else 75
        alike += int((~same & above & (scores >= bar)).sum())
    assert alike >= duplicates / 20


@pytest.mark.parametrize("kind", KINDS)
def test_duplicates_share_something(kind):
    shared = total = 0
    for seed in range(4):
        lesson = make_lesson(kind, seed)
        written = texts(lesson)
        for a, b in pairs_of_one_cluster(lesson):
            total += 1
            shared += fuzz.token_set_ratio(written[a], written[b]) >= 45
    assert shared >= 0.97 * total


def test_records_of_two_entities_are_equal_only_in_lessons_about_poor_records():
    for kind in KINDS:
        lesson = make_lesson(kind, 1)
        labels: dict[tuple[str | None, ...], set[int]] = {}
        for row, label in zip(lesson.frame.iter_rows(), lesson.labels.tolist(), strict=True):
            labels.setdefault(row[1:], set()).add(label)
        equal = any(len(found) > 1 for found in labels.values())
        assert not equal or kind == "poor-records"


def test_lessons_come_in_turn_and_do_not_depend_on_their_number():
    lessons = list(lesson_files(len(KINDS) + 2, seed=5))
    assert [lesson.kind for lesson in lessons] == [*KINDS, *KINDS[:2]]
    (first,) = lesson_files(1, seed=5)
    assert first.frame.equals(lessons[0].frame)
    assert not lessons[0].frame.equals(lessons[len(KINDS)].frame)


def test_a_formatted_lesson_lists_rows_by_cluster():
    lines = format_lesson(make_lesson("families", 1), rows=10).split("\n")
    assert lines[0].startswith("label | id | ")
    assert len(lines) == 11
    labels = [int(line.split(" | ")[0]) for line in lines[1:]]
    assert labels == sorted(labels)
