"""The stages in order: from files to candidate pairs, scores, clusters and merged rows.

::

    tables ──read──▶ Records ──encode──▶ vectors ──search──▶ candidates
        ──score──▶ pairs ──(+ decisions)──correct──▶ pairs
        ──(+ decisions)──cluster──▶ labels ──merge──▶ outputs

What read, search and score make is kept in the workspace under the hash of what it was made from;
clusters and outputs are derived from it in moments, whenever they are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.blocking.backends import ANY_SOURCE
from dedupe.blocking.bi_encoder import fit_bi_encoder, shared_features
from dedupe.blocking.candidates import search
from dedupe.blocking.index import encoded, first_slots, make_index
from dedupe.config import BUNDLED, Config
from dedupe.errors import InputError, OptionError, WorkspaceError
from dedupe.evaluation.threshold import with_aim
from dedupe.io.sources import STACKED, Input, Source, open_input, open_inputs
from dedupe.pipeline.manifest import learnt_facts, run_facts, search_facts
from dedupe.pipeline.output_files import outputs_stand, write_outputs
from dedupe.pipeline.result import Result
from dedupe.pipeline.stages import Stages
from dedupe.progress import Report, no_report
from dedupe.records import Records, make_records
from dedupe.resolution.outputs import Outputs, cluster_figures, make_outputs
from dedupe.resolution.resolve import corrected, resolve
from dedupe.resolution.survivorship import Rule, parse_rules
from dedupe.scoring.cross_encoder import importing_ahead, load_cross_encoder
from dedupe.scoring.pairs import DECIDERS, identical_pairs
from dedupe.scoring.score import score_pairs
from dedupe.workspace.folder import SUFFIX, Workspace, write_json
from dedupe.workspace.keys import export_key, model_ids, stage_keys, standing_key
from dedupe.workspace.state import (
    TableRead,
    choices_of,
    chosen,
    config_facts,
    decisions_of,
    kept_config,
    kept_table,
    outside_matches,
    reopened,
    save_standing,
    save_table,
)

if TYPE_CHECKING:
    from dedupe.io.schema_matching import Linked


def run(
    source: Source,
    *,
    output: str | Path | None = None,
    config: Config | None = None,
    report: Report = no_report,
    **options: Any,
) -> Result:
    """Find the duplicates of a table, cluster and merge them.

    Parameters
    ----------
    source
        Path of a file (CSV, TSV, Parquet, Arrow IPC, JSON lines, Excel; with gzip or zstd), of a
        folder, a glob, a database (with ``::table`` or the option ``query``), a list of several,
        ``"-"`` for stdin, or a polars, pandas or pyarrow table.
    output
        Folder of the workspace. ``None``: beside the first file, named after it; a table in
        memory then leaves nothing on disk.
    config
        What to do; defaults where ``None``.
    report
        Told how far each stage is.
    **options
        Fields of :class:`~dedupe.config.Config`, replacing those of `config`.

    Returns
    -------
    Result
        The summary and, on demand, the output tables as polars frames.

    Raises
    ------
    DedupeError
        If the input, an option, a model or the workspace cannot be used, in one line.
    """
    config = (config or Config()).with_options(**options)
    return carry_out(open_input(source, config), output, config, report)


def prepare(
    source: Source,
    *,
    output: str | Path | None = None,
    config: Config | None = None,
    report: Report = no_report,
    **options: Any,
) -> Path:
    """Find and score the pairs of a table, and write no results: they can then be reviewed.

    :func:`run` with the same arguments goes on from there.

    Parameters
    ----------
    source, output, config, report, **options
        As for :func:`run`.

    Returns
    -------
    Path
        Folder of the workspace.

    Raises
    ------
    DedupeError
        As :func:`run`, and if a table in memory is given no `output`.
    """
    config = (config or Config()).with_options(**options)
    source_input = open_input(source, config)
    workspace = workspace_of(source_input, output, config)
    if workspace is None:
        raise OptionError("there is no folder to review in: name a workspace with -o")
    config = _with_learnt(config, workspace)
    keys = stage_keys(source_input, config)
    stages = Stages(workspace, report)
    table, _ = _begun(stages, source_input, keys, config)
    with workspace.locked():
        _compared(stages, source_input, table, keys, config)
    return workspace.path


def link(
    *sources: Source,
    output: str | Path | None = None,
    config: Config | None = None,
    report: Report = no_report,
    **options: Any,
) -> Result:
    """Find which records of one table are those of another.

    Columns are aligned by their names and contents; :attr:`Config.map` overrides that.

    Parameters
    ----------
    *sources
        Two files or more, or two tables in memory or more.
    output, report
        As for :func:`run`.
    config
        What to do; ``link`` is ``"many"`` where it says nothing.
    **options
        Fields of :class:`~dedupe.config.Config`, replacing those of `config`.

    Returns
    -------
    Result
        As of :func:`run`; ``matches`` and ``unmatched`` hold what linking is for.

    Raises
    ------
    DedupeError
        If an input, an option, a model or the workspace cannot be used, in one line.
    """
    base = config or Config()
    config = base.with_options(**{"link": base.link or "many", **options})
    return carry_out(open_inputs(sources, config), output, config, report)


def carry_out(
    source_input: Input, output: str | Path | None, config: Config, report: Report
) -> Result:
    """Carry out all stages on an input, or what is due of them.

    Raises
    ------
    DedupeError
        As :func:`run`.
    """
    workspace = workspace_of(source_input, output, config)
    if workspace is not None:
        config = _with_learnt(config, workspace)
    keys = stage_keys(source_input, config)
    if workspace is not None and (same := _unchanged(workspace, keys, config)) is not None:
        return same
    stages = Stages(workspace, report)
    table, rules = _begun(stages, source_input, keys, config)
    with workspace.locked() if workspace is not None else nullcontext():
        identical, scored = _compared(stages, source_input, table, keys, config)
        records = table.records
        pairs = pl.concat([identical, chosen(scored)]).sort("left", "right")
        decisions, choices = decisions_of(workspace), choices_of(workspace)
        asked = config
        with stages.timed("cluster"):
            lost = outside_matches(scored, stages.facts["search"], config.threshold)
            config, aim = with_aim(records, pairs, decisions, config, lost)
            pairs, correction = corrected(records, pairs, decisions, config)
            resolved = resolve(records, pairs, decisions, config, choices)
        with stages.timed("export"):
            outputs = make_outputs(records, pairs, resolved, rules, config, table.linked)
            written = write_outputs(workspace, outputs.tables(), table.dialect, config)
        summary = {
            **run_facts(source_input, table, keys, config),
            **search_facts(stages.facts["search"], scored, identical, len(records), config),
            "distilled": stages.facts["score"],
            **cluster_figures(records, pairs, resolved, config),
            **learnt_facts(correction, aim),
            "stages": stages.done,
            "key": export_key(keys, decisions, choices, asked),
            "outputs": written,
        }
        if workspace is not None:
            if aim is not None:
                workspace.write_facts(
                    {**workspace.facts(), "config": config_facts(workspace, config)}
                )
            of = standing_key(keys["scored"], decisions, choices, config)
            save_standing(workspace, keys["table"], resolved, of, kept=records.named is not None)
            write_json(workspace.manifest_file, summary)
    return Result(summary, workspace.path if workspace is not None else None, lambda: outputs)


def _begun(
    stages: Stages, source: Input, keys: Mapping[str, str], config: Config
) -> tuple[TableRead, dict[str, Rule]]:
    """Read an input, and check the options and the workspace against it."""
    with stages.timed("read"):
        table = kept_table(stages.workspace, keys["table"]) or read_records(source, config)
        check_linked(config, table.linked)
        rules = parse_rules(config.merge, table.records.frame.columns)
    if stages.workspace is not None:
        _check_same_input(stages.workspace, source, table)
    return table, rules


def _compared(
    stages: Stages, source: Input, table: TableRead, keys: dict[str, str], config: Config
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the pairs of identical records, and the scored ones."""
    texts, workspace = table.records.texts, stages.workspace
    firsts, identical = identical_pairs(texts)
    # Until the same candidates have other scores, those that are there stand: a run that is
    # stopped leaves a whole workspace.
    rescored = workspace is not None and _is_rescored(workspace, keys)
    if workspace is not None and not rescored:
        placed = replace(table, slot=first_slots(texts, firsts, identical), grown=False)
        _claim(workspace, source, placed, keys, config)
    candidates = _candidates(stages, keys["candidates"], table.records, firsts, config)
    scored = _scored(stages, keys["scored"], texts, candidates, config)
    if workspace is not None:
        if rescored:
            _claim(workspace, source, table, keys, config)
        workspace.forget("scored", [keys["scored"]])
        workspace.forget("distilled", [stages.facts["score"].get("kept_as", "")])
    return identical, scored


