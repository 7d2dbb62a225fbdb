"""What a workspace stores, as nouns of the pipeline: records, pairs, clusters, configuration."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.index import assign_slots
from dedupe.column_roles import ColumnRole
from dedupe.config import BUNDLED, Config
from dedupe.errors import WorkspaceError
from dedupe.io.dialect import Dialect
from dedupe.io.schema_matching import Linked
from dedupe.records.records import Records, restore_records
from dedupe.resolution.resolve import Resolved
from dedupe.scoring.comparison.statistics import FileStatistics
from dedupe.scoring.pairs import DECIDERS, PAIRS, identical_pairs
from dedupe.workspace.folder import Workspace
from dedupe.workspace.keys import model_ids
from dedupe.workspace.stage_cache import (
    CANDIDATES,
    CLUSTERS,
    RECORDS,
    SCORED,
    SLOTS,
    STATISTICS,
    TABLE,
)

_logger = logging.getLogger(__name__)

_MODELS = ("bi_encoder", "cross_encoder")
POSSIBLE, MOST_DOUBT = 0.05, 0.25
"""The recall of a search is not known if, of the pairs from this probability on, weighted by their
probability, more than this share is expected to be no match. Of 38 tables, the share is lower in
eleven, of which the estimate was off by .013 on average."""


@dataclass(frozen=True, eq=False)
class RecordTable:
    """The input as records, and how its text was written.

    Parameters
    ----------
    records
        n records.
    dialect
        How the text of the input was written; outputs are written alike.
    linked
        How the columns of linked tables were matched; ``None`` for one table.
    slot
        (n,) u32: place of each record's text in the index, where it is stored.
    extended
        Whether `slot` belongs to an index that records were added to, not to one that was built
        from these records.
    notes
        What was guessed with doubt when the input was read, one line each.
    """

    records: Records
    dialect: Dialect
    linked: Linked | None = None
    slot: NDArray[np.uint32] | None = None
    extended: bool = False
    notes: tuple[str, ...] = ()


def load_table(workspace: Workspace, key: str) -> RecordTable | None:
    """Load the records cached under `key`; ``None`` if they are missing or damaged."""
    cache = workspace.cache
    frame, texts = cache.load(TABLE, key), cache.load(RECORDS, key)
    if frame is None or texts is None:
        return None
    facts = texts[1]
    try:
        roles = tuple(ColumnRole(**role) for role in facts["fields"])
        records = restore_records(frame[0], texts[0], roles, facts["id_column"])
        linked = Linked.of(facts["linked"]) if facts.get("linked") else None
        dialect = Dialect(**facts["dialect"])
    except (KeyError, TypeError, ValueError):  # of another version: they are read again
        return None
    clusters = cache.load(CLUSTERS, key)
    if clusters is not None and clusters[1].get("ids_continue"):
        records = replace(records, previous_cluster_ids=clusters[0]["cluster_id"])
    slots = cache.load(SLOTS, key)
    slot = None if slots is None else slots[0]["slot"].to_numpy()
    extended = slots is not None and bool(slots[1].get("extended", True))
    notes = tuple(facts.get("notes", ()))
    return RecordTable(records, dialect, linked, slot, extended, notes)


def save_table(
    workspace: Workspace,
    key: str,
    table: RecordTable,
    *,
    forget: bool = True,
    after: tuple[str, int] | None = None,
) -> None:
    """Cache records under `key`; `forget` and `after` as for :meth:`StageCache.save`."""
    records, cache = table.records, workspace.cache
    columns = [records.ids, records.keys, records.texts, pl.Series("source", records.source)]
    facts = {
        "fields": [asdict(role) for role in records.fields],
        "id_column": records.id_column,
        "dialect": asdict(table.dialect),
        "linked": table.linked.as_dict() if table.linked is not None else None,
        "notes": table.notes,
    }
    cache.save(TABLE, key, records.frame, {}, forget=forget, after=after)
    if table.slot is not None:
        slots = pl.DataFrame({"slot": table.slot})
        cache.save(SLOTS, key, slots, {"extended": table.extended}, forget=forget)
    # The last of the three: where the records are, the others are.
    cache.save(RECORDS, key, pl.DataFrame(columns), facts, forget=forget, after=after)


def load_scored(workspace: Workspace, key: str) -> tuple[pl.DataFrame, dict[str, Any]] | None:
    """Load the scored pairs cached under `key`, and the facts of the scoring."""
    found = workspace.cache.load(SCORED, key)
    if found is None or not set(PAIRS) <= set(found[0].columns):  # of an earlier version
        return None
    return found[0].with_columns(pl.col("decided_by").cast(DECIDERS)), found[1]


def candidates_of(scored: pl.DataFrame) -> pl.DataFrame:
    """Select the candidate pairs among the scored ones, without the sample from outside."""
    return scored.filter((pl.col("seen") == 0) & (pl.col("left") != pl.col("right"))).drop("seen")


def missed_matches(scored: pl.DataFrame, search: Mapping[str, Any], threshold: float) -> float:
    """Estimate how many matches are not among the candidate pairs.

    Pairs just outside the candidates were scored for a sample of the records. Those that match,
    scaled up to all records, are the matches that the search missed. Each is seen from both sides.

    Parameters
    ----------
    scored
        Scored pairs with the column ``seen``.
    search
        Facts of the search.
    threshold
        Probability of a match.
    """
    matches = scored.filter(pl.col("probability") >= threshold)
    return float(matches["seen"].sum()) / 2 / float(search["sampled_share"])


def search_recall(
    scored: pl.DataFrame, search: Mapping[str, Any], threshold: float
) -> float | None:
    """Estimate the share of all matches that are among the candidate pairs.

    The estimate takes for granted that missed matches rank next to the candidates, and that scores
    tell which pairs match. Where the scores are in doubt about most matches, neither holds: records
    that match have little in common there, and many rank far behind.

    Parameters
    ----------
    scored, search, threshold
        As for :func:`missed_matches`.

    Returns
    -------
    float or None
        ``None`` if it is not known; see :data:`MOST_DOUBT`. Where all pairs of a small table were
        scored, it is.
    """
    probability = candidates_of(scored)["probability"].cast(pl.Float64).to_numpy()
    possible = probability[probability >= POSSIBLE]
    in_doubt = (possible * (1 - possible)).sum() > MOST_DOUBT * possible.sum()
    texts = search["stored"].get("rows", np.inf)
    compared = scored.filter(pl.col("left") != pl.col("right")).height
    if in_doubt and compared < texts * (texts - 1) / 2:
        return None
    found = int((probability >= threshold).sum())
    missed = missed_matches(scored, search, threshold)
    return found / (found + missed) if found + missed else 1.0


def search_facts(workspace: Workspace) -> dict[str, Any]:
    """Return the facts of the last search; empty if they are unknown."""
    keys = workspace.facts().get("keys", {})
    return workspace.cache.facts(CANDIDATES, keys.get("candidates", ""))


def index_slots(
    table: RecordTable, search: Mapping[str, Any]
) -> tuple[NDArray[np.uint32], dict[str, Any]]:
    """Find the place of each record's text in the index.

    An index that was built from these records holds them in their order; one that was extended
    does not, and cannot be used if the places are lost.

    Returns
    -------
    slot
        (n,) u32 places.
    stored
        Facts of the index that they belong to; empty if it has to be built again.
    """
    stored = search.get("stored") or {}
    extended = stored.get("grown", False)
    if table.slot is not None and table.extended == extended:
        return table.slot, stored
    texts = table.records.texts
    return assign_slots(texts, *identical_pairs(texts)), {} if extended else stored


STATISTICS_LOST = "the statistics of values"
INDEX_LOST = "the search index"


def warn_of_loss(workspace: Workspace, what: str) -> None:
    """Say that something is missing or damaged that is computed again whenever it is needed."""
    _logger.warning(
        "%s: %s of the last run cannot be read: computed again, results may differ slightly",
        workspace.path,
        what,
    )


def load_statistics(workspace: Workspace, scoring: Mapping[str, Any]) -> FileStatistics | None:
    """Load the statistics of the file that a scoring used, from its facts."""
    found = workspace.cache.load(STATISTICS, str(scoring.get("statistics_key", "")))
    try:
        return None if found is None else FileStatistics.restore(found[1], found[0])
    except (KeyError, TypeError, ValueError):  # of another version: they are computed again
        return None


def scoring_facts(workspace: Workspace) -> dict[str, Any]:
    """Return the facts of the last scoring; empty if they are unknown."""
    keys = workspace.facts().get("keys", {})
    return workspace.cache.facts(SCORED, keys.get("scored", ""))


def save_clusters(
    workspace: Workspace,
    key: str,
    resolved: Resolved,
    clusters_key: str,
    *,
    ids_continue: bool,
    forget: bool = True,
) -> None:
    """Cache the clusters of the records under `key`.

    `clusters_key` is that of :func:`~dedupe.workspace.keys.clusters_key`. With `ids_continue`,
    later clusters go on with these cluster ids.
    """
    facts = {"ids_continue": ids_continue, "clusters_key": clusters_key}
    workspace.cache.save(CLUSTERS, key, resolved.rows, facts, forget=forget)


def load_clusters(workspace: Workspace, key: str, clusters_key: str) -> pl.DataFrame | None:
    """Load the clusters of the records, of schema ``CLUSTER_ROWS``, if they have this key."""
    found = workspace.cache.load(CLUSTERS, key)
    if found is None or found[1].get("clusters_key") != clusters_key:
        return None
    return found[0]


def stored_config(workspace: Workspace) -> Config:
    """Return the configuration of the last run."""
    stored = dict(workspace.facts().get("config", {}))
    versions = workspace.models
    models = {name: versions.resolved_name(stored[name]) for name in _MODELS if name in stored}
    return Config(**{**stored, **models})


def config_facts(workspace: Workspace, config: Config) -> dict[str, Any]:
    """Return a configuration as a workspace stores it, for :func:`stored_config`."""
    versions = workspace.models
    models = {name: versions.portable_name(getattr(config, name)) for name in _MODELS}
    return {**config.as_dict(), **models}


def current_decisions(workspace: Workspace) -> pl.DataFrame:
    """Return the decisions in force, the oldest first."""
    with workspace.decisions(readonly=True) as log:
        return log.current()


def current_choices(workspace: Workspace) -> pl.DataFrame:
    """Return the choices in force, the oldest first."""
    with workspace.decisions(readonly=True) as log:
        return log.choices()


def check_models(workspace: Workspace, config: Config) -> None:
    """Check that the models are those that the workspace was made with.

    Raises
    ------
    WorkspaceError
        If they are not, or one is damaged.
    """
    if version := workspace.models.version_of(config.cross_encoder):
        workspace.models.check(version)
    before = workspace.facts().get("models") or workspace.manifest().get("models", {})
    for name, now in model_ids(config).items():
        if before.get(name, now) == now:
            continue
        kind, model = name.replace("_", "-"), config.as_dict()[name]
        if now == model != BUNDLED:
            raise WorkspaceError(
                f"the workspace {workspace.path} was made with the {kind} {model}, which is "
                "missing: restore it, or run dedupe run on its input again"
            )
        raise WorkspaceError(
            f"the workspace {workspace.path} was made with another {kind}: old and new scores "
            "cannot be mixed; run dedupe run on its input again"
        )
