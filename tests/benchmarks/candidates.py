"""What the search finds by how many it may bring: ``python -m tests.benchmarks.candidates DATA``.

For each full table below DATA (see :mod:`tests.benchmarks.quality`) the share of its true pairs
that are candidates, with 2, 5, 10 and 20 candidates a record. ``--bi-encoder`` names another model
to compare, ``--only`` some of the tables. Nothing is scored.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

import numpy as np
import polars as pl

from dedupe.blocking.bi_encoder import fit_bi_encoder, shared_features
from dedupe.blocking.candidates import search
from dedupe.blocking.index import encoded
from dedupe.config import BUNDLED, Config
from dedupe.evaluation.gold import evaluate, read_gold
from dedupe.records import Records, make_records
from dedupe.scoring.pairs import DECIDERS, identical_pairs
from tests.benchmarks.quality import tables

BUDGETS = (2, 5, 10, 20)
"""Candidates a record."""


def candidate_recalls(records: Records, gold_file: Path, config: Config) -> list[float]:
    """Return the share of the true pairs found with each of the budgets.

    Where the table has sources, true pairs and candidates are those across them.
    """
    frame = records.frame
    gold = read_gold(pl.read_csv(gold_file, infer_schema=False), records.ids.to_list())
    value = frame["source"].to_numpy() if "source" in frame.columns else None
    firsts, identical = identical_pairs(records.texts)
    rows = firsts.to_numpy()
    distinct = records.texts.gather(firsts).to_list()
    encoder = fit_bi_encoder(config, distinct)
    vectors, features = encoded(encoder, distinct)
    rare = shared_features(encoder, features)
    found = []
    for budget in BUDGETS:
        pairs = search(vectors, config.with_options(candidates_per_record=budget), rare=rare).pairs
        pairs = pairs.select(
            pl.Series("left", rows[pairs["left"].to_numpy()], dtype=pl.UInt32),
            pl.Series("right", rows[pairs["right"].to_numpy()], dtype=pl.UInt32),
            pl.lit("cross-encoder").cast(DECIDERS).alias("decided_by"),
        )
        pairs = pl.concat([pairs, identical.select(pairs.columns)])
        labels = np.arange(len(records), dtype=np.uint32)
        found.append(evaluate(labels, pairs, gold, value).candidate_recall)
    return found


def line(name: str, figures: Sequence[float]) -> str:
    return f"| {name} | " + " | ".join(f"{one:.3f}" for one in figures) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--bi-encoder", default=BUNDLED)
    given = parser.parse_args()
    print(f"| set | {' | '.join(f'{budget} a record' for budget in BUDGETS)} |")
    print("|" + " --- |" * (len(BUDGETS) + 1))
    large, small = [], []
    for name, folder in tables(given.data):
        if given.only and name not in given.only:
            continue
        config = Config(bi_encoder=given.bi_encoder, id="id", ignore=("source",))
        frame = pl.read_csv(folder / "records.csv", infer_schema=False).fill_null("")
        if "source" not in frame.columns:
            config = config.with_options(ignore=())
        gold = folder / "gold.csv"
        gold = gold if gold.exists() else folder / "clusters.csv"
        figures = candidate_recalls(make_records(frame, config), gold, config)
        print(line(name, figures), flush=True)
        (small if "/" in name else large).append(figures)
    for name, some in (("mean of these", large), ("mean of small ones", small)):
        if some:
            print(line(f"**{name}**", [mean(column) for column in zip(*some, strict=True)]))
    if large and small:
        whole = [mean(column) for column in zip(*large, *small, strict=True)]
        print(line("**mean of all**", whole))


if __name__ == "__main__":
    main()
