"""The small dialogues: send, correct, decide, answer, help, fault. Each returns one value to the screen that asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Literal, NamedTuple, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll

from copilot.asking.models import NAME_STYLES, PLACES, Answer, Ask, Condition, NameStyle, Terms
from copilot.drafting.models import Draft
from copilot.errors import DelightError
from copilot.playbook.models import Walk
from copilot.reading.models import MOODS, Reading, ReplyReading
from copilot.stories.models import Quote
from copilot.text import shorten
from copilot.tickets.models import Ticket
from copilot.tui.actions import Where, actions_of
from copilot.tui.screens.base import Dialogue, Form
from copilot.tui.show import MUTED, mood_mark, percent, words
from copilot.tui.widgets.safe import (
    Choice,
    Line,
    Options,
    Plain,
    PlainLabel,
    Press,
    Tick,
    choice,
    options,
    press,
    tick,
)

DEAF_SECONDS = 0.5
"""A send dialogue hears no key for this long: the key that opened it must not also confirm it."""


class Fault(Dialogue[None]):
    """An error with its title, what happened and the way out."""

    CSS_PATH = "modals.tcss"

    def __init__(self, error: DelightError) -> None:
        super().__init__()
        self.error = error

    def compose(self) -> ComposeResult:
        """Title, message, hint."""
        with VerticalScroll(classes="dialogue -bad"):
            yield Plain((self.error.title, "bold $text-error"))
            yield Plain(self.error.message)
            yield Plain((self.error.hint, MUTED))
            yield press("Close", id="close", variant="primary")

    @on(Press.Pressed)
    def close(self) -> None:
        """Read and closed."""
        self.dismiss(None)


class ConfirmSend(Dialogue[bool]):
    """Asks once more before words leave, naming customer and channel; focus is on Cancel."""

    CSS_PATH = "modals.tcss"
    BINDINGS = [
        Binding("left,right", "app.focus_next", "Other button", show=False),
        Binding("y", "send", "Send", show=False),
    ]

    def __init__(self, ticket: Ticket, draft: Draft, text: str, ask: Ask | None, where: str) -> None:
        super().__init__()
        self.ticket = ticket
        self.draft = draft
        self.text = text
        self.ask = ask
        self.where = where
        self.opened = monotonic()

    def compose(self) -> ComposeResult:
        """Who, how, how much, and the two buttons."""
        with VerticalScroll(classes="dialogue"):
            yield Plain(("Send this reply?", "bold"))
            yield Plain("To ", (self.ticket.customer.shown, "bold"), f" by {self.ticket.channel}", id="to")
            yield Plain(f"{len(self.text.split())} words. {self.where}")
            if self.ask is not None:
                yield Plain(("It asks for permission to share: ", "bold"), f"“{self.ask.words}”")
            with Horizontal(classes="buttons"):
                yield press("Cancel", id="cancel", variant="default")
                yield press("Send (y)", id="send", variant="success")

    def on_mount(self) -> None:
        """Cancel is what Enter does."""
        self.query_one("#cancel").focus()

    def action_send(self) -> None:
        """Yes, unless it came too soon to be meant."""
        if monotonic() - self.opened >= DEAF_SECONDS:
            self.dismiss(True)

    @on(Press.Pressed)
    def pressed(self, event: Press.Pressed) -> None:
        """Yes or no."""
        if event.button.id == "send":
            self.action_send()
        else:
            self.dismiss(False)


class Corrected(NamedTuple):
    """What the person says is right."""

    field: Literal["mood", "signal", "risk"]
    name: str
    present: bool


class Correct(Dialogue[Corrected]):
    """Says what the reader got wrong: pick the right mood, or turn a signal or risk on or off."""

    CSS_PATH = "modals.tcss"

    def __init__(self, reading: Reading, titles: Mapping[str, str], kinds: Mapping[str, str]) -> None:
        super().__init__()
        self.reading = reading
        self.titles = titles
        self.kinds = kinds

    def compose(self) -> ComposeResult:
        """Moods, then signals and risks with a tick where they were found."""
        found = {label.name for label in (*self.reading.signals, *self.reading.risks)}
        moods = [
            (f"{'(•)' if self.reading.read and mood == self.reading.mood else '( )'} {mood_mark(mood)}", f"mood:{mood}")
            for mood in MOODS
        ]
        labels = [
            (f"{'[x]' if name in found else '[ ]'} {kind}: {self.titles.get(name, words(name))}", f"{kind}:{name}")
            for name, kind in sorted(
                self.kinds.items(), key=lambda item: (item[0] not in found, item[1] == "signal", item[0])
            )
        ]
        with Vertical(classes="dialogue -tall"):
            yield Plain(("What does the customer's last message really say?", "bold"))
            yield Plain(("Your answer wins, is kept with your name, and survives the next reading.", MUTED))
            yield options(*moods, *labels, id="labels")

    @on(Options.OptionSelected)
    def chosen(self, event: Options.OptionSelected) -> None:
        """A mood replaces the mood; a label is turned over."""
        field, _, name = (event.option.id or "").partition(":")
        found = {label.name for label in (*self.reading.signals, *self.reading.risks)}
        self.dismiss(
            Corrected(cast("Literal['mood', 'signal', 'risk']", field), name, field == "mood" or name not in found)
        )


class Decide(Dialogue[bool | str]):
    """Asks the open question of a decision; `again` starts it over."""

    CSS_PATH = "modals.tcss"
    BINDINGS = [Binding("y", "say(True)", "Yes", show=False), Binding("n", "say(False)", "No", show=False)]

    def __init__(self, walked: Walk) -> None:
        super().__init__()
        self.walked = walked

    def compose(self) -> ComposeResult:
        """The steps so far, the question, the answers."""
        with VerticalScroll(classes="dialogue"):
            yield Plain((self.walked.title, "bold"))
            for step in self.walked.steps:
                yield Plain(f"{step.question} ", ("yes" if step.answer else "no", "bold"))
            if self.walked.open_question:
                yield Plain((self.walked.open_question, "bold $text-accent"), id="question")
            if self.walked.leaf:
                leaf = self.walked.leaf
                needs = f"; approval: {leaf.approval}" if leaf.approval else ""
                yield Plain("→ offer ", (leaf.offer, "bold"), f", up to {leaf.limit}{needs}")
            with Horizontal(classes="buttons"):
                if self.walked.open_question:
                    yield press("Yes (y)", id="yes")
                    yield press("No (n)", id="no")
                yield press("Start over", id="again")
                yield press("Close", id="close")

    def action_say(self, answer: bool) -> None:
        """Answer by key."""
        if self.walked.open_question:
            self.dismiss(answer)

    @on(Press.Pressed)
    def pressed(self, event: Press.Pressed) -> None:
        """Answer by button."""
        answers: dict[str, bool | str] = {"yes": True, "no": False, "again": "again"}
        self.dismiss(answers.get(event.button.id or ""))


class AnswerGiven(NamedTuple):
    """The customer's answer as the person read it; `words` names the asked words where no ask was on record."""

    answer: Answer
    terms: Terms
    text: str
    words: Quote | None


