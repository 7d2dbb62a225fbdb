"""From candidate pairs to probabilities: the cross-encoder, and the distilled in front of it.

The score of a pair does not depend on the order of its records: the two texts are put in one order,
by their characters, before the model sees them.
"""

from __future__ import annotations

import hashlib
import json
import math
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
from dedupe.records import record_text
from dedupe.scoring.boosted_trees import BoostedTrees
from dedupe.scoring.cascade import ALL_BELOW, SAMPLED, CascadeScores, cascade
from dedupe.scoring.comparison import compared_fields, comparison_vectors, layout_of, structured
from dedupe.scoring.cross_encoder import load_cross_encoder, prepare_texts, score_texts
from dedupe.scoring.pairs import DECIDERS

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


def score(
    pairs: Iterable[Mapping[str, Any]], *, config: Config | None = None, **options: Any
) -> NDArray[np.float32]:
    """Return the probability that the two records of each pair are one thing.

    Parameters
    ----------
    pairs
        Mappings with ``left`` and ``right``, each a record: field name to value. Values that are
        not text are read as Python prints them; ``None`` and NaN are missing values. The two
        records may have different fields.
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
        If something is not a pair of records.
    ModelError
        If the model cannot be loaded.

    Examples
    --------
    >>> dedupe.score([{"left": {"name": "Jon Smith"}, "right": {"name": "Smith, John"}}])
    ... # doctest: +SKIP
    """
    config = (config or Config()).with_options(**options)
    batches = list(scored_batches(pairs, load_cross_encoder(config)))
    chances = [chance for _, chance in batches]
    return np.concatenate(chances) if chances else np.empty(0, dtype=np.float32)


def scored_batches(
    pairs: Iterable[Mapping[str, Any]], model: CrossEncoder, size: int = 8_192
) -> Iterator[tuple[list[Mapping[str, Any]], NDArray[np.float32]]]:
    """Yield pairs of records, `size` at a time, with their probabilities; see :func:`score`."""
    stream = enumerate(pairs, start=1)
    while batch := list(islice(stream, size)):
        texts = [[_side_text(pair, side, at) for at, pair in batch] for side in ("left", "right")]
        left, right = (prepare_texts(model, side) for side in texts)
        yield [pair for _, pair in batch], score_texts(model, left, right)


def _side_text(pair: Any, side: str, at: int) -> str:
    record = pair.get(side) if isinstance(pair, Mapping) else None
    if not isinstance(record, Mapping):
        raise InputError(
            f"pair {at} has no record under {side!r}: a pair is an object with left and right, "
            "each an object of field names and values"
        )
    return record_text((str(k), _value_text(v)) for k, v in record.items())


def _value_text(value: Any) -> str | None:
    """Return a value as text; ``None`` for what is missing, which pandas writes as NaN."""
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return None if missing else str(value)


def score_pairs(
    model: CrossEncoder,
    candidates: pl.DataFrame,
    texts: pl.Series,
    config: Config,
    progress: Progress = silent,
    known: NDArray[np.float32] | None = None,
) -> tuple[pl.DataFrame, dict[str, Any], BoostedTrees | None]:
    """Score candidate pairs, the clear ones by a distilled of the model where they are many.

    Parameters
    ----------
    model
        Gives one logit a pair.
    candidates
        Columns ``left``, ``right`` (row numbers) and ``similarity``; those with a ``seen`` above 0,
        where there is such a column, are left to the model.
    texts
        (n,) record texts.
    config
        ``agreement``, ``cross_encoder_pairs`` and ``seed`` are used.
    progress
        Told the pairs done.
    known
        (m,) float32: what the model said of a pair when it was asked before; NaN where it was not.

    Returns
    -------
    frame
        Of schema :data:`PAIRS`, in the order of `candidates`.
    facts
        What the distilled did; empty where there was none. See
        :class:`~dedupe.scoring.cascade.CascadeScores`.
        Its ``layout`` says what the distilled is told of a pair.
    distilled
        For pairs to come; ``None`` where there was none.
    """
    unseen = held_out_scores(config.cross_encoder)
    judge = _Judge(model, candidates, texts, unseen, progress, known)
    m = candidates.height
    if m <= ALL_BELOW or config.agreement == 1:
        found = CascadeScores(judge(np.arange(m)), np.ones(m, dtype=bool), {})
    else:
        left, right = (candidates[side].to_numpy() for side in ("left", "right"))
        similarity = candidates["similarity"].to_numpy()
        values = compared_fields(texts)
        found = cascade(
            comparison_vectors(values, left, right, similarity),
            similarity,
            _tickets(texts, left, right, config.seed),
            candidates["seen"].to_numpy() > 0
            if "seen" in candidates.columns
            else np.zeros(m, dtype=bool),
            judge,
            agreement=config.agreement,
            budget=config.cross_encoder_pairs,
            structured=structured(values),
            records=len(texts),
            seed=config.seed,
        )
        found.facts["layout"] = layout_of(values)
    decided_by = np.where(found.by_teacher, "cross-encoder", "distilled")
    scored = candidates.select("left", "right", "similarity").with_columns(
        pl.Series("probability", found.probability),
        pl.Series("decided_by", decided_by).cast(DECIDERS),
    )
    return scored, found.facts, found.distilled


