"""What differs between two runs is found, and blamed on what really differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dedupe
from dedupe.config import Config
from dedupe.errors import WorkspaceError
from dedupe.evaluation.compare_runs import CAUSES, CHANGES, Diff
from dedupe.io.dialect import CSV
from dedupe.records import make_records
from dedupe.resolution.decisions import Decision
from dedupe.workspace.folder import Workspace, write_json

Scores = Mapping[tuple[str, str], float]


def make(
    path: Path,
    names: Mapping[str, str],
    scores: Scores,
    *,
    id_column: bool = True,
    decisions: Sequence[tuple[str, str, Decision]] = (),
    models: Mapping[str, str] | None = None,
    extra: Mapping[str, Sequence[str]] | None = None,
    decided_by: str = "cross-encoder",
    **options: object,
) -> Path:
    """A workspace of records (id to name) with the probabilities given, as a run leaves it."""
    config = Config().with_options(**options)
    frame = pl.DataFrame({"id": list(names), "name": list(names.values()), **(extra or {})})
    frame = frame if id_column else frame.drop("id")
    records = make_records(frame, config)
    row = {key: number for number, key in enumerate(names)}
    ends = [sorted((row[a], row[b])) for a, b in scores]
    pairs = pl.DataFrame(
        {
            "left": pl.Series([left for left, _ in ends], dtype=pl.UInt32),
            "right": pl.Series([right for _, right in ends], dtype=pl.UInt32),
            "similarity": pl.Series([0.9] * len(ends), dtype=pl.Float32),
            "probability": pl.Series(list(scores.values()), dtype=pl.Float32),
            "decided_by": pl.Series([decided_by] * len(ends), dtype=pl.String),
            "seen": pl.Series([0] * len(ends), dtype=pl.UInt32),
        }
    ).sort("left", "right")
    workspace = Workspace(path)
    workspace.stages.mkdir(parents=True)
    kept = pl.DataFrame([records.ids, records.keys, records.texts])
    workspace.save("table", "t", frame, {})
    workspace.save(
        "records",
        "t",
        kept,
        {
            "fields": [asdict(use) for use in records.fields],
            "id_column": records.id_column,
            "dialect": asdict(CSV),
        },
    )
    workspace.save("scored", "s", pairs, {})
    workspace.write_facts(
        {
            "input": {"names": [f"{path.name}.csv"], "columns": frame.columns},
            "keys": {"table": "t", "candidates": "c", "scored": "s"},
            "config": config.as_dict(),
        }
    )
    write_json(
        workspace.manifest_file,
        {"dedupe": "1", "models": models or {"bi_encoder": "b", "cross_encoder": "c"}},
    )
    if decisions:
        keys = dict(zip(names, records.keys, strict=True))
        with workspace.decisions() as log:
            for left, right, decision in decisions:
                log.record(keys[left], keys[right], decision, "tester")
    return path


NAMES = {"a": "ada", "b": "adah", "c": "bob", "d": "bobby", "e": "eve"}
SCORES = {("a", "b"): 0.9, ("c", "d"): 0.6, ("d", "e"): 0.2}


def only(found: Diff) -> dict[str, object]:
    """The only change."""
    assert found.changes.height == 1
    row = found.changes.to_dicts()[0]
    assert row["change"] in CHANGES and set(row["causes"]) <= set(CAUSES)
    return row


def test_a_run_does_not_differ_from_itself(tmp_path: Path) -> None:
    before = make(tmp_path / "1", NAMES, SCORES)
    found = dedupe.diff(before, before)
    assert found.changes.is_empty() and found.records.is_empty()
    assert found.summary["clusters"] == {
        "same": 3, "split": 0, "joined": 0, "changed": 0, "appeared": 0, "vanished": 0,
    }  # fmt: skip
    assert found.summary["matched_by"] == "the id column 'id'"
    assert not any(found.summary["differences"].values())


def test_a_higher_threshold_splits(tmp_path: Path) -> None:
    before = make(tmp_path / "1", NAMES, SCORES)
    after = make(tmp_path / "2", NAMES, SCORES, threshold=0.7)
    found = dedupe.diff(before, after)
    change = only(found)
    assert (change["change"], change["causes"]) == ("split", ["threshold"])
    assert change["records"] == ["c", "d"]
    assert (len(change["clusters_before"]), len(change["clusters_after"])) == (1, 2)
    assert (change["left_id"], change["right_id"]) == ("c", "d")
    assert change["probability_before"] == change["probability_after"] == 0.6
    assert change["why"] == "threshold 0.5, now 0.7: c and d have 0.6"
    assert found.summary["differences"]["config"] == {"threshold": [0.5, 0.7]}
    back = only(dedupe.diff(after, before))
    assert (back["change"], back["causes"]) == ("joined", ["threshold"])


def test_another_model_is_blamed_for_another_probability(tmp_path: Path) -> None:
    before = make(tmp_path / "1", NAMES, SCORES)
    after = make(
        tmp_path / "2", NAMES, {**SCORES, ("c", "d"): 0.4},
        models={"bi_encoder": "b", "cross_encoder": "other"},
    )  # fmt: skip
    found = dedupe.diff(before, after)
    change = only(found)
    assert (change["change"], change["causes"]) == ("split", ["probability"])
    assert change["why"] == "c and d: probability 0.6, now 0.4: another cross-encoder"
    assert found.summary["differences"]["models"] == {"cross_encoder": ["c", "other"]}


def test_another_decider_is_blamed_for_another_probability(tmp_path: Path) -> None:
    before = make(tmp_path / "1", NAMES, SCORES)
    after = make(tmp_path / "2", NAMES, {**SCORES, ("c", "d"): 0.1}, decided_by="distilled")
    assert only(dedupe.diff(before, after))["why"].endswith(
        "distilled decided, before cross-encoder"
    )


def test_a_pair_that_was_not_compared_is_blamed(tmp_path: Path) -> None:
    before = make(tmp_path / "1", NAMES, SCORES)
    after = make(tmp_path / "2", NAMES, {("a", "b"): 0.9}, radius=0.99)
    change = only(dedupe.diff(before, after))
    assert (change["change"], change["causes"]) == ("split", ["candidate"])
    assert (change["probability_before"], change["probability_after"]) == (0.6, None)
    assert change["why"] == "c and d are no longer compared (probability 0.6): another radius"


@pytest.mark.parametrize("undone", [False, True])
def test_a_decision_is_blamed(undone: bool, tmp_path: Path) -> None:
    plain = make(tmp_path / "1", NAMES, SCORES)
    decided = make(tmp_path / "2", NAMES, SCORES, decisions=[("d", "c", Decision.DIFFERENT)])
    found = dedupe.diff(decided, plain) if undone else dedupe.diff(plain, decided)
    change = only(found)
    assert change["change"] == ("joined" if undone else "split")
    assert change["causes"] == ["decision"]
    said = "undecided, before different" if undone else "different, before undecided"
    assert change["why"] == f"decided: c and d {said}"
    assert found.summary["decisions"] == {
        "added": int(not undone), "removed": int(undone), "changed": 0
    }  # fmt: skip


def test_a_changed_verdict_is_blamed(tmp_path: Path) -> None:
    before = make(tmp_path / "1", NAMES, SCORES, decisions=[("a", "b", Decision.MATCH)])
    after = make(tmp_path / "2", NAMES, SCORES, decisions=[("b", "a", Decision.DIFFERENT)])
    found = dedupe.diff(before, after)
    assert only(found)["why"] == "decided: a and b different, before match"
    assert found.summary["decisions"]["changed"] == 1


def test_an_edited_record_is_blamed(tmp_path: Path) -> None:
    before = make(tmp_path / "1", NAMES, SCORES)
    after = make(tmp_path / "2", {**NAMES, "d": "zoe"}, {**SCORES, ("c", "d"): 0.1})
    found = dedupe.diff(before, after)
    change = only(found)
    assert change["causes"] == ["record changed", "probability"]
    assert change["why"] == "changed: d; c and d: probability 0.6, now 0.1: a record was edited"
    assert found.summary["records"] == {"same": 4, "changed": 1, "added": 0, "removed": 0}


def test_records_that_come_and_go(tmp_path: Path) -> None:
    before = make(tmp_path / "1", NAMES, SCORES)
    names = {key: name for key, name in NAMES.items() if key not in ("b", "e")}
    after = make(
        tmp_path / "2", {**names, "f": "fay", "g": "robert"},
        {("c", "d"): 0.6, ("d", "g"): 0.9, ("c", "g"): 0.9},
    )  # fmt: skip
    found = dedupe.diff(before, after)
    rows = {(row["change"], tuple(sorted(row["records"]))): row for row in found.changes.to_dicts()}
    assert rows[("changed", ("a", "b"))]["why"] == "removed: b"
    assert rows[("changed", ("c", "d", "g"))]["why"] == "added: g"
    assert rows[("appeared", ("f",))]["why"] == "added: f"
    assert rows[("vanished", ("e",))]["why"] == "removed: e"
    assert len(rows) == 4
    assert found.summary["records"] == {"same": 3, "changed": 0, "added": 2, "removed": 2}
    assert found.changes["change"].to_list() == ["changed", "changed", "appeared", "vanished"]


def test_the_listing_has_a_line_a_record(tmp_path: Path) -> None:
    before = make(tmp_path / "1", NAMES, SCORES)
    after = make(tmp_path / "2", {**NAMES, "g": "bo"}, {("a", "b"): 0.1, ("c", "d"): 0.6})
    found = dedupe.diff(before, after)
    assert found.records.select("number", "change", "id_before", "id_after", "record").rows() == [
        (1, "split", "a", "a", "same"),
        (1, "split", "b", "b", "same"),
        (2, "appeared", None, "g", "added"),
    ]
    first, second = found.records.head(2).iter_rows(named=True)
    assert first["cluster_before"] == second["cluster_before"]
    assert first["cluster_after"] != second["cluster_after"]
    assert found.records["cluster_before"][2] is None


def test_clusters_that_exchange_a_record_are_one_change(tmp_path: Path) -> None:
    names = {"a": "a", "b": "b", "c": "c", "d": "d"}
    before = make(tmp_path / "1", names, {("a", "b"): 0.9, ("c", "d"): 0.9})
    after = make(tmp_path / "2", names, {("a", "b"): 0.1, ("b", "c"): 0.9, ("c", "d"): 0.1})
    change = only(dedupe.diff(before, after))
    assert change["change"] == "changed"
    assert sorted(change["records"]) == ["a", "b", "c", "d"]


def test_what_happens_around_a_link_is_blamed_when_nothing_else_is(tmp_path: Path) -> None:
    # Three records in a chain: the pair at its end tips the average.
    names = {"a": "a", "b": "b", "c": "c"}
    scores = {("a", "b"): 0.95, ("b", "c"): 0.6, ("a", "c"): 0.6}
    before = make(tmp_path / "1", names, scores)
    after = make(tmp_path / "2", names, {**scores, ("a", "c"): 0.01})
    change = only(dedupe.diff(before, after))
    assert change["change"] == "split"
    assert (change["left_id"], change["right_id"]) == ("a", "c")
    assert change["causes"] == ["probability"]


def test_without_ids_records_are_matched_by_content(tmp_path: Path) -> None:
    before = make(tmp_path / "1", NAMES, SCORES, id_column=False)
    turned = dict(reversed(NAMES.items()))
    after = make(tmp_path / "2", turned, SCORES, id_column=False, threshold=0.7)
    found = dedupe.diff(before, after)
    assert found.summary["matched_by"] == "the content of the rows"
    row = found.records.row(0, named=True)
    assert (row["id_before"], row["id_after"]) == ("3", "1")
    assert only(found)["causes"] == ["threshold"]


def test_other_ids_or_columns_are_matched_by_what_both_have(tmp_path: Path) -> None:
    by_id = make(tmp_path / "1", NAMES, SCORES)
    other = make(
        tmp_path / "2", NAMES, SCORES, id="code", extra={"code": [f"x{n}" for n in range(5)]}
    )
    found = dedupe.diff(by_id, other)
    assert found.changes.is_empty() and found.summary["matched_by"] == "the column 'id'"
    bare = make(tmp_path / "3", NAMES, SCORES, id_column=False)
    found = dedupe.diff(by_id, bare)
    assert found.changes.is_empty()
    assert found.summary["matched_by"] == "the content of the columns that both have"


def test_identical_rows_in_another_order_are_no_difference(tmp_path: Path) -> None:
    names = {"a": "ada", "b": "ada", "c": "adah"}
    before = make(tmp_path / "1", names, {("a", "c"): 0.9})
    turned = {"b": "ada", "a": "ada", "c": "adah"}
    after = make(tmp_path / "2", turned, {("b", "c"): 0.4})
    change = only(dedupe.diff(before, after))
    # Which of the two alike was compared differs, and is not blamed.
    assert change["causes"] == ["probability"]
    assert (change["probability_before"], change["probability_after"]) == (0.9, 0.4)


def test_runs_on_other_records_are_refused(tmp_path: Path) -> None:
    before = make(tmp_path / "1", NAMES, SCORES)
    after = make(tmp_path / "2", {"x": "x", "y": "y"}, {})
    with pytest.raises(WorkspaceError, match="no record in common") as raised:
        dedupe.diff(before, after)
    assert "\n" not in str(raised.value)
    with pytest.raises(WorkspaceError, match="there is no workspace"):
        dedupe.diff(before, tmp_path / "none")


def test_nothing_is_written(tmp_path: Path) -> None:
    before = make(tmp_path / "1", NAMES, SCORES)
    after = make(tmp_path / "2", NAMES, SCORES, threshold=0.7)
    there = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    dedupe.diff(before, after)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == there


PROBABILITY = st.integers(0, 20).map(lambda n: n / 20)
KEYS = "abcdefg"
RUN = st.fixed_dictionaries(
    {
        "scores": st.dictionaries(
            st.tuples(st.sampled_from(KEYS), st.sampled_from(KEYS)).filter(lambda p: p[0] < p[1]),
            PROBABILITY,
            max_size=10,
        ),
        "threshold": st.sampled_from([0.3, 0.5, 0.7]),
        "gone": st.sets(st.sampled_from(KEYS), max_size=3),
    }
)


@given(RUN, RUN)
def test_counts_agree_with_the_clusters(
    tmp_path_factory: pytest.TempPathFactory, one: dict, other: dict
) -> None:
    folder = tmp_path_factory.mktemp("law")
    paths, parts = [], []
    for number, run in enumerate((one, other)):
        names = {key: f"name {key}" for key in KEYS if key not in run["gone"]}
        scores = {p: v for p, v in run["scores"].items() if p[0] in names and p[1] in names}
        path = make(folder / str(number), names, scores, threshold=run["threshold"])
        clusters = dedupe.workspace.state.clustered(Workspace(path)).resolved.cluster_id
        groups: dict[str, set[str]] = {}
        for key, cluster in zip(names, clusters, strict=True):
            groups.setdefault(cluster, set()).add(key)
        paths.append(path)
        parts.append({frozenset(group) for group in groups.values()})
    found = dedupe.diff(*paths)
    assert found.summary["clusters"]["same"] == len(parts[0] & parts[1])
    listed = set().union(*(row["records"] for row in found.changes.to_dicts()), set())
    assert listed == set().union(*(parts[0] ^ parts[1]), set())
    assert found.records.height == len(listed)
    assert all(found.changes["why"].str.len_chars() > 0)
    assert found.changes["causes"].list.len().min() != 0
    back = dedupe.diff(*reversed(paths)).summary["clusters"]
    there = found.summary["clusters"]
    assert (back["split"], back["appeared"]) == (there["joined"], there["vanished"])
