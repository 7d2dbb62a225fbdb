"""Labelled pairs of record texts from benchmark folders, divided into train, valid and test.

A folder holds either published labelled pairs (``pairs_train.jsonl``, ``pairs_valid.jsonl``,
``pairs_test.jsonl``), or a full table with all its matches (``records.csv`` with ``gold.csv`` or
``clusters.csv``).

A full table is divided by cluster: a hash assigns each cluster to a part, and a pair belongs to a
part if both clusters do. Its pairs are the candidate pairs that the search finds, so that the
model learns on what it will score. Full tables whose pairs are also published are left out, because
they contain the test pairs.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.candidates import find_candidate_pairs
from dedupe.blocking.embedding.bi_encoder import embed, fit_bi_encoder
from dedupe.config import Config
from dedupe.evaluation.gold import Gold, read_gold
from dedupe.records.records import Records, make_records, record_text

PARTS = ("train", "valid", "test")

_SHARES = (0.6, 0.2, 0.2)
"""Shares of the clusters of a table, by part."""

LEFT_OUT_TOGETHER = (
    ("amazon-google",),
    ("walmart-amazon", "walmart-amazon-dirty"),
    ("wdc-computers", "wdc-cameras"),
    ("dblp-acm", "dblp-acm-dirty", "beer"),
)
"""Published sets that measure how a model does on sources that it has not seen: one second stage of
training leaves out each group. A source is in one group, in every form."""
BENCHMARKS = tuple(chain.from_iterable(LEFT_OUT_TOGETHER))
"""Published sets that the second stage of training learns, and the first one leaves out."""
NEVER_LEARNT = (
    "promap-en", "promap-cz", "apps", "video-games", "car-ads", "bikes", "songs-soundtracks",
    "papers-arxiv-cvpr", "companies", "wdc-products", "wdc-products-seen",
)  # fmt: skip
"""Published sets that no cross-encoder learns: they show how it does on data it has not seen."""
LEFT_OUT = (*BENCHMARKS, *NEVER_LEARNT)
"""Published sets that the first stage of training leaves out, by source, in every form."""


@dataclass(frozen=True)
class TextPair:
    """Two record texts with their label.

    Attributes
    ----------
    left, right
        Record texts.
    label
        1 for a match, 0 otherwise.
    origin
        Name of the set that the pair is from.
    """

    left: str
    right: str
    label: int
    origin: str


def labelled_folders(data: Path) -> list[Path]:
    """List the folders below `data` with published labelled pairs, by name."""
    return sorted(path.parent for path in data.rglob("pairs_train.jsonl"))


def table_folders(data: Path) -> list[Path]:
    """List the folders below `data` with a full table and its gold standard, by name."""
    return sorted(
        path.parent
        for path in data.rglob("records.csv")
        if (path.with_name("gold.csv").exists() or path.with_name("clusters.csv").exists())
    )


def published_pairs(folder: Path, part: str) -> list[TextPair]:
    """Read the published labelled pairs of one part."""
    pairs = []
    with (folder / f"pairs_{part}.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            pair = json.loads(line)
            left, right = (record_text(pair[side].items()) for side in ("left", "right"))
            pairs.append(TextPair(left, right, int(pair["label"]), folder.name))
    return pairs


def read_full_table(folder: Path) -> tuple[Records, Gold]:
    """Read the records of a full table and their gold standard."""
    frame = pl.read_csv(folder / "records.csv", infer_schema=False).fill_null("")
    records = make_records(frame, Config())
    gold_file = folder / "gold.csv"
    if not gold_file.exists():
        gold_file = folder / "clusters.csv"
    return records, read_gold(pl.read_csv(gold_file, infer_schema=False), records.ids.to_list())


def table_candidates(folder: Path) -> dict[str, list[TextPair]]:
    """Find the candidate pairs of a full table, by part.

    Parameters
    ----------
    folder
        Folder with ``records.csv`` and ``gold.csv`` or ``clusters.csv``.

    Returns
    -------
    dict
        Pairs by name of :data:`PARTS`. Pairs across two parts are left out.
    """
    records, gold = read_full_table(folder)
    candidates = _candidates(records)
    left, right = (candidates[side].to_numpy() for side in ("left", "right"))
    parts = cluster_parts(gold.labels, records.keys)
    texts = records.texts.to_list()
    pairs = {}
    for number, part in enumerate(PARTS):
        inside = np.flatnonzero((parts[left] == number) & (parts[right] == number))
        pairs[part] = [
            TextPair(texts[a], texts[b], int(gold.labels[a] == gold.labels[b]), folder.name)
            for a, b in zip(left[inside].tolist(), right[inside].tolist(), strict=True)
        ]
    return pairs


def balanced_sample(pairs: Sequence[TextPair], most: int, seed: int) -> list[TextPair]:
    """Sample up to `most` candidate pairs of one table, at most two fifths of them matches."""
    rng = _random(pairs, seed)
    matches, others = ([i for i, p in enumerate(pairs) if p.label == label] for label in (1, 0))
    matches = rng.sample(matches, min(len(matches), 2 * most // 5))
    count = min(len(others), most - len(matches), max(4 * len(matches), 50))
    return [pairs[i] for i in sorted(matches + rng.sample(others, count))]


def sample_pairs(pairs: Sequence[TextPair], most: int, seed: int) -> list[TextPair]:
    """Sample up to `most` candidate pairs of one table, at their own match rate."""
    chosen = _random(pairs, seed).sample(range(len(pairs)), min(len(pairs), most))
    return [pairs[i] for i in sorted(chosen)]


def rearrange_fields(pair: TextPair, rng: random.Random) -> TextPair:
    """Rewrite a pair as other files might have it.

    Swaps the sides in half of the pairs. Sometimes reorders the fields, on both sides alike or on
    one side, and sometimes drops their labels.
    """
    left, right = pair.left.split("\n"), pair.right.split("\n")
    if rng.random() < 0.5:
        left, right = right, left
    roll = rng.random()
    if roll < 0.12:
        order = {label: rng.random() for label in sorted({_label(line) for line in left + right})}
        left.sort(key=lambda line: order[_label(line)])
        right.sort(key=lambda line: order[_label(line)])
    elif roll < 0.2:
        rng.shuffle(left)
    roll = rng.random()
    if roll < 0.15:
        left, right = ([_value(line) for line in side] for side in (left, right))
    elif roll < 0.2:
        left = [_value(line) for line in left]
    return TextPair("\n".join(left), "\n".join(right), pair.label, pair.origin)


def _label(line: str) -> str:
    return line.split(": ", 1)[0]


def _value(line: str) -> str:
    return line.split(": ", 1)[-1]


def _candidates(records: Records) -> pl.DataFrame:
    """Find the candidate pairs among the first records of each text, as row numbers."""
    first = records.texts.to_frame().with_row_index("row").unique("text", keep="first").sort("row")
    texts = first["text"].to_list()
    rows = first["row"].to_numpy()
    config = Config()
    pairs = find_candidate_pairs(embed(fit_bi_encoder(config, texts), texts), config).pairs
    return pairs.with_columns(
        pl.Series("left", rows[pairs["left"].to_numpy()]),
        pl.Series("right", rows[pairs["right"].to_numpy()]),
    )


def cluster_parts(labels: NDArray[np.uint32], keys: pl.Series) -> NDArray[np.int64]:
    """Assign the clusters of n records to parts: (n,) index in :data:`PARTS`, by a hash."""
    shares = np.cumsum(_SHARES)
    part = {}
    for label in np.unique(labels):
        digest = hashlib.sha256(str(keys[int(label)]).encode()).digest()
        part[label] = int(np.searchsorted(shares, int.from_bytes(digest[:6]) / 2**48))
    return np.array([part[label] for label in labels])


def _random(pairs: Sequence[TextPair], seed: int) -> random.Random:
    return random.Random(f"{seed} {pairs[0].origin if pairs else ''} {len(pairs)}")


def by_origin(pairs: Sequence[TextPair]) -> Iterator[tuple[str, list[TextPair]]]:
    """Yield the origins in alphabetical order, each with its pairs."""
    for origin in sorted({pair.origin for pair in pairs}):
        yield origin, [pair for pair in pairs if pair.origin == origin]
