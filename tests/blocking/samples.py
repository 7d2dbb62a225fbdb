"""Vectors and record texts that the tests of blocking share."""

from __future__ import annotations

import random

import numpy as np


def unit_vectors(n: int, d: int = 16, seed: int = 0, groups: int = 0) -> np.ndarray:
    """Draw `n` unit vectors, around `groups` centres if there are any."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, d))
    if groups:
        vectors += 2 * rng.normal(size=(groups, d))[rng.integers(0, groups, n)]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)


def misspelled_people(n: int) -> tuple[list[str], np.ndarray]:
    """Make texts of `n` records, each second one a misspelling of the first, and their people."""
    rng = random.Random(0)
    texts = []
    for _ in range(n // 2):
        name = "".join(rng.choice("bdfgklmnprst") + rng.choice("aeiou") for _ in range(4))
        street = "".join(rng.choice("bdfgklmnprst") + rng.choice("aeiou") for _ in range(3))
        born = rng.randint(19200101, 20091231)
        at = rng.randrange(len(name))
        texts.append(f"name: {name}\nstreet: {street} street\nborn: {born}")
        texts.append(f"name: {name[:at]}{name[at + 1 :]}\nstreet: {street} str\nborn: {born}")
    return texts, np.repeat(np.arange(n // 2), 2)
