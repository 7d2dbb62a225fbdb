"""Teach a cross-encoder what people decided about pairs of one file, without its forgetting.

A few decisions would bend a model out of shape. So each batch mixes them with pairs of the same
file that nobody looked at and with pairs as the model was first trained on, both under the
probabilities it already gives them.

It is taught twice, by either half of the decisions, and what each half says of the other tells what
was learnt: of all mixtures of the old and the new weights the one is taken that fits those best. If
that is the old model, nothing has been learnt, and the caller is told. The new weights are the mean
of both, a better model than either [1]_.

The model is not calibrated anew. People decide doubtful pairs, and what fits those is too unsure of
all the others: a file's thousands of pairs that are clearly different would add up to matches. What
decisions say of the probabilities of their file is learnt by :mod:`dedupe.scoring.recalibration`.

What a model says of pairs that it learnt from is no evidence: wherever its scores are learnt from
again, what the half says that had not seen them stands in their place.

References
----------
.. [1] M. Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022, and "Model soups:
   averaging weights of multiple fine-tuned models", ICML 2022.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dedupe.errors import OptionError
from dedupe.models.loading import MODELS, REHEARSAL, cannot_load, no_bars, pick_device, pick_dtype
from dedupe.progress import Progress, silent
from dedupe.scoring.cross_encoder import MAX_TOKENS, prepare_texts, score_logits
from dedupe.scoring.recalibration import FEWEST, FEWEST_OF_A_KIND

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


MIXTURES = (1.0, 0.75, 0.5, 0.25, 0.0)
"""Shares of the new weights that are tried."""


@dataclass(frozen=True)
class ReviewRecipe:
    """How decisions are learnt.

    Parameters
    ----------
    steps
        Batches at most for both halves together; a half sees its decisions `epochs` times or
        until then.
    epochs, batch, replayed
        Passes over the decisions, decisions in a batch and pairs without one in a batch.
    learning_rate
        Of AdamW, falling to zero.
    """

    steps: int = 120
    epochs: int = 4
    batch: int = 12
    replayed: int = 12
    learning_rate: float = 3e-5


@dataclass(frozen=True)
class Example:
    """Two record texts, and how likely they are one thing."""

    left: str
    right: str
    chance: float


@dataclass(frozen=True)
class Lesson:
    """What came of learning.

    Parameters
    ----------
    decisions
        Decisions learnt from.
    mixture
        Share of the new weights; 0 where the old model was the better one.
    loss_before, loss_after
        Mean negative log-likelihood of decisions that were not seen.
    right_before, right_after
        Share of decisions that were not seen on whose side of one half the model is.
    """

    decisions: int
    mixture: float
    loss_before: float
    loss_after: float
    right_before: float
    right_after: float

    def as_dict(self) -> dict[str, Any]:
        """Return the values as plain JSON types."""
        return asdict(self)


def learn_decisions(
    folder: Path,
    decided: Sequence[Example],
    replay: Sequence[Example],
    *,
    device: str = "auto",
    seed: int = 0,
    recipe: ReviewRecipe | None = None,
    progress: Progress = silent,
) -> tuple[CrossEncoder, Lesson, NDArray[np.float64]]:
    """Fine-tune the cross-encoder in `folder` on decisions.

    Parameters
    ----------
    folder
        Of the model to begin with.
    decided
        Pairs that people decided, with 1 for a match and 0 for different.
    replay
        Pairs of the same file with the probabilities that the model gives them.
    device, seed, recipe
        Where, from which random start, and how.
    progress
        Told the batches done.

    Returns
    -------
    model
        In single precision.
    lesson
        What was learnt.
    unseen
        (d,) logits of the decided pairs, each of the half that had not seen it.

    Raises
    ------
    OptionError
        If there are fewer decisions than :data:`~dedupe.scoring.recalibration.FEWEST`, or than
        :data:`~dedupe.scoring.recalibration.FEWEST_OF_A_KIND` of either kind.
    ModelError
        If the model cannot be loaded.
    """
    _check_enough(decided)
    import torch

    recipe = recipe or ReviewRecipe()
    torch.manual_seed(seed)
    model = _in_single_precision(folder, device)
    replay = [*replay, *_rehearsal(model)]
    half = _halves(decided, seed)
    truth = np.array([example.chance for example in decided])
    steps = min(recipe.steps // 2, -(-int((half == 0).sum()) * recipe.epochs // recipe.batch))
    before = copy.deepcopy(_network(model).state_dict())
    old = _logits(model, decided)
    unseen = {mixture: old.copy() for mixture in MIXTURES}
    taught = []
    for number in (0, 1):
        learnt = [decided[i] for i in np.flatnonzero(half == number).tolist()]
        others = np.flatnonzero(half != number)
        _load_mixture(model, before, before, 0.0)
        told = partial(_part_of, progress, number, steps)
        _train(model, learnt, replay, recipe, steps, seed + number, told)
        taught.append(copy.deepcopy(_network(model).state_dict()))
        for mixture in MIXTURES[:-1]:
            _load_mixture(model, before, taught[-1], mixture)
            unseen[mixture][others] = _logits(model, [decided[i] for i in others.tolist()])
    after = _mean(*taught)
    best = min(MIXTURES, key=lambda mixture: (_loss(unseen[mixture], truth), mixture))
    _load_mixture(model, before, after, best)
    new = unseen[best]
    lesson = Lesson(
        decisions=len(decided),
        mixture=best,
        loss_before=round(_loss(old, truth), 4),
        loss_after=round(_loss(new, truth), 4),
        right_before=round(float(((old >= 0) == (truth >= 0.5)).mean()), 4),
        right_after=round(float(((new >= 0) == (truth >= 0.5)).mean()), 4),
    )
    return model, lesson, new


def _check_enough(decided: Sequence[Example]) -> None:
    matches = sum(example.chance >= 0.5 for example in decided)
    others = len(decided) - matches
    if len(decided) < FEWEST or min(matches, others) < FEWEST_OF_A_KIND:
        raise OptionError(
            f"{matches} matches and {others} pairs that differ are too few to learn from: decide "
            f"{FEWEST} pairs, {FEWEST_OF_A_KIND} of either kind (unsure ones teach nothing)"
        )


def _in_single_precision(folder: Path, device: str) -> CrossEncoder:
    """Return the cross-encoder in `folder` as it learns: without any dropout."""
    import torch
    from sentence_transformers import CrossEncoder

    on = pick_device(device)
    try:
        with no_bars():
            model: CrossEncoder = CrossEncoder(
                str(folder),
                device=on,
                max_length=MAX_TOKENS,
                local_files_only=True,
                model_kwargs={
                    "attn_implementation": "eager",
                    "dtype": torch.float32,
                    "use_safetensors": True,
                },
                config_kwargs={"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0},
            )
    except Exception as error:
        raise cannot_load("cross-encoder", str(folder), error) from error
    return model


def _part_of(progress: Progress, half: int, steps: int, done: int, _: int) -> None:
    """Tell how far both halves together are."""
    progress(half * steps + done, 2 * steps)


def _halves(decided: Sequence[Example], seed: int) -> NDArray[np.int64]:
    """Return 0 or 1 for each decision: which half it is in, of each kind as many in both."""
    rng = random.Random(seed)
    order: list[int] = []
    for match in (True, False):
        mine = [i for i in range(len(decided)) if (decided[i].chance >= 0.5) == match]
        mine.sort(key=lambda i: (decided[i].left, decided[i].right))
        rng.shuffle(mine)
        order += mine
    half = np.empty(len(decided), dtype=np.int64)
    half[order] = np.arange(len(decided)) % 2
    return half


def _rehearsal(model: CrossEncoder) -> list[Example]:
    """Return the rehearsal pairs of the bundled model, with the probabilities of this one."""
    lines = (MODELS / "cross-encoder" / REHEARSAL).read_text(encoding="utf-8").splitlines()
    pairs = [Example(**json.loads(line), chance=0.0) for line in lines]
    chances = 1 / (1 + np.exp(-np.clip(_logits(model, pairs), -30, 30)))
    return [replace(one, chance=float(chance)) for one, chance in zip(pairs, chances, strict=True)]


def _train(
    model: CrossEncoder,
    learnt: Sequence[Example],
    replay: Sequence[Example],
    recipe: ReviewRecipe,
    steps: int,
    seed: int,
    progress: Progress,
) -> None:
    import torch

    network = _network(model)
    # Word vectors stay: a few hundred pairs would only bend the words they happen to hold.
    network.get_input_embeddings().requires_grad_(False)
    network.train()
    weights = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=recipe.learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps)
    rng = random.Random(seed)
    queue: list[Example] = []
    device = model.device.type
    dtype = pick_dtype(device)
    for step in range(steps):
        if len(queue) < recipe.batch:
            queue += rng.sample(learnt, len(learnt))
        batch, queue = queue[: recipe.batch], queue[recipe.batch :]
        batch = batch + rng.sample(replay, min(len(replay), recipe.replayed))
        left, right = (
            prepare_texts(model, [getattr(example, side) for example in batch])
            for side in ("left", "right")
        )
        pairs = [(a, b) if a <= b else (b, a) for a, b in zip(left, right, strict=True)]
        tokens = model.tokenizer(
            [a for a, _ in pairs],
            [b for _, b in pairs],
            padding=True,
            truncation=True,
            max_length=MAX_TOKENS,
            return_tensors="pt",
        ).to(model.device)
        truth = torch.tensor([example.chance for example in batch], device=model.device)
        with torch.autocast(device, dtype=dtype, enabled=dtype is not torch.float32):
            logits = network(**tokens).logits.squeeze(-1)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits.float(), truth)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        progress(step + 1, steps)
    network.eval()


def _logits(model: CrossEncoder, examples: Sequence[Example]) -> NDArray[np.float64]:
    left, right = (
        prepare_texts(model, [getattr(example, side) for example in examples])
        for side in ("left", "right")
    )
    return score_logits(model, left, right).astype(np.float64)


def _loss(logits: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    return float(np.mean(np.logaddexp(0, logits) - truth * logits))


def _mean(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {
        name: (value + other[name]) / 2 if value.is_floating_point() else value
        for name, value in one.items()
    }


def _load_mixture(
    model: CrossEncoder, before: dict[str, Any], after: dict[str, Any], mixture: float
) -> None:
    _network(model).load_state_dict(
        {
            name: old + mixture * (after[name] - old) if old.is_floating_point() else old
            for name, old in before.items()
        }
    )


def _network(model: CrossEncoder) -> Any:
    return model.model


def halved(model: CrossEncoder) -> CrossEncoder:
    """Turn the weights of `model` to half precision, as they are kept."""
    network: Any = model.model
    network.half()
    return model
