"""Match probabilities of pairs of records that are given as such, without a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any, Unpack

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.embedding.bi_encoder import embed, fit_bi_encoder
from dedupe.config import Config
from dedupe.errors import InputError
from dedupe.pipeline.options import ScoreOptions
from dedupe.records.records import record_text
from dedupe.records.value_text import value_text
from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.logistic import sigmoid
from dedupe.scoring.score import judge_given, score_pairs

BATCH = 8_192
"""Pairs that are scored together: their records are the file that makes a value rare."""


def score(
    pairs: Iterable[Mapping[str, Any]],
    *,
    config: Config | None = None,
    **options: Unpack[ScoreOptions],
) -> NDArray[np.float32]:
    """Compute the probability that the two records of each pair match.

    Parameters
    ----------
    pairs
        Mappings with ``left`` and ``right``, each a record: field name to value. Values that are
        not text are converted; ``None`` and NaN are missing values. The two records may have
        different fields.
    config
        ``effort``, ``cross_encoder`` and ``device`` are used; defaults where ``None``. Unless
        ``effort`` is ``"fast"``, the cross-encoder judges every pair.
    **options
        These fields of :class:`~dedupe.config.Config`, replacing those of `config`.

    Returns
    -------
    ndarray
        (m,) float32 in [0, 1]. What a shared value says depends on how rare it is among the
        records of all pairs; what a similarity says, on how similar the likely matches among them
        are; and whether a likely match of a record counts against its other pairs, on whether
        matches exclude each other among them. All of this up to :data:`BATCH` pairs at a time.

    Raises
    ------
    InputError
        If an item is not a pair of records.
    ModelError
        If the model cannot be loaded.

    Examples
    --------
    >>> pair = {"left": {"name": "Jon Smith"}, "right": {"name": "Smith, Jon"}}
    >>> float(dedupe.score([pair], effort="fast")[0]) > 0.5
    True
    """
    config = (config or Config()).with_options(**options)
    probabilities = [probability for _, probability in scored_batches(pairs, config)]
    return np.concatenate(probabilities) if probabilities else np.empty(0, dtype=np.float32)


def scored_batches(
    pairs: Iterable[Mapping[str, Any]], config: Config, size: int = BATCH
) -> Iterator[tuple[list[Mapping[str, Any]], NDArray[np.float32]]]:
    """Yield pairs of records, `size` at a time, with their probabilities; see :func:`score`."""
    numbered = enumerate(pairs, start=1)
    while batch := list(islice(numbered, size)):
        left, right = (
            [_side_text(pair, side, number) for number, pair in batch] for side in ("left", "right")
        )
        yield [pair for _, pair in batch], _score_texts(left, right, config)


def _score_texts(left: list[str], right: list[str], config: Config) -> NDArray[np.float32]:
    """Score pairs of record texts; all of them together are the file that they belong to."""
    texts = sorted({*left, *right})
    row = {text: number for number, text in enumerate(texts)}
    ends = [np.array([row[text] for text in side], dtype=np.uint32) for side in (left, right)]
    vectors = embed(fit_bi_encoder(config, texts), texts)
    pairs = pl.DataFrame(
        {
            "left": np.minimum(*ends),
            "right": np.maximum(*ends),
            "similarity": np.einsum("ij,ij->i", vectors[ends[0]], vectors[ends[1]]),
        }
    )
    comparison = replace(
        Comparison.of(pl.Series("text", texts, dtype=pl.String), pairs), with_neighbours=False
    )
    if config.effort == "fast":
        scored, *_ = score_pairs(pairs, comparison, config)
        return scored["probability"].to_numpy()
    return sigmoid(judge_given(comparison, config)).astype(np.float32)


def _side_text(pair: Any, side: str, number: int) -> str:
    record = pair.get(side) if isinstance(pair, Mapping) else None
    if not isinstance(record, Mapping):
        raise InputError(
            f"pair {number} has no record under {side!r}: a pair is an object with left and right, "
            "each an object of field names and values"
        )
    text = record_text((str(name), value_text(value)) for name, value in record.items())
    # JSON can hold halves of surrogate pairs; text of a table cannot.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
