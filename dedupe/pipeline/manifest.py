"""What the manifest of a run says."""

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
from dedupe.workspace.state import TableRead, chosen, outside_matches

if TYPE_CHECKING:
    from dedupe.evaluation.threshold import Aim
    from dedupe.scoring.recalibration import Correction


def run_facts(
    source: Input, table: TableRead, keys: Mapping[str, str], config: Config
) -> dict[str, Any]:
    """Return what a manifest says of the input, the options and the models."""
    records = table.records
    packages = ("faiss-cpu", "numpy", "polars", "sentence-transformers", "torch")
    return {
        "dedupe": version("dedupe-tui"),
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in packages},
        },
        "input": {"names": source.names, "fingerprint": source.fingerprint},
        "rows": len(records),
        "id_column": records.id_column,
        "fields": [asdict(use) for use in records.fields],
        **({} if table.linked is None else {"linked": table.linked.as_dict()}),
        "config": config.as_dict(),
        "models": model_ids(config),
        "stage_keys": dict(keys),
    }


def search_facts(
    facts: Mapping[str, Any],
    scored: pl.DataFrame,
    identical: pl.DataFrame,
    rows: int,
    config: Config,
) -> dict[str, Any]:
    """Return counts of the pairs, and the estimate of what the search lost."""
    matches = scored.filter(pl.col("probability") >= config.threshold)
    found = matches.filter(pl.col("seen") == 0).height
    lost = outside_matches(scored, facts, config.threshold)
    candidates = chosen(scored)
    return {
        "search": {
            **{name: facts[name] for name in ("radius", "index", "index_recall", "notes")},
            "candidates": candidates.height,
            "candidates_per_record": round(candidates.height / rows, 2),
            "estimated_recall": round(found / (found + lost), 4) if found + lost else 1.0,
        },
        "decided_by": {
            "identical": identical.height,
            **dict(candidates.group_by("decided_by").len().sort("decided_by").iter_rows()),
        },
        "matching_pairs": found + identical.height,
    }


def learnt_facts(correction: Correction | None, aim: Aim | None = None) -> dict[str, Any]:
    """Return what a summary says of the correction and of the goal, where there are such."""
    return {
        **({} if correction is None else {"correction": correction.as_dict()}),
        **({} if aim is None else {"aim": aim.as_dict()}),
    }
