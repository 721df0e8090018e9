"""The story form: pre-filled, looked over by a person, every quote one of the customer's own sentences."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import cast, get_args

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll

from copilot.errors import DelightError
from copilot.reading.models import Outcome
from copilot.stories.models import Quote, Standing, Story
from copilot.text import shorten
from copilot.tui.screens.base import Form
from copilot.tui.show import MUTED, words
from copilot.tui.widgets.safe import Choice, Editor, Line, Plain, PlainLabel, Tick, choice, press, tick


class StoryForm(Form[Story]):
    """Edits one story; returns it as the person left it, or nothing."""

    CSS_PATH = "modals.tcss"
    BINDINGS = [Binding("ctrl+w", "word", "Word it", show=False, priority=True)]

    def __init__(
        self,
        story: Story,
        quotes: Sequence[Quote],
        standing: Standing | None,
        word: Callable[[Story], Story] | None = None,
    ) -> None:
        super().__init__()
        self.word = word
        self.story = story
        known = [quote for quote in story.quotes if quote not in quotes]
        self.quotes = [*known, *quotes]
        self.standing = standing

    def compose(self) -> ComposeResult:
        """Hook, moment, catalyst, signal, outcome, quote, disclosure."""
        s = self.story
        where = (
            f"{words(self.standing.state)}: {self.standing.why}"
            if self.standing
            else "new: nothing is kept until you save"
        )
        with VerticalScroll(classes="dialogue -tall", id="story-form"):
            yield Plain(("Story  ", "bold"), f"{s.customer_name or 'a customer'}, {s.ticket_ref}")
            yield Plain((where, MUTED), id="standing")
            yield PlainLabel("Hook: one line that makes a reader stop")
            yield Line(s.hook, id="hook")
            yield PlainLabel("Moment: what happened")
            yield Editor(s.moment, id="moment")
            yield PlainLabel("Catalyst: what the agent did" + (f" (play {s.play_id})" if s.play_id else ""))
            yield Editor(s.catalyst, id="catalyst")
            yield PlainLabel(f"Signal: {words(s.signal) or 'none'}. What is the story for?")
            yield choice([(words(name), name) for name in get_args(Outcome)], s.outcome, id="outcome")
            yield PlainLabel("Quote: one of the customer's sentences, verbatim")
            lines = [("no quote", ""), *((f"“{shorten(q.text, 100)}”", str(n)) for n, q in enumerate(self.quotes))]
            chosen = str(self.quotes.index(s.quotes[0])) if s.quotes else ""
            yield choice(lines, chosen, id="quote")
            yield tick("something was given near this (gift, credit, upgrade)", value=s.gift, id="gift")
            yield PlainLabel("Disclosure: goes out with the story when something was given")
            yield Line(s.disclosure, id="disclosure")
            with Horizontal(classes="buttons"):
                yield press("Save (ctrl+s)", id="save", variant="success")
                if self.word is not None:
                    yield press("Let the model word it (ctrl+w)", id="word")
                yield press("Cancel", id="cancel")

    def on_mount(self) -> None:
        """Begin at the hook."""
        self.query_one("#hook").focus()

    def action_save(self) -> None:
        """Hand the story back; the flow proves the quote."""
        self.dismiss(self._filled())

    @work(exclusive=True, group="word", exit_on_error=False)
    async def action_word(self) -> None:
        """Let the model word hook, moment and catalyst; where it cannot, the words stay and the reason is shown."""
        if self.word is None:
            return
        story, standing = self._filled(), self.query_one("#standing", Plain)
        standing.show(("The model is wording it …", MUTED))
        try:
            told = await asyncio.to_thread(self.word, story)
        except DelightError as error:
            standing.show((f"Your words stand: {error}", MUTED))
            return
        self.query_one("#hook", Line).value = told.hook
        self.query_one("#moment", Editor).text = told.moment
        self.query_one("#catalyst", Editor).text = told.catalyst
        standing.show(("Worded by the model from the conversation; look it over.", MUTED))

    def _filled(self) -> Story:
        """The story as the form stands."""
        place = str(self.query_one("#quote", Choice).value)
        return self.story.model_copy(
            update={
                "hook": " ".join(self.query_one("#hook", Line).value.split()),
                "moment": self.query_one("#moment", Editor).text.strip(),
                "catalyst": self.query_one("#catalyst", Editor).text.strip(),
                "outcome": cast("Outcome", self.query_one("#outcome", Choice).value),
                "quotes": (self.quotes[int(place)],) if place else (),
                "gift": self.query_one("#gift", Tick).value,
                "disclosure": " ".join(self.query_one("#disclosure", Line).value.split()),
            }
        )
