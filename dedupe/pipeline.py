"""The stages in order: from files to candidate pairs, scores, clusters and merged rows.

::

    tables ──read──▶ Records ──encode──▶ vectors ──search──▶ candidates
        ──score──▶ pairs ──(+ decisions)──cluster──▶ labels ──merge──▶ outputs

What read, search and score make is kept in the workspace under the hash of what it was made from;
clusters and outputs are derived from it in moments, whenever they are asked for.
"""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.alignment import Linked
from dedupe.config import BUNDLED, Config
from dedupe.decisions import Verdict
from dedupe.encoders import (
    MODELS,
    embed,
    fit_bi_encoder,
    importing_ahead,
    load_cross_encoder,
    rare_features,
    spelling_of,
)
from dedupe.errors import InputError, OptionError, WorkspaceError
from dedupe.estimates import Estimate, Reviewed, audit_order, strata
from dedupe.estimates import estimate as estimate_quality
from dedupe.evaluate import Evaluation, evaluate, read_gold
from dedupe.inputs import STACKED, Given, Source, given, given_tables
from dedupe.merge import Rule, parse_rules
from dedupe.progress import Progress, Report, no_report
from dedupe.records import FieldUse, Records, make_records, records_of
from dedupe.results import (
    Outputs,
    Resolved,
    cluster_figures,
    decided_rows,
    make_outputs,
    own_ids,
    resolve,
)
from dedupe.scoring import (
    DECIDERS,
    identical_pairs,
    most_judged,
    prepare_texts,
    score_pairs,
    score_texts,
)
from dedupe.search import ANY_SOURCE, FLAT_LIMIT, search
from dedupe.tables import Dialect, read_table, write_tables
from dedupe.workspace import SUFFIX, Workspace, open_workspace, stage_key, write_json

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from dedupe.spelling import Spelling

STAGES = ("read", "encode", "search", "score", "cluster", "export")
"""Names of the stages, in order, as they are reported and timed."""

EXPORT_OPTIONS = (
    "threshold",
    "review_from",
    "preset",
    "large_cluster",
    "link",
    "prefer",
    "merge",
    "format",
    "safe_csv",
)
"""Options that need nothing to be computed again."""

_UNMATCHED = "unmatched-"

_CODE = 2
"""To be raised when a stage makes something else of the same input and configuration."""


@dataclass(frozen=True, eq=False)
class Result:
    """What a run found.

    Parameters
    ----------
    summary
        Counts, fields, figures of the search and the clusters, seconds and memory a stage: what
        ``manifest.json`` holds.
    workspace
        Folder of the workspace; ``None`` for a run in memory.
    make
        Makes the output tables when they are first asked for.

    Examples
    --------
    >>> result = dedupe.run("contacts.csv")                             # doctest: +SKIP
    >>> result.merged.write_parquet("contacts-merged.parquet")          # doctest: +SKIP
    """

    summary: Mapping[str, Any]
    workspace: Path | None
    make: Callable[[], Outputs]

    @cached_property
    def outputs(self) -> Outputs:
        """All output tables."""
        return self.make()

    @property
    def clusters(self) -> pl.DataFrame:
        """Every input row with its cluster; see :class:`~dedupe.results.Outputs`."""
        return self.outputs.clusters

    @property
    def merged(self) -> pl.DataFrame:
        """One row a cluster; see :class:`~dedupe.results.Outputs`."""
        return self.outputs.merged

    @property
    def removed(self) -> pl.DataFrame:
        """The rows that were merged into others; see :class:`~dedupe.results.Outputs`."""
        return self.outputs.removed

    @property
    def pairs(self) -> pl.DataFrame:
        """Every scored pair; see :class:`~dedupe.results.Outputs`."""
        return self.outputs.pairs

    @property
    def matches(self) -> pl.DataFrame:
        """The links between tables; see :class:`~dedupe.results.Outputs`."""
        return self._of_link("matches")

    @property
    def unmatched(self) -> dict[str, pl.DataFrame]:
        """The rows without a match of each linked table, by its name."""
        self._of_link("matches")
        more = self.outputs.more
        return {n.removeprefix(_UNMATCHED): t for n, t in more.items() if n.startswith(_UNMATCHED)}

    def _of_link(self, name: str) -> pl.DataFrame:
        if name not in self.outputs.more:
            raise AttributeError(f"{name} are there when tables are linked: use dedupe.link")
        return self.outputs.more[name]


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
    return _run(given(source, config), output, config, report)


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
    return _run(given_tables(sources, config), output, config, report)


