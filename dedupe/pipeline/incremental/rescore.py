"""The search and the scores of a workspace, extended by what is new.

Only texts that are new are embedded and searched, only pairs that they bring are scored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.backends import ANY_SOURCE, CANDIDATES
from dedupe.blocking.index import NO_SLOT, Index, extended, index_texts, open_index
from dedupe.blocking.retrieve import search_new
from dedupe.config import Config
from dedupe.pipeline.incremental.delta import Arrivals
from dedupe.pipeline.stages import Stages
from dedupe.progress import Progress
from dedupe.records import Records
from dedupe.scoring.boosted_trees import BoostedTrees
from dedupe.scoring.cascade import ALL_BELOW
from dedupe.scoring.cross_encoder import load_cross_encoder, prepare_texts, score_texts
from dedupe.scoring.pairs import DECIDERS, PAIRS, identical_pairs
from dedupe.scoring.score import distilled_scores, score_pairs
from dedupe.workspace.folder import Workspace
from dedupe.workspace.state import TableRead, chosen

REFIT = 2.0
"""Weights and distilled are made anew once there are so many times the texts they were fitted to."""


WORTH_LOADING = 50
"""Doubtful pairs that have to be due before the cross-encoder, which takes seconds to load, is
asked for them. Until then the word of a distilled stands that is not trusted with them."""


@dataclass(frozen=True, eq=False)
class Extension:
    """What n records bring.

    Parameters
    ----------
    pairs
        New pairs to be scored.
    old
        The scored ones, renumbered.
    slot
        (n,) u32: place of each record's text in the index; :data:`NO_SLOT` for an empty text.
    touched
        (n,) bool: records that are new or changed, or whose pairs went.
    renumbered
        Whether `old` differs from what was there.
    rebuilt
        The index was made anew.
    notes
        What the user should know, a line each.
    """

    pairs: pl.DataFrame
    old: pl.DataFrame
    slot: NDArray[np.uint32]
    touched: NDArray[np.bool_]
    renumbered: bool
    rebuilt: bool
    notes: tuple[str, ...]


def search_arrivals(
    stages: Stages,
    key: str,
    arrivals: Arrivals,
    table: TableRead,
    slot_before: NDArray[np.uint32],
    facts: Mapping[str, Any],
    scored: pl.DataFrame,
    config: Config,
) -> tuple[Extension, dict[str, Any]]:
    """Find the pairs that new texts bring, and carry over those that stand.

    Parameters
    ----------
    stages
        Of the workspace.
    key
        Under which an index that is made anew is kept.
    arrivals
        What becomes of the records.
    table, slot_before
        The records that were there, and the places of their texts in the index.
    facts
        Of the search, as kept.
    scored
        The pairs that were there.
    config
        Of the workspace.

    Returns
    -------
    Extension
        What the records bring.
    dict
        Facts of the search as it is now.
    """
    with stages.timed("encode"):
        texts = _indexed(stages.workspace, key, arrivals, table, slot_before, facts, config)
    with stages.timed("search"):
        rows = np.arange(len(arrivals.before))
        has_text = texts.slot != NO_SLOT
        row_of = np.full(len(texts.fresh), -1, dtype=np.int64)
        row_of[texts.slot[has_text][::-1]] = rows[has_text][::-1]
        moved = np.full(len(slot_before), -1, dtype=np.int64)
        had_text = texts.slot_before != NO_SLOT
        moved[had_text] = row_of[texts.slot_before[had_text]]
        carried = _renumbered(scored, moved)
        known = chosen(carried).select(CANDIDATES.names())
        known = known.with_columns(
            pl.Series(side, texts.slot[known[side].to_numpy()]) for side in ("left", "right")
        )
        radius = float(facts["radius"])
        tables = None
        if config.link and not config.within:
            tables = _tables_of(texts.slot, arrivals.records.source, len(texts.fresh))
        stored = texts.index.stored
        found = search_new(stored, texts.fresh, row_of >= 0, known, radius, config, tables)
        found = _renumbered(found, row_of)
        touched = arrivals.given | _left_behind(arrivals, texts, scored)
    renumbered = carried is not scored
    return Extension(found, carried, texts.slot, touched, renumbered, texts.rebuilt, texts.notes), {
        **facts,
        "stored": dict(texts.index.facts),
    }


def _tables_of(slot: NDArray[np.uint32], source: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Return the table of each of `size` texts, or that it stands in several."""
    low = np.full(size, ANY_SOURCE, dtype=np.uint8)
    high = np.zeros(size, dtype=np.uint8)
    there = slot != NO_SLOT
    np.minimum.at(low, slot[there], source[there])
    np.maximum.at(high, slot[there], source[there])
    return np.where(low == high, low, ANY_SOURCE).astype(np.uint8)


