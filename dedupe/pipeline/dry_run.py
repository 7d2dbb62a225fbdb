"""What a run would cost, said before it is begun."""

from __future__ import annotations

import time
from typing import Any

from dedupe.blocking.candidates import FLAT_LIMIT
from dedupe.config import Config
from dedupe.io.sources import Source, open_input
from dedupe.pipeline.run import read_records
from dedupe.scoring.cross_encoder import load_cross_encoder, prepare_texts, score_texts
from dedupe.scoring.pairs import identical_pairs
from dedupe.scoring.score import most_judged


def estimate(
    source: Source, *, config: Config | None = None, **options: Any
) -> dict[str, int | float]:
    """Say what a run would cost, without running it.

    The cross-encoder is timed on a few pairs of this very input; the other stages are taken to run
    as fast as they did where they were measured (two cores of a server).

    Parameters
    ----------
    source, config, **options
        As for :func:`run`.

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
    most = most_judged(candidates, config)
    few = records.texts.gather(firsts).sample(min(n, _TIMED), seed=config.seed).to_list()
    model = load_cross_encoder(config)
    left, right = prepare_texts(model, few), prepare_texts(model, few[1:] + few[:1])
    score_texts(model, left[:8], right[:8])  # the first call also pays for what is only done once
    start = time.perf_counter()
    score_texts(model, left, right)
    judged = (time.perf_counter() - start) / len(few) * most
    compared = n * n / 2 * _SECONDS_A_COMPARISON if n <= FLAT_LIMIT else n * _SECONDS_A_SEARCH
    other = len(records) * _SECONDS_A_RECORD + candidates * _SECONDS_A_CANDIDATE
    return {
        "rows": len(records),
        "distinct": n,
        "candidates": candidates,
        "cross_encoder_pairs": most,
        "seconds": round(_SECONDS_TO_START + judged + compared + other, 1),
        "memory_mb": int(_MEMORY_TO_START + n * _MEMORY_A_RECORD + candidates * _MEMORY_A_PAIR),
    }


_TIMED = 64


_SECONDS_TO_START = 6.0


_SECONDS_A_RECORD = 4e-5


_SECONDS_A_CANDIDATE = 2e-5


_SECONDS_A_COMPARISON = 5e-9


_SECONDS_A_SEARCH = 7e-5


_MEMORY_TO_START = 900.0


_MEMORY_A_RECORD = 3.2e-3


_MEMORY_A_PAIR = 2e-4
"""Costs measured on two cores of a server, in seconds and MiB."""
