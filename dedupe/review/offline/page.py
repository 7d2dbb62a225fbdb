"""Doubtful pairs as one HTML page to decide in any browser, without a server."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from dedupe.errors import OptionError
from dedupe.io.atomic import write_bytes_atomically
from dedupe.io.printable import printable
from dedupe.report.examples import cut
from dedupe.report.field_differences import FieldPair, one_line
from dedupe.report.page import PALETTE, environment
from dedupe.review.offline.pairs import MOST_CHARACTERS, OfflinePair, OfflineReview, offline_review

ENDINGS = (".html", ".htm")
FOLDER = Path(__file__).parent


def write_review_page(
    workspace: str | Path,
    output: str | Path,
    *,
    order: str = "informative",
    limit: int | None = None,
    blind: bool = False,
) -> int:
    """Write the doubtful pairs that nobody decided as one HTML page to decide in a browser.

    The page asks nothing of the network. It keeps what was answered in the browser, and saves a
    CSV file that :func:`~dedupe.workspace.labels.import_decisions` reads.

    Parameters
    ----------
    workspace
        Folder of the workspace.
    output
        The file, which ends in ``.html``.
    order
        Order of the pairs, as in the review app, without ``contradictions`` and ``audit``.
    limit
        Most pairs; ``None``: all.
    blind
        Leave out the probabilities and the reasons.

    Returns
    -------
    int
        Number of pairs. Without any, nothing is written.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    OptionError
        If the file has another ending, or an option is wrong.
    OutputError
        If the file cannot be written.

    Examples
    --------
    >>> dedupe.write_review_page("contacts.dedupe", "review.html")
    3
    """
    file = Path(output)
    if file.suffix.lower() not in ENDINGS:
        raise OptionError(f"{file.name!r} is no name of a page: it must end in {ENDINGS[0]}")
    review = offline_review(workspace, order=order, limit=limit)
    if review.pairs:
        data = _page(review, blind=blind).encode()
        write_bytes_atomically(file, data)
    return len(review.pairs)


def _page(review: OfflineReview, *, blind: bool) -> str:
    script = (FOLDER / "page.js").read_text(encoding="utf-8")
    style = PALETTE.read_text(encoding="utf-8") + (FOLDER / "page.css").read_text(encoding="utf-8")
    shown = {"key": review.key, "pairs": [_pair(pair, blind) for pair in review.pairs]}
    # Within a script element nothing but "<" can end the data.
    data = json.dumps(shown, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
    return (
        environment(FOLDER)
        .get_template("page.html.jinja")
        .render(
            name=review.name,
            data=data,
            script=script,
            script_hash=_hash(script),
            style=style,
            style_hash=_hash(style),
        )
    )


def _hash(text: str) -> str:
    """Name an inline script or style for a Content Security Policy by its hash."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"sha256-{digest}"


def _pair(pair: OfflinePair, blind: bool) -> dict[str, Any]:
    return {
        "left": pair.left_id,
        "right": pair.right_id,
        "shown": [one_line(pair.left_id), one_line(pair.right_id)],
        "probability": None if blind else pair.probability,
        "reason": "" if blind else printable(pair.reason),
        "fields": [_field(field) for field in pair.fields],
    }


def _field(field: FieldPair) -> dict[str, Any]:
    return {
        "name": one_line(field.name),
        "compared": field.used,
        "mark": field.mark,
        "left": list(cut(field.left, MOST_CHARACTERS)),
        "right": list(cut(field.right, MOST_CHARACTERS)),
    }
