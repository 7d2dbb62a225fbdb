"""The search and the scores of a workspace, extended by a delta.

Only texts that are new are embedded and searched, and only the pairs that they form are scored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.backends import ANY_SOURCE, CANDIDATES
from dedupe.blocking.index import NO_SLOT, Index, build_index, extend_index, open_index
from dedupe.blocking.retrieve import find_new_candidate_pairs
from dedupe.config import Config
from dedupe.pipeline.incremental.delta import Delta
from dedupe.pipeline.stages import Stages
from dedupe.progress import Progress
from dedupe.records import Records
from dedupe.scoring.boosted_trees import BoostedTrees
from dedupe.scoring.cascade import CASCADE_ABOVE
from dedupe.scoring.cross_encoder import load_cross_encoder, prepare_texts, score_texts
from dedupe.scoring.pairs import DECIDERS, PAIRS, identical_pairs
from dedupe.scoring.score import distilled_scores, score_pairs
from dedupe.workspace.stage_cache import DISTILLED, StageCache
from dedupe.workspace.stored import RecordTable, candidates_of

REFIT = 2.0
"""Growth of the number of texts from which weights and distilled model are fitted again."""
WORTH_LOADING = 50
"""Doubtful pairs that must be due before the cross-encoder, which takes seconds to load, scores
them. Until then the scores of the distilled model remain."""


@dataclass(frozen=True, eq=False)
class NewPairs:
    """The pairs that a delta adds to n records.

    Parameters
    ----------
    pairs
        New pairs to score.
    old
        The scored pairs that remain, renumbered.
    slot
        (n,) u32: place of each record's text in the index; :data:`NO_SLOT` for an empty text.
    affected
        (n,) bool: records that are new or changed, or that lost a pair.
    renumbered
        Whether `old` differs from the earlier pairs.
    rebuilt
        Whether the index was rebuilt.
    notes
        Lines that the user should read.
    """

    pairs: pl.DataFrame
    old: pl.DataFrame
    slot: NDArray[np.uint32]
    affected: NDArray[np.bool_]
    renumbered: bool
    rebuilt: bool
    notes: tuple[str, ...]


def search_delta(
    stages: Stages,
    key: str,
    delta: Delta,
    table: RecordTable,
    slot_before: NDArray[np.uint32],
    facts: Mapping[str, Any],
    scored: pl.DataFrame,
    config: Config,
) -> tuple[NewPairs, dict[str, Any]]:
    """Find the pairs that new texts form, and carry over those that remain.

    Parameters
    ----------
    stages
        Stages of the workspace.
    key
        Key under which a rebuilt index is cached.
    delta
        How the records change.
    table, slot_before
        The earlier records, and the places of their texts in the index.
    facts
        Facts of the last search.
    scored
        The earlier scored pairs.
    config
        Configuration of the workspace.

    Returns
    -------
    NewPairs
        The pairs.
    dict
        Facts of the search after the change.
    """
    with stages.timed("encode"):
        texts = _extended(stages.workspace.cache, key, delta, table, slot_before, facts, config)
    with stages.timed("search"):
        rows = np.arange(len(delta.previous))
        has_text = texts.slot != NO_SLOT
        row_of = np.full(len(texts.fresh), -1, dtype=np.int64)
        row_of[texts.slot[has_text][::-1]] = rows[has_text][::-1]
        moved = np.full(len(slot_before), -1, dtype=np.int64)
        had_text = texts.slot_before != NO_SLOT
        moved[had_text] = row_of[texts.slot_before[had_text]]
        old = _renumbered(scored, moved)
        known = candidates_of(old).select(CANDIDATES.names())
        known = known.with_columns(
            pl.Series(side, texts.slot[known[side].to_numpy()]) for side in ("left", "right")
        )
        radius = float(facts["radius"])
        tables = None
        if config.link and not config.within_tables:
            tables = _tables_of(texts.slot, delta.records.source, len(texts.fresh))
        stored = texts.index.stored
        found = find_new_candidate_pairs(
            stored, texts.fresh, row_of >= 0, known, radius, config, tables
        )
    new = NewPairs(
        pairs=_renumbered(found, row_of),
        old=old,
        slot=texts.slot,
        affected=delta.changed | _left_by_removed(delta, texts, scored),
        renumbered=old is not scored,
        rebuilt=texts.rebuilt,
        notes=texts.notes,
    )
    return new, {**facts, "stored": dict(texts.index.facts)}


def _tables_of(slot: NDArray[np.uint32], source: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Return the table of each of `size` texts, or that several tables have it."""
    low = np.full(size, ANY_SOURCE, dtype=np.uint8)
    high = np.zeros(size, dtype=np.uint8)
    there = slot != NO_SLOT
    np.minimum.at(low, slot[there], source[there])
    np.maximum.at(high, slot[there], source[there])
    return np.where(low == high, low, ANY_SOURCE).astype(np.uint8)


