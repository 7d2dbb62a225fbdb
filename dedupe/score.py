"""From candidate pairs to probabilities, by the cross-encoder.

The score of a pair does not depend on the order of its records: the two texts are put in one order,
by their characters, before the model sees them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.encoders import cross_encoder_text, spell_unknown
from dedupe.progress import Progress, silent

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

DECIDERS = pl.Enum(["identical", "student", "cross-encoder"])
"""Who gave a pair its probability."""

PAIRS = pl.Schema(
    {
        "left": pl.UInt32(),
        "right": pl.UInt32(),
        "similarity": pl.Float32(),
        "probability": pl.Float32(),
        "decided_by": DECIDERS,
    }
)
"""Scored pairs: row numbers with ``left < right``; unique, sorted by ``left`` and ``right``."""

CHUNK = 2048
"""Pairs between two reports of progress."""
BATCH_CHARACTERS = 24_000
"""Characters in a batch: about as many tokens as keep two cores busy without leaving the cache."""


def score_pairs(
    model: CrossEncoder, candidates: pl.DataFrame, texts: pl.Series, progress: Progress = silent
) -> pl.DataFrame:
    """Score candidate pairs.

    Parameters
    ----------
    model
        Gives one logit a pair.
    candidates
        Columns ``left``, ``right`` (row numbers) and ``similarity``.
    texts
        (n,) record texts.
    progress
        Told the pairs done.

    Returns
    -------
    DataFrame
        Of schema :data:`PAIRS`, in the order of `candidates`.
    """
    rows = pl.concat([candidates["left"], candidates["right"]]).unique().sort()
    read = dict(zip(rows, prepare_texts(model, texts.gather(rows).to_list()), strict=True))
    probability = score_texts(
        model,
        [read[row] for row in candidates["left"]],
        [read[row] for row in candidates["right"]],
        progress,
    )
    return candidates.select("left", "right", "similarity").with_columns(
        pl.Series("probability", probability),
        pl.lit("cross-encoder").cast(DECIDERS).alias("decided_by"),
    )


def identical_pairs(texts: pl.Series) -> tuple[pl.Series, pl.DataFrame]:
    """Group records with the same text.

    Returns
    -------
    rows
        u32: the first row of each distinct text, in order. A record with an empty text says
        nothing and is a group of its own.
    pairs
        Frame of schema :data:`PAIRS`: the first row of each group with each of the others.
    """
    numbered = pl.DataFrame(
        {"row": pl.int_range(len(texts), dtype=pl.UInt32, eager=True), "text": texts}
    ).with_columns(
        pl.when(pl.col("text") == "")
        .then(pl.col("row"))
        .otherwise(pl.col("row").min().over("text"))
        .alias("first")
    )
    pairs = numbered.filter(pl.col("row") != pl.col("first")).select(
        pl.col("first").alias("left"),
        pl.col("row").alias("right"),
        pl.lit(1.0, dtype=pl.Float32).alias("similarity"),
        pl.lit(1.0, dtype=pl.Float32).alias("probability"),
        pl.lit("identical").cast(DECIDERS).alias("decided_by"),
    )
    return numbered.filter(pl.col("row") == pl.col("first"))["row"], pairs.sort("left", "right")


def prepare_texts(model: CrossEncoder, texts: Sequence[str]) -> list[str]:
    """Return record texts in the form that the cross-encoder reads them."""
    read = [cross_encoder_text(text) for text in texts]
    table = spell_unknown(read, model.tokenizer.get_vocab())
    return [text.translate(table) for text in read] if table else read


def score_texts(
    model: CrossEncoder,
    left: Sequence[str],
    right: Sequence[str],
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """Return the probability that each pair of prepared texts is one thing.

    Parameters
    ----------
    left, right
        (m,) texts as :func:`prepare_texts` makes them.

    Returns
    -------
    ndarray
        (m,) float32 in [0, 1]; the same when `left` and `right` change places.
    """
    logits = score_logits(model, left, right, progress).astype(np.float64)
    return (1 / (1 + np.exp(-np.clip(logits, -30, 30)))).astype(np.float32)


def score_logits(
    model: CrossEncoder,
    left: Sequence[str],
    right: Sequence[str],
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """Return the cross-encoder's logit for each pair of prepared texts, (m,) float32."""
    import torch

    pairs = [(a, b) if a <= b else (b, a) for a, b in zip(left, right, strict=True)]
    lengths = np.array([len(a) + len(b) for a, b in pairs], dtype=np.int64)
    # Sorted by length over all pairs, batches hold no padding; the longest first, so that a lack
    # of memory shows at once and the time left is never too hopeful.
    order = np.argsort(-lengths, kind="stable")
    logits = np.empty(len(pairs), dtype=np.float32)
    for at in range(0, len(order), CHUNK):
        some = order[at : at + CHUNK]
        logits[some] = model.predict(
            [pairs[i] for i in some],
            batch_size=int(np.clip(BATCH_CHARACTERS // max(lengths[some[0]], 1), 16, 256)),
            activation_fn=torch.nn.Identity(),
            show_progress_bar=False,
        )
        progress(min(at + CHUNK, len(order)), len(order))
    return logits
