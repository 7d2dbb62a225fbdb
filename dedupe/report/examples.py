"""The examples of a report: pairs with their reasons, the largest clusters with their values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.pipeline.results.explain import explain_rows
from dedupe.report.field_differences import (
    FieldPair,
    Span,
    compare_fields,
    one_line,
    split_differences,
)
from dedupe.resolution.survivorship.merge import merged_row, preferred_rows, source_rows
from dedupe.resolution.survivorship.merge_rules import parse_rules
from dedupe.scoring.explanation.pair import Explanation
from dedupe.scoring.pairs import identical_ends
from dedupe.workspace.folder import Workspace
from dedupe.workspace.state import Clustered

MOST_PAIRS = 5
"""Examples of each group of pairs."""
MOST_CLUSTERS = 5
MOST_ROWS, MOST_COLUMNS, MOST_FIELDS = 10, 9, 16
"""Rows and columns of a cluster, and fields of a pair, that are shown."""
MOST_CHARACTERS = 160
"""Characters of a value that are shown."""


@dataclass(frozen=True)
class PairExample:
    """Two records side by side, and why they match or do not.

    Parameters
    ----------
    fields
        Their values, the compared columns first.
    explanation
        The steps to their probability.
    """

    fields: tuple[FieldPair, ...]
    explanation: Explanation


@dataclass(frozen=True)
class PairGroup:
    """Pairs of one kind.

    Parameters
    ----------
    title, text
        What kind it is.
    count
        How many there are in all.
    pairs
        Some of them.
    """

    title: str
    text: str
    count: int
    pairs: tuple[PairExample, ...]


@dataclass(frozen=True)
class ClusterExample:
    """One cluster as a table.

    Parameters
    ----------
    cluster_id, size
        Which cluster, and how many rows it has.
    columns
        Names of the columns that are shown.
    rows
        Id of each shown row, and its values in pieces that differ from the representative's or not;
        the representative comes first.
    merged
        Values of the merged row, and the id of the row that each is from; ``""`` where a value is
        from several.
    """

    cluster_id: str
    size: int
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[Span, ...], ...]], ...]
    merged: tuple[tuple[str, str], ...]


def pair_groups(clustered: Clustered, workspace: Workspace) -> Iterator[PairGroup]:
    """Choose pairs that are merged, doubtful, and nearly doubtful, and explain them."""
    threshold, review_from = clustered.config.threshold, clustered.config.review_from
    compared = clustered.pairs.filter(~identical_ends())
    p = pl.col("probability")
    order = pl.col("left"), pl.col("right")
    merged = compared.filter(p >= threshold).sort(p, *order, descending=[True, False, False])
    places = np.unique(np.linspace(0, max(merged.height - 1, 0), MOST_PAIRS).astype(int))
    yield _group(
        "Merged pairs",
        f"From the most certain to the least certain at or above the threshold of {threshold:g}.",
        merged,
        merged[places.tolist()] if merged.height else merged,
        clustered,
        workspace,
    )
    for title, text, low, high in (
        ("Doubtful pairs", "Below the threshold, the closest first.", review_from, threshold),
        ("Near misses", "Below the doubtful pairs, the closest first.", 0.0, review_from),
    ):
        found = compared.filter(p.is_between(low, high, closed="left"))
        found = found.sort(p, *order, descending=[True, False, False])
        yield _group(title, text, found, found.head(MOST_PAIRS), clustered, workspace)


def _group(
    title: str,
    text: str,
    found: pl.DataFrame,
    chosen: pl.DataFrame,
    clustered: Clustered,
    workspace: Workspace,
) -> PairGroup:
    records = clustered.records
    used = [role.name for role in records.fields if role.used]
    examples = []
    for left, right in chosen.select("left", "right").iter_rows():
        a, b = (records.frame.row(row, named=True) for row in (left, right))
        fields = [field for field in compare_fields(a, b, used) if field.name != records.id_column]
        explanation = explain_rows(clustered.state, clustered.pairs, left, right, workspace)
        shown = tuple(map(_shortened, fields[:MOST_FIELDS]))
        examples.append(PairExample(shown, explanation))
    return PairGroup(title, text, found.height, tuple(examples))


def _shortened(field: FieldPair) -> FieldPair:
    left, right = (tuple(cut(side)) for side in (field.left, field.right))
    return replace(field, left=left, right=right)


def cut(spans: Sequence[Span], most: int = MOST_CHARACTERS) -> Iterator[Span]:
    """Cut the pieces of a value after `most` characters."""
    left = most
    for text, differs in spans:
        if left <= 0:
            return
        yield (text if len(text) <= left else text[:left] + "…"), differs
        left -= len(text)


def largest_clusters(clustered: Clustered) -> Iterator[ClusterExample]:
    """Show the largest clusters of two rows or more, the earliest of one size first."""
    labels = clustered.resolved.labels
    label, size = np.unique(labels, return_counts=True)
    largest = np.lexsort((label, -size))[:MOST_CLUSTERS]
    for place in largest[size[largest] > 1]:
        rows = np.flatnonzero(labels == label[place])
        yield _cluster(clustered, rows)


def _cluster(clustered: Clustered, rows: NDArray[np.int64]) -> ClusterExample:
    records, resolved = clustered.records, clustered.resolved
    head = int(resolved.rows["representative"][int(rows[0])])
    used = [role.name for role in records.fields if role.used]
    others = [name for name in records.frame.columns if name not in (*used, records.id_column)]
    columns = (*used, *others)[:MOST_COLUMNS]
    shown = [head, *(int(row) for row in rows if row != head)][:MOST_ROWS]
    values = {row: records.frame.row(row, named=True) for row in shown}
    first = {name: one_line(values[head][name]) for name in columns}
    lines = []
    for row in shown:
        texts = {name: one_line(values[row][name]) for name in columns}
        spans = tuple(_against(first[name], texts[name]) for name in columns)
        lines.append((records.ids[row], spans))
    return ClusterExample(
        cluster_id=resolved.rows["cluster_id"][head],
        size=len(rows),
        columns=tuple(columns),
        rows=tuple(lines),
        merged=tuple(_merged(clustered, rows, head, columns)),
    )


def _against(first: str, text: str) -> tuple[Span, ...]:
    if not text or text == first or not first:
        return tuple(cut([(text, False)])) if text else ()
    return tuple(cut(split_differences(first, text)[1]))


def _merged(
    clustered: Clustered, rows: NDArray[np.int64], head: int, columns: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Yield the values of the merged row, and the id of the row that each is from."""
    records, config, linked = clustered.records, clustered.config, clustered.state.table.linked
    rules = parse_rules(config, records.frame.columns)
    chosen = {
        column: row
        for row, column in clustered.resolved.value_choices.select("row", "column").iter_rows()
        if row in rows
    }
    merged = merged_row(records, rows, head, chosen, rules, config, linked)
    preferred = preferred_rows(records, config, linked)
    sources = source_rows(
        records.frame[rows],
        np.zeros(len(rows), dtype=np.uint32),
        rules,
        None if preferred is None else preferred[rows],
    )
    for column in columns:
        row = chosen.get(column)
        if row is None and column in sources:
            row = int(rows[sources[column][0]])
        value = one_line(merged[column])
        text = value if len(value) <= MOST_CHARACTERS else value[:MOST_CHARACTERS] + "…"
        yield text, "" if row is None or not value else records.ids[row]
