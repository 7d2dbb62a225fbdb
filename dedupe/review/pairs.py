"""The screen on which pairs are decided."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer, Input, Static

from dedupe.decisions import Verdict
from dedupe.errors import DedupeError
from dedupe.review.compare import compare, disagreeing_numbers
from dedupe.review.draw import bar, seconds, side_by_side
from dedupe.review.session import ORDERS, Session

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


class PairsScreen(Screen[None]):
    """Two records beside each other, what is known of them, and the keys to decide."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "decide('match')", "Match"),
        Binding("n", "decide('different')", "Different"),
        Binding("u", "decide('unsure')", "Unsure"),
        Binding("backspace,ctrl+z", "undo", "Undo", key_display="⌫"),
        Binding("ctrl+y", "redo", "Redo", show=False),
        Binding("space,down,j", "move(1)", "Skip", key_display="space"),
        Binding("up,k", "move(-1)", "Back", show=False),
        Binding("x", "expand", "Expand", show=False),
        Binding("w", "why", "Why", show=False),
        Binding("b", "blind", "Blind", show=False),
        Binding("r", "order", "Order", show=False),
        Binding("slash", "search", "Search", key_display="/", show=False),
    ]

    def __init__(self, session: Session, *, blind: bool) -> None:
        super().__init__()
        self.session = session
        self.blind = blind
        self.expanded = False
        self.model: CrossEncoder | None = None

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield Static(id="progress")
        with VerticalScroll(id="records"):
            yield Static(id="fields")
        yield Static(id="scores")
        yield Static(id="said")
        yield Input(placeholder="only pairs that hold this text; empty: all", id="search")
        yield Footer()

    def on_mount(self) -> None:
        """Show the first pair."""
        self.query_one("#search", Input).display = False
        self.draw()

    def on_screen_resume(self) -> None:
        """Show what changed on other screens."""
        self.draw()

    def draw(self, said: str = "") -> None:
        """Show the pair at hand."""
        session = self.session
        counts = session.counts()
        place = min(session.at + 1, len(session.queue))
        head = Text.assemble(
            (f"{place:,} of {len(session.queue):,}", "bold"),
            f"  ·  {session.order}",
            f"  ·  ✓ {counts['match']:,} match  ✗ {counts['different']:,} different  "
            f"? {counts['unsure']:,} unsure",
            f"  ·  {session.remaining():,} doubtful left, {seconds(session.seconds_left())}",
            f"  ·  “{session.filter}”" if session.filter else "",
        )
        self.query_one("#progress", Static).update(head)
        if not said and (passed := session.passed_over()):
            said = f"{passed:,} pairs are passed over: earlier decisions imply them"
        self.query_one("#said", Static).update(Text(said, style="italic"))
        pair = session.pair
        if pair is None:
            empty = "Nothing is left in this queue." if len(session.queue) else "No pair here."
            self.query_one("#fields", Static).update(
                Text(f"\n  {empty}\n  r another order · / search · e export · q quit")
            )
            self.query_one("#scores", Static).update("")
            return
        a, b = int(session.left[pair]), int(session.right[pair])
        ids = session.state.records.ids
        fields = compare(session.record(a), session.record(b), session.used_fields())
        self.query_one("#fields", Static).update(
            side_by_side(fields, (ids[a], ids[b]), expanded=self.expanded)
        )
        self.query_one("#scores", Static).update(self._scores(pair))
        self.query_one("#records", VerticalScroll).scroll_home(animate=False)

    def _scores(self, pair: int) -> Text:
        session = self.session
        lines = []
        known = session.known(pair)
        if self.blind:
            lines.append(Text("scores are hidden: b shows them", style="dim"))
        else:
            p = float(session.probability[pair])
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
        texts = session.state.records.texts
        numbers = disagreeing_numbers(
            texts[int(session.left[pair])], texts[int(session.right[pair])]
        )
        if any(numbers):
            lines.append(
                Text.assemble(
                    ("numbers that disagree: ", "dim"),
                    " ".join(numbers[0][:6]) or "none",
                    (" | ", "dim"),
                    " ".join(numbers[1][:6]) or "none",
                )
            )
        effect = session.effect(pair)
        lines.append(Text(str(effect), style="bold" if effect.contradicts else "dim"))
        if known:
            lines.append(Text(f"decided: {known}", style="bold"))
        return Text("\n").join(lines)

    def action_decide(self, verdict: str) -> None:
        """Record a verdict."""
        try:
            self.session.decide(Verdict(verdict))
        except DedupeError as error:
            self.notify(str(error), severity="error")
            return
        self.draw()

    def action_undo(self) -> None:
        """Take the latest decision back."""
        taken = self.session.undo()
        self.draw(f"taken back: {taken.verdict}" if taken else "nothing is left to take back")

    def action_redo(self) -> None:
        """Make the decision taken back last again."""
        made = self.session.redo()
        self.draw(f"made again: {made.verdict}" if made else "nothing was taken back")

    def action_move(self, steps: int) -> None:
        """Go along the queue."""
        if steps > 0:
            self.session.forward()
        else:
            self.session.move(steps)
        self.draw()

    def action_expand(self) -> None:
        """Show long values in full, or cut again."""
        self.expanded = not self.expanded
        self.draw()

    def action_blind(self) -> None:
        """Hide or show the scores."""
        self.blind = not self.blind
        self.draw()

    def action_order(self) -> None:
        """Take the next order of the queue."""
        names = list(ORDERS)
        name = names[(names.index(self.session.order) + 1) % len(names)]
        self.session.sort(name, text=self.session.filter)
        self.draw(f"{name}: {ORDERS[name]}")

    def action_search(self) -> None:
        """Ask for a text."""
        field = self.query_one("#search", Input)
        field.display = True
        field.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the pairs that hold the text."""
        event.input.display = False
        self.set_focus(None)
        self.session.sort(self.session.order, text=event.value.strip())
        self.draw(f"{len(self.session.queue):,} pairs")

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
            texts = session.state.records.texts
            parts = contributions(
                self.model, texts[int(session.left[pair])], texts[int(session.right[pair])]
            )
        except DedupeError as error:
            self.app.call_from_thread(self.draw, str(error))
            return
        said = "  ".join(f"{name} {change:+.1f}" for name, change in parts[:8])
        if session.pair == pair:
            self.app.call_from_thread(self.draw, f"for (+) or against (-): {said}")
