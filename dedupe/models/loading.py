"""How models are loaded: the folder of the bundled weights, devices and number formats."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dedupe.errors import ModelError

if TYPE_CHECKING:
    import torch


MODELS = Path(__file__).parent
"""Folder of the bundled weights, a folder a model."""

REHEARSAL = "rehearsal.jsonl"
"""File beside the weights of a cross-encoder: pairs shown again while it is fine-tuned."""


@contextmanager
def no_bars() -> Iterator[None]:
    """Keep transformers from drawing a bar for what takes a moment."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def pick_device(device: str) -> str:
    """Return the torch device for a ``--device`` value; ``auto`` takes a GPU when there is one.

    Raises
    ------
    ModelError
        If the device does not exist here.
    """
    import torch

    if device == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"device {device!r} cannot be used here: {reason}") from error
    return device


def pick_dtype(device: str) -> torch.dtype:
    """Return bfloat16 for devices that compute in it at full speed, else float32.

    A CPU without bf16 instructions emulates them, up to a hundred times slower.
    """
    import torch

    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if device == "cpu" and cpu_has_bf16() else torch.float32


def cpu_has_bf16() -> bool:
    """Tell whether this CPU multiplies bf16 numbers in hardware (AVX512-BF16 or AMX)."""
    import torch

    features = torch.backends.cpu.get_cpu_capability()
    if "AVX512" not in features:
        return False
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and bool(
        torch.cpu._is_avx512_bf16_supported()
    )


def cannot_load(kind: str, name: str, error: Exception) -> ModelError:
    """Return what to raise where a model could not be loaded: why, and what to give instead."""
    offline = os.environ.get("HF_HUB_OFFLINE") == "1"
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    hint = " (HF_HUB_OFFLINE is set)" if offline else ""
    return ModelError(
        f"cannot load the {kind} {name!r}: {reason}{hint}; "
        "give a folder or the name of a sentence-transformers model"
    )
