"""What a result shows of itself, on a console and in a notebook: its figures and a few clusters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import numpy as np

from dedupe.io.printable import printable
from dedupe.records.value_text import column_text
from dedupe.workspace.state import Clustered

MOST_CLUSTERS, MOST_ROWS, MOST_COLUMNS = 3, 4, 6
"""Clusters, rows of each and columns that are shown."""
MOST_CHARACTERS = 24
"""Characters of a value that are shown."""

_Lines = list[list[str]]


def headline(summary: Mapping[str, Any]) -> str:
    """Say in one or two sentences what was found."""
    rows, merged = summary["rows"], summary["rows_merged"]
    left = rows - merged
    return (
        f"{merged:,} of {rows:,} {'row' if rows == 1 else 'rows'} "
        f"{'is a duplicate' if merged == 1 else 'are duplicates'}; "
        f"{left:,} {'row is' if left == 1 else 'rows are'} left after merging. "
        f"Clusters of two or more: {summary['clusters_of_two_or_more']:,}. "
        f"Doubtful pairs: {summary['doubtful_pairs']:,}."
    )


def as_text(summary: Mapping[str, Any], clustered: Clustered) -> str:
    """Format a result for a console: no control character of a value is in it."""
    parts = [headline(summary)]
    for title, lines in _clusters(clustered):
        widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
        padded = (
            "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )
        parts.append("\n".join([title, *(f"  {line}" for line in padded)]))
    return "\n\n".join(parts) + "\n"


def as_html(summary: Mapping[str, Any], clustered: Clustered) -> str:
    """Format a result for a notebook; every value is escaped."""
    parts = [f"<p>{escape(headline(summary))}</p>"]
    for title, (names, *lines) in _clusters(clustered):
        head = "".join(f"<th>{escape(name)}</th>" for name in names)
        body = "".join(
            f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in line)}</tr>" for line in lines
        )
        parts.append(
            f"<table><caption>{escape(title)}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table>"
        )
    return f"<div>{''.join(parts)}</div>"


def _clusters(clustered: Clustered) -> Iterator[tuple[str, _Lines]]:
    """Yield the title of each of the largest clusters, and its lines with the column names."""
    records, resolved = clustered.records, clustered.resolved
    label, size = np.unique(resolved.labels, return_counts=True)
    used = [role.name for role in records.fields if role.used]
    names = [*([records.id_column] if records.id_column else []), *used][:MOST_COLUMNS]
    for place in np.lexsort((label, -size))[:MOST_CLUSTERS].tolist():
        if size[place] < 2:
            return
        rows = np.flatnonzero(resolved.labels == label[place])
        shown = rows[:MOST_ROWS]
        columns = [column_text(records.frame[name].gather(shown)).to_list() for name in names]
        lines = [[_one_line(value) for value in line] for line in zip(*columns, strict=True)]
        if len(rows) > len(shown):
            lines.append([f"and {len(rows) - len(shown):,} more", *[""] * (len(names) - 1)])
        cluster_id = resolved.rows["cluster_id"][int(label[place])]
        yield f"cluster {cluster_id}, {len(rows):,} rows", [[*map(_one_line, names)], *lines]


def _one_line(value: str | None) -> str:
    """Put a value on one line, without control characters, and cut it."""
    text = printable(" ".join((value or "").split()))
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"