def _is_rescored(workspace: Workspace, keys: Mapping[str, str]) -> bool:
    """Tell whether a run makes other scores of the candidates that a workspace has."""
    kept = workspace.facts().get("keys", {}) if workspace.facts_file.exists() else {}
    same = all(kept.get(stage) == keys[stage] for stage in ("table", "candidates"))
    return (
        same
        and kept.get("scored") != keys["scored"]
        and workspace.load("records", keys["table"]) is not None
    )


def _with_learnt(config: Config, workspace: Workspace) -> Config:
    """Use the cross-encoder that learnt from the workspace's decisions, unless another is named."""
    version = workspace.current_version() if workspace.models.is_dir() else 0
    if version and config.cross_encoder == BUNDLED:
        return replace(config, cross_encoder=str(workspace.model(version)))
    return config


def read_records(source: Input, config: Config) -> TableRead:
    """Read an input, one table or several aligned ones, as records."""
    if config.link:
        table, linked = source.linked(config)
        numbers = pl.DataFrame({STACKED: linked.names, "number": range(len(linked.names))})
        found = table.frame.select(STACKED).join(
            numbers, on=STACKED, how="left", maintain_order="left"
        )
        source_of = found["number"].to_numpy().astype(np.uint8)
        if config.id is None and linked.id_column not in (None, *config.fields):
            config = replace(config, id=linked.id_column)
        records = make_records(table.frame, config, source_of)
        _check_compared(records, linked)
        return TableRead(records, table.dialect, linked)
    table = source.table(config)
    return TableRead(make_records(table.frame, config), table.dialect)


