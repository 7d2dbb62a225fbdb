"""What a fine-tuned model forgot: ``python -m tests.benchmarks.forgetting DATA_DIR MODEL...``.

Each MODEL is the folder of a cross-encoder that was fine-tuned on the decisions of one file, such
as ``WORKSPACE/models/cross-encoder-1``. It and the bundled one judge labelled pairs of other sets,
without the comparison model: up to PAIRS, evenly spaced, of each ``pairs_valid.jsonl`` below
DATA_DIR. Prints F1 at 0.5 and the log loss.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import mean

import numpy as np
from numpy.typing import NDArray

from dedupe.config import Config
from dedupe.scoring.cross_encoder.encoder import load_cross_encoder
from dedupe.training.calibrate import pair_f1
from dedupe.training.data import TextPair, published_pairs
from dedupe.training.predict import predict, sigmoid
from tests.benchmarks.common import print_head, print_row


def labelled(folder: Path, most: int) -> list[TextPair]:
    """Read up to `most` evenly spaced pairs of a folder."""
    pairs = published_pairs(folder, "valid")
    at = np.unique(np.linspace(0, len(pairs) - 1, min(most, len(pairs))).astype(int))
    return [pairs[i] for i in at]


def log_loss(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Compute the mean log loss of probabilities of a match."""
    right = np.clip(np.where(labels == 1, probabilities, 1 - probabilities), 1e-6, 1).astype(
        np.float64
    )
    return float(-np.log(right).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--pairs", type=int, default=300, help="of each set, at most")
    given = parser.parse_args()
    sets = {
        str(file.parent.relative_to(given.data)): labelled(file.parent, given.pairs)
        for file in sorted(given.data.rglob("pairs_valid.jsonl"))
    }
    models = ["bundled", *given.models]
    loaded = [load_cross_encoder(Config(cross_encoder=model)) for model in models]
    print_head("set", "pairs", *(f"F1 {Path(model).name}, loss" for model in models))
    rows = []
    for name, pairs in sets.items():
        labels = np.array([pair.label for pair in pairs])
        row = []
        for model in loaded:
            probabilities = sigmoid(predict(model, pairs))
            row.append((pair_f1(probabilities, labels)[2], log_loss(probabilities, labels)))
        rows.append(row)
        print_row(name, str(len(pairs)), *(f"{f1:.3f}, {loss:.3f}" for f1, loss in row))
    means = [[mean(row[m][k] for row in rows) for k in (0, 1)] for m in range(len(models))]
    print_row("**mean**", "", *(f"{f1:.3f}, {loss:.3f}" for f1, loss in means))
    for at, model in enumerate(given.models, start=1):
        falls = {name: row[0][0] - row[at][0] for name, row in zip(sets, rows, strict=True)}
        worst = max(falls, key=lambda name: falls[name])
        print(
            f"{model}: F1 falls by {mean(falls.values()):.4f} on average, "
            f"most by {falls[worst]:.4f} ({worst})"
        )


if __name__ == "__main__":
    main()
