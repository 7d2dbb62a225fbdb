"""Labelled pairs to train, choose and test on, from benchmark folders.

A folder holds either published labelled pairs (``pairs_train.jsonl``, ``pairs_valid.jsonl``,
``pairs_test.jsonl``), or a full table with all its true matches (``records.csv`` with ``gold.csv``
or ``clusters.csv``). A full table is cut by cluster: each cluster falls to train, valid or test by
a hash, and a pair of records belongs to a part when both its clusters do. Its pairs are the
candidates that the search itself brings, so that the scorer learns on what it will be asked.

Made tables are searched in the same way.

Full tables of a source whose pairs are also published are left out: they hold the test pairs.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.bi_encoder import embed, fit_bi_encoder
from dedupe.blocking.candidates import search
from dedupe.config import Config
from dedupe.evaluation.gold import Gold, read_gold
from dedupe.records import Records, make_records, record_text
from dedupe.training.generators.synthesize import SyntheticTable

PARTS = ("train", "valid", "test")


_SHARES = (0.6, 0.2, 0.2)


_FIRM = 0.03
"""How far from its label the probability of a pair may be for a model to be sure of it."""


@dataclass(frozen=True)
class TextPair:
    """Two record texts, 1 if they are the same thing or 0, and the set the pair is from."""

    left: str
    right: str
    label: int
    origin: str


def labelled_folders(data: Path) -> list[Path]:
    """Return the folders below `data` with published labelled pairs, by name."""
    return sorted(path.parent for path in data.rglob("pairs_train.jsonl"))


def table_folders(data: Path) -> list[Path]:
    """Return the folders below `data` with a full table and its gold, by name."""
    return sorted(
        path.parent
        for path in data.rglob("records.csv")
        if (path.with_name("gold.csv").exists() or path.with_name("clusters.csv").exists())
    )


def published_pairs(folder: Path, part: str) -> list[TextPair]:
    """Return the published labelled pairs of one part of `folder`."""
    pairs = []
    with (folder / f"pairs_{part}.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            pair = json.loads(line)
            left, right = (record_text(pair[side].items()) for side in ("left", "right"))
            pairs.append(TextPair(left, right, int(pair["label"]), folder.name))
    return pairs


def read_full_table(folder: Path) -> tuple[Records, Gold]:
    """Return the records of the full table in `folder` and all that is true of them."""
    frame = pl.read_csv(folder / "records.csv", infer_schema=False).fill_null("")
    records = make_records(frame, Config())
    gold_file = folder / "gold.csv"
    if not gold_file.exists():
        gold_file = folder / "clusters.csv"
    return records, read_gold(pl.read_csv(gold_file, infer_schema=False), records.ids.to_list())


def table_candidates(folder: Path) -> dict[str, list[TextPair]]:
    """Return all candidate pairs of the full table in `folder`, by part.

    Parameters
    ----------
    folder
        Holds ``records.csv`` and ``gold.csv`` or ``clusters.csv``.

    Returns
    -------
    dict
        A list for each of :data:`PARTS`; pairs whose clusters fall to two parts are in none.
    """
    records, gold = read_full_table(folder)
    candidates = _candidates(records)
    left, right = (candidates[side].to_numpy() for side in ("left", "right"))
    parts = cluster_parts(gold.labels, records.keys)
    texts = records.texts.to_list()
    found = {}
    for number, part in enumerate(PARTS):
        here = np.flatnonzero((parts[left] == number) & (parts[right] == number))
        found[part] = [
            TextPair(texts[a], texts[b], int(gold.labels[a] == gold.labels[b]), folder.name)
            for a, b in zip(left[here].tolist(), right[here].tolist(), strict=True)
        ]
    return found


def made_candidates(table: SyntheticTable) -> list[TextPair]:
    """Return the candidate pairs of a synthesized table whose label can be told."""
    records = make_records(pl.DataFrame(table.records).fill_null(""), Config())
    texts = records.texts.to_list()
    found = []
    for a, b in _candidates(records).select("left", "right").iter_rows():
        label = table.label(a, b)
        if label is not None and texts[a] and texts[b]:
            found.append(TextPair(texts[a], texts[b], label, f"made-{table.domain}"))
    return found


def balanced(pairs: Sequence[TextPair], most: int, seed: int) -> list[TextPair]:
    """Return up to `most` of the candidate pairs of one table, at most two fifths of them true."""
    rng = _random(pairs, seed)
    true, false = ([i for i, p in enumerate(pairs) if p.label == label] for label in (1, 0))
    true = rng.sample(true, min(len(true), 2 * most // 5))
    false = rng.sample(false, min(len(false), most - len(true), max(4 * len(true), 50)))
    return [pairs[i] for i in sorted(true + false)]


def as_they_come(pairs: Sequence[TextPair], most: int, seed: int) -> list[TextPair]:
    """Return up to `most` of the candidate pairs of one table, true and false at their own rate."""
    chosen = _random(pairs, seed).sample(range(len(pairs)), min(len(pairs), most))
    return [pairs[i] for i in sorted(chosen)]


def hardest(
    pairs: Sequence[TextPair], probabilities: NDArray[np.float32], most: int, seed: int
) -> list[TextPair]:
    """Return up to `most` pairs of one table for a model to learn from what it got wrong.

    Up to two fifths are true pairs. Of the false ones all that the model does not firmly reject
    come first, then others at random, as many of them as there are true ones or a fifth of `most`,
    whichever is more: what it rejects must stay rejected. Pairs that it is wrong about or
    in doubt of are given twice.

    Parameters
    ----------
    pairs, probabilities
        Candidate pairs, and what the model gives them, (m,) float32.
    most
        Number of different pairs at most.
    seed
        Of the choice among more.
    """
    rng = _random(pairs, seed)
    label = np.array([pair.label for pair in pairs])
    doubtful = np.abs(label - probabilities) > _FIRM
    true = np.flatnonzero(label == 1).tolist()
    hard = np.flatnonzero((label == 0) & doubtful).tolist()
    easy = np.flatnonzero((label == 0) & ~doubtful).tolist()
    true = rng.sample(true, min(len(true), 2 * most // 5))
    hard = rng.sample(hard, min(len(hard), 2 * most // 5))
    easy = rng.sample(easy, min(len(easy), max(len(true), most // 5)))
    again = [i for i in true + hard if doubtful[i]]
    return [pairs[i] for i in sorted(true + hard + easy + again)]


def shuffled_fields(pair: TextPair, rng: random.Random) -> TextPair:
    """Return the pair as another file might have written it.

    Sides change places; sometimes the fields stand in another order, on both sides or on one, and
    sometimes they have no names.
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
    """Return the candidate pairs among the first rows of each text, as row numbers."""
    first = records.texts.to_frame().with_row_index("row").unique("text", keep="first").sort("row")
    texts = first["text"].to_list()
    rows = first["row"].to_numpy()
    config = Config()
    found = search(embed(fit_bi_encoder(config, texts), texts), config).pairs
    return found.with_columns(
        pl.Series("left", rows[found["left"].to_numpy()]),
        pl.Series("right", rows[found["right"].to_numpy()]),
    )


def cluster_parts(labels: NDArray[np.uint32], keys: pl.Series) -> NDArray[np.int64]:
    """Return the number among :data:`PARTS` that each record's cluster falls to, (n,)."""
    shares = np.cumsum(_SHARES)
    part = {}
    for label in np.unique(labels):
        digest = hashlib.sha256(str(keys[int(label)]).encode()).digest()
        part[label] = int(np.searchsorted(shares, int.from_bytes(digest[:6]) / 2**48))
    return np.array([part[label] for label in labels])


def _random(pairs: Sequence[TextPair], seed: int) -> random.Random:
    return random.Random(f"{seed} {pairs[0].origin if pairs else ''} {len(pairs)}")


def origins(pairs: Sequence[TextPair]) -> Iterator[tuple[str, list[TextPair]]]:
    """Yield each origin with its pairs, by name."""
    for origin in sorted({pair.origin for pair in pairs}):
        yield origin, [pair for pair in pairs if pair.origin == origin]
