"""The causes of differences between the clusters of two runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import polars as pl

from dedupe.evaluation.matched_runs import Run, Runs

CAUSES = (
    "decision",
    "record added",
    "record removed",
    "record changed",
    "threshold",
    "probability",
    "candidate",
    "neighbours",
)
"""Possible causes of a change, in the order in which they are listed."""
TOLERANCE = 5e-5
"""Probabilities closer than this are equal: they are written with four places."""
MAX_REASONS = 4
"""Most causes of a change that are explained in words."""
_NO_EFFECT_ON_CLUSTERS = frozenset(
    ["format", "safe_csv", "merge", "prefer", "large_cluster", "review_from", "device"]
)
_SEARCH_OPTIONS = ("radius", "candidates_per_record", "seed")
Reasons: TypeAlias = Mapping[int, Sequence[tuple[str, str]]]
"""By part: causes, each with its explanation in words."""


def differences(runs: Runs) -> dict[str, Any]:
    """Compare configuration, models, fields and version of two runs, each as [before, after]."""
    configs = [run.clustered.config.as_dict() for run in runs]
    manifests = [run.workspace.manifest() for run in runs]
    models = [
        manifest.get("models") or {name: config[name] for name in ("bi_encoder", "cross_encoder")}
        for manifest, config in zip(manifests, configs, strict=True)
    ]
    used = [[field.name for field in run.clustered.records.fields if field.used] for run in runs]
    versions = [manifest.get("dedupe") for manifest in manifests]
    return {
        "config": _unequal(configs[0], configs[1], ignored=_NO_EFFECT_ON_CLUSTERS),
        "models": _unequal(models[0], models[1]),
        "fields": used if used[0] != used[1] else [],
        "dedupe": versions if versions[0] != versions[1] else [],
    }


def changed_decisions(runs: Runs) -> pl.DataFrame:
    """List the pairs whose decision differs between two runs.

    Returns
    -------
    DataFrame
        ``left`` and ``right`` (keys), ``before`` and ``after`` (decisions), and ``what``: added,
        removed or changed.
    """
    decided = []
    for run in runs:
        decisions = run.clustered.resolved.decisions
        ends = [run.keys.gather(decisions[side]) for side in ("left", "right")]
        decided.append(
            pl.DataFrame(
                {"one": ends[0], "other": ends[1], run.name: decisions["decision"]}
            ).select(
                pl.min_horizontal("one", "other").alias("left"),
                pl.max_horizontal("one", "other").alias("right"),
                run.name,
            )
        )
    return (
        decided[0]
        .join(decided[1], on=["left", "right"], how="full", coalesce=True)
        .filter(pl.col("before").ne_missing(pl.col("after")))
        .with_columns(
            pl.when(pl.col("before").is_null())
            .then(pl.lit("added"))
            .when(pl.col("after").is_null())
            .then(pl.lit("removed"))
            .otherwise(pl.lit("changed"))
            .alias("what")
        )
        .sort("left", "right")
    )


def causes_of_changes(
    runs: Runs, affected: pl.DataFrame, decisions: pl.DataFrame, different: Mapping[str, Any]
) -> pl.DataFrame:
    """Find the causes of each change.

    Parameters
    ----------
    runs
        The two runs.
    affected
        The records of changed clusters, as
        :func:`~dedupe.evaluation.matched_runs.match_records` returns them.
    decisions
        As :func:`changed_decisions` returns them.
    different
        As :func:`differences` returns it.

    Returns
    -------
    DataFrame
        ``part``, ``causes`` (of :data:`CAUSES`), ``why`` in words, and the link that explains most:
        ``left_id``, ``right_id``, ``probability_before``, ``probability_after``.
    """
    links = {row["part"]: row for row in _decisive_links(runs, affected).iter_rows(named=True)}
    reasons: dict[int, list[tuple[str, str]]] = {part: [] for part in affected["part"].unique()}
    for found in (_decision_reasons(affected, decisions), _record_reasons(affected)):
        for part, causes in found.items():
            reasons[part].extend(causes)
    for part, link in links.items():
        cause, words = _link_reason(link, different, runs)
        if cause != "neighbours" or not reasons[part]:
            reasons[part].append((cause, words))
    rows = []
    for part, causes in reasons.items():
        link = links.get(part, {})
        rows.append(
            (
                part,
                *_summarised(causes or [("neighbours", "the links around it changed")]),
                link.get("id_after_left"),
                link.get("id_after_right"),
                link.get("probability_before"),
                link.get("probability_after"),
            )
        )
    return pl.DataFrame(
        rows,
        schema={
            "part": affected.schema["part"],
            "causes": pl.List(pl.String()),
            "why": pl.String(),
            "left_id": pl.String(),
            "right_id": pl.String(),
            "probability_before": pl.Float64(),
            "probability_after": pl.Float64(),
        },
        orient="row",
    )


def _summarised(causes: Sequence[tuple[str, str]]) -> tuple[list[str], str]:
    """Sort causes, and join the explanations of the first ones."""
    ordered = sorted(causes, key=lambda cause: CAUSES.index(cause[0]))
    why = "; ".join(words for _, words in ordered[:MAX_REASONS])
    if len(ordered) > MAX_REASONS:
        why += f"; and {len(ordered) - MAX_REASONS} more reasons"
    return list(dict.fromkeys(cause for cause, _ in ordered)), why


def _decision_reasons(affected: pl.DataFrame, decisions: pl.DataFrame) -> Reasons:
    """Explain changes by decisions on pairs of their records."""
    reasons: dict[int, list[tuple[str, str]]] = defaultdict(list)
    shown = affected.select("key", "part", pl.coalesce("id_after", "id_before").alias("id"))
    for end in ("left", "right"):
        decisions = decisions.join(
            shown.select(pl.all().name.suffix(f"_{end}")), left_on=end, right_on=f"key_{end}"
        )
    inside = decisions.filter(pl.col("part_left") == pl.col("part_right"))
    for row in inside.iter_rows(named=True):
        before, after = row["before"] or "undecided", row["after"] or "undecided"
        words = f"decided: {row['id_left']} and {row['id_right']} {after}, before {before}"
        reasons[row["part_left"]].append(("decision", words))
    return reasons


def _record_reasons(affected: pl.DataFrame) -> Reasons:
    """Explain changes by records that were added, removed or edited."""
    reasons: dict[int, list[tuple[str, str]]] = defaultdict(list)
    ids = pl.coalesce("id_after", "id_before").alias("ids")
    grouped = (
        affected.filter(pl.col("record") != "same")
        .group_by("part", "record", maintain_order=True)
        .agg(ids)
    )
    for part, what, names in grouped.iter_rows():
        reasons[part].append((f"record {what}", f"{what}: {_shortened(names)}"))
    return reasons


def _decisive_links(runs: Runs, affected: pl.DataFrame) -> pl.DataFrame:
    """Find the link of each part that explains most.

    It is one between two records that are together in one run and apart in the other. Links that
    crossed the threshold come first, then those whose probability changed most.
    """
    both = affected.filter("both")
    place = both.select(
        "key", "part", "record", "label_before", "label_after", "id_before", "id_after"
    )
    before, after = (_probabilities(run, both["key"]) for run in runs)
    pairs = before.join(after, on=["left", "right"], how="full", coalesce=True)
    for end in ("left", "right"):
        pairs = pairs.join(
            place.select(pl.all().name.suffix(f"_{end}")), left_on=end, right_on=f"key_{end}"
        )
    pairs = pairs.filter(
        (pl.col("part_left") == pl.col("part_right"))
        & (
            (pl.col("label_before_left") == pl.col("label_before_right"))
            != (pl.col("label_after_left") == pl.col("label_after_right"))
        )
    )
    strong = [
        pl.col(f"probability_{run.name}").fill_null(-1) >= run.clustered.config.threshold
        for run in runs
    ]
    strength = [pl.col(f"probability_{run.name}").fill_null(0) for run in runs]
    return (
        pairs.with_columns(
            (strong[0] != strong[1]).alias("crossed"),
            (strength[0] - strength[1]).abs().alias("moved"),
            pl.max_horizontal(*strength).alias("strongest"),
        )
        .sort(
            "crossed", "moved", "strongest", "left", "right",
            descending=[True, True, True, False, False],
        )
        .unique("part_left", keep="first", maintain_order=True)
        .rename({"part_left": "part"})
    )  # fmt: skip


def _probabilities(run: Run, wanted: pl.Series) -> pl.DataFrame:
    """List the pairs among the records with the keys `wanted`, as keys ``left`` < ``right``.

    Only one of the records with the same text was compared, which may be another one in the other
    run. So each pair is listed under the smallest wanted key of the same text.
    """
    rows = pl.DataFrame(
        {"key": run.keys.rename("key"), "text": run.clustered.records.texts}
    ).with_row_index("row")
    rows = rows.with_columns(pl.col("key").is_in(wanted.implode()).alias("wanted"))
    wanted_key = pl.when("wanted").then(pl.col("key"))
    place = rows.with_columns(wanted_key.min().over("text").alias("shared")).select(
        "row", wanted_key.alias("own"), "shared"
    )
    pairs = run.clustered.pairs.with_columns(pl.col("decided_by").cast(pl.String))
    for end in ("left", "right"):
        pairs = pairs.join(
            place.rename({"row": end, "own": f"own_{end}", "shared": f"shared_{end}"}), on=end
        )
    identical = pl.col("decided_by") == "identical"
    ends = [
        pl.when(identical).then(pl.col(f"own_{end}")).otherwise(pl.col(f"shared_{end}"))
        for end in ("left", "right")
    ]
    return (
        pairs.select(
            pl.min_horizontal(*ends).alias("left"),
            pl.max_horizontal(*ends).alias("right"),
            pl.all_horizontal(end.is_not_null() for end in ends).alias("known"),
            pl.col("probability").cast(pl.Float64).round(4).alias(f"probability_{run.name}"),
            pl.col("decided_by").alias(f"decided_by_{run.name}"),
        )
        .filter("known")
        .filter(pl.col("left") != pl.col("right"))
        .drop("known")
        .sort(f"probability_{run.name}", descending=True)
        .unique(["left", "right"], keep="first", maintain_order=True)
    )


def _link_reason(
    link: Mapping[str, Any], different: Mapping[str, Any], runs: Runs
) -> tuple[str, str]:
    """Find the cause behind one link, and explain it in words."""
    before, after = link["probability_before"], link["probability_after"]
    pair = f"{link['id_after_left']} and {link['id_after_right']}"
    thresholds = [run.clustered.config.threshold for run in runs]
    edited = ["a record was edited"] if _is_edited(link) else []
    if before is None or after is None:
        known = before if after is None else after
        when = "no longer compared" if after is None else "compared only now"
        reasons = [
            *edited,
            *(["another bi-encoder"] if "bi_encoder" in different["models"] else []),
            *(["other fields"] if different["fields"] else []),
            *(f"another {name}" for name in _SEARCH_OPTIONS if name in different["config"]),
        ] or ["the search radius follows the records"]
        return "candidate", f"{pair} are {when} (probability {known:g}): {', '.join(reasons)}"
    if abs(before - after) < TOLERANCE:
        if thresholds[0] == thresholds[1]:
            return "neighbours", f"{pair} are as before ({after:g}): the links around them changed"
        return (
            "threshold",
            f"threshold {thresholds[0]:g}, now {thresholds[1]:g}: {pair} have {after:g}",
        )
    deciders = link["decided_by_before"], link["decided_by_after"]
    reasons = [
        *edited,
        *(["another cross-encoder"] if "cross_encoder" in different["models"] else []),
        *(["other fields"] if different["fields"] else []),
        *([f"{deciders[1]} decided, before {deciders[0]}"] if len(set(deciders)) > 1 else []),
    ]
    words = f"{pair}: probability {before:g}, now {after:g}"
    if thresholds[0] != thresholds[1]:
        words += f" (threshold {thresholds[0]:g}, now {thresholds[1]:g})"
    return "probability", words + (f": {', '.join(reasons)}" if reasons else "")


def _is_edited(link: Mapping[str, Any]) -> bool:
    return "changed" in (link["record_left"], link["record_right"])


def _unequal(
    before: Mapping[str, Any], after: Mapping[str, Any], ignored: frozenset[str] = frozenset()
) -> dict[str, list[Any]]:
    """Pair the values of two mappings that differ, by name."""
    return {
        name: [before.get(name), after.get(name)]
        for name in dict.fromkeys([*before, *after])
        if name not in ignored and before.get(name) != after.get(name)
    }


def _shortened(names: Sequence[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
