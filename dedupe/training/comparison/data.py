"""Labelled comparison vectors of tables, published pairs and synthetic files."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.embedding.bi_encoder import embed, fit_bi_encoder
from dedupe.blocking.index import Index
from dedupe.config import Config
from dedupe.records.records import Records, make_records
from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.comparison.scales import Bytes
from dedupe.scoring.comparison.vectors import feature_names
from dedupe.scoring.pairs import identical_pairs
from dedupe.training.data import (
    TextPair,
    labelled_folders,
    published_pairs,
    read_full_table,
    table_folders,
)
from dedupe.training.generators.lessons import (
    LARGE_LESSONS,
    LESSONS,
    Lesson,
    make_lesson,
)
from dedupe.training.generators.synthesize import DOMAINS, synthesize_table

FAMILIES = {
    **dict.fromkeys(("wdc-computers", "wdc-cameras", "wdc-products", "wdc-products-seen"), "wdc"),
    **dict.fromkeys(("alaska-cameras",), "wdc"),
    **dict.fromkeys(("promap-en", "promap-cz"), "promap"),
    **dict.fromkeys(("febrl1", "febrl3", "zingg-febrl20k"), "febrl"),
    **dict.fromkeys(("affiliations", "affiliations-ror", "companies"), "affiliations"),
}
"""Sets that are alike: they are held out together. Others are a family of their own."""
LARGE_FILES = {"many-people": 6, "crowds": 3}
"""Large synthetic files of each kind."""
DOMAIN_ROWS = (150, 300, 500, 800, 1_200, 1_200)
"""Rows of the synthetic tables of each domain."""
FRESH_SEED, FRESH_FILES = 1_000, 4
"""Seed of the first synthetic file that no model learns, and files of each kind."""
MOST_PUBLISHED = 12_000
"""Pairs of a published set that are used."""


@dataclass(frozen=True, eq=False)
class LabelledPairs:
    """Pairs of one set, compared and labelled.

    Parameters
    ----------
    name
        Name of the set.
    kind
        ``table``, ``published``, ``lesson`` or ``domain``.
    vectors
        (m, f) uint8 comparison vectors.
    labels
        (m,) int8: 1 for a match, 0 otherwise.
    left, right
        (m,) of str: record texts.
    """

    name: str
    kind: str
    vectors: Bytes
    labels: NDArray[np.int8]
    left: NDArray[np.object_]
    right: NDArray[np.object_]

    @property
    def family(self) -> str:
        """Name under which the set is held out."""
        plain = self.name.removesuffix("-dirty")
        return FAMILIES.get(plain, plain)

    def __len__(self) -> int:
        """Return m, the number of pairs."""
        return len(self.labels)

    def take(self, rows: NDArray[np.int64]) -> LabelledPairs:
        """Take some of the pairs by number."""
        return replace(
            self,
            vectors=self.vectors[rows],
            labels=self.labels[rows],
            left=self.left[rows],
            right=self.right[rows],
        )


def all_sets(data: Path, lessons: int, seed: int, cache: Path) -> Iterator[LabelledPairs]:
    """Yield all sets; what was computed before is read from `cache`.

    Parameters
    ----------
    data
        Folder of benchmark folders.
    lessons
        Synthetic files of each kind.
    seed
        Seed of the first synthetic file.
    cache
        Folder that is filled with one file per set.
    """
    for folder in table_folders(data):
        name = "-".join(folder.relative_to(data).parts)
        yield _cached(cache, name, "table", partial(table_pairs, folder))
    for folder in labelled_folders(data):
        yield published_set(folder, "train", cache)
    yield from synthetic_sets(lessons, seed, cache)
    for kind in LARGE_LESSONS:
        for number in range(seed, seed + LARGE_FILES[kind]):
            yield _cached(
                cache, f"{kind}-{number}", "lesson", partial(lesson_pairs, kind, number, 1)
            )


def published_set(folder: Path, part: str, cache: Path) -> LabelledPairs:
    """Compare the published pairs of one part, or read them from `cache`."""
    compare = partial(compared_published, folder, part)
    return replace(_cached(cache, f"{folder.name}-{part}", "published", compare), name=folder.name)


def synthetic_sets(lessons: int, seed: int, cache: Path) -> Iterator[LabelledPairs]:
    """Yield the synthetic files of each kind, `lessons` of each, and those of each domain."""
    yield from lesson_sets(lessons, seed, cache)
    for domain in DOMAINS:
        yield _cached(cache, f"{domain}-{seed}", "domain", partial(domain_pairs, domain, seed))


def lesson_sets(files: int, seed: int, cache: Path) -> Iterator[LabelledPairs]:
    """Yield the lessons of each kind, `files` synthetic files of each."""
    for kind in LESSONS:
        compare = partial(lesson_pairs, kind, seed, files)
        yield _cached(cache, f"{kind}-{seed}-{files}", "lesson", compare)


def fresh_lessons(cache: Path) -> Iterator[LabelledPairs]:
    """Yield synthetic files of each kind that no model learns."""
    yield from lesson_sets(FRESH_FILES, FRESH_SEED, cache)


_Compared = tuple[Bytes, NDArray[np.int8], list[str], list[str]]
"""Vectors, labels, left and right texts."""


def table_pairs(folder: Path) -> _Compared:
    """Compare the candidate pairs of a full table; of stacked tables, those across them."""
    records, gold = read_full_table(folder)
    left, right, vectors = candidate_vectors(records)
    frame = records.frame
    chosen = np.ones(len(left), dtype=bool)
    if "source" in frame.columns:
        source = frame["source"].to_numpy()
        chosen = source[left] != source[right]
    return _labelled(records, left[chosen], right[chosen], vectors[chosen], gold.labels)


def lesson_pairs(kind: str, first: int, count: int) -> _Compared:
    """Compare the candidate pairs of synthetic files of one kind."""
    parts = [_compare_lesson(make_lesson(kind, seed)) for seed in range(first, first + count)]
    return _joined(parts)


def _joined(parts: Sequence[_Compared]) -> _Compared:
    vectors, labels, left, right = zip(*parts, strict=True)
    return (
        np.concatenate(vectors),
        np.concatenate(labels),
        [text for part in left for text in part],
        [text for part in right for text in part],
    )


def domain_pairs(domain: str, seed: int) -> _Compared:
    """Compare the candidate pairs of the synthetic tables that the cross-encoder learns from.

    Pairs whose records do not suffice to label them are left out.
    """
    parts = []
    for number, rows in enumerate(DOMAIN_ROWS):
        table = synthesize_table(rows, seed * len(DOMAIN_ROWS) + number, domain)
        records = make_records(pl.DataFrame(table.records).fill_null(""), Config())
        left, right, vectors = candidate_vectors(records)
        labels = [table.label(a, b) for a, b in zip(left.tolist(), right.tolist(), strict=True)]
        known = np.array([label is not None for label in labels], dtype=bool)
        texts = [records.texts.gather(side[known]).to_list() for side in (left, right)]
        found = np.array([label for label in labels if label is not None], dtype=np.int8)
        parts.append((vectors[known], found, *texts))
    return _joined(parts)


def compared_published(folder: Path, part: str) -> _Compared:
    """Compare the published pairs of one part; their records are taken for a file."""
    pairs = _some(published_pairs(folder, part))
    texts = sorted({text for pair in pairs for text in (pair.left, pair.right)})
    row = {text: number for number, text in enumerate(texts)}
    left = np.array([row[pair.left] for pair in pairs], dtype=np.uint32)
    right = np.array([row[pair.right] for pair in pairs], dtype=np.uint32)
    vectors = embed(fit_bi_encoder(Config(), texts), texts)
    similarity = np.einsum("ij,ij->i", vectors[left], vectors[right]).astype(np.float32)
    comparison = Comparison(
        pl.Series("text", texts), left, right, similarity, with_neighbours=False
    )
    labels = np.array([pair.label for pair in pairs], dtype=np.int8)
    return (
        comparison.vectors(),
        labels,
        [pair.left for pair in pairs],
        [pair.right for pair in pairs],
    )


def candidate_vectors(
    records: Records,
) -> tuple[NDArray[np.uint32], NDArray[np.uint32], Bytes]:
    """Find and compare the candidate pairs of records, as a run does.

    Groups of identical records are compared as well: each of their pairs has the vector of its
    first record with itself.
    """
    firsts, identical = identical_pairs(records.texts)
    distinct = records.texts.gather(firsts).to_list()
    found = Index.build(distinct, Config()).candidates(distinct, Config()).pairs
    rows = firsts.to_numpy()
    own = identical["left"].to_numpy()
    left, right = (np.concatenate([rows[found[side]], own]) for side in ("left", "right"))
    similarity = np.concatenate([found["similarity"], np.ones(len(own), dtype=np.float32)])
    comparison = Comparison(records.texts, left, right, similarity.astype(np.float32))
    ends = right.copy()
    ends[found.height :] = identical["right"].to_numpy()
    return left, ends, comparison.vectors()


def _compare_lesson(lesson: Lesson) -> _Compared:
    records = make_records(lesson.frame, Config(id="id"))
    left, right, vectors = candidate_vectors(records)
    return _labelled(records, left, right, vectors, lesson.labels)


def _labelled(
    records: Records,
    left: NDArray[np.uint32],
    right: NDArray[np.uint32],
    vectors: Bytes,
    clusters: NDArray[Any],
) -> _Compared:
    texts = [records.texts.gather(side).to_list() for side in (left, right)]
    return vectors, (clusters[left] == clusters[right]).astype(np.int8), texts[0], texts[1]


def _some(pairs: list[TextPair]) -> list[TextPair]:
    """Choose up to :data:`MOST_PUBLISHED` pairs by a hash of their texts."""
    if len(pairs) <= MOST_PUBLISHED:
        return pairs
    ranked = sorted(pairs, key=lambda pair: zlib.crc32(f"{pair.left}\0{pair.right}".encode()))
    return ranked[:MOST_PUBLISHED]


def _cached(cache: Path, name: str, kind: str, compare: Callable[[], _Compared]) -> LabelledPairs:
    """Read a set from the cache, or compare its pairs and write them there."""
    stamp = zlib.crc32(" ".join(feature_names()).encode())
    file = cache / f"{kind}-{name}-{stamp:08x}.npz"
    if not file.exists():
        vectors, labels, *sides = compare()
        cache.mkdir(parents=True, exist_ok=True)
        left, right = (np.frombuffer("\0".join(side).encode(), dtype=np.uint8) for side in sides)
        np.savez_compressed(
            file, vectors=np.ascontiguousarray(vectors), labels=labels, left=left, right=right
        )
    with np.load(file) as stored:
        left_texts, right_texts = (
            np.array(stored[side].tobytes().decode().split("\0"), dtype=object)
            for side in ("left", "right")
        )
        return LabelledPairs(
            name, kind, stored["vectors"], stored["labels"], left_texts, right_texts
        )