def _run(source_given: Given, output: str | Path | None, config: Config, report: Report) -> Result:
    workspace = _workspace(source_given, output, config)
    if workspace is not None:
        config = _with_learnt(config, workspace)
    keys = stage_keys(source_given, config)
    if workspace is not None and (same := _unchanged(workspace, keys, config)) is not None:
        return same
    stages = Stages(workspace, report)
    with stages.timed("read"):
        table = kept_table(workspace, keys["table"]) or _read(source_given, config)
        rules = parse_rules(config.merge, table.records.frame.columns)
    if workspace is not None:
        _check_same_input(workspace, source_given, table)
    with workspace.locked() if workspace is not None else nullcontext():
        if workspace is not None:
            _claim(workspace, source_given, table, keys, config)
        records = table.records
        firsts, identical = identical_pairs(records.texts)
        candidates = _candidates(stages, keys["candidates"], records, firsts, config)
        scored = _scored(stages, keys["scored"], records.texts, candidates, config)
        pairs = pl.concat([identical, _chosen(scored)]).sort("left", "right")
        with stages.timed("cluster"):
            resolved = resolve(records, pairs, decisions_of(workspace), config)
        with stages.timed("export"):
            outputs = make_outputs(records, pairs, resolved, rules, config, table.linked)
            written = write_outputs(workspace, outputs, table.dialect, config)
        summary = {
            **run_facts(source_given, table, keys, config),
            **search_facts(stages.facts["search"], scored, identical, len(records), config),
            "student": stages.facts["score"],
            **cluster_figures(records, pairs, resolved, config),
            "stages": stages.done,
            "key": export_key(keys, decisions_of(workspace), config),
            "outputs": written,
        }
        if workspace is not None:
            save_names(workspace, keys["table"], resolved, kept=records.named is not None)
            write_json(workspace.manifest_file, summary)
    return Result(summary, workspace.path if workspace is not None else None, lambda: outputs)


def estimate(
    source: Source, *, config: Config | None = None, **options: Any
) -> dict[str, int | float]:
    """Say what a run would cost, without running it.

    The cross-encoder is timed on a few pairs of this very input; the other stages are taken to run
    as fast as they did where they were measured (two cores of a server).

    Parameters
    ----------
    source, config, **options
        As for :func:`run`.

    Returns
    -------
    dict
        ``rows``, ``distinct`` (records after identical ones are merged), ``candidates`` and
        ``cross_encoder_pairs`` (at most), ``seconds`` and ``memory_mb``.

    Raises
    ------
    DedupeError
        If the input or an option cannot be used.
    """
    config = (config or Config()).with_options(**options)
    records = _read(given(source, config), config).records
    firsts, _ = identical_pairs(records.texts)
    n = len(firsts)
    candidates = int(min(config.candidates_per_record * n, n * (n - 1) / 2))
    most = most_judged(candidates, config)
    few = records.texts.gather(firsts).sample(min(n, _TIMED), seed=config.seed).to_list()
    model = load_cross_encoder(config)
    left, right = prepare_texts(model, few), prepare_texts(model, few[1:] + few[:1])
    score_texts(model, left[:8], right[:8])  # the first call also pays for what is only done once
    start = time.perf_counter()
    score_texts(model, left, right)
    judged = (time.perf_counter() - start) / len(few) * most
    compared = n * n / 2 * _SECONDS_A_COMPARISON if n <= FLAT_LIMIT else n * _SECONDS_A_SEARCH
    other = len(records) * _SECONDS_A_RECORD + candidates * _SECONDS_A_CANDIDATE
    return {
        "rows": len(records),
        "distinct": n,
        "candidates": candidates,
        "cross_encoder_pairs": most,
        "seconds": round(_SECONDS_TO_START + judged + compared + other, 1),
        "memory_mb": int(_MEMORY_TO_START + n * _MEMORY_A_RECORD + candidates * _MEMORY_A_PAIR),
    }


