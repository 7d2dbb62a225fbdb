"""Train the bundled cross-encoder: ``python -m dedupe.training.train DATA_DIR WORK_DIR``.

Fine-tunes MiniLM-L6 in two stages on published labelled pairs (train parts only), on candidate
pairs of full tables (train clusters only) and on synthetic pairs. The first stage leaves out the
benchmarks, so that its weights show how the model does on data that it has not seen; the second
learns them too. Then fits the calibration on sets that neither learns, and writes weights and a
model card with the figures of the test parts. Needs the extra ``train``.

Everything that takes long is kept in WORK_DIR: a training that was cut goes on from there.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from dedupe.models.loading import MODELS, pick_device
from dedupe.training.data import LEFT_OUT, TextPair
from dedupe.training.data_mix import Tables, first_stage_pairs, read_tables, say, second_stage_pairs
from dedupe.training.fine_tuning import base_model, fine_tune
from dedupe.training.measure import measure
from dedupe.training.model_card import TrainedModel, write_model
from dedupe.training.recipe import Recipe

FIRST_STAGE, SECOND_STAGE = "first-stage", "second-stage"
"""Folders of the cross-encoder after either stage, in the working folder."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the cross-encoder on the benchmark folders below a data folder."""
    parser = argparse.ArgumentParser(
        prog="python -m dedupe.training.train", description=main.__doc__
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path, help="folder of checkpoints and weights of each stage")
    parser.add_argument("--out", type=Path, default=MODELS / "cross-encoder")
    parser.add_argument("--device", default="auto")
    settings = asdict(Recipe())
    for name, default in settings.items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=type(default), default=default, help="see Recipe")
    options = parser.parse_args(arguments)
    recipe = Recipe(**{name: getattr(options, name) for name in settings})
    trained = train_model(options.data, recipe, options.work, device=pick_device(options.device))
    write_model(trained, options.out, recipe)
    say(json.dumps(trained.figures, indent=1))
    say(f"written to {options.out}")


def train_first_stage(
    data: Path, recipe: Recipe, work: Path, *, device: str = "cpu"
) -> tuple[Path, list[TextPair], Tables]:
    """Train the first stage, unless the working folder has its weights.

    Parameters
    ----------
    data, recipe, work, device
        As in :func:`train_model`.

    Returns
    -------
    weights
        Folder of the cross-encoder.
    pairs
        What it learnt.
    tables
        Candidate pairs of the full tables.
    """
    work.mkdir(parents=True, exist_ok=True)
    tables = read_tables(data, LEFT_OUT)
    pairs = first_stage_pairs(data, tables, recipe, work)
    say(f"first stage: {len(pairs):,} pairs, {sum(pair.label for pair in pairs):,} matches")
    rate = recipe.learning_rate
    return fine_tune(pairs, base_model(), work / FIRST_STAGE, recipe, rate, device), pairs, tables


def train_model(data: Path, recipe: Recipe, work: Path, *, device: str = "cpu") -> TrainedModel:
    """Train a cross-encoder in two stages, calibrate it and measure it.

    Parameters
    ----------
    data
        Folder of the benchmark folders.
    recipe
        Data and optimisation.
    work
        Working folder. A stage whose weights are there is not trained again.
    device
        Torch device.
    """
    begun = time.perf_counter()
    start, first, tables = train_first_stage(data, recipe, work, device=device)
    second = second_stage_pairs(data, first, recipe)
    say(f"second stage: {len(second):,} pairs, {sum(pair.label for pair in second):,} matches")
    rate = recipe.learning_rate_again
    weights = fine_tune(second, start, work / SECOND_STAGE, recipe, rate, device)
    seconds = time.perf_counter() - begun
    calibration, figures = measure(weights, data, tables, recipe)
    return TrainedModel(weights, calibration, figures, len(first) + len(second), seconds)


if __name__ == "__main__":
    main()
