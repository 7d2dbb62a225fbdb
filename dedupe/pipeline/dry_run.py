"""What a run would cost, without running it."""

from __future__ import annotations

from typing import Unpack

from dedupe.blocking.candidates import FLAT_LIMIT
from dedupe.config import Config
from dedupe.io.sources import Source, open_input
from dedupe.pipeline.options import Options
from dedupe.pipeline.pairs import read_records
from dedupe.resolution.rules import check_rules
from dedupe.scoring.pairs import identical_pairs
from dedupe.scoring.score import max_cross_encoder_pairs

# Measured on two cores of a server: seconds, and MiB of memory.
_START_SECONDS, _START_MEMORY = 2.0, 300.0
_SECONDS_PER_RECORD, _MEMORY_PER_RECORD = 4e-5, 3.2e-3
_SECONDS_PER_CANDIDATE, _MEMORY_PER_CANDIDATE = 5e-5, 2e-4
_SECONDS_PER_COMPARISON = 5e-9
_SECONDS_PER_SEARCH = 7e-5
_SECONDS_PER_JUDGED_PAIR = 0.012


def dry_run(
    source: Source, *, config: Config | None = None, **options: Unpack[Options]
) -> dict[str, int | float]:
    """Estimate the cost of a run, without running it.

    No model is loaded: every stage is assumed to be as fast as on the two server cores where it
    was measured, with the bundled models.

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

    Examples
    --------
    >>> costs = dedupe.dry_run("contacts.csv")
    >>> costs["rows"], costs["candidates"]
    (80, 400)
    """
    config = (config or Config()).with_options(**options)
    records = read_records(open_input(source, config), config).records
    check_rules(config, records.frame.columns)
    firsts, _ = identical_pairs(records.texts)
    n = len(firsts)
    candidates = int(min(config.candidates_per_record * n, n * (n - 1) / 2))
    scored = max_cross_encoder_pairs(len(records), candidates, config)
    search = n * n / 2 * _SECONDS_PER_COMPARISON if n <= FLAT_LIMIT else n * _SECONDS_PER_SEARCH
    other = len(records) * _SECONDS_PER_RECORD + candidates * _SECONDS_PER_CANDIDATE
    memory = _START_MEMORY + n * _MEMORY_PER_RECORD + candidates * _MEMORY_PER_CANDIDATE
    scoring = scored * _SECONDS_PER_JUDGED_PAIR
    return {
        "rows": len(records),
        "distinct": n,
        "candidates": candidates,
        "cross_encoder_pairs": scored,
        "seconds": round(_START_SECONDS + scoring + search + other, 1),
        "memory_mb": int(memory),
    }