def _left_behind(arrivals: Arrivals, texts: _Texts, scored: pl.DataFrame) -> NDArray[np.bool_]:
    """Return the records that had pairs, or the text, of one that is changed or gone."""
    gone = np.ones(len(texts.slot_before), dtype=bool)
    stays = (arrivals.before >= 0) & ~arrivals.given
    gone[arrivals.before[stays]] = False
    if not gone.any():
        return np.zeros(len(arrivals.before), dtype=bool)
    of_slot = np.zeros(len(texts.fresh), dtype=bool)
    of_slot[texts.slot_before[gone & (texts.slot_before != NO_SLOT)]] = True
    at = np.where(texts.slot_before == NO_SLOT, 0, texts.slot_before)
    alike = gone | (of_slot[at] & (texts.slot_before != NO_SLOT))
    left, right = (scored[side].to_numpy() for side in ("left", "right"))
    behind = alike.copy()
    behind[right[alike[left]]] = True
    behind[left[alike[right]]] = True
    left_behind: NDArray[np.bool_] = (arrivals.before >= 0) & behind[np.maximum(arrivals.before, 0)]
    return left_behind


def _renumbered(pairs: pl.DataFrame, to: NDArray[np.int64]) -> pl.DataFrame:
    """Return pairs under new row numbers, without those of which a record has none (-1)."""
    ends = [pairs[side].to_numpy() for side in ("left", "right")]
    left, right = (to[end] for end in ends)
    if np.array_equal(left, ends[0]) and np.array_equal(right, ends[1]):
        return pairs
    there = (left >= 0) & (right >= 0)
    return (
        pairs.filter(pl.Series(there))
        .with_columns(
            pl.Series("left", np.minimum(left, right)[there].astype(np.uint32)),
            pl.Series("right", np.maximum(left, right)[there].astype(np.uint32)),
        )
        .sort("left", "right")
    )


@dataclass(frozen=True, eq=False)
class _Texts:
    """The distinct texts of n records, and of those before, as places in an index.

    Parameters
    ----------
    index
        Of s texts.
    slot, slot_before
        (n,) u32 of the records as they will be, and of those before.
    fresh
        (s,) bool: texts that no record had before.
    rebuilt
        Made anew from all records.
    notes
        What the user should know, a line each.
    """

    index: Index
    slot: NDArray[np.uint32]
    slot_before: NDArray[np.uint32]
    fresh: NDArray[np.bool_]
    rebuilt: bool = False
    notes: tuple[str, ...] = ()


def _indexed(
    workspace: Workspace | None,
    key: str,
    arrivals: Arrivals,
    table: TableRead,
    slot_before: NDArray[np.uint32],
    facts: Mapping[str, Any],
    config: Config,
) -> _Texts:
    """Extend the kept index by the texts that are new, or make it anew where that is due."""
    assert workspace is not None
    held = open_index(workspace, facts.get("stored") or {}, config)
    if held is None or held.facts["rows"] >= REFIT * held.facts["fitted_on"]:
        note = "the search index was missing or damaged: it was made anew"
        texts = _indexed_anew(workspace, key, arrivals, table, config)
        return texts if held is not None else replace(texts, notes=(note,))
    size = held.facts["rows"]
    stays = (arrivals.before >= 0) & ~arrivals.given
    slot = np.full(len(arrivals.before), NO_SLOT, dtype=np.uint32)
    slot[stays] = slot_before[arrivals.before[stays]]
    given_texts = arrivals.records.texts.filter(pl.Series(arrivals.given))
    asked = given_texts.unique(maintain_order=True).to_frame("text").filter(pl.col("text") != "")
    there = (
        pl.DataFrame({"text": table.records.texts, "slot": slot_before})
        .join(asked, on="text", how="semi")
        .unique("text", keep="first", maintain_order=True)
    )
    new = asked.join(there, on="text", how="anti", maintain_order="left")
    numbers = pl.concat(
        [there, new.with_columns((pl.int_range(pl.len()) + size).cast(pl.UInt32).alias("slot"))]
    )
    slot[arrivals.given] = _slots(given_texts, numbers)
    index = extended(workspace, held, new["text"].to_list())
    return _Texts(index, slot, slot_before, np.arange(index.facts["rows"]) >= size)


