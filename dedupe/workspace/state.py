"""What a workspace keeps, as the nouns of the pipeline: records, pairs, clusters, configuration.

What a stage made is kept under a key, a hash of all that it was made from; see :func:`stage_keys`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.index import first_slots
from dedupe.config import BUNDLED, Config
from dedupe.errors import WorkspaceError
from dedupe.io.dialect import Dialect
from dedupe.io.schema_matching import Linked
from dedupe.records import ColumnRole, Records, records_of
from dedupe.resolution.decisions import CHOICES
from dedupe.resolution.incremental import Standing
from dedupe.resolution.resolve import Resolved, corrected, resolve
from dedupe.scoring.pairs import DECIDERS, identical_pairs
from dedupe.workspace.folder import Workspace
from dedupe.workspace.keys import model_ids, standing_key


@dataclass(frozen=True, eq=False)
class TableRead:
    """The input as records, and how its text was written.

    ``slot`` is the place of each record's text in the index, (n,) u32, where that is kept: in one
    made of these records, or, with ``grown``, in one that records were added to.
    """

    records: Records
    dialect: Dialect
    linked: Linked | None = None
    slot: NDArray[np.uint32] | None = None
    grown: bool = False


@dataclass(frozen=True, eq=False)
class Clustered:
    """What a workspace holds, clustered by the configuration of its last run and its decisions.

    Parameters
    ----------
    records
        n records.
    pairs
        Every scored pair, corrected by the decisions.
    resolved
        The clusters.
    config
        Of the last run.
    linked
        The tables that were linked, if some were.
    """

    records: Records
    pairs: pl.DataFrame
    resolved: Resolved
    config: Config
    linked: Linked | None = None


def clustered(workspace: Workspace) -> Clustered:
    """Cluster what a workspace holds, and write nothing; needs no model.

    Raises
    ------
    WorkspaceError
        If the workspace is incomplete or damaged.
    """
    table, pairs = reopened(workspace)
    config, decisions = kept_config(workspace), decisions_of(workspace)
    pairs, _ = corrected(table.records, pairs, decisions, config)
    resolved = resolve(table.records, pairs, decisions, config, choices_of(workspace))
    return Clustered(table.records, pairs, resolved, config, table.linked)


def kept_table(workspace: Workspace | None, key: str) -> TableRead | None:
    """Return the records kept under `key`, if they are there and whole."""
    if workspace is None:
        return None
    frame, texts = workspace.load("table", key), workspace.load("records", key)
    if frame is None or texts is None:
        return None
    facts = texts[1]
    records = records_of(
        frame[0],
        texts[0],
        tuple(ColumnRole(**use) for use in facts["fields"]),
        facts["id_column"],
    )
    if (names := workspace.load("named", key)) is not None and names[1].get("kept"):
        records = replace(records, named=names[0]["cluster_id"])
    linked = Linked.of(facts["linked"]) if facts.get("linked") else None
    slots = workspace.load("slots", key)
    slot = None if slots is None else slots[0]["slot"].to_numpy()
    grown = slots is not None and bool(slots[1].get("grown", True))
    return TableRead(records, Dialect(**facts["dialect"]), linked, slot, grown)


def save_table(
    workspace: Workspace,
    key: str,
    table: TableRead,
    *,
    forget: bool = True,
    after: tuple[str, int] | None = None,
) -> None:
    """Keep the records of a workspace; `after` as of :meth:`Workspace.save`."""
    records = table.records
    columns = [records.ids, records.keys, records.texts, pl.Series("source", records.source)]
    facts = {
        "fields": [asdict(use) for use in records.fields],
        "id_column": records.id_column,
        "dialect": asdict(table.dialect),
        "linked": table.linked.as_dict() if table.linked is not None else None,
    }
    workspace.save("table", key, records.frame, {}, forget=forget, after=after)
    workspace.save("records", key, pl.DataFrame(columns), facts, forget=forget, after=after)
    if table.slot is not None:
        slots = pl.DataFrame({"slot": table.slot})
        workspace.save("slots", key, slots, {"grown": table.grown}, forget=forget)


def reopened(workspace: Workspace) -> tuple[TableRead, pl.DataFrame]:
    """Return the records and all pairs of a workspace, as they were scored.

    Raises
    ------
    WorkspaceError
        If the workspace is incomplete or damaged.
    """
    keys = workspace.facts().get("keys", {})
    table = kept_table(workspace, keys.get("table", ""))
    scored = workspace.load("scored", keys.get("scored", ""))
    if table is None or scored is None:
        raise WorkspaceError(
            f"the workspace {workspace.path} is unfinished or damaged: run dedupe run on its input "
            "again, which makes anew what is missing; decisions are kept"
        )
    _, identical = identical_pairs(table.records.texts)
    pairs = scored[0].with_columns(pl.col("decided_by").cast(DECIDERS))
    return table, pl.concat([identical, chosen(pairs)]).sort("left", "right")


def named_records(workspace: Workspace) -> tuple[TableRead, pl.Series]:
    """Return the records of a workspace and the id of each one's cluster.

    Raises
    ------
    WorkspaceError
        If the workspace is incomplete or damaged.
    """
    keys = workspace.facts().get("keys", {})
    table = kept_table(workspace, keys.get("table", ""))
    if table is not None:
        said = decisions_of(workspace), choices_of(workspace)
        of = standing_key(keys["scored"], *said, kept_config(workspace))
        standing = kept_standing(workspace, keys["table"], of)
        if standing is not None:
            return table, standing.cluster_id
    state = clustered(workspace)
    assert table is not None
    return table, state.resolved.cluster_id


def search_facts_of(workspace: Workspace) -> dict[str, Any]:
    """Return the facts of the last search; empty where none is known."""
    return workspace.stage_facts(
        "candidates", workspace.facts().get("keys", {}).get("candidates", "")
    )


def kept_slots(table: TableRead, searched: Mapping[str, Any]) -> NDArray[np.uint32]:
    """Return the place of each record's text in the index, given the facts of the search.

    An index that was made of these records has them in their order; one that grew has not.
    """
    grown = (searched.get("stored") or {}).get("grown", False)
    if table.slot is not None and table.grown == grown:
        return table.slot
    texts = table.records.texts
    return first_slots(texts, *identical_pairs(texts))


def load_distilled(
    workspace: Workspace,
) -> tuple[dict[str, Any], dict[str, NDArray[Any]] | None]:
    """Return the facts of the scores, and the arrays of the distilled if one is kept and whole."""
    facts = workspace.stage_facts("scored", workspace.facts().get("keys", {}).get("scored", ""))
    return facts, workspace.load_arrays("distilled", str(facts.get("kept_as", "")))


def check_models(workspace: Workspace, config: Config) -> None:
    """Check that the models here are those that a workspace was made by.

    Raises
    ------
    WorkspaceError
        If they are not.
    """
    was = workspace.facts().get("models") or workspace.manifest().get("models", {})
    for name, now in model_ids(config).items():
        if was.get(name, now) == now:
            continue
        kind, model = name.replace("_", "-"), config.as_dict()[name]
        if now == model != BUNDLED:
            raise WorkspaceError(
                f"the workspace {workspace.path} was made by the {kind} {model}, which is not "
                "there any more: bring it back, or run dedupe run on its input again"
            )
        raise WorkspaceError(
            f"the workspace {workspace.path} was made by another {kind} than the one here: its "
            "scores do not go with new ones; run dedupe run on its input again"
        )


def lost_by_search(workspace: Workspace) -> float:
    """Return about how many matches the search did not bring; see :func:`outside_matches`."""
    keys = workspace.facts().get("keys", {})
    scored = workspace.load("scored", keys.get("scored", ""))
    searched = workspace.load("candidates", keys.get("candidates", ""))
    if scored is None or searched is None:
        return 0.0
    return outside_matches(scored[0], searched[1], kept_config(workspace).threshold)


def outside_matches(scored: pl.DataFrame, searched: Mapping[str, Any], threshold: float) -> float:
    """Return about how many matches lie outside the candidates.

    Pairs just outside the candidates were scored for a sample of the records. Those that match,
    scaled up to all records, are the matches that were not brought; each is seen from both sides.

    Parameters
    ----------
    scored
        Scored pairs with the column ``seen``.
    searched
        Facts of the search.
    threshold
        Probability of a match.
    """
    matches = scored.filter(pl.col("probability") >= threshold)
    return float(matches["seen"].sum()) / 2 / float(searched["sampled_share"])


def kept_config(workspace: Workspace) -> Config:
    """Return the configuration of the last run."""
    kept = dict(workspace.facts().get("config", {}))
    models = {name: workspace.model_named(kept[name]) for name in _MODELS if name in kept}
    return Config(**{**kept, **models})


def config_facts(workspace: Workspace, config: Config) -> dict[str, Any]:
    """Return a configuration as a workspace keeps it: :func:`kept_config` reads it."""
    models = {name: workspace.model_name(getattr(config, name)) for name in _MODELS}
    return {**config.as_dict(), **models}


_MODELS = ("bi_encoder", "cross_encoder")


def decisions_of(workspace: Workspace | None) -> pl.DataFrame:
    """Return the decisions in force, the oldest first."""
    if workspace is None:
        return pl.DataFrame(
            schema={"left_id": pl.String, "right_id": pl.String, "decision": pl.String}
        )
    with workspace.decisions(readonly=True) as log:
        return log.current()


def choices_of(workspace: Workspace | None) -> pl.DataFrame:
    """Return the choices in force, oldest first, of schema ``CHOICES``."""
    if workspace is None:
        return pl.DataFrame(schema=CHOICES)
    with workspace.decisions(readonly=True) as log:
        return log.choices()


def save_standing(
    workspace: Workspace, key: str, resolved: Resolved, of: str, *, kept: bool, forget: bool = True
) -> None:
    """Keep what the clustering says of each record; with `kept`, ids of clusters go on from it.

    `of` is :func:`standing_key`.
    """
    frame = pl.DataFrame(
        {
            "cluster_id": resolved.cluster_id,
            "label": resolved.clustering.labels,
            "confidence": resolved.confidence,
            "kept": resolved.kept,
            "joined_by": resolved.joined_by,
        }
    )
    workspace.save("named", key, frame, {"kept": kept, "of": of}, forget=forget)


def kept_standing(workspace: Workspace, key: str, of: str) -> Standing | None:
    """Return what the clustering that `of` tells says of each record, if that was kept last."""
    found = workspace.load("named", key)
    if found is None or found[1].get("of") != of:
        return None
    return Standing(
        labels=found[0]["label"].to_numpy(),
        confidence=found[0]["confidence"].to_numpy(),
        kept=found[0]["kept"].to_numpy(),
        joined_by=found[0]["joined_by"].to_numpy(),
        cluster_id=found[0]["cluster_id"],
    )


def chosen(scored: pl.DataFrame) -> pl.DataFrame:
    """Return the candidates among the scored pairs, without the sample from outside."""
    return scored.filter(pl.col("seen") == 0).drop("seen")
