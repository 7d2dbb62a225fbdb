"""New, changed and vanished records, brought into the clusters of a workspace.

::

    new rows ──align──▶ records ──embed──▶ kept index ──search──▶ pairs of what is new
        ──score──▶ all pairs ──(+ decisions)──cluster──▶ ids kept ──merge──▶ outputs

What is not new is not read, embedded, searched or scored again. Vectors are made with the weights
that the workspace keeps, clear pairs are decided by the student that it keeps. What is made is
written under new keys; the workspace changes at the moment when its facts file is replaced.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.alignment import Linked
from dedupe.config import Config
from dedupe.correction import FEWEST
from dedupe.encoders import load_cross_encoder
from dedupe.errors import InputError, OptionError, WorkspaceError
from dedupe.index import NO_SLOT, Index, extended, index_texts, open_index
from dedupe.inputs import STACKED, Given, Source, given
from dedupe.kept import (
    TableRead,
    check_models,
    choices_of,
    chosen,
    decisions_of,
    export_key,
    kept_config,
    kept_slots,
    kept_standing,
    kept_table,
    save_standing,
    save_table,
    stage_keys,
    standing_key,
)
from dedupe.merge import parse_rules
from dedupe.nearest import search_new
from dedupe.pipeline import (
    Result,
    Stages,
    learnt_facts,
    outputs_stand,
    run_facts,
    search_facts,
    write_outputs,
)
from dedupe.progress import Progress, Report, no_report
from dedupe.records import Records, as_texts, content_keys, frame_texts
from dedupe.results import (
    Outputs,
    Resolved,
    Standing,
    cluster_figures,
    corrected,
    is_adapted,
    make_outputs,
    resolve,
    resolve_again,
)
from dedupe.scoring import (
    DECIDERS,
    PAIRS,
    identical_pairs,
    prepare_texts,
    score_pairs,
    score_texts,
    student_scores,
)
from dedupe.search import ANY_SOURCE, CANDIDATES
from dedupe.student import ALL_BELOW, Student
from dedupe.touched import Before, touched_tables
from dedupe.workspace import Workspace, open_workspace, stage_key, write_json

READING = ("device", "encoding", "delimiter", "query")
"""Options that may be given beside those of the workspace."""

CHANGES = ("made", "grown", "joined", "split", "changed", "vanished")
"""What can become of a cluster, in the order in which it is counted."""

ADDITIONS = pl.Schema(
    {
        "change": pl.String(),
        "cluster_id": pl.String(),
        "clusters_before": pl.String(),
        "records": pl.UInt32(),
        "new_records": pl.UInt32(),
    }
)
"""Schema of the table ``additions``."""

REFIT = 2.0
"""Weights and student are made anew once there are so many times the texts they were fitted to."""
WORTH_LOADING = 50
"""Doubtful pairs that have to be due before the cross-encoder, which takes seconds to load, is
asked for them. Until then the word of a student stands that is not trusted with them."""


@dataclass(frozen=True, eq=False)
class _Plan:
    """What becomes of the records.

    Parameters
    ----------
    records
        All n records as they will be: those kept in their order, then the new ones.
    before
        (n,) int64: row number that each record had; -1 for a new one.
    given
        (n,) bool: records that are new or changed.
    counts
        Rows ``given``, ``added``, ``updated``, ``unchanged`` and ``removed``.
    notes
        What the user should know, a line each.
    """

    records: Records
    before: NDArray[np.int64]
    given: NDArray[np.bool_]
    counts: Mapping[str, int]
    notes: tuple[str, ...]

    @property
    def touches(self) -> bool:
        """Whether anything changes."""
        return any(self.counts[name] for name in ("added", "updated", "removed"))

    @property
    def appends(self) -> bool:
        """Whether the records that were there stay as they are."""
        return not (self.counts["updated"] or self.counts["removed"])


def add(
    workspace: str | Path,
    source: Source,
    *,
    id: str | None = None,
    replace_all: bool = False,
    to: str | None = None,
    report: Report = no_report,
    **options: Any,
) -> Result:
    """Bring new records into a workspace: its cluster ids stay, its decisions hold.

    Where the workspace has an id column, records whose id is there already and whose content
    differs are updated. Pairs of records that did not change keep their probability; only what the
    new ones bring is searched and scored, and only clusters that it touches are made again.

    What comes out is what a run over everything makes, up to a few pairs: words are weighed as they
    were at the run until there are twice as many texts, pairs are judged by the student of then,
    and each addition has candidates of its own. A hundred thousand records of people in ten steps
    agree with one run to an F1 of 0.995; ``tests/benchmarks/additions.py`` measures it.

    Parameters
    ----------
    workspace
        Its folder.
    source
        As for :func:`~dedupe.pipeline.run`: rows with the columns of the workspace. Columns that
        are missing are left empty.
    id
        Column of `source` with the ids, where it is not named as in the workspace.
    replace_all
        `source` is all there is: records whose id it does not have are removed.
    to
        In a workspace of linked tables, the name of the one that the records belong to; they have
        its columns.
    report
        Told how far each stage is.
    **options
        :data:`READING`.

    Returns
    -------
    Result
        As of :func:`~dedupe.pipeline.run`; ``summary["additions"]`` counts rows and changes of
        clusters, ``outputs.more["additions"]`` lists these: ``change`` (one of :data:`CHANGES`),
        ``cluster_id``, ``clusters_before``, ``records`` and ``new_records``.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, damaged, in use, or made by other models.
    InputError
        If the rows cannot be read, or do not have the columns of the workspace.
    OptionError
        If an option is wrong, or does not go with the workspace.
    """
    opened = open_workspace(workspace)
    config = kept_config(opened)
    for name in options:
        if name not in READING:
            raise OptionError(f"{name} belongs to the run that made the workspace")
    if options.get("device") is not None:
        config = config.with_options(device=options["device"])
    reading = replace(config, encoding=None, delimiter=None, query=None).with_options(**options)
    source_given = given(source, reading)
    with opened.locked():
        asked = _Asked(reading, id, replace_all, to)
        return _added(opened, source_given, config, asked, report)


def _added(
    workspace: Workspace,
    source: Given,
    config: Config,
    asked: _Asked,
    report: Report,
) -> Result:
    stages = Stages(workspace, report)
    facts = workspace.facts()
    check_models(workspace, config)
    with stages.timed("read"):
        table, searched, scored = _reopened(workspace, facts)
        decisions, choices = decisions_of(workspace), choices_of(workspace)
        rules = parse_rules(config.merge, table.records.frame.columns)
        plan = _plan(source, table, facts, asked)
        standing = kept_standing(
            workspace,
            facts["keys"]["table"],
            standing_key(facts["keys"]["scored"], decisions, choices, config),
        )
        names = (
            _names_before(workspace, facts["keys"]["table"], table.records, scored[0], config)
            if standing is None
            else standing.cluster_id
        )
    records = replace(plan.records, named=_carried(names, plan.before))
    now, keys, notes, pairs_scored = replace(table, records=records), facts["keys"], plan.notes, 0
    fingerprint = facts["input"]["fingerprint"]
    touched, compared = (np.zeros(len(records), dtype=bool) for _ in range(2))
    slot = kept_slots(table, searched)
    renewed, scored_before = plan.touches, scored[0].height
    key_before = export_key(keys, decisions, choices, config)
    if plan.touches:
        digest = stage_key(fingerprint, *asked.of(source), len(records))
        fingerprint = hashlib.sha256(digest.encode()).hexdigest()
        keys = stage_keys(Given((), fingerprint), config)
        found, searched = _searched(
            stages, keys["candidates"], plan, table, slot, searched, scored[0], config
        )
        scored, judged = _scored(stages, keys["scored"], records, found, scored[1], config)
        slot, touched = found.slot, found.touched
        touched[judged] = True
        compared[np.unique(found.pairs.select("left", "right").to_numpy())] = True
        renewed = found.renumbered or len(judged) > 0
        grown = bool(searched["stored"].get("grown"))
        now = replace(now, slot=slot if grown else None, grown=grown)
        notes, pairs_scored = (*plan.notes, *found.notes), found.pairs.height
    with stages.timed("cluster"):
        alike = _same_text(slot)
        pairs = pl.concat([alike, chosen(scored[0])]).sort("left", "right")
        pairs, correction = corrected(records, pairs, decisions, config)
        # A correction is learnt from all pairs, and may change any.
        learnt = any(is_adapted(config, len(some)) for some in (table.records, records))
        learnt |= config.correct and decisions.height >= FEWEST
        learnt |= correction is not None or "correction" in workspace.manifest()
        before = None
        if standing is None or config.link or learnt:
            resolved = resolve(records, pairs, decisions, config, choices)
            again = np.ones(len(records), dtype=bool)
        else:
            stood = _carried_standing(standing, plan.before)
            resolved, again = resolve_again(
                records, pairs, decisions, config, choices, stood, touched, compared
            )
            if config.format == "csv" and outputs_stand(workspace, key_before):
                before = Before(standing, plan.before, again, plan.appends and not renewed)
        changes = _changes(names, plan, resolved, again)

    @cache
    def make_whole() -> Outputs:
        outputs = make_outputs(records, pairs, resolved, rules, config, table.linked)
        return replace(outputs, more={**outputs.more, "additions": changes})

    with stages.timed("export"), ThreadPoolExecutor(1) as pool:
        # What is kept does not wait for what is written, nor the other way round.
        keeping = []
        if plan.touches:
            stay = len(table.records) if plan.appends else None, None if renewed else scored_before
            of = standing_key(keys["scored"], decisions, choices, config)
            keeping = [
                pool.submit(_keep, workspace, facts["keys"], keys, now, searched, scored, stay),
                pool.submit(
                    save_standing, workspace, keys["table"], resolved, of, kept=True, forget=False
                ),
            ]
        tables = (
            make_whole().tables()
            if before is None
            else touched_tables(records, pairs, resolved, rules, config, before, make_whole)
        )
        for one in keeping:
            one.result()
        written = write_outputs(workspace, {**tables, "additions": changes}, table.dialect, config)
        if plan.touches:
            facts = _flipped(facts, keys, fingerprint, source, plan, asked)
            workspace.write_facts(facts)
    summary = {
        **run_facts(Given((), fingerprint), now, keys, config),
        "input": {"names": facts["input"]["names"], "fingerprint": fingerprint},
        **search_facts(searched, scored[0], alike, len(records), config),
        "student": scored[1],
        **cluster_figures(records, pairs, resolved, config),
        **learnt_facts(correction),
        "additions": {
            **plan.counts,
            "pairs_scored": pairs_scored,
            "clusters": {name: int((changes["change"] == name).sum()) for name in CHANGES},
            "notes": list(notes),
        },
        "stages": stages.done,
        "key": export_key(keys, decisions, choices, config),
        "outputs": written,
    }
    write_json(workspace.manifest_file, summary)
    if plan.touches:
        _forget(workspace, keys, searched, scored[1])
    return Result(summary, workspace.path, make_whole)


@dataclass(frozen=True)
class _Asked:
    """How the new records are to be read, and what they are; see :func:`add`."""

    reading: Config
    id: str | None
    replace_all: bool
    to: str | None

    def of(self, source: Given) -> tuple[str, bool, str | None]:
        """Return what tells an addition from others."""
        return source.fingerprint, self.replace_all, self.to


def _plan(source: Given, table: TableRead, facts: Mapping[str, Any], asked: _Asked) -> _Plan:
    number = _table_number(table.linked, asked.to)
    by_content = table.records.id_column is None
    if _in_it_already(facts, source, asked, by_content=by_content):
        name = " + ".join(source.names)
        nothing = table.records.frame.clear(), [f"{name} is in it already: it is not added twice"]
        return _planned(table.records, nothing, number, replace_all=False)
    rows = _rows(source, table, facts, asked, number)
    return _planned(table.records, rows, number, replace_all=asked.replace_all)


def _in_it_already(
    facts: Mapping[str, Any], source: Given, asked: _Asked, *, by_content: bool
) -> bool:
    """Tell whether these rows were added last.

    Where nothing but their content tells records, a file counts as added whenever it was.
    """
    added = [(one["fingerprint"], one["replace_all"], one["to"]) for one in facts.get("added", ())]
    if not by_content or not source.paths:
        added = added[-1:]
    elif source.fingerprint == facts.get("original", facts["input"]["fingerprint"]):
        return True
    return asked.of(source) in added


def _table_number(linked: Linked | None, to: str | None) -> int:
    """Return which of the linked tables the new records belong to; 0 where none are linked."""
    if linked is None:
        if to is not None:
            raise OptionError("to: the workspace is of one table; only linked ones are told apart")
        return 0
    names = ", ".join(linked.names)
    if to is None:
        raise OptionError(f"the workspace links tables: say with --to which one grows: {names}")
    if to not in linked.names:
        raise OptionError(f"to: there is no table {to!r}: {names}")
    return linked.names.index(to)


def _keep(
    workspace: Workspace,
    old: Mapping[str, str],
    keys: Mapping[str, str],
    table: TableRead,
    searched: Mapping[str, Any],
    scored: tuple[pl.DataFrame, Mapping[str, Any]],
    stay: tuple[int | None, int | None],
) -> None:
    """Keep what was made beside what was there: until the facts say so it does not count.

    `stay` says how many of the first records and pairs are those under the `old` keys, if they are.
    """
    rows, pairs = stay

    def after(stage: str, first: int | None) -> tuple[str, int] | None:
        return None if first is None else (old[stage], first)

    save_table(workspace, keys["table"], table, forget=False, after=after("table", rows))
    candidates = scored[0].select("left", "right", "similarity", "seen")
    for stage, frame, found in (
        ("candidates", candidates, searched),
        ("scored", scored[0], scored[1]),
    ):
        workspace.save(stage, keys[stage], frame, found, forget=False, after=after(stage, pairs))


def _forget(
    workspace: Workspace,
    keys: Mapping[str, str],
    searched: Mapping[str, Any],
    learnt: Mapping[str, Any],
) -> None:
    """Remove what no longer counts."""
    for stage in ("table", "records", "slots", "named"):
        workspace.forget(stage, [keys["table"]])
    workspace.forget("candidates", [keys["candidates"]])
    workspace.forget("scored", [keys["scored"]])
    workspace.forget("index", [searched["stored"]["key"]])
    workspace.forget("student", [learnt.get("kept_as", "")])


# What is given -----------------------------------------------------------------------------------


def _reopened(
    workspace: Workspace, facts: Mapping[str, Any]
) -> tuple[TableRead, dict[str, Any], tuple[pl.DataFrame, dict[str, Any]]]:
    """Return the records, the facts of the search, and the scored pairs with theirs."""
    keys = facts.get("keys", {})
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(workspace.load, "scored", keys.get("scored", ""))
        table = kept_table(workspace, keys.get("table", ""))
        scored = loading.result()
    searched = workspace.stage_facts("candidates", keys.get("candidates", ""))
    if table is None or not searched or scored is None:
        raise WorkspaceError(
            f"the workspace {workspace.path} is unfinished or damaged: run dedupe run on its input "
            "again, which makes anew what is missing; decisions are kept"
        )
    pairs = scored[0].with_columns(pl.col("decided_by").cast(DECIDERS))
    return table, searched, (pairs, scored[1])


def _rows(
    source: Given, table: TableRead, facts: Mapping[str, Any], asked: _Asked, number: int
) -> tuple[pl.DataFrame, list[str]]:
    """Return the new rows under the columns of the workspace, and notes on them."""
    records, frame = table.records, source.table(asked.reading).frame
    columns, id = records.frame.columns, asked.id
    if table.linked is not None:
        own = table.linked.columns[number]
        if STACKED not in own:
            frame = frame.drop(STACKED, strict=False)
        frame = _under_the_stack(frame, own)
        columns = list(own.values())
    if id is not None and table.linked is not None:
        id = table.linked.columns[number].get(id, id)
    if id is not None:
        if records.id_column is None:
            raise OptionError(
                "id: the workspace knows its records by their content, not by an id column: "
                "run dedupe run --id on its input again"
            )
        if id not in frame.columns:
            raise OptionError(f"id: the new records have no column {id!r}")
        if id != records.id_column:
            frame = frame.drop(records.id_column, strict=False).rename({id: records.id_column})
    if STACKED in frame.columns and STACKED not in columns:
        frame = frame.drop(STACKED)
    if STACKED in columns and STACKED not in frame.columns and len(facts["input"]["names"]) > 1:
        frame = frame.with_columns(pl.lit(source.names[0]).alias(STACKED))
    if unknown := [name for name in frame.columns if name not in columns]:
        raise InputError(
            f"the new records have a column {unknown[0]!r}, which the workspace has not; its "
            f"columns are {', '.join(columns)}"
        )
    if records.id_column is not None and records.id_column not in frame.columns:
        raise InputError(
            f"the new records have no id column {records.id_column!r}: name theirs with --id"
        )
    compared = [use.name for use in records.fields if use.used]
    if not set(compared) & set(frame.columns):
        raise InputError(
            f"the new records have none of the columns compared: {', '.join(compared)}"
        )
    missing = [name for name in columns if name not in frame.columns]
    if table.linked is not None:
        frame = frame.with_columns(pl.lit(table.linked.names[number]).alias(STACKED))
    columns = records.frame.columns
    notes = [f"the new records have no column {name!r}: it is empty in them" for name in missing]
    return pl.DataFrame([_as_column(name, frame, records.frame[name]) for name in columns]), notes


def _under_the_stack(frame: pl.DataFrame, own: Mapping[str, str]) -> pl.DataFrame:
    """Give the columns of a linked table the names that they have among all tables."""
    names = {column: own.get(column, column) for column in frame.columns}
    for column, name in names.items():
        if list(names.values()).count(name) > 1:
            raise InputError(
                f"the new records have a column {column!r} beside another that is the field "
                f"{name!r} of the workspace: leave one out"
            )
    return frame.rename(names)


def _as_column(name: str, frame: pl.DataFrame, like: pl.Series) -> pl.Series:
    """Return a column of the new rows in the type that it has in the workspace."""
    if name not in frame.columns:
        values = pl.Series(name, [None], dtype=like.dtype).new_from_index(0, frame.height)
    else:
        try:
            values = frame[name].cast(like.dtype)
        except pl.exceptions.PolarsError:
            raise InputError(
                f"column {name!r} of the new records is {frame[name].dtype}, and some of it cannot "
                f"be read as {like.dtype}, which it is in the workspace"
            ) from None
    text = like.dtype == pl.String and like.null_count() == 0
    return values.fill_null("") if text else values


def _planned(
    old: Records, given_rows: tuple[pl.DataFrame, Sequence[str]], number: int, replace_all: bool
) -> _Plan:
    """Tell which rows are new, changed, as they were, or gone.

    `number` is that of the table which the rows belong to.
    """
    frame, notes = given_rows
    n, m = len(old), frame.height
    text = as_texts(frame)
    row = np.full(m, -1, dtype=np.int64)
    same = np.zeros(m, dtype=bool)
    if old.id_column is not None:
        ids = text[old.id_column].rename("id")
        _check_ids(ids)
        ids = _among_tables(ids, old, number)
        known = (
            old.ids.to_frame("id").with_row_index("row").join(ids.to_frame(), on="id", how="semi")
        )
        found = ids.to_frame().join(known, on="id", how="left", maintain_order="left")["row"]
        row = found.cast(pl.Int64).fill_null(-1).to_numpy().copy()
        there = np.flatnonzero(row >= 0)
        was, now = as_texts(old.frame[row[there]]), text[there]
        equal = np.ones(len(there), dtype=bool)
        for name in text.columns:
            equal &= (was[name] == now[name]).to_numpy()
        same[there] = equal
    elif replace_all:
        raise OptionError(
            "replace_all goes by ids, and the workspace has no id column: run dedupe run --id on "
            "its input again"
        )
    kept = np.ones(n, dtype=bool)
    if replace_all:
        kept[old.source == number] = False
        kept[row[row >= 0]] = True
    updated, new = np.flatnonzero((row >= 0) & ~same), np.flatnonzero(row < 0)
    taken = np.arange(n)
    taken[row[updated]] = n + updated
    taken = np.concatenate([taken[kept], n + new])
    if len(taken) < 2:
        raise InputError(f"{len(taken)} records would be left: there is nothing to compare")
    if old.id_column is None:
        first = int((old.source == number).sum())
        new_ids = pl.Series("id", np.arange(first, first + m)).cast(pl.String)
        new_ids = _among_tables(new_ids, old, number)
        new_keys = _further_keys(old.keys, text)
    else:
        new_ids, new_keys = ids, ids.rename("key")
    used = [use.name for use in old.fields if use.used]
    texts = frame_texts(text.select(used)).rename("text")
    appends = np.array_equal(taken, np.arange(n + m))

    def some(before: pl.Series, now: pl.Series) -> pl.Series:
        both = pl.concat([before, now])
        return both if appends else both.gather(taken)

    rows = pl.concat([old.frame, frame])
    records = Records(
        frame=rows if appends else rows[taken],
        ids=some(old.ids, new_ids),
        keys=some(old.keys, new_keys),
        texts=some(old.texts, texts),
        source=np.concatenate([old.source, np.full(m, number, dtype=np.uint8)])[taken],
        fields=old.fields,
        id_column=old.id_column,
    )
    counts = {
        "given": m,
        "added": len(new),
        "updated": len(updated),
        "unchanged": int(same.sum()),
        "removed": int((~kept).sum()),
    }
    before = np.concatenate([np.flatnonzero(kept), np.full(len(new), -1)])
    return _Plan(records, before, taken >= n, counts, tuple(notes))


def _among_tables(ids: pl.Series, old: Records, number: int) -> pl.Series:
    """Return ids of records of one table as they are told from those of the others."""
    if not old.source.any():
        return ids
    tables = pl.DataFrame({"id": old.ids, "table": old.source + 1})
    prefix = pl.concat_str("table", pl.lit(":"))
    if tables.select(pl.col("id").str.starts_with(prefix).all()).item():
        return (f"{number + 1}:" + ids).rename("id")
    others = old.ids.filter(pl.Series(old.source != number))
    if (shared := ids.filter(ids.is_in(others.implode()))).len():
        raise InputError(
            f"id {shared[0]!r} of the new records is that of a record of another table: "
            "link the tables again"
        )
    return ids


def _check_ids(ids: pl.Series) -> None:
    if (ids == "").any():
        row = int((ids == "").arg_true()[0])
        raise InputError(f"the id is empty in row {row} of the new records: ids must be complete")
    if ids.n_unique() < len(ids):
        twice = ids.filter(ids.is_duplicated())[0]
        raise InputError(f"the new records hold id {twice!r} twice: ids must be unique")


def _further_keys(keys: pl.Series, text: pl.DataFrame) -> pl.Series:
    """Return keys by content, counting on where rows of the same content were there before."""
    parts = (pl.col("key").str.head(20).alias("digest"), pl.col("key").str.slice(21))
    there = keys.to_frame("key").select(parts[0]).group_by("digest").len("there")
    new = content_keys(text).to_frame("key").select(parts[0], parts[1].cast(pl.Int64).alias("at"))
    return (
        new.join(there, on="digest", how="left", maintain_order="left")
        .select(
            pl.concat_str(
                "digest",
                pl.lit("-"),
                (pl.col("at") + pl.col("there").fill_null(0)).cast(pl.String),
            ).alias("key")
        )
        .to_series()
    )


# What it is compared with -------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Found:
    """What n records bring.

    Parameters
    ----------
    pairs
        New pairs to be scored.
    old
        The scored ones, renumbered.
    slot
        (n,) u32: place of each record's text in the index; :data:`NO_SLOT` for an empty text.
    touched
        (n,) bool: records that are new or changed, or whose pairs went.
    renumbered
        Whether `old` differs from what was there.
    rebuilt
        The index was made anew.
    notes
        What the user should know, a line each.
    """

    pairs: pl.DataFrame
    old: pl.DataFrame
    slot: NDArray[np.uint32]
    touched: NDArray[np.bool_]
    renumbered: bool
    rebuilt: bool
    notes: tuple[str, ...]


def _searched(
    stages: Stages,
    key: str,
    plan: _Plan,
    table: TableRead,
    slot_before: NDArray[np.uint32],
    facts: Mapping[str, Any],
    scored: pl.DataFrame,
    config: Config,
) -> tuple[_Found, dict[str, Any]]:
    """Find the pairs that new texts bring, and carry over those that stand."""
    with stages.timed("encode"):
        texts = _indexed(stages.workspace, key, plan, table, slot_before, facts, config)
    with stages.timed("search"):
        rows = np.arange(len(plan.before))
        has_text = texts.slot != NO_SLOT
        row_of = np.full(len(texts.fresh), -1, dtype=np.int64)
        row_of[texts.slot[has_text][::-1]] = rows[has_text][::-1]
        moved = np.full(len(slot_before), -1, dtype=np.int64)
        had_text = texts.slot_before != NO_SLOT
        moved[had_text] = row_of[texts.slot_before[had_text]]
        carried = _renumbered(scored, moved)
        known = chosen(carried).select(CANDIDATES.names())
        known = known.with_columns(
            pl.Series(side, texts.slot[known[side].to_numpy()]) for side in ("left", "right")
        )
        radius = float(facts["radius"])
        tables = None
        if config.link and not config.within:
            tables = _tables_of(texts.slot, plan.records.source, len(texts.fresh))
        stored = texts.index.stored
        found = search_new(stored, texts.fresh, row_of >= 0, known, radius, config, tables)
        found = _renumbered(found, row_of)
        touched = plan.given | _left_behind(plan, texts, scored)
    now = {**facts, "stored": dict(texts.index.facts)}
    renumbered = carried is not scored
    return (
        _Found(found, carried, texts.slot, touched, renumbered, texts.rebuilt, texts.notes),
        now,
    )


def _tables_of(slot: NDArray[np.uint32], source: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Return the table of each of `size` texts, or that it stands in several."""
    low = np.full(size, ANY_SOURCE, dtype=np.uint8)
    high = np.zeros(size, dtype=np.uint8)
    there = slot != NO_SLOT
    np.minimum.at(low, slot[there], source[there])
    np.maximum.at(high, slot[there], source[there])
    return np.where(low == high, low, ANY_SOURCE).astype(np.uint8)


