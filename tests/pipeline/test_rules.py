"""Rules, kinds and ignored values in every command, and a configuration that does it all again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import dedupe
from dedupe.cli import cli
from dedupe.config import Config
from dedupe.errors import OptionError
from dedupe.pipeline.dry_run import dry_run
from dedupe.pipeline.incremental.match import NEAREST, _by_value, _same_values
from dedupe.resolution.rules import Rules
from dedupe.review.loader import load_workspace
from dedupe.workspace.folder import open_workspace
from dedupe.workspace.labels import import_decisions
from dedupe.workspace.state import open_state
from dedupe.workspace.stored import current_choices

pytestmark = pytest.mark.model

ROWS = """id,name,phone,country,source,number
1,Anna Schmidt,+49 30 1234567,DE,a,x1
2,Anna Schmidt,030 1234567,AT,a,x2
3,Anna Schmid,0049 30 1234567,de,b,x3
4,Bob Miller,555 1234567,,a,x9
5,Bob Miller,555 1234567,US,b,N/A
6,Clara Jones,020 7946 0018,UK,a,same
7,Peter Pan,0161 496 0000,uk,b,SAME
8,Dora Klein,040 111222333,DE,a,x8
9,Emil Gross,040 999888777,DE,b,nothing
10,Fritz Blau,0511 4567890,DE,a,nothing
"""
RULES = {"must_agree": ["country"], "exact": ["number"], "ignore_value": ["number=Nothing"]}


VALUES = st.none() | st.sampled_from(["a", "b", "ä", "Z", ""])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Make a small table."""
    path = tmp_path / "people.csv"
    path.write_text(ROWS)
    return path


@pytest.fixture
def ruled(file: Path) -> Path:
    """Make a workspace with rules."""
    dedupe.run(file, effort="fast", fields=["name", "phone"], **RULES)
    return file.with_suffix(".dedupe")


def partners(result: dedupe.Result) -> set[frozenset[str]]:
    """List the clusters of two records or more, by their ids."""
    ids = result.clusters.group_by("cluster_id").agg(pl.col("id").cast(pl.String))["id"]
    return {frozenset(found.to_list()) for found in ids if len(found) > 1}


def output(*arguments: object) -> str:
    """Run a command, which succeeds, and return what it prints to stdout."""
    found = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert found.exit_code == 0, found.output
    return found.stdout


