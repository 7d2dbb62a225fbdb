"""Which input a workspace is for: checked before a run, and stored with the records."""

from __future__ import annotations

from collections.abc import Mapping

from dedupe.config import LIMITS, Config
from dedupe.errors import WorkspaceError
from dedupe.io.sources import Input
from dedupe.workspace.folder import Workspace
from dedupe.workspace.keys import model_ids
from dedupe.workspace.stage_cache import ADDITIONS, RECORDS
from dedupe.workspace.stored import RecordTable, config_facts, save_table, stored_config


def is_rescored(workspace: Workspace, keys: Mapping[str, str]) -> bool:
    """Check whether a run makes new scores for the candidates that a workspace has."""
    stored = workspace.facts().get("keys", {})
    same = all(stored.get(stage) == keys[stage] for stage in ("table", "candidates"))
    return (
        same
        and stored.get("scored") != keys["scored"]
        and workspace.cache.load(RECORDS, keys["table"]) is not None
    )


def check_same_input(workspace: Workspace, source: Input, table: RecordTable) -> None:
    """Refuse a workspace that was made from another input, or that records were added to.

    A file may change (rows added, edited, re-sorted), but keeps its columns and some records.
    """
    facts = workspace.facts()
    if not facts:
        _check_same_records(workspace, table)
        return
    if facts.get("added") and facts["input"]["fingerprint"] != source.fingerprint:
        raise WorkspaceError(
            f"records were added to {workspace.path} after its run, and a new run would lose them: "
            "bring changes in with dedupe add, or name another folder with -o"
        )
    columns = table.records.frame.columns
    same = set(facts["input"]["columns"]) == set(columns)
    if not same or not _shares_records(workspace, table, facts["keys"]["table"]):
        raise _another_input(workspace, f" ({' + '.join(facts['input']['names'])})")


def _check_same_records(workspace: Workspace, table: RecordTable) -> None:
    """Refuse stages of another input in a workspace that lost its facts."""
    cache = workspace.cache
    if cache.keys(ADDITIONS):
        raise WorkspaceError(
            f"{workspace.path} lost its {workspace.facts_file.name}, and records were added to it, "
            "which a new run would lose: name another folder with -o, or, to run without these "
            f"records, delete {cache.folder}; decisions are kept"
        )
    known = cache.keys(RECORDS)
    if known and not any(_shares_records(workspace, table, key) for key in known):
        raise _another_input(workspace)


def _shares_records(workspace: Workspace, table: RecordTable, key: str) -> bool:
    """Check whether the records cached under `key`, if they are whole, are partly the same."""
    earlier = workspace.cache.load(RECORDS, key)
    keys = table.records.keys
    return earlier is None or bool(keys.is_in(earlier[0]["key"].implode()).any())


def _another_input(workspace: Workspace, names: str = "") -> WorkspaceError:
    return WorkspaceError(
        f"the workspace {workspace.path} was made from another input{names}: name another folder "
        "with -o, or delete that one"
    )


def store_input(
    workspace: Workspace,
    source: Input,
    table: RecordTable,
    keys: Mapping[str, str],
    config: Config,
) -> None:
    """Write what the workspace is for, and store the input in it.

    The export options stay those of the files that lie there, until others are written. The limits
    hold from now on, also if this run exceeds them and writes no files.
    """
    before = workspace.facts()
    records = table.records
    if before:
        earlier = stored_config(workspace)
        limits = {name: getattr(config, name) for name in LIMITS}
        config = config.with_export_options_of(earlier, limits)
    if workspace.cache.load(RECORDS, keys["table"]) is None:
        save_table(workspace, keys["table"], table)
    workspace.write_facts(
        {
            "input": {
                "names": source.names,
                "fingerprint": source.fingerprint,
                "rows": len(records),
                "columns": records.frame.columns,
            },
            "keys": dict(keys),
            "config": config_facts(workspace, config),
            "models": model_ids(config),
            **{name: before[name] for name in ("original", "added") if name in before},
        }
    )
