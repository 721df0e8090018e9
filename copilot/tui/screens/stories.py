"""All stories with where they stand: what marketing looks at in the terminal."""

from __future__ import annotations

from textual import on, work
from textual.app import ComposeResult
from textual.containers import VerticalScroll

from copilot.scoring.funnel import Funnel
from copilot.stories.models import STATES, Standing
from copilot.text import shorten
from copilot.tui.screens.base import DeskedScreen, bindings
from copilot.tui.screens.modals import Help
from copilot.tui.screens.story import StoryForm
from copilot.tui.show import MUTED, words
from copilot.tui.widgets.keys import KeyBar
from copilot.tui.widgets.safe import Options, Plain, option, options

SIGN = {"noticed": "·", "awaiting_customer": "…", "awaiting_marketing": "▸", "ready": "✓", "withdrawn": "✗"}


class StoriesScreen(DeskedScreen):
    """Lists stories; approves one for marketing; opens one."""

    WHERE = "stories"
    CSS_PATH = "stories.tcss"
    BINDINGS = bindings("stories")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Standing] = []

    def compose(self) -> ComposeResult:
        """Funnel, list, the story under the cursor."""
        yield Plain("", id="funnel")
        yield options(id="stories")
        with VerticalScroll(id="story"):
            yield Plain("", id="story-text")
        yield KeyBar()

    def on_mount(self) -> None:
        """Load when shown."""
        self.load()

    @work(exclusive=True, group="stories", exit_on_error=False)
    async def load(self, keep: str = "") -> None:
        """Read the stories again; the cursor stays on `keep`."""
        found = await self.attempt(lambda: (self.desk_app.desk.stories(), self.desk_app.desk.funnel()))
        if found is not None:
            self.show_stories(*found, keep)

    def show_stories(self, found: list[Standing], funnel: Funnel, keep: str) -> None:
        """Show them, those that wait for marketing first."""
        order = ("awaiting_marketing", "ready", "awaiting_customer", "noticed", "withdrawn")
        self.found = sorted(found, key=lambda where: order.index(where.state))
        self.query_one("#funnel", Plain).show(
            ("Stories  ", "bold"),
            f"{funnel.moments} moments → {funnel.asked} asked → {funnel.granted} yes → {funnel.stories} stories → {funnel.ready} ready",
        )
        list_ = self.query_one("#stories", Options)
        list_.clear_options()
        list_.add_options(
            option(
                f"{SIGN[w.state]} {words(w.state):<19} {shorten(w.story.customer_name or 'a customer', 20):<20} {shorten(w.story.hook, 60)}",
                w.story.id,
            )
            for w in self.found
        )
        if not self.found:
            self.query_one("#story-text", Plain).show("No story yet. On the desk, y opens one from a conversation.")
            return
        place = next((i for i, w in enumerate(self.found) if w.story.id == keep), 0)
        list_.highlighted = place
        list_.focus()
        self.refresh_bindings()

    @property
    def current(self) -> Standing | None:
        """The story under the cursor."""
        place = self.query_one("#stories", Options).highlighted
        return self.found[place] if place is not None and place < len(self.found) else None

    def why_not(self, action: str) -> str:
        """Approving waits for the customer's key."""
        if action in ("approve_story", "edit_story") and self.current is None:
            return "There is no story yet."
        if action == "approve_story" and self.current is not None and self.current.state != "awaiting_marketing":
            return f"It cannot be approved: {self.current.why}."
        return ""

    @on(Options.OptionHighlighted)
    def highlighted(self) -> None:
        """Show the story under the cursor."""
        if (where := self.current) is None:
            return
        s = where.story
        terms = where.terms
        self.query_one("#story-text", Plain).show(
            (s.hook, "bold"),
            "\n\n",
            s.moment,
            "\n\n",
            ("What we did: ", MUTED),
            s.catalyst or "–",
            "\n\n",
            *((f"“{q.text}”\n", "italic") for q in s.quotes),
            ("— ", MUTED),
            where.attribution or "not agreed yet",
            "\n\n",
            ("State: ", MUTED),
            f"{words(where.state)}: {where.why}\n",
            ("Places: ", MUTED),
            (", ".join(terms.places) if terms and terms.places else "not agreed yet"),
            "\n",
            ("For: ", MUTED),
            f"{words(s.outcome)}  ",
            ("Signal: ", MUTED),
            f"{words(s.signal) or 'none'}\n",
            ("Disclosure: ", MUTED),
            (s.disclosure or "missing") if s.gift else "nothing was given",
            "\n",
            ("Ticket: ", MUTED),
            f"{s.ticket_ref}  ",
            ("Permission: ", MUTED),
            f"ledger entry {where.permission}" if where.permission else "none",
            f"  approved by {where.approved_by}" if where.approved_by else "",
        )
        self.refresh_bindings()

    @work(exclusive=True, group="stories", exit_on_error=False)
    async def action_approve_story(self) -> None:
        """Marketing's key."""
        where = self.current
        if where is None:
            return
        done = await self.attempt(lambda: self.desk_app.desk.approve_story(where.story.id))
        if done is not None:
            self.say(f"Approved: {done.story.hook}")
            self.load(where.story.id)

    @on(Options.OptionSelected)
    def selected(self) -> None:
        """Enter opens the story."""
        self.action_edit_story()

    @work(exclusive=True, group="stories", exit_on_error=False)
    async def action_edit_story(self) -> None:
        """Open the story's form."""
        where = self.current
        if where is None:
            return
        desk = self.desk_app.desk
        quotes = await self.attempt(lambda: desk.quotes(where.story.ticket_ref))
        if quotes is None:
            return
        story = await self.app.push_screen_wait(StoryForm(where.story, quotes, where))
        if story is not None and await self.attempt(lambda: desk.save_story(story)) is not None:
            self.load(story.id)

    def action_help(self) -> None:
        """Keys of this screen."""
        about = f"A story is {', '.join(words(state) for state in STATES)}; the state follows from the ledger."
        self.app.push_screen(Help("stories", self.desk_app.keys_of("stories"), about))

    def action_leave(self) -> None:
        """Back to the desk."""
        self.dismiss(None)
