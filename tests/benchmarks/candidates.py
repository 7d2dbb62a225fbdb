"""Candidate recall by budget: ``python -m tests.benchmarks.candidates DATA_DIR``.

Prints, for each full table below DATA_DIR (see :mod:`tests.benchmarks.quality`), the share of its
true pairs that are candidates, with budgets of 2, 5, 10 and 20 candidates per record. No pair is
scored. ``--bi-encoder`` names another model, ``--only`` selects tables, and ``--linked`` searches
only across the sources of tables that have some.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean

import numpy as np
import polars as pl

from dedupe.blocking.index import Index, assign_slots
from dedupe.blocking.sources import sources_of_texts
from dedupe.config import BUNDLED, Config
from dedupe.evaluation.gold import evaluate, read_gold
from dedupe.pipeline.pairs import record_sources
from dedupe.records.records import Records, make_records
from dedupe.scoring.pairs import DECIDERS, identical_pairs
from tests.benchmarks.common import gold_file, print_head, print_row, tables

BUDGETS = (2, 5, 10, 20)
"""Candidates per record."""


def candidate_recalls(
    records: Records, gold_file: Path, config: Config, *, linked: bool = False
) -> list[float]:
    """Compute the share of the true pairs that the search finds, for each budget.

    If the table has sources, only pairs across them count. `linked`: only those are searched.
    """
    frame = records.frame
    gold = read_gold(pl.read_csv(gold_file, infer_schema=False), records.ids.to_list())
    value = frame["source"].to_numpy() if "source" in frame.columns else None
    firsts, identical = identical_pairs(records.texts)
    rows = firsts.to_numpy()
    distinct = records.texts.gather(firsts).to_list()
    index = Index.build(distinct, config)
    number, _ = record_sources(records, config)
    slot = assign_slots(records.texts, firsts, identical)
    sources = sources_of_texts(number, slot, len(distinct), config)
    if sources is not None and linked:
        sources = replace(sources, across_only=True)
    found = []
    for budget in BUDGETS:
        asked = config.with_options(candidates_per_record=budget)
        pairs = index.candidates(distinct, asked, sources=sources).pairs
        pairs = pairs.select(
            pl.Series("left", rows[pairs["left"].to_numpy()], dtype=pl.UInt32),
            pl.Series("right", rows[pairs["right"].to_numpy()], dtype=pl.UInt32),
            pl.lit("comparison").cast(DECIDERS).alias("decided_by"),
        )
        pairs = pl.concat([pairs, identical.select(pairs.columns)])
        labels = np.arange(len(records), dtype=np.uint32)
        found.append(evaluate(labels, pairs, gold, value).candidate_recall)
    return found


def print_recalls(name: str, recalls: Sequence[float]) -> None:
    """Print one row of the table."""
    print_row(name, *(f"{recall:.3f}" for recall in recalls))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--bi-encoder", default=BUNDLED)
    parser.add_argument("--linked", action="store_true")
    given = parser.parse_args()
    print_head("set", *(f"{budget} per record" for budget in BUDGETS))
    large: list[list[float]] = []
    small: list[list[float]] = []
    for name, folder in tables(given.data, given.only):
        config = Config(bi_encoder=given.bi_encoder, id="id")
        frame = pl.read_csv(folder / "records.csv", infer_schema=False).fill_null("")
        records = make_records(frame, config)
        recalls = candidate_recalls(records, gold_file(folder), config, linked=given.linked)
        print_recalls(name, recalls)
        (small if "/" in name else large).append(recalls)
    for name, rows in (("large tables", large), ("small tables", small), ("all", large + small)):
        if rows:
            print_recalls(f"**{name}**", [mean(column) for column in zip(*rows, strict=True)])


if __name__ == "__main__":
    main()
