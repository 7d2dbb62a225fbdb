"""The search and the scores of a workspace, extended by a delta.

Only texts that are new are embedded and searched, and only the pairs that they form are scored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.backends import CANDIDATES
from dedupe.blocking.index import NO_SLOT, Index
from dedupe.blocking.sources import sources_of_texts
from dedupe.config import Config
from dedupe.pipeline.incremental.delta import Delta
from dedupe.pipeline.pairs import own_pairs, record_sources
from dedupe.pipeline.stages import Stages
from dedupe.progress import Progress
from dedupe.records.records import Records
from dedupe.scoring.cascade import DOUBTFUL, cross_encoder_budget
from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.comparison.model import CANDIDATE_FEATURES, LOGIT_LIMIT
from dedupe.scoring.comparison.scales import Bytes
from dedupe.scoring.comparison.statistics import FileStatistics
from dedupe.scoring.cross_encoder.encoder import load_cross_encoder
from dedupe.scoring.explanation.short_reasons import reasons_of
from dedupe.scoring.logistic import logit, sigmoid
from dedupe.scoring.pairs import ALL_EQUAL, DECIDERS, PAIRS, of_own_record
from dedupe.scoring.score import held_out_scores, judge
from dedupe.workspace.stage_cache import StageCache
from dedupe.workspace.stored import RecordTable, candidates_of

WORTH_LOADING = 50
"""Doubtful pairs that must be due before the cross-encoder, which takes seconds to load, scores
them. Until then the scores of the comparison model remain."""


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
    """

    pairs: pl.DataFrame
    old: pl.DataFrame
    slot: NDArray[np.uint32]
    affected: NDArray[np.bool_]
    renumbered: bool


