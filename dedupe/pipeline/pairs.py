"""From an input to scored pairs: read, encode, search, score. Each stage is cached."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.index import Index
from dedupe.blocking.sources import (
    source_column,
    source_note,
    source_numbers,
    sources_of_texts,
)
from dedupe.config import BUNDLED, Config
from dedupe.errors import InputError
from dedupe.io.schema_matching import Linked
from dedupe.io.sources import SOURCE_COLUMN, Input
from dedupe.pipeline.stages import Stages
from dedupe.records.records import Records, make_records
from dedupe.scoring.comparison.comparison import Comparison
from dedupe.scoring.comparison.values.roles import given_roles
from dedupe.scoring.pairs import DECIDERS
from dedupe.scoring.score import score_pairs
from dedupe.workspace.keys import embedding_key
from dedupe.workspace.stage_cache import CANDIDATES, INDEX, SCORED, STATISTICS
from dedupe.workspace.stored import (
    STATISTICS_LOST,
    RecordTable,
    load_statistics,
    warn_of_loss,
)


def read_records(source: Input, config: Config) -> RecordTable:
    """Read an input, one table or several linked ones, as records.

    Raises
    ------
    InputError
        If a file cannot be read, or a linked table has none of the compared columns.
    """
    if not config.link:
        table = source.table(config)
        return RecordTable(make_records(table.frame, config), table.dialect, notes=table.notes)
    table, linked = source.linked(config)
    numbers = pl.DataFrame({SOURCE_COLUMN: linked.names, "number": range(len(linked.names))})
    stacked = table.frame.select(SOURCE_COLUMN)
    found = stacked.join(numbers, on=SOURCE_COLUMN, how="left", maintain_order="left")
    source_of = found["number"].to_numpy().astype(np.uint8)
    if config.id is None and linked.id_column not in (None, *config.fields):
        config = replace(config, id=linked.id_column)
    records = make_records(table.frame, config, source_of)
    _check_compared(records, linked)
    return RecordTable(records, table.dialect, linked, notes=table.notes)


def find_candidates(
    stages: Stages,
    key: str,
    records: Records,
    firsts: pl.Series,
    slot: NDArray[np.uint32],
    config: Config,
    *,
    forget: bool = True,
) -> pl.DataFrame:
    """Return the pairs to score.

    Parameters
    ----------
    stages, key
        Where the pairs are cached, and under which key.
    records
        n records.
    firsts
        The first row of each distinct record text: only these are searched.
    slot
        (n,) u32 number of each record's text among them, as of
        :func:`~dedupe.blocking.index.assign_slots`.
    config
        The configuration.
    forget
        Remove what earlier searches cached.

    Returns
    -------
    DataFrame
        ``left``, ``right``, ``similarity`` and ``seen``: 0 for candidate pairs, above 0 for the
        sample of pairs just outside, which tells how many matches the search misses.
    """
    cached = stages.cached("search", CANDIDATES, key)
    if cached is not None:
        return cached
    distinct = records.texts.gather(firsts).to_list()
    number, notes = record_sources(records, config)
    sources = sources_of_texts(number, slot, len(distinct), config)
    embedding = None if config.bi_encoder == BUNDLED else embedding_key(distinct, config)
    with stages.timed("encode"):
        index = Index.build(distinct, config, _earlier_index(stages, embedding, config))
    with stages.timed("search") as progress:
        found = index.candidates(distinct, config, progress, sources)
    index = index.save(stages.workspace.cache, key)
    if forget:
        stages.workspace.cache.forget(INDEX, [key])
    candidates = found.pairs.with_columns(pl.lit(0, dtype=pl.UInt32).alias("seen"))
    pairs = pl.concat([candidates, found.just_outside])
    rows = firsts.to_numpy()
    pairs = pairs.with_columns(
        pl.Series(side, rows[pairs[side].to_numpy()], dtype=pl.UInt32) for side in ("left", "right")
    )
    facts = {
        "radius": round(found.radius, 4),
        "index": found.index,
        "index_recall": round(found.index_recall, 4),
        "sampled_share": found.sampled / len(distinct),
        "notes": [*found.notes, *notes],
        "stored": index.facts,
        "embedding": embedding,
    }
    stages.cache("search", CANDIDATES, key, pairs, facts, forget=forget)
    return pairs


def _earlier_index(stages: Stages, embedding: str | None, config: Config) -> Index | None:
    """Open the index of an earlier run in which the same model embedded the same texts.

    The bundled bi-encoder embeds them faster than they are read.
    """
    cache = stages.workspace.cache
    if embedding is None:
        return None
    for key in cache.keys(CANDIDATES):
        facts = cache.facts(CANDIDATES, key)
        if facts.get("embedding") == embedding and not facts["stored"]["grown"]:
            return Index.load(cache, facts["stored"], config)
    return None


def score_candidates(
    stages: Stages,
    key: str,
    records: Records,
    identical: pl.DataFrame,
    candidates: pl.DataFrame,
    config: Config,
) -> tuple[pl.DataFrame, Comparison]:
    """Score pairs.

    Parameters
    ----------
    stages, key
        Where the scores are cached, and under which key.
    records
        n records.
    identical
        Pairs of identical records; each of their groups is scored once, by its first record.
    candidates
        As :func:`find_candidates` returns them.
    config
        The configuration.

    Returns
    -------
    scored
        The candidates with ``probability`` and ``decided_by``, and the first record of each group
        of identical ones paired with itself.
    comparison
        The comparison of these pairs.
    """
    texts = records.texts
    given = given_roles(records.compared_columns, config.kind)
    cached = stages.cached("score", SCORED, key)
    if cached is not None:
        statistics = load_statistics(stages.workspace, stages.facts["score"])
        if statistics is None:
            warn_of_loss(stages.workspace, STATISTICS_LOST)
        comparison = Comparison.of(texts, cached, statistics, given)
        return cached.with_columns(pl.col("decided_by").cast(DECIDERS)), comparison
    with stages.timed("score") as progress:
        pairs = pl.concat([own_pairs(identical["left"].unique()), candidates])
        pairs = pairs.sort("left", "right")
        comparison = Comparison.of(texts, pairs, given=given)
        scored, regression, facts = score_pairs(pairs, comparison, config, progress)
    statistics = replace(comparison.file_statistics, regression=regression)
    cache = stages.workspace.cache
    cache.save(STATISTICS, key, statistics.counts, statistics.facts(), forget=False)
    scored = scored.hstack([pairs["seen"]])
    facts = {**facts, "statistics_key": key, "self_training": regression is not None}
    stages.cache("score", SCORED, key, scored, facts, forget=False)
    return scored, comparison


def own_pairs(rows: pl.Series) -> pl.DataFrame:
    """Pair records with themselves, as candidates that stand for groups of identical records."""
    return pl.DataFrame(
        {"left": rows, "right": rows, "similarity": np.ones(len(rows)), "seen": 0},
        schema={
            "left": pl.UInt32, "right": pl.UInt32, "similarity": pl.Float32, "seen": pl.UInt32,
        },
    )  # fmt: skip


def _check_compared(records: Records, linked: Linked) -> None:
    """Refuse to link a table that has nothing to compare."""
    used = [role.name for role in records.fields if role.used]
    for name, columns in zip(linked.names, linked.columns, strict=True):
        if not set(columns.values()) & set(used):
            raise InputError(
                f"{name} has none of the compared columns ({', '.join(used)}); it has "
                f"{', '.join(columns)}: match them with --map LEFT=RIGHT"
            )


def record_sources(
    records: Records, config: Config
) -> tuple[NDArray[np.uint8] | None, tuple[str, ...]]:
    """Find out where records are from, and what the user should know about it.

    Returns
    -------
    number
        (n,) u8 number of each record's source; ``None`` if nobody knows.
    notes
        Lines that the user should read.
    """
    if config.link:
        return records.source, ()
    column = source_column(records.fields)
    if column is None:
        return None, ()
    return source_numbers(records.frame[column]), (source_note(column),)
