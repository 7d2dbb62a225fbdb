"""The options of a configuration as typed keyword arguments, for editors and type checkers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict

Preset = Literal["cautious", "balanced", "eager"]
LinkMode = Literal["many-to-many", "many-to-one", "one-to-one"]
Format = Literal["csv", "parquet", "jsonl", "xlsx", "ipc", "sqlite", "duckdb"]
RowOrder = Literal["input", "cluster"]
Effort = Literal["fast", "balanced", "thorough"]


class LimitOptions(TypedDict, total=False):
    """What a result must not exceed: :data:`~dedupe.config.LIMITS`."""

    max_cluster: int | None
    max_merged_share: float | None


class ExportOptions(LimitOptions, total=False):
    """Options that need nothing to be computed again: :data:`~dedupe.config.EXPORT_OPTIONS`."""

    threshold: float | None
    review_from: float | None
    preset: Preset | None
    target_precision: float | None
    target_recall: float | None
    recalibrate: bool | None
    large_cluster: int | None
    must_agree: Sequence[str] | None
    must_differ: Sequence[str] | None
    exact: Sequence[str] | None
    link: LinkMode | None
    prefer: str | None
    merge: Mapping[str, str] | None
    source_column: str | None
    format: Format | None
    sort: RowOrder | None
    pair_values: bool | None
    value_sources: bool | None
    safe_csv: bool | None


class DeviceOptions(TypedDict, total=False):
    """On what the models run."""

    device: str | None


class ReadingOptions(TypedDict, total=False):
    """How an input is read."""

    encoding: str | None
    delimiter: str | None
    rename_duplicates: bool | None
    header: bool | None
    header_row: int | None
    skip_rows: int | None
    sheet: str | None
    max_unpacked: float | None
    query: str | None


class AdditionOptions(LimitOptions, ReadingOptions, DeviceOptions, total=False):
    """Options of an addition."""


class ScoreOptions(DeviceOptions, total=False):
    """Options of scoring pairs without a table."""

    effort: Effort | None
    cross_encoder: str | None
    bi_encoder: str | None


class TrainOptions(DeviceOptions, total=False):
    """Options of training."""

    seed: int | None


class Options(ExportOptions, ReadingOptions, ScoreOptions, TrainOptions, total=False):
    """All options: the fields of :class:`~dedupe.config.Config`, and a preset.

    ``None`` leaves an option as it is.
    """

    fields: Sequence[str] | None
    ignore: Sequence[str] | None
    id: str | None
    kind: Mapping[str, str] | None
    ignore_value: Sequence[str] | None
    self_training: bool | None
    bi_encoder_prompt: str | None
    hybrid: bool | None
    candidates_per_record: float | None
    radius: float | None
    within_tables: bool | None
    map: Mapping[str, str] | None
    cross_encoder_pairs: int | None