def search_delta(
    stages: Stages,
    index: Index,
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
    index
        Index of the earlier texts; its files are extended.
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
        texts = _extended(stages.workspace.cache, index, delta, table, slot_before)
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
        number, _ = record_sources(delta.records, config)
        sources = sources_of_texts(number, texts.slot, len(texts.fresh), config)
        of_slot: list[str] = []
        if texts.index.has_views:
            of_slot = delta.records.texts.gather(np.maximum(row_of, 0)).to_list()
        found = texts.index.new_candidates(
            of_slot, texts.fresh, row_of >= 0, known, radius, config, sources
        )
    new = NewPairs(
        pairs=_renumbered(found, row_of),
        old=old,
        slot=texts.slot,
        affected=delta.changed | _left_by_removed(delta, texts, scored),
        renumbered=old is not scored,
    )
    return new, {**facts, "stored": dict(texts.index.facts)}


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
    """

    index: Index
    slot: NDArray[np.uint32]
    slot_before: NDArray[np.uint32]
    fresh: NDArray[np.bool_]


def _extended(
    cache: StageCache,
    index: Index,
    delta: Delta,
    table: RecordTable,
    slot_before: NDArray[np.uint32],
) -> _Texts:
    """Extend the stored index by the new texts."""
    size = index.facts["rows"]
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
    extended = index.add(new["text"].to_list(), cache)
    return _Texts(extended, slot, slot_before, np.arange(extended.facts["rows"]) >= size)


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
            "reason": [ALL_EQUAL] * len(ones),
        },
        schema=PAIRS,
    ).sort("left", "right")


Rescored = tuple[pl.DataFrame, dict[str, Any], NDArray[np.uint32]]
"""All scored pairs, facts of the scoring, and the records of the pairs that the cross-encoder
judged."""


def score_delta(
    stages: Stages,
    records: Records,
    found: NewPairs,
    statistics: FileStatistics,
    facts: dict[str, Any],
    config: Config,
) -> Rescored:
    """Score the new pairs as in the last run, with the statistics of its file.

    Parameters
    ----------
    stages
        Stages of the workspace.
    records
        All n records after the change.
    found
        The pairs.
    statistics
        Statistics of the file of the last run.
    facts
        Facts of the last scoring.
    config
        Configuration of the workspace.
    """
    with stages.timed("score") as progress:
        own = own_pairs(_new_groups(found.slot, found.old)).drop("seen")
        new = pl.concat([own, found.pairs.select(own.columns)]).sort("left", "right")
        if new.is_empty():
            return found.old, facts, np.empty(0, dtype=np.uint32)
        scored = _compared(new, records.texts, statistics)
        pairs = pl.concat([found.old, scored])
        # The new pairs' share of the budget of a run over all pairs.
        share = new.height / pairs.height
        owed = facts.get("owed", 0.0) + cross_encoder_budget(len(records), config) * share
        pairs, judged = _judge_doubtful(pairs, owed, records.texts, statistics, config, progress)
        facts = {
            **facts,
            "owed": owed - judged.height if np.isfinite(owed) else 0.0,
            "judged": facts.get("judged", 0) + judged.height,
        }
        return pairs, facts, np.unique(judged.select("left", "right").to_numpy())


def _new_groups(slot: NDArray[np.uint32], old: pl.DataFrame) -> pl.Series:
    """Return the first records of groups of identical ones that were not scored as a group yet."""
    first = identical_by_slot(slot)["left"].unique().sort()
    known = of_own_record(old)["left"]
    return first.filter(~first.is_in(known.implode()))


def _compared(pairs: pl.DataFrame, texts: pl.Series, statistics: FileStatistics) -> pl.DataFrame:
    """Score pairs with the comparison model."""
    comparison = _comparison(pairs, texts, statistics)
    log_odds = comparison.log_odds()
    own = pl.col("left") == pl.col("right")
    return pairs.with_columns(
        pl.Series("probability", sigmoid(log_odds), dtype=pl.Float32),
        pl.when(own)
        .then(pl.lit("identical"))
        .otherwise(pl.lit("comparison"))
        .cast(DECIDERS)
        .alias("decided_by"),
        reasons_of(comparison, log_odds),
        pl.lit(0, dtype=pl.UInt32).alias("seen"),
    )


def _comparison(pairs: pl.DataFrame, texts: pl.Series, statistics: FileStatistics) -> Comparison:
    """Prepare the comparison of pairs, without the records that are in none."""
    rows, place = np.unique(pairs.select("left", "right").to_numpy(), return_inverse=True)
    left, right = place.reshape(-1, 2).astype(np.uint32).T
    placed = pairs.with_columns(pl.Series("left", left), pl.Series("right", right))
    return Comparison.of(texts.gather(rows), placed, statistics)


def _judge_doubtful(
    pairs: pl.DataFrame,
    owed: float,
    texts: pl.Series,
    statistics: FileStatistics,
    config: Config,
    progress: Progress,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Let the cross-encoder judge the most doubtful pairs, once enough of them are due.

    Returns all pairs, and those that were judged.
    """
    log_odds = pl.Series(logit(pairs["probability"].to_numpy(), LOGIT_LIMIT), dtype=pl.Float32)
    waiting = (pl.col("decided_by") == "comparison") & (pl.col("seen") == 0)
    doubtful = pairs.with_row_index("at").with_columns(log_odds.alias("log odds")).filter(waiting)
    if np.isfinite(owed):
        doubt = pl.col("log odds").abs()
        doubtful = doubtful.filter(doubt < DOUBTFUL).sort(doubt, "left", "right").head(int(owed))
    if (doubtful.height < WORTH_LOADING and np.isfinite(owed)) or doubtful.is_empty():
        return pairs, doubtful.clear()
    left, right = (doubtful[side].to_numpy() for side in ("left", "right"))
    model, held_out = load_cross_encoder(config), held_out_scores(config.cross_encoder)
    at = doubtful["at"].to_numpy()
    features = _candidate_features(pairs, at, texts, statistics)
    before = doubtful["log odds"].to_numpy()
    judged = judge(model, texts, left, right, before, features, held_out, progress)
    probability = pairs["probability"].to_numpy().copy()
    by_model = np.zeros(len(pairs), dtype=bool)
    by_model[at] = True
    probability[at] = sigmoid(judged)
    return pairs.with_columns(
        pl.Series("probability", probability),
        pl.when(pl.Series(by_model))
        .then(pl.lit("cross-encoder").cast(DECIDERS))
        .otherwise(pl.col("decided_by"))
        .alias("decided_by"),
    ), doubtful


def _candidate_features(
    pairs: pl.DataFrame, at: NDArray[np.int64], texts: pl.Series, statistics: FileStatistics
) -> Bytes:
    """Compute the features that judge some pairs, among all pairs of their records."""
    records = pl.Series(np.unique(pairs[at].select("left", "right").to_numpy())).implode()
    theirs = pl.col("left").is_in(records) | pl.col("right").is_in(records)
    around = pairs.with_row_index("at").filter(theirs)
    comparison = _comparison(around, texts, statistics)
    return comparison.features(CANDIDATE_FEATURES, np.searchsorted(around["at"].to_numpy(), at))
