"""Differences between two runs are found, and attributed to their causes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dedupe
from dedupe.errors import WorkspaceError
from dedupe.evaluation.change_causes import CAUSES
from dedupe.evaluation.compare_runs import RUN_CHANGES, Diff
from dedupe.resolution.decisions import Decision
from dedupe.workspace.folder import Workspace
from tests.samples import write_workspace

NAMES = {"a": "ada", "b": "adah", "c": "bob", "d": "bobby", "e": "eve"}
SCORES = {("a", "b"): 0.9, ("c", "d"): 0.6, ("d", "e"): 0.2}


def only(found: Diff) -> dict[str, object]:
    """The only change."""
    assert found.changes.height == 1
    row = found.changes.to_dicts()[0]
    assert row["change"] in RUN_CHANGES and set(row["causes"]) <= set(CAUSES)
    return row


def test_a_run_does_not_differ_from_itself(tmp_path: Path) -> None:
    before = write_workspace(tmp_path / "1", NAMES, SCORES)
    found = dedupe.diff(before, before)
    assert found.changes.is_empty() and found.records.is_empty()
    assert found.summary["clusters"] == {
        "same": 3, "split": 0, "joined": 0, "changed": 0, "appeared": 0, "vanished": 0,
    }  # fmt: skip
    assert found.summary["matched_by"] == "the id column 'id'"
    assert not any(found.summary["differences"].values())


def test_a_higher_threshold_splits(tmp_path: Path) -> None:
    before = write_workspace(tmp_path / "1", NAMES, SCORES)
    after = write_workspace(tmp_path / "2", NAMES, SCORES, threshold=0.7)
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
    before = write_workspace(tmp_path / "1", NAMES, SCORES)
    after = write_workspace(
        tmp_path / "2", NAMES, {**SCORES, ("c", "d"): 0.4},
        models={"bi_encoder": "b", "cross_encoder": "other"},
    )  # fmt: skip
    found = dedupe.diff(before, after)
    change = only(found)
    assert (change["change"], change["causes"]) == ("split", ["probability"])
    assert change["why"] == "c and d: probability 0.6, now 0.4: another cross-encoder"
    assert found.summary["differences"]["models"] == {"cross_encoder": ["c", "other"]}


def test_another_decider_is_blamed_for_another_probability(tmp_path: Path) -> None:
    before = write_workspace(tmp_path / "1", NAMES, SCORES)
    after = write_workspace(
        tmp_path / "2", NAMES, {**SCORES, ("c", "d"): 0.1}, decided_by="comparison"
    )
    assert only(dedupe.diff(before, after))["why"].endswith(
        "comparison decided, before cross-encoder"
    )


def test_a_pair_that_was_not_compared_is_blamed(tmp_path: Path) -> None:
    before = write_workspace(tmp_path / "1", NAMES, SCORES)
    after = write_workspace(tmp_path / "2", NAMES, {("a", "b"): 0.9}, radius=0.99)
    change = only(dedupe.diff(before, after))
    assert (change["change"], change["causes"]) == ("split", ["candidate"])
    assert (change["probability_before"], change["probability_after"]) == (0.6, None)
    assert change["why"] == "c and d are no longer compared (probability 0.6): another radius"


@pytest.mark.parametrize("undone", [False, True])
def test_a_decision_is_blamed(undone: bool, tmp_path: Path) -> None:
    plain = write_workspace(tmp_path / "1", NAMES, SCORES)
    decided = write_workspace(
        tmp_path / "2", NAMES, SCORES, decisions=[("d", "c", Decision.DIFFERENT)]
    )
    found = dedupe.diff(decided, plain) if undone else dedupe.diff(plain, decided)
    change = only(found)
    assert change["change"] == ("joined" if undone else "split")
    assert change["causes"] == ["decision"]
    words = "undecided, before different" if undone else "different, before undecided"
    assert change["why"] == f"decided: c and d {words}"
    assert found.summary["decisions"] == {
        "added": int(not undone), "removed": int(undone), "changed": 0
    }  # fmt: skip


def test_a_changed_decision_is_blamed(tmp_path: Path) -> None:
    before = write_workspace(tmp_path / "1", NAMES, SCORES, decisions=[("a", "b", Decision.MATCH)])
    after = write_workspace(
        tmp_path / "2", NAMES, SCORES, decisions=[("b", "a", Decision.DIFFERENT)]
    )
    found = dedupe.diff(before, after)
    assert only(found)["why"] == "decided: a and b different, before match"
    assert found.summary["decisions"]["changed"] == 1


def test_an_edited_record_is_blamed(tmp_path: Path) -> None:
    before = write_workspace(tmp_path / "1", NAMES, SCORES)
    after = write_workspace(tmp_path / "2", {**NAMES, "d": "zoe"}, {**SCORES, ("c", "d"): 0.1})
    found = dedupe.diff(before, after)
    change = only(found)
    assert change["causes"] == ["record changed", "probability"]
    assert change["why"] == "changed: d; c and d: probability 0.6, now 0.1: a record was edited"
    assert found.summary["records"] == {"same": 4, "changed": 1, "added": 0, "removed": 0}


def test_added_and_removed_records_are_blamed(tmp_path: Path) -> None:
    before = write_workspace(tmp_path / "1", NAMES, SCORES)
    names = {key: name for key, name in NAMES.items() if key not in ("b", "e")}
    after = write_workspace(
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


def test_the_record_table_has_one_row_per_record(tmp_path: Path) -> None:
    before = write_workspace(tmp_path / "1", NAMES, SCORES)
    after = write_workspace(
        tmp_path / "2", {**NAMES, "g": "bo"}, {("a", "b"): 0.1, ("c", "d"): 0.6}
    )
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
    before = write_workspace(tmp_path / "1", names, {("a", "b"): 0.9, ("c", "d"): 0.9})
    after = write_workspace(
        tmp_path / "2", names, {("a", "b"): 0.1, ("b", "c"): 0.9, ("c", "d"): 0.1}
    )
    change = only(dedupe.diff(before, after))
    assert change["change"] == "changed"
    assert sorted(change["records"]) == ["a", "b", "c", "d"]


def test_the_link_that_tips_an_average_is_blamed(tmp_path: Path) -> None:
    # Three records in a chain: the pair at its end tips the average.
    names = {"a": "a", "b": "b", "c": "c"}
    scores = {("a", "b"): 0.95, ("b", "c"): 0.6, ("a", "c"): 0.6}
    before = write_workspace(tmp_path / "1", names, scores)
    after = write_workspace(tmp_path / "2", names, {**scores, ("a", "c"): 0.01})
    change = only(dedupe.diff(before, after))
    assert change["change"] == "split"
    assert (change["left_id"], change["right_id"]) == ("a", "c")
    assert change["causes"] == ["probability"]


def test_without_ids_records_are_matched_by_content(tmp_path: Path) -> None:
    before = write_workspace(tmp_path / "1", NAMES, SCORES, id_column=False)
    turned = dict(reversed(NAMES.items()))
    after = write_workspace(tmp_path / "2", turned, SCORES, id_column=False, threshold=0.7)
    found = dedupe.diff(before, after)
    assert found.summary["matched_by"] == "the content of the rows"
    row = found.records.row(0, named=True)
    assert (row["id_before"], row["id_after"]) == ("3", "1")
    assert only(found)["causes"] == ["threshold"]


def test_other_ids_or_columns_are_matched_by_what_both_have(tmp_path: Path) -> None:
    by_id = write_workspace(tmp_path / "1", NAMES, SCORES)
    other = write_workspace(
        tmp_path / "2", NAMES, SCORES, id="code", extra={"code": [f"x{n}" for n in range(5)]}
    )
    found = dedupe.diff(by_id, other)
    assert found.changes.is_empty() and found.summary["matched_by"] == "the column 'id'"
    bare = write_workspace(tmp_path / "3", NAMES, SCORES, id_column=False)
    found = dedupe.diff(by_id, bare)
    assert found.changes.is_empty()
    assert found.summary["matched_by"] == "the content of the columns that both have"


def test_identical_rows_in_another_order_are_no_difference(tmp_path: Path) -> None:
    names = {"a": "ada", "b": "ada", "c": "adah"}
    before = write_workspace(tmp_path / "1", names, {("a", "c"): 0.9})
    turned = {"b": "ada", "a": "ada", "c": "adah"}
    after = write_workspace(tmp_path / "2", turned, {("b", "c"): 0.4})
    change = only(dedupe.diff(before, after))
    # Another of the two identical rows was compared, which is not a cause.
    assert change["causes"] == ["probability"]
    assert (change["probability_before"], change["probability_after"]) == (0.9, 0.4)


def test_runs_on_other_records_are_refused(tmp_path: Path) -> None:
    before = write_workspace(tmp_path / "1", NAMES, SCORES)
    after = write_workspace(tmp_path / "2", {"x": "x", "y": "y"}, {})
    with pytest.raises(WorkspaceError, match="no record in common") as raised:
        dedupe.diff(before, after)
    assert "\n" not in str(raised.value)
    with pytest.raises(WorkspaceError, match="there is no workspace"):
        dedupe.diff(before, tmp_path / "none")


def test_nothing_is_written(tmp_path: Path) -> None:
    before = write_workspace(tmp_path / "1", NAMES, SCORES)
    after = write_workspace(tmp_path / "2", NAMES, SCORES, threshold=0.7)
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


@pytest.mark.slow
@given(RUN, RUN)
def test_counts_agree_with_the_clusters(
    tmp_path_factory: pytest.TempPathFactory, one: dict, other: dict
) -> None:
    folder = tmp_path_factory.mktemp("law")
    paths, parts = [], []
    for number, run in enumerate((one, other)):
        names = {key: f"name {key}" for key in KEYS if key not in run["gone"]}
        scores = {p: v for p, v in run["scores"].items() if p[0] in names and p[1] in names}
        path = write_workspace(folder / str(number), names, scores, threshold=run["threshold"])
        clusters = (
            dedupe.workspace.state.open_state(Workspace(path)).cluster().resolved.rows["cluster_id"]
        )
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
