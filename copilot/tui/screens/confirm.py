"""One question with a yes and a Cancel; focus is on Cancel."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from copilot.tui.screens.base import Dialogue, Form
from copilot.tui.widgets.safe import Line, Plain, Press, press


class Sure(Dialogue[bool]):
    """Asks before something is lost."""

    CSS_PATH = "modals.tcss"

    def __init__(self, question: str, yes: str) -> None:
        super().__init__()
        self.question = question
        self.yes = yes

    def compose(self) -> ComposeResult:
        """Question and buttons."""
        with Vertical(classes="dialogue"):
            yield Plain((self.question, "bold"))
            with Horizontal(classes="buttons"):
                yield press("Cancel", id="cancel")
                yield press(self.yes, id="yes", variant="warning")

    def on_mount(self) -> None:
        """Cancel is what Enter does."""
        self.query_one("#cancel").focus()

    @on(Press.Pressed)
    def pressed(self, event: Press.Pressed) -> None:
        """Yes or no."""
        self.dismiss(event.button.id == "yes")


class Why(Form[str]):
    """Asks for a line of words, without which nothing is done."""

    CSS_PATH = "modals.tcss"

    def __init__(self, question: str, yes: str) -> None:
        super().__init__()
        self.question = question
        self.yes = yes

    def compose(self) -> ComposeResult:
        """Question, line and buttons."""
        with Vertical(classes="dialogue"):
            yield Plain((self.question, "bold"))
            yield Line("", id="words")
            with Horizontal(classes="buttons"):
                yield press("Cancel", id="cancel")
                yield press(f"{self.yes} (ctrl+s)", id="save", variant="warning")

    def on_mount(self) -> None:
        """Begin to type."""
        self.query_one(Line).focus()

    def action_save(self) -> None:
        """Hand the words back; none are as good as Cancel."""
        self.dismiss(self.query_one(Line).value.strip() or None)
