"""A result shows itself safely, and explains its pairs, also without a workspace on disk."""

from __future__ import annotations

import polars as pl
import pytest

import dedupe
from tests.samples import people_table


@pytest.fixture(scope="module")
def result() -> dedupe.Result:
    """Run a table in memory whose values are hostile."""
    frame = people_table().with_columns(pl.concat_str("city", pl.lit("\x1b[31m<script>&")))
    return dedupe.run(frame, effort="fast")


@pytest.mark.model
def test_a_notebook_shows_figures_and_escaped_clusters(result: dedupe.Result) -> None:
    html = result._repr_html_()
    assert "of 17 rows are duplicates" in html and html.count("<table>") == 3
    assert "<script" not in html and "&lt;script&gt;" in html
    assert "\x1b" not in html


def test_a_console_gets_no_control_characters(
    result: dedupe.Result, capsys: pytest.CaptureFixture[str]
) -> None:
    result.show()
    shown = capsys.readouterr().out
    assert "of 17 rows are duplicates" in shown and "cluster " in shown and "Margaret" in shown
    assert all(c.isprintable() or c == "\n" for c in shown)
    assert len(repr(result)) < 300 and "duplicates" in repr(result)


def test_pairs_are_explained_without_a_workspace(result: dedupe.Result) -> None:
    row = result.pairs.sort("probability").row(-5, named=True)
    found = result.explain(row["left_id"], row["right_id"])
    assert found.probability == pytest.approx(row["probability"], abs=1e-4)
    with pytest.raises(dedupe.OptionError, match="no record"):
        result.explain("r0", "nobody")


@pytest.mark.model
def test_an_unproposed_pair_is_explained_without_a_workspace() -> None:
    result = dedupe.run(people_table(), effort="fast", radius=0.5)
    a, b = (result.clusters.filter(born=born)["id"][0] for born in ("1815-12-10", "1912-05-31"))
    found = result.explain(a, b)
    assert not found.proposed and found.probability < 0.5


def test_a_result_without_clusters_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    frame = pl.DataFrame({"name": ["anna smith", "otto berg"], "city": ["rome", "paris"]})
    result = dedupe.run(frame, effort="fast")
    result.show()
    assert capsys.readouterr().out.startswith("0 of 2 rows")
    assert "<table>" not in result._repr_html_()
