"""Loading of models: folder of the bundled weights, devices, CPU cores and number formats."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dedupe.errors import ModelError

if TYPE_CHECKING:
    import torch


MODELS = Path(__file__).parent
"""Folder that holds one folder of weights for each bundled model."""

DRIVERS = ("/proc/driver/nvidia", "/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
"""Files of the drivers of GPUs: NVIDIA, AMD, and either in Linux on Windows."""

CPUS = "DEDUPE_CPUS"
"""Environment variable that limits the cores that a process uses, as in a task of a cluster."""

REHEARSAL = "rehearsal.jsonl"
"""File beside the weights of a cross-encoder: rehearsal pairs, which fine-tuning mixes in."""


@contextmanager
def no_bars() -> Iterator[None]:
    """Hide the progress bars of transformers, for work that takes a moment."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def pick_device(device: str) -> str:
    """Choose the torch device for a ``--device`` value; ``auto`` prefers a GPU.

    torch is imported only if there may be a GPU.

    Raises
    ------
    ModelError
        If this machine has no such device.
    """
    if device == "cpu" or (device == "auto" and not may_have_gpu()):
        return "cpu"
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


def may_have_gpu() -> bool:
    """Tell whether there are signs of a GPU that torch may use: a driver, or an Apple chip."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    return any(Path(sign).exists() for sign in DRIVERS) or shutil.which("nvidia-smi") is not None


def pick_dtype(device: str) -> torch.dtype:
    """Choose bfloat16 for devices that compute in it at full speed, else float32.

    A CPU without bf16 instructions emulates them and is up to a hundred times slower.
    """
    import torch

    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if device == "cpu" and cpu_has_bf16() else torch.float32


def cpu_has_bf16() -> bool:
    """Tell whether this CPU multiplies bf16 numbers in hardware (AVX512-BF16 or AMX).

    torch has no public function for it. Where the private ones are missing, the answer is no:
    float32 is slower, but works everywhere.
    """
    import torch

    if "AVX512" not in torch.backends.cpu.get_cpu_capability():
        return False
    checks = (
        getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None),
        getattr(torch.cpu, "_is_avx512_bf16_supported", None),
    )
    return all(check is not None and bool(check()) for check in checks)


def cpu_count() -> int:
    """Count the CPU cores that this process may use, which may be fewer than the machine has."""
    if (limit := os.environ.get(CPUS, "")).isdecimal():
        return max(int(limit), 1)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    usable: Callable[[], int | None] = getattr(os, "process_cpu_count", os.cpu_count)
    return usable() or 1


def cannot_load(kind: str, name: str, error: Exception) -> ModelError:
    """Build the error for a model that could not be loaded: the reason, and what to do."""
    offline = os.environ.get("HF_HUB_OFFLINE") == "1"
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    hint = " (HF_HUB_OFFLINE is set)" if offline else ""
    return ModelError(
        f"cannot load the {kind} {name!r}: {reason}{hint}; "
        "give a folder or the name of a sentence-transformers model"
    )
