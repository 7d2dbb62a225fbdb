"""What people say of pairs, put to use: labels to measure by, decisions to estimate and learn from.

All of it works on the workspace of a finished run.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from dedupe.config import BUNDLED, Config
from dedupe.errors import OptionError, WorkspaceError
from dedupe.io.sources import Input, Source, open_input
from dedupe.models.loading import MODELS, no_bars
from dedupe.pipeline.result import Result
from dedupe.pipeline.run import carry_out, workspace_of
from dedupe.pipeline.stages import Stages
from dedupe.progress import Progress, Report, no_report
from dedupe.records import Records
from dedupe.resolution.decisions import decided_rows
from dedupe.resolution.resolve import corrected
from dedupe.scoring.pairs import identical_groups
from dedupe.scoring.score import UNSEEN, pair_name
from dedupe.workspace.folder import Workspace, open_workspace, write_json
from dedupe.workspace.keys import stage_keys
from dedupe.workspace.state import decisions_of, kept_config, kept_table, reopened

REPLAYED = 1_000
"""Undecided pairs of the file that the model may be reminded of while it learns."""


WORTH_RESCORING = 0.01
"""Log loss by which decisions held back have to be predicted better before a file is scored anew:
of a hundred decisions, less is chance."""


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
        :class:`~dedupe.pipeline.finetune.Lesson`, whether the version is ``used``, and the mean
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
    source = Input(tuple(facts["input"]["names"]), facts["input"]["fingerprint"])
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
    read = open_input(source, config)
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
    from dedupe.pipeline.finetune import Example, halved, learn_decisions

    table, pairs = reopened(workspace)
    texts = table.records.texts
    decided = _decided_texts(table.records, pairs, decisions_of(workspace))
    examples = [
        Example(texts[a], texts[b], float(decision == "match"))
        for a, b, decision in decided.select("left", "right", "decision").iter_rows()
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