_TIMED = 64
_SECONDS_TO_START = 6.0
_SECONDS_A_RECORD = 4e-5
_SECONDS_A_CANDIDATE = 2e-5
_SECONDS_A_COMPARISON = 5e-9
_SECONDS_A_SEARCH = 7e-5
_MEMORY_TO_START = 900.0
_MEMORY_A_RECORD = 3.2e-3
_MEMORY_A_PAIR = 2e-4
"""Costs measured on two cores of a server, in seconds and MiB."""


def export(
    workspace: str | Path,
    *,
    output: str | Path | None = None,
    report: Report = no_report,
    **options: Any,
) -> Result:
    """Cluster, merge and write again from what a workspace holds; needs no model.

    Parameters
    ----------
    workspace
        Its folder.
    output
        Folder to write the tables to. ``None``: the workspace itself.
    report
        Told how far each stage is.
    **options
        :data:`EXPORT_OPTIONS`, replacing those of the run.

    Returns
    -------
    Result
        As of :func:`run`.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    OptionError
        If an option is wrong, or needs a new run.
    """
    for name in options:
        if name not in EXPORT_OPTIONS:
            raise OptionError(f"{name} needs the pairs to be computed again: use dedupe run")
    opened = open_workspace(workspace)
    config = kept_config(opened).with_options(**options)
    stages = Stages(opened, report)
    with stages.timed("read"):
        table, pairs = _reopened(opened)
        rules = parse_rules(config.merge, table.records.frame.columns)
    with stages.timed("cluster"):
        resolved = resolve(table.records, pairs, decisions_of(opened), config)
    target = opened if output is None else Workspace(Path(output))
    target.make_folder()
    with stages.timed("export"), opened.locked():
        outputs = make_outputs(table.records, pairs, resolved, rules, config, table.linked)
        written = write_outputs(target, outputs, table.dialect, config)
    summary = {
        "rows": len(table.records),
        **cluster_figures(table.records, pairs, resolved, config),
        "stages": stages.done,
        "config": config.as_dict(),
        "outputs": written,
    }
    return Result(summary, target.path, lambda: outputs)


def evaluate_workspace(
    workspace: str | Path, gold: str | Path | pl.DataFrame, *, across: str | None = None
) -> Evaluation:
    """Measure the clusters and candidates of a workspace against a gold standard.

    Parameters
    ----------
    workspace
        Its folder.
    gold
        Table with columns ``id, cluster_id`` or ``id_a, id_b``.
    across
        Column of the input: only pairs whose values in it differ are counted.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    InputError
        If the gold standard cannot be used.
    OptionError
        If there is no column `across`.
    """
    opened = open_workspace(workspace)
    table, pairs = _reopened(opened)
    config = kept_config(opened)
    frame = table.records.frame
    if across is None and config.link and not config.within:
        across = STACKED
    if across is not None and across not in frame.columns:
        raise OptionError(
            f"across: there is no column {across!r}; the columns are {', '.join(frame.columns)}"
        )
    truth = gold if isinstance(gold, pl.DataFrame) else read_table(gold).frame
    resolved = resolve(table.records, pairs, decisions_of(opened), config)
    return evaluate(
        resolved.clustering.labels,
        pairs,
        read_gold(_with_tables(truth, table), table.records.ids.to_list()),
        None if across is None else frame[across].cast(pl.String).fill_null("").to_numpy(),
    )


def estimate_workspace(workspace: str | Path) -> Estimate:
    """Estimate precision and recall of a workspace's clusters from the decisions about its pairs.

    Pairs of identical text are outside the estimate, and so is what the search did not find.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    """
    opened = open_workspace(workspace)
    pairs, _, _ = _reviewed(opened)
    return estimate_quality(pairs, seed=kept_config(opened).seed)


def draw_audit(workspace: str | Path, count: int) -> Audit:
    """Draw the next pairs to review, of those that narrow the estimate most.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    """
    opened = open_workspace(workspace)
    pairs, ids, key = _reviewed(opened)
    seed = kept_config(opened).seed
    drawn = audit_order(pairs, ids, count, seed=seed)
    return Audit([ids[number] for number in drawn], key, estimate_quality(pairs, seed=seed))


@dataclass(frozen=True, eq=False)
class Audit:
    """Pairs drawn for an audit.

    Parameters
    ----------
    pairs
        Keys of the two records of each pair, in the order of review.
    key
        To be given as ``drawn`` to :meth:`~dedupe.decisions.Decisions.record` with each of them.
    estimate
        What is known before they are reviewed.
    """

    pairs: list[tuple[str, str]]
    key: str
    estimate: Estimate


