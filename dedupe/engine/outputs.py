"""Clusters and output tables of a distributed file, component by component.

The records and pairs of a component meet at the home of its smallest record, where they are
clustered and merged as a local run does. So each part of the tables holds whole clusters, and the
parts of ``merged`` follow one another in the order of the input.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from dedupe.records import Records, as_texts, content_keys
from dedupe.resolution.cluster_figures import cluster_figures
from dedupe.resolution.clustering.cluster_ids import cluster_ids
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
    homes = {}
    for side in _PAIR:
        place = np.searchsorted(known["row"].to_numpy(), pairs[side].to_numpy())
        homes[side] = plan.home(known["label"].to_numpy()[place])
        pairs = pairs.with_columns(known["id"].gather(place).alias(f"{side}_id"))
    left, right = (
        pairs.with_columns(pl.Series("cell", homes[side], dtype=pl.UInt32)) for side in _PAIR
    )
    across = pl.Series(homes["left"] != homes["right"], dtype=pl.Boolean)
    return [sent, pl.concat([left, right.filter(across)])]


def _make_part(plan: Plan, outputs: Store, home: int, frames: list[pl.DataFrame]) -> Facts:
    """Cluster the records of the components of a home, and write their part of the tables."""
    sent, pairs = frames[0].sort("row"), frames[1].sort(*_PAIR)
    if not sent.height:
        return {"rows": 0}
    names = plan.store.schema(part("partitions", home)).names()
    records, rows = _records(plan, sent, pairs, names)
    compact = _compact_pairs(records, rows, pairs, sent["row"])
    resolved = resolve(records, compact, CURRENT.to_frame(), plan.config)
    ids = cluster_ids(records.keys, resolved.labels, None, length=ID_LENGTH)
    resolved = replace(resolved, rows=resolved.rows.with_columns(ids.alias("cluster_id")))
    own = np.flatnonzero(np.isin(rows, sent["row"].to_numpy())).astype(np.uint32)
    tables = _tables(plan, records, compact, resolved, own, rows, home)
    for name in OUTPUTS:
        outputs.write(part(name, home), tables[name])
    return _figures(plan, records, compact, resolved, own, tables)


def _records(
    plan: Plan, sent: pl.DataFrame, pairs: pl.DataFrame, names: Sequence[str]
) -> tuple[Records, NDArray[np.uint32]]:
    """Make records of those of a home, and of the partners that they have elsewhere.

    Partners are there for their numbers and ids: their values are missing.
    """
    partners = pl.concat(
        [
            pairs.select(pl.col(side).alias("row"), pl.col(f"{side}_id").alias("id"))
            for side in _PAIR
        ]
    ).unique("row")
    elsewhere = partners.filter(~pl.col("row").is_in(sent["row"].implode()))
    every = pl.concat([sent, elsewhere], how="diagonal").sort("row")
    frame = every.select(pl.col(f"column {at}").alias(name) for at, name in enumerate(names))
    rows = every["row"].to_numpy()
    return (
        Records(
            frame=frame,
            ids=every["id"],
            keys=make_keys(plan, frame, every),
            texts=every["text"].fill_null(""),
            source=np.zeros(len(rows), dtype=np.uint8),
            fields=plan.fields,
            id_column=plan.id_column,
        ),
        rows,
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


def _compact_pairs(
    records: Records, rows: NDArray[np.uint32], pairs: pl.DataFrame, own: pl.Series
) -> pl.DataFrame:
    """Give pairs the row numbers of the records of a part, and add those of identical records."""
    scored = pairs.select(
        *(
            pl.Series(side, np.searchsorted(rows, pairs[side].to_numpy()), dtype=pl.UInt32)
            for side in _PAIR
        ),
        "similarity", "probability", pl.col("decided_by").cast(DECIDERS), "reason",
    )  # fmt: skip
    _, identical = identical_pairs(records.texts)
    judged = judged_identical(identical, scored)
    candidates = scored.filter(pl.col("left") != pl.col("right"))
    return pl.concat([judged.cast(PAIRS), candidates.cast(PAIRS)]).sort(*_PAIR)


def _tables(
    plan: Plan,
    records: Records,
    pairs: pl.DataFrame,
    resolved: Resolved,
    own: NDArray[np.uint32],
    rows: NDArray[np.uint32],
    home: int,
) -> dict[str, pl.DataFrame]:
    """Make the output tables of the records of a part; a pair is where its left record is."""
    rules = parse_rules(plan.config, records.frame.columns)
    representative = resolved.rows["representative"].to_numpy()
    here = np.zeros(len(records), dtype=bool)
    here[own] = True
    owned = pairs.filter(pl.Series(here[pairs["left"].to_numpy()], dtype=pl.Boolean))
    first = resolved.labels == np.arange(len(records))
    merged = merged_table(records, resolved, rules, plan.config)
    return {
        "clusters": clusters_table(records, resolved, own),
        "merged": merged.filter(pl.Series(here[first], dtype=pl.Boolean)),
        "removed": removed_table(records, resolved, own[representative[own] != own]),
        "pairs": pairs_table(records, owned, resolved.decisions, plan.config),
    }


def _figures(
    plan: Plan,
    records: Records,
    pairs: pl.DataFrame,
    resolved: Resolved,
    own: NDArray[np.uint32],
    tables: Mapping[str, pl.DataFrame],
) -> Facts:
    figures: dict[str, Any] = cluster_figures(records, pairs, resolved, plan.config)
    elsewhere = len(records) - len(own)
    owned = tables["pairs"]
    config = plan.config
    probability = pl.col("probability")
    return {
        **{
            name: figures[name]
            for name in (
                "clusters_of_two_or_more",
                "rows_merged",
                "largest_cluster",
                "large_clusters",
            )
        },
        "rows": len(own),
        "clusters": figures["clusters"] - elsewhere,
        "doubtful_pairs": owned.filter(
            probability.is_between(config.review_from, config.threshold, closed="left")
        ).height,
        "matching_pairs": owned.filter(probability >= config.threshold).height,
        "decided_by": dict(owned.group_by("decided_by").len().sort("decided_by").iter_rows()),
    }
