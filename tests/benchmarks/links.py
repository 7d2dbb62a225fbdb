"""Quality of ``dedupe link`` on two tables: ``python -m tests.benchmarks.links DATA_DIR``.

Takes each folder below DATA_DIR with ``gold.csv`` (``id_a,id_b``) and with ``records.csv`` whose
column ``source`` names one of two tables. Writes the two tables to files, links them with default
options, and evaluates the matches; then the same with ``--one-to-one``. The last column has
published figures of the same task, F1 in percent: DIAL [1]_ (active learning, with labels), the
best JedAI workflow after tuning on the gold standard, and the best of pyJedAI [2]_.

References
----------
.. [1] A. Jain, S. Sarawagi and P. Sen, "Deep indexed active learning for matching heterogeneous
   entity representations", PVLDB 2022; it also reports the JedAI workflow.
.. [2] The best configurations that the authors of pyJedAI publish.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl

import dedupe
from tests.benchmarks.common import print_head, print_row, write_by_source

HEAD = ("set", "rows", "links", "cand. recall", "precision", "recall", "F1", "s", "published F1")
PUBLISHED = {
    "amazon-google": "DIAL 82.1, JedAI 60.7, pyJedAI 62.5",
    "walmart-amazon": "DIAL 89.8, JedAI 66.2, pyJedAI 70.9",
    "dblp-acm": "DIAL 99.1, JedAI 99.3",
    "imdb-dbpedia": "pyJedAI 89.7",
}


def two_tables(data: Path) -> Iterator[tuple[str, pl.DataFrame, pl.DataFrame]]:
    """Read the stacked tables below `data` and the pairs that are true between them."""
    for path in sorted(data.rglob("gold.csv")):
        gold = pl.read_csv(path, infer_schema=False)
        records = pl.read_csv(path.with_name("records.csv"), infer_schema=False)
        if {"id_a", "id_b"} <= set(gold.columns) and "source" in records.columns:
            yield path.parent.relative_to(data).as_posix(), records, gold


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="*", default=(), help="names of sets")
    given = parser.parse_args()
    print_head(*HEAD)
    for name, records, gold in two_tables(given.data):
        if given.only and name not in given.only and name.split("/")[0] not in given.only:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            files = write_by_source(records, Path(scratch))
            for mode in ("many-to-many", "one-to-one"):
                start = time.perf_counter()
                # The second mode reuses the scores of the first.
                workspace = dedupe.link(*files, output=Path(scratch) / "w", link=mode).workspace
                seconds = time.perf_counter() - start
                assert workspace is not None
                figures = dedupe.evaluate_workspace(workspace, gold)
                print_row(
                    name, f"{figures.rows:,}", mode, f"{figures.candidate_recall:.3f}",
                    f"{figures.pair_precision:.3f}", f"{figures.pair_recall:.3f}",
                    f"{figures.pair_f1:.3f}", f"{seconds:.0f}", PUBLISHED.get(name, ""),
                )  # fmt: skip


if __name__ == "__main__":
    main()