def train(
    workspace: str | Path, *, back: bool = False, report: Report = no_report, **options: Any
) -> tuple[dict[str, Any], Result]:
    """Teach the cross-encoder of a workspace its decisions, and score, cluster and write anew.

    The new model is kept in the workspace, by version; later runs into it use the newest.

    Parameters
    ----------
    workspace
        Its folder.
    back
        Learn nothing, but go back to the version before the one in use.
    report
        Told how far each stage is.
    **options
        ``device`` and ``seed``.

    Returns
    -------
    lesson
        The version now in use, and, unless `back`, what was learnt; see
        :class:`~dedupe.learn.reviews.Lesson`.
    result
        As of :func:`run`.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    OptionError
        If there are too few decisions, or no version to go back to.
    """
    opened = open_workspace(workspace)
    facts = opened.facts()
    config = kept_config(opened).with_options(**options)
    stages = Stages(opened, report)
    lesson: dict[str, Any] = {}
    if back:
        model = _one_back(opened)
    else:
        with stages.timed("learn") as progress, opened.locked():
            lesson = _learnt(opened, config, progress)
        model = str(opened.model(opened.current_version()))
    lesson["version"] = opened.current_version()
    config = replace(config, cross_encoder=model)
    # The table is in the workspace under the key of the input: nothing is read again.
    source = Given(tuple(facts["input"]["names"]), facts["input"]["fingerprint"])
    return lesson, _run(source, opened.path, config, report)


def decision_log(workspace: str | Path) -> pl.DataFrame:
    """Return the log of decisions of a workspace; see :data:`~dedupe.decisions.LOG`.

    Raises
    ------
    WorkspaceError
        If there is no workspace, or its log cannot be read.
    """
    with open_workspace(workspace).decisions(readonly=True) as log:
        return log.log()


def import_decisions(
    workspace: str | Path, labels: str | Path | pl.DataFrame, *, reviewer: str = "import"
) -> int:
    """Record labels as decisions; return how many.

    Parameters
    ----------
    workspace
        Its folder.
    labels
        Table of ``id_a``, ``id_b`` and ``label``: match, different or unsure, or 1 or 0.
    reviewer
        Whose the labels are.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    InputError
        If a column is missing, an id is unknown or a label is none of these.
    """
    opened = open_workspace(workspace)
    table, _ = _reopened(opened)
    frame = labels if isinstance(labels, pl.DataFrame) else read_table(labels).frame
    missing = [name for name in ("id_a", "id_b", "label") if name not in frame.columns]
    if missing:
        raise InputError(f"the labels have no column {missing[0]!r}: id_a, id_b and label are due")
    keys = dict(zip(table.records.ids, table.records.keys, strict=True))
    verdicts = []
    for a, b, label in frame.select(pl.col("id_a", "id_b", "label").cast(pl.String)).iter_rows():
        for one in (a, b):
            if one not in keys:
                raise InputError(f"the labels name id {one!r}, which is not in the data")
        verdict = _LABELS.get(str(label).strip().lower())
        if verdict is None:
            raise InputError(f"unknown label {label!r}: use match, different, unsure, 1 or 0")
        verdicts.append((keys[a], keys[b], verdict))
    with opened.decisions() as log:
        for a, b, verdict in verdicts:
            log.record(a, b, verdict, reviewer)
    return len(verdicts)


_LABELS = {
    **{verdict.value: verdict for verdict in Verdict},
    **dict.fromkeys(("1", "true", "yes", "y"), Verdict.MATCH),
    **dict.fromkeys(("0", "false", "no", "n"), Verdict.DIFFERENT),
}


