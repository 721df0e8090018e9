"""Dialogues about drafts: another wording beside this one, earlier drafts, where each sentence comes from, what a model is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical

from copilot.drafting.merge import Origin
from copilot.drafting.models import Draft
from copilot.text import shorten
from copilot.tui.screens.base import Dialogue
from copilot.tui.show import MUTED, age
from copilot.tui.widgets.safe import Options, Piece, Press, Prose, options, press


class Sheet(Dialogue[None]):
    """A text to read, as long as it is."""

    CSS_PATH = "modals.tcss"

    def __init__(self, title: str, *pieces: Piece) -> None:
        super().__init__()
        self.heading = title
        self.pieces = pieces

    def compose(self) -> ComposeResult:
        """The text, scrolled by the arrow keys."""
        with Vertical(classes="dialogue -tall -broad") as box:
            box.border_title = self.heading
            box.border_subtitle = "escape closes"
            yield Prose(*self.pieces, id="sheet")

    def on_mount(self) -> None:
        """The text has the keys."""
        self.query_one(Prose).focus()


class Variants(Dialogue[Draft]):
    """The draft, and another wording of it beside it; picks one."""

    CSS_PATH = "modals.tcss"
    BINDINGS = [Binding("1", "dismiss_none", "Keep", show=False), Binding("2", "take", "Take", show=False)]

    def __init__(self, this: Draft, text: str, other: Draft) -> None:
        super().__init__()
        self.this = this
        self.text = text
        self.other = other

    def compose(self) -> ComposeResult:
        """Two columns, a button under each."""
        with Horizontal(classes="dialogue -tall -broad"):
            for name, title, text in (("this", "This one", self.text), ("other", "Another", self.other.text)):
                with Vertical(classes="variant"):
                    yield Prose((f"{title}\n\n", "bold"), text)
                    yield press("Keep (1)" if name == "this" else "Take (2)", id=name, variant="primary")

    def on_mount(self) -> None:
        """Enter keeps what there is."""
        self.query_one("#this").focus()

    def action_take(self) -> None:
        """Take the other."""
        self.dismiss(self.other)

    @on(Press.Pressed)
    def pressed(self, event: Press.Pressed) -> None:
        """Take the other, or leave all as it is."""
        self.dismiss(self.other if event.button.id == "other" else None)


class History(Dialogue[Draft]):
    """Every draft of a ticket; Enter takes one up again."""

    CSS_PATH = "modals.tcss"

    def __init__(self, drafts: Sequence[Draft], now: datetime) -> None:
        super().__init__()
        self.drafts = {draft.id: draft for draft in drafts}
        self.now = now

    def compose(self) -> ComposeResult:
        """When, what became of it, who wrote it, how it begins; the whole text below."""
        lines = [
            (f"{age(d.updated_at, self.now):>4}  {d.state:<9} {d.model or 'plays':<12} {shorten(d.text, 60)}", d.id)
            for d in self.drafts.values()
        ]
        with Vertical(classes="dialogue -tall -broad") as box:
            box.border_title = "Drafts of this conversation"
            box.border_subtitle = "enter takes one up again"
            yield options(*lines)
            yield Prose(id="sheet")

    @on(Options.OptionHighlighted)
    def highlighted(self, event: Options.OptionHighlighted) -> None:
        """Show it whole."""
        self.query_one(Prose).show(self.drafts[str(event.option_id)].text)

    @on(Options.OptionSelected)
    def selected(self, event: Options.OptionSelected) -> None:
        """Take it up again."""
        self.dismiss(self.drafts[str(event.option_id)])


def sources(text: str, origins: Sequence[Origin]) -> list[Piece]:
    """Each sentence with where it comes from."""
    pieces: list[Piece] = []
    for origin in origins:
        pieces += [f"{text[origin.start : origin.end]}\n", (f"  {_source(origin)}\n\n", MUTED)]
    return pieces


def _source(origin: Origin) -> str:
    part = origin.part
    if part is None:
        return "you"
    who = {"play": "play", "composer": "the desk", "model": "the model", "ask": "the ask of the page", "agent": "you"}
    return f"{who[part.source]}  {part.citation}".rstrip()
