"""Match probabilities of candidate pairs: the cross-encoder behind a distilled model of it.

The score of a pair does not depend on the order of its records: the two texts are sorted before
the model reads them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.config import Config
from dedupe.errors import InputError
from dedupe.progress import Progress, silent
from dedupe.records import record_text, value_text
from dedupe.scoring.boosted_trees import BoostedTrees
from dedupe.scoring.cascade import (
    CASCADE_ABOVE,
    MAX_SAMPLED,
    CascadeScores,
    CascadeSettings,
    cascade,
)
from dedupe.scoring.comparison import (
    Comparison,
    compared_fields,
    comparison_vectors,
    is_structured,
    layout_of,
)
from dedupe.scoring.cross_encoder import load_cross_encoder, prepare_texts, score_texts
from dedupe.scoring.pairs import DECIDERS
from dedupe.scoring.sampling import sampling_keys

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


def score(
    pairs: Iterable[Mapping[str, Any]], *, config: Config | None = None, **options: Any
) -> NDArray[np.float32]:
    """Compute the probability that the two records of each pair match.

    Parameters
    ----------
    pairs
        Mappings with ``left`` and ``right``, each a record: field name to value. Values that are
        not text are converted; ``None`` and NaN are missing values. The two records may have
        different fields.
    config
        ``cross_encoder`` and ``device`` are used; defaults where ``None``.
    **options
        Fields of :class:`~dedupe.config.Config`, replacing those of `config`.

    Returns
    -------
    ndarray
        (m,) float32 in [0, 1].

    Raises
    ------
    InputError
        If an item is not a pair of records.
    ModelError
        If the model cannot be loaded.

    Examples
    --------
    >>> dedupe.score([{"left": {"name": "Jon Smith"}, "right": {"name": "Smith, John"}}])
    ... # doctest: +SKIP
    """
    config = (config or Config()).with_options(**options)
    batches = scored_batches(pairs, load_cross_encoder(config))
    probabilities = [probability for _, probability in batches]
    return np.concatenate(probabilities) if probabilities else np.empty(0, dtype=np.float32)


def scored_batches(
    pairs: Iterable[Mapping[str, Any]], model: CrossEncoder, size: int = 8_192
) -> Iterator[tuple[list[Mapping[str, Any]], NDArray[np.float32]]]:
    """Yield pairs of records, `size` at a time, with their probabilities; see :func:`score`."""
    numbered = enumerate(pairs, start=1)
    while batch := list(islice(numbered, size)):
        left, right = (
            prepare_texts(model, [_side_text(pair, side, number) for number, pair in batch])
            for side in ("left", "right")
        )
        yield [pair for _, pair in batch], score_texts(model, left, right)


def _side_text(pair: Any, side: str, number: int) -> str:
    record = pair.get(side) if isinstance(pair, Mapping) else None
    if not isinstance(record, Mapping):
        raise InputError(
            f"pair {number} has no record under {side!r}: a pair is an object with left and right, "
            "each an object of field names and values"
        )
    return record_text((str(name), value_text(value)) for name, value in record.items())


def score_pairs(
    model: CrossEncoder,
    candidates: pl.DataFrame,
    texts: pl.Series,
    config: Config,
    progress: Progress = silent,
    known: NDArray[np.float32] | None = None,
    comparison: Comparison | None = None,
) -> tuple[pl.DataFrame, dict[str, Any], BoostedTrees | None]:
    """Score candidate pairs; where they are many, a distilled model scores the clear ones.

    Parameters
    ----------
    model
        A cross-encoder with one logit per pair.
    candidates
        Columns ``left``, ``right`` (row numbers) and ``similarity``. Pairs with a ``seen`` above 0,
        if there is such a column, are always scored by the cross-encoder.
    texts
        (n,) record texts.
    config
        ``fidelity``, ``cross_encoder_pairs`` and ``seed`` are used.
    progress
        Called with the number of pairs done.
    known
        (m,) float32: probabilities that the cross-encoder gave earlier; NaN where it gave none.
    comparison
        Comparison of these candidates, to share its vectors with other stages. ``None``: compared
        here.

    Returns
    -------
    frame
        Schema :data:`~dedupe.scoring.pairs.PAIRS`, in the order of `candidates`.
    facts
        Facts of the distilled model, as of :class:`~dedupe.scoring.cascade.CascadeScores`, and the
        ``layout`` of its comparison vectors; empty where there is none.
    trees
        The distilled model, to score later pairs with; ``None`` where there is none.
    """
    held_out = held_out_scores(config.cross_encoder)
    scorer = _CandidateScorer(model, candidates, texts, held_out, progress, known)
    m = candidates.height
    if m <= CASCADE_ABOVE or config.fidelity == 1:
        scores = CascadeScores(scorer(np.arange(m)), np.ones(m, dtype=bool), {})
    else:
        comparison = comparison or Comparison.of(texts, candidates)
        just_outside = np.zeros(m, dtype=bool)
        if "seen" in candidates.columns:
            just_outside = candidates["seen"].to_numpy() > 0
        scores = cascade(
            comparison.vectors,
            comparison.similarity,
            sampling_keys(texts, comparison.left, comparison.right, config.seed),
            just_outside,
            scorer,
            CascadeSettings(
                fidelity=config.fidelity,
                budget=config.cross_encoder_pairs,
                structured=is_structured(comparison.fields),
                records=len(texts),
                seed=config.seed,
            ),
        )
        scores.facts["layout"] = layout_of(comparison.fields)
    decided_by = np.where(scores.by_cross_encoder, "cross-encoder", "distilled")
    scored = candidates.select("left", "right", "similarity").with_columns(
        pl.Series("probability", scores.probability),
        pl.Series("decided_by", decided_by).cast(DECIDERS),
    )
    return scored, scores.facts, scores.trees


def distilled_scores(
    trees: BoostedTrees, layout: Sequence[Sequence[str]], pairs: pl.DataFrame, texts: pl.Series
) -> NDArray[np.float32]:
    """Score pairs with a distilled model that was fitted to other pairs.

    Parameters
    ----------
    trees
        The distilled model.
    layout
        Label and kind of the fields it was fitted to, from the facts of :func:`score_pairs`.
    pairs
        Columns ``left``, ``right`` (row numbers) and ``similarity``.
    texts
        (n,) record texts.

    Returns
    -------
    ndarray
        (m,) float32.
    """
    ends = np.concatenate([pairs["left"].to_numpy(), pairs["right"].to_numpy()])
    rows, position = np.unique(ends, return_inverse=True)
    fields = compared_fields(texts.gather(rows), [(label, kind) for label, kind in layout])
    left, right = position.astype(np.uint32).reshape(2, -1)
    return trees.predict(comparison_vectors(fields, left, right, pairs["similarity"].to_numpy()))


def max_cross_encoder_pairs(candidates: int, config: Config) -> int:
    """Return the largest number of candidate pairs that the cross-encoder may have to score."""
    if candidates <= CASCADE_ABOVE or config.fidelity == 1:
        return candidates
    return min(candidates, MAX_SAMPLED + config.cross_encoder_pairs)


class _CandidateScorer:
    """Scores candidate pairs, given by number, with the cross-encoder.

    Probabilities that are known are not computed again. For pairs that the model was fine-tuned on,
    `held_out` has probabilities from before it saw them, by :func:`pair_key`.
    """

    def __init__(
        self,
        model: CrossEncoder,
        candidates: pl.DataFrame,
        texts: pl.Series,
        held_out: Mapping[str, float],
        progress: Progress,
        known: NDArray[np.float32] | None,
    ) -> None:
        self._model = model
        self._left, self._right = (candidates[side].to_numpy() for side in ("left", "right"))
        self._texts = texts
        self._held_out = held_out
        self._progress = progress
        self._known = known
        self._done = 0

    def __call__(self, pairs: NDArray[np.int64]) -> NDArray[np.float32]:
        if self._known is None:
            return self._compute(pairs)
        probability = self._known[pairs]
        unknown = np.isnan(probability)
        if unknown.any():
            probability[unknown] = self._compute(pairs[unknown])
        return probability

    def _compute(self, pairs: NDArray[np.int64]) -> NDArray[np.float32]:
        left, right = self._left[pairs], self._right[pairs]
        rows = np.unique(np.concatenate([left, right]))
        texts = prepare_texts(self._model, self._texts.gather(rows).to_list())
        prepared = dict(zip(rows, texts, strict=True))
        done_before = self._done
        self._done += len(pairs)
        probability = score_texts(
            self._model,
            [prepared[row] for row in left],
            [prepared[row] for row in right],
            lambda done, _: self._progress(done_before + done, self._done),
        )
        if self._held_out:
            for at, (a, b) in enumerate(zip(left, right, strict=True)):
                key = pair_key(self._texts[int(a)], self._texts[int(b)])
                probability[at] = self._held_out.get(key, probability[at])
        return probability


HELD_OUT_FILE = "unseen.json"
"""File in the folder of a fine-tuned model: held-out scores of the pairs it was fine-tuned on."""


def held_out_scores(folder: str) -> dict[str, float]:
    """Load the probabilities of a fine-tuned model's training pairs from before it saw them.

    Returns
    -------
    dict
        Probability by :func:`pair_key`; empty for a model that was not fine-tuned on decisions.
    """
    try:
        return dict(json.loads((Path(folder) / HELD_OUT_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def pair_key(left: str, right: str) -> str:
    """Hash a pair of record texts, in either order, to a key that does not reveal them."""
    text = "\0".join(sorted((left, right)))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
