"""Fine-tuning of the cross-encoder on the decisions in a workspace."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedupe.config import BUNDLED, Config
from dedupe.errors import OptionError, WorkspaceError
from dedupe.io.atomic import output_errors
from dedupe.io.sources import Input, Source, open_input
from dedupe.models.loading import MODELS, no_bars
from dedupe.pipeline.options import Options, TrainOptions
from dedupe.pipeline.results.result import Result
from dedupe.pipeline.run import execute, run_workspace
from dedupe.pipeline.stages import Stages
from dedupe.progress import Report, notebook_report
from dedupe.resolution.decisions import decisions_by_row
from dedupe.scoring.logistic import sigmoid
from dedupe.scoring.pairs import identical_groups
from dedupe.scoring.score import HELD_OUT_FILE, pair_key
from dedupe.workspace.folder import Workspace, open_workspace
from dedupe.workspace.json_file import write_json
from dedupe.workspace.keys import stage_keys
from dedupe.workspace.model_versions import NOTES, ModelVersions, file_checksums
from dedupe.workspace.state import State, open_state
from dedupe.workspace.stored import load_table, stored_config

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

REPLAYED = 1_000
"""Maximum number of undecided pairs of the file that are mixed into the training."""
WORTH_RESCORING = 0.01
"""Improvement in log loss of held-out decisions from which a file is scored again: with a hundred
decisions, less is chance."""


def train(
    workspace: str | Path,
    *,
    undo: bool = False,
    report: Report = notebook_report,
    **options: Unpack[TrainOptions],
) -> tuple[dict[str, Any], Result]:
    """Fine-tune the cross-encoder on the decisions in a workspace; score, cluster and write again.

    The new model is stored in the workspace, by version. The workspace uses it only if its scores,
    recalibrated by the decisions as usual, predict held-out decisions better than the earlier ones.
    Otherwise the scores stay, and the new model is there for other files.

    Parameters
    ----------
    workspace
        Folder of the workspace.
    undo
        Train nothing, but go back to the version before the one in use.
    report
        Called with the progress of each stage. By default it is shown in notebooks only.
    **options
        ``device``, and the ``seed`` of the training; the search keeps its own seed.

    Returns
    -------
    training
        ``version``: the version trained, or gone back to. Unless `undo`, also the values of
        :class:`~dedupe.pipeline.fine_tuning.finetune.FineTuning`, whether the version is ``used``,
        and the mean negative log-likelihood of decisions held out from recalibration, with the
        earlier scores and with the new ones: ``recalibrated_before`` and ``recalibrated_after``
        (``None`` if nothing is recalibrated).
    result
        As :func:`~dedupe.pipeline.run.run` returns it.

    Raises
    ------
    WorkspaceError
        If the workspace is missing, incomplete or damaged.
    OptionError
        If there are too few decisions, or no version to go back to.
    ModelError
        If the initial model cannot be loaded.
    """
    opened = open_workspace(workspace)
    facts = opened.facts()
    before = stored_config(opened)
    asked = before.with_options(**options)
    config = replace(asked, seed=before.seed)
    # The table is cached under the key of the input: nothing is read again.
    source = Input(tuple(facts["input"]["names"]), facts["input"]["fingerprint"])
    _check_whole(opened, stage_keys(source, config)["table"])
    if undo:
        with opened.locked():
            config = replace(config, cross_encoder=_go_back(opened, config))
        training: dict[str, Any] = {"version": opened.models.current()}
    else:
        training = _trained(opened, asked, report)
        config = _with_version(config, opened, training)
    return training, execute(source, opened.path, config, report)


def run_after_training(
    source: Source,
    *,
    output: str | Path | None = None,
    config: Config | None = None,
    report: Report = notebook_report,
    **options: Unpack[Options],
) -> tuple[dict[str, Any], Result]:
    """Fine-tune on the decisions in the workspace of an input, then run on the input.

    Parameters
    ----------
    source, output, config, report, **options
        As for :func:`~dedupe.pipeline.run.run`.

    Returns
    -------
    training
        As :func:`train` returns it.
    result
        As :func:`~dedupe.pipeline.run.run` returns it.

    Raises
    ------
    DedupeError
        If there is no workspace yet, it has too few decisions, or as for a run.
    """
    given = options if config is None else None
    config = (config or Config()).with_options(**options)
    opened = open_input(source, config)
    with run_workspace(opened, output, config) as workspace:
        if not workspace.facts():
            raise OptionError("there are no decisions to train on yet: run and review first")
        before = stored_config(workspace).with_options(device=config.device, seed=config.seed)
        training = _trained(workspace, before, report)
        config = _with_version(config, workspace, training)
        return training, execute(opened, workspace.path, config, report, given)


def training_summary(training: Mapping[str, Any]) -> str:
    """Describe what fine-tuning gained, and whether the new model is used."""
    decisions = f"{training['decisions']:,} decision{'' if training['decisions'] == 1 else 's'}"
    summary = (
        f"trained on {decisions} (version {training['version']}): accuracy "
        f"on held-out decisions {training['accuracy_before']:.0%} before, "
        f"{training['accuracy_after']:.0%} now"
    )
    before, after = training["recalibrated_before"], training["recalibrated_after"]
    losses = "" if after is None else f" (log loss {before:.3f} before, {after:.3f} now)"
    if training["used"]:
        return f"{summary}; the new model is used{losses}. Undo: dedupe train --undo"
    return (
        f"{summary}. The scores stay as they were: after recalibration, those of the new model do "
        f"not predict held-out decisions better{losses}. To use it on other files, pass its folder "
        "in models to --cross-encoder"
    )


def _with_version(config: Config, workspace: Workspace, training: Mapping[str, Any]) -> Config:
    """Use the version that was trained, if it is better."""
    if not training["used"]:
        return config
    return replace(config, cross_encoder=str(workspace.models.path(training["version"])))


def _check_whole(workspace: Workspace, key: str) -> None:
    """Refuse a workspace whose records are missing, or were read by another version."""
    if load_table(workspace, key) is None:
        raise WorkspaceError(
            f"the workspace {workspace.path} is damaged, or was made by another version of dedupe: "
            "run dedupe run on its input again; decisions are kept"
        )


def _trained(workspace: Workspace, config: Config, report: Report) -> dict[str, Any]:
    """Fine-tune on the decisions, and store the new version."""
    from dedupe.pipeline.fine_tuning.finetune import Example, fine_tune_on_decisions

    with Stages(workspace, report).timed("learn") as progress, workspace.locked():
        state = open_state(workspace)
        texts = state.records.texts
        decided = _decided_texts(state)
        examples = [
            Example(texts[left], texts[right], float(decision == "match"))
            for left, right, decision in decided.select("left", "right", "decision").iter_rows()
        ]
        replay = [
            Example(texts[left], texts[right], probability)
            for left, right, probability in _undecided(state, decided, config.seed).iter_rows()
        ]
        # Each version is trained on all decisions from the first model: a model that has seen them
        # could not be tested on them.
        first = _first_model(workspace, config.cross_encoder)
        folder = MODELS / "cross-encoder" if first == BUNDLED else first
        model, gained, held_out = fine_tune_on_decisions(
            Path(folder),
            examples,
            replay,
            device=config.device,
            seed=config.seed,
            progress=progress,
        )
        probabilities = sigmoid(held_out)
        losses = _recalibrated_losses(state, config, decided, probabilities)
        before, after = losses or (gained.loss_before, gained.loss_after)
        training = {
            **gained.as_dict(),
            "recalibrated_before": losses[0] if losses else None,
            "recalibrated_after": losses[1] if losses else None,
            "used": gained.mixture > 0 and after <= before - WORTH_RESCORING,
            "version": workspace.models.next(),
        }
        names = [pair_key(example.left, example.right) for example in examples]
        scores = dict(zip(names, probabilities.tolist(), strict=True))
        trained_from = {"from": first, "before": config.cross_encoder}
        _store_version(workspace.models, model, training, scores, trained_from)
    return training


def _undecided(state: State, decided: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Draw undecided pairs that the cross-encoder scored: ``left``, ``right``, ``probability``."""
    return (
        state.pairs.filter(pl.col("decided_by") == "cross-encoder")
        .join(decided, on=["left", "right"], how="anti")
        .sample(fraction=1.0, shuffle=True, seed=seed)
        .head(REPLAYED)
        .select("left", "right", "probability")
    )


