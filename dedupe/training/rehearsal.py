"""Make the rehearsal pairs of the bundled model: ``python -m dedupe.training.rehearsal``.

Fine-tuning on a few hundred decisions makes a model forget what it learned before. A fixed set of
synthetic pairs, shown again with the scores of the model itself, prevents that (Robins,
"Catastrophic forgetting, rehearsal and pseudorehearsal", 1995). The file lies beside the weights,
so that fine-tuning needs neither the generators nor the extra ``train``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from dedupe.models.loading import MODELS, REHEARSAL
from dedupe.records.records import record_text
from dedupe.training.generators.synthesize import synthesize_pairs

PAIRS = 400
"""Number of pairs in the file."""


def write_rehearsal(path: Path, seed: int = 0) -> None:
    """Write synthetic pairs of record texts: one JSON object per line, ``left`` and ``right``."""
    lines = [
        json.dumps(
            {"left": record_text(pair.left.items()), "right": record_text(pair.right.items())},
            ensure_ascii=False,
        )
        for pair in synthesize_pairs(PAIRS, seed)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def main() -> None:
    """Write the file beside the bundled weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=MODELS / "cross-encoder" / REHEARSAL)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    write_rehearsal(options.output, options.seed)


if __name__ == "__main__":
    main()