def check_linked(config: Config, linked: Linked | None) -> None:
    """Check that what is asked of links goes with the tables that there are."""
    if bool(config.link) != (linked is not None):
        kind = "one table" if linked is None else "linked tables"
        raise OptionError(f"link is {config.link!r}, and the workspace is of {kind}")
    if linked is not None and config.prefer not in (None, *linked.names):
        names = ", ".join(linked.names)
        raise OptionError(f"prefer: there is no table {config.prefer!r}; there are {names}")


def _check_compared(records: Records, linked: Linked) -> None:
    """Refuse to link a table that has nothing to compare."""
    used = [use.name for use in records.fields if use.used]
    for name, columns in zip(linked.names, linked.columns, strict=True):
        if not set(columns.values()) & set(used):
            raise InputError(
                f"{name} has none of the columns compared ({', '.join(used)}); it has "
                f"{', '.join(columns)}: say with --map LEFT=RIGHT which is which"
            )


def _candidates(
    stages: Stages, key: str, records: Records, firsts: pl.Series, config: Config
) -> pl.DataFrame:
    """Return the pairs to be scored: ``left``, ``right``, ``similarity``, and ``seen``.

    ``seen`` is 0 for candidates; above 0 for the sample of pairs just outside, which say what the
    search loses.
    """
    kept = stages.kept("search", "candidates", key)
    if kept is not None:
        return kept
    distinct = records.texts.gather(firsts).to_list()
    source = _text_sources(records, firsts) if config.link and not config.within else None
    with importing_ahead():
        with stages.timed("encode"):
            encoder = fit_bi_encoder(config, distinct)
            vectors, features = encoded(encoder, distinct)
            rare = shared_features(encoder, features)
        with stages.timed("search") as progress:
            found = search(vectors, config, progress, source, rare)
    index = {}
    if stages.workspace is not None:
        index = make_index(stages.workspace, key, encoder, vectors, features)
        stages.workspace.forget("index", [key])
    pairs = pl.concat(
        [found.pairs.with_columns(pl.lit(0, dtype=pl.UInt32).alias("seen")), found.just_outside]
    )
    rows = firsts.to_numpy()
    pairs = pairs.with_columns(
        pl.Series(side, rows[pairs[side].to_numpy()], dtype=pl.UInt32) for side in ("left", "right")
    )
    facts = {
        "radius": round(found.radius, 4),
        "index": found.index,
        "index_recall": round(found.found_share, 4),
        "sampled_share": found.sampled / len(distinct),
        "notes": list(found.notes),
        "stored": index,
    }
    return stages.keep("search", "candidates", key, pairs, facts)