def _store_version(
    models: ModelVersions,
    model: CrossEncoder,
    training: Mapping[str, Any],
    held_out: Mapping[str, float],
    trained_from: Mapping[str, str],
) -> None:
    """Write the weights, the held-out scores and the notes of a version, then rename its folder."""
    from dedupe.pipeline.fine_tuning.finetune import halved

    version = training["version"]
    folder = models.making(version)
    halved(model)
    with no_bars(), output_errors(folder):
        model.save_pretrained(str(folder), create_model_card=False)
        text = json.dumps(held_out, indent=2)
        (folder / HELD_OUT_FILE).write_text(text, encoding="utf-8")
    named = {name: models.portable_name(origin) for name, origin in trained_from.items()}
    write_json(folder / NOTES, {**training, **named, "files": file_checksums(folder)})
    with output_errors(folder):
        folder.rename(models.path(version))
    if training["used"]:
        models.use(version)


def _decided_texts(state: State) -> pl.DataFrame:
    """Return matches and differences as rows of scored pairs, one row per pair of texts.

    Scored pairs name the first record of each text. If each record of a text counted, one half of
    the decisions would be tested on texts that the other half was trained on.
    """
    group = identical_groups(len(state.records), state.pairs)
    decided = decisions_by_row(state.decisions, state.records)
    ends = np.sort(group[decided.select("left", "right").to_numpy().reshape(-1, 2)], axis=1)
    return (
        decided.with_columns(pl.Series("left", ends[:, 0]), pl.Series("right", ends[:, 1]))
        .filter(pl.col("decision").is_in(["match", "different"]), pl.col("left") != pl.col("right"))
        .unique(["left", "right"], keep="last", maintain_order=True)
    )


