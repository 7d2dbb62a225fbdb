"""Train the bundled cross-encoder: ``python -m dedupe.training.train DATA_DIR WORK_DIR``.

Goes on from the weights of an earlier release, which the history of the repository holds, as each
release has done. Learns published labelled pairs (train parts only), candidate pairs of full tables
(train clusters only) and synthetic pairs. Then fits the calibration on the valid parts, and writes
weights and a model card with the figures of the test parts. Needs the extra ``train``.

Everything that takes long is kept in WORK_DIR: a training that was cut goes on from there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from dedupe.errors import ModelError
from dedupe.models.loading import MODELS, pick_device
from dedupe.training.data import LEFT_OUT
from dedupe.training.data_mix import first_stage_pairs, read_tables, say, second_stage_pairs
from dedupe.training.fine_tuning import WEIGHTS_FILE, average_weights, fine_tune
from dedupe.training.measure import measure
from dedupe.training.model_card import TrainedModel, describe_machine, write_model
from dedupe.training.recipe import Recipe

EARLIER_COMMIT = "8b4144e950"
"""Commit with the weights that training goes on from."""
EARLIER_SHA256 = "8498b2fbc50483fb6ea870f3046610eaf97efc01991a85399a40415cb3b5b7ac"
"""SHA-256 of these weights."""
EARLIER, TRAINED, AVERAGED = "earlier-release", "trained", "averaged"
"""Folders of these weights, of the trained ones and of the mean, in the working folder."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the cross-encoder on the benchmark folders below a data folder."""
    parser = argparse.ArgumentParser(
        prog="python -m dedupe.training.train", description=main.__doc__
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path, help="folder of checkpoints and weights")
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


def train_model(data: Path, recipe: Recipe, work: Path, *, device: str = "cpu") -> TrainedModel:
    """Train a cross-encoder, calibrate it and measure it.

    Parameters
    ----------
    data
        Folder of the benchmark folders.
    recipe
        Data and optimisation.
    work
        Working folder. Weights that are there are not trained again.
    device
        Torch device.
    """
    begun = time.perf_counter()
    work.mkdir(parents=True, exist_ok=True)
    tables = read_tables(data, LEFT_OUT)
    first = first_stage_pairs(data, tables, recipe, work)
    pairs = second_stage_pairs(data, first, recipe, work)
    say(f"{len(pairs):,} pairs, {sum(pair.label for pair in pairs):,} matches")
    rate = recipe.learning_rate_again
    earlier = earlier_release(work)
    trained = fine_tune(pairs, earlier, work / TRAINED, recipe, rate, device)
    weights = average_weights(earlier, trained, recipe.trained_share, work / AVERAGED)
    seconds = time.perf_counter() - begun
    calibration, figures = measure(weights, data, tables, recipe)
    origin = EARLIER_SHA256, EARLIER_COMMIT
    machine = describe_machine(device)
    return TrainedModel(weights, calibration, figures, len(pairs), seconds, machine, origin)


def earlier_release(work: Path) -> Path:
    """Take the cross-encoder of the earlier release from the history of the repository.

    Parameters
    ----------
    work
        Working folder; its folder :data:`EARLIER` is filled and returned.

    Raises
    ------
    ModelError
        If the package is not in a clone whose history holds the weights.
    """
    folder = work / EARLIER
    if not folder.exists():
        unfinished = work / f"{EARLIER}-unfinished"
        unfinished.mkdir(exist_ok=True)
        within = "models/cross-encoder/"
        for name in _git("ls-tree", "--name-only", EARLIER_COMMIT, within).decode().split():
            content = _git("show", f"{EARLIER_COMMIT}:./{name}")
            (unfinished / Path(name).name).write_bytes(content)
        weights = (unfinished / WEIGHTS_FILE).read_bytes()
        if hashlib.sha256(weights).hexdigest() != EARLIER_SHA256:
            raise ModelError(f"commit {EARLIER_COMMIT} holds other weights than expected")
        unfinished.rename(folder)
    return folder


def _git(*arguments: str) -> bytes:
    """Run git in the folder of the package."""
    try:
        return subprocess.run(
            ["git", *arguments], cwd=MODELS.parent, capture_output=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise ModelError(
            f"the weights of the earlier release are read from commit {EARLIER_COMMIT}: training "
            "needs a clone of the repository with its history"
        ) from error


if __name__ == "__main__":
    main()
