"""Lower limits of precision, recall and F1, for scripts that stop at a result below them."""

from __future__ import annotations

from collections.abc import Mapping

from dedupe.errors import LimitError
from dedupe.evaluation.estimate import Estimate
from dedupe.evaluation.gold import Evaluation, f1


def check_measured(found: Evaluation, limits: Mapping[str, float]) -> None:
    """Check measures against a gold standard.

    Parameters
    ----------
    found
        The measures.
    limits
        Lowest value allowed of ``precision``, ``recall`` and ``f1``, those of pairs.

    Raises
    ------
    LimitError
        If a measure is lower.
    """
    measures = found.as_dict()
    _check({f"pair_{name}": (measures[f"pair_{name}"], limit) for name, limit in limits.items()})


def check_estimated(found: Estimate, limits: Mapping[str, float]) -> None:
    """Check the lower ends of the intervals of an estimate.

    Recall is that of all matches, as with a gold standard. The lower end of F1 is the F1 of the
    lower ends of precision and recall.

    Parameters
    ----------
    found
        The estimate.
    limits
        Lowest value allowed of ``precision``, ``recall`` and ``f1``.

    Raises
    ------
    LimitError
        If a lower end is below that, or the estimate has no intervals.
    """
    precision, recall = found.precision.low, found.recall_of_all.low
    if precision is None or recall is None:
        if limits:
            raise LimitError(
                "the estimate has no interval yet that could reach a limit: review random pairs "
                "with dedupe review --audit, or measure with --gold"
            )
        return
    lower = {"precision": precision, "recall": recall, "f1": f1(precision, recall)}
    names = {"recall": "recall_of_all"}
    _check(
        {
            f"the lower end of the interval of {names.get(name, name)}": (lower[name], limit)
            for name, limit in limits.items()
        }
    )


def _check(figures: Mapping[str, tuple[float, float]]) -> None:
    """Refuse figures that are below their limits; both by the name of the figure."""
    missed = [
        f"{name} is {value:.4f}, below {limit:g}"
        for name, (value, limit) in figures.items()
        if value < limit
    ]
    if missed:
        raise LimitError(" and ".join(missed))