def _left_behind(plan: _Plan, texts: _Texts, scored: pl.DataFrame) -> NDArray[np.bool_]:
    """Return the records that had pairs, or the text, of one that is changed or gone."""
    gone = np.ones(len(texts.slot_before), dtype=bool)
    stays = (plan.before >= 0) & ~plan.given
    gone[plan.before[stays]] = False
    if not gone.any():
        return np.zeros(len(plan.before), dtype=bool)
    of_slot = np.zeros(len(texts.fresh), dtype=bool)
    of_slot[texts.slot_before[gone & (texts.slot_before != NO_SLOT)]] = True
    at = np.where(texts.slot_before == NO_SLOT, 0, texts.slot_before)
    alike = gone | (of_slot[at] & (texts.slot_before != NO_SLOT))
    left, right = (scored[side].to_numpy() for side in ("left", "right"))
    behind = alike.copy()
    behind[right[alike[left]]] = True
    behind[left[alike[right]]] = True
    left_behind: NDArray[np.bool_] = (plan.before >= 0) & behind[np.maximum(plan.before, 0)]
    return left_behind


def _renumbered(pairs: pl.DataFrame, to: NDArray[np.int64]) -> pl.DataFrame:
    """Return pairs under new row numbers, without those of which a record has none (-1)."""
    ends = [pairs[side].to_numpy() for side in ("left", "right")]
    left, right = (to[end] for end in ends)
    if np.array_equal(left, ends[0]) and np.array_equal(right, ends[1]):
        return pairs
    there = (left >= 0) & (right >= 0)
    return (
        pairs.filter(pl.Series(there))
        .with_columns(
            pl.Series("left", np.minimum(left, right)[there].astype(np.uint32)),
            pl.Series("right", np.maximum(left, right)[there].astype(np.uint32)),
        )
        .sort("left", "right")
    )


