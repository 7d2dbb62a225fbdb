"""Short reasons of many pairs: the strongest kinds of evidence in a few words, without values."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import product

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.comparison.record_table import MAIN
from dedupe.scoring.comparison.scales import EQUAL, UNKNOWN, Bytes
from dedupe.scoring.comparison.vectors import feature_names
from dedupe.scoring.explanation.evidence import (
    AGREEMENTS,
    KINDS,
    Agreement,
    Form,
    Kind,
    agreement_of,
    explainer,
)
from dedupe.scoring.logistic import sigmoid
from dedupe.scoring.pairs import ALL_EQUAL

BLOCK = 1 << 18
"""Pairs that are explained together; their vectors are not kept."""
MIN_PROBABILITY = 0.05
"""Probability of the comparison model from which a pair gets a reason."""
MOST_REASONS = 100_000
"""Most pairs that get a reason, the most doubtful first: it takes 35 microseconds each."""
MOST = 3
"""Kinds of evidence in a short reason."""
MIN_LOG_ODDS = 0.3
"""Contribution, on either side, from which a kind of evidence is worth a mention."""
LITTLE = "little evidence"
"""Reason where no kind of evidence is worth a mention."""
OTHER_GIVEN_NAME, EXCHANGED = "different given name", "given and family name exchanged"
_WORDS = {
    Agreement.SAME: "same {}",
    Agreement.SHARED: "{} that others share",
    Agreement.SIMILAR: "similar {}",
    Agreement.DIFFERENT: "different {}",
    Agreement.ONE_SIDED: "{} on one side only",
}


def reasons_of(
    comparison: Comparison, log_odds: NDArray[np.float32], most: int = MOST_REASONS
) -> pl.Series:
    """Say why pairs have their log odds.

    Parameters
    ----------
    comparison
        Comparison of m pairs.
    log_odds
        (m,) of the comparison model alone.
    most
        Most pairs that get a reason.

    Returns
    -------
    Series
        (m,) String as of :func:`short_reasons`; ``""`` for pairs below :data:`MIN_PROBABILITY`,
        which are many, and for the clearest ones beyond `most`, and
        :data:`~dedupe.scoring.pairs.ALL_EQUAL` for a record with itself.
    """
    itself = comparison.left == comparison.right
    reasons = pl.Series("reason", [""], dtype=pl.String).new_from_index(0, len(comparison))
    reasons = reasons.scatter(np.flatnonzero(itself), ALL_EQUAL)
    told = np.flatnonzero((sigmoid(log_odds) >= MIN_PROBABILITY) & ~itself)
    if len(told) > most:
        doubt = np.abs(log_odds[told])
        told = np.sort(told[np.argsort(doubt, kind="stable")[:most]])
    for at in range(0, len(told), BLOCK):
        block = told[at : at + BLOCK]
        reasons = reasons.scatter(block, short_reasons(comparison.vectors(block)))
    return reasons


def short_reasons(vectors: Bytes) -> pl.Series:
    """Describe the strongest evidence of m pairs, by the comparison model.

    Parameters
    ----------
    vectors
        (m, f) comparison vectors.

    Returns
    -------
    Series
        (m,) String, such as ``same phone; similar name; different house number``: up to three kinds
        of evidence, the strongest first.
    """
    _, contributions = explainer().contributions(vectors)
    phrase, none = np.empty((len(vectors), len(KINDS)), dtype=np.int16), len(_phrases())
    for number, kind in enumerate(KINDS):
        phrase[:, number] = _phrase_of(number, kind, vectors, contributions[:, number])
    size = np.where(phrase < none, np.abs(contributions), 0)
    strongest = np.argsort(-size, axis=1, kind="stable")[:, :MOST]
    told = np.take_along_axis(phrase, strongest, axis=1)
    told[np.take_along_axis(size, strongest, axis=1) < MIN_LOG_ODDS] = none
    distinct, place = np.unique(told, axis=0, return_inverse=True)
    words = [*_phrases(), ""]
    reasons = ["; ".join(filter(None, (words[at] for at in row))) or LITTLE for row in distinct]
    return pl.Series("reason", reasons, dtype=pl.String).gather(place.ravel())


@cache
def _phrases() -> Sequence[str]:
    """List the phrases: of each kind, those of every agreement, then for and against a match."""
    found = [
        _WORDS.get(agreement, "").format(kind.noun)
        for kind, agreement in product(KINDS, AGREEMENTS)
    ]
    whole = [*(kind.supports for kind in KINDS), *(kind.opposes for kind in KINDS)]
    return (*found, *whole, OTHER_GIVEN_NAME, EXCHANGED)


def _phrase_of(
    number: int, kind: Kind, vectors: Bytes, contributions: NDArray[np.float64]
) -> NDArray[np.int16]:
    """Return the number of the phrase for one kind in each pair; that of none if it is unknown."""
    count, none = len(KINDS) * len(AGREEMENTS), len(_phrases())
    if kind.form is Form.WHOLE:
        against = (contributions < 0) * len(KINDS)
        return (count + number + against).astype(np.int16)
    agreement = agreement_of(kind, vectors).astype(np.int16)
    unknown = agreement == AGREEMENTS.index(Agreement.UNKNOWN)
    phrase = np.where(unknown, none, number * len(AGREEMENTS) + agreement)
    if kind.name == MAIN:
        column = {name: vectors[:, at] for at, name in enumerate(feature_names())}
        given = np.maximum(column["given jaro_winkler"], column["given name compatible"])
        phrase = np.where((contributions < 0) & (given < UNKNOWN), none - 2, phrase)
        phrase = np.where(column["names exchanged"] == EQUAL, none - 1, phrase)
    return phrase.astype(np.int16)
