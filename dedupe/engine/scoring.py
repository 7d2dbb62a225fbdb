"""Probabilities of the candidate pairs of a distributed file.

A pair is compared at the home of its left record, to which the home of the right one sends what is
needed of it: its text, its id, and how it compares with its other candidates. What the file teaches
(the self-training) and the budget of the cross-encoder are decided once, from what all homes found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.engine.candidates import (
    BINS,
    bins,
    candidates_of,
    distinct_records,
    histogram_of,
    within_budget,
)
from dedupe.engine.plan import Plan, part
from dedupe.engine.statistics import SharedStatistics
from dedupe.engine.store import Store
from dedupe.engine.workers import Facts, Frames, Workers, gpus_of_cluster, naming_record
from dedupe.scoring.cascade import DOUBTFUL, cross_encoder_budget, doubtful_pairs
from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.comparison.file_regression import (
    CLEAR,
    MAX_CLEAR,
    FileRegression,
    fit_file_regression,
)
from dedupe.scoring.comparison.model import CANDIDATE_FEATURES, take_features
from dedupe.scoring.comparison.vectors import feature_names, pairs_around, rows_around
from dedupe.scoring.cross_encoder.encoder import PairModel, load_cross_encoder
from dedupe.scoring.explanation.short_reasons import MOST_REASONS, reasons_of
from dedupe.scoring.logistic import sigmoid
from dedupe.scoring.pairs import DECIDERS
from dedupe.scoring.sampling import sampling_keys
from dedupe.scoring.score import held_out_scores, judge

MOST_DOUBTFUL = 100_000
"""Doubtful pairs of a file that tell whether the self-training agrees with the model."""
_PAIR = ("left", "right")
_AROUND = ("best", "second", "close")
_CHOSEN = ("left", "right", "log_odds", "key", "features", "left_text", "right_text")


@dataclass(frozen=True, eq=False)
class Scoring:
    """What the scoring of all pairs found, for the stages after it.

    Parameters
    ----------
    cut
        The last rank and the lowest bin of similarity of candidates.
    regression
        What the clear pairs tell about doubtful ones; ``None``: nothing.
    judged
        Number of files of pairs that the cross-encoder judged.
    facts
        Figures for the manifest.
    """

    cut: tuple[int, int]
    regression: FileRegression | None
    judged: int
    facts: Facts


def score_candidates(
    workers: Workers, plan: Plan, statistics: SharedStatistics, search: Facts
) -> Scoring:
    """Score all candidate pairs."""
    histogram = histogram_of(plan)
    most = search.get("most")
    cut = (len(histogram), 0) if most is None else within_budget(histogram, most)
    kept = histogram[: cut[0] + 1].copy()
    if cut[0] < len(kept):
        kept[cut[0], : cut[1]] = 0
    below = np.concatenate([[0], np.cumsum(kept.sum(axis=0))])
    total = max(int(below[-1]), 1)
    plan.store.write("ranks", pl.DataFrame({"share": below / total}))
    workers.exchange(
        "neighbours", partial(_send_records, plan, cut), plan.homes,
        partial(_keep_records, plan), len(plan.homes),
    )  # fmt: skip
    scored = workers.map("score", partial(_score, plan, cut, statistics, total), plan.homes)
    regression = _self_train(plan, scored) if plan.config.self_training else None
    budget = cross_encoder_budget(plan.rows, plan.config)
    tasks, facts = _choose(workers, plan, regression, budget)
    if tasks:
        workers.map(
            "judge", partial(_judge, plan), range(tasks), gpus=1 if gpus_of_cluster() else 0
        )
    return Scoring(
        cut, regression, tasks, {"candidates": int(below[-1]), **facts, "scored": scored}
    )


def _send_records(plan: Plan, cut: tuple[int, int], home: int) -> Frames:
    """Send what is needed of the records of a home to the homes of their left partners."""
    pairs = candidates_of(plan, home, cut)
    records = _own_records(plan, home, pairs)
    plan.store.write(part("neighbours/own", home), records)
    ends = [plan.home(pairs[side].to_numpy()) for side in _PAIR]
    sent = (ends[1] == home) & (ends[0] != home)
    wanted = pl.DataFrame({"cell": ends[0][sent], "row": pairs["right"].to_numpy()[sent]}).unique()
    return [wanted.join(records, on="row").sort("cell", "row")]


def _own_records(plan: Plan, home: int, pairs: pl.DataFrame) -> pl.DataFrame:
    """Return the records of a home that are in pairs, with how their candidates compare."""
    ends = np.concatenate([pairs[side].to_numpy() for side in _PAIR])
    rows, place = np.unique(ends, return_inverse=True)
    similarity = np.concatenate([pairs["similarity"].to_numpy()] * 2)
    around = rows_around(place.astype(np.int64), similarity, len(rows))
    own = plan.home(rows) == home
    described = pl.DataFrame(
        {"row": rows[own], **{name: around[own, at] for at, name in enumerate(_AROUND)}},
        schema={"row": pl.UInt32, **dict.fromkeys(_AROUND, pl.Float32)},
    )
    # The first of each group of equal texts is compared with itself.
    groups = _own_groups(plan, home)
    records = distinct_records(plan, home).join(described, on="row", how="left")
    wanted = pl.concat([described["row"], groups]).unique()
    return records.filter(pl.col("row").is_in(wanted.implode())).with_columns(
        pl.col(_AROUND).fill_null(0)
    )


def _own_groups(plan: Plan, home: int) -> pl.Series:
    """Return the first rows of the groups of equal texts that begin in a home."""
    firsts = plan.store.read(part("identical", home))["left"].unique().sort()
    return firsts.filter(pl.Series(plan.home(firsts.to_numpy()) == home, dtype=pl.Boolean))


def _keep_records(plan: Plan, home: int, frames: list[pl.DataFrame]) -> Facts:
    plan.store.write(part("neighbours", home), frames[0].sort("row"))
    return {"records": frames[0].height}


def records_at(plan: Plan, home: int) -> pl.DataFrame:
    """Return the records that the pairs of a home need: its own, and those sent to it."""
    own, sent = (plan.store.read(part(stage, home)) for stage in ("neighbours/own", "neighbours"))
    return pl.concat([own, sent.select(own.columns)]).sort("row")


@lru_cache(maxsize=1)
def _shares(store: Store) -> NDArray[np.float64]:
    return store.read("ranks")["share"].to_numpy()


def _score(
    plan: Plan, cut: tuple[int, int], statistics: SharedStatistics, total: int, home: int
) -> Facts:
    """Compare the pairs of a home, and set aside what the self-training needs of them."""
    pairs = candidates_of(plan, home, cut)
    pairs = pairs.filter(pl.Series(plan.home(pairs["left"].to_numpy()) == home, dtype=pl.Boolean))
    groups = _own_groups(plan, home)
    itself = pl.DataFrame({"left": groups, "right": groups}, schema=dict.fromkeys(_PAIR, pl.UInt32))
    one = pl.lit(1.0, dtype=pl.Float32).alias("similarity")
    pairs = pl.concat([pairs, itself.with_columns(one)]).sort(*_PAIR)
    records = records_at(plan, home)

    def compare(some: pl.DataFrame) -> tuple[Comparison, NDArray[np.float32]]:
        comparison = _comparison(plan, some, records, statistics)
        return comparison, comparison.log_odds()

    comparison, log_odds = naming_record("score", compare, pairs)
    texts = comparison.texts
    keys = sampling_keys(texts, comparison.left, comparison.right, plan.config.seed)
    most = -(-MOST_REASONS * len(pairs) // total)
    reasons = reasons_of(comparison, log_odds, max(most, 1))
    doubtful = comparison.doubtful(log_odds)
    pair = comparison.left != comparison.right
    all_judged = np.isinf(cross_encoder_budget(plan.rows, plan.config))
    judged = np.flatnonzero(pair) if all_judged else doubtful
    vectors = comparison.vectors(doubtful)
    features = (
        comparison.features(CANDIDATE_FEATURES, judged)
        if all_judged
        else take_features(vectors, CANDIDATE_FEATURES)
    )
    plan.store.write(
        part("score", home),
        pairs.with_columns(
            pl.Series("log_odds", log_odds), pl.Series("key", keys), reasons,
            _bytes_at("vector", doubtful, vectors, len(pairs)),
            _bytes_at("features", judged, features, len(pairs)),
        ),
    )  # fmt: skip
    facts: Facts = {"pairs": len(pairs), "doubtful": len(doubtful)}
    samples = []
    for name, side in (("non_matches", log_odds < -CLEAR), ("matches", log_odds > CLEAR)):
        found = np.flatnonzero(pair & side)
        facts[name] = len(found)
        drawn = found[np.argsort(keys[found], kind="stable")[: _most_of(plan, MAX_CLEAR)]]
        samples.append(_sample_frame(name, keys[drawn], log_odds[drawn], comparison.vectors(drawn)))
    drawn = doubtful[np.argsort(keys[doubtful], kind="stable")[: _most_of(plan, MOST_DOUBTFUL)]]
    samples.append(
        _sample_frame("doubtful", keys[drawn], log_odds[drawn], comparison.vectors(drawn))
    )
    plan.store.write(part("score/clear", home), pl.concat(samples))
    return facts


def _most_of(plan: Plan, most: int) -> int:
    """Return how many pairs of a sample of the file one home can have: far more than its share."""
    return min(most, 64 + 4 * most // len(plan.homes))


def _comparison(
    plan: Plan, pairs: pl.DataFrame, records: pl.DataFrame, statistics: SharedStatistics
) -> Comparison:
    """Prepare the comparison of pairs whose records are among `records`."""
    rows = np.unique(np.concatenate([pairs[side].to_numpy() for side in _PAIR]))
    place = np.searchsorted(records["row"].to_numpy(), rows)
    used = records[place]
    left, right = (
        np.searchsorted(rows, pairs[side].to_numpy()).astype(np.uint32) for side in _PAIR
    )
    similarity = pairs["similarity"].to_numpy()
    around = used.select(_AROUND).to_numpy()
    shares = _shares(plan.store)
    at = bins(similarity)
    within = (similarity.astype(np.float64) + 1) * (BINS / 2) - at
    rank = shares[at] + np.clip(within, 0, 1) * (shares[at + 1] - shares[at])
    neighbours = pairs_around(similarity, around[left], around[right], rank)
    neighbours[left == right] = np.nan
    return Comparison(used["text"], left, right, similarity, statistics, around=neighbours)


def _as_bytes(vectors: NDArray[np.uint8]) -> pl.Series:
    return pl.Series([row.tobytes() for row in np.ascontiguousarray(vectors)], dtype=pl.Binary)


def _bytes_at(
    name: str, rows: NDArray[np.int64], vectors: NDArray[np.uint8], count: int
) -> pl.Series:
    """Make a column of `count` rows that holds the vectors of some rows as bytes."""
    column = pl.Series(name, [None], dtype=pl.Binary).new_from_index(0, count)
    return column.scatter(rows, _as_bytes(vectors))


def _vectors(column: pl.Series, names: Sequence[str] = feature_names()) -> NDArray[np.uint8]:
    """Restore comparison vectors, or some of their features, from bytes."""
    joined = b"".join(column.to_list())
    return np.frombuffer(joined, dtype=np.uint8).reshape(-1, len(names))


def _sample_frame(
    kind: str, keys: NDArray[np.uint64], log_odds: NDArray[np.float32], vectors: NDArray[np.uint8]
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "kind": pl.Series([kind], dtype=pl.String).new_from_index(0, len(keys)),
            "key": keys,
            "log_odds": log_odds,
            "vector": _as_bytes(vectors),
        }
    )


def _self_train(plan: Plan, scored: Sequence[Facts]) -> FileRegression | None:
    """Fit the regression of a local run to the clear pairs with the smallest keys."""
    clear = [sum(int(found[name]) for found in scored) for name in ("non_matches", "matches")]
    count = min(*clear, MAX_CLEAR)
    samples = pl.concat([plan.store.read(part("score/clear", home)) for home in plan.homes])
    drawn = {
        kind: samples.filter(pl.col("kind") == kind).sort("key").head(most)
        for kind, most in (("non_matches", count), ("matches", count), ("doubtful", MOST_DOUBTFUL))
    }
    vectors = {kind: _vectors(found["vector"]) for kind, found in drawn.items()}
    return fit_file_regression(
        vectors["non_matches"], vectors["matches"], vectors["doubtful"],
        drawn["doubtful"]["log_odds"].to_numpy(),
    )  # fmt: skip


def refined_pairs(plan: Plan, regression: FileRegression | None, home: int) -> pl.DataFrame:
    """Return the scored pairs of a home, doubtful ones refined by the regression."""
    pairs = plan.store.read(part("score", home))
    if regression is None:
        return pairs
    doubtful = pairs["vector"].is_not_null().arg_true()
    log_odds = pairs["log_odds"].to_numpy().copy()
    at = doubtful.to_numpy()
    log_odds[at] = regression.combine(log_odds[at], _vectors(pairs["vector"].gather(doubtful)))
    return pairs.with_columns(pl.Series("log_odds", log_odds))


# The cross-encoder -------------------------------------------------------------------------------


def _choose(
    workers: Workers, plan: Plan, regression: FileRegression | None, budget: float
) -> tuple[int, Facts]:
    """Choose the pairs that the cross-encoder judges; return the number of tasks they take."""
    if budget <= 0:
        return 0, {"judged": 0, "over_budget": 0}
    found = workers.map("doubtful", partial(_doubtful, plan, regression, budget), plan.homes)
    doubtful = sum(int(facts["doubtful"]) for facts in found)
    if np.isinf(budget):
        judged = sum(int(facts["chosen"]) for facts in found)
        return len(plan.homes), {"judged": judged, "over_budget": 0}
    chosen = pl.concat([plan.store.read(part("doubtful", home)) for home in plan.homes])
    best, _ = doubtful_pairs(chosen["log_odds"].to_numpy(), chosen["key"].to_numpy(), budget)
    chosen = chosen[best].sort(*_PAIR)
    pieces = list(chosen.iter_slices(plan.sizes.judged))
    for number, piece in enumerate(pieces):
        plan.store.write(part("chosen", number), piece)
    return len(pieces), {"judged": chosen.height, "over_budget": doubtful - chosen.height}


def _doubtful(plan: Plan, regression: FileRegression | None, budget: float, home: int) -> Facts:
    """Write the pairs of a home that the cross-encoder may judge, with their texts."""
    pairs = refined_pairs(plan, regression, home)
    different = pairs.filter(pl.col("left") != pl.col("right"))
    log_odds = different["log_odds"].to_numpy()
    chosen, over = doubtful_pairs(log_odds, different["key"].to_numpy(), budget)
    texts = records_at(plan, home).select("row", "text")
    some = different[chosen]
    for side in _PAIR:
        of_side = texts.rename({"row": side, "text": f"{side}_text"})
        some = some.join(of_side, on=side, how="left", maintain_order="left")
    name = "chosen" if np.isinf(budget) else "doubtful"
    plan.store.write(part(name, home), some.select(_CHOSEN))
    doubtful = int((np.abs(log_odds) < DOUBTFUL).sum())
    return {"chosen": len(chosen), "doubtful": doubtful, "over": over}


def _judge(plan: Plan, number: int) -> Facts:
    """Let the cross-encoder judge the pairs of one file."""
    chosen = plan.store.read(part("chosen", number))
    if chosen.height:
        model, held_out = _cached_model(plan), held_out_scores(plan.config.cross_encoder)

        def judged(some: pl.DataFrame) -> NDArray[np.float32]:
            texts = pl.concat([some["left_text"], some["right_text"]])
            left = np.arange(some.height, dtype=np.uint32)
            right = left + np.uint32(some.height)
            features = _vectors(some["features"], CANDIDATE_FEATURES)
            log_odds = some["log_odds"].to_numpy()
            return judge(model, texts, left, right, log_odds, features, held_out)

        log_odds = naming_record("judge", judged, chosen)
        chosen = chosen.with_columns(pl.Series("log_odds", log_odds))
    plan.store.write(part("judge", number), chosen.select("left", "right", "log_odds"))
    return {"pairs": chosen.height}


_MODELS: dict[str, Any] = {}


def _cached_model(plan: Plan) -> PairModel:
    """Load the model once for all tasks of a process."""
    name = plan.config.cross_encoder
    if name not in _MODELS:
        _MODELS.clear()
        _MODELS[name] = load_cross_encoder(plan.config)
    model: PairModel = _MODELS[name]
    return model


def probable_pairs(plan: Plan, scoring: Scoring, home: int) -> pl.DataFrame:
    """Return the scored pairs of a home with their probabilities.

    Returns
    -------
    DataFrame
        Schema :data:`~dedupe.scoring.pairs.PAIRS`, of row numbers of the file. A record paired
        with itself stands for a group of equal texts.
    """
    pairs = refined_pairs(plan, scoring.regression, home)
    files = (
        [home] if np.isinf(cross_encoder_budget(plan.rows, plan.config)) else range(scoring.judged)
    )
    judged = [plan.store.read(part("judge", number)) for number in files] if scoring.judged else []
    known = pl.DataFrame(schema={"left": pl.UInt32, "right": pl.UInt32, "judged": pl.Float32})
    known = pl.concat([known, *(found.rename({"log_odds": "judged"}) for found in judged)])
    pairs = pairs.join(known, on=_PAIR, how="left", maintain_order="left").with_columns(
        pl.coalesce("judged", "log_odds").alias("log_odds")
    )
    probability = sigmoid(pairs["log_odds"].to_numpy())
    decided_by = (
        pl.when(pl.col("left") == pl.col("right"))
        .then(pl.lit("identical"))
        .when(pl.col("judged").is_not_null())
        .then(pl.lit("cross-encoder"))
        .otherwise(pl.lit("comparison"))
    )
    return pairs.select(
        "left",
        "right",
        "similarity",
        pl.Series("probability", probability, dtype=pl.Float32),
        decided_by.cast(DECIDERS).alias("decided_by"),
        "reason",
    )