@dataclass(frozen=True, eq=False)
class _Texts:
    """The distinct texts of n records, and of those before, as places in an index.

    Parameters
    ----------
    index
        Of s texts.
    slot, slot_before
        (n,) u32 of the records as they will be, and of those before.
    fresh
        (s,) bool: texts that no record had before.
    rebuilt
        Made anew from all records.
    notes
        What the user should know, a line each.
    """

    index: Index
    slot: NDArray[np.uint32]
    slot_before: NDArray[np.uint32]
    fresh: NDArray[np.bool_]
    rebuilt: bool = False
    notes: tuple[str, ...] = ()


def _indexed(
    workspace: Workspace | None,
    key: str,
    plan: _Plan,
    table: TableRead,
    slot_before: NDArray[np.uint32],
    facts: Mapping[str, Any],
    config: Config,
) -> _Texts:
    """Extend the kept index by the texts that are new, or make it anew where that is due."""
    assert workspace is not None
    held = open_index(workspace, facts.get("stored") or {}, config)
    if held is None or held.facts["rows"] >= REFIT * held.facts["fitted_on"]:
        note = "the search index was missing or damaged: it was made anew"
        texts = _indexed_anew(workspace, key, plan, table, config)
        return texts if held is not None else replace(texts, notes=(note,))
    size = held.facts["rows"]
    stays = (plan.before >= 0) & ~plan.given
    slot = np.full(len(plan.before), NO_SLOT, dtype=np.uint32)
    slot[stays] = slot_before[plan.before[stays]]
    given_texts = plan.records.texts.filter(pl.Series(plan.given))
    asked = given_texts.unique(maintain_order=True).to_frame("text").filter(pl.col("text") != "")
    there = (
        pl.DataFrame({"text": table.records.texts, "slot": slot_before})
        .join(asked, on="text", how="semi")
        .unique("text", keep="first", maintain_order=True)
    )
    new = asked.join(there, on="text", how="anti", maintain_order="left")
    numbers = pl.concat(
        [there, new.with_columns((pl.int_range(pl.len()) + size).cast(pl.UInt32).alias("slot"))]
    )
    slot[plan.given] = _slots(given_texts, numbers)
    index = extended(workspace, held, new["text"].to_list())
    return _Texts(index, slot, slot_before, np.arange(index.facts["rows"]) >= size)


