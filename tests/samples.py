"""Small tables, workspaces and stand-ins that several test modules share."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import polars as pl
from rapidfuzz import fuzz

from dedupe.config import Config
from dedupe.io.dialect import CSV
from dedupe.progress import Progress, silent
from dedupe.records.records import make_records
from dedupe.resolution.decisions import Decision
from dedupe.scoring.pairs import DECIDERS
from dedupe.workspace.folder import Workspace
from dedupe.workspace.json_file import write_json
from dedupe.workspace.stage_cache import SCORED
from dedupe.workspace.stored import RecordTable, save_table

if TYPE_CHECKING:
    import pytest

    from dedupe.pipeline.fine_tuning.finetune import Example
    from dedupe.scoring.comparison.comparison import Comparison

PEOPLE = [
    ("Katherine", "Johnson", "1918-08-26", "Hampton"),
    ("Dorothy", "Vaughan", "1910-09-20", "Kansas City"),
    ("Mary", "Jackson", "1921-04-09", "Hampton"),
    ("Grace", "Hopper", "1906-12-09", "New York"),
    ("Annie", "Easley", "1933-04-23", "Birmingham"),
    ("Margaret", "Hamilton", "1936-08-17", "Paoli"),
    ("Hedy", "Lamarr", "1914-11-09", "Vienna"),
    ("Ada", "Lovelace", "1815-12-10", "London"),
    ("Радия", "Перлман", "1951-12-18", "Портсмут"),
    ("芙蓉", "吴健雄", "1912-05-31", "太仓"),
]
"""Ten people whose dates of birth differ: the date is the true cluster."""
PEOPLE_COLUMNS = ("first_name", "last_name", "born", "city")

REVIEW_NAMES = [
    "Ada Lovelace", "Ada Lovelase", "A. Lovelace", "Grace Hopper", "Grace Hoper", "Alan Turing",
    "Alan Turing", "Edsger Dijkstra", "Edsger Dykstra", "Barbara Liskov", "Donald Knuth",
    "王小明", "王晓明", "محمد علي", "محمّد علي", "🦊 Fox & Co\nLine two", "🦊 Fox and Co",
]  # fmt: skip
"""Names in several scripts, some of them twice with another spelling."""

PART_WORDS = (
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath", "inlet", "jetty",
    "knoll", "ledge",
)  # fmt: skip


def with_ids(rows: Sequence[tuple[str, ...]], first: int = 0) -> pl.DataFrame:
    """Make a table of people with ids ``r<first>``, ``r<first + 1>`` …"""
    numbered = [(f"r{number}", *row) for number, row in enumerate(rows, start=first)]
    return pl.DataFrame(numbered, schema=["id", *PEOPLE_COLUMNS], orient="row")


def misspelt(people: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Copy people with the last letter of the first name missing."""
    return [(first[:-1], *rest) for first, *rest in people]


def people_table() -> pl.DataFrame:
    """Make 17 shuffled rows of ten people: five misspelt once, one repeated twice exactly."""
    rows = [*PEOPLE, *misspelt(PEOPLE[:5]), PEOPLE[5], PEOPLE[5]]
    random.Random(0).shuffle(rows)
    return with_ids(rows)


def review_table() -> pl.DataFrame:
    """Make a table with everything that is hard to draw: scripts, emoji, breaks, long values."""
    n = len(REVIEW_NAMES)
    return pl.DataFrame(
        {
            "id": [f"r{i:02}" for i in range(n)],
            "name": REVIEW_NAMES,
            "city": ["London", "london", "", "New York", "NY"] + ["Paris"] * (n - 5),
            "notes": ["x" * 500 if i == 0 else "" if i % 2 else f"note {i}" for i in range(n)],
        }
    )


def part_examples() -> list[Example]:
    """Make decided pairs of codes that match unless the last letter differs.

    The bundled model judges such pairs otherwise, so only learning explains a right answer.
    """
    from dedupe.pipeline.fine_tuning.finetune import Example  # loads torch, which few tests need

    return [
        Example(f"part: {word} 77{i}", f"part: {word} 77{i} {'x' if i % 2 else 'q'}", float(i % 2))
        for i, word in enumerate(PART_WORDS * 2)
    ]


