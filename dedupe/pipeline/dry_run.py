"""What a run would cost, without running it."""

from __future__ import annotations

import time
from typing import Any

from dedupe.blocking.candidates import FLAT_LIMIT
from dedupe.config import Config
from dedupe.io.sources import Source, open_input
from dedupe.pipeline.pairs import read_records
from dedupe.scoring.cross_encoder import load_cross_encoder, prepare_texts, score_texts
from dedupe.scoring.pairs import identical_pairs
from dedupe.scoring.score import max_cross_encoder_pairs

_TIMED_PAIRS = 64
# Measured on two cores of a server: seconds, and MiB of memory.
_START_SECONDS, _START_MEMORY = 2.0, 300.0
_SECONDS_PER_RECORD, _MEMORY_PER_RECORD = 4e-5, 3.2e-3
_SECONDS_PER_CANDIDATE, _MEMORY_PER_CANDIDATE = 5e-5, 2e-4
_SECONDS_PER_COMPARISON = 5e-9
_SECONDS_PER_SEARCH = 7e-5


def dry_run(
    source: Source, *, config: Config | None = None, **options: Any
) -> dict[str, int | float]:
    """Estimate the cost of a run, without running it.

    The cross-encoder is timed on a few pairs of the input. The other stages are assumed to be as
    fast as on the two server cores where they were measured.

    Parameters
    ----------
    source, config, **options
        As for :func:`~dedupe.pipeline.run.run`.

    Returns
    -------
    dict
        ``rows``, ``distinct`` (records after identical ones are merged), ``candidates`` and
        ``cross_encoder_pairs`` (at most), ``seconds`` and ``memory_mb``.

    Raises
    ------
    DedupeError
        If the input or an option cannot be used.
    """
    config = (config or Config()).with_options(**options)
    records = read_records(open_input(source, config), config).records
    firsts, _ = identical_pairs(records.texts)
    n = len(firsts)
    candidates = int(min(config.candidates_per_record * n, n * (n - 1) / 2))
    scored = max_cross_encoder_pairs(len(records), candidates, config)
    sample = records.texts.gather(firsts).sample(min(n, _TIMED_PAIRS), seed=config.seed).to_list()
    scoring = _seconds_per_pair(sample, config) * scored if scored else 0.0
    search = n * n / 2 * _SECONDS_PER_COMPARISON if n <= FLAT_LIMIT else n * _SECONDS_PER_SEARCH
    other = len(records) * _SECONDS_PER_RECORD + candidates * _SECONDS_PER_CANDIDATE
    memory = _START_MEMORY + n * _MEMORY_PER_RECORD + candidates * _MEMORY_PER_CANDIDATE
    return {
        "rows": len(records),
        "distinct": n,
        "candidates": candidates,
        "cross_encoder_pairs": scored,
        "seconds": round(_START_SECONDS + scoring + search + other, 1),
        "memory_mb": int(memory),
    }


def _seconds_per_pair(texts: list[str], config: Config) -> float:
    """Time the cross-encoder on pairs of neighbouring texts."""
    model = load_cross_encoder(config)
    left, right = prepare_texts(model, texts), prepare_texts(model, texts[1:] + texts[:1])
    score_texts(model, left[:8], right[:8])  # the first call is slower
    start = time.perf_counter()
    score_texts(model, left, right)
    return (time.perf_counter() - start) / len(texts)