def _indexed_anew(
    workspace: Workspace, key: str, plan: _Plan, table: TableRead, config: Config
) -> _Texts:
    texts, before = plan.records.texts, table.records.texts
    distinct = texts.gather(identical_pairs(texts)[0])
    facts = index_texts(workspace, key, distinct.to_list(), config)
    index = open_index(workspace, facts, config)
    assert index is not None
    numbers = distinct.to_frame("text").with_row_index("slot").filter(pl.col("text") != "")
    fresh = ~distinct.is_in(before.implode()).to_numpy()
    return _Texts(index, _slots(texts, numbers), _slots(before, numbers), fresh, rebuilt=True)


def _slots(texts: pl.Series, numbers: pl.DataFrame) -> NDArray[np.uint32]:
    """Return the ``slot`` of each text in `numbers`; :data:`NO_SLOT` where it has none."""
    found = texts.to_frame("text").join(numbers, on="text", how="left", maintain_order="left")
    return found["slot"].cast(pl.UInt32).fill_null(int(NO_SLOT)).to_numpy()


def _same_text(slot: NDArray[np.uint32]) -> pl.DataFrame:
    """Return the pairs of :func:`~dedupe.scoring.identical_pairs`, by places instead of texts."""
    rows = np.flatnonzero(slot != NO_SLOT)
    first = np.zeros(int(slot[rows].max(initial=0)) + 1, dtype=np.uint32)
    first[slot[rows][::-1]] = rows[::-1]
    left = first[slot[rows]]
    other = left != rows
    ones = np.ones(int(other.sum()), dtype=np.float32)
    return pl.DataFrame(
        {
            "left": left[other],
            "right": rows[other],
            "similarity": ones,
            "probability": ones,
            "decided_by": ["identical"] * len(ones),
        },
        schema=PAIRS,
    ).sort("left", "right")