class RecordAnswer(Form[AnswerGiven]):
    """Records what the customer answered: nothing is ticked beforehand, and the exact words stand on top."""

    CSS_PATH = "modals.tcss"
    ANSWERS: tuple[tuple[str, Answer], ...] = (
        ("Yes (granted)", "granted"),
        ("Yes, on conditions", "conditional"),
        ("No (declined)", "declined"),
        ("Unclear", "unclear"),
        ("Takes it back (withdrawn)", "withdrawn"),
    )
    CONDITIONS: tuple[tuple[str, Condition], ...] = (
        ("how they are named", "name_style"),
        ("only in certain places", "place"),
        ("other words than these", "edit_words"),
        ("somebody else must approve", "legal_approval"),
        ("something else", "other"),
    )

    def __init__(
        self, ask: Ask | None, ticket: Ticket, candidates: Sequence[Quote], seems: ReplyReading | None = None
    ) -> None:
        super().__init__()
        self.ask = ask
        self.seems = seems
        self.ticket = ticket
        self.candidates = candidates

    def compose(self) -> ComposeResult:
        """Words, answer, terms."""
        target = self.ticket.target
        with VerticalScroll(classes="dialogue -tall", id="answer-form"):
            yield Plain(("What did the customer answer?", "bold"))
            if self.ask is not None:
                yield Plain(("Asked about exactly: ", MUTED), f"“{self.ask.words}”", id="exact")
            else:
                yield PlainLabel("No ask is on record. Which words were asked about?")
                yield choice([(shorten(q.text, 90), str(n)) for n, q in enumerate(self.candidates)], "0", id="words")
            yield Plain(("They wrote: ", MUTED), shorten(target.text, 300) if target else "nothing yet")
            if self.seems is not None:
                yield Plain((_seems(self.seems), MUTED), id="seems")
            yield choice([("choose …", ""), *((text, key) for text, key in self.ANSWERS)], "", id="answer")
            yield PlainLabel("Where may the words stand?")
            with Horizontal(classes="ticks"):
                for place in PLACES:
                    yield tick(words(place), value=False, id=f"place-{place}")
            yield PlainLabel("Named how?")
            yield choice([(words(style), style) for style in NAME_STYLES], "anonymous", id="name-style")
            yield tick("with the company's name", value=False, id="company")
            yield PlainLabel("Conditions, if any")
            for text, key in self.CONDITIONS:
                yield tick(text, value=False, id=f"condition-{key}")
            yield PlainLabel("Said elsewhere (phone, in person)? Their words:")
            yield Line(id="elsewhere", placeholder="leave empty when the answer is in the thread")
            with Horizontal(classes="buttons"):
                yield press("Record (ctrl+s)", id="save", variant="success")
                yield press("Cancel", id="cancel")

    def action_save(self) -> None:
        """Hand the form back; the flow checks it."""
        answer = str(self.query_one("#answer", Choice).value)
        if not answer:
            self.notify("Choose what they answered.", severity="warning", markup=False)
            return
        terms = Terms(
            places=tuple(place for place in PLACES if self.query_one(f"#place-{place}", Tick).value),
            name_style=cast("NameStyle", self.query_one("#name-style", Choice).value),
            company=self.query_one("#company", Tick).value,
            conditions=tuple(key for _, key in self.CONDITIONS if self.query_one(f"#condition-{key}", Tick).value),
        )
        chosen = None if self.ask is not None else self.candidates[int(str(self.query_one("#words", Choice).value))]
        self.dismiss(
            AnswerGiven(cast("Answer", answer), terms, self.query_one("#elsewhere", Line).value.strip(), chosen)
        )


