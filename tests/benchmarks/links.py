"""How well ``dedupe link`` does on two tables: ``python -m tests.benchmarks.links DATA_DIR``.

For each folder below DATA_DIR with ``records.csv``, whose column ``source`` names one of two
tables, and ``gold.csv`` (``id_a,id_b``): the two tables are written apart, linked with default
options, and the matches measured; then the same with the best one-to-one assignment. Beside them
stand published figures of the whole task, F1 in percent: DIAL [1]_ (active learning, with labels),
the best JedAI workflow without labels, tuned on the gold, and the best of pyJedAI [2]_.

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

HEAD = ("set", "rows", "links", "cand. recall", "precision", "recall", "F1", "s", "published F1")
PUBLISHED = {
    "amazon-google": "DIAL 82.1, JedAI 60.7, pyJedAI 62.5",
    "walmart-amazon": "DIAL 89.8, JedAI 66.2, pyJedAI 70.9",
    "dblp-acm": "DIAL 99.1, JedAI 99.3",
    "imdb-dbpedia": "pyJedAI 89.7",
}


def two_tables(data: Path) -> Iterator[tuple[str, pl.DataFrame, pl.DataFrame]]:
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
    print(f"| {' | '.join(HEAD)} |\n|{' --- |' * len(HEAD)}", flush=True)
    for name, records, gold in two_tables(given.data):
        if given.only and name not in given.only and name.split("/")[0] not in given.only:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            files = []
            for key, table in sorted(records.group_by("source"), key=lambda one: str(one[0])):
                files.append(Path(scratch) / f"{key[0]}.csv")
                table.drop("source").write_csv(files[-1])
            for mode in ("many", "one"):
                start = time.perf_counter()
                # The second takes the scores of the first.
                place = dedupe.link(*files, output=Path(scratch) / "w", link=mode).workspace
                seconds = time.perf_counter() - start
                assert place is not None
                found = dedupe.evaluate_workspace(place, gold)
                print(
                    f"| {name} | {found.rows:,} | {mode} | {found.candidate_recall:.3f} "
                    f"| {found.pair_precision:.3f} | {found.pair_recall:.3f} "
                    f"| {found.pair_f1:.3f} | {seconds:.0f} | {PUBLISHED.get(name, '')} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