def _scored(
    stages: Stages,
    key: str,
    records: Records,
    found: _Found,
    facts: dict[str, Any],
    config: Config,
) -> tuple[tuple[pl.DataFrame, dict[str, Any]], NDArray[np.uint32]]:
    """Score the new pairs: by the student that is kept, else by the cross-encoder.

    Where all pairs together are the first that are enough for a student, one is made of them, and
    decides as it would have in a run over all.

    Returns all pairs with the facts, and the records of old pairs that were judged anew.
    """
    workspace, new = stages.workspace, found.pairs
    assert workspace is not None
    with stages.timed("score") as progress:
        arrays = workspace.load_arrays("student", str(facts.get("kept_as", "")))
        relearn = found.rebuilt and new.height > 2 * ALL_BELOW
        if arrays is not None and not relearn:
            # Of what a run over all could ask of the cross-encoder, the share of the new pairs.
            share = new.height / max(found.old.height + new.height, 1)
            owed = facts.get("owed", 0.0) + config.cross_encoder_pairs * share
            facts = {**facts, "owed": owed}
            chance = student_scores(Student(**arrays), facts["layout"], new, records.texts)
            scores = new.with_columns(
                pl.Series("probability", chance),
                pl.lit("student").cast(DECIDERS).alias("decided_by"),
                pl.lit(0, dtype=pl.UInt32).alias("seen"),
            )
            pairs = pl.concat([found.old, scores])
            pairs, judged = _doubtful_judged(pairs, facts, records.texts, config, progress)
            ends = np.unique(judged.select("left", "right").to_numpy())
            return (pairs, {**facts, "owed": owed - judged.height}), ends
        if new.is_empty():
            return (found.old, facts), np.empty(0, dtype=np.uint32)
        model = load_cross_encoder(config)
        pairs = new.with_columns(pl.lit(0, dtype=pl.UInt32).alias("seen"))
        first = arrays is None and bool((found.old["decided_by"] == "cross-encoder").all())
        if first and found.old.height + new.height > ALL_BELOW:
            # Now there are enough for a student; what the cross-encoder said teaches it as well.
            pairs = pl.concat([found.old.select(pairs.columns), pairs])
        known = np.full(pairs.height, np.nan, dtype=np.float32)
        if pairs.height > new.height:
            known[: found.old.height] = found.old["probability"].to_numpy()
        scores, learnt, student = score_pairs(model, pairs, records.texts, config, progress, known)
        if student is not None:
            workspace.save_arrays("student", key, student.arrays())
            facts = {**learnt, "kept_as": key, "owed": 0.0}
        scores = scores.hstack([pairs["seen"]])
        if pairs.height == new.height:
            return (pl.concat([found.old, scores]), facts), np.empty(0, dtype=np.uint32)
        old, was = scores[: found.old.height], found.old
        moved = old.filter(
            (old["probability"] != was["probability"]) | (old["decided_by"] != was["decided_by"])
        )
        return (scores, facts), np.unique(moved.select("left", "right").to_numpy())


