"""Why a pair has its probability: leave each field out in turn, and score the pair again."""

from __future__ import annotations

from dedupe.config import Config
from dedupe.scoring.cross_encoder import PairModel, load_cross_encoder, prepare_texts, score_logits


def load_model(config: Config) -> PairModel:
    """Load the cross-encoder that scored the pairs."""
    return load_cross_encoder(config)


def contributions(model: PairModel, left: str, right: str) -> list[tuple[str, float]]:
    """Compute how much each field adds to the logit of a pair.

    Parameters
    ----------
    model
        A cross-encoder with one logit per pair.
    left, right
        Record texts.

    Returns
    -------
    list of (label, change)
        How much the logit falls when the field is left out of both records: positive for evidence
        of a match, negative for evidence against it. The largest changes come first.

    References
    ----------
    J. Li, W. Monroe and D. Jurafsky, "Understanding neural networks through representation
    erasure", 2016.
    """
    sides = [text.split("\n") for text in (left, right)]
    labels = list(dict.fromkeys(_label(line) for lines in sides for line in lines))
    variants = [
        [
            "\n".join(lines),
            *("\n".join(line for line in lines if _label(line) != label) for label in labels),
        ]
        for lines in sides
    ]
    left_texts, right_texts = (prepare_texts(model, texts) for texts in variants)
    complete, *without = score_logits(model, left_texts, right_texts).tolist()
    changes = [(label, complete - logit) for label, logit in zip(labels, without, strict=True)]
    return sorted(changes, key=lambda change: -abs(change[1]))


def _label(line: str) -> str:
    return line.split(": ", 1)[0]
