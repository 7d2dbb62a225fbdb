"""Keys of stages: hashes of everything that a stage is made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path

import polars as pl

from dedupe.config import BUNDLED, RULES, TARGETS, Config
from dedupe.io.sources import Input
from dedupe.models.loading import MODELS
from dedupe.scoring.comparison.model import WEIGHTS as COMPARISON_MODEL

CODE_VERSION = 12
"""Raise it when a stage makes something else of the same input and configuration."""


def stage_key(*made_from: object) -> str:
    """Return a short hash of what a stage is made from (anything JSON can hold)."""
    text = json.dumps(made_from, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def installed_version(package: str) -> str:
    """Return the version of an installed package."""
    return version(package)


def stage_keys(source: Input, config: Config) -> dict[str, str]:
    """Return the key of each cached stage: a hash of the input and of every option it reads."""
    table = stage_key(
        CODE_VERSION,
        source.fingerprint,
        config.encoding,
        config.delimiter,
        config.rename_duplicates,
        config.header,
        config.header_row,
        config.skip_rows,
        config.sheet,
        config.fields,
        config.ignore,
        config.id,
        bool(config.link),
        config.map,
        *_if_set(config.ignore_value),
    )
    bi_encoder = _model_id(config.bi_encoder, "bi-encoder")
    candidates = stage_key(
        table,
        bi_encoder,
        config.radius,
        config.candidates_per_record,
        config.within_tables,
        config.seed,
        *_if_set(config.bi_encoder_prompt, config.hybrid),
    )
    scored = stage_key(
        candidates,
        _model_id(config.cross_encoder, "cross-encoder"),
        _comparison_model_id(),
        config.effort,
        config.cross_encoder_pairs,
        config.self_training,
        *_if_set(config.kind),
    )
    return {"table": table, "candidates": candidates, "scored": scored}


def embedding_key(texts: Sequence[str], config: Config) -> str:
    """Return a hash of everything that the vectors of texts are made from."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    model = _model_id(config.bi_encoder, "bi-encoder")
    return stage_key(
        CODE_VERSION, model, config.bi_encoder_prompt, config.hybrid, digest.hexdigest()
    )


def _if_set(*options: object) -> tuple[object, ...]:
    """Return the options that are set; keys without them stay as they were."""
    return tuple(option for option in options if option)


def _comparison_model_id() -> str:
    """Return the hash of the comparison model's weights."""
    found = COMPARISON_MODEL.stat()
    return _file_hash(COMPARISON_MODEL, found.st_size, found.st_mtime_ns).hex()


def model_ids(config: Config) -> dict[str, str]:
    """Return an identifier of each of the two models of a configuration."""
    return {
        "bi_encoder": _model_id(config.bi_encoder, "bi-encoder"),
        "cross_encoder": _model_id(config.cross_encoder, "cross-encoder"),
    }


def _model_id(name: str, kind: str) -> str:
    """Return the hash of a model's weights; its name if the weights are not local."""
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
    """Hash a file; the result is cached as long as its size and time stay the same."""
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").digest()


def clusters_key(
    scored: str, decisions: pl.DataFrame, choices: pl.DataFrame, config: Config
) -> str:
    """Return a hash of everything that clusters follow from, besides the records."""
    reviewed = decisions.rows(), choices.rows()
    rules = {name: getattr(config, name) for name in RULES if getattr(config, name)}
    return stage_key(
        scored, *reviewed, config.threshold, config.link, config.within_tables, *_if_set(rules)
    )


def export_key(
    keys: Mapping[str, str], decisions: pl.DataFrame, choices: pl.DataFrame, config: Config
) -> str:
    """Return a hash of everything that the output files follow from."""
    reviewed = decisions.rows(), choices.rows()
    options = config.as_dict()
    if any(options[name] is not None for name in TARGETS):
        del options["threshold"]  # it follows from the target
    return stage_key(keys["scored"], *reviewed, options, installed_version("dedupe-tui"))
