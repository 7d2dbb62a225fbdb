"""A run on a Ray cluster: from files to partitioned output tables.

::

    files ──▶ partitions ──▶ texts ──▶ statistics, candidate pairs ──▶ scored pairs
        ──▶ connected components ──▶ clusters and output tables

A stage that is finished is kept in ``stages`` of the output folder, so that a run that was broken
off goes on behind it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dedupe.config import EXPORT_OPTIONS, LIMITS, Config
from dedupe.engine.candidates import identical_texts, no_duplicates
from dedupe.engine.components import find_components
from dedupe.engine.options import check_options
from dedupe.engine.outputs import make_outputs
from dedupe.engine.plan import Plan, Sizes
from dedupe.engine.reading import File, count_rows, find_files, is_parquet, make_texts, read_input
from dedupe.engine.review_sample import write_sample
from dedupe.engine.scoring import score_candidates
from dedupe.engine.search import find_candidates
from dedupe.engine.statistics import file_statistics
from dedupe.engine.store import ADDRESS, Store
from dedupe.engine.workers import Facts, Workers, connected
from dedupe.errors import OptionError, WorkspaceError
from dedupe.io.atomic import output_errors
from dedupe.io.sources import stem_of
from dedupe.progress import Report, no_report
from dedupe.resolution.cluster_figures import check_limits
from dedupe.resolution.outputs import OUTPUTS
from dedupe.resolution.survivorship.merge_rules import parse_rules
from dedupe.scoring.score import max_cross_encoder_pairs
from dedupe.workspace.folder import SUFFIX
from dedupe.workspace.keys import CODE_VERSION, model_ids, stage_key

# Measured on the cores of a server, with a million records: seconds of one core.
SECONDS_PER_RECORD = 5.0e-4
SECONDS_PER_JUDGED_PAIR = 0.024
SECONDS_TO_START = 20.0
MEMORY_MB = 700
"""The most memory of its own that a worker was seen to use, with a million records."""
MANIFEST = "manifest.json"
STAGES, LOCK = "stages", ".lock"


@dataclass(frozen=True)
class DistributedResult:
    """What a distributed run found.

    Parameters
    ----------
    summary
        Counts and seconds: the content of ``manifest.json``.
    folder
        Path or address of the folder with the tables, each a folder of Parquet files.
    """

    summary: dict[str, Any]
    folder: str


def run_distributed(
    inputs: str | Sequence[str],
    *,
    engine: str,
    output: str | None = None,
    config: Config | None = None,
    report: Report = no_report,
    sizes: Sizes | None = None,
    **options: Any,
) -> DistributedResult:
    """Find the duplicates of a table, cluster and merge them, on a Ray cluster.

    Parameters
    ----------
    inputs
        Files (Parquet, CSV and the others that :func:`dedupe.run` reads), folders, globs, and
        addresses (``s3://…``, ``gs://…``) of files, folders and globs.
    engine
        As for :func:`~dedupe.engine.workers.connected`.
    output
        Folder or address of the results; by default beside the first file, named after it. All
        machines of the cluster have to reach it.
    config
        The configuration; defaults if ``None``.
    report
        Called with the progress of each stage.
    sizes
        How much a task holds.
    **options
        Fields of :class:`~dedupe.config.Config`, replacing those of `config`.

    Raises
    ------
    EngineError
        If Ray is missing, the cluster does not answer or goes away, or a record breaks a stage.
    DedupeError
        If the input or an option cannot be used, in one line.
    """
    config = (config or Config()).with_options(**options)
    check_options(config, options)
    files = find_files(inputs)
    folder = output if output is not None else default_folder(inputs, files)
    _check_folder(Store(folder))
    outputs = Store(folder)
    earlier = outputs.read_json(MANIFEST)
    chosen = sizes or Sizes()
    if earlier is not None and earlier["key"] == _keys(files, config, chosen)[1]:
        check_limits(earlier, earlier["rows"], config)
        return DistributedResult({**earlier, "unchanged": True}, folder)
    with connected(engine), _alone(folder):
        return _run(files, folder, config, report, chosen)


def estimate(inputs: str | Sequence[str], **options: Any) -> dict[str, int | float]:
    """Estimate the cost of a distributed run, without running it.

    Returns
    -------
    dict
        ``rows``, ``rows_counted`` (whether they were counted, as those of Parquet are, or estimated
        from the size of a file), ``candidates`` (at most), ``cross_encoder_pairs`` (at most),
        ``seconds`` of one core in all, and ``memory_mb`` of each worker.

    Raises
    ------
    DedupeError
        If the input or an option cannot be used.
    """
    config = Config().with_options(**options)
    check_options(config, options)
    files = find_files(inputs)
    rows = sum(count_rows(file) for file in files)
    candidates = int(config.candidates_per_record * rows)
    judged = max_cross_encoder_pairs(rows, candidates, config)
    seconds = SECONDS_TO_START + rows * SECONDS_PER_RECORD + judged * SECONDS_PER_JUDGED_PAIR
    return {
        "rows": rows,
        "rows_counted": all(is_parquet(file) for file in files),
        "candidates": candidates,
        "cross_encoder_pairs": judged,
        "seconds": round(seconds, 1),
        "memory_mb": MEMORY_MB,
    }


def default_folder(inputs: str | Sequence[str], files: Sequence[File]) -> str:
    """Name the folder of the results after the first input.

    Raises
    ------
    OptionError
        If the input is at an address, beside which nothing is written unasked.
    """
    first = inputs if isinstance(inputs, str) else inputs[0]
    if ADDRESS in first:
        raise OptionError("name the folder or address of the results with -o")
    return f"{stem_of(first if Path(first).is_dir() else files[0].path)}{SUFFIX}"


def _run(
    files: Sequence[File], folder: str, config: Config, report: Report, sizes: Sizes
) -> DistributedResult:
    outputs = Store(folder)
    scored_key, key = _keys(files, config, sizes)
    store = Store(f"{folder}/{STAGES}/{scored_key}")
    late = Store(f"{store.root}/{key}")
    workers = Workers(store, report, sizes.objects)
    after = Workers(late, report, sizes.objects, workers.done)
    plan = read_input(workers, Plan(store, late, config, sizes), files)
    names = [name for name, _ in store_columns(plan)]
    for rule in parse_rules(config, names).values():
        if not rule.local:
            raise OptionError(
                f"merge rule {rule.kind} compares the values of the whole file: the engine ray "
                "does not support it"
            )
    texts = make_texts(workers, plan)
    statistics = file_statistics(workers, plan, texts)
    identical_texts(workers, plan)
    _check_ids(plan, store)
    search = find_candidates(workers, plan)
    scoring = score_candidates(workers, plan, statistics, search)
    rounds = find_components(after, plan, scoring)
    parts = make_outputs(after, plan, scoring, late)
    figures = _figures(parts, config)
    check_limits(figures, plan.rows, config)
    for name in OUTPUTS:
        outputs.take(name, late)
    sampled = 0
    if ADDRESS not in folder:
        sampled = write_sample(after, plan, scoring, statistics, Path(folder))
    summary = {
        "dedupe": version("dedupe-tui"),
        "engine": "ray",
        "key": key,
        "input": {"names": [file.path for file in files]},
        "rows": plan.rows,
        "partitions": len(plan.homes),
        "id_column": plan.id_column,
        "fields": [vars(field) for field in plan.fields],
        "config": config.as_dict(),
        "models": model_ids(config),
        "search": {**search, "candidates": scoring.facts["candidates"]},
        "cross_encoder": {name: scoring.facts[name] for name in ("judged", "over_budget")},
        "self_training": scoring.regression is not None,
        "component_edges": rounds,
        **figures,
        "sampled_pairs": sampled,
        "stages": workers.done,
    }
    outputs.write_json(MANIFEST, summary)
    for other in outputs.folders(STAGES):
        if other != scored_key:
            outputs.remove(f"{STAGES}/{other}")
    outputs.remove(f"{STAGES}/{scored_key}/{key}")
    return DistributedResult(summary, folder)


def store_columns(plan: Plan) -> list[tuple[str, Any]]:
    """List the names and types of the columns of the input."""
    return list(plan.store.schema("partitions/part-00000").items())


def _keys(files: Sequence[File], config: Config, sizes: Sizes) -> tuple[str, str]:
    """Return the keys of the stages up to the scores, and of those after them."""
    given, default = config.as_dict(), Config().as_dict()
    scored_by = {
        name: default[name] if name in (*EXPORT_OPTIONS, *LIMITS) else value
        for name, value in given.items()
    }
    made_from = [[file.path, file.stamp] for file in files]
    code = CODE_VERSION, version("dedupe-tui")
    scored = stage_key(*code, made_from, scored_by, model_ids(config), vars(sizes))
    written = {name: value for name, value in given.items() if name not in LIMITS}
    return scored, stage_key(scored, written)


@contextmanager
def _alone(folder: str) -> Iterator[None]:
    """Keep other runs out of a folder of this machine.

    Raises
    ------
    WorkspaceError
        If another run is using it.
    """
    if ADDRESS in folder:
        yield
        return
    from filelock import FileLock, Timeout

    path = Path(folder)
    with output_errors(path):
        path.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise WorkspaceError(
            f"another run is using {folder}: wait for it, or name another folder with -o"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _check_folder(outputs: Store) -> None:
    """Refuse a folder that is the workspace of a local run, or of something else.

    Raises
    ------
    WorkspaceError
        If it is.
    """
    manifest = outputs.read_json(MANIFEST)
    if manifest is not None and manifest.get("engine") == "ray":
        return
    names = [name for name in outputs.names() if name != LOCK]
    if (names and names != [STAGES]) or outputs.read_json("workspace.json") is not None:
        raise WorkspaceError(
            f"{outputs.root} is not a folder of the engine ray: name another with -o"
        )


def _check_ids(plan: Plan, store: Store) -> None:
    """Refuse an id column in which two rows have the same value.

    Raises
    ------
    OptionError
        If they have.
    """
    found = store.finished("equal-texts")
    assert found is not None
    if twice := no_duplicates(found["tasks"]):
        raise OptionError(
            f"id column {plan.id_column!r} is not unique: rows {twice[0] + 1:,} and "
            f"{twice[1] + 1:,} have the same value; mend it, or name another column with --id"
        )


def _figures(parts: Sequence[Facts], config: Config) -> Facts:
    """Add up the figures of all parts."""
    parts = [found for found in parts if found["rows"]]
    total: Facts = {
        name: sum(int(found[name]) for found in parts)
        for name in (
            "clusters", "clusters_of_two_or_more", "rows_merged", "doubtful_pairs",
            "matching_pairs",
        )
    }  # fmt: skip
    deciders: Counter[str] = Counter()
    for found in parts:
        deciders.update(found["decided_by"])
    large = [cluster for found in parts for cluster in found["large_clusters"]]
    return {
        **total,
        "largest_cluster": max(int(found["largest_cluster"]) for found in parts),
        "large_clusters": sorted(large, key=lambda cluster: -int(cluster["size"])),
        "uneven_clusters": [cluster for found in parts for cluster in found["uneven_clusters"]],
        "decided_by": dict(sorted(deciders.items())),
        "decisions": 0,
    }
