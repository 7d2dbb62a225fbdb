"""The cross-encoder: the bundled one, or any sentence-transformers model with one label.

The bundled cross-encoder is a MiniLM fine-tuned on pairs of records. It reads the texts of
:mod:`dedupe.records` as :mod:`dedupe.scoring.cross_encoder.text` rewrites them. The score of a pair
does not depend on the order of its records: the two texts are sorted before the model reads them.

On a CPU, ONNX Runtime computes the bundled model and models fine-tuned from it
(:mod:`dedupe.scoring.cross_encoder.onnx_encoder`). sentence-transformers computes all others, and
all on a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dedupe.config import BUNDLED, Config
from dedupe.errors import ModelError
from dedupe.models.loading import MODELS, cannot_load, no_bars, pick_device, pick_dtype
from dedupe.progress import Progress, silent
from dedupe.scoring.cross_encoder.onnx_encoder import load_onnx_cross_encoder, runs_on_graph
from dedupe.scoring.cross_encoder.text import pair_texts
from dedupe.scoring.logistic import sigmoid

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


MAX_TOKENS = 192
"""Longest input of the bundled cross-encoder, in word pieces per pair."""
READS_MARKS = "reads_marks"
"""Entry in ``config.json`` of models that were trained on texts in which what differs is marked."""


class PairModel(Protocol):
    """A loaded cross-encoder."""

    @property
    def vocabulary(self) -> frozenset[str]:
        """Tokens of its tokenizer."""
        ...

    @property
    def reads_marks(self) -> bool:
        """Whether it was trained on texts with marks; see :data:`READS_MARKS`."""
        ...

    def logits(
        self, pairs: Sequence[tuple[str, str]], progress: Progress = silent
    ) -> NDArray[np.float32]:
        """Compute the logit of each pair of prepared texts, (m,) float32."""
        ...


def load_cross_encoder(config: Config) -> PairModel:
    """Load the cross-encoder of `config` to score pairs.

    On a CPU, a model with the architecture of the bundled one is loaded without torch.

    Raises
    ------
    ModelError
        If the model cannot be loaded as a ``CrossEncoder`` with one label.
    """
    folder = Path(_name(config))
    if runs_on_graph(folder) and pick_device(config.device) == "cpu":
        return load_onnx_cross_encoder(folder)
    return TorchPairModel(load_torch_cross_encoder(config))


def load_torch_cross_encoder(config: Config) -> CrossEncoder:
    """Load the cross-encoder of `config`, in bf16 where the machine computes in it at full speed.

    Raises
    ------
    ModelError
        If the model cannot be loaded as a ``CrossEncoder`` with one label.
    """
    from sentence_transformers import CrossEncoder

    folder = _name(config)
    device = pick_device(config.device)
    local = Path(folder).is_dir()
    try:
        with no_bars() if local else nullcontext():
            model: CrossEncoder = CrossEncoder(
                folder,
                device=device,
                local_files_only=local,
                model_kwargs={"dtype": pick_dtype(device), "use_safetensors": True},
            )
    except Exception as error:
        raise cannot_load("cross-encoder", folder, error) from error
    if model.num_labels != 1:
        raise ModelError(
            f"cross-encoder {folder} gives {model.num_labels} scores per pair: name one that gives "
            "a single score"
        )
    model.eval()
    return model


def _name(config: Config) -> str:
    """Return the folder or the public name of the cross-encoder of `config`."""
    bundled = config.cross_encoder == BUNDLED
    return str(MODELS / "cross-encoder") if bundled else config.cross_encoder


CHUNK = 2048
"""Pairs scored between two reports of progress."""
BATCH_CHARACTERS, BATCH_PAIRS = 24_000, 256
"""Most characters and pairs in a batch: enough to keep two cores busy, few enough to stay in
cache."""
GPU_FACTOR = 32
"""How many times larger batches are on a GPU."""


@dataclass(frozen=True, eq=False)
class TorchPairModel:
    """A cross-encoder that sentence-transformers computes."""

    encoder: CrossEncoder

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """Tokens of the tokenizer."""
        return frozenset(self.encoder.tokenizer.get_vocab())

    @property
    def reads_marks(self) -> bool:
        """Whether the model was trained on texts with marks."""
        network: Any = self.encoder.model
        return bool(getattr(network.config, READS_MARKS, False))

    def logits(
        self, pairs: Sequence[tuple[str, str]], progress: Progress = silent
    ) -> NDArray[np.float32]:
        """Compute the logit of each pair of prepared texts, (m,) float32."""
        import torch

        lengths = np.array([len(a) + len(b) for a, b in pairs], dtype=np.int64)
        # Sorted by length over all pairs, batches need no padding. The longest come first, so that
        # a lack of memory shows at once and the estimated time does not grow.
        order = np.argsort(-lengths, kind="stable")
        logits = np.empty(len(pairs), dtype=np.float32)
        factor = 1 if self.encoder.device.type == "cpu" else GPU_FACTOR
        for at in range(0, len(order), factor * CHUNK):
            chunk = order[at : at + factor * CHUNK]
            fitting = BATCH_CHARACTERS // max(lengths[chunk[0]], 1)
            logits[chunk] = self.encoder.predict(
                [pairs[i] for i in chunk],
                batch_size=factor * int(np.clip(fitting, 16, BATCH_PAIRS)),
                activation_fn=torch.nn.Identity(),
                show_progress_bar=False,
            )
            progress(min(at + factor * CHUNK, len(order)), len(order))
        return logits


def score_texts(
    model: PairModel,
    left: Sequence[str],
    right: Sequence[str],
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """Compute the match probability of each pair of prepared texts.

    Parameters
    ----------
    left, right
        (m,) texts as of :func:`prepare_texts`.
    progress
        Called with the number of pairs done.

    Returns
    -------
    ndarray
        (m,) float32 in [0, 1]; the same when `left` and `right` are swapped.
    """
    logits = score_logits(model, left, right, progress).astype(np.float64)
    return sigmoid(logits).astype(np.float32)


def score_logits(
    model: PairModel,
    left: Sequence[str],
    right: Sequence[str],
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """Compute the cross-encoder's logit of each pair of prepared texts, (m,) float32."""
    return model.logits(pair_texts(model, left, right), progress)