def _indexed_anew(
    workspace: Workspace, key: str, arrivals: Arrivals, table: TableRead, config: Config
) -> _Texts:
    texts, before = arrivals.records.texts, table.records.texts
    distinct = texts.gather(identical_pairs(texts)[0])
    facts = index_texts(workspace, key, distinct.to_list(), config)
    index = open_index(workspace, facts, config)
    assert index is not None
    numbers = distinct.to_frame("text").with_row_index("slot").filter(pl.col("text") != "")
    fresh = ~distinct.is_in(before.implode()).to_numpy()
    return _Texts(index, _slots(texts, numbers), _slots(before, numbers), fresh, rebuilt=True)


def _slots(texts: pl.Series, numbers: pl.DataFrame) -> NDArray[np.uint32]:
    """Return the ``slot`` of each text in `numbers`; :data:`NO_SLOT` where it has none."""
    found = texts.to_frame("text").join(numbers, on="text", how="left", maintain_order="left")
    return found["slot"].cast(pl.UInt32).fill_null(int(NO_SLOT)).to_numpy()


def same_text(slot: NDArray[np.uint32]) -> pl.DataFrame:
    """Return the pairs of identical records, found by place in the index instead of by text."""
    rows = np.flatnonzero(slot != NO_SLOT)
    first = np.zeros(int(slot[rows].max(initial=0)) + 1, dtype=np.uint32)
    first[slot[rows][::-1]] = rows[::-1]
    left = first[slot[rows]]
    other = left != rows
    ones = np.ones(int(other.sum()), dtype=np.float32)
    return pl.DataFrame(
        {
            "left": left[other],
            "right": rows[other],
            "similarity": ones,
            "probability": ones,
            "decided_by": ["identical"] * len(ones),
        },
        schema=PAIRS,
    ).sort("left", "right")


Judged = tuple[pl.DataFrame, dict[str, Any], NDArray[np.uint32]]
"""All scored pairs, facts of the scoring, and the records of old pairs that were judged anew."""


def score_arrivals(
    stages: Stages,
    key: str,
    records: Records,
    found: Extension,
    facts: dict[str, Any],
    config: Config,
) -> Judged:
    """Score the new pairs: by the distilled that is kept, else by the cross-encoder.

    Parameters
    ----------
    stages
        Of the workspace.
    key
        Under which a distilled that is made is kept.
    records
        All n records as they will be.
    found
        What they bring.
    facts
        Of the scoring, as kept.
    config
        Of the workspace.
    """
    workspace, new = stages.workspace, found.pairs
    assert workspace is not None
    with stages.timed("score") as progress:
        arrays = workspace.load_arrays("distilled", str(facts.get("kept_as", "")))
        relearn = found.rebuilt and new.height > 2 * ALL_BELOW
        if arrays is not None and not relearn:
            return _by_student(BoostedTrees(**arrays), records, found, facts, config, progress)
        if new.is_empty():
            return found.old, facts, np.empty(0, dtype=np.uint32)
        return _by_cross_encoder(
            workspace, key, records, found, facts, config, progress, first=arrays is None
        )


