"""What an addition stores in the workspace, and what it removes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from dedupe.io.sources import Input
from dedupe.pipeline.incremental.before_and_after import After, Before
from dedupe.pipeline.incremental.delta import AddOptions, Delta
from dedupe.workspace.folder import Workspace
from dedupe.workspace.stage_cache import (
    ADDITIONS,
    CANDIDATES,
    CLUSTERS,
    INDEX,
    RECORDS,
    SCORED,
    SLOTS,
    STATISTICS,
    TABLE,
)
from dedupe.workspace.stored import save_table


def cache_after(workspace: Workspace, before: Before, delta: Delta, after: After) -> None:
    """Cache the results beside the earlier ones; they do not count until the facts name them.

    Records and pairs that stay as they were are not written again.
    """
    keys = before.facts["keys"]
    rows = len(before.table.records) if delta.only_appends else None
    first_pairs = None if after.renewed else before.scored.height

    def following(stage: str, first: int | None) -> tuple[str, int] | None:
        return None if first is None else (keys[stage], first)

    save_table(
        workspace,
        after.keys["table"],
        after.table,
        forget=False,
        after=following("table", rows),
    )
    candidates = after.scored.select("left", "right", "similarity", "seen")
    for stage, frame, facts in (
        (CANDIDATES, candidates, after.search),
        (SCORED, after.scored, after.scoring),
    ):
        earlier = following(stage, first_pairs)
        key = after.keys[stage]
        workspace.cache.save(stage, key, frame, facts, forget=False, after=earlier)


def cache_changes(
    workspace: Workspace, after: After, changes: pl.DataFrame, counts: Mapping[str, Any]
) -> None:
    """Cache what an addition changed, should it be killed before it reports that."""
    workspace.cache.save(ADDITIONS, after.keys["table"], changes, counts, forget=False)


def unreported_addition(
    workspace: Workspace, before: Before, source: Input, delta: Delta, options: AddOptions
) -> tuple[pl.DataFrame, dict[str, Any]] | None:
    """Return what the last addition changed, if this one repeats it because it was killed.

    Its records are in the workspace then, and repeating it adds nothing.
    """
    earlier, key = before.facts.get("added"), before.facts["keys"]["table"]
    if not earlier or delta.changes_anything:
        return None
    last, reported = earlier[-1], workspace.manifest().get("additions", {})
    now = {"fingerprint": source.fingerprint, **_how(options)}
    if reported.get("key") == key or any(last.get(name) != now[name] for name in now):
        return None
    return workspace.cache.load(ADDITIONS, key)


def _how(options: AddOptions) -> dict[str, Any]:
    return {"replace_all": options.replace_all, "to": options.to}


def forget_before(workspace: Workspace, after: After) -> None:
    """Remove what no longer counts."""
    for stage in (TABLE, RECORDS, SLOTS, CLUSTERS, ADDITIONS):
        workspace.cache.forget(stage, [after.keys["table"]])
    workspace.cache.forget(CANDIDATES, [after.keys["candidates"]])
    workspace.cache.forget(SCORED, [after.keys["scored"]])
    workspace.cache.forget(INDEX, [after.search["stored"]["key"]])
    workspace.cache.forget(STATISTICS, [after.scoring.get("statistics_key", "")])


def facts_after(
    facts: Mapping[str, Any], after: After, source: Input, delta: Delta, options: AddOptions
) -> dict[str, Any]:
    """Return the facts of the workspace with the addition."""
    old, rows = facts["input"], len(delta.records)
    names = [*old["names"], *(name for name in source.names if name not in old["names"])]
    added = {
        "names": source.names,
        "fingerprint": source.fingerprint,
        **_how(options),
        **delta.counts,
    }
    return {
        **{name: value for name, value in facts.items() if name != "format"},
        "input": {**old, "names": names, "fingerprint": after.fingerprint, "rows": rows},
        "keys": dict(after.keys),
        "original": facts.get("original", old["fingerprint"]),
        "added": [*facts.get("added", ()), added],
    }
