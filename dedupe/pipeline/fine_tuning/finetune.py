"""Fine-tune a cross-encoder on decisions about pairs of one file, without forgetting.

A few decisions alone would distort the model. So each batch mixes them with undecided pairs of the
same file and with rehearsal pairs like those of its first training; the targets of both are the
probabilities that the model already gives them.

The model is trained twice, on either half of the decisions, and each half is scored by the model
that did not see it. Of all interpolations between the old and the new weights, the one with the
lowest loss on these held-out scores is used. If that is the old model, nothing was gained, and the
report says so. The new weights are the mean of both trained models, which beats either [1]_.

The model is not calibrated again. Reviewers decide doubtful pairs, and a calibration fitted to
those is too uncertain about all others: thousands of pairs that clearly differ would add up to
matches. :mod:`dedupe.scoring.recalibration` learns from decisions how to shift the probabilities
of a file.

The score of a pair that the model was trained on is no evidence. Wherever its scores are used as
training data again, the held-out score takes its place.

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
from dedupe.scoring.cross_encoder.encoder import MAX_TOKENS, TorchPairModel, score_logits
from dedupe.scoring.cross_encoder.text import pair_texts, prepare_texts
from dedupe.scoring.logistic import log_loss, sigmoid
from dedupe.scoring.recalibration import MIN_DECISIONS, MIN_DECISIONS_OF_A_KIND

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


MIXTURES = (1.0, 0.75, 0.5, 0.25, 0.0)
"""Interpolations between old (0) and new (1) weights that are compared."""


@dataclass(frozen=True)
class FineTuningRecipe:
    """How a cross-encoder is fine-tuned on decisions.

    Parameters
    ----------
    steps
        Maximum number of batches for both halves together.
    epochs, batch, replayed
        Passes over the decisions; decided pairs and undecided pairs per batch.
    learning_rate
        Initial learning rate of AdamW, which falls linearly to zero.
    """

    steps: int = 120
    epochs: int = 4
    batch: int = 12
    replayed: int = 12
    learning_rate: float = 3e-5


@dataclass(frozen=True)
class Example:
    """Two record texts and the probability that they match."""

    left: str
    right: str
    probability: float


@dataclass(frozen=True)
class FineTuning:
    """Report of a fine-tuning.

    Parameters
    ----------
    decisions
        Number of decisions trained on.
    mixture
        Share of the new weights; 0 if the old model was better.
    loss_before, loss_after
        Mean negative log-likelihood of held-out decisions.
    accuracy_before, accuracy_after
        Share of held-out decisions that the model gets right at a threshold of one half.
    """

    decisions: int
    mixture: float
    loss_before: float
    loss_after: float
    accuracy_before: float
    accuracy_after: float

    def as_dict(self) -> dict[str, Any]:
        """Return the values as plain JSON types."""
        return asdict(self)


def fine_tune_on_decisions(
    folder: Path,
    decided: Sequence[Example],
    replay: Sequence[Example],
    *,
    device: str = "auto",
    seed: int = 0,
    recipe: FineTuningRecipe | None = None,
    progress: Progress = silent,
) -> tuple[CrossEncoder, FineTuning, NDArray[np.float64]]:
    """Fine-tune the cross-encoder in `folder` on decisions.

    Parameters
    ----------
    folder
        Folder of the initial model.
    decided
        d decided pairs, with 1 for a match and 0 for different.
    replay
        Undecided pairs of the same file with the probabilities that the model gives them.
    device, seed, recipe
        Device, random seed and hyperparameters.
    progress
        Called with the number of batches.

    Returns
    -------
    model
        The fine-tuned model, in single precision.
    report
        What was gained.
    held_out
        (d,) logits of the decided pairs, each by the model that did not see it.

    Raises
    ------
    OptionError
        If there are fewer decisions than :data:`~dedupe.scoring.recalibration.MIN_DECISIONS`, or
        than :data:`~dedupe.scoring.recalibration.MIN_DECISIONS_OF_A_KIND` of either kind.
    ModelError
        If the model cannot be loaded.
    """
    _check_enough(decided)
    import torch

    recipe = recipe or FineTuningRecipe()
    torch.manual_seed(seed)
    model = _in_single_precision(folder, device)
    replay = [*replay, *_rehearsal(model)]
    half = _halves(decided, seed)
    truth = np.array([example.probability for example in decided])
    steps = min(recipe.steps // 2, -(-int((half == 0).sum()) * recipe.epochs // recipe.batch))
    before = copy.deepcopy(_network(model).state_dict())
    old = _logits(model, decided)
    held_out = {mixture: old.copy() for mixture in MIXTURES}
    trained = []
    for number in (0, 1):
        seen = [decided[i] for i in np.flatnonzero(half == number).tolist()]
        others = np.flatnonzero(half != number)
        _load_mixture(model, before, before, 0.0)
        report_half = partial(_part_of, progress, number, steps)
        _train(model, seen, replay, recipe, steps, seed + number, report_half)
        trained.append(copy.deepcopy(_network(model).state_dict()))
        for mixture in MIXTURES[:-1]:
            _load_mixture(model, before, trained[-1], mixture)
            held_out[mixture][others] = _logits(model, [decided[i] for i in others.tolist()])
    after = _mean(*trained)
    best = min(MIXTURES, key=lambda mixture: (log_loss(held_out[mixture], truth), mixture))
    _load_mixture(model, before, after, best)
    new = held_out[best]
    report = FineTuning(
        decisions=len(decided),
        mixture=best,
        loss_before=round(log_loss(old, truth), 4),
        loss_after=round(log_loss(new, truth), 4),
        accuracy_before=round(float(((old >= 0) == (truth >= 0.5)).mean()), 4),
        accuracy_after=round(float(((new >= 0) == (truth >= 0.5)).mean()), 4),
    )
    return model, report, new


def _check_enough(decided: Sequence[Example]) -> None:
    matches = sum(example.probability >= 0.5 for example in decided)
    others = len(decided) - matches
    if len(decided) < MIN_DECISIONS or min(matches, others) < MIN_DECISIONS_OF_A_KIND:
        raise OptionError(
            f"{matches} matches and {others} pairs that differ are too few to train on: decide "
            f"{MIN_DECISIONS} pairs, {MIN_DECISIONS_OF_A_KIND} of either kind (unsure ones do not "
            "count)"
        )


def _in_single_precision(folder: Path, device: str) -> CrossEncoder:
    """Load the cross-encoder in `folder` for training: in float32 and without dropout."""
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
    """Report the progress of both halves together."""
    progress(half * steps + done, 2 * steps)


def _halves(decided: Sequence[Example], seed: int) -> NDArray[np.int64]:
    """Split the decisions into two halves, 0 and 1, with as many matches in both."""
    rng = random.Random(seed)
    order: list[int] = []
    for match in (True, False):
        mine = [i for i in range(len(decided)) if (decided[i].probability >= 0.5) == match]
        mine.sort(key=lambda i: (decided[i].left, decided[i].right))
        rng.shuffle(mine)
        order += mine
    half = np.empty(len(decided), dtype=np.int64)
    half[order] = np.arange(len(decided)) % 2
    return half


def _rehearsal(model: CrossEncoder) -> list[Example]:
    """Return the rehearsal pairs of the bundled model, with the probabilities of this one."""
    lines = (MODELS / "cross-encoder" / REHEARSAL).read_text(encoding="utf-8").splitlines()
    pairs = [Example(**json.loads(line), probability=0.0) for line in lines]
    probabilities = sigmoid(_logits(model, pairs))
    return [replace(one, probability=float(p)) for one, p in zip(pairs, probabilities, strict=True)]


def _train(
    model: CrossEncoder,
    decided: Sequence[Example],
    replay: Sequence[Example],
    recipe: FineTuningRecipe,
    steps: int,
    seed: int,
    progress: Progress,
) -> None:
    import torch

    network = _network(model)
    # Word embeddings are frozen: a few hundred pairs would only distort the words in them.
    network.get_input_embeddings().requires_grad_(False)
    network.train()
    weights = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=recipe.learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps)
    rng = random.Random(seed)
    queue: list[Example] = []
    device = model.device.type
    dtype = pick_dtype(device)
    reader = TorchPairModel(model)
    for step in range(steps):
        if len(queue) < recipe.batch:
            queue += rng.sample(decided, len(decided))
        batch, queue = queue[: recipe.batch], queue[recipe.batch :]
        batch = batch + rng.sample(replay, min(len(replay), recipe.replayed))
        left, right = (
            prepare_texts(reader, [getattr(example, side) for example in batch])
            for side in ("left", "right")
        )
        pairs = pair_texts(reader, left, right)
        tokens = model.tokenizer(
            [a for a, _ in pairs],
            [b for _, b in pairs],
            padding=True,
            truncation=True,
            max_length=MAX_TOKENS,
            return_tensors="pt",
        ).to(model.device)
        truth = torch.tensor([example.probability for example in batch], device=model.device)
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
    scored = TorchPairModel(model)
    left, right = (
        prepare_texts(scored, [getattr(example, side) for example in examples])
        for side in ("left", "right")
    )
    return score_logits(scored, left, right).astype(np.float64)


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
    """Convert the weights of `model` to half precision, as they are stored."""
    network: Any = model.model
    network.half()
    return model
