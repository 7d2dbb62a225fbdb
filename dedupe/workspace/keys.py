"""Keys of stages: hashes of everything that a stage is made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import polars as pl

from dedupe.config import BUNDLED, Config
from dedupe.io.sources import Input
from dedupe.models.loading import MODELS


def stage_key(*made_from: object) -> str:
    """Return a short hash of what a stage is made from (anything JSON can hold)."""
    text = json.dumps(made_from, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def stage_keys(source: Input, config: Config) -> dict[str, str]:
    """Return the key of each kept stage: a hash of the input and of every option that it reads."""
    table = stage_key(
        _CODE, source.fingerprint, config.encoding, config.delimiter, config.fields, config.ignore,
        config.id, bool(config.link), config.map,
    )  # fmt: skip
    bi_encoder = _model_id(config.bi_encoder, "bi-encoder")
    candidates = stage_key(
        table,
        bi_encoder,
        config.radius,
        config.candidates_per_record,
        config.within,
        config.seed,
    )
    scored = stage_key(
        candidates,
        _model_id(config.cross_encoder, "cross-encoder"),
        config.agreement,
        config.cross_encoder_pairs,
    )
    return {"table": table, "candidates": candidates, "scored": scored}


_CODE = 3
"""To be raised when a stage makes something else of the same input and configuration."""


def model_ids(config: Config) -> dict[str, str]:
    """Return what tells the two models of a configuration from others."""
    return {
        "bi_encoder": _model_id(config.bi_encoder, "bi-encoder"),
        "cross_encoder": _model_id(config.cross_encoder, "cross-encoder"),
    }


def _model_id(name: str, kind: str) -> str:
    """Return what tells a model from others: a hash of its weights, else its name."""
    folder = MODELS / kind if name == BUNDLED else Path(name)
    weights = sorted(folder.rglob("*.safetensors")) if folder.is_dir() else []
    if not weights:
        return name
    digest = hashlib.sha256()
    for file in weights:
        found = file.stat()
        digest.update(_file_hash(file, found.st_size, found.st_mtime_ns))
    return digest.hexdigest()


@lru_cache(maxsize=8)
def _file_hash(file: Path, size: int, changed: int) -> bytes:
    """Return a hash of a file, which is read once as long as its size and time stay."""
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").digest()


def standing_key(
    scored: str, decisions: pl.DataFrame, choices: pl.DataFrame, config: Config
) -> str:
    """Return a hash of all that a clustering follows from, besides the records."""
    said = decisions.rows(), choices.rows()
    return stage_key(scored, *said, config.threshold, config.link, config.within)


def export_key(
    keys: Mapping[str, str], decisions: pl.DataFrame, choices: pl.DataFrame, config: Config
) -> str:
    """Return a hash of all that the outputs follow from."""
    said = decisions.rows(), choices.rows()
    return stage_key(keys["scored"], *said, config.as_dict(), version("dedupe-tui"))
