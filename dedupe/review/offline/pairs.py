"""The pairs of a review that is done outside of the app."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from dedupe.errors import OptionError
from dedupe.report.field_differences import FieldPair, compare_fields
from dedupe.review.order import ORDERS
from dedupe.review.session import Session

NOT_OFFLINE = ("contradictions", "audit")
"""Orders that need the app: its queue grows with the decisions."""

MOST_CHARACTERS = 1_000
"""Characters of a value that are shown."""


@dataclass(frozen=True)
class OfflinePair:
    """A doubtful pair to decide.

    Parameters
    ----------
    left_id, right_id
        Ids of the two records.
    probability
        Probability of a match, rounded to three places.
    reason
        Its evidence in a few words.
    fields
        The values of the columns that at least one record fills, the compared columns first.
    """

    left_id: str
    right_id: str
    probability: float
    reason: str
    fields: tuple[FieldPair, ...]


@dataclass(frozen=True)
class OfflineReview:
    """Doubtful pairs to decide, the first to review first.

    Parameters
    ----------
    name
        What was read, in words.
    key
        Fingerprint of the first input of the workspace, which later inputs leave.
    columns
        The columns without that of the ids, the compared columns first.
    compared
        The columns that the models compare.
    pairs
        The pairs.
    """

    name: str
    key: str
    columns: tuple[str, ...]
    compared: frozenset[str]
    pairs: tuple[OfflinePair, ...]


def offline_review(
    workspace: str | Path, *, order: str = "informative", limit: int | None = None
) -> OfflineReview:
    """Choose the doubtful pairs that nobody decided and that no decision implies.

    The workspace is only read.

    Parameters
    ----------
    workspace
        Folder of the workspace.
    order
        A name of :data:`~dedupe.review.order.ORDERS` other than those in :data:`NOT_OFFLINE`.
    limit
        Most pairs; ``None``: all.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    OptionError
        If the order is unknown or needs the app, or the limit is not positive.
    """
    if order in NOT_OFFLINE:
        offered = ", ".join(name for name in ORDERS if name not in NOT_OFFLINE)
        raise OptionError(f"the order {order!r} needs the review app: use {offered}")
    if limit is not None and limit < 1:
        raise OptionError(f"limit is {limit}: give a positive number of pairs")
    session = Session(workspace, reviewer="", order=order, readonly=True)
    try:
        return _review(session, limit)
    finally:
        session.close()


def _review(session: Session, limit: int | None) -> OfflineReview:
    records, used = session.records, session.compared_fields()
    others = [name for name in records.frame.columns if name not in used]
    columns = [name for name in (*used, *others) if name != records.id_column]
    order = session.queue.order
    undecided = (
        pair for pair in order[session.pairs.doubtful[order]].tolist() if not session.known(pair)
    )
    numbers = list(islice(undecided, limit))
    scored = session.clustered.pairs.filter(pl.col("decided_by") != "identical")
    reasons = scored["reason"].gather(numbers)
    pairs = []
    for number, reason in zip(numbers, reasons, strict=True):
        a, b = session.pairs.ends(number)
        fields = compare_fields(session.record(a), session.record(b), used)
        pairs.append(
            OfflinePair(
                left_id=records.ids[a],
                right_id=records.ids[b],
                probability=round(float(session.pairs.scores.probability[number]), 3),
                reason=reason or "",
                fields=tuple(field for field in fields if field.name in columns),
            )
        )
    facts = session.workspace.facts()
    read = facts["input"]
    return OfflineReview(
        name=", ".join(read["names"]),
        key=facts.get("original") or read["fingerprint"],
        columns=tuple(columns),
        compared=frozenset(used),
        pairs=tuple(pairs),
    )
