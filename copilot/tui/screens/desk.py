"""The desk: queue, conversation, guidance and draft, and every action on them. What the actions mean is the flow's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import Key
from textual.message import Message
from textual.timer import Timer

from copilot.desk import VIEWS, Failed, Guidance, Guided, Opened, QueueRow, Read, View
from copilot.drafting.checks import check
from copilot.drafting.context import CheckContext
from copilot.drafting.models import Draft, DraftFinding
from copilot.errors import DelightError
from copilot.reading.models import Reading
from copilot.tickets.models import Ticket
from copilot.tui.screens.asking import Asking
from copilot.tui.screens.base import DeskedScreen, bindings
from copilot.tui.screens.drafting import BEING_WRITTEN, CHANGES_THE_DRAFT, Drafting
from copilot.tui.screens.modals import ConfirmSend, Correct, Decide, Help, RecordAnswer
from copilot.tui.screens.stories import StoriesScreen
from copilot.tui.screens.story import StoryForm
from copilot.tui.show import MUTED
from copilot.tui.widgets.conversation import ConversationView
from copilot.tui.widgets.drafting import DraftView
from copilot.tui.widgets.guidance import GuidanceView
from copilot.tui.widgets.keys import KeyBar
from copilot.tui.widgets.queue import QueueList
from copilot.tui.widgets.safe import Editor, Line, Plain

VIEW_TITLES: dict[View, str] = {"needs": "needs you", "moments": "moments", "all": "all open", "done": "done"}
PANES = ("#queue", "#conversation", "#guidance", "#editor")
REST_SECONDS = 0.12
"""How long the cursor rests on a ticket before it is opened: scrolling opens nothing."""
SAVE_SECONDS = 0.8
PATIENCE_SECONDS = 0.25
"""How long the last ticket may stand while the next is read; then what is there is shown."""
TICK_SECONDS = 30
OPEN_STATES = ("proposed", "edited", "approved")
NEEDS_A_TICKET = frozenset(
    [
        "unfold",
        "correct",
        "told",
        "decide",
        "draft",
        "edit",
        "calmer",
        "warmer",
        "shorter",
        "longer",
        "variants",
        "sources",
        "history",
        "mend",
        "prompt",
        "discard",
        "send",
        "ask",
        "override",
        "ask_later",
        "review",
        "give",
        "answer",
        "pause",
        "story",
    ]
)


class DeskScreen(Drafting, Asking, DeskedScreen):
    """The four panes. What is done to a draft stands in `Drafting`, what concerns asking beside the ask in `Asking`."""

    WHERE = "desk"
    CSS_PATH = "desk.tcss"
    BINDINGS = bindings("desk")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]

    class Loaded(Message):
        """The queue was read from the store."""

        def __init__(self, rows: list[QueueRow], counts: dict[View, int]) -> None:
            super().__init__()
            self.rows = rows
            self.counts = counts

    class Arrived(Message):
        """An event of the flow about the open ticket."""

        def __init__(self, event: Opened | Read | Guided | Failed) -> None:
            super().__init__()
            self.event = event

    def __init__(self) -> None:
        super().__init__()
        self.view: View = "needs"
        self.rows: list[QueueRow] = []
        self.ref = ""
        self.opened: Opened | None = None
        self.reading: Reading | None = None
        self.guidance: Guidance | None = None
        self.check_context: CheckContext | None = None
        self.findings: tuple[DraftFinding, ...] = ()
        self.blocking = ""
        """What the checks hold against sending the words as they stand."""
        self._move_on = False
        """Whether the ticket under the cursor is opened once the queue is there: after another view, or a reply sent."""
        self._rest: Timer | None = None
        self._patience: Timer | None = None
        self._drawn: tuple[Ticket, Reading | None] | None = None
        self._save: Timer | None = None

    def compose(self) -> ComposeResult:
        """Queue left, conversation and draft in the middle, guidance right."""
        yield Plain("", id="top")
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                yield Line(placeholder="filter: name, words, mood, badge", id="filter")
                yield QueueList(self.desk_app.badges, self.desk_app.desk.clock, id="queue")
            with Vertical(id="middle"):
                yield ConversationView(id="conversation")
                yield DraftView(id="draft")
            yield GuidanceView(self.desk_app.titles, id="guidance")
        yield KeyBar()

    def on_mount(self) -> None:
        """Show the queue from the store at once; load models after the first paint."""
        self.query_one("#left").border_title = "Queue"
        self.query_one(DraftView).show_draft(None)
        self.query_one(QueueList).focus()
        self.set_class(True, "-at-queue")
        self.load_queue()
        self.set_interval(TICK_SECONDS, self.tick)

    # The queue

    @work(exclusive=True, group="queue", exit_on_error=False)
    async def load_queue(self) -> None:
        """Read the queue again."""
        found = await self.attempt(self.desk_app.desk.queues)
        if found is not None:
            self.post_message(self.Loaded(found[self.view], {view: len(rows) for view, rows in found.items()}))

    def on_desk_screen_loaded(self, message: Loaded) -> None:
        """Show the queue, cursor kept."""
        self.rows = message.rows
        views = "  ".join(
            f"[{VIEW_TITLES[v]} {n}]" if v == self.view else f"{VIEW_TITLES[v]} {n}" for v, n in message.counts.items()
        )
        s = self.desk_app.desk.setting
        self.query_one("#top", Plain).show(
            ("Delight ", "bold"), f" {views}   ", (f"{s.agent or 'nobody named'}, {s.company}", MUTED)
        )
        self.show_queue()
        if self._move_on or not self.ref:
            self._move_on = False
            self.call_after_refresh(self.open_current)
        self.call_after_refresh(self.desk_app.warm)  # the first paint comes before any model

    def show_queue(self) -> None:
        """The rows that the filter lets through."""
        words = self.query_one("#filter", Line).value.lower().split()
        shown = [row for row in self.rows if all(word in _haystack(row) for word in words)] if words else self.rows
        self.query_one(QueueList).show_rows(shown, self.ref)
        self.query_one("#left").border_title = f"Queue: {VIEW_TITLES[self.view]}"
        self.query_one("#left").border_subtitle = f"{len(shown)}" + (f" of {len(self.rows)}" if words else "")

    def open_current(self) -> None:
        """Open the ticket under the cursor."""
        if (row := self.query_one(QueueList).current) is not None:
            self.open_ticket(row.ref)

    @work(exclusive=True, group="tick", exit_on_error=False)
    async def tick(self) -> None:
        """Time passes: what became due moves up."""
        if self.desk_app.warmed:
            await self.attempt(self.desk_app.desk.refresh_due)
            self.load_queue()

    @on(QueueList.Picked)
    def picked(self, message: QueueList.Picked) -> None:
        """Open the ticket once the cursor rests on it."""
        message.stop()
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST_SECONDS, lambda: self.open_ticket(message.ref))

    @on(QueueList.Chosen)
    def chosen(self, message: QueueList.Chosen) -> None:
        """Enter goes on to the conversation."""
        message.stop()
        self.open_ticket(message.ref)
        self.query_one(ConversationView).focus()

    @on(Line.Changed, "#filter")
    def filtered(self) -> None:
        """Filter as you type."""
        self.show_queue()

    @on(Line.Submitted, "#filter")
    def filter_done(self) -> None:
        """Enter in the filter goes to the queue."""
        self.query_one(QueueList).focus()
        self.open_current()

    # One ticket

    def open_ticket(self, ref: str) -> None:
        """Open a ticket, keeping what was typed for the last one."""
        if ref == self.ref:
            return
        if not self.leave_stream():
            self.save_now()
        self.ref = ref
        self.opened = self.reading = self.guidance = self.check_context = None
        self.blocking = ""
        self.query_one(DraftView).show_draft(None)
        self.follow(ref)

    @work(exclusive=True, group="open", exit_on_error=False)
    async def follow(self, ref: str) -> None:
        """Post the events of the flow as they come."""
        async for event in self.desk_app.desk.open(ref):
            self.post_message(self.Arrived(event))

    def on_desk_screen_arrived(self, message: Arrived) -> None:
        """Show what came, unless the person has moved on."""
        event = message.event
        ref = event.ticket.ref if isinstance(event, Opened) else event.ref
        if ref != self.ref:
            return
        if isinstance(event, Opened):
            self.opened, self.reading = event, event.reading
            view = self.query_one(DraftView)
            untouched = event.draft is not None or not view.text
            if view.stream is None and view.draft != event.draft and untouched:
                view.show_draft(event.draft)
        elif isinstance(event, Read):
            self.reading = event.reading
        elif isinstance(event, Guided):
            self.guidance = event.guidance
            self.recheck(fresh=True)
            self.show_ticket()
            return
        else:
            self._patience_over()
            self.query_one(GuidanceView).show_failed(event.error.message, event.error.hint)
            return
        if self._patience is None:  # all of it mostly comes before anybody could read a part, and is drawn once
            self._patience = self.set_timer(PATIENCE_SECONDS, self.show_ticket)

    def show_ticket(self) -> None:
        """Draw conversation and guidance from what is there."""
        self._patience_over()
        if self.opened is None:
            return
        self.show_conversation()
        self.query_one(GuidanceView).show_guidance(
            self.reading,
            self.guidance,
            self.opened.asks,
            self.opened.entries,
            self.opened.story,
            self.desk_app.desk.clock(),
        )
        self.refresh_bindings()

    def show_conversation(self) -> None:
        """Draw the conversation, unless it stands there as it is."""
        if self.opened is None:
            return
        shown = (self.opened.ticket, self.reading)
        if shown != self._drawn:
            self._drawn = shown
            self.query_one(ConversationView).show_ticket(*shown, self.desk_app.desk.clock())

    def _patience_over(self) -> None:
        if self._patience is not None:
            self._patience.stop()
            self._patience = None

    def show_fresh(self) -> None:
        """Read the open ticket again: a draft brings its ask along, and takes it away."""
        if self.opened is not None:
            self.follow(self.ref)

    def reopen(self) -> None:
        """Read the open ticket and the queue again after an action."""
        ref = self.ref
        if ref:
            self.follow(ref)
        self.load_queue()

    # The draft

    @on(DraftView.Typed)
    def typed(self, message: DraftView.Typed) -> None:
        """Check at every key; save when the fingers rest."""
        self.recheck()
        if self._save is not None:
            self._save.stop()
        self._save = self.set_timer(SAVE_SECONDS, self.save_soon)

    def recheck(self, *, fresh: bool = False) -> None:
        """Show the findings on the words as they stand."""
        view = self.query_one(DraftView)
        if view.draft is None:
            view.show_findings(())
        elif fresh or self.check_context is None:
            self.fetch_context(self.ref)
        else:
            findings = check(view.text, self.check_context)
            view.show_findings(findings)
            self.findings = findings
            self.blocking = next((finding.message for finding in findings if finding.blocking), "")
            self.refresh_bindings()

    @work(exclusive=True, group="context", exit_on_error=False)
    async def fetch_context(self, ref: str) -> None:
        """What the checks need to know; fetched once a ticket, not once a key."""
        guidance = self.guidance
        found = await self.attempt(lambda: self.desk_app.desk.context(ref, guidance))
        if found is not None and ref == self.ref:
            self.check_context = found
            self.recheck()

    def save_now(self) -> None:
        """Keep what was typed before anything else happens."""
        view, desk = self.query_one(DraftView), self.desk_app.desk
        if view.stream is not None:  # kept once it is whole
            return
        if self._save is not None:
            self._save.stop()
            self._save = None
        try:
            if view.draft is None and view.text.strip() and self.ref:
                view.keep(desk.save(desk.blank_draft(self.ref), view.text))
            elif view.draft is not None and view.draft.state in OPEN_STATES and view.text != view.draft.text:
                view.keep(desk.save(view.draft, view.text))
        except DelightError as error:
            self.say(f"The draft of {self.ref} was not kept: {error}", severity="error")

    @work(exclusive=True, group="save", exit_on_error=False)
    async def save_soon(self) -> None:
        """Keep what was typed, in the background."""
        view = self.query_one(DraftView)
        draft, text, ref = view.draft, view.text, self.ref
        if draft is None:
            draft = await self.attempt(lambda: self.desk_app.desk.blank_draft(ref))
        if draft is None:
            return
        started = draft
        saved = await self.attempt(lambda: self.desk_app.desk.save(started, text))
        if saved is not None and ref == self.ref:
            view.keep(saved)

    @work(exclusive=True, group="act", exit_on_error=False)
    async def insert_play(self, number: int) -> None:
        """Insert the play of a number; begins a draft where there is none."""
        if self.guidance is None or number > len(self.guidance.matches):
            self.say(f"There is no play {number}.", severity="warning")
            return
        if self._stop is not None:
            self.say(BEING_WRITTEN)
            return
        play = self.guidance.matches[number - 1].play
        self.save_now()
        draft = self.query_one(DraftView).draft
        ref = self.ref
        if draft is None:
            draft = await self.attempt(lambda: self.desk_app.desk.draft(ref))
        if draft is None:
            return
        begun = draft
        made = await self.attempt(lambda: self.desk_app.desk.insert(begun, play))
        if made is not None and ref == self.ref:
            self.show_draft(made)

    @work(exclusive=True, group="act", exit_on_error=False)
    async def action_send(self) -> None:
        """Approve and send, after asking once more."""
        self.save_now()
        view = self.query_one(DraftView)
        draft, text, opened = view.draft, view.text, self.opened
        if draft is None or opened is None:
            return
        ask = next((a for a in opened.asks if a.state == "drafted" and a.words in text), None)
        where = "It is written to the outbox as mail."
        if not await self.app.push_screen_wait(ConfirmSend(opened.ticket, draft, text, ask, where)):
            return
        sent = await self.attempt(lambda: self.desk_app.desk.send(draft, text))
        if sent is not None:
            self.say(f"Sent to {opened.ticket.customer.shown}.")
            view.show_draft(None)
            self._move_on = True
        self.reopen()

    # Reading, escalation, decision

    @work(exclusive=True, group="act", exit_on_error=False)
    async def action_correct(self) -> None:
        """Correct the mood, or turn a signal or risk over."""
        if self.reading is None:
            return
        ref = self.ref
        done = await self.app.push_screen_wait(Correct(self.reading, self.desk_app.titles, self.desk_app.kinds))
        if done is None:
            return
        reading = await self.attempt(
            lambda: self.desk_app.desk.correct(ref, done.field, done.name, present=done.present)
        )
        if reading is not None:
            self.say("Corrected; your word stands.")
            self.reopen()

    @work(exclusive=True, group="act", exit_on_error=False)
    async def action_told(self) -> None:
        """Record that the first escalation was passed on."""
        ref = self.ref
        fired = next((e for e in self.guidance.escalations if not e.told), None) if self.guidance else None
        if fired is None:
            return
        await self.attempt(lambda: self.desk_app.desk.told(ref, fired))
        self.say(f"Noted: {fired.to} knows.")
        self.reopen()

    @work(exclusive=True, group="act", exit_on_error=False)
    async def action_decide(self) -> None:
        """Walk the decision question by question."""
        walked = self.guidance.walk if self.guidance else None
        ref, desk = self.ref, self.desk_app.desk
        while walked is not None:
            answer = await self.app.push_screen_wait(Decide(walked))
            if answer is None:
                break
            play, question = walked.play_id, walked.open_question
            if isinstance(answer, str):
                walked = await self.attempt(partial(desk.reset_decision, ref, play))
            else:
                walked = await self.attempt(partial(desk.answer_decision, ref, play, question, answer=answer))
            if walked is not None and walked.leaf is not None and not isinstance(answer, str):
                self.say(f"Decided: {walked.leaf.offer}, up to {walked.leaf.limit}. d drafts with it.")
                break
        self.reopen()

    # Asking and telling

    @work(exclusive=True, group="act", exit_on_error=False)
    async def action_ask(self) -> None:
        """Add the ask to the draft, or take it out again."""
        self.save_now()
        view, ref, desk = self.query_one(DraftView), self.ref, self.desk_app.desk
        draft = view.draft or await self.attempt(lambda: desk.draft(ref))
        if draft is None or self.opened is None:
            return
        begun = draft
        current = next((a for a in self.opened.asks if a.state == "drafted" and a.words in begun.text), None)
        made: Draft | None
        if current is not None:
            asked = current
            made = await self.attempt(lambda: desk.remove_ask(begun, asked))
        else:
            done = await self.attempt(lambda: desk.add_ask(begun))
            made = done[0] if done else None
        if ref == self.ref:
            self.show_draft(made or begun)

    @work(exclusive=True, group="act", exit_on_error=False)
    async def action_answer(self) -> None:
        """Record what the customer answered."""
        opened, desk, ref = self.opened, self.desk_app.desk, self.ref
        if opened is None:
            return
        ask = next((a for a in reversed(opened.asks) if a.state != "drafted"), None)
        candidates = await self.attempt(lambda: desk.quotes(ref, before_last_answer=True)) if ask is None else []
        if candidates is None:
            return
        if ask is None and not candidates:
            self.say("There are no words of the customer's that could have been asked about.", severity="warning")
            return
        standing = ask
        seems = await self.attempt(lambda: desk.answer_reading(ref, standing)) if standing is not None else None
        given = await self.app.push_screen_wait(RecordAnswer(ask, opened.ticket, candidates, seems))
        if given is None:
            return
        if ask is None and given.words is not None:
            words = given.words
            ask = await self.attempt(lambda: desk.adopt_ask(ref, words))
        if ask is None:
            return
        asked = ask
        entry = await self.attempt(lambda: desk.record_answer(asked.id, given.answer, given.terms, given.text))
        if entry is not None:
            self.say(f"Recorded as entry {entry.seq}: {entry.answer}.")
        self.reopen()

    @work(exclusive=True, group="act", exit_on_error=False)
    async def action_pause(self) -> None:
        """Never ask this customer again, or take that back."""
        ref, desk = self.ref, self.desk_app.desk
        paused = self.guidance is not None and any(
            not r.ok for r in self.guidance.verdict.reasons if r.rule == "do-not-ask"
        )
        question = "Allow asks to this customer again?" if paused else "Never ask this customer for anything again?"
        if await self.sure(question, "Allow" if paused else "Never ask"):
            await self.attempt(lambda: desk.pause_asks(ref, paused=not paused))
            self.reopen()

    @work(exclusive=True, group="act", exit_on_error=False)
    async def action_story(self) -> None:
        """Open the ticket's story, pre-filled where it is new."""
        ref, desk = self.ref, self.desk_app.desk
        found = await self.attempt(lambda: (desk.new_story(ref), desk.quotes(ref)))
        if found is None:
            return
        standing = self.opened.story if self.opened else None
        story = await self.app.push_screen_wait(
            StoryForm(*found, standing, desk.word_story if desk.storyteller is not None else None)
        )
        if story is None:
            return
        saved = await self.attempt(lambda: desk.save_story(story))
        if saved is not None:
            self.say(f"Story kept: {saved.state.replace('_', ' ')}.")
        self.reopen()

    @work(exclusive=True, group="stories", exit_on_error=False)
    async def action_stories(self) -> None:
        """All stories."""
        await self.app.push_screen_wait(StoriesScreen())
        self.reopen()

    # Moving about

    def why_not(self, action: str) -> str:
        """What cannot be done now, and why."""
        if action not in NEEDS_A_TICKET:
            return ""
        if self.opened is None:
            return "No conversation is open."
        if self._stop is not None and action in CHANGES_THE_DRAFT:
            return BEING_WRITTEN
        draft = self.query_one(DraftView).draft
        verdict = self.guidance.verdict if self.guidance else None
        reasons: dict[str, Callable[[], str]] = {
            "correct": lambda: "" if self.reading else "It is still being read.",
            "told": lambda: (
                "" if self.guidance and any(not e.told for e in self.guidance.escalations) else "No escalation is open."
            ),
            "decide": lambda: "" if self.guidance and self.guidance.walk else "No decision matches this conversation.",
            "send": lambda: "There is no draft; d makes one." if draft is None else self._not_sendable(),
            **dict.fromkeys(("discard", "variants", "sources", "mend"), lambda: "" if draft else "There is no draft."),
            "ask": lambda: (
                ""
                if self.has_ask or (verdict and verdict.ok)
                else f"No ask now: {verdict.why_not if verdict else 'still reading'}."
            ),
            "answer": lambda: (
                "" if self.opened and self.opened.ticket.agent_messages else "Nobody has asked anything here yet."
            ),
        }
        return reasons.get(action, lambda: "")()

    @property
    def has_ask(self) -> bool:
        """Whether an ask was added to this draft."""
        return self.opened is not None and any(ask.state == "drafted" for ask in self.opened.asks)

    def _not_sendable(self) -> str:
        return f"It cannot go out yet: {self.blocking}." if self.blocking else ""

    def _typing(self) -> bool:
        return isinstance(self.focused, Editor)

    def on_key(self, event: Key) -> None:
        """Digits insert plays, except while typing."""
        if event.character and event.character in "123456789" and not isinstance(self.focused, (Editor, Line)):
            event.stop()
            self.insert_play(int(event.character))

    def on_descendant_focus(self) -> None:
        """Narrow screens show the pane that has the focus."""
        inside = {node.id for node in self.focused.ancestors_with_self} if self.focused else set()
        for name in ("left", "conversation", "guidance", "draft"):
            self.set_class(name in inside, f"-at-{'queue' if name == 'left' else name}")

    def action_next_pane(self) -> None:
        """Tab goes round the panes."""
        self._pane(1)

    def action_previous_pane(self) -> None:
        """Shift+Tab goes round the other way."""
        self._pane(-1)

    def _pane(self, step: int) -> None:
        inside = {f"#{node.id}" for node in self.focused.ancestors_with_self} if self.focused else set()
        place = next((i for i, name in enumerate(PANES) if name in inside), 0)
        self.query_one(PANES[(place + step) % len(PANES)]).focus()

    def action_leave(self) -> None:
        """Escape: stops a draft that is being written; else out of the filter or the draft, back to the queue."""
        if self.stop_stream():
            return
        field = self.query_one("#filter", Line)
        if self.focused is field and field.value:
            field.value = ""
        self.query_one(QueueList).focus()

    def action_filter(self) -> None:
        """Type to filter."""
        self.query_one("#filter", Line).focus()

    def action_next_view(self) -> None:
        """The next view."""
        self._to_view(1)

    def action_previous_view(self) -> None:
        """The view before."""
        self._to_view(-1)

    def _to_view(self, step: int) -> None:
        self.view = VIEWS[(VIEWS.index(self.view) + step) % len(VIEWS)]
        self._move_on = True
        self.load_queue()

    def action_next_ticket(self) -> None:
        """The next ticket of the queue."""
        self.query_one(QueueList).cursor += 1

    def action_unfold(self) -> None:
        """Unfold quoted history."""
        self.query_one(ConversationView).toggle_folded()

    def action_help(self) -> None:
        """Keys of this screen."""
        about = "◔ waits for an answer, ↑ an escalation with its time, ⚠ a risk, ★ a moment. The queue is sorted: an escalation that is due, then unhappy and waiting, then moments while they are warm."
        self.app.push_screen(Help("desk", self.desk_app.keys_of("desk"), about))


def _haystack(row: QueueRow) -> str:
    return " ".join(
        (
            row.ref,
            row.customer,
            row.title,
            row.mood,
            row.status,
            *row.signals,
            *row.risks,
            "moment" if row.moment else "",
        )
    ).lower()
