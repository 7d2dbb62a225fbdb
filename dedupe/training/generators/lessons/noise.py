"""Noise of lessons: typing errors in words, never in numbers or codes that tell entities apart."""

from __future__ import annotations

from random import Random

from dedupe.training.augment.edits import confuse_lookalikes, confuse_soundalikes, mistype


def slip(text: str, rng: Random) -> str:
    """Make one error in a word of four or more letters; a text without such a word stays."""
    tokens = text.split(" ")
    places = [i for i, token in enumerate(tokens) if len(token) >= 4 and token.isalpha()]
    if not places:
        return text
    at = rng.choice(places)
    edit = rng.choices((mistype, confuse_soundalikes, confuse_lookalikes), (7, 2, 1))[0]
    tokens[at] = edit(tokens[at], rng)
    return " ".join(tokens)
