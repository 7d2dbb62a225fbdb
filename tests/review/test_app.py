"""The app, driven by its keys."""

from __future__ import annotations

import html
import re
import time
from pathlib import Path
from typing import Any

import pytest
from textual.command import CommandPalette
from textual.containers import VerticalScroll
from textual.pilot import Pilot
from textual.widgets import DataTable, Input
from textual.widgets._footer import FooterKey

import dedupe
import dedupe.review.screens.overview
from dedupe.errors import OptionError, WorkspaceError
from dedupe.resolution.decisions import Decision
from dedupe.review.app import ReviewApp, theme_name
from dedupe.review.order import ORDERS
from dedupe.review.queue import View, parse_range
from dedupe.review.screens.help import HelpScreen
from dedupe.review.screens.pairs import PairsScreen
from dedupe.review.session import RECALIBRATE_AFTER
from dedupe.review.widgets.keys import Keys
from dedupe.workspace.log.decision_log import DecisionLog
from tests.review.driver import SIZES, decision_lines, drive, text_of
from tests.samples import review_table

pytestmark = pytest.mark.model


@pytest.fixture
def workspace(judged_workspace: Path) -> Path:
    """The workspace of a run with the comparison model."""
    return judged_workspace


def drawn(app: ReviewApp) -> str:
    """All text on the screen."""
    svg = app.export_screenshot(simplify=True)
    return html.unescape(re.sub(r"<[^>]*>", "", svg)).replace("\xa0", " ")


