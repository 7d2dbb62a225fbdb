"""Which clusters differ between two runs, and why.

Records are matched by their keys, clusters by the records that they share. Clusters that share
records, directly or through others, make up one change: one that fell apart is *split*, several
that became one are *joined*, one whose records came or went, or several that exchanged records, are
*changed*; clusters of records that only one run has *appeared* or *vanished*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from dedupe.errors import WorkspaceError
from dedupe.records import Records, as_texts, content_keys
from dedupe.scoring.pairs import components
from dedupe.workspace.folder import Workspace, open_workspace
from dedupe.workspace.state import Clustered, clustered

CHANGES = ("split", "joined", "changed", "appeared", "vanished")
"""What can become of clusters, in the order in which it is listed."""


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
"""What can be behind a change, in the order in which it is listed."""


SAME = 5e-5
"""Probabilities closer than this are one: they are written with four places."""


_NOT_FOR_CLUSTERS = frozenset(
    ["format", "safe_csv", "merge", "prefer", "large_cluster", "review_from", "device"]
)


_SEARCHING = ("radius", "candidates_per_record", "seed")


@dataclass(frozen=True, eq=False)
class Diff:
    """How the clusters of two runs differ.

    Parameters
    ----------
    summary
        ``before`` and ``after`` (workspace, input, records, clusters), ``matched_by``, counts of
        ``records``, ``clusters`` and ``decisions``, and ``differences`` of configuration, models,
        fields and version, each as [before, after]: plain JSON types.
    changes
        A row a change: ``change`` (one of :data:`CHANGES`), ``clusters_before``,
        ``clusters_after`` and ``records`` (lists of ids), ``causes`` (of :data:`CAUSES`), ``why``
        in words, and the link that changed: ``left_id``, ``right_id``, ``probability_before``,
        ``probability_after`` (missing where the run did not compare the two).
    records
        A row a record of these clusters: ``number`` of the change from 1, ``change``,
        ``id_before``, ``id_after``, ``cluster_before``, ``cluster_after`` (missing in the run that
        has no such record), ``record`` (same, changed, added, removed) and ``why``.
    """

    summary: Mapping[str, Any]
    changes: pl.DataFrame
    records: pl.DataFrame


def diff(before: str | Path, after: str | Path) -> Diff:
    """Say which clusters differ between two workspaces, and why.

    Both are clustered anew by the configuration of their last run and the decisions in them;
    nothing is written and no model is needed.

    Parameters
    ----------
    before, after
        Folders of the workspaces.

    Raises
    ------
    WorkspaceError
        If a workspace is missing, incomplete or damaged, or they have no record in common.
    """
    folders = (open_workspace(before), open_workspace(after))
    sides = (clustered(folders[0]), clustered(folders[1]))
    keys, matched_by = _matching_keys(sides[0].records, sides[1].records)
    records = _records(sides, keys)
    if not records["both"].any():
        raise WorkspaceError(
            f"{before} and {after} have no record in common (matched by {matched_by}): "
            "there is nothing to compare"
        )
    changes = _changes(records)
    touched = records.join(changes.select("part", "number", "change"), on="part", how="inner")
    links = _links(sides, keys, touched)
    decisions = _decision_changes(sides, keys)
    differences = _differences(folders, sides)
    why = _reasons(touched, links, decisions, differences, sides)
    summary = {
        **{
            name: {
                "workspace": str(folder.path),
                "input": folder.facts()["input"]["names"],
                "records": len(side.records),
                "clusters": len(np.unique(side.resolved.clustering.labels)),
            }
            for name, folder, side in zip(("before", "after"), folders, sides, strict=True)
        },
        "matched_by": matched_by,
        "records": _counts(records["record"], ("same", "changed", "added", "removed")),
        "clusters": {
            "same": records["part"].n_unique() - changes.height,
            **_counts(changes["change"], CHANGES),
        },
        "decisions": _counts(decisions["what"], ("added", "removed", "changed")),
        "differences": differences,
    }
    return Diff(summary, _listed(changes, touched, why), _long(touched, why))


def _matching_keys(before: Records, after: Records) -> tuple[tuple[pl.Series, pl.Series], str]:
    """Return a key for each record of both runs, and in words what it is made of."""
    if before.id_column == after.id_column and before.id_column is not None:
        return (before.keys, after.keys), f"the id column {before.id_column!r}"
    for column in (before.id_column, after.id_column):
        if column is None:
            continue
        if column in before.frame.columns and column in after.frame.columns:
            ids = [as_texts(side.frame.select(column))[column] for side in (before, after)]
            if all((one != "").all() and one.n_unique() == len(one) for one in ids):
                return (ids[0], ids[1]), f"the column {column!r}"
    if before.id_column == after.id_column and before.frame.columns == after.frame.columns:
        return (before.keys, after.keys), "the content of the rows"
    common = [name for name in before.frame.columns if name in after.frame.columns]
    if not common:
        raise WorkspaceError("the two workspaces have no column in common: nothing to compare")
    contents = [content_keys(as_texts(side.frame.select(common))) for side in (before, after)]
    return (contents[0], contents[1]), "the content of the columns that both have"


def _records(sides: Sequence[Clustered], keys: Sequence[pl.Series]) -> pl.DataFrame:
    """Return the records of both runs: a row a key, with its place in each run.

    ``part`` numbers the sets of clusters that share records. Columns of a run that has no such
    record are missing. The order is that of the second run, then of the records only the first has.
    """
    common = [
        name for name in sides[0].records.frame.columns if name in sides[1].records.frame.columns
    ]
    frames = [
        pl.DataFrame(
            {
                "key": key.rename("key"),
                f"row_{name}": np.arange(len(key), dtype=np.uint32),
                f"id_{name}": side.records.ids,
                f"label_{name}": side.resolved.clustering.labels,
                f"cluster_{name}": side.resolved.cluster_id,
                f"content_{name}": as_texts(side.records.frame.select(common)).select(
                    pl.concat_str(pl.all(), separator="\x1f").alias("content")
                )["content"],
            }
        )
        for name, side, key in zip(("before", "after"), sides, keys, strict=True)
    ]
    joined = frames[1].join(
        frames[0], on="key", how="full", coalesce=True, maintain_order="left_right"
    )
    both = joined["row_before"].is_not_null() & joined["row_after"].is_not_null()
    joined = joined.with_columns(
        both.alias("both"),
        pl.when(pl.col("row_before").is_null())
        .then(pl.lit("added"))
        .when(pl.col("row_after").is_null())
        .then(pl.lit("removed"))
        .when(pl.col("content_before") == pl.col("content_after"))
        .then(pl.lit("same"))
        .otherwise(pl.lit("changed"))
        .alias("record"),
    ).drop("content_before", "content_after")
    # A node a cluster of either run, an edge a record that is in both.
    offset = len(keys[0])
    shared = joined.filter(both)
    node = components(
        offset + len(keys[1]),
        shared["label_before"].to_numpy(),
        shared["label_after"].to_numpy().astype(np.int64) + offset,
    )
    at = joined.select(
        pl.coalesce("label_before", pl.col("label_after").cast(pl.Int64) + offset).alias("node")
    )["node"]
    return joined.with_columns(pl.Series("part", node[at.to_numpy()]))


def _changes(records: pl.DataFrame) -> pl.DataFrame:
    """Return the parts in which something changed, numbered in the order of the listing."""
    parts = records.group_by("part", maintain_order=True).agg(
        pl.col("label_before").drop_nulls().n_unique().alias("n_before"),
        pl.col("label_after").drop_nulls().n_unique().alias("n_after"),
        pl.col("both").all().alias("whole"),
        pl.len().alias("size"),
    )
    change = (
        pl.when(pl.col("n_before") == 0)
        .then(pl.lit("appeared"))
        .when(pl.col("n_after") == 0)
        .then(pl.lit("vanished"))
        .when((pl.col("n_before") == 1) & (pl.col("n_after") > 1))
        .then(pl.lit("split"))
        .when((pl.col("n_before") > 1) & (pl.col("n_after") == 1))
        .then(pl.lit("joined"))
        .when((pl.col("n_before") == 1) & (pl.col("n_after") == 1) & pl.col("whole"))
        .then(None)
        .otherwise(pl.lit("changed"))
    )
    return (
        parts.with_columns(change.cast(pl.Enum(CHANGES)).alias("change"))
        .drop_nulls("change")
        .sort("change", "size", descending=[False, True], maintain_order=True)
        .with_row_index("number", offset=1)
    )


def _listed(changes: pl.DataFrame, touched: pl.DataFrame, why: pl.DataFrame) -> pl.DataFrame:
    shown = pl.coalesce("id_after", "id_before")
    lists = touched.group_by("part", maintain_order=True).agg(
        pl.col("cluster_before").drop_nulls().unique(maintain_order=True).alias("clusters_before"),
        pl.col("cluster_after").drop_nulls().unique(maintain_order=True).alias("clusters_after"),
        shown.alias("records"),
    )
    return (
        changes.select("number", "part", pl.col("change").cast(pl.String))
        .join(lists, on="part", how="left", maintain_order="left")
        .join(why, on="part", how="left", maintain_order="left")
        .drop("part", "number")
    )


def _long(touched: pl.DataFrame, why: pl.DataFrame) -> pl.DataFrame:
    return (
        touched.sort("number", maintain_order=True)
        .join(why.select("part", "why"), on="part", how="left", maintain_order="left")
        .select(
            "number",
            pl.col("change").cast(pl.String),
            "id_before",
            "id_after",
            "cluster_before",
            "cluster_after",
            "record",
            "why",
        )
    )


def _links(
    sides: Sequence[Clustered], keys: Sequence[pl.Series], touched: pl.DataFrame
) -> pl.DataFrame:
    """Return for each part the link that explains most.

    It is one between two records that are together in one run and apart in the other.
    """
    both = touched.filter("both")
    place = both.select(
        "key", "part", "record", "label_before", "label_after", "id_before", "id_after"
    )
    found = [
        _probabilities(side, key, both["key"], name)
        for name, side, key in zip(("before", "after"), sides, keys, strict=True)
    ]
    pairs = found[0].join(found[1], on=["left", "right"], how="full", coalesce=True)
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
        pl.col(f"probability_{name}").fill_null(-1) >= side.config.threshold
        for name, side in zip(("before", "after"), sides, strict=True)
    ]
    strength = [pl.col(f"probability_{name}").fill_null(0) for name in ("before", "after")]
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


def _probabilities(side: Clustered, keys: pl.Series, wanted: pl.Series, name: str) -> pl.DataFrame:
    """Return the pairs among the records `wanted`, by keys: ``left`` < ``right``.

    Of records of one text only one was compared; which one it is may differ between the runs. So
    each stands under the smallest key among those of its text that are wanted.
    """
    rows = pl.DataFrame({"key": keys.rename("key"), "text": side.records.texts}).with_row_index(
        "row"
    )
    rows = rows.with_columns(pl.col("key").is_in(wanted.implode()).alias("wanted"))
    stands = pl.when("wanted").then(pl.col("key")).min().over("text").alias("stands")
    rows = rows.with_columns(stands)
    place = rows.select("row", pl.when("wanted").then(pl.col("key")).alias("own"), "stands")
    pairs = side.pairs.with_columns(pl.col("decided_by").cast(pl.String))
    for end in ("left", "right"):
        pairs = pairs.join(
            place.rename({"row": end, "own": f"own_{end}", "stands": f"stands_{end}"}), on=end
        )
    alike = pl.col("decided_by") == "identical"
    ends = [
        pl.when(alike).then(pl.col(f"own_{end}")).otherwise(pl.col(f"stands_{end}"))
        for end in ("left", "right")
    ]
    return (
        pairs.select(
            pl.min_horizontal(*ends).alias("left"),
            pl.max_horizontal(*ends).alias("right"),
            pl.all_horizontal(end.is_not_null() for end in ends).alias("known"),
            pl.col("probability").cast(pl.Float64).round(4).alias(f"probability_{name}"),
            pl.col("decided_by").alias(f"decided_by_{name}"),
        )
        .filter("known")
        .filter(pl.col("left") != pl.col("right"))
        .drop("known")
        .sort(f"probability_{name}", descending=True)
        .unique(["left", "right"], keep="first", maintain_order=True)
    )


def _decision_changes(sides: Sequence[Clustered], keys: Sequence[pl.Series]) -> pl.DataFrame:
    """Return the pairs (of keys) that were decided otherwise in the second run, and ``what``."""
    found = []
    for name, side, key in zip(("before", "after"), sides, keys, strict=True):
        decided = side.resolved.decided
        ends = [key.gather(decided[end]) for end in ("left", "right")]
        found.append(
            pl.DataFrame({"one": ends[0], "other": ends[1], name: decided["decision"]}).select(
                pl.min_horizontal("one", "other").alias("left"),
                pl.max_horizontal("one", "other").alias("right"),
                name,
            )
        )
    return (
        found[0]
        .join(found[1], on=["left", "right"], how="full", coalesce=True)
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


def _reasons(
    touched: pl.DataFrame,
    links: pl.DataFrame,
    decisions: pl.DataFrame,
    differences: Mapping[str, Any],
    sides: Sequence[Clustered],
) -> pl.DataFrame:
    """Return ``causes``, ``why`` and the link of each part."""
    causes: dict[int, list[tuple[str, str]]] = {part: [] for part in touched["part"].unique()}
    shown = touched.select("key", "part", pl.coalesce("id_after", "id_before").alias("id"))
    decided = decisions
    for end in ("left", "right"):
        decided = decided.join(
            shown.select(pl.all().name.suffix(f"_{end}")), left_on=end, right_on=f"key_{end}"
        )
    for row in decided.filter(pl.col("part_left") == pl.col("part_right")).iter_rows(named=True):
        was, now = row["before"] or "undecided", row["after"] or "undecided"
        causes[row["part_left"]].append(
            ("decision", f"decided: {row['id_left']} and {row['id_right']} {now}, before {was}")
        )
    moved = touched.filter(pl.col("record") != "same")
    ids = pl.coalesce("id_after", "id_before").alias("ids")
    for part, what, names in (
        moved.group_by("part", "record", maintain_order=True).agg(ids).iter_rows()
    ):
        causes[part].append((f"record {what}", f"{what}: {_some(names)}"))
    for row in links.iter_rows(named=True):
        cause, words = _link_cause(row, differences, sides)
        if cause != "neighbours" or not causes[row["part"]]:
            causes[row["part"]].append((cause, words))
    linked = {row["part"]: row for row in links.iter_rows(named=True)}
    rows = []
    for part, found in causes.items():
        found = found or [("neighbours", "the links around it changed")]
        found.sort(key=lambda one: CAUSES.index(one[0]))
        link = linked.get(part, {})
        rows.append(
            (
                part,
                list(dict.fromkeys(cause for cause, _ in found)),
                "; ".join(words for _, words in found[:4])
                + (f"; and {len(found) - 4} more reasons" if len(found) > 4 else ""),
                link.get("id_after_left"),
                link.get("id_after_right"),
                link.get("probability_before"),
                link.get("probability_after"),
            )
        )
    return pl.DataFrame(
        rows,
        schema={
            "part": touched.schema["part"],
            "causes": pl.List(pl.String()),
            "why": pl.String(),
            "left_id": pl.String(),
            "right_id": pl.String(),
            "probability_before": pl.Float64(),
            "probability_after": pl.Float64(),
        },
        orient="row",
    )


def _link_cause(
    link: Mapping[str, Any], differences: Mapping[str, Any], sides: Sequence[Clustered]
) -> tuple[str, str]:
    """Return the cause behind one link, and in words what became of it."""
    was, now = link["probability_before"], link["probability_after"]
    pair = f"{link['id_after_left']} and {link['id_after_right']}"
    thresholds = [side.config.threshold for side in sides]
    config = differences["config"]
    edited = "changed" in (link["record_left"], link["record_right"])
    if was is None or now is None:
        known = was if now is None else now
        when = "no longer compared" if now is None else "compared only now"
        blame = [
            *(["a record was edited"] if edited else []),
            *(["another bi-encoder"] if "bi_encoder" in differences["models"] else []),
            *(["other fields"] if differences["fields"] else []),
            *(f"another {name}" for name in _SEARCHING if name in config),
        ]
        blame = blame or ["the search radius follows the records"]
        return "candidate", f"{pair} are {when} (probability {known:g}): {', '.join(blame)}"
    if abs(was - now) < SAME:
        if thresholds[0] == thresholds[1]:
            return "neighbours", f"{pair} are as before ({now:g}): the links around them changed"
        return (
            "threshold",
            f"threshold {thresholds[0]:g}, now {thresholds[1]:g}: {pair} have {now:g}",
        )
    deciders = link["decided_by_before"], link["decided_by_after"]
    blame = [
        *(["a record was edited"] if edited else []),
        *(["another cross-encoder"] if "cross_encoder" in differences["models"] else []),
        *(["other fields"] if differences["fields"] else []),
        *([f"{deciders[1]} decided, before {deciders[0]}"] if len(set(deciders)) > 1 else []),
    ]
    words = f"{pair}: probability {was:g}, now {now:g}"
    if thresholds[0] != thresholds[1]:
        words += f" (threshold {thresholds[0]:g}, now {thresholds[1]:g})"
    return "probability", words + (f": {', '.join(blame)}" if blame else "")


def _differences(folders: Sequence[Workspace], sides: Sequence[Clustered]) -> dict[str, Any]:
    """Return what differs between the runs besides their records, as [before, after]."""
    configs = [side.config.as_dict() for side in sides]
    manifests = [folder.manifest() for folder in folders]
    models = [
        manifest.get("models") or {name: config[name] for name in ("bi_encoder", "cross_encoder")}
        for manifest, config in zip(manifests, configs, strict=True)
    ]
    used = [[use.name for use in side.records.fields if use.used] for side in sides]
    versions = [manifest.get("dedupe") for manifest in manifests]
    return {
        "config": _unlike(configs[0], configs[1], leave=_NOT_FOR_CLUSTERS),
        "models": _unlike(models[0], models[1]),
        "fields": used if used[0] != used[1] else [],
        "dedupe": versions if versions[0] != versions[1] else [],
    }


def _unlike(
    before: Mapping[str, Any], after: Mapping[str, Any], leave: frozenset[str] = frozenset()
) -> dict[str, list[Any]]:
    return {
        name: [before.get(name), after.get(name)]
        for name in dict.fromkeys([*before, *after])
        if name not in leave and before.get(name) != after.get(name)
    }


def _counts(values: pl.Series, names: Sequence[str]) -> dict[str, int]:
    found = dict(values.cast(pl.String).alias("value").value_counts().iter_rows())
    return {name: found.get(name, 0) for name in names}


def _some(names: Sequence[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
