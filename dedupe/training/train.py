"""Train the bundled cross-encoder: ``python -m dedupe.training.train DATA_DIR``.

Fine-tunes MiniLM-L6 in rounds on published labelled pairs (train parts only), on candidate pairs
of full tables (train clusters only) and on synthetic pairs. Each later round looks for candidates
that the last model gets wrong or doubts. Then fits the calibration on the valid parts and writes
weights and a model card with the figures of the test parts. Needs the extra ``train``.
``--start FOLDER`` starts from the weights in a folder instead of the base weights.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from dedupe.errors import OptionError
from dedupe.models.loading import MODELS, pick_device
from dedupe.training.data_mix import first_round_pairs, later_round_pairs, read_tables, say
from dedupe.training.fine_tuning import average_weights, base_model, fine_tune
from dedupe.training.measure import measure
from dedupe.training.model_card import TrainedModel, write_model
from dedupe.training.recipe import Recipe


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the cross-encoder on the benchmark folders below a data folder."""
    parser = argparse.ArgumentParser(
        prog="python -m dedupe.training.train", description=main.__doc__
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=MODELS / "cross-encoder")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--leave-out", nargs="*", default=(), help="sets to keep out of training")
    parser.add_argument("--start", type=Path, help="folder of the weights to start from")
    parser.add_argument("--round", type=int, default=2, help="first round after --start")
    settings = asdict(Recipe())
    for name, default in settings.items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=type(default), default=default, help="see Recipe")
    options = parser.parse_args(arguments)
    recipe = Recipe(**{name: getattr(options, name) for name in settings})
    start = time.perf_counter()
    with TemporaryDirectory() as scratch:
        trained = train_model(
            options.data,
            recipe,
            Path(scratch),
            leave_out=options.leave_out,
            device=pick_device(options.device),
            start=options.start,
            first=1 if options.start is None else options.round,
        )
        write_model(trained, options.out, recipe)
    say(json.dumps(trained.figures, indent=1))
    say(f"written to {options.out} after {time.perf_counter() - start:,.0f} s")


def train_model(
    data: Path,
    recipe: Recipe,
    scratch: Path,
    *,
    leave_out: Sequence[str] = (),
    device: str = "cpu",
    start: Path | None = None,
    first: int = 1,
) -> TrainedModel:
    """Train a cross-encoder in rounds, calibrate it and measure it.

    Parameters
    ----------
    data
        Folder of the benchmark folders.
    recipe
        Data and optimisation.
    scratch
        Folder for the weights after each round.
    leave_out
        Names of the sets kept out of training and calibration.
    device
        Torch device.
    start
        Folder of the weights to start from; ``None`` for the base weights.
    first
        Number of the first round.

    Raises
    ------
    OptionError
        If the recipe has fewer rounds than `first`.
    """
    begun = time.perf_counter()
    tables = read_tables(data, leave_out)
    before, weights, count = None, start or base_model(), 0
    for number in range(first, recipe.rounds + 1):
        if number == 1:
            pairs = first_round_pairs(data, tables, recipe, leave_out)
        else:
            pairs = later_round_pairs(data, tables, weights, recipe, number, leave_out)
        matches = sum(pair.label for pair in pairs)
        say(f"round {number}: {len(pairs):,} pairs, {matches:,} matches")
        rate = recipe.learning_rate if number == 1 else recipe.learning_rate_again
        out = scratch / f"round-{number}"
        model = fine_tune(pairs, weights, recipe, rate, device)
        model.save_pretrained(str(out), create_model_card=False)
        before, weights, count = weights if number > 1 else None, out, count + len(pairs)
    if count == 0:
        raise OptionError(f"round {first} is beyond the {recipe.rounds} of the recipe")
    if before is not None:
        weights = average_weights(before, weights, scratch / "mean")
    seconds = time.perf_counter() - begun
    calibration, figures = measure(weights, data, tables, recipe, leave_out)
    return TrainedModel(weights, calibration, figures, count, seconds)


if __name__ == "__main__":
    main()