def score_by_likeness(
    candidates: pl.DataFrame, comparison: Comparison, config: Config, progress: Progress = silent
) -> tuple[pl.DataFrame, None, dict[str, Any]]:
    """Score pairs by the string ratio of their first fields, in place of both models."""
    first_field = [text.split("\n")[0] for text in comparison.texts]
    probability = [
        fuzz.ratio(first_field[left], first_field[right]) / 100
        for left, right in candidates.select("left", "right").iter_rows()
    ]
    decided_by = pl.when(pl.col("left") == pl.col("right")).then(pl.lit("identical"))
    scored = candidates.select("left", "right", "similarity").with_columns(
        pl.Series("probability", probability, dtype=pl.Float32),
        decided_by.otherwise(pl.lit("cross-encoder")).cast(DECIDERS).alias("decided_by"),
        pl.lit("similar name").alias("reason"),
    )
    return scored, None, {"judged": candidates.height, "over_budget": 0}


def leave_in_doubt(patching: pytest.MonkeyPatch) -> None:
    """Let the comparison model be in doubt about every pair from now on, in the same order."""
    from dedupe.scoring.comparison.comparison import Comparison

    log_odds = Comparison.log_odds
    patching.setattr(Comparison, "log_odds", lambda of: log_odds(of) / 10)


@contextmanager
def by_likeness() -> Iterator[None]:
    """Score the pairs of every run inside by string likeness."""
    import dedupe.pipeline.pairs

    with patch.object(dedupe.pipeline.pairs, "score_pairs", score_by_likeness):
        yield


def write_workspace(
    path: Path,
    names: Mapping[str, str],
    scores: Mapping[tuple[str, str], float],
    *,
    id_column: bool = True,
    decisions: Sequence[tuple[str, str, Decision]] = (),
    models: Mapping[str, str] | None = None,
    extra: Mapping[str, Sequence[str]] | None = None,
    decided_by: str = "cross-encoder",
    **options: object,
) -> Path:
    """Write the workspace that a run of these records (id to name) would leave.

    The pairs have the given probabilities; `extra` adds columns; `options` are those of `Config`.
    """
    config = Config().with_options(**options)
    frame = pl.DataFrame({"id": list(names), "name": list(names.values()), **(extra or {})})
    frame = frame if id_column else frame.drop("id")
    records = make_records(frame, config)
    row = {key: number for number, key in enumerate(names)}
    ends = [sorted((row[a], row[b])) for a, b in scores]
    pairs = pl.DataFrame(
        {
            "left": pl.Series([left for left, _ in ends], dtype=pl.UInt32),
            "right": pl.Series([right for _, right in ends], dtype=pl.UInt32),
            "similarity": pl.Series([0.9] * len(ends), dtype=pl.Float32),
            "probability": pl.Series(list(scores.values()), dtype=pl.Float32),
            "decided_by": pl.Series([decided_by] * len(ends), dtype=pl.String),
            "reason": pl.Series(["similar name"] * len(ends), dtype=pl.String),
            "seen": pl.Series([0] * len(ends), dtype=pl.UInt32),
        }
    ).sort("left", "right")
    workspace = Workspace(path)
    with workspace.locked():
        save_table(workspace, "t", RecordTable(records, CSV))
        workspace.cache.save(SCORED, "s", pairs, {})
    workspace.write_facts(
        {
            "input": {
                "names": [f"{path.name}.csv"],
                "fingerprint": "f",
                "rows": frame.height,
                "columns": frame.columns,
            },
            "keys": {"table": "t", "candidates": "c", "scored": "s"},
            "config": config.as_dict(),
            "models": models or {"bi_encoder": "b", "cross_encoder": "c"},
        }
    )
    write_json(
        workspace.manifest_file,
        {"dedupe": "1", "models": models or {"bi_encoder": "b", "cross_encoder": "c"}},
    )
    if decisions:
        keys = dict(zip(names, records.keys, strict=True))
        with workspace.decisions() as log:
            for left, right, decision in decisions:
                log.record(keys[left], keys[right], decision, "tester")
    return path
