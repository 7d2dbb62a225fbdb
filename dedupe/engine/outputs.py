"""Clusters and output tables of a distributed file, component by component.

The records and pairs of a component meet at the home of its smallest record, where they are
clustered and merged as a local run does. So each part of the tables holds whole clusters, and the
parts of ``merged`` follow one another in the order of the input.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.engine.components import component_of
from dedupe.engine.plan import Plan, part
from dedupe.engine.scoring import Scoring, probable_pairs
from dedupe.engine.store import Store
from dedupe.engine.workers import Facts, Frames, Workers
from dedupe.records.records import Records, content_keys
from dedupe.records.value_text import as_texts
from dedupe.resolution.cluster_figures import cluster_figures
from dedupe.resolution.outputs import (
    OUTPUTS,
    clusters_table,
    merged_table,
    pairs_table,
    removed_table,
)
from dedupe.resolution.resolve import Resolved, resolve
from dedupe.resolution.survivorship.merge_rules import parse_rules
from dedupe.scoring.pairs import DECIDERS, PAIRS, identical_pairs, judged_identical
from dedupe.workspace.log.decision_log import CURRENT

ID_LENGTH = 16
"""Characters of a cluster id: in a file of any size no two of this length are the same. A local run
shortens them to the first ones."""
_PAIR = ("left", "right")
_ELSEWHERE = "\0elsewhere"
"""Key of the record that stands for those of other components: no record has it."""


def make_outputs(workers: Workers, plan: Plan, scoring: Scoring, outputs: Store) -> list[Facts]:
    """Cluster and merge all records, and write the output tables.

    Returns
    -------
    list of dict
        Figures of each part.
    """
    return workers.exchange(
        "resolve", partial(_to_components, plan, scoring), plan.homes,
        partial(_make_part, plan, outputs), len(plan.homes),
    )  # fmt: skip


def _to_components(plan: Plan, scoring: Scoring, home: int) -> Frames:
    """Send the records and the pairs of a home to the homes of their components."""
    records = plan.store.read(part("texts", home))
    rows = records["row"].to_numpy()
    frame = plan.store.read(part("partitions", home))
    sent = pl.DataFrame(
        [
            pl.Series("cell", plan.home(component_of(plan, home, rows)), dtype=pl.UInt32),
            records["row"],
            records["id"],
            records["text"],
            *(series.alias(f"column {at}") for at, series in enumerate(frame)),
        ]
    )
    pairs = probable_pairs(plan, scoring, home).with_columns(pl.col("decided_by").cast(pl.String))
    known = plan.late.read(part("labels", home))
    ends = []
    for side in _PAIR:
        place = np.searchsorted(known["row"].to_numpy(), pairs[side].to_numpy())
        label = known["label"].to_numpy()[place]
        ends.append(label)
        pairs = pairs.with_columns(known["id"].gather(place).alias(f"{side}_id"))
    homes = [pl.Series("cell", plan.home(label), dtype=pl.UInt32) for label in ends]
    apart = pl.Series("apart", ends[0] != ends[1], dtype=pl.Boolean)
    nearest = pl.concat(
        [
            pairs.select(pl.col(side).alias("row"), "probability", cell).filter(apart)
            for side, cell in zip(_PAIR, homes, strict=True)
        ]
    )
    return [
        sent,
        pairs.with_columns(homes[0], apart),
        nearest.group_by("cell", "row", maintain_order=True).agg(pl.col("probability").max()),
    ]


def _make_part(plan: Plan, outputs: Store, home: int, frames: list[pl.DataFrame]) -> Facts:
    """Cluster the records of the components of a home, and write their part of the tables."""
    sent, found, nearest = frames[0].sort("row"), frames[1].sort(*_PAIR), frames[2]
    if not sent.height:
        return {"rows": 0}
    records, rows = records_of(plan, sent), sent["row"].to_numpy()
    pairs = _inner_pairs(records, rows, found.filter(~pl.col("apart")))
    resolved = _resolved(plan, records, rows, pairs, nearest)
    rules = parse_rules(plan.config, records.frame.columns)
    every = np.arange(len(rows), dtype=np.uint32)
    tables = {
        "clusters": clusters_table(records, resolved, every),
        "merged": merged_table(records, resolved, rules, plan.config),
        "removed": removed_table(
            records, resolved, every[resolved.rows["representative"].to_numpy() != every]
        ),
        "pairs": _pairs_table(plan, records, rows, resolved, pairs, found.filter("apart")),
    }
    for name in OUTPUTS:
        outputs.write(part(name, home), tables[name])
    return _figures(plan, records, pairs, resolved, tables["pairs"])


def records_of(plan: Plan, sent: pl.DataFrame) -> Records:
    """Restore records from rows that were sent: id, text, and the columns of the input."""
    names = plan.store.schema(part("partitions", 0)).names()
    frame = sent.select(pl.col(f"column {at}").alias(name) for at, name in enumerate(names))
    return Records(
        frame=frame,
        ids=sent["id"],
        keys=make_keys(plan, frame, sent),
        texts=sent["text"],
        source=np.zeros(sent.height, dtype=np.uint8),
        fields=plan.fields,
        id_column=plan.id_column,
    )


def make_keys(plan: Plan, frame: pl.DataFrame, rows: pl.DataFrame) -> pl.Series:
    """Make the keys of records of whole components: rows of equal content are of one of them.

    Only rows without a text are not; their number makes their key different.
    """
    if plan.id_column is not None:
        return rows["id"].rename("key")
    keys = content_keys(as_texts(frame))
    numbered = keys + "-" + rows["row"].cast(pl.String)
    return keys.zip_with(rows["text"].fill_null("") != "", numbered).rename("key")


def _inner_pairs(records: Records, rows: NDArray[np.uint32], scored: pl.DataFrame) -> pl.DataFrame:
    """Give pairs inside components the numbers of records, and add those of identical records."""
    scored = scored.select(
        *_numbered(rows, scored),
        "similarity", "probability", pl.col("decided_by").cast(DECIDERS), "reason",
    )  # fmt: skip
    _, identical = identical_pairs(records.texts)
    judged = judged_identical(identical, scored)
    candidates = scored.filter(pl.col("left") != pl.col("right"))
    return pl.concat([judged.cast(PAIRS), candidates.cast(PAIRS)]).sort(*_PAIR)


def _numbered(rows: NDArray[np.uint32], pairs: pl.DataFrame) -> Iterator[pl.Series]:
    for side in _PAIR:
        yield pl.Series(side, np.searchsorted(rows, pairs[side].to_numpy()), dtype=pl.UInt32)


def _resolved(
    plan: Plan,
    records: Records,
    rows: NDArray[np.uint32],
    pairs: pl.DataFrame,
    nearest: pl.DataFrame,
) -> Resolved:
    """Cluster the records of a part.

    One more record stands for all those of other components: how probable the best pair with them
    is tells how certain it is that a record is alone.
    """
    n = len(records)
    best = nearest.group_by("row").agg(pl.col("probability").max()).sort("row")
    beside = pl.DataFrame(
        {
            "left": np.searchsorted(rows, best["row"].to_numpy()),
            "right": np.full(best.height, n),
            "similarity": np.zeros(best.height),
            "probability": best["probability"],
            "decided_by": pl.Series(["comparison"], dtype=pl.String).new_from_index(0, best.height),
            "reason": pl.Series([""], dtype=pl.String).new_from_index(0, best.height),
        }
    )
    others = replace(
        records.take(np.append(np.arange(n), 0)),
        keys=pl.concat([records.keys, pl.Series(records.keys.name, [_ELSEWHERE])]),
    )
    every = pl.concat([pairs, beside.cast(PAIRS)]).sort(*_PAIR)
    found = resolve(others, every, CURRENT.to_frame(), plan.config, id_length=ID_LENGTH)
    return replace(found, rows=found.rows.head(n))


def _pairs_table(
    plan: Plan,
    records: Records,
    rows: NDArray[np.uint32],
    resolved: Resolved,
    pairs: pl.DataFrame,
    apart: pl.DataFrame,
) -> pl.DataFrame:
    """Make the table of the pairs whose left record is in a part."""
    inside = pairs_table(records, pairs, resolved.decisions, plan.config)
    number = np.arange(2 * apart.height, dtype=np.uint32)
    numbered = apart.with_columns(
        pl.Series("left", number[: apart.height]), pl.Series("right", number[apart.height :])
    )
    ends = replace(records, ids=pl.concat([apart["left_id"], apart["right_id"]]))
    outside = pairs_table(ends, numbered, resolved.decisions, plan.config)
    left, right = (
        np.concatenate([rows[pairs[side].to_numpy()], apart[side].to_numpy()]) for side in _PAIR
    )
    return pl.concat([inside, outside])[np.lexsort((right, left))]


def _figures(
    plan: Plan, records: Records, pairs: pl.DataFrame, resolved: Resolved, owned: pl.DataFrame
) -> Facts:
    figures: dict[str, Any] = cluster_figures(records, pairs, resolved, plan.config)
    config = plan.config
    probability = pl.col("probability")
    return {
        **{
            name: figures[name]
            for name in (
                "clusters",
                "clusters_of_two_or_more",
                "rows_merged",
                "largest_cluster",
                "large_clusters",
                "uneven_clusters",
            )
        },
        "rows": len(records),
        "doubtful_pairs": owned.filter(
            probability.is_between(config.review_from, config.threshold, closed="left")
        ).height,
        "matching_pairs": owned.filter(probability >= config.threshold).height,
        "decided_by": dict(owned.group_by("decided_by").len().sort("decided_by").iter_rows()),
    }
