"""One review from the table to the export with the bundled cross-encoder."""

from __future__ import annotations

import asyncio
from pathlib import Path

import polars as pl
import pytest
from textual.widgets import Static

import dedupe
from dedupe.pipeline.run import prepare
from dedupe.review.app import ReviewApp
from dedupe.review.session import Session
from dedupe.workspace.log.decision_log import DecisionLog
from tests.samples import people_table


@pytest.mark.model
def test_a_decision_against_the_model_is_explained_logged_and_exported(tmp_path: Path) -> None:
    workspace = prepare(people_table(), output=tmp_path / "people.dedupe", device="cpu")
    decided: dict[str, object] = {}

    async def review() -> None:
        session = Session(workspace, reviewer="ada", order="highest")
        app = ReviewApp(session)
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.pause()
            pair = session.queue.pair
            assert pair is not None
            probability = session.pairs.probability(pair)
            a, b = session.pairs.ends(pair)
            decided["ids"] = {session.records.ids[a], session.records.ids[b]}
            assert probability is not None and probability >= session.config.threshold
            assert session.clusters.labels[a] == session.clusters.labels[b]

            await pilot.press("w")
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert "log odds" in str(app.screen.query_one("#note", Static).content)
            found = app.screen.explained[pair]
            assert found.running()[-1] == pytest.approx(probability, abs=1e-4)
            # The names are what speaks most for a match of two people.
            assert {step.kind: step.log_odds for step in found.steps}["main"] > 0
            picture = app.export_screenshot(simplify=True)
            assert f"{found.steps[0].log_odds:+.2f}" in picture

            await pilot.press("n", "q")
        session.close()
        decided["anything"] = app.return_value

    asyncio.run(review())
    assert decided["anything"] is True
    with DecisionLog(workspace / "decisions.sqlite", readonly=True) as log:
        line = log.log().row(0, named=True)
    assert (line["decision"], line["reviewer"]) == ("different", "ada")
    clusters = dedupe.export(workspace).clusters
    found = clusters.filter(pl.col("id").is_in(list(decided["ids"])))["cluster_id"]  # type: ignore[call-overload]
    assert found.len() == found.n_unique() == 2