def _by_student(
    distilled: BoostedTrees,
    records: Records,
    found: Extension,
    facts: Mapping[str, Any],
    config: Config,
    progress: Progress,
) -> Judged:
    """Score the new pairs by a distilled, and the doubtful ones that are due by the cross-encoder."""
    new = found.pairs
    # Of what a run over all could ask of the cross-encoder, the share of the new pairs.
    share = new.height / max(found.old.height + new.height, 1)
    owed = facts.get("owed", 0.0) + config.cross_encoder_pairs * share
    scores = new.with_columns(
        pl.Series("probability", distilled_scores(distilled, facts["layout"], new, records.texts)),
        pl.lit("distilled").cast(DECIDERS).alias("decided_by"),
        pl.lit(0, dtype=pl.UInt32).alias("seen"),
    )
    pairs = pl.concat([found.old, scores])
    pairs, judged = _doubtful_judged(
        pairs, {**facts, "owed": owed}, records.texts, config, progress
    )
    ends = np.unique(judged.select("left", "right").to_numpy())
    return pairs, {**facts, "owed": owed - judged.height}, ends


def _by_cross_encoder(
    workspace: Workspace,
    key: str,
    records: Records,
    found: Extension,
    facts: dict[str, Any],
    config: Config,
    progress: Progress,
    *,
    first: bool,
) -> Judged:
    """Score the new pairs by the cross-encoder, which may make a distilled on the way.

    Where there was none (`first`) and all pairs together are enough for one, it is made of them,
    and decides as it would have in a run over all.
    """
    new = found.pairs
    pairs = new.with_columns(pl.lit(0, dtype=pl.UInt32).alias("seen"))
    first = first and bool((found.old["decided_by"] == "cross-encoder").all())
    if first and found.old.height + new.height > ALL_BELOW:
        # What the cross-encoder said of the old pairs teaches it as well.
        pairs = pl.concat([found.old.select(pairs.columns), pairs])
    known = np.full(pairs.height, np.nan, dtype=np.float32)
    if pairs.height > new.height:
        known[: found.old.height] = found.old["probability"].to_numpy()
    model = load_cross_encoder(config)
    scores, learnt, distilled = score_pairs(model, pairs, records.texts, config, progress, known)
    if distilled is not None:
        workspace.save_arrays("distilled", key, distilled.arrays())
        facts = {**learnt, "kept_as": key, "owed": 0.0}
    scores = scores.hstack([pairs["seen"]])
    if pairs.height == new.height:
        return pl.concat([found.old, scores]), facts, np.empty(0, dtype=np.uint32)
    old, was = scores[: found.old.height], found.old
    moved = old.filter(
        (old["probability"] != was["probability"]) | (old["decided_by"] != was["decided_by"])
    )
    return scores, facts, np.unique(moved.select("left", "right").to_numpy())


def _doubtful_judged(
    pairs: pl.DataFrame,
    facts: Mapping[str, Any],
    texts: pl.Series,
    config: Config,
    progress: Progress,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Let the cross-encoder judge the most doubtful pairs, once enough of them are due.

    Returns all pairs, and those that it judged.
    """
    chance = pl.col("probability")
    doubtful = (
        pairs.with_row_index("at")
        .filter(
            (pl.col("decided_by") == "distilled")
            & (chance > facts["low"])
            & (chance < facts["high"])
            & (pl.col("seen") == 0)
        )
        .sort((chance - 0.5).abs(), "left", "right")
        .head(int(facts["owed"]))
    )
    if doubtful.height < WORTH_LOADING:
        return pairs, doubtful.clear()
    model = load_cross_encoder(config)
    left, right = (
        prepare_texts(model, texts.gather(doubtful[side]).to_list()) for side in ("left", "right")
    )
    judged = score_texts(model, left, right, progress)
    probability = pairs["probability"].to_numpy().copy()
    by_model = np.zeros(len(pairs), dtype=bool)
    by_model[doubtful["at"].to_numpy()] = True
    probability[doubtful["at"].to_numpy()] = judged
    return pairs.with_columns(
        pl.Series("probability", probability),
        pl.when(pl.Series(by_model))
        .then(pl.lit("cross-encoder").cast(DECIDERS))
        .otherwise(pl.col("decided_by"))
        .alias("decided_by"),
    ), doubtful