def _learnt(workspace: Workspace, config: Config, progress: Progress) -> dict[str, Any]:
    from dedupe.learn.calibrate import halved
    from dedupe.learn.reviews import Example, learn_decisions

    table, pairs = _reopened(workspace)
    texts = table.records.texts
    decided = decided_rows(decisions_of(workspace), table.records).filter(
        pl.col("decision").is_in(["match", "different"])
    )
    examples = [
        Example(texts[a], texts[b], float(verdict == "match"))
        for a, b, verdict in decided.select("left", "right", "decision").iter_rows()
    ]
    others = (
        pairs.filter(pl.col("decided_by") == "cross-encoder")
        .join(decided, on=["left", "right"], how="anti")
        .sample(fraction=1.0, shuffle=True, seed=config.seed)
        .head(_REPLAYED)
    )
    replay = [
        Example(texts[a], texts[b], chance)
        for a, b, chance in others.select("left", "right", "probability").iter_rows()
    ]
    folder = MODELS / "cross-encoder" if config.cross_encoder == BUNDLED else config.cross_encoder
    model, lesson = learn_decisions(
        Path(folder), examples, replay, device=config.device, seed=config.seed, progress=progress
    )
    version = max(workspace.versions(), default=0) + 1
    made = workspace.models / f".making-{version}"
    halved(model)
    model.save_pretrained(str(made), create_model_card=False)
    write_json(made / "lesson.json", {**lesson.as_dict(), "from": config.cross_encoder})
    made.rename(workspace.model(version))
    workspace.use_version(version)
    return lesson.as_dict()


def _one_back(workspace: Workspace) -> str:
    """Go back to the model that the one in use began with; return its name or folder."""
    version = workspace.current_version()
    if version == 0:
        raise OptionError("there is no learnt model to go back from")
    notes = json.loads((workspace.model(version) / "lesson.json").read_text(encoding="utf-8"))
    before = str(notes["from"])
    known = {str(workspace.model(v)): v for v in workspace.versions()}
    workspace.use_version(known.get(before, 0))
    return before


def _with_learnt(config: Config, workspace: Workspace) -> Config:
    """Use the cross-encoder that learnt from the workspace's decisions, unless another is named."""
    version = workspace.current_version() if workspace.models.is_dir() else 0
    if version and config.cross_encoder == BUNDLED:
        return replace(config, cross_encoder=str(workspace.model(version)))
    return config


_REPLAYED = 1_000
"""Undecided pairs that the model may be reminded of while it learns."""


def _with_tables(gold: pl.DataFrame, table: TableRead) -> pl.DataFrame:
    """Put the number of the table before the ids of a gold standard where the records' have it.

    Ids of two linked tables may be the same; in pairs the first is then of the first table.
    """
    ids, own = table.records.ids, own_ids(table.records)
    two = table.linked is not None and len(table.linked.names) == 2
    if not two or (ids == own).all() or not {"id_a", "id_b"} <= set(gold.columns):
        return gold
    return gold.with_columns(
        (pl.lit(f"{number}:") + pl.col(name).cast(pl.String)).alias(name)
        for number, name in ((1, "id_a"), (2, "id_b"))
    )


@dataclass(frozen=True, eq=False)
class Clustered:
    """What a workspace holds, clustered by the configuration of its last run and its decisions.

    Parameters
    ----------
    records
        n records.
    pairs
        Every scored pair.
    resolved
        The clusters.
    config
        Of the last run.
    """

    records: Records
    pairs: pl.DataFrame
    resolved: Resolved
    config: Config


def clustered(workspace: Workspace) -> Clustered:
    """Cluster what a workspace holds, and write nothing; needs no model.

    Raises
    ------
    WorkspaceError
        If the workspace is incomplete or damaged.
    """
    table, pairs = _reopened(workspace)
    config = kept_config(workspace)
    resolved = resolve(table.records, pairs, decisions_of(workspace), config)
    return Clustered(table.records, pairs, resolved, config)


# Stages that are kept ---------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class TableRead:
    """The input as records, and how its text was written.

    Where records were added, ``slot`` is the place of each record's text in the index, (n,) u32.
    """

    records: Records
    dialect: Dialect
    linked: Linked | None = None
    slot: NDArray[np.uint32] | None = None


