"""A sample of the doubtful pairs of a distributed run, as a workspace to review on one machine.

The workspace holds the components of the sampled pairs whole, their pairs as they were scored, and
the statistics of the whole file, so that pairs are explained as they were judged.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.engine.candidates import PAIR
from dedupe.engine.components import component_of
from dedupe.engine.outputs import records_of
from dedupe.engine.plan import Plan, part
from dedupe.engine.scoring import Scoring, probable_pairs
from dedupe.engine.statistics import SharedStatistics, counts_of_texts
from dedupe.engine.workers import Facts, Workers
from dedupe.io.dialect import CSV
from dedupe.scoring.comparison.statistics import FileStatistics
from dedupe.workspace.folder import SUFFIX, Workspace
from dedupe.workspace.keys import model_ids
from dedupe.workspace.stage_cache import CANDIDATES, SCORED, STATISTICS
from dedupe.workspace.stored import RecordTable, config_facts, save_table

NAME = f"sample{SUFFIX}"
"""Name of the workspace in the output folder."""
PAIRS = 500
"""Doubtful pairs in the sample."""
_MIXED = np.uint64(0x9E3779B97F4A7C15)


def write_sample(
    workers: Workers, plan: Plan, scoring: Scoring, statistics: SharedStatistics, folder: Path
) -> int:
    """Write the workspace; return the number of doubtful pairs in it."""
    workers.map("doubtful-sample", partial(_draw, plan, scoring), plan.homes)
    drawn = pl.concat([plan.late.read(part("doubtful-sample", home)) for home in plan.homes])
    drawn = drawn.sort("draw", *PAIR).head(PAIRS)
    if not drawn.height:
        return 0
    wanted = np.unique(np.concatenate([drawn[side].to_numpy() for side in ("from", "to")]))
    workers.map("sampled", partial(_collect, plan, scoring, wanted), plan.homes)
    records = pl.concat([plan.late.read(part("sampled", home)) for home in plan.homes])
    pairs = pl.concat([plan.late.read(part("sampled/pairs", home)) for home in plan.homes])
    _write_workspace(
        plan, scoring, statistics, records.sort("row"), pairs, Workspace(folder / NAME)
    )
    return drawn.height


def _component_pairs(plan: Plan, scoring: Scoring, home: int) -> pl.DataFrame:
    """Return the scored pairs of a home, with the components of their records."""
    pairs = probable_pairs(plan, scoring, home)
    known = plan.late.read(part("labels", home))
    rows, label = known["row"].to_numpy(), known["label"].to_numpy()
    return pairs.with_columns(
        pl.Series(name, label[np.searchsorted(rows, pairs[side].to_numpy())], dtype=pl.UInt32)
        for name, side in (("from", "left"), ("to", "right"))
    )


def _draw(plan: Plan, scoring: Scoring, home: int) -> Facts:
    """Draw doubtful pairs of a home, by a hash of their rows."""
    config = plan.config
    doubtful = _component_pairs(plan, scoring, home).filter(
        pl.col("probability").is_between(config.review_from, config.threshold, closed="left")
        & (pl.col("left") != pl.col("right"))
    )
    left, right = (doubtful[side].to_numpy().astype(np.uint64) for side in PAIR)
    draw = pl.Series("draw", ((left << np.uint64(32)) | right) * _MIXED, dtype=pl.UInt64)
    drawn = doubtful.with_columns(draw).sort("draw", *PAIR).head(PAIRS)
    plan.late.write(part("doubtful-sample", home), drawn.select("draw", *PAIR, "from", "to"))
    return {"pairs": doubtful.height}


def _collect(plan: Plan, scoring: Scoring, wanted: NDArray[np.uint32], home: int) -> Facts:
    """Collect the records and pairs of the sampled components in a home."""
    records = plan.store.read(part("texts", home))
    label = component_of(plan, home, records["row"].to_numpy())
    here = pl.Series(np.isin(label, wanted), dtype=pl.Boolean)
    frame = plan.store.read(part("partitions", home))
    columns = [series.alias(f"column {at}") for at, series in enumerate(frame)]
    plan.late.write(part("sampled", home), records.hstack(columns).filter(here))
    pairs = _component_pairs(plan, scoring, home)
    inside = pl.all_horizontal(pl.col("from", "to").is_in(pl.Series(wanted).implode()))
    pairs = pairs.filter(inside).drop("from", "to").cast({"decided_by": pl.String})
    plan.late.write(part("sampled/pairs", home), pairs)
    return {"pairs": pairs.height}


def _write_workspace(
    plan: Plan,
    scoring: Scoring,
    statistics: SharedStatistics,
    sampled: pl.DataFrame,
    pairs: pl.DataFrame,
    workspace: Workspace,
) -> None:
    records = records_of(plan, sampled)
    rows = sampled["row"].to_numpy()
    key = f"{plan.store.root.rpartition('/')[2]}"
    scored = pairs.with_columns(
        *(
            pl.Series(side, np.searchsorted(rows, pairs[side].to_numpy()), dtype=pl.UInt32)
            for side in PAIR
        ),
        pl.lit(0, dtype=pl.UInt32).alias("seen"),
    ).sort(*PAIR)
    search = {
        "radius": 0.0, "index": "keys", "index_recall": 1.0, "sampled_share": 1.0, "notes": [],
        "stored": {},
    }  # fmt: skip
    scoring_facts = {
        **{name: scoring.facts[name] for name in ("judged", "over_budget")},
        "statistics_key": key,
        "self_training": scoring.regression is not None,
    }
    known = FileStatistics(
        statistics.records, statistics.roles, statistics.main,
        counts_of_texts(statistics, sampled["text"]), scoring.regression,
    )  # fmt: skip
    config = plan.config
    with workspace.locked():
        save_table(workspace, key, RecordTable(records, CSV))
        candidates = scored.filter(pl.col("left") != pl.col("right"))
        columns = ["left", "right", "similarity", "seen"]
        workspace.cache.save(CANDIDATES, key, candidates.select(columns), search)
        workspace.cache.save(SCORED, key, scored, scoring_facts)
        workspace.cache.save(STATISTICS, key, known.counts, known.facts())
        facts: dict[str, Any] = {
            "input": {
                "names": [NAME],
                "fingerprint": key,
                "rows": len(records),
                "columns": records.frame.columns,
            },
            "keys": dict.fromkeys(("table", "candidates", "scored"), key),
            "config": config_facts(workspace, config),
            "models": model_ids(config),
        }
        workspace.write_facts(facts)
