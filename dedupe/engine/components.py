"""Connected components of the matching pairs, and the component of each record and its partners.

Each home joins the records that its own pairs connect. While many edges are left, they are brought
together by record and contracted, round by round [1]_; the rest is joined by one task. A record
that is in no edge is a component of its own.

References
----------
.. [1] R. Kiveris et al., "Connected components in MapReduce and beyond", SoCC 2014.
"""

from __future__ import annotations

import logging
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.engine.candidates import candidates_of
from dedupe.engine.plan import Plan, part
from dedupe.engine.scoring import Scoring, probable_pairs, records_at
from dedupe.engine.workers import Facts, Frames, Workers
from dedupe.scoring.pairs import components

MOST_ROUNDS = 40
"""Rounds after which the contraction has ended in any file: a path shrinks by half in each."""
_EDGES = pl.Schema({"row": pl.UInt32(), "label": pl.UInt32()})
_logger = logging.getLogger(__name__)


def find_components(workers: Workers, plan: Plan, scoring: Scoring) -> list[int]:
    """Label the components; the labels that a home needs are in its file of the stage ``labels``.

    Returns
    -------
    list of int
        Number of edges before each round.
    """
    found = workers.map("edges", partial(_edges_of_home, plan, scoring), plan.homes)
    edges = sum(int(facts["edges"]) for facts in found)
    stage, counts = contract(workers, plan, "edges", edges)
    if counts[-1] <= plan.sizes.edges:
        workers.map("components", partial(_join_all, plan, stage), [0])
        stage, homes = "components", [0]
    else:
        homes = list(plan.homes)
    workers.exchange(
        "components-of-rows", partial(_to_own_homes, plan, stage), homes,
        partial(_keep_labels, plan), len(plan.homes),
    )  # fmt: skip
    workers.exchange(
        "labels", partial(_send_labels, plan, scoring), plan.homes,
        partial(_keep_partners, plan), len(plan.homes),
    )  # fmt: skip
    return counts


def contract(workers: Workers, plan: Plan, stage: str, edges: int) -> tuple[str, list[int]]:
    """Contract edges, round by round, until one task can join them or none changes.

    Parameters
    ----------
    workers, plan
        The run.
    stage
        Stage with the edges: ``row`` and a smaller ``label``.
    edges
        Their number.

    Returns
    -------
    stage
        Stage with the contracted edges.
    counts
        Number of edges before each round, and at the end.
    """
    counts = [edges]
    while counts[-1] > plan.sizes.edges and len(counts) < MOST_ROUNDS:
        changed = False
        for name, step in (("large", _large_star), ("small", _small_star)):
            name = f"edges-{len(counts)}-{name}"
            found = workers.exchange(
                name, partial(_to_records, plan, stage), plan.homes,
                partial(step, plan, name), len(plan.homes),
            )  # fmt: skip
            stage = name
            changed |= any(facts["changed"] for facts in found)
        counts.append(sum(int(facts["edges"]) for facts in found))
        _logger.info("connected components: %d edges after %d rounds", counts[-1], len(counts) - 1)
        if not changed:
            break
    return stage, counts


def _edges_of_home(plan: Plan, scoring: Scoring, home: int) -> Facts:
    """Connect the records that the matching pairs of a home, and equal texts, connect."""
    pairs = probable_pairs(plan, scoring, home)
    matching = pairs.filter(pl.col("probability") >= plan.config.threshold).select("left", "right")
    identical = plan.store.read(part("identical", home))
    edges = pl.concat([matching, identical]).filter(pl.col("left") != pl.col("right"))
    return _write(plan, "edges", home, _stars(edges), changed=True)


def _stars(edges: pl.DataFrame) -> pl.DataFrame:
    """Connect the records of each component of `edges` with its smallest record."""
    ends = edges.to_numpy().astype(np.uint32).reshape(-1, 2)
    rows, place = np.unique(ends, return_inverse=True)
    place = place.reshape(-1, 2)
    label = rows[components(len(rows), place[:, 0], place[:, 1])] if len(rows) else rows
    return pl.DataFrame({"row": rows, "label": label}, schema=_EDGES).filter(
        pl.col("row") != pl.col("label")
    )