def distilled_scores(
    distilled: BoostedTrees, layout: Sequence[Sequence[str]], pairs: pl.DataFrame, texts: pl.Series
) -> NDArray[np.float32]:
    """Return what a distilled that learnt from other pairs says of these, (m,) float32.

    Parameters
    ----------
    distilled
        The distilled.
    layout
        What it is told of a pair, as the facts of :func:`score_pairs` give it.
    pairs
        Columns ``left``, ``right`` (row numbers) and ``similarity``.
    texts
        (n,) record texts.
    """
    ends = np.concatenate([pairs["left"].to_numpy(), pairs["right"].to_numpy()])
    rows, place = np.unique(ends, return_inverse=True)
    values = compared_fields(texts.gather(rows), [(label, kind) for label, kind in layout])
    left, right = place.astype(np.uint32).reshape(2, -1)
    return distilled.predict(
        comparison_vectors(values, left, right, pairs["similarity"].to_numpy())
    )


def most_judged(candidates: int, config: Config) -> int:
    """Return how many of so many candidate pairs the cross-encoder judges at most."""
    if candidates <= ALL_BELOW or config.agreement == 1:
        return candidates
    return min(candidates, SAMPLED + config.cross_encoder_pairs)


class _Judge:
    """The cross-encoder, asked for candidate pairs by number; prepares each text once.

    What it said before it is not asked again. Of pairs that it learnt from, `unseen` has what
    stands in the place of its decision.
    """

    def __init__(
        self,
        model: CrossEncoder,
        candidates: pl.DataFrame,
        texts: pl.Series,
        unseen: Mapping[str, float],
        progress: Progress,
        known: NDArray[np.float32] | None = None,
    ) -> None:
        self.unseen = unseen
        self.model = model
        self.known = known
        self.left, self.right = (candidates[side].to_numpy() for side in ("left", "right"))
        self.texts = texts
        self.progress = progress
        self.asked = 0

    def __call__(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        if self.known is None:
            return self._asked(numbers)
        chance = self.known[numbers]
        unknown = np.isnan(chance)
        if unknown.any():
            chance[unknown] = self._asked(numbers[unknown])
        return chance

    def _asked(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        left, right = self.left[numbers], self.right[numbers]
        rows = np.unique(np.concatenate([left, right]))
        read = dict(
            zip(rows, prepare_texts(self.model, self.texts.gather(rows).to_list()), strict=True)
        )
        before = self.asked
        self.asked += len(numbers)
        chances = score_texts(
            self.model,
            [read[row] for row in left],
            [read[row] for row in right],
            lambda done, _: self.progress(before + done, self.asked),
        )
        if self.unseen:
            for place, (a, b) in enumerate(zip(left, right, strict=True)):
                name = pair_name(self.texts[int(a)], self.texts[int(b)])
                chances[place] = self.unseen.get(name, chances[place])
        return chances


UNSEEN = "unseen.json"
"""In the folder of a model that learnt from decisions: their pairs, as it judged them unseen."""


def held_out_scores(folder: str) -> dict[str, float]:
    """Return, by :func:`pair_name`, the probabilities that a model gave pairs before it saw them.

    Empty where it did not learn from decisions.
    """
    try:
        return dict(json.loads((Path(folder) / UNSEEN).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def pair_name(left: str, right: str) -> str:
    """Return a name for a pair of record texts, in either order, that does not tell them."""
    text = "\0".join(sorted((left, right)))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _tickets(
    texts: pl.Series, left: NDArray[np.uint32], right: NDArray[np.uint32], seed: int
) -> NDArray[np.uint64]:
    """Return a random number for each pair that depends on nothing but its two texts."""
    drawn = texts.hash(seed).to_numpy()
    mixed: NDArray[np.uint64] = (drawn[left] + drawn[right]) * np.uint64(0x9E3779B97F4A7C15)
    return mixed ^ (mixed >> np.uint64(29))