def _doubtful_judged(
    pairs: pl.DataFrame,
    facts: Mapping[str, Any],
    texts: pl.Series,
    config: Config,
    progress: Progress,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Let the cross-encoder judge the most doubtful pairs, once enough of them are due.

    Returns all pairs, and those that it judged.
    """
    chance = pl.col("probability")
    doubtful = (
        pairs.with_row_index("at")
        .filter(
            (pl.col("decided_by") == "student")
            & (chance > facts["low"])
            & (chance < facts["high"])
            & (pl.col("seen") == 0)
        )
        .sort((chance - 0.5).abs(), "left", "right")
        .head(int(facts["owed"]))
    )
    if doubtful.height < WORTH_LOADING:
        return pairs, doubtful.clear()
    model = load_cross_encoder(config)
    left, right = (
        prepare_texts(model, texts.gather(doubtful[side]).to_list()) for side in ("left", "right")
    )
    judged = score_texts(model, left, right, progress)
    probability = pairs["probability"].to_numpy().copy()
    by_model = np.zeros(len(pairs), dtype=bool)
    by_model[doubtful["at"].to_numpy()] = True
    probability[doubtful["at"].to_numpy()] = judged
    return pairs.with_columns(
        pl.Series("probability", probability),
        pl.when(pl.Series(by_model))
        .then(pl.lit("cross-encoder").cast(DECIDERS))
        .otherwise(pl.col("decided_by"))
        .alias("decided_by"),
    ), doubtful


# What became of the clusters ----------------------------------------------------------------------


def _names_before(
    workspace: Workspace, key: str, records: Records, scored: pl.DataFrame, config: Config
) -> pl.Series:
    """Return the id of each record's cluster, as last written."""
    found = workspace.load("named", key)
    if found is not None and found[0].height == len(records):
        return found[0]["cluster_id"]
    pairs = pl.concat([identical_pairs(records.texts)[1], chosen(scored)]).sort("left", "right")
    decisions, choices = decisions_of(workspace), choices_of(workspace)
    pairs, _ = corrected(records, pairs, decisions, config)
    return resolve(records, pairs, decisions, config, choices).cluster_id


def _carried_standing(standing: Standing, before: NDArray[np.int64]) -> Standing:
    """Return how records stood, under their new row numbers; of new ones it says anything."""
    rows = np.arange(len(before), dtype=np.uint32)
    was = np.maximum(before, 0)
    now = np.zeros(len(standing.labels), dtype=np.uint32)
    now[before[before >= 0]] = rows[before >= 0]
    return Standing(
        labels=now[standing.labels[was]],
        confidence=standing.confidence[was],
        kept=now[standing.kept[was]],
        joined_by=standing.joined_by[was],
        cluster_id=standing.cluster_id.gather(was),
    )


def _changes(
    names: pl.Series, plan: _Plan, resolved: Resolved, again: NDArray[np.bool_]
) -> pl.DataFrame:
    """Say which clusters came to be, grew, were joined, split, changed or vanished."""
    some = np.flatnonzero(again)
    after = pl.DataFrame(
        {
            "cluster": resolved.cluster_id.gather(some),
            "name": _carried(names, plan.before[some]),
        }
    )
    stood = np.ones(len(names), dtype=bool)
    stood[plan.before[~again]] = False
    names = names.filter(pl.Series(stood))
    sizes = names.to_frame("name").group_by("name").len("was")
    shares = (
        after.filter(pl.col("name").is_not_null())
        .group_by("cluster", "name")
        .len("share")
        .join(sizes, on="name")
    )
    into = shares.group_by("name").agg(pl.len().alias("into"), pl.col("share").sum().alias("left"))
    joined = (
        shares.join(into, on="name")
        .sort("cluster", "name")
        .group_by("cluster", maintain_order=True)
        .agg(
            pl.col("name").str.join(" ").alias("clusters_before"),
            pl.len().alias("befores"),
            (pl.col("into") > 1).any().alias("split"),
            (pl.col("left") < pl.col("was")).any().alias("lost"),
        )
    )
    clusters = (
        after.group_by("cluster", maintain_order=True)
        .agg(pl.len().alias("records"), pl.col("name").null_count().alias("new_records"))
        .join(joined, on="cluster", how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("befores").is_null())
            .then(pl.lit("made"))
            .when("split")
            .then(pl.lit("split"))
            .when(pl.col("befores") > 1)
            .then(pl.lit("joined"))
            .when("lost")
            .then(pl.lit("changed"))
            .when(pl.col("new_records") > 0)
            .then(pl.lit("grown"))
            .alias("change")
        )
        .filter(pl.col("change").is_not_null())
    )
    gone = sizes.join(into, on="name", how="anti").sort("name")
    vanished = pl.DataFrame(
        {
            "change": ["vanished"] * gone.height,
            "cluster_id": gone["name"],
            "clusters_before": gone["name"],
            "records": [0] * gone.height,
            "new_records": [0] * gone.height,
        },
        schema=ADDITIONS,
    )
    listed = clusters.select(
        "change",
        pl.col("cluster").alias("cluster_id"),
        pl.col("clusters_before").fill_null(""),
        "records",
        "new_records",
    ).cast(ADDITIONS)
    order = pl.col("change").cast(pl.Enum(CHANGES))
    return pl.concat([listed, vanished]).sort(order, "cluster_id")


def _carried(names: pl.Series, before: NDArray[np.int64]) -> pl.Series:
    """Return the id that each record's cluster had; missing for a new record."""
    found = names.gather(np.maximum(before, 0)).to_frame("name")
    return found.select(pl.when(pl.Series(before >= 0)).then(pl.col("name")).alias("name"))["name"]


# What is kept -------------------------------------------------------------------------------------


def _flipped(
    facts: Mapping[str, Any],
    keys: Mapping[str, str],
    fingerprint: str,
    source: Given,
    plan: _Plan,
    asked: _Asked,
) -> dict[str, Any]:
    """Return what the workspace is for, with what was added."""
    old = facts["input"]
    names = [*old["names"], *(name for name in source.names if name not in old["names"])]
    added = {
        "names": source.names,
        "fingerprint": source.fingerprint,
        "replace_all": asked.replace_all,
        "to": asked.to,
        **plan.counts,
    }
    return {
        **{name: value for name, value in facts.items() if name != "format"},
        "input": {**old, "names": names, "fingerprint": fingerprint, "rows": len(plan.records)},
        "keys": dict(keys),
        "original": facts.get("original", old["fingerprint"]),
        "added": [*facts.get("added", ()), added],
    }