def _left_by_removed(delta: Delta, texts: _Texts, scored: pl.DataFrame) -> NDArray[np.bool_]:
    """Return the records that shared a pair or a text with a changed or removed one."""
    gone = np.ones(len(texts.slot_before), dtype=bool)
    stays = (delta.previous >= 0) & ~delta.changed
    gone[delta.previous[stays]] = False
    if not gone.any():
        return np.zeros(len(delta.previous), dtype=bool)
    of_slot = np.zeros(len(texts.fresh), dtype=bool)
    of_slot[texts.slot_before[gone & (texts.slot_before != NO_SLOT)]] = True
    at = np.where(texts.slot_before == NO_SLOT, 0, texts.slot_before)
    alike = gone | (of_slot[at] & (texts.slot_before != NO_SLOT))
    left, right = (scored[side].to_numpy() for side in ("left", "right"))
    behind = alike.copy()
    behind[right[alike[left]]] = True
    behind[left[alike[right]]] = True
    left_behind: NDArray[np.bool_] = (delta.previous >= 0) & behind[np.maximum(delta.previous, 0)]
    return left_behind


def _renumbered(pairs: pl.DataFrame, to: NDArray[np.int64]) -> pl.DataFrame:
    """Return pairs under new row numbers, without those that lost a record (-1)."""
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
    """The distinct texts of the records before and after a change, as places in an index.

    Parameters
    ----------
    index
        Index of s texts.
    slot, slot_before
        (n,) u32: places of the records' texts after the change, and before.
    fresh
        (s,) bool: texts that no record had before.
    rebuilt
        Whether the index was rebuilt from all records.
    notes
        Lines that the user should read.
    """

    index: Index
    slot: NDArray[np.uint32]
    slot_before: NDArray[np.uint32]
    fresh: NDArray[np.bool_]
    rebuilt: bool = False
    notes: tuple[str, ...] = ()


def _extended(
    cache: StageCache,
    key: str,
    delta: Delta,
    table: RecordTable,
    slot_before: NDArray[np.uint32],
    facts: Mapping[str, Any],
    config: Config,
) -> _Texts:
    """Extend the stored index by the new texts, or rebuild it if it is damaged or outgrown."""
    stored = open_index(cache, facts.get("stored") or {}, config)
    if stored is None or stored.facts["rows"] >= REFIT * stored.facts["fitted_on"]:
        note = "the search index was missing or damaged: it was rebuilt"
        texts = _rebuilt(cache, key, delta, table, config)
        return texts if stored is not None else replace(texts, notes=(note,))
    size = stored.facts["rows"]
    stays = (delta.previous >= 0) & ~delta.changed
    slot = np.full(len(delta.previous), NO_SLOT, dtype=np.uint32)
    slot[stays] = slot_before[delta.previous[stays]]
    changed_texts = delta.records.texts.filter(pl.Series(delta.changed))
    wanted = changed_texts.unique(maintain_order=True).to_frame("text").filter(pl.col("text") != "")
    there = (
        pl.DataFrame({"text": table.records.texts, "slot": slot_before})
        .join(wanted, on="text", how="semi")
        .unique("text", keep="first", maintain_order=True)
    )
    new = wanted.join(there, on="text", how="anti", maintain_order="left")
    numbers = pl.concat(
        [there, new.with_columns((pl.int_range(pl.len()) + size).cast(pl.UInt32).alias("slot"))]
    )
    slot[delta.changed] = _slots(changed_texts, numbers)
    index = extend_index(cache, stored, new["text"].to_list())
    return _Texts(index, slot, slot_before, np.arange(index.facts["rows"]) >= size)


def _rebuilt(
    cache: StageCache, key: str, delta: Delta, table: RecordTable, config: Config
) -> _Texts:
    """Build the index again from all records."""
    texts, before = delta.records.texts, table.records.texts
    distinct = texts.gather(identical_pairs(texts)[0])
    facts = build_index(cache, key, distinct.to_list(), config)
    index = open_index(cache, facts, config)
    assert index is not None
    numbers = distinct.to_frame("text").with_row_index("slot").filter(pl.col("text") != "")
    fresh = ~distinct.is_in(before.implode()).to_numpy()
    return _Texts(index, _slots(texts, numbers), _slots(before, numbers), fresh, rebuilt=True)


def _slots(texts: pl.Series, numbers: pl.DataFrame) -> NDArray[np.uint32]:
    """Return the ``slot`` of each text in `numbers`; :data:`NO_SLOT` if it has none."""
    found = texts.to_frame("text").join(numbers, on="text", how="left", maintain_order="left")
    return found["slot"].cast(pl.UInt32).fill_null(int(NO_SLOT)).to_numpy()


def identical_by_slot(slot: NDArray[np.uint32]) -> pl.DataFrame:
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


Rescored = tuple[pl.DataFrame, dict[str, Any], NDArray[np.uint32]]
"""All scored pairs, facts of the scoring, and the records of old pairs whose scores changed."""


