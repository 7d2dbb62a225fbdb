"""Writing a trained model: calibrated weights in half precision, figures and model card."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from dedupe.models.loading import cpu_count
from dedupe.pipeline.fine_tuning.finetune import halved
from dedupe.training.calibrate import Calibration, apply_calibration
from dedupe.training.recipe import Recipe


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """The result of training.

    Attributes
    ----------
    weights
        Folder of the cross-encoder, without calibration.
    calibration
        Fitted on the valid parts.
    figures
        See :func:`dedupe.training.measure.measure`.
    pairs
        Number of pairs.
    seconds
        Duration of the training.
    machine
        What it ran on, as :func:`describe_machine` names it.
    earlier
        SHA-256 and commit of the weights that training started from.
    """

    weights: Path
    calibration: Calibration
    figures: dict[str, Any]
    pairs: int
    seconds: float
    machine: str
    earlier: tuple[str, str]


def write_model(trained: TrainedModel, out: Path, recipe: Recipe) -> None:
    """Write the calibrated model in half precision, its figures and its model card.

    Parameters
    ----------
    trained
        The result of training.
    out
        Folder to write.
    recipe
        Recipe that the card names.
    """
    import torch
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(trained.weights), device="cpu", model_kwargs={"dtype": torch.float32})
    apply_calibration(model, trained.calibration)
    halved(model).save_pretrained(str(out), create_model_card=False)
    figures = json.dumps(trained.figures, indent=1) + "\n"
    (out / "figures.json").write_text(figures, encoding="utf-8")
    weights = hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest()
    (out / "README.md").write_text(model_card(trained, recipe, weights), encoding="utf-8")


def model_card(trained: TrainedModel, recipe: Recipe, weights: str) -> str:
    """Fill the template of the model card.

    Parameters
    ----------
    trained
        The result of training.
    recipe
        Recipe of the training.
    weights
        SHA-256 of the file of weights.
    """
    figures = trained.figures
    template = (files(__package__) / "model_card.md").read_text(encoding="utf-8")
    return template.format(
        recipe=", ".join(f"{name} {value}" for name, value in asdict(recipe).items()),
        pairs=f"{trained.pairs:,}",
        minutes=f"{trained.seconds / 60:.0f}",
        machine=trained.machine,
        scale=figures["calibration"]["scale"],
        shift=figures["calibration"]["shift"],
        rehearsed=f"{recipe.rehearsed:,}",
        lessons=recipe.per_lesson_again,
        synthetic=f"{recipe.synthetic_again + recipe.people_again:,}",
        share=recipe.trained_share,
        earlier=trained.earlier[0],
        commit=trained.earlier[1],
        weights=weights,
        table="\n".join(
            f"| {name} | {row['pairs']} | {row['true']} | {row['precision']:.3f} "
            f"| {row['recall']:.3f} | {row['f1']:.3f} | {row['ece']:.3f} |"
            for name, row in figures["sets"].items()
        ),
    )


def describe_machine(device: str) -> str:
    """Name the GPU that a training runs on, or the cores and the instructions that torch uses."""
    import torch

    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8") if info.exists() else ""
    named = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    name = named[1].strip() if named else platform.machine()
    return f"{cpu_count()} cores of {name} with {torch.backends.cpu.get_cpu_capability()}"