class Stages:
    """Runs the stages of one run: times them, reports them, keeps what they make.

    Parameters
    ----------
    workspace
        Where results are kept; ``None`` keeps nothing.
    report
        Told how far each stage is.
    """

    def __init__(self, workspace: Workspace | None, report: Report) -> None:
        self.workspace = workspace
        self.report = report
        self.done: list[dict[str, Any]] = []
        self.facts: dict[str, dict[str, Any]] = {}

    @contextmanager
    def timed(self, stage: str) -> Iterator[Progress]:
        """Time one stage, and say that it has begun and ended."""
        start = time.perf_counter()
        self.report(stage, 0, 0)
        yield partial(self.report, stage)
        self.done.append(
            {
                "stage": stage,
                "seconds": round(time.perf_counter() - start, 3),
                "peak_mb": _peak_mb(),
            }
        )

    def kept(self, stage: str, name: str, key: str) -> pl.DataFrame | None:
        """Return what `stage` made under `key` in an earlier run, if it is there and whole."""
        found = self.workspace.load(name, key) if self.workspace is not None else None
        if found is None:
            return None
        frame, self.facts[stage] = found
        self.done.append({"stage": stage, "seconds": 0.0, "peak_mb": _peak_mb(), "reused": True})
        return frame

    def keep(
        self, stage: str, name: str, key: str, frame: pl.DataFrame, facts: dict[str, Any]
    ) -> pl.DataFrame:
        """Keep what `stage` made."""
        self.facts[stage] = facts
        if self.workspace is not None:
            self.workspace.save(name, key, frame, facts)
        return frame


def _read(source: Given, config: Config) -> TableRead:
    if config.link:
        table, linked = source.linked(config)
        numbers = pl.DataFrame({STACKED: linked.names, "number": range(len(linked.names))})
        found = table.frame.select(STACKED).join(
            numbers, on=STACKED, how="left", maintain_order="left"
        )
        source_of = found["number"].to_numpy().astype(np.uint8)
        return TableRead(make_records(table.frame, config, source_of), table.dialect, linked)
    table = source.table(config)
    return TableRead(make_records(table.frame, config), table.dialect)


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
            vectors = embed(encoder, distinct)
            rare = rare_features(encoder, distinct) if len(distinct) > FLAT_LIMIT else None
        with stages.timed("search") as progress:
            found = search(vectors, config, progress, source, rare)
    if stages.workspace is not None:
        stages.workspace.forget("index", [])
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
        scored, facts, student = score_pairs(model, candidates, texts, config, progress)
    if stages.workspace is not None and student is not None:
        stages.workspace.save_arrays("student", key, student.arrays())
        stages.workspace.forget("student", [key])
        facts = {**facts, "kept_as": key}
    return stages.keep("score", "scored", key, scored.hstack([candidates["seen"]]), facts)


def index_arrays(
    encoder: SentenceTransformer | Spelling,
    texts: Sequence[str],
    vectors: NDArray[np.float32],
    *,
    weights: bool = True,
) -> dict[str, NDArray[Any]]:
    """Return what is kept to find s texts, already embedded, by others that come later.

    Returns
    -------
    dict
        ``vectors`` (s, d) float16; of the bundled bi-encoder ``counts`` (s,) uint8, ``columns`` and
        ``values`` of the rare features, and with `weights` what :class:`~dedupe.spelling.Spelling`
        was fitted to, ``seen``, ``rarity`` and ``fitted_on``.
    """
    arrays: dict[str, NDArray[Any]] = {"vectors": vectors.astype(np.float16)}
    spelling = spelling_of(encoder)
    if spelling is None:
        return arrays
    rare = spelling.rare_features(texts, lone=True)
    arrays |= {
        "counts": np.diff(rare.indptr).astype(np.uint8),
        "columns": rare.indices.astype(np.int32),
        "values": rare.data.astype(np.float16),
    }
    return arrays | spelling.arrays() if weights else arrays


def save_names(
    workspace: Workspace, key: str, resolved: Resolved, *, kept: bool, forget: bool = True
) -> None:
    """Keep the ids of the clusters; with `kept`, those that follow them bear the same."""
    names = resolved.cluster_id.to_frame()
    workspace.save("named", key, names, {"kept": kept}, forget=forget)


def _chosen(scored: pl.DataFrame) -> pl.DataFrame:
    """Return the candidates among the scored pairs, without the sample from outside."""
    return scored.filter(pl.col("seen") == 0).drop("seen")


# The workspace of a run --------------------------------------------------------------------------


def _workspace(source: Given, output: str | Path | None, config: Config) -> Workspace | None:
    if output is not None:
        return Workspace(Path(output))
    if config.link and source.paths:
        first = Path(source.paths[0])
        stems = "-".join(Path(path).stem for path in source.paths)
        return Workspace(first.with_name(f"{stems}{SUFFIX}"))
    return Workspace(Path(f"{source.stem}{SUFFIX}")) if source.stem is not None else None


