"""What people say of pairs, put to use: labels to measure by, decisions to estimate and learn from.

All of it works on the workspace of a finished run.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from dedupe.audits import Review, reviewed
from dedupe.cluster import identical_groups
from dedupe.config import BUNDLED, Config
from dedupe.decisions import Verdict
from dedupe.encoders import MODELS, no_bars
from dedupe.errors import InputError, OptionError, WorkspaceError
from dedupe.estimates import UNKNOWN, Estimate, draws_left
from dedupe.estimates import estimate as estimate_quality
from dedupe.evaluate import Evaluation, evaluate, read_gold
from dedupe.inputs import STACKED, Given, Source, given
from dedupe.kept import (
    TableRead,
    decisions_of,
    kept_config,
    kept_table,
    lost_by_search,
    reopened,
    stage_keys,
)
from dedupe.pipeline import Result, Stages, carry_out, workspace_of
from dedupe.progress import Progress, Report, no_report
from dedupe.records import Records
from dedupe.results import corrected, decided_rows, own_ids, resolve
from dedupe.scoring import UNSEEN, pair_name
from dedupe.tables import read_table
from dedupe.workspace import Workspace, open_workspace, stage_key, write_json

REPLAYED = 1_000
"""Undecided pairs of the file that the model may be reminded of while it learns."""
WORTH_RESCORING = 0.01
"""Log loss by which decisions held back have to be predicted better before a file is scored anew:
of a hundred decisions, less is chance."""


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
    table, pairs = reopened(opened)
    config = kept_config(opened)
    frame = table.records.frame
    if across is None and config.link and not config.within:
        across = STACKED
    if across is not None and across not in frame.columns:
        raise OptionError(
            f"across: there is no column {across!r}; the columns are {', '.join(frame.columns)}"
        )
    truth = gold if isinstance(gold, pl.DataFrame) else read_table(gold).frame
    decisions = decisions_of(opened)
    pairs, _ = corrected(table.records, pairs, decisions, config)
    resolved = resolve(table.records, pairs, decisions, config)
    return evaluate(
        resolved.clustering.labels,
        pairs,
        read_gold(with_tables(truth, table), table.records.ids.to_list()),
        None if across is None else frame[across].cast(pl.String).fill_null("").to_numpy(),
    )


def with_tables(gold: pl.DataFrame, table: TableRead) -> pl.DataFrame:
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


def estimate_workspace(workspace: str | Path) -> Estimate:
    """Estimate precision and recall of a workspace's clusters from the decisions about its pairs.

    Pairs of identical text are outside the estimate. Recall is given among the candidates, and of
    all matches, with what the search lost by its own estimate.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    """
    review = _review(open_workspace(workspace))
    return estimate_quality(review.at(review.config.threshold), seed=review.config.seed)


def draw_audit(workspace: str | Path, count: int) -> Audit:
    """Draw the next pairs to review for an estimate.

    The order of all pairs is drawn once and for all: see :mod:`dedupe.estimates`. A decision on
    one of these pairs counts whoever makes it, and whether the pair was drawn or came up otherwise.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    """
    opened = open_workspace(workspace)
    review = _review(opened)
    scored = review.pairs.filter(pl.col("decided_by") != "identical")
    order = np.argsort(review.turn, kind="stable")
    waiting = order[review.verdict[order] == UNKNOWN][:count]
    left, right = (
        review.records.keys.gather(scored[side].gather(waiting)).to_list()
        for side in ("left", "right")
    )
    found = estimate_quality(review.at(review.config.threshold), seed=review.config.seed)
    key = stage_key("audit", opened.facts()["keys"]["scored"], review.config.seed)
    return Audit(list(zip(left, right, strict=True)), key, found)


@dataclass(frozen=True, eq=False)
class Audit:
    """Pairs drawn for an audit.

    Parameters
    ----------
    pairs
        Keys of the two records of each pair, in the order of review.
    key
        May be given as ``drawn`` to :meth:`~dedupe.decisions.Decisions.record` with each of them,
        so that the log says why they were looked at.
    estimate
        What is known before they are reviewed.
    """

    pairs: list[tuple[str, str]]
    key: str
    estimate: Estimate

    def draws_left(self, width: float) -> int:
        """Return about how many pairs to review until no interval is wider; 0: it is reached."""
        return draws_left(self.estimate, width)


def _review(workspace: Workspace) -> Review:
    table, pairs = reopened(workspace)
    return reviewed(
        table.records,
        pairs,
        decisions_of(workspace),
        kept_config(workspace),
        lost_by_search(workspace),
    )


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
        Table of ``id_a``, ``id_b`` and ``label``: match, different or unsure, or 1 or 0. Of two
        linked tables the first id may be as it is in the first, and the other as in the second.
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
    table, _ = reopened(opened)
    frame = labels if isinstance(labels, pl.DataFrame) else read_table(labels).frame
    missing = [name for name in ("id_a", "id_b", "label") if name not in frame.columns]
    if missing:
        raise InputError(f"the labels have no column {missing[0]!r}: id_a, id_b and label are due")
    keys = dict(zip(table.records.ids, table.records.keys, strict=True))
    frame = frame.select(pl.col("id_a", "id_b", "label").cast(pl.String))
    if not all(frame[side].is_in(list(keys)).all() for side in ("id_a", "id_b")):
        frame = with_tables(frame, table)
    verdicts = []
    for a, b, label in frame.iter_rows():
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


def train(
    workspace: str | Path, *, back: bool = False, report: Report = no_report, **options: Any
) -> tuple[dict[str, Any], Result]:
    """Teach the cross-encoder of a workspace its decisions, and score, cluster and write anew.

    The new model is kept in the workspace, by version. The workspace goes on with it where its
    scores, corrected by the decisions as ever, predict decisions held back better than those it
    has; otherwise these stay, and the new model is there for other files.

    Parameters
    ----------
    workspace
        Its folder.
    back
        Learn nothing, but go back to the version before the one in use.
    report
        Told how far each stage is.
    **options
        ``device``, and the ``seed`` of what is learnt: pairs are searched and drawn as before.

    Returns
    -------
    lesson
        ``version`` made, or gone back to; unless `back`, what was learnt, see
        :class:`~dedupe.learn.reviews.Lesson`, whether the version is ``used``, and the mean
        negative log-likelihood of decisions held back from the correction with the scores before
        and with the new ones, ``corrected_before`` and ``corrected_after`` (``None`` where nothing
        is corrected).
    result
        As of :func:`run`.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    OptionError
        If there are too few decisions, or no version to go back to.
    ModelError
        If the model to learn from cannot be loaded.
    """
    opened = open_workspace(workspace)
    facts = opened.facts()
    before = kept_config(opened)
    asked = before.with_options(**options)
    config = replace(asked, seed=before.seed)
    # The table is in the workspace under the key of the input: nothing is read again.
    source = Given(tuple(facts["input"]["names"]), facts["input"]["fingerprint"])
    _check_whole(opened, stage_keys(source, config)["table"])
    stages = Stages(opened, report)
    if back:
        config = replace(config, cross_encoder=_one_back(opened, config))
        lesson: dict[str, Any] = {"version": opened.current_version()}
    else:
        with stages.timed("learn") as progress, opened.locked():
            lesson = _learnt(opened, asked, progress)
        if lesson["used"]:
            config = replace(config, cross_encoder=str(opened.model(lesson["version"])))
    return lesson, carry_out(source, opened.path, config, report)


def run_after_learning(
    source: Source,
    *,
    output: str | Path | None = None,
    config: Config | None = None,
    report: Report = no_report,
    **options: Any,
) -> tuple[dict[str, Any], Result]:
    """Teach the cross-encoder the decisions in the workspace of an input, then run on the input.

    Parameters
    ----------
    source, output, config, report, **options
        As for :func:`~dedupe.pipeline.run`.

    Returns
    -------
    lesson
        As of :func:`train`.
    result
        As of :func:`~dedupe.pipeline.run`.

    Raises
    ------
    DedupeError
        If there is no workspace yet, there are too few decisions in it, or as for a run.
    """
    config = (config or Config()).with_options(**options)
    read = given(source, config)
    workspace = workspace_of(read, output, config)
    if workspace is None or not workspace.facts_file.exists():
        raise OptionError("there are no decisions to learn from yet: run, review, and then --train")
    stages = Stages(workspace, report)
    before = kept_config(workspace).with_options(device=config.device, seed=config.seed)
    with stages.timed("learn") as progress, workspace.locked():
        lesson = _learnt(workspace, before, progress)
    if lesson["used"]:
        config = replace(config, cross_encoder=str(workspace.model(lesson["version"])))
    return lesson, carry_out(read, workspace.path, config, report)


def _check_whole(workspace: Workspace, key: str) -> None:
    """Refuse a workspace whose records are not there, or were read by another version."""
    if kept_table(workspace, key) is None:
        raise WorkspaceError(
            f"the workspace {workspace.path} is damaged, or was made by another version of dedupe: "
            "run dedupe run on its input again; decisions are kept"
        )


def _learnt(workspace: Workspace, config: Config, progress: Progress) -> dict[str, Any]:
    from dedupe.learn.calibrate import halved
    from dedupe.learn.reviews import Example, learn_decisions

    table, pairs = reopened(workspace)
    texts = table.records.texts
    decided = _decided_texts(table.records, pairs, decisions_of(workspace))
    examples = [
        Example(texts[a], texts[b], float(verdict == "match"))
        for a, b, verdict in decided.select("left", "right", "decision").iter_rows()
    ]
    others = (
        pairs.filter(pl.col("decided_by") == "cross-encoder")
        .join(decided, on=["left", "right"], how="anti")
        .sample(fraction=1.0, shuffle=True, seed=config.seed)
        .head(REPLAYED)
    )
    replay = [
        Example(texts[a], texts[b], chance)
        for a, b, chance in others.select("left", "right", "probability").iter_rows()
    ]
    # All decisions are learnt anew each time: a model that has seen them could not be tested.
    first = _first_model(workspace, config.cross_encoder)
    folder = MODELS / "cross-encoder" if first == BUNDLED else first
    model, lesson, unseen = learn_decisions(
        Path(folder), examples, replay, device=config.device, seed=config.seed, progress=progress
    )
    chances = 1 / (1 + np.exp(-np.clip(unseen, -30, 30)))
    told = decided.select("left", "right", pl.Series("unseen", chances, dtype=pl.Float32))
    losses = _corrected_losses(table.records, pairs, told, decisions_of(workspace), config)
    before, after = losses or (lesson.loss_before, lesson.loss_after)
    version = workspace.next_version()
    found = {
        **lesson.as_dict(),
        "corrected_before": losses[0] if losses else None,
        "corrected_after": losses[1] if losses else None,
        "used": lesson.mixture > 0 and after <= before - WORTH_RESCORING,
        "version": version,
    }
    for unfinished in workspace.models.glob(".making-*"):
        shutil.rmtree(unfinished)
    made = workspace.models / f".making-{version}"
    halved(model)
    with no_bars():
        model.save_pretrained(str(made), create_model_card=False)
    names = [pair_name(example.left, example.right) for example in examples]
    write_json(made / UNSEEN, dict(zip(names, chances.tolist(), strict=True)))
    learnt_from = {"from": first, "before": config.cross_encoder}
    named = {name: workspace.model_name(model) for name, model in learnt_from.items()}
    write_json(made / "lesson.json", {**found, **named})
    made.rename(workspace.model(version))
    if found["used"]:
        workspace.use_version(version)
    return found


def _decided_texts(records: Records, pairs: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """Return matches and differences as rows of scored pairs, each pair of texts once.

    Of records of one text the first stands in scored pairs. If each of them were a lesson, a half
    of the decisions would be tested by texts that it learnt from.
    """
    group = identical_groups(len(records), pairs)
    decided = decided_rows(decisions, records)
    ends = np.sort(group[decided.select("left", "right").to_numpy().reshape(-1, 2)], axis=1)
    return (
        decided.with_columns(pl.Series("left", ends[:, 0]), pl.Series("right", ends[:, 1]))
        .filter(pl.col("decision").is_in(["match", "different"]), pl.col("left") != pl.col("right"))
        .unique(["left", "right"], keep="last", maintain_order=True)
    )


def lesson_said(lesson: Mapping[str, Any]) -> str:
    """Say what was learnt from decisions, and whether it is used."""
    said = (
        f"learnt from {lesson['decisions']:,} decisions (version {lesson['version']}): of those it "
        f"had not seen, {lesson['right_before']:.0%} were right before and "
        f"{lesson['right_after']:.0%} are now"
    )
    before, after = lesson["corrected_before"], lesson["corrected_after"]
    losses = "" if after is None else f" (log loss {after:.3f}, was {before:.3f})"
    if lesson["used"]:
        return f"{said}; it is used from now on{losses}; dedupe train --back undoes it"
    return (
        f"{said}. The scores stay as they were: with what the decisions correct anyway, its own "
        f"predict decisions held back no better{losses}. --cross-encoder with its folder in models "
        "takes it to other files"
    )


def _first_model(workspace: Workspace, model: str) -> str:
    """Return what a model of the workspace once learnt from; any other model itself."""
    known = {str(workspace.model(version)): version for version in workspace.versions()}
    return model if model not in known else _noted(workspace, known[model], "from")


def _noted(workspace: Workspace, version: int, name: str) -> str:
    """Return the model that a version learnt ``"from"``, or the one used ``"before"`` it."""
    try:
        notes = (workspace.model(version) / "lesson.json").read_text(encoding="utf-8")
        return workspace.model_named(str(json.loads(notes)[name]))
    except (OSError, ValueError, KeyError, TypeError):
        return BUNDLED


def _corrected_losses(
    records: Records,
    pairs: pl.DataFrame,
    told: pl.DataFrame,
    decisions: pl.DataFrame,
    config: Config,
) -> tuple[float, float] | None:
    """Return what decisions held back lose under corrected scores: those there are, and new ones.

    `told` has the new ones, of decided pairs: ``left``, ``right``, ``unseen``.
    """
    new = pairs.join(told, on=["left", "right"], how="left", maintain_order="left").with_columns(
        probability=pl.coalesce("unseen", "probability")
    )
    found = [
        corrected(records, scored, decisions, config)[1]
        for scored in (pairs, new.select(pairs.columns))
    ]
    losses = [one.loss_after for one in found if one is not None and one.decisions]
    return (losses[0], losses[1]) if len(losses) == 2 else None


def _one_back(workspace: Workspace, config: Config) -> str:
    """Go back to the model used before the one in use; return its name or folder."""
    known = {str(workspace.model(version)): version for version in workspace.versions()}
    # They differ where learning or going back was stopped: what is gone back from is the later.
    version = max(workspace.current_version(), known.get(config.cross_encoder, 0))
    lost = Path(config.cross_encoder).parent == workspace.models.resolve()
    if not version and not lost:
        raise OptionError("there is no learnt model to go back from")
    before = _noted(workspace, version, "before") if version else BUNDLED
    workspace.use_version(known.get(before, 0))
    return before
