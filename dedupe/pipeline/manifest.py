"""The manifest of a run: versions, configuration, counts, seconds and memory."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import polars as pl

from dedupe.config import Config
from dedupe.io.sources import Input
from dedupe.workspace.keys import model_ids
from dedupe.workspace.stored import RecordTable, candidates_of, missed_matches

if TYPE_CHECKING:
    from dedupe.evaluation.threshold import TargetThreshold
    from dedupe.scoring.recalibration import Recalibration

_PACKAGES = ("faiss-cpu", "numpy", "polars", "sentence-transformers", "torch")


def run_facts(
    source: Input, table: RecordTable, keys: Mapping[str, str], config: Config
) -> dict[str, Any]:
    """Describe the input, the configuration, the models and the versions of a run."""
    records = table.records
    return {
        "dedupe": version("dedupe-tui"),
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in _PACKAGES},
        },
        "input": {"names": source.names, "fingerprint": source.fingerprint},
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
    identical: pl.DataFrame,
    rows: int,
    config: Config,
) -> dict[str, Any]:
    """Count the pairs, and estimate the recall of the search.

    Parameters
    ----------
    search
        Facts of the search.
    scored, identical
        Scored pairs with the column ``seen``, and pairs of identical records.
    rows
        Number of records.
    config
        ``threshold`` is used.
    """
    matches = scored.filter(pl.col("probability") >= config.threshold)
    found = matches.filter(pl.col("seen") == 0).height
    missed = missed_matches(scored, search, config.threshold)
    candidates = candidates_of(scored)
    return {
        "search": {
            **{name: search[name] for name in ("radius", "index", "index_recall", "notes")},
            "candidates": candidates.height,
            "candidates_per_record": round(candidates.height / rows, 2),
            "estimated_recall": round(found / (found + missed), 4) if found + missed else 1.0,
        },
        "decided_by": {
            "identical": identical.height,
            **dict(candidates.group_by("decided_by").len().sort("decided_by").iter_rows()),
        },
        "matching_pairs": found + identical.height,
    }


def fitted_facts(
    recalibration: Recalibration | None, aim: TargetThreshold | None = None
) -> dict[str, Any]:
    """Describe the recalibration and the threshold chosen for a target, where there are such."""
    return {
        **({} if recalibration is None else {"recalibration": recalibration.as_dict()}),
        **({} if aim is None else {"aim": aim.as_dict()}),
    }


def cross_encoder_facts(scoring: Mapping[str, Any]) -> dict[str, int]:
    """Select how many pairs the cross-encoder judged, and how many doubtful ones it did not."""
    return {name: int(scoring[name]) for name in ("judged", "over_budget") if name in scoring}
