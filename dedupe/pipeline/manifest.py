"""The manifest of a run: versions, configuration, counts, seconds and memory."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from dedupe.config import Config
from dedupe.io.sources import Input
from dedupe.scoring.comparison.statistics import FileStatistics
from dedupe.workspace.keys import installed_version, model_ids
from dedupe.workspace.stored import RecordTable, candidates_of, search_recall

if TYPE_CHECKING:
    from dedupe.evaluation.threshold import TargetThreshold
    from dedupe.scoring.recalibration import Recalibration

_PACKAGES = ("faiss-cpu", "numpy", "onnxruntime", "polars", "sentence-transformers", "torch")


def run_facts(
    source: Input, table: RecordTable, keys: Mapping[str, str], config: Config
) -> dict[str, Any]:
    """Describe the input, the configuration, the models and the versions of a run."""
    records = table.records
    return {
        "dedupe": installed_version("dedupe-tui"),
        "versions": {
            "python": platform.python_version(),
            **{package: installed_version(package) for package in _PACKAGES},
        },
        "input": {
            "names": source.names,
            "fingerprint": source.fingerprint,
            "notes": list(table.notes),
        },
        "rows": len(records),
        "id_column": records.id_column,
        "fields": [asdict(role) for role in records.fields],
        **({} if table.linked is None else {"linked": table.linked.as_dict()}),
        "config": config.as_dict(),
        "models": model_ids(config),
        "stage_keys": dict(keys),
    }


def pair_facts(
    search: Mapping[str, Any],
    scored: pl.DataFrame,
    pairs: pl.DataFrame,
    rows: int,
    config: Config,
) -> dict[str, Any]:
    """Count the pairs, and estimate the recall of the search.

    Parameters
    ----------
    search
        Facts of the search.
    scored
        Scored pairs with the column ``seen``.
    pairs
        The candidates among them, and the pairs of identical records.
    rows
        Number of records.
    config
        ``threshold`` is used.
    """
    candidates = candidates_of(scored)
    recall = search_recall(scored, search, config.threshold)
    return {
        "search": {
            **{name: search[name] for name in ("radius", "index", "index_recall", "notes")},
            "candidates": candidates.height,
            "candidates_per_record": round(candidates.height / rows, 2),
            "estimated_recall": None if recall is None else round(recall, 4),
        },
        "decided_by": {
            "identical": 0,
            **dict(pairs.group_by("decided_by").len().sort("decided_by").iter_rows()),
        },
        "matching_pairs": matching_pairs(pairs, config),
    }


def matching_pairs(pairs: pl.DataFrame, config: Config) -> int:
    """Count the scored pairs at or above the threshold."""
    return pairs.filter(pl.col("probability") >= config.threshold).height


def written_facts(command: str, stages: list[dict[str, Any]]) -> dict[str, Any]:
    """Describe which command wrote the files last, when, and how long its stages took."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"by": command, "at": now, "stages": stages}


def fitted_facts(
    recalibration: Recalibration | None, aim: TargetThreshold | None = None
) -> dict[str, Any]:
    """Describe the recalibration and the threshold chosen for a target, where there are such."""
    return {
        **({} if recalibration is None else {"recalibration": recalibration.as_dict()}),
        **({} if aim is None else {"aim": aim.as_dict()}),
    }


MOST_UNINFORMATIVE = 20
"""Values that say little which the manifest lists."""


def uninformative_values(statistics: FileStatistics | None) -> list[dict[str, Any]]:
    """List the most frequent placeholders and widely shared contacts, for the manifest."""
    if statistics is None:
        return []
    return statistics.uninformative().head(MOST_UNINFORMATIVE).to_dicts()


def cross_encoder_facts(scoring: Mapping[str, Any]) -> dict[str, int]:
    """Select how many pairs the cross-encoder judged, and how many doubtful ones it did not."""
    return {name: int(scoring[name]) for name in ("judged", "over_budget") if name in scoring}
