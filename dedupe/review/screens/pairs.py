"""The screen on which pairs are decided."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer, Input, Static

from dedupe.errors import DedupeError
from dedupe.evaluation.quality import Audit
from dedupe.records import field_labels
from dedupe.resolution.decisions import Decision
from dedupe.review.field_differences import compare, disagreeing_numbers
from dedupe.review.loader import Loaded
from dedupe.review.order import ORDERS
from dedupe.review.session import Session, View
from dedupe.review.widgets import bar, measured, seconds, side_by_side
from dedupe.workspace.decision_log import Choice

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


TEXT_HINT = "only pairs that hold this text; empty: all"


RANGE_HINT = "only pairs of these probabilities, such as 0.3-0.7; empty: all"


_RANGE = re.compile(r"\s*([01]?\.?\d*)\s*(?:-|–|to|\s)\s*([01]?\.?\d*)\s*")


class PairsScreen(Screen[None]):
    """Two records beside each other, what is known of them, and the keys to decide.

    Parameters
    ----------
    session
        What is reviewed.
    blind
        Hide the scores until they are asked for.
    width
        Width of the intervals at which an audit is done.
    """

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "decide('match')", "Match"),
        Binding("n", "decide('different')", "Different"),
        Binding("u", "decide('unsure')", "Unsure"),
        Binding("backspace,ctrl+z", "undo", "Undo", key_display="⌫"),
        Binding("ctrl+y", "redo", "Redo", show=False),
        Binding("space", "skip", "Skip", key_display="space"),
        Binding("down,j,right", "move(1)", "Next", show=False),
        Binding("up,k,left", "move(-1)", "Previous", show=False),
        Binding("pagedown", "scroll(1)", "Scroll down", show=False),
        Binding("pageup", "scroll(-1)", "Scroll up", show=False),
        Binding("x", "expand", "Expand", show=False),
        Binding("w", "why", "Why"),
        Binding("b", "blind", "Blind", show=False),
        Binding("r", "order", "Order"),
        Binding("slash", "ask('text')", "Search", key_display="/", show=False),
        Binding("f", "ask('range')", "Filter by score", show=False),
        Binding("escape", "cancel", "Cancel", show=False),
    ]

    def __init__(self, session: Session, *, blind: bool, width: float) -> None:
        super().__init__()
        self.session = session
        self.blind = blind
        self.target = width
        self.expanded = False
        self.model: CrossEncoder | None = None
        self.reasons: dict[int, dict[str, float]] = {}
        self.asked = ""
        self.clashes = 0

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield Static(id="progress")
        with VerticalScroll(id="records", can_focus=False):
            yield Static(id="fields")
        yield Static(id="scores")
        yield Static(id="said")
        yield Input(id="ask")
        yield Footer()

    def on_mount(self) -> None:
        """Show the first pair."""
        self.query_one("#ask", Input).display = False
        if self.session.view.order == "audit":
            self._audit()
        else:
            self.draw()

    def on_screen_resume(self) -> None:
        """Show what changed on other screens."""
        self.draw()

    # Drawing ------------------------------------------------------------------------------

    def draw(self, said: str = "", *, at_once: bool = False) -> None:
        """Show the pair at hand; `at_once` first without what takes clustering to know."""
        session = self.session
        self.query_one("#progress", Static).update(self._head(at_once))
        if not said and (passed := session.passed_over()):
            said = f"{passed:,} pairs are passed over: earlier decisions imply them"
        self.query_one("#said", Static).update(Text(said, style="italic"))
        pair = session.pair
        if pair is None:
            self.query_one("#fields", Static).update(Text(self._end()))
            self.query_one("#scores", Static).update("")
            return
        a, b = session.ends(pair)
        ids = session.state.records.ids
        fields = compare(session.record(a), session.record(b), session.used_fields())
        self.query_one("#fields", Static).update(
            side_by_side(
                fields,
                (f"A · {ids[a]}", f"B · {ids[b]}"),
                expanded=self.expanded,
                reasons=None if self.blind else self.reasons.get(pair),
            )
        )
        self.query_one("#scores", Static).update(self._scores(pair, at_once))
        self.query_one("#records", VerticalScroll).scroll_home(animate=False)
        if at_once:
            self.call_after_refresh(self._draw_rest, pair)

    def _draw_rest(self, pair: int) -> None:
        """Show what a match of the pair would do, and the contradictions, if it is still there."""
        if self.session.pair == pair:
            self.query_one("#progress", Static).update(self._head())
            self.query_one("#scores", Static).update(self._scores(pair))

    def _head(self, at_once: bool = False) -> Text:
        session = self.session
        counts = session.counts()
        place = min(session.at + 1, len(session.queue))
        head = Text.assemble(
            (f"{place:,} of {len(session.queue):,}", "bold"),
            f"  ·  {session.view.order}",
            f"  ·  ✓ {counts['match']:,}  ✗ {counts['different']:,}  ? {counts['unsure']:,}",
        )
        if session.view.order == "audit" and session.audit is not None:
            head.append(f"  ·  {_estimated(session.audit, self.target)}")
        else:
            left = seconds(session.seconds_left())
            head.append(f"  ·  {session.remaining():,} to do, {left}")
        if session.view.filtered:
            head.append(f"  ·  {session.view.filtered}")
        if not at_once:
            self.clashes = session.clash_count()
        if clashes := self.clashes:
            head.append(f"  ·  ! {clashes:,} contradictions")
        return head

    def _end(self) -> str:
        session = self.session
        if session.view.order == "contradictions" and not len(session.queue):
            said = "Nothing contradicts anything."
        elif len(session.queue):
            said = "Nothing is left in this queue."
        else:
            said = "No pair here."
        return f"\n  {said}\n  r another order · / search · e export · q quit"

    def _scores(self, pair: int, at_once: bool = False) -> Text:
        session = self.session
        lines = []
        p = session.probability(pair)
        if self.blind:
            lines.append(Text("scores are hidden: b shows them", style="dim"))
        elif p is None:
            lines.append(Text("never scored: the search did not bring this pair", style="dim"))
        else:
            lines.append(
                Text.assemble(
                    ("probability ", "dim"),
                    (f"{p:.3f} ", "bold"),
                    bar(p),
                    ("  similarity ", "dim"),
                    f"{session.similarity[pair]:.2f}",
                    ("  by ", "dim"),
                    session.decided_by[pair],
                )
            )
        a, b = session.ends(pair)
        texts = session.state.records.texts
        numbers = disagreeing_numbers(texts[a], texts[b])
        if any(numbers):
            lines.append(
                Text.assemble(
                    ("numbers that disagree: ", "dim"),
                    " ".join(numbers[0][:6]) or "none",
                    (" | ", "dim"),
                    " ".join(numbers[1][:6]) or "none",
                )
            )
        if at_once:
            lines.append(Text("…", style="dim"))
        else:
            effect = session.effect(pair)
            lines.append(
                Text(
                    ("! " if effect.contradicts else "") + str(effect),
                    style="bold" if effect.contradicts else "dim",
                )
            )
        if known := session.known(pair):
            lines.append(Text(f"decided: {known}", style="bold"))
        return Text("\n").join(lines)

    # Deciding and moving ------------------------------------------------------------------

    def action_decide(self, decision: str) -> None:
        """Record a decision."""
        pair = self.session.pair
        try:
            made = self.session.decide(Decision(decision))
        except DedupeError as error:
            self.notify(str(error), severity="error")
            return
        if made is None and pair is not None:
            known = self.session.known(pair)
            self.draw(f"another reviewer said {known} meanwhile: press again to say otherwise")
            return
        if self.session.view.order == "audit" and self.session.pair is None:
            self._audit()
            return
        self.draw(at_once=True)
        if self.session.due():
            self._rank_again()

    @work(thread=True, exclusive=True, group="rank")
    def _rank_again(self) -> None:
        try:
            loaded = Loaded.of(self.session.workspace)
        except DedupeError as error:
            self.app.call_from_thread(self.draw, str(error))
            return
        self.app.call_from_thread(self._ranked_again, loaded)

    def _ranked_again(self, loaded: Loaded) -> None:
        session = self.session
        shown = session.pair
        session.take(loaded)
        session.sort(session.view)
        if shown is not None and not session.known(shown):
            session.show_first(shown)  # nobody wants the pair before their eyes to change
        self.reasons.clear()
        self.draw()

    def action_undo(self) -> None:
        """Take the latest decision back."""
        taken = self.session.undo()
        self.draw(f"taken back: {said_of(taken)}" if taken else "nothing is left to take back")

    def action_redo(self) -> None:
        """Make the decision taken back last again."""
        made = self.session.redo()
        self.draw(f"made again: {said_of(made)}" if made else "nothing was taken back")

    def action_skip(self) -> None:
        """Go to the next pair that is undecided."""
        self.session.forward()
        self.draw(at_once=True)

    def action_move(self, steps: int) -> None:
        """Go along the queue, over decided pairs too."""
        self.session.move(steps)
        self.draw(at_once=True)

    def action_scroll(self, pages: int) -> None:
        """Show more of long records."""
        records = self.query_one("#records", VerticalScroll)
        records.scroll_relative(y=pages * max(records.size.height - 1, 1), animate=False)

    def action_expand(self) -> None:
        """Show long values in full, or cut again."""
        self.expanded = not self.expanded
        self.draw()

    def action_blind(self) -> None:
        """Hide or show the scores."""
        self.blind = not self.blind
        self.draw()

    # Which pairs --------------------------------------------------------------------------

    def action_order(self) -> None:
        """Take the next order of the queue."""
        names = list(ORDERS)
        name = names[(names.index(self.session.view.order) + 1) % len(names)]
        self.show_view(replace(self.session.view, order=name), f"{name}: {ORDERS[name]}")

    def show_view(self, view: View, said: str) -> None:
        """Show the pairs of a view."""
        self.session.sort(view)
        if view.order == "audit":
            self._audit()
        else:
            self.draw(said)

    def _audit(self) -> None:
        self.draw("drawing pairs by lot …")
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
            return  # another order was asked for meanwhile
        self.session.take_audit(audit)
        if not audit.pairs:
            self.draw("every pair is decided: nothing is left to estimate")
        else:
            self.draw(_estimated(audit, self.target))

    def action_ask(self, what: str) -> None:
        """Ask for a text, or for a range of probabilities."""
        self.asked = what
        field = self.query_one("#ask", Input)
        view = self.session.view
        ranged = (view.low, view.high) != (0.0, 1.0)
        field.placeholder = TEXT_HINT if what == "text" else RANGE_HINT
        field.value = (
            view.text if what == "text" else f"{view.low:g}-{view.high:g}" if ranged else ""
        )
        field.display = True
        field.focus()

    def action_cancel(self) -> None:
        """Leave the question unanswered."""
        self.query_one("#ask", Input).display = False
        self.set_focus(None)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the pairs that are asked for."""
        view, said = self.session.view, event.value.strip()
        if self.asked == "text":
            view = replace(view, text=said)
        elif (bounds := parse_range(said)) is not None:
            view = replace(view, low=bounds[0], high=bounds[1])
        else:
            self.notify(f"{said!r} is no range: write it as 0.3-0.7", severity="error")
            return
        self.action_cancel()
        self.session.sort(view)
        self.draw(f"{len(self.session.queue):,} pairs")

    # Why ----------------------------------------------------------------------------------

    def action_why(self) -> None:
        """Say what each field does to the probability."""
        pair = self.session.pair
        if pair is not None:
            self.query_one("#said", Static).update(Text("asking the model …", style="italic"))
            self._ask_why(pair)

    @work(thread=True, exclusive=True)
    def _ask_why(self, pair: int) -> None:
        from dedupe.review.explain import contributions, load_model

        session = self.session
        try:
            if self.model is None:
                self.model = load_model(session.state.config)
            a, b = session.ends(pair)
            texts = session.state.records.texts
            parts = dict(contributions(self.model, texts[a], texts[b]))
        except DedupeError as error:
            self.app.call_from_thread(self.draw, str(error))
            return
        names = session.used_fields()
        labels = dict(zip(names, field_labels(names), strict=True))
        self.reasons[pair] = {
            name: parts[label] for name, label in labels.items() if label in parts
        }
        if session.pair == pair:
            self.app.call_from_thread(
                self.draw, "right of each field: what it speaks for (+) or against (-), in log odds"
            )


def parse_range(said: str) -> tuple[float, float] | None:
    """Read two probabilities; all of them where nothing is said, ``None`` where it is no range."""
    if not said:
        return 0.0, 1.0
    found = _RANGE.fullmatch(said)
    try:
        low, high = (float(bound) for bound in found.groups()) if found else (1.0, 0.0)
    except ValueError:
        return None
    return (low, high) if 0 <= low <= high <= 1 else None


def said_of(taken: object) -> str:
    """Name a decision or choice in a few words."""
    if isinstance(taken, Choice):
        return f"the choice of {taken.record_id} for {taken.column or 'its cluster'}"
    return str(getattr(taken, "decision", ""))


def _estimated(audit: Audit, width: float) -> str:
    found = audit.estimate
    said = f"precision {measured(found.precision)}, recall {measured(found.recall)}"
    if not found.drawn:
        return f"{said} by the model alone"
    if found.width <= width:
        return f"{said}: as narrow as wanted ({width:g})"
    return f"{said}: {found.width:.2f} wide, about {audit.draws_left(width):,} more for {width:g}"
