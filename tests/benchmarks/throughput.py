"""Speed of the stages: ``python -m tests.benchmarks.throughput [--rows N]``.

Prints records per second of the bundled bi-encoder and of the search, and pairs per second of the
comparison model and of the cross-encoder, each with its preparation. The first two are also given
as multiples of a yardstick measured in the same run, so that machines can be compared: SHA-256 of
the same texts, and a plain matrix product.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import time
from collections.abc import Callable

import numpy as np
import polars as pl

from dedupe.blocking.candidates import find_candidate_pairs
from dedupe.blocking.embedding.bi_encoder import embed, fit_bi_encoder
from dedupe.config import Config
from dedupe.records.records import record_text
from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.comparison.model import CANDIDATE_FEATURES
from dedupe.scoring.cross_encoder.encoder import load_cross_encoder
from dedupe.scoring.score import judge
from dedupe.training.generators.synthesize import synthesize_pairs


def timed(work: Callable[[], object]) -> tuple[float, object]:
    """Measure the seconds of a call, and return its result as well."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def people(rows: int) -> list[str]:
    """Make record texts of people."""
    rng = random.Random(0)
    texts = []
    for pair in synthesize_pairs(min(rows, 5_000), 0, ("person",)):
        texts += [record_text(pair.left.items()), record_text(pair.right.items())]
    while len(texts) < rows:
        texts.append(texts[rng.randrange(10_000)] + f" {rng.randrange(10**6)}")
    return texts[:rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--pairs", type=int, default=2_000)
    given = parser.parse_args()
    config = Config()
    texts = people(given.rows)
    seconds, vectors = timed(lambda: embed(fit_bi_encoder(config, texts), texts))
    assert isinstance(vectors, np.ndarray)
    hashing, _ = timed(lambda: [hashlib.sha256(text.encode()).digest() for text in texts])
    print(
        f"encode  {len(texts) / seconds:>12,.0f} records/s, {seconds / hashing:.0f} times a SHA-256"
    )
    seconds, found = timed(lambda: find_candidate_pairs(vectors, config))
    block = vectors[:10_000]
    product, _ = timed(lambda: block @ block.T)
    yardstick = product * (len(vectors) / len(block)) ** 2 / 2
    print(
        f"search  {len(vectors) / seconds:>12,.0f} records/s, "
        f"{seconds / yardstick:.1f} times the product"
    )
    comparison = Comparison.of(pl.Series(texts), found.pairs)  # type: ignore[attr-defined]
    seconds, log_odds = timed(comparison.log_odds)
    assert isinstance(log_odds, np.ndarray)
    print(f"compare {len(comparison) / seconds:>12,.0f} pairs/s")
    model, some = load_cross_encoder(config), np.arange(min(given.pairs, len(comparison)))
    ends = comparison.left[some], comparison.right[some]
    features = comparison.features(CANDIDATE_FEATURES, some)
    seconds, _ = timed(lambda: judge(model, comparison.texts, *ends, log_odds[some], features, {}))
    print(f"judge   {len(ends[0]) / seconds:>12,.0f} pairs/s")


if __name__ == "__main__":
    main()