def score_delta(
    stages: Stages,
    key: str,
    records: Records,
    found: NewPairs,
    facts: dict[str, Any],
    config: Config,
) -> Rescored:
    """Score the new pairs: with the stored distilled model if there is one.

    Parameters
    ----------
    stages
        Stages of the workspace.
    key
        Key under which a new distilled model is cached.
    records
        All n records after the change.
    found
        The pairs.
    facts
        Facts of the last scoring.
    config
        Configuration of the workspace.
    """
    cache, new = stages.workspace.cache, found.pairs
    with stages.timed("score") as progress:
        arrays = cache.load_arrays(DISTILLED, str(facts.get("model_key", "")))
        refit = found.rebuilt and new.height > 2 * CASCADE_ABOVE
        if arrays is not None and not refit:
            model = BoostedTrees(**arrays)
            return _score_with_distilled(model, records, found, facts, config, progress)
        if new.is_empty():
            return found.old, facts, np.empty(0, dtype=np.uint32)
        return _score_with_cross_encoder(
            cache, key, records, found, facts, config, progress, first=arrays is None
        )


def _score_with_distilled(
    distilled: BoostedTrees,
    records: Records,
    found: NewPairs,
    facts: Mapping[str, Any],
    config: Config,
    progress: Progress,
) -> Rescored:
    """Score the new pairs with the distilled model, and doubtful ones with the cross-encoder."""
    new = found.pairs
    # The new pairs' share of the cross-encoder's budget in a run over all pairs.
    share = new.height / max(found.old.height + new.height, 1)
    owed = facts.get("owed", 0.0) + config.cross_encoder_pairs * share
    scores = new.with_columns(
        pl.Series("probability", distilled_scores(distilled, facts["layout"], new, records.texts)),
        pl.lit("distilled").cast(DECIDERS).alias("decided_by"),
        pl.lit(0, dtype=pl.UInt32).alias("seen"),
    )
    pairs = pl.concat([found.old, scores])
    budget = {**facts, "owed": owed}
    pairs, rescored = _rescore_doubtful(pairs, budget, records.texts, config, progress)
    ends = np.unique(rescored.select("left", "right").to_numpy())
    return pairs, {**facts, "owed": owed - rescored.height}, ends


def _score_with_cross_encoder(
    cache: StageCache,
    key: str,
    records: Records,
    found: NewPairs,
    facts: dict[str, Any],
    config: Config,
    progress: Progress,
    *,
    first: bool,
) -> Rescored:
    """Score the new pairs with the cross-encoder, which may distil a model from them.

    If there was no distilled model (`first`) and all pairs together are enough for one, it is
    fitted to them, and scores pairs as it would in a run over everything.
    """
    new = found.pairs
    pairs = new.with_columns(pl.lit(0, dtype=pl.UInt32).alias("seen"))
    first = first and bool((found.old["decided_by"] == "cross-encoder").all())
    if first and found.old.height + new.height > CASCADE_ABOVE:
        # The cross-encoder's earlier scores are training data as well.
        pairs = pl.concat([found.old.select(pairs.columns), pairs])
    known = np.full(pairs.height, np.nan, dtype=np.float32)
    if pairs.height > new.height:
        known[: found.old.height] = found.old["probability"].to_numpy()
    model = load_cross_encoder(config)
    scores, fitted, distilled = score_pairs(model, pairs, records.texts, config, progress, known)
    if distilled is not None:
        cache.save_arrays(DISTILLED, key, distilled.to_arrays())
        facts = {**fitted, "model_key": key, "owed": 0.0}
    scores = scores.hstack([pairs["seen"]])
    if pairs.height == new.height:
        return pl.concat([found.old, scores]), facts, np.empty(0, dtype=np.uint32)
    old, before = scores[: found.old.height], found.old
    moved = old.filter(
        (old["probability"] != before["probability"]) | (old["decided_by"] != before["decided_by"])
    )
    return scores, facts, np.unique(moved.select("left", "right").to_numpy())


def _rescore_doubtful(
    pairs: pl.DataFrame,
    facts: Mapping[str, Any],
    texts: pl.Series,
    config: Config,
    progress: Progress,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Score the most doubtful pairs with the cross-encoder, once enough of them are due.

    Returns all pairs, and those that were scored again.
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
    scores = score_texts(model, left, right, progress)
    probability = pairs["probability"].to_numpy().copy()
    by_model = np.zeros(len(pairs), dtype=bool)
    by_model[doubtful["at"].to_numpy()] = True
    probability[doubtful["at"].to_numpy()] = scores
    return pairs.with_columns(
        pl.Series("probability", probability),
        pl.when(pl.Series(by_model))
        .then(pl.lit("cross-encoder").cast(DECIDERS))
        .otherwise(pl.col("decided_by"))
        .alias("decided_by"),
    ), doubtful