def _first_model(workspace: Workspace, model: str) -> str:
    """Return the model that a version was trained from; any other model itself."""
    version = workspace.models.version_of(model)
    return _origin(workspace.models, version, "from") if version else model


def _origin(models: ModelVersions, version: int, name: str) -> str:
    """Return the model that a version was trained ``"from"``, or the one used ``"before"`` it."""
    return models.resolved_name(str(models.notes(version).get(name, BUNDLED)))


def _recalibrated_losses(
    state: State, config: Config, decided: pl.DataFrame, probabilities: NDArray[np.float64]
) -> tuple[float, float] | None:
    """Return the loss of held-out decisions after recalibration of the old and the new scores.

    `probabilities` are the new, held-out scores of the `decided` pairs.
    """
    new = decided.select("left", "right", pl.Series("held_out", probabilities, dtype=pl.Float32))
    rescored = (
        state.pairs.join(new, on=["left", "right"], how="left", maintain_order="left")
        .with_columns(probability=pl.coalesce("held_out", "probability"))
        .select(state.pairs.columns)
    )
    fitted = [
        replace(state, pairs=pairs, config=config).recalibrated()[1]
        for pairs in (state.pairs, rescored)
    ]
    losses = [found.loss_after for found in fitted if found is not None and found.decisions]
    return (losses[0], losses[1]) if len(losses) == 2 else None


def _go_back(workspace: Workspace, config: Config) -> str:
    """Go back to the model used before the one in use; return its name or folder."""
    models = workspace.models
    version = models.version_of(config.cross_encoder)
    with suppress(WorkspaceError):  # the file that names the version in use is written again
        # They differ if training or going back was interrupted; the later is the one to leave.
        version = max(version, models.current())
    missing = Path(config.cross_encoder).parent == models.folder.resolve()
    if not version and not missing:
        raise OptionError("there is no fine-tuned model to go back from")
    before = _origin(models, version, "before") if version else BUNDLED
    models.use(models.version_of(before))
    return before