def test_a_saved_configuration_does_the_same_again(file: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved.toml"
    first, second = tmp_path / "first", tmp_path / "second"
    rules = ["--must-agree", "country", "--exact", "number", "--ignore-value", "number=nothing"]
    options = ["--fast", "-q", *rules, "--kind", "phone=Phone", "--target-precision", "0.9"]
    output("run", file, "-o", first, *options, "--save-config", saved)
    output("run", file, "-o", second, "-q", "--config", saved, "--save-config", tmp_path / "again")
    for name in ("clusters.csv", "merged.csv", "removed.csv", "pairs.csv"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    assert (tmp_path / "again").read_bytes() == saved.read_bytes()
    # Also from a run that had nothing to compute.
    output("run", file, "-o", second, "-q", "--config", saved, "--save-config", tmp_path / "third")
    assert (tmp_path / "third").read_bytes() == saved.read_bytes()


def test_run_export_and_diff_options_obey_the_rules(file: Path, ruled: Path) -> None:
    found = dedupe.export(ruled)
    assert partners(found) == {frozenset("13"), frozenset("45"), frozenset("67")}
    assert found.summary["rules"]["joined"] == 1
    assert found.summary["rules"]["exact_values_apart"] == 0
    reasons = found.pairs.filter(pl.col("decided_by") == "rule")["reason"].unique().sort()
    assert reasons.to_list() == ["exact: number", "must agree: country"]
    # An export needs no scores again, and an empty rule drops the one of the workspace.
    differ = dedupe.export(ruled, must_agree=(), must_differ=("source",), exact=())
    assert frozenset("67") not in partners(differ)
    assert not any({"1", "2"} <= cluster for cluster in partners(differ))
    # The rules are those of the workspace now.
    again = dedupe.run(file, effort="fast", fields=["name", "phone"], ignore_value=("number=N",))
    assert again.summary["config"]["must_differ"] == ["source"]


def test_without_rules_nothing_is_decided_by_rules(file: Path, tmp_path: Path) -> None:
    found = dedupe.run(file, output=tmp_path / "w", effort="fast", fields=["name", "phone"])
    assert "rules" not in found.summary
    assert "rule" not in found.pairs["decided_by"].to_list()
    assert open_state(open_workspace(tmp_path / "w")).records.rule_values is None


def test_decisions_come_before_rules(ruled: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("id_a,id_b,label\n1,2,match\n6,7,different\n")
    import_decisions(ruled, labels, reviewer="me")
    found = dedupe.export(ruled)
    assert {"1", "2"} <= next(cluster for cluster in partners(found) if "1" in cluster)
    assert frozenset("67") not in partners(found)
    assert found.summary["rules"]["overruled_by_decisions"] == 1
    assert found.summary["rules"]["exact_values_apart"] == 1


def test_explain_names_the_rule(ruled: Path) -> None:
    assert dedupe.explain(ruled, "1", "2").rule == "must agree: country"
    assert dedupe.explain(ruled, "7", "6").rule == "exact: number"
    assert dedupe.explain(ruled, "1", "4").rule == ""
    assert "A rule decides: must agree: country." in output("explain", ruled, "1", "2")


def test_match_and_add_obey_the_rules(ruled: Path, tmp_path: Path) -> None:
    new = pl.DataFrame(
        {
            "name": ["Anna Schmidt", "Nobody Known", "Nobody Known"],
            "phone": ["030 1234567", "", ""],
            "country": ["FR", "", "FR"],
            "number": ["", "Same", "same"],
        }
    )
    found = dedupe.open_workspace(ruled).match(new)
    assert found.filter(pl.col("record") != 1).is_empty()
    assert set(found["id"]) == {"6", "7"}
    assert found["probability"].to_list() == [1.0, 1.0]
    added = tmp_path / "new.csv"
    new.with_columns(pl.Series("id", ["21", "22", "23"])).write_csv(added)
    clusters = partners(dedupe.add(ruled, added))
    assert frozenset({"6", "7", "22"}) in clusters
    assert not any({"21", "23"} & cluster for cluster in clusters)


def test_match_looks_at_the_values_of_pairs_only(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = "".join(f"{n},Person {n},0511 {n * 7},DE,a,y{n}\n" for n in range(11, 60))
    file.write_text(ROWS + more)
    dedupe.run(file, effort="fast", fields=["name", "phone"], **RULES)
    workspace = dedupe.open_workspace(file.with_suffix(".dedupe"))
    workspace.match(pl.DataFrame({"name": ["Somebody"]}))
    seen: list[int] = []
    of_values = Rules.of_values

    def counted(values: pl.DataFrame, config: Config) -> Rules:
        seen.append(values.height)
        return of_values(values, config)

    monkeypatch.setattr(Rules, "of_values", counted)
    new = pl.DataFrame({"name": ["Nobody Known"], "number": ["Same"]})
    assert set(workspace.match(new)["id"]) == {"6", "7"}
    assert 0 < max(seen) <= 4 * NEAREST < 59


@given(st.lists(VALUES), st.lists(VALUES))
def test_records_of_the_same_value_are_found(
    values: list[str | None], new: list[str | None]
) -> None:
    column, asked = (pl.Series("v", texts, dtype=pl.String) for texts in (values, new))
    found = _same_values(asked, *_by_value(column)).rows()
    same = [
        (record, row)
        for record, value in enumerate(new)
        for row, other in enumerate(values)
        if value is not None and value == other
    ]
    assert sorted(found) == same


def test_evaluate_and_report_obey_the_rules(ruled: Path) -> None:
    estimate = json.loads(output("evaluate", ruled, "--json"))
    assert estimate["precision"]["value"] > 0.5
    output("report", ruled, "-q")
    page = (ruled / "report.html").read_text(encoding="utf-8")
    assert "must agree" in page
    assert "number=Nothing" in page


def test_a_review_follows_the_rules(ruled: Path) -> None:
    opened = open_workspace(ruled)
    loaded = load_workspace(opened)
    keys = loaded.clustered.records.keys
    row_of = {key: row for row, key in enumerate(keys.to_list())}
    decisions = pl.DataFrame(
        [(keys[0], keys[1], "match"), (keys[5], keys[6], "different")],
        schema=["left_id", "right_id", "decision"],
        orient="row",
    )
    loaded.clusters.follow(decisions, current_choices(opened), row_of, [0, 1, 5, 6])
    state = replace(loaded.clustered.state, decisions=decisions)
    assert (loaded.clusters.labels == state.cluster().resolved.labels).all()
    assert loaded.clusters.labels[0] == loaded.clusters.labels[1]
    assert loaded.clusters.labels[5] != loaded.clusters.labels[6]
    found = loaded.pairs.find(0, 2)
    assert found is not None
    forbidden = loaded.pairs.find(1, 2)
    assert forbidden is not None
    assert loaded.pairs.decided_by[forbidden] == "rule"
    assert not loaded.pairs.doubtful[forbidden]


def test_link_obeys_the_rules(file: Path, tmp_path: Path) -> None:
    frame = pl.read_csv(file, infer_schema=False).drop("source")
    options = {"effort": "fast", "fields": ["name", "phone"], "must_agree": ["country"]}
    for mode in ("many-to-many", "one-to-one"):
        found = dedupe.link(frame[:5], frame[2:], link=mode, exact=["number"], **options)
        pairs = set(found.matches.select("left_id", "right_id").iter_rows())
        assert (("1", "3") in pairs) == (mode == "many-to-many")
        assert not any(left == "2" for left, _ in pairs)
        assert ("3", "3") in pairs


def test_a_kind_is_used_for_comparison_and_scored_again(file: Path) -> None:
    options = {"effort": "fast", "fields": ["name", "number"]}
    dedupe.run(file, **options)
    found = dedupe.run(file, kind={"number": "category"}, **options)
    stages = {stage["stage"]: stage.get("reused", False) for stage in found.summary["stages"]}
    assert stages["search"]
    assert not stages["score"]
    roles = {
        field.label: field.role.value
        for field in found.clustered.state.comparison.file_statistics.roles
    }
    assert roles["number"] == "category"


def test_an_ignored_value_is_compared_as_empty_and_written(file: Path) -> None:
    found = dedupe.run(file, effort="fast", fields=["name", "number"], ignore_value=["NOTHING"])
    texts = found.clustered.records.texts
    assert "nothing" not in " ".join(texts.to_list())
    assert found.clusters["number"].to_list().count("nothing") == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"must_agree": ["countryx"]}, r"must_agree: there is no column 'countryx'.*did you mean"),
        ({"exact": ["numberx"]}, r"exact: there is no column 'numberx'"),
        ({"kind": {"fone": "phone"}}, r"kind: there is no column 'fone'"),
        ({"kind": {"phone": "fone"}}, r"unknown kind 'fone' of column 'phone'.*did you mean"),
        ({"ignore_value": ["numberx=x"]}, r"ignore_value: there is no column 'numberx'"),
        ({"exact": ["name"], "must_differ": ["name"]}, r"'name' is both in must_differ and in"),
        ({"must_agree": "country"}, r"must_agree is 'country': give a list"),
    ],
)
def test_wrong_rules_are_refused_in_one_line(file: Path, options, message: str) -> None:
    for command in (dedupe.run, dry_run):
        with pytest.raises(OptionError, match=message):
            command(file, effort="fast", **options)
    assert not (file.parent / "people.dedupe" / "clusters.csv").exists()