def _text_sources(records: Records, firsts: pl.Series) -> NDArray[np.uint8]:
    """Return the table of each distinct text, or that it stands in several."""
    tables = (
        pl.DataFrame({"text": records.texts, "source": records.source})
        .group_by("text")
        .agg(pl.col("source").min().alias("low"), pl.col("source").max().alias("high"))
    )
    found = pl.DataFrame({"text": records.texts.gather(firsts)}).join(
        tables, on="text", how="left", maintain_order="left"
    )
    # Records without any text are no groups: each is of its own table.
    mixed = ((found["low"] != found["high"]) & (found["text"] != "")).to_numpy()
    return np.where(mixed, ANY_SOURCE, records.source[firsts.to_numpy()]).astype(np.uint8)


def _scored(
    stages: Stages, key: str, texts: pl.Series, candidates: pl.DataFrame, config: Config
) -> pl.DataFrame:
    """Return the pairs with ``probability`` and ``decided_by``."""
    kept = stages.kept("score", "scored", key)
    if kept is not None:
        return kept.with_columns(pl.col("decided_by").cast(DECIDERS))
    with stages.timed("score") as progress:
        model = load_cross_encoder(config)
        scored, facts, distilled = score_pairs(model, candidates, texts, config, progress)
    if stages.workspace is not None and distilled is not None:
        stages.workspace.save_arrays("distilled", key, distilled.arrays())
        facts = {**facts, "kept_as": key}
    scored = scored.hstack([candidates["seen"]])
    return stages.keep("score", "scored", key, scored, facts, forget=False)


def workspace_of(source: Input, output: str | Path | None, config: Config) -> Workspace | None:
    """Return the workspace of a run; ``None`` for a run in memory."""
    if output is not None:
        return Workspace(Path(output))
    stem = source.linked_stem if config.link else source.stem
    return Workspace(Path(f"{stem}{SUFFIX}")) if stem is not None else None


def _check_same_input(workspace: Workspace, source: Input, table: TableRead) -> None:
    """Refuse a workspace that was made from another input, or grew since.

    A file may change (rows added, edited, re-sorted): its columns stay, and some of its records.
    """
    facts = workspace.facts()
    if not facts:
        return
    if facts.get("added") and facts["input"]["fingerprint"] != source.fingerprint:
        raise WorkspaceError(
            f"records were added to {workspace.path} after its run, and a new run would lose them: "
            "bring changes in with dedupe add, or name another folder with -o"
        )
    columns = table.records.frame.columns
    earlier = workspace.load("records", facts["keys"]["table"])
    same = set(facts["input"]["columns"]) == set(columns)
    if same and earlier is not None:
        same = bool(table.records.keys.is_in(earlier[0]["key"].implode()).any())
    if not same:
        names = " + ".join(facts["input"]["names"])
        raise WorkspaceError(
            f"the workspace {workspace.path} was made from another input ({names}): name another "
            "folder with -o, or delete that one"
        )


def _claim(
    workspace: Workspace, source: Input, table: TableRead, keys: dict[str, str], config: Config
) -> None:
    """Write what the workspace is for, and keep the input in it."""
    before = workspace.facts() if workspace.facts_file.exists() else {}
    records = table.records
    if workspace.load("records", keys["table"]) is None:
        save_table(workspace, keys["table"], table)
    workspace.write_facts(
        {
            "input": {
                "names": source.names,
                "fingerprint": source.fingerprint,
                "rows": len(records),
                "columns": records.frame.columns,
            },
            "keys": keys,
            "config": config_facts(workspace, config),
            "models": model_ids(config),
            **{name: before[name] for name in ("original", "added") if name in before},
        }
    )


def _unchanged(workspace: Workspace, keys: Mapping[str, str], config: Config) -> Result | None:
    """Return the result of the last run if this one would only repeat it."""
    if not workspace.facts():
        return None
    key = export_key(keys, decisions_of(workspace), choices_of(workspace), config)
    if not outputs_stand(workspace, key):
        return None
    manifest = workspace.manifest()

    def make() -> Outputs:
        table, pairs = reopened(workspace)
        config, decisions = kept_config(workspace), decisions_of(workspace)
        pairs, _ = corrected(table.records, pairs, decisions, config)
        resolved = resolve(table.records, pairs, decisions, config, choices_of(workspace))
        rules: dict[str, Rule] = parse_rules(config.merge, table.records.frame.columns)
        return make_outputs(table.records, pairs, resolved, rules, config, table.linked)

    return Result({**manifest, "unchanged": True}, workspace.path, make)
