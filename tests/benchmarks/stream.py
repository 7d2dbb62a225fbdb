"""How fast records are matched one by one: ``python -m tests.benchmarks.stream WORKSPACE FILE``.

Loads the models, then matches the rows of FILE, each alone, as ``dedupe match`` does with a stream,
and prints the median and the 95th percentile of the milliseconds that a record takes.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import polars as pl

from dedupe.matching import Matcher
from dedupe.tables import read_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=1e9, help="Stop after so many.")
    given = parser.parse_args()
    start = time.perf_counter()
    matcher = Matcher(given.workspace)
    print(f"{len(matcher.ids):,} records, ready after {time.perf_counter() - start:.1f} s")
    frame = read_table(given.file).frame
    rows = frame.sample(min(given.records, frame.height), shuffle=True, seed=0).to_dicts()
    matcher.match(pl.DataFrame(rows[:1]))  # the first call also pays for what is only done once
    taken, matched, start = [], 0, time.perf_counter()
    for row in rows:
        one = time.perf_counter()
        matched += matcher.match(pl.DataFrame([row])).height > 0
        taken.append((time.perf_counter() - one) * 1000)
        if time.perf_counter() - start > given.seconds:
            break
    print(
        f"{len(taken):,} matched one by one ({matched:,} with a match): median "
        f"{np.median(taken):.1f} ms, 95th percentile {np.quantile(taken, 0.95):.1f} ms"
    )


if __name__ == "__main__":
    main()