def _seems(found: ReplyReading) -> str:
    """What the copilot takes the reply for: a hint beside the choice, which stays the person's."""
    hangs_on = f" on {', '.join(words(c) for c in found.conditions)}" if found.conditions else ""
    why = f" ({found.why})" if found.why else f" ({percent(found.confidence)})"
    return f"Read as: {found.label}{hangs_on}{why}. You decide."


class Help(Dialogue[None]):
    """Every action of a screen with its keys, by group."""

    CSS_PATH = "modals.tcss"
    BINDINGS = [Binding("question_mark,f1,q", "dismiss_none", "Close", show=False)]

    def __init__(self, where: Where, keys: Mapping[str, str], about: str) -> None:
        super().__init__()
        self.where = where
        self.keys = keys
        self.about = about

    def compose(self) -> ComposeResult:
        """Groups of keys."""
        with VerticalScroll(classes="dialogue -tall"):
            yield Plain(("Keys", "bold"), "   ctrl+p opens the palette, ctrl+q quits, Escape closes this")
            yield Plain((self.about, MUTED))
            group = ""
            for action in actions_of(self.where):
                if action.group != group:
                    group = action.group
                    yield Plain((f"\n{group}", "bold $text-accent"))
                yield Plain((f"{pretty(self.keys.get(action.id, action.key)):<14}", "bold"), action.title)
            if self.where == "desk":
                yield Plain((f"{'1 … 9':<14}", "bold"), "Insert the play of that number")

    def on_mount(self) -> None:
        """Arrow keys scroll."""
        self.query_one(VerticalScroll).focus()


NAMES = {
    "slash": "/",
    "question_mark": "?",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "shift+tab": "⇧tab",
    "escape": "esc",
    "backspace": "⌫",
}


def pretty(keys: str) -> str:
    """`slash,f3` → `/ f3`."""
    return " ".join(NAMES.get(key, key) for key in keys.split(","))