def test_moving_decides_nothing(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        first = app.session.queue.pair
        await pilot.press("space", "j", "down", "right")
        assert app.session.queue.position == 4
        await pilot.press("k", "up", "left", "up", "up")
        assert app.session.queue.pair == first
        await pilot.press("q")

    assert drive(workspace, steps) is False
    assert decision_lines(workspace).is_empty()


def test_space_skips_decided_pairs_and_arrows_do_not(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        await pilot.press("y", "k")
        assert app.session.queue.position == 0 and "decided: match" in text_of(app, "#scores")
        await pilot.press("j", "y", "k", "k", "space")
        assert app.session.queue.pair is not None and not app.session.known(app.session.queue.pair)

    drive(workspace, steps)


def test_scores_are_recalibrated_on_decisions_and_the_pair_shown_stays(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        session = app.session
        before = session.pairs.scores.probability.copy()
        for count in range(RECALIBRATE_AFTER):
            likely = session.pairs.probability(session.queue.pair) > 0.05
            shown = (
                session.queue.order[session.queue.position + 1]
                if count == RECALIBRATE_AFTER - 1
                else None
            )
            await pilot.press("y" if likely else "n")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert not session.recalibration_due()
        assert sum(session.decisions.counts().values()) == RECALIBRATE_AFTER
        assert session.queue.pair == shown or session.known(int(shown))
        assert (session.pairs.scores.probability != before).any()
        await pilot.press("backspace")
        assert sum(session.decisions.counts().values()) == RECALIBRATE_AFTER - 1

    drive(workspace, steps)


def test_scores_are_hidden_until_asked_for_and_the_effect_of_a_match_is_shown(
    workspace: Path,
) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        assert "probability" not in text_of(app, "#scores")
        await pilot.press("b")
        assert "probability" in text_of(app, "#scores")
        assert "a match" in text_of(app, "#scores")
        await pilot.press("r")
        assert app.session.view.order == "impact"

    drive(workspace, steps, blind=True)


def test_r_cycles_through_the_orders(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        seen = []
        for _ in ORDERS:
            await pilot.press("r")
            await app.workers.wait_for_complete()
            await pilot.pause()
            seen.append(app.session.view.order)
            assert app.session.view.order in text_of(app, "#progress")
        assert seen == [*list(ORDERS)[1:], "informative"]

    drive(workspace, steps, (160, 50))


def test_search_filters_the_queue_and_help_covers_the_screen(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        await pilot.press("slash")
        assert app.screen.query_one("#filter", Input).has_focus
        await pilot.press(*"hopper", "enter")
        assert app.session.view.text == "hopper"
        assert "“hopper”" in text_of(app, "#progress")
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape", "n")
        assert decision_lines(workspace).height == 1
        await pilot.press("slash", "escape", "n")
        assert decision_lines(workspace).height == 2 and app.session.view.text == "hopper"

    drive(workspace, steps)


def test_the_queue_is_filtered_by_probability(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        await pilot.press("f", *"0.6-.9", "enter")
        p = [app.session.pairs.probability(pair) for pair in app.session.queue.order.tolist()]
        assert p and all(0.6 <= one <= 0.9 for one in p)
        assert "0.6-0.9" in text_of(app, "#progress")
        await pilot.press("f", "x", "enter")  # no range: nothing changes, and it is still asked
        assert app.session.view.low == 0.6
        await pilot.press("ctrl+u", "enter")
        assert (app.session.view.low, app.session.view.high) == (0.0, 1.0)

    drive(workspace, steps)


@pytest.mark.parametrize(
    ("typed", "bounds"),
    [
        ("", (0.0, 1.0)), ("0.3-0.7", (0.3, 0.7)), (".3 - 1", (0.3, 1.0)), ("0 to 0.5", (0.0, 0.5)),
        ("0.7-0.3", None), ("high", None), ("1.5-2", None), ("-", None),
    ],
)  # fmt: skip
def test_ranges_are_parsed(typed: str, bounds: tuple[float, float] | None) -> None:
    assert parse_range(typed) == bounds


def test_why_shows_and_hides_the_evidence(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        before = drawn(app)
        await pilot.press("w")
        await app.workers.wait_for_complete()
        await pilot.pause()
        found = app.session.explain(app.session.queue.pair)
        shown = drawn(app)
        assert "nothing is known" in shown and "log odds" in shown
        assert all(f"{step.log_odds:+.2f}" in shown for step in found.steps)
        await pilot.press("w")
        assert drawn(app) == before

    drive(workspace, steps, (120, 60))


@pytest.mark.parametrize("size", [(80, 24), (48, 40)])
def test_why_is_scrolled_into_sight(workspace: Path, size: tuple[int, int]) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        await pilot.press("w")
        await app.workers.wait_for_complete()
        await pilot.pause()
        await pilot.pause()
        step = app.session.explain(app.session.queue.pair).steps[0]
        shown = drawn(app)
        assert f"{step.log_odds:+.2f}" in shown and step.label in shown

    drive(workspace, steps, size)


def test_an_audit_draws_pairs_until_the_intervals_are_narrow(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        await pilot.press(*["r"] * (list(ORDERS).index("audit")))
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert app.session.view.order == "audit" and len(app.session.queue) == 20
        for _ in range(20):
            await pilot.press("n")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert len(app.session.queue) > 20
        assert "done, the intervals are at most 1 wide" in text_of(app, "#progress")

    drive(workspace, steps, (160, 50), interval_width=1.0)
    assert (decision_lines(workspace)["drawn"] != "").sum() == 20


def test_a_cluster_is_confirmed_and_split(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        await pilot.press("c")
        await pilot.pause()
        before = len(app.screen.listed)
        assert before > 0
        await pilot.press("m")
        assert app.session.decisions.counts()["match"] == len(app.screen.rows) - 1
        await pilot.press("backspace")
        await pilot.press("s")
        assert "mark the rows" in text_of(app, "#note")
        await pilot.press("enter", "down", "space")
        assert len(app.screen.marked) == 1
        await pilot.press("s")
        await pilot.pause()
        assert app.session.decisions.counts()["different"] >= 1
        assert len(app.screen.listed) < before
        await pilot.press("ctrl+z", "ctrl+y")
        assert len(app.screen.listed) < before

    drive(workspace, steps, (120, 40))


def test_a_split_is_undone_at_once_also_after_coming_back(workspace: Path) -> None:
    async def split(app: ReviewApp, pilot: Pilot[bool]) -> None:
        app.session.decide_rows([(0, 1), (1, 2)], Decision.MATCH)
        await pilot.press("c", "i", *"r00", "enter")
        await pilot.pause()
        assert len(app.screen.rows) > 2
        await pilot.press("space", "s")
        await pilot.pause()
        assert app.session.decisions.counts()["different"] > 1
        assert "⌫ undoes all of it" in text_of(app, "#note")

    async def come_back(app: ReviewApp, pilot: Pilot[bool]) -> None:
        count = app.session.decisions.counts()["different"]
        await pilot.press("backspace")
        assert f"undone: {count} decisions (different)" in text_of(app, "#note")
        assert app.session.decisions.counts()["different"] == 0
        await pilot.press("ctrl+y")
        assert f"redone: {count} decisions (different)" in text_of(app, "#note")
        await pilot.press("ctrl+z", "ctrl+z")
        assert sum(app.session.decisions.counts().values()) == 0

    drive(workspace, split, (120, 40))
    drive(workspace, come_back, (120, 40))


def test_a_value_of_the_merged_row_is_typed_and_written(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        await pilot.press("c", "t")
        await pilot.pause()
        assert "go to a value" in text_of(app, "#note")
        await pilot.press("enter", "right", "t")
        assert "id of its representative" in text_of(app, "#note")
        await pilot.press(*["right"] * app.screen.columns.index("name"), "t")
        field = app.screen.query_one("#search", Input)
        assert field.has_focus and field.value == app.session.merged(app.screen.rows[0])["name"]
        await pilot.press("ctrl+u", *"[b]Ada", "enter")
        assert "[b]Ada ✓" in drawn(app)
        assert "name of the merged row: [b]Ada" in text_of(app, "#note")
        await pilot.press("t", "escape")
        assert app.session.merged(app.screen.rows[0])["name"] == "[b]Ada"

    drive(workspace, steps, (120, 40))
    assert "[b]Ada" in dedupe.export(workspace).merged["name"].to_list()


def test_the_app_goes_to_a_record_by_its_id(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        await pilot.press("i", *"r03", "enter")
        row = app.session.rows_with_id("r03")[0]
        pairs = [app.session.pairs.ends(pair) for pair in app.session.queue.order.tolist()]
        assert pairs and all(row in ends for ends in pairs)
        assert "of r03" in text_of(app, "#progress")
        await pilot.press("i", "ctrl+u", *"nobody", "enter")
        assert app.session.view.record_id == "r03"
        await pilot.press("ctrl+u", "enter")
        assert len(app.session.queue) > len(pairs)
        labels = app.session.clusters.labels.tolist()
        alone = next(row for row in range(17) if labels.count(labels[row]) == 1)
        together = next(row for row in range(17) if labels.count(labels[row]) > 1)
        await pilot.press("c")
        for row in (alone, together):
            await pilot.press("i", *f"r{row:02}", "enter")
            await pilot.pause()
            assert row in app.screen.rows
            assert app.screen._row_under_cursor() == row
            assert ("is alone" in text_of(app, "#note")) == (row == alone)
        await pilot.press("i", *"nobody", "enter", "escape")
        await pilot.press("slash", *app.session.record(alone)["name"][:6].lower(), "enter")
        await pilot.pause()
        assert alone in [int(label) for label in app.screen.listed]

    drive(workspace, steps, (120, 40))


def test_ids_stay_in_place_while_the_other_columns_scroll(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        await pilot.press("c")
        await pilot.pause()
        await pilot.press("enter", "down", *["right"] * 3)
        await pilot.pause(0.3)
        table = app.screen.query_one("#rows", DataTable)
        assert table.fixed_columns == 2 and app.screen.columns[0] == "id"
        assert table.scroll_x > 0 and f"r{app.screen.rows[0]:02}" in drawn(app)

    drive(workspace, steps, (24, 24))


@pytest.mark.parametrize("size", [(46, 24), (80, 24), (120, 40)])
def test_help_and_quit_are_always_in_sight(workspace: Path, size: tuple[int, int]) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        for key in "pcoe":
            await pilot.press("escape", key)
            await pilot.pause()
            shown = drawn(app)
            assert "? Help" in shown and "q Quit" in shown
            if size[0] >= 80:
                footer = app.screen.query_one("Footer")
                assert footer.virtual_size.width <= size[0]
        await pilot.click("#always", offset=(2, 0))
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)

    drive(workspace, steps, size)


def test_the_doubtful_pairs_are_those_of_the_summary(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        doubtful = dedupe.export(workspace).summary["doubtful_pairs"]
        assert f"{doubtful} doubtful pairs left" in text_of(app, "#progress")
        scores = app.session.pairs.scores
        p = scores.probability
        while not scores.review_from <= p[app.session.queue.pair] < scores.threshold:
            await pilot.press("space")
        await pilot.press("u")
        assert dedupe.export(workspace).summary["doubtful_pairs"] == doubtful - 1

    drive(workspace, steps, (120, 40))


def test_two_clusters_are_merged(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        await pilot.press("c", "g")
        await pilot.pause()
        assert "hold another" in text_of(app, "#note")
        before, held = len(app.screen.listed), app.screen.rows[0]
        await pilot.press("h", "down")
        await pilot.pause()
        other = app.screen.rows[0]
        assert other != held
        await pilot.press("g")
        await pilot.pause()
        labels = app.session.clusters.labels
        assert labels[held] == labels[other] and len(app.screen.listed) <= before
        await pilot.press("slash", *"dijkstra", "enter")
        await pilot.pause()
        assert len(app.screen.listed) <= 1 and "“dijkstra”" in text_of(app, "#head")
        await pilot.press("slash", "escape")

    drive(workspace, steps, (120, 40))


def test_values_and_representatives_are_chosen(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        await pilot.press("c")
        await pilot.pause()
        await pilot.press("v")
        assert "go to a value" in text_of(app, "#note")
        await pilot.press("enter", "v", "asterisk", "space")  # the merged row is no record
        assert not app.session.decisions.choices and not app.screen.marked
        rows = app.screen.rows
        other = next(row for row in rows if app.session.clusters.representative[row] != row)
        await pilot.press(*["down"] * (rows.index(other) + 1), "right", "right", "v")
        name = app.screen.columns[1]
        assert app.session.merged(rows[0])[name] == app.session.record(other)[name]
        assert "✓" in drawn(app)
        await pilot.press("asterisk")
        assert app.session.clusters.representative[rows[0]] == other
        await pilot.press("backspace")
        assert app.session.clusters.representative[rows[0]] != other
        assert "undone: the choice" in text_of(app, "#note")
        await pilot.press("q")

    assert drive(workspace, steps, (120, 40)) is True


def test_moving_the_threshold_shows_its_effect(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        await pilot.press("y", "n", "o")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "2 pairs decided" in text_of(app, "#progress")
        assert "precision" in text_of(app, "#estimate")
        before = text_of(app, "#clusters")
        await pilot.press(*["shift+left"] * 5, "shift+right", "left", "left", "right")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "threshold 0.09" in text_of(app, "#histogram")
        assert text_of(app, "#clusters") != before

    drive(workspace, steps)


def test_the_model_is_trained_from_the_app(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(place: Path, *, report: Any) -> tuple[dict[str, Any], None]:
        if not decision_lines(place).height:
            raise OptionError("too few decisions")
        report("learn", 1, 2)
        return {
            "decisions": 1,
            "version": 1,
            "used": True,
            "accuracy_before": 0,
            "accuracy_after": 1,
            "recalibrated_before": 0.7,
            "recalibrated_after": 0.5,
        }, None

    monkeypatch.setattr(dedupe.review.screens.overview, "train", train)

    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        for message in ("too few decisions", "trained on 1 decision (version 1)"):
            await pilot.press("o", "t")
            await app.workers.wait_for_complete()
            await pilot.pause()
            assert message in text_of(app, "#training")
            await pilot.press("p", "y")
        assert app.session.decisions.counts()["match"] == 2

    drive(workspace, steps)


def test_leaving_twice_stops_the_training(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []

    def train(place: Path, *, report: Any) -> None:
        try:
            for step in range(500):
                report("learn", step, 500)
                time.sleep(0.01)
            ended.append("done")
        except BaseException:
            ended.append("stopped")
            raise

    monkeypatch.setattr(dedupe.review.screens.overview, "train", train)

    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        await pilot.press("o", "t")
        await pilot.pause(0.1)
        await pilot.press("q")
        assert app.is_running and not ended
        await pilot.press("q")

    assert drive(workspace, steps) is False
    assert ended == ["stopped"]


def test_results_are_exported_from_the_app(workspace: Path, tmp_path: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        await pilot.press("e")
        await pilot.pause()
        app.screen.query_one("#folder", Input).value = str(tmp_path / "out")
        app.screen.query_one("#rules", Input).value = "name=nonsense"
        await pilot.pause()
        assert "unknown rule" in text_of(app, "#result")
        app.screen.query_one("#rules", Input).value = "id=first, name=prefer:a,b, city=first"
        await pilot.pause()
        assert "needs a column with the source" in text_of(app, "#result")
        app.screen.query_one("#rules", Input).value = "name=longest"
        await pilot.pause()
        assert "of 17 rows remain" in text_of(app, "#result")
        await pilot.press("ctrl+s")
        await pilot.pause()
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "written to" in text_of(app, "#result")
        await pilot.press("escape")
        assert isinstance(app.screen, PairsScreen)

    drive(workspace, steps, (100, 40))
    assert (tmp_path / "out/merged.csv").exists()


def test_a_click_on_a_key_in_the_footer_decides(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        await pilot.click(FooterKey)
        await pilot.pause()
        assert decision_lines(workspace)["decision"].to_list() == ["match"]

    drive(workspace, steps)


def test_the_command_palette_opens(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        await pilot.press("ctrl+p")
        await pilot.pause()
        assert isinstance(app.screen, CommandPalette)
        await pilot.press("escape")

    drive(workspace, steps)


def test_d_switches_between_dark_and_light(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        assert app.theme == "textual-light"
        await pilot.press("d")
        assert app.theme == "textual-dark"
        await pilot.press("d")
        assert app.theme == "textual-light"

    drive(workspace, steps, theme="light")
    assert theme_name("dracula") == "dracula"
    with pytest.raises(OptionError, match="dark"):
        theme_name("pink")


def test_a_decision_of_another_reviewer_is_shown(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        pair = app.session.queue.pair
        assert pair is not None
        a, b = app.session.pairs.ends(pair)
        with DecisionLog(workspace / "decisions.sqlite") as other:
            other.record(app.session.keys[a], app.session.keys[b], Decision.DIFFERENT, "grace")
        app.look_for_others()
        await pilot.pause()
        assert "decided: different" in text_of(app, "#scores")
        assert "✗ 1" in text_of(app, "#progress")
        await pilot.press("y")
        assert decision_lines(workspace)["reviewer"].to_list() == ["grace", "ada"]

    drive(workspace, steps, (160, 50))


@pytest.mark.parametrize("size", SIZES)
def test_any_script_and_long_values_are_shown(workspace: Path, size: tuple[int, int]) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        for text in ("王", "محمد", "🦊", "lovelace"):
            app.session.sort(View(text=text, order="highest"))
            app.screen.draw()
            await pilot.press("x")
            await pilot.pause()
            assert text.lower() in drawn(app).lower()
            await pilot.press("pagedown", "pagedown", "pageup", "x")
        await pilot.press("c", "enter", "o", "e", "escape", "question_mark")

    drive(workspace, steps, size)


def test_without_colour_differences_are_still_marked(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        assert "≠" in drawn(app)
        assert "█" in drawn(app)  # the bar of the probability is not drawn by colour alone

    drive(workspace, steps)


def test_an_error_of_the_log_is_shown_and_the_pair_stays(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise WorkspaceError("the disk is full")

    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        before = app.session.queue.pair
        monkeypatch.setattr(DecisionLog, "record_all", fails)
        await pilot.press("y")
        assert app.session.queue.pair == before
        monkeypatch.undo()
        await pilot.press("y")
        assert decision_lines(workspace).height == 1

    drive(workspace, steps)


def test_linked_tables_are_reviewed(tmp_path: Path, scored_by_likeness: None) -> None:
    left, right = review_table()[:9], review_table()[3:]
    dedupe.link(left, right, output=tmp_path / "l.dedupe", threshold=0.9, review_from=0.3)

    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        session, source = app.session, app.session.records.source
        seen = 0
        for key in "ynu":
            assert session.queue.pair is not None
            a, b = session.pairs.ends(session.queue.pair)
            assert source[a] != source[b]
            await pilot.press(key)
            seen += 1
        assert sum(session.decisions.counts().values()) == seen
        await pilot.press("c", "m")
        await pilot.pause()
        assert "cluster confirmed" in text_of(app, "#note")
        await pilot.press("o", "e")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "of 23 rows" in text_of(app, "#result")
        await pilot.press("escape", "q")

    assert drive(tmp_path / "l.dedupe", steps, (120, 40)) is True


def test_on_a_phone_nothing_is_beside_the_screen(workspace: Path) -> None:
    async def steps(app: ReviewApp, pilot: Pilot[bool]) -> None:
        for key, last in (("p", "Search"), ("c", "Type value"), ("o", "Train"), ("e", "Back")):
            await pilot.press(key)
            await pilot.pause()
            text = drawn(app)
            for shown in ("Pairs", "Clusters", "Overview", "Export", "? Help", "q Quit", last):
                assert shown in text
            for button in app.screen.query(FooterKey):
                width = len(button.key_display) + len(button.description)
                assert button.region.right <= 48 and button.region.width > width
            await pilot.press("escape")
        await pilot.press("o")
        await pilot.pause()
        lines = text_of(app, "#histogram").splitlines()
        assert max(map(len, lines)) <= 48
        assert "e Export" in drawn(app)
        await pilot.press("question_mark")
        await pilot.pause()
        assert app.screen.query_one(VerticalScroll).region.right <= 48
        lines = drawn(app)
        assert "c  clusters" in lines and "ctrl+y  redo" in lines and "m  confirm that all" in lines
        await pilot.press("escape", "p")
        await pilot.resize_terminal(120, 40)
        await pilot.pause()
        assert app.screen.query_one(Keys).size.height == 1

    drive(workspace, steps, size=(48, 40))