def stage_keys(source: Given, config: Config) -> dict[str, str]:
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
        digest.update(file.read_bytes())
    return digest.hexdigest()


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
        tuple(FieldUse(**use) for use in facts["fields"]),
        facts["id_column"],
    )
    if (names := workspace.load("named", key)) is not None and names[1].get("kept"):
        records = replace(records, named=names[0]["cluster_id"])
    linked = Linked.of(facts["linked"]) if facts.get("linked") else None
    slot = texts[0]["slot"].to_numpy() if "slot" in texts[0].columns else None
    return TableRead(records, Dialect(**facts["dialect"]), linked, slot)


def _reopened(workspace: Workspace) -> tuple[TableRead, pl.DataFrame]:
    """Return the records and all pairs of a workspace."""
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
    return table, pl.concat([identical, _chosen(pairs)]).sort("left", "right")


def _reviewed(workspace: Workspace) -> tuple[Reviewed, list[tuple[str, str]], str]:
    """Return the pairs that differ in text and their reviews, their record keys, the audit's key.

    The audit's key changes with all that moves pairs between strata: decisions on pairs that were
    drawn under another key hold for themselves, but speak of no others.
    """
    table, pairs = _reopened(workspace)
    config = kept_config(workspace)
    with workspace.decisions(readonly=True) as log:
        lines, current = log.log(), log.current()
    labels = resolve(table.records, pairs, current, config).clustering.labels
    undisturbed = resolve(table.records, pairs, current.clear(), config).clustering.labels
    facts = workspace.facts().get("keys", {})
    key = stage_key(facts.get("scored", ""), config.threshold, config.link, config.within)
    # A pair counts as drawn by its first decision: that is when it was still unknown.
    first = lines.filter(pl.col("verdict").is_not_null()).unique(
        ["left_id", "right_id"], keep="first", maintain_order=True
    )
    said = current.join(
        first.select("left_id", "right_id", "sequence", pl.col("drawn") == key),
        on=["left_id", "right_id"],
        maintain_order="left",
    )
    scored = pairs.filter(pl.col("decided_by") != "identical")
    left, right = (scored[side].to_numpy() for side in ("left", "right"))
    keys = table.records.keys
    ids = [
        (min(a, b), max(a, b))
        for a, b in zip(keys.gather(left).to_list(), keys.gather(right).to_list(), strict=True)
    ]
    known = pl.DataFrame(ids, schema=["left_id", "right_id"], orient="row").join(
        said, on=["left_id", "right_id"], how="left", maintain_order="left"
    )
    probability = scored["probability"].to_numpy().astype(np.float64)
    verdict = known["verdict"].replace_strict(
        {"match": 1, "different": 0}, default=-1, return_dtype=pl.Int8
    )
    return (
        Reviewed(
            probability,
            strata(probability, undisturbed[left] == undisturbed[right]),
            labels[left] == labels[right],
            verdict.to_numpy(),
            known["sequence"].fill_null(0).to_numpy(),
            known["drawn"].fill_null(False).to_numpy(),
        ),
        ids,
        key,
    )


def _check_same_input(workspace: Workspace, source: Given, table: TableRead) -> None:
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
    workspace: Workspace, source: Given, table: TableRead, keys: dict[str, str], config: Config
) -> None:
    """Write what the workspace is for, and keep the input in it."""
    added = workspace.facts().get("added") if workspace.facts_file.exists() else None
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
            "config": config.as_dict(),
            **({"added": added} if added else {}),
        }
    )


def save_table(workspace: Workspace, key: str, table: TableRead, *, forget: bool = True) -> None:
    """Keep the records of a workspace."""
    records = table.records
    columns = [records.ids, records.keys, records.texts, pl.Series("source", records.source)]
    if table.slot is not None:
        columns.append(pl.Series("slot", table.slot))
    facts = {
        "fields": [asdict(use) for use in records.fields],
        "id_column": records.id_column,
        "dialect": asdict(table.dialect),
        "linked": table.linked.as_dict() if table.linked is not None else None,
    }
    workspace.save("table", key, records.frame, {}, forget=forget)
    workspace.save("records", key, pl.DataFrame(columns), facts, forget=forget)


