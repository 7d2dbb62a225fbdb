"""The screen on which pairs are decided."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.console import Group, RenderableType
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Input, Static

from dedupe.errors import DedupeError
from dedupe.evaluation.quality import Audit
from dedupe.io.printable import printable
from dedupe.report.field_differences import compare_fields, differing_numbers, one_line
from dedupe.report.wording import plural
from dedupe.resolution.decisions import Decision
from dedupe.review.decisions import described
from dedupe.review.loader import LoadedWorkspace, load_workspace
from dedupe.review.order import ORDERS
from dedupe.review.queue import View, parse_range
from dedupe.review.session import Session
from dedupe.review.widgets.figures import duration, estimated, with_bar
from dedupe.review.widgets.keys import Keys
from dedupe.review.widgets.navigation import Navigation
from dedupe.review.widgets.record_comparison import Cached, side_by_side
from dedupe.review.widgets.waterfall import waterfall

if TYPE_CHECKING:
    from dedupe.scoring.explanation.pair import Explanation

TEXT_HINT = "show only pairs that contain this text; empty: all pairs"
RANGE_HINT = "show only these probabilities, such as 0.3-0.7; empty: all pairs"
ID_HINT = "show only the pairs of the record with this id; empty: all pairs"
MOST_NUMBERS = 6
"""Fields whose numbers differ that are listed."""


class PairsScreen(Screen[None]):
    """Two records side by side, their scores, and the keys to decide.

    Parameters
    ----------
    session
        The review.
    blind
        Hide the scores until the reviewer asks for them.
    interval_width
        Width of the intervals of precision and recall at which an audit is done.
    """

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "decide('match')", "Match"),
        Binding("n", "decide('different')", "Different"),
        Binding("u", "decide('unsure')", "Unsure"),
        Binding("backspace,ctrl+z", "undo", "Undo", key_display="⌫"),
        Binding("ctrl+y", "redo", "Redo", show=False),
        Binding("space", "skip", "Skip", key_display="␣"),
        Binding("down,j,right", "move(1)", "Next", show=False),
        Binding("up,k,left", "move(-1)", "Previous", show=False),
        Binding("pagedown", "scroll(1)", "Scroll down", show=False),
        Binding("pageup", "scroll(-1)", "Scroll up", show=False),
        Binding("x", "expand", "Full values", show=False),
        Binding("w", "explain", "Why"),
        Binding("b", "blind", "Hide or show scores", show=False),
        Binding("r", "order", "Order"),
        Binding("slash", "ask('text')", "Search", key_display="/"),
        Binding("i", "ask('id')", "Go to id", show=False),
        Binding("f", "ask('range')", "Filter by probability", show=False),
        Binding("escape", "cancel", "Cancel"),
    ]

    def __init__(self, session: Session, *, blind: bool, interval_width: float) -> None:
        super().__init__()
        self.session = session
        self.blind = blind
        self.interval_width = interval_width
        self.expanded = False
        self.explained: dict[int, Explanation] = {}
        self.asked_for = ""
        self.contradictions = 0

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield Navigation("pairs")
        yield Static(id="progress")
        with VerticalScroll(id="records", can_focus=False):
            yield Static(id="fields")
            yield Static(id="why")
        yield Static(id="scores")
        yield Static(id="note")
        yield Input(id="filter")
        yield Keys()

    def on_mount(self) -> None:
        """Show the first pair."""
        self.query_one("#filter", Input).display = False
        self.show_view(self.session.view)

    def on_screen_resume(self) -> None:
        """Show what changed on other screens."""
        self.draw()

    # Drawing ------------------------------------------------------------------------------

    def draw(self, note: str = "", *, fast: bool = False) -> None:
        """Show the current pair; if `fast`, first without what needs the clusters."""
        session, pair = self.session, self.session.queue.pair
        self.query_one("#progress", Static).update(self._progress(fast))
        if not note and not fast and (implied := session.implied_count()):
            note = f"{plural(implied, 'pair')} skipped: implied by earlier decisions"
        self._note(note)
        if pair is None:
            self.query_one("#fields", Static).update(Text(self._end_of_queue()))
            self.query_one("#scores", Static).update("")
            return
        a, b = session.pairs.ends(pair)
        ids = session.records.ids
        fields = compare_fields(session.record(a), session.record(b), session.compared_fields())
        names = f"A · {one_line(ids[a])}", f"B · {one_line(ids[b])}"
        self.query_one("#fields", Static).update(
            side_by_side(fields, names, expanded=self.expanded)
        )
        self.query_one("#scores", Static).update(self._scores(pair, fast))
        records, why = self.query_one("#records", VerticalScroll), self.query_one("#why", Static)
        why.display = not self.blind and pair in self.explained
        records.scroll_home(animate=False)
        if why.display:
            why.update(Cached(waterfall(self.explained[pair], self.app.size.width)))
            self.call_after_refresh(records.scroll_to_widget, why, animate=False)
        if fast:
            self.call_after_refresh(self._draw_rest, pair, note)

    def _draw_rest(self, pair: int, note: str) -> None:
        """Show what a match would do and the contradictions, if the pair is still shown."""
        if self.session.queue.pair != pair:
            return
        self.query_one("#progress", Static).update(self._progress())
        self.query_one("#scores", Static).update(self._scores(pair))
        if not note and (implied := self.session.implied_count()):
            self._note(f"{plural(implied, 'pair')} skipped: implied by earlier decisions")

    def _note(self, note: str) -> None:
        self.query_one("#note", Static).update(Text(printable(note), style="italic"))

    def _progress(self, fast: bool = False) -> Text:
        session, queue = self.session, self.session.queue
        counts = session.decisions.counts()
        place = min(queue.position + 1, len(queue))
        parts = [
            f"pair {place:,} of {len(queue):,}" if len(queue) else "no pairs",
            session.view.order,
            f"✓ {counts['match']:,}  ✗ {counts['different']:,}  ? {counts['unsure']:,}",
        ]
        if session.view.order == "audit" and session.audit is not None:
            parts.append(audit_progress(session.audit, self.interval_width))
        elif len(queue):
            left = session.seconds_left()
            time_left = "" if left is None else f", {duration(left)}"
            parts.append(f"{plural(session.remaining(), 'doubtful pair')} left{time_left}")
        if session.view.filters:
            parts.append(session.view.filters)
        if not fast:
            self.contradictions = session.contradiction_count()
        if self.contradictions:
            parts.append(f"! {plural(self.contradictions, 'contradiction')}")
        text = Text(printable("  ·  ".join(parts)))
        text.stylize("bold", 0, len(parts[0]))
        return text

    def _end_of_queue(self) -> str:
        session = self.session
        if len(session.queue):
            message = "You have reached the end of this queue."
        elif session.view.order == "contradictions":
            message = "There are no contradictions."
        elif session.view.order == "audit" and session.audit is None:
            message = "Pairs are drawn at random: this takes a moment."
        elif session.view.order == "audit":
            message = "Every pair is decided."
        elif session.view.record_id:
            message = f"No candidate pair of {one_line(session.view.record_id)} passes this filter."
        else:
            message = "No pair matches this filter."
        return f"\n  {message}\n  r another order · / search · i go to id · e export · q quit"

    def _scores(self, pair: int, fast: bool = False) -> RenderableType:
        session = self.session
        a, b = session.pairs.ends(pair)
        lines: list[RenderableType] = [self._probability(pair)]
        numbers = differing_numbers(session.record(a), session.record(b), session.field_roles())
        if numbers:
            listed = "  ·  ".join(map(str, numbers[:MOST_NUMBERS]))
            lines.append(Text.assemble(("numbers that differ (A | B)  ", "dim"), listed))
        if fast:
            lines.append(Text("…", style="dim"))
        else:
            effect = session.match_effect(pair)
            warning = "! " if effect.contradicts else ""
            lines.append(Text(printable(f"{warning}{effect}"), "bold" if warning else "dim"))
        if known := session.known(pair):
            lines.append(Text(f"decided: {known}", style="bold"))
        return Group(*lines)

    def _probability(self, pair: int) -> RenderableType:
        pairs = self.session.pairs
        p = pairs.probability(pair)
        if self.blind:
            return Text("scores are hidden: press b to show them", style="dim")
        if p is None:
            return Text("no score: this pair was not a candidate pair", style="dim")
        return with_bar(
            Text.assemble(("probability ", "dim"), (f"{p:.3f}", "bold")),
            p,
            Text.assemble(
                ("similarity ", "dim"),
                f"{pairs.similarity[pair]:.2f}",
                ("  scored by ", "dim"),
                pairs.decided_by[pair],
            ),
        )

    # Deciding and moving ------------------------------------------------------------------

    def action_decide(self, decision: str) -> None:
        """Decide the current pair."""
        pair = self.session.queue.pair
        try:
            logged = self.session.decide(Decision(decision))
        except DedupeError as error:
            self.notify(str(error), severity="error")
            return
        if logged is None and pair is not None:
            known = self.session.known(pair)
            self.draw(f"another reviewer decided {known} meanwhile: press again to replace it")
            return
        if self.session.view.order == "audit" and self.session.queue.pair is None:
            self._continue_audit()
            return
        self.draw(fast=True)
        if self.session.recalibration_due():
            self._recalibrate()

    def action_undo(self) -> None:
        """Take back what the latest key press decided."""
        undone = self.session.undo()
        self.draw(f"undone: {described(undone)}" if undone else "nothing to undo")

    def action_redo(self) -> None:
        """Decide again what was taken back last."""
        redone = self.session.redo()
        self.draw(f"redone: {described(redone)}" if redone else "nothing to redo")

    def action_skip(self) -> None:
        """Go to the next undecided pair."""
        self.session.advance()
        self.draw(fast=True)

    def action_move(self, steps: int) -> None:
        """Go along the queue, over decided pairs too."""
        self.session.move(steps)
        self.draw(fast=True)

    def action_scroll(self, pages: int) -> None:
        """Scroll long records."""
        records = self.query_one("#records", VerticalScroll)
        records.scroll_relative(y=pages * max(records.size.height - 1, 1), animate=False)

    def action_expand(self) -> None:
        """Show long values in full, or shortened again."""
        self.expanded = not self.expanded
        self.draw()

    def action_blind(self) -> None:
        """Hide or show the scores."""
        self.blind = not self.blind
        self.draw()

    @work(thread=True, exclusive=True, group="recalibrate")
    def _recalibrate(self) -> None:
        try:
            loaded = load_workspace(self.session.workspace)
        except DedupeError as error:
            self.app.call_from_thread(self.draw, str(error))
            return
        self.app.call_from_thread(self._take_recalibrated, loaded)

    def _take_recalibrated(self, loaded: LoadedWorkspace) -> None:
        session = self.session
        shown = session.queue.pair
        session.take(loaded)
        session.sort(session.view)
        if shown is not None and not session.known(shown):
            session.show_next(shown)  # the pair on the screen must not change by itself
        self.explained.clear()
        self.draw()

    # Which pairs --------------------------------------------------------------------------

    def action_order(self) -> None:
        """Sort the queue in the next order."""
        names = list(ORDERS)
        name = names[(names.index(self.session.view.order) + 1) % len(names)]
        view = replace(self.session.view, order=name)
        self.session.sort(view)
        self.show_view(view, f"order {name}: {ORDERS[name]}")

    def show_view(self, view: View, note: str = "") -> None:
        """Show the queue of a view; an audit draws its pairs first."""
        if view.order == "audit":
            self._continue_audit()
        else:
            self.draw(note)

    def _continue_audit(self) -> None:
        self.draw("drawing pairs at random …")
        self._draw_audit()

    @work(thread=True, exclusive=True, group="audit")
    def _draw_audit(self) -> None:
        try:
            audit = self.session.draw_audit()
        except DedupeError as error:
            self.app.call_from_thread(self.draw, str(error))
            return
        self.app.call_from_thread(self._take_audit, audit)

    def _take_audit(self, audit: Audit) -> None:
        if self.session.view.order != "audit":
            return  # the reviewer chose another order meanwhile
        self.session.take_audit(audit)
        if audit.pairs:
            self.draw(audit_progress(audit, self.interval_width))
        else:
            self.draw("every pair is decided: there is nothing left to estimate")

    def action_ask(self, what: str) -> None:
        """Ask for a text, for an id, or for a range of probabilities."""
        self.asked_for = what
        field = self.query_one("#filter", Input)
        view = self.session.view
        if what == "text":
            field.placeholder, field.value = TEXT_HINT, view.text
        elif what == "id":
            field.placeholder, field.value = ID_HINT, view.record_id
        else:
            unlimited = (view.low, view.high) == (0.0, 1.0)
            field.placeholder = RANGE_HINT
            field.value = "" if unlimited else f"{view.low:g}-{view.high:g}"
        field.display = True
        field.focus()
        self.refresh_bindings()

    def action_cancel(self) -> None:
        """Leave the filter as it was."""
        self.asked_for = ""
        self.query_one("#filter", Input).display = False
        self.set_focus(None)
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only to cancel while the reviewer types a filter, and everything else otherwise."""
        return (action == "cancel") == bool(self.asked_for)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Show only the pairs that pass the filter."""
        view, typed = self.session.view, event.value.strip()
        if self.asked_for == "text":
            view = replace(view, text=typed)
        elif self.asked_for == "id":
            if typed and not self.session.rows_with_id(typed):
                self.notify(f"there is no record with the id {typed!r}", severity="warning")
                return
            # These two orders have pairs of their own.
            order = "highest" if view.order in ("audit", "contradictions") else view.order
            view = replace(view, record_id=typed, order=order)
        elif (bounds := parse_range(typed)) is not None:
            view = replace(view, low=bounds[0], high=bounds[1])
        else:
            self.notify(f"{typed!r} is not a range: use two numbers, such as 0.3-0.7")
            return
        self.action_cancel()
        self.session.sort(view)
        self.show_view(view, plural(len(self.session.queue), "pair"))

    # Why ----------------------------------------------------------------------------------

    def action_explain(self) -> None:
        """Show or hide the evidence for and against a match."""
        pair = self.session.queue.pair
        if pair is None:
            return
        if self.explained.pop(pair, None) is not None:
            self.draw()
        else:
            self._note("the evidence is collected …")
            self._explain(pair)

    @work(thread=True, exclusive=True)
    def _explain(self, pair: int) -> None:
        try:
            self.explained[pair] = self.session.explain(pair)
        except DedupeError as error:
            self.app.call_from_thread(self.draw, str(error))
            return
        if self.session.queue.pair == pair:
            self.app.call_from_thread(
                self.draw, "why: evidence for (+) or against (-) a match, in log odds"
            )


def audit_progress(audit: Audit, interval_width: float) -> str:
    """Describe the estimates of an audit and how many pairs are still to review."""
    estimate = audit.estimate
    text = f"precision {estimated(estimate.precision)}, recall {estimated(estimate.recall)}"
    if not estimate.drawn:
        return f"{text}, by the model alone"
    if estimate.width <= interval_width:
        return f"{text}: done, the intervals are at most {interval_width:g} wide"
    return (
        f"{text}: interval {estimate.width:.2f} wide, "
        f"about {audit.estimate.draws_left(interval_width):,} more pairs for {interval_width:g}"
    )