def _write(plan: Plan, stage: str, cell: int, edges: pl.DataFrame, *, changed: bool) -> Facts:
    plan.late.write(part(stage, cell), edges.unique().sort("row", "label"))
    return {"edges": edges.height, "changed": changed}


def _to_records(plan: Plan, stage: str, cell: int) -> Frames:
    """Send each edge to the homes of both of its records."""
    edges = plan.late.read(part(stage, cell))
    sides = []
    for side, other in (("row", "label"), ("label", "row")):
        homes = pl.Series("cell", plan.home(edges[side].to_numpy()), dtype=pl.UInt32)
        sides.append(edges.select(pl.col(side).alias("row"), pl.col(other).alias("other"), homes))
    return [pl.concat(sides)]


def _large_star(plan: Plan, stage: str, home: int, frames: list[pl.DataFrame]) -> Facts:
    """Connect the larger neighbours of each record with its smallest neighbour, or itself."""
    around = frames[0].unique()
    smallest = pl.min_horizontal("row", pl.col("other").min().over("row"))
    edges = around.with_columns(smallest.alias("label")).filter(pl.col("other") > pl.col("row"))
    changed = bool((edges["label"] != edges["row"]).any())
    edges = edges.select(pl.col("other").alias("row"), "label")
    return _write(plan, stage, home, edges, changed=changed)


def _small_star(plan: Plan, stage: str, home: int, frames: list[pl.DataFrame]) -> Facts:
    """Connect each record and its smaller neighbours with the smallest of them."""
    below = frames[0].unique().filter(pl.col("other") < pl.col("row"))
    below = below.with_columns(pl.col("other").min().over("row").alias("label"))
    own = below.select("row", "label").unique()
    others = below.select(pl.col("other").alias("row"), "label")
    others = others.filter(pl.col("row") != pl.col("label"))
    edges = pl.concat([own, others])
    return _write(plan, stage, home, edges, changed=others.height > 0)


def _join_all(plan: Plan, stage: str, task: int) -> Facts:
    """Join all edges in one task."""
    edges = pl.concat([plan.late.read(part(stage, home)) for home in plan.homes])
    return _write(plan, "components", 0, _stars(edges), changed=False)


def _to_own_homes(plan: Plan, stage: str, cell: int) -> Frames:
    edges = plan.late.read(part(stage, cell))
    home = pl.Series("cell", plan.home(edges["row"].to_numpy()), dtype=pl.UInt32)
    return [edges.with_columns(home)]


def _keep_labels(plan: Plan, home: int, frames: list[pl.DataFrame]) -> Facts:
    labels = frames[0].group_by("row").agg(pl.col("label").min()).sort("row")
    plan.late.write(part("components-of-rows", home), labels)
    return {"rows": labels.height}


def component_of(plan: Plan, home: int, rows: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return the components of records of a home."""
    labels = plan.late.read(part("components-of-rows", home))
    known = labels["row"].to_numpy()
    label = rows.copy()
    if len(known):
        place = np.minimum(np.searchsorted(known, rows), len(known) - 1)
        there = known[place] == rows
        label[there] = labels["label"].to_numpy()[place[there]]
    return label


def _send_labels(plan: Plan, scoring: Scoring, home: int) -> Frames:
    """Send the components of the records of a home to the homes of their left partners."""
    pairs = candidates_of(plan, home, scoring.cut)
    left = plan.home(pairs["left"].to_numpy())
    sent = (plan.home(pairs["right"].to_numpy()) == home) & (left != home)
    wanted = pl.DataFrame({"cell": left[sent], "row": pairs["right"].to_numpy()[sent]}).unique()
    wanted = wanted.sort("cell", "row")
    label = component_of(plan, home, wanted["row"].to_numpy())
    return [wanted.with_columns(pl.Series("label", label, dtype=pl.UInt32))]


def _keep_partners(plan: Plan, home: int, frames: list[pl.DataFrame]) -> Facts:
    """Write the component and the id of each record that the pairs of a home have."""
    records = records_at(plan, home).select("row", "id")
    rows = records["row"].to_numpy()
    label = component_of(plan, home, rows)
    sent = frames[0].sort("row")
    if sent.height:
        label[np.searchsorted(rows, sent["row"].to_numpy())] = sent["label"].to_numpy()
    plan.late.write(part("labels", home), records.with_columns(pl.Series("label", label)))
    return {"records": records.height}