def kept_config(workspace: Workspace) -> Config:
    """Return the configuration of the last run."""
    kept = dict(workspace.facts().get("config", {}))
    return Config(**kept)


def decisions_of(workspace: Workspace | None) -> pl.DataFrame:
    """Return the decisions in force, the oldest first."""
    if workspace is None:
        return pl.DataFrame(
            schema={"left_id": pl.String, "right_id": pl.String, "verdict": pl.String}
        )
    with workspace.decisions(readonly=True) as log:
        return log.current()


# What is written ------------------------------------------------------------------------------


def write_outputs(
    workspace: Workspace | None, outputs: Outputs, dialect: Dialect, config: Config
) -> dict[str, Any]:
    """Write the output tables; return the size and time of each file."""
    if workspace is None:
        return {}
    written = write_tables(
        outputs.tables(),
        workspace.path,
        format=config.format,
        dialect=dialect,
        safe_csv=config.safe_csv,
        tidy=workspace.facts_file.exists(),
    )
    return {path.name: _stamp(path) for path in written}


def _stamp(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns]


def export_key(keys: Mapping[str, str], decisions: pl.DataFrame, config: Config) -> str:
    """Return a hash of all that the outputs follow from."""
    return stage_key(keys["scored"], decisions.rows(), config.as_dict(), version("dedupe-tui"))


def _unchanged(workspace: Workspace, keys: Mapping[str, str], config: Config) -> Result | None:
    """Return the result of the last run if this one would only repeat it."""
    if not workspace.facts():
        return None
    manifest = workspace.manifest()
    if manifest.get("key") != export_key(keys, decisions_of(workspace), config):
        return None
    for name, stamp in manifest["outputs"].items():
        file = workspace.path / name
        if not file.exists() or _stamp(file) != stamp:
            return None

    def make() -> Outputs:
        table, pairs = _reopened(workspace)
        resolved = resolve(table.records, pairs, decisions_of(workspace), config)
        rules: dict[str, Rule] = parse_rules(config.merge, table.records.frame.columns)
        return make_outputs(table.records, pairs, resolved, rules, config, table.linked)

    return Result({**manifest, "unchanged": True}, workspace.path, make)


def run_facts(
    source: Given, table: TableRead, keys: Mapping[str, str], config: Config
) -> dict[str, Any]:
    """Return what a manifest says of the input, the options and the models."""
    records = table.records
    packages = ("faiss-cpu", "numpy", "polars", "sentence-transformers", "torch")
    return {
        "dedupe": version("dedupe-tui"),
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in packages},
        },
        "input": {"names": source.names, "fingerprint": source.fingerprint},
        "rows": len(records),
        "id_column": records.id_column,
        "fields": [asdict(use) for use in records.fields],
        **({} if table.linked is None else {"linked": table.linked.as_dict()}),
        "config": config.as_dict(),
        "models": model_ids(config),
        "stage_keys": dict(keys),
    }


def search_facts(
    facts: Mapping[str, Any],
    scored: pl.DataFrame,
    identical: pl.DataFrame,
    rows: int,
    config: Config,
) -> dict[str, Any]:
    """Return counts of the pairs, and the estimate of what the search lost.

    Pairs just outside the candidates were scored for a sample of the records. Those that match,
    scaled up to all records, are the matches that were not brought; each is seen from both sides.
    """
    matches = scored.filter(pl.col("probability") >= config.threshold)
    found = matches.filter(pl.col("seen") == 0).height
    lost = float(matches["seen"].sum()) / 2 / facts["sampled_share"]
    candidates = _chosen(scored)
    return {
        "search": {
            **{name: facts[name] for name in ("radius", "index", "index_recall", "notes")},
            "candidates": candidates.height,
            "candidates_per_record": round(candidates.height / rows, 2),
            "estimated_recall": round(found / (found + lost), 4) if found + lost else 1.0,
        },
        "decided_by": {
            "identical": identical.height,
            **dict(candidates.group_by("decided_by").len().sort("decided_by").iter_rows()),
        },
        "matching_pairs": found + identical.height,
    }


def _peak_mb() -> int:
    """Return the most memory used so far, in MiB; 0 where the system does not say."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak // (1024 * 1024 if platform.system() == "Darwin" else 1024))
