"""Figures about the clusters for the summary of a run and its manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.config import Config
from dedupe.errors import LimitError
from dedupe.records.records import Records
from dedupe.records.value_text import as_texts
from dedupe.resolution.decisions import Decision
from dedupe.resolution.resolve import Resolved
from dedupe.resolution.rules import Rules
from dedupe.scoring.pairs import by_rule


def cluster_figures(
    records: Records, pairs: pl.DataFrame, resolved: Resolved, config: Config
) -> dict[str, Any]:
    """Count clusters, merged rows, doubtful pairs, links, rules, decisions, contradictions.

    Parameters
    ----------
    records, pairs
        The records, and the pairs that they were clustered by.
    resolved
        The clusters.
    config
        ``large_cluster``, ``threshold``, ``review_from`` and the rules are used.

    Returns
    -------
    dict
        Plain JSON types. ``large_clusters`` lists the clusters of more than
        ``config.large_cluster`` rows, the largest first.
    """
    labels = resolved.labels
    label, size = np.unique(labels, return_counts=True)
    large = np.flatnonzero(size > config.large_cluster)
    large = large[np.argsort(-size[large], kind="stable")]
    doubtful = pairs.filter(
        pl.col("probability").is_between(config.review_from, config.threshold, closed="left")
    ).join(resolved.decisions, on=["left", "right"], how="anti")
    cluster_id = resolved.rows["cluster_id"]
    return {
        "clusters": len(label),
        "clusters_of_two_or_more": int((size > 1).sum()),
        "rows_merged": len(labels) - len(label),
        "largest_cluster": int(size.max()),
        "large_clusters": [
            {"cluster_id": cluster_id[int(label[i])], "size": int(size[i])} for i in large
        ],
        "uneven_clusters": [cluster_id[int(row)] for row in uneven_clusters(records, labels)],
        "doubtful_pairs": doubtful.height,
        **({} if resolved.links is None else {"links": resolved.links.height}),
        **_rule_figures(records, pairs, resolved, config),
        "decisions": resolved.decisions.height,
        "contradictions": [
            {"left_id": records.ids[left], "right_id": records.ids[right], "reason": reason}
            for left, right, reason in resolved.contradictions.iter_rows()
        ],
    }


def _rule_figures(
    records: Records, pairs: pl.DataFrame, resolved: Resolved, config: Config
) -> dict[str, Any]:
    """Count what the rules of a configuration decided, and what comes before them.

    Returns
    -------
    dict
        Empty without rules. Else ``rules``: the pairs that they keep apart, those that they join,
        the decided matches that they would forbid, and the values of exact columns whose records
        are not all in one cluster.
    """
    rules = Rules.of(records, config)
    if rules is None:
        return {}
    by_rules = pairs.filter(by_rule())["probability"]
    matches = resolved.decisions.filter(pl.col("decision") == Decision.MATCH)
    left, right = (matches[side].to_numpy() for side in ("left", "right"))
    separated = 0
    for codes in rules.exact:
        found = pl.DataFrame({"code": codes, "label": resolved.labels}).filter(pl.col("code") >= 0)
        separated += found.unique().group_by("code").len().filter(pl.col("len") > 1).height
    return {
        "rules": {
            "kept_apart": int((by_rules == 0).sum()),
            "joined": int((by_rules == 1).sum()),
            "overruled_by_decisions": int(rules.forbid(left, right).sum()),
            "exact_values_apart": separated,
        }
    }


def check_limits(figures: Mapping[str, Any], rows: int, config: Config) -> None:
    """Check that a result is within its limits, before it replaces an earlier one.

    Parameters
    ----------
    figures
        As :func:`cluster_figures` returns them.
    rows
        Number of records.
    config
        ``max_cluster`` and ``max_merged_share`` are used.

    Raises
    ------
    LimitError
        If it is not.
    """
    if missed := list(_missed_limits(figures, rows, config)):
        raise LimitError(
            f"{' and '.join(missed)}: no results were written, and earlier ones stay as they are"
        )


def _missed_limits(figures: Mapping[str, Any], rows: int, config: Config) -> Iterator[str]:
    largest, merged = figures["largest_cluster"], figures["rows_merged"]
    if config.max_cluster is not None and largest > config.max_cluster:
        yield f"the largest cluster has {largest:,} rows, above max_cluster {config.max_cluster:,}"
    share = merged / rows
    if config.max_merged_share is not None and share > config.max_merged_share:
        yield (
            f"{merged:,} of {rows:,} rows are merged ({share:.4f}), above max_merged_share "
            f"{config.max_merged_share:g}"
        )


WELL_FILLED = 0.5
"""Share of the rows that have a value from which a column is well filled."""
MOST_COLUMNS = 0.5
"""Share of the well-filled columns above which a cluster that differs in them is uneven."""
MIN_SIMILARITY = 60.0
"""Similarity, in percent, from which two values of a column are one value written otherwise."""


def uneven_clusters(records: Records, labels: NDArray[np.uint32]) -> list[int]:
    """Find clusters whose rows differ in most of their well-filled columns.

    Each row is compared with the first of its cluster. Values that are alike do not count as
    different; nor do values that one of the two rows does not have.

    Parameters
    ----------
    records
        n records.
    labels
        (n,) the smallest row number of each record's cluster.

    Returns
    -------
    list of int
        Labels of the clusters, in order.
    """
    from rapidfuzz import fuzz
    from rapidfuzz.process import cpdist

    rows = np.flatnonzero(labels != np.arange(len(labels)))
    names = [role.name for role in records.fields if role.used]
    if not len(rows) or not names:
        return []
    text = as_texts(records.frame.select(names)).select(
        pl.all().str.to_lowercase().str.strip_chars()
    )
    filled = text.select((pl.all() != "").mean()).row(0)
    compared, different = (np.zeros(len(rows)) for _ in range(2))
    for name, share in zip(names, filled, strict=True):
        if share < WELL_FILLED:
            continue
        own, first = text[name].gather(rows).to_list(), text[name].gather(labels[rows]).to_list()
        both = np.array([bool(a and b) for a, b in zip(own, first, strict=True)], dtype=bool)
        alike = cpdist(own, first, scorer=fuzz.token_set_ratio) >= MIN_SIMILARITY
        compared += both
        different += both & ~alike
    uneven = (compared > 1) & (different > MOST_COLUMNS * compared)
    return np.unique(labels[rows[uneven]]).tolist()  # type: ignore[no-any-return]
