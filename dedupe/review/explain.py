"""Why a pair has its probability: each field is left out in turn, and the pair scored again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dedupe.config import Config
from dedupe.scoring.cross_encoder import load_cross_encoder, prepare_texts, score_logits

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


def load_model(config: Config) -> CrossEncoder:
    """Return the cross-encoder that scored the pairs."""
    return load_cross_encoder(config)


def contributions(model: CrossEncoder, left: str, right: str) -> list[tuple[str, float]]:
    """Return what each field adds to the logit of a pair, the weightiest first.

    Parameters
    ----------
    model
        Gives one logit a pair.
    left, right
        Record texts.

    Returns
    -------
    list of (label, change)
        How much the logit falls when the field is left out of both records: above 0 it speaks for
        a match, below 0 against.

    References
    ----------
    J. Li, W. Monroe and D. Jurafsky, "Understanding neural networks through representation
    erasure", 2016.
    """
    lines = [text.split("\n") for text in (left, right)]
    labels = list(dict.fromkeys(line.split(": ", 1)[0] for side in lines for line in side))
    masked = [
        [
            "\n".join(side),
            *(
                "\n".join(line for line in side if line.split(": ", 1)[0] != label)
                for label in labels
            ),
        ]
        for side in lines
    ]
    one, other = (prepare_texts(model, texts) for texts in masked)
    whole, *without = score_logits(model, one, other).tolist()
    changes = [(label, whole - rest) for label, rest in zip(labels, without, strict=True)]
    return sorted(changes, key=lambda change: -abs(change[1]))
