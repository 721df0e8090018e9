"""What is done to a draft at the desk: writing it, turning the dials, mending, comparing, taking back. A mixin of the desk's screen."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from textual import work
from textual.message import Message

from copilot.desk import DraftDelta, DraftReady, Guidance
from copilot.drafting.merge import origins
from copilot.drafting.models import LENGTHS, Draft, DraftFinding, Length
from copilot.playbook.models import TONES, Tone
from copilot.reading.models import UNHAPPY, Reading
from copilot.tui.screens.base import DeskedScreen
from copilot.tui.screens.confirm import Sure
from copilot.tui.screens.drafts import History, Sheet, Variants, sources
from copilot.tui.widgets.drafting import DraftView
from copilot.tui.widgets.safe import Editor

BEING_WRITTEN = "It is being written; escape stops it."
CHANGES_THE_DRAFT = frozenset(
    (
        "draft",
        "calmer",
        "warmer",
        "shorter",
        "longer",
        "discard",
        "send",
        "ask",
        "override",
        "review",
        "variants",
        "history",
        "mend",
    )
)


class Drafting(DeskedScreen):
    """The actions on a draft."""

    if TYPE_CHECKING:  # the desk's screen has these
        ref: str
        reading: Reading | None
        guidance: Guidance | None
        findings: tuple[DraftFinding, ...]

        def show_fresh(self) -> None: ...
        def save_now(self) -> None: ...
        def recheck(self, *, fresh: bool = False) -> None: ...

    class Grew(Message):
        """A reply has come so far."""

        def __init__(self, ref: str, text: str) -> None:
            super().__init__()
            self.ref = ref
            self.text = text

    _stop: threading.Event | None = None
    """Ends the reply that is being written."""
    _left: tuple[str, str] | None = None
    """(ref, words) of a conversation that was left while its reply was being written and the person had typed in it."""

    @work(group="draft", exit_on_error=False)
    async def action_draft(self) -> None:
        """Draft a reply; what a person wrote in the one that stands there stays."""
        await self._redraft()

    @work(group="draft", exit_on_error=False)
    async def action_calmer(self) -> None:
        """Turn the dial towards calm and draft again."""
        await self._turn(-1)

    @work(group="draft", exit_on_error=False)
    async def action_warmer(self) -> None:
        """Turn the dial towards celebration and draft again."""
        await self._turn(1)

    @work(group="draft", exit_on_error=False)
    async def action_shorter(self) -> None:
        """Draft again, shorter."""
        await self._resize(-1)

    @work(group="draft", exit_on_error=False)
    async def action_longer(self) -> None:
        """Draft again, longer."""
        await self._resize(1)

    async def _turn(self, step: int) -> None:
        draft = self.query_one(DraftView).draft
        place = TONES.index(draft.tone) if draft else 1
        tone = TONES[max(0, min(place + step, len(TONES) - 1))]
        if draft is not None and tone == draft.tone:
            self.say(f"The dial is at {tone} already.")
            return
        if tone == "celebratory" and self.reading is not None and self.reading.mood in UNHAPPY:
            self.say(f"The customer is {self.reading.mood}: no celebration.", severity="warning")
            return
        await self._redraft(tone)

    async def _resize(self, step: int) -> None:
        draft = self.query_one(DraftView).draft
        place = LENGTHS.index(draft.length) if draft else 1
        length = LENGTHS[max(0, min(place + step, len(LENGTHS) - 1))]
        if draft is not None and length == draft.length:
            self.say(f"It is {length} already.")
            return
        await self._redraft(None, length)

    async def _redraft(self, tone: Tone | None = None, length: Length | None = None) -> None:
        view, ref, desk = self.query_one(DraftView), self.ref, self.desk_app.desk
        if self._stop is not None:
            self.say(BEING_WRITTEN)
            return
        self.save_now()
        before = view.draft
        tone, length = tone or (before.tone if before else None), length or (before.length if before else "normal")
        stop = self._stop = threading.Event()
        grows = desk.has_model and (before is None or before.state == "proposed")
        if grows:
            view.begin_stream()
            view.query_one(Editor).focus()
        made: Draft | None = None
        try:
            async for event in desk.drafting(ref, tone, length, stop, self.guidance):
                if isinstance(event, DraftDelta):
                    self.post_message(self.Grew(event.ref, event.text))
                elif isinstance(event, DraftReady):
                    made = event.draft
                else:
                    self.show_error(event.error)
        finally:
            self._stop = None
        if ref != self.ref:
            await self._keep_left(made)
        elif grows:
            await self._end_stream(view, made)
        else:
            self.show_draft(made or before)

    def on_drafting_grew(self, message: Grew) -> None:
        """Show it, unless the person has moved on."""
        if message.ref == self.ref:
            self.query_one(DraftView).grow(message.text)

    async def _end_stream(self, view: DraftView, made: Draft | None) -> None:
        if made is not None:
            view.grow(made.text)
        typed, text = view.end_stream(), view.text
        if made is None or not typed:
            self.show_draft(made)
            return
        draft = made  # the person's words are in it now
        kept = await self.attempt(lambda: self.desk_app.desk.save(draft, text))
        view.keep(kept or draft)
        self.recheck(fresh=True)
        self.refresh_bindings()

    def stop_stream(self) -> bool:
        """Stop a reply that is being written; returns whether there was one."""
        if self._stop is None or self.query_one(DraftView).stream is None:
            return False
        self._stop.set()
        return True

    def leave_stream(self) -> bool:
        """The person goes to another conversation: the reply goes on being written, and their words in it are kept.

        Returns whether one was being written.
        """
        view = self.query_one(DraftView)
        if view.stream is None:
            return False
        if view.end_stream():
            self._left = (self.ref, view.text)
            if self._stop is not None:
                self._stop.set()
        return True

    def abandon_stream(self) -> None:
        """The desk closes while a reply is being written: what a person typed in it is kept."""
        view, desk = self.query_one(DraftView), self.desk_app.desk
        if self._stop is not None:
            self._stop.set()
        if view.stream is not None and view.end_stream() and view.text.strip():
            desk.save(desk.blank_draft(self.ref), view.text)

    async def _keep_left(self, made: Draft | None) -> None:
        left, self._left = self._left, None
        if made is not None and left is not None and left[0] == made.ticket_ref:
            draft, words = made, left[1]
            await self.attempt(lambda: self.desk_app.desk.save(draft, words))

    def show_draft(self, draft: Draft | None) -> None:
        """Show a draft, and what the checks and the guidance make of it."""
        self.query_one(DraftView).show_draft(draft)
        self.show_fresh()
        self.recheck(fresh=True)
        self.refresh_bindings()

    async def sure(self, question: str, yes: str) -> bool:
        """Ask once more."""
        answer: bool | None = await self.app.push_screen_wait(Sure(question, yes))
        return answer is True

    def action_edit(self) -> None:
        """Type; the next open blank is selected, so that what is typed takes its place."""
        view = self.query_one(DraftView)
        view.remove_class("-empty")
        view.select_blank()
        self.query_one(Editor).focus()

    @work(exclusive=True, group="act", exit_on_error=False)
    async def action_discard(self) -> None:
        """Throw the draft away."""
        draft = self.query_one(DraftView).draft
        if draft is None or not await self.sure("Throw this draft away?", "Throw away"):
            return
        await self.attempt(lambda: self.desk_app.desk.discard(draft))
        self.show_draft(None)

    def action_mend(self) -> None:
        """Mend the first finding that has a mend; select the words of the first one otherwise."""
        editor = self.query_one(Editor)
        mendable = next((f for f in self.findings if f.mend is not None), None)
        if mendable is not None and mendable.mend is not None:
            editor.replace_span(mendable.start, mendable.end, mendable.mend)
        elif self.findings:
            editor.select_span(self.findings[0].start, self.findings[0].end)
            editor.focus()
        else:
            self.say("There is nothing to mend.")

    @work(exclusive=True, group="act", exit_on_error=False)
    async def action_variants(self) -> None:
        """Another wording beside this one."""
        self.save_now()
        view, ref, desk = self.query_one(DraftView), self.ref, self.desk_app.desk
        this = view.draft
        if this is None:
            return
        began = this
        other = await self.attempt(lambda: desk.another(began))
        if other is None:
            return
        if other.text == view.text:
            self.say("The playbook has no other words for this.")
            return
        picked = await self.app.push_screen_wait(Variants(this, view.text, other))
        if picked is not None and ref == self.ref:
            self.show_draft(await self.attempt(lambda: desk.take(picked)) or this)

    @work(exclusive=True, group="act", exit_on_error=False)
    async def action_history(self) -> None:
        """Every draft of this conversation."""
        self.save_now()
        ref, desk = self.ref, self.desk_app.desk
        found = await self.attempt(lambda: desk.drafts(ref))
        if not found:
            self.say("Nothing was drafted here yet.")
            return
        picked = await self.app.push_screen_wait(History(found, desk.clock()))
        if picked is not None and ref == self.ref:
            made = await self.attempt(lambda: desk.take(picked))
            if made is not None:
                self.show_draft(made)

    def action_sources(self) -> None:
        """Where each sentence comes from."""
        view = self.query_one(DraftView)
        if view.draft is not None:
            self.app.push_screen(
                Sheet("Where each sentence comes from", *sources(view.text, origins(view.text, view.draft.parts)))
            )

    @work(exclusive=True, group="act", exit_on_error=False)
    async def action_prompt(self) -> None:
        """What a model is told, letter for letter."""
        ref, desk = self.ref, self.desk_app.desk
        draft = self.query_one(DraftView).draft
        told = await self.attempt(lambda: desk.prompt(ref, draft.tone, draft.length) if draft else desk.prompt(ref))
        if told is not None:
            title = (
                "What leaves this machine"
                if desk.has_model
                else "What a model would be told; none is set, nothing leaves"
            )
            self.app.push_screen(Sheet(title, told.shown + (f"\n\n({told.trimmed})" if told.trimmed else "")))

    def action_copy(self) -> None:
        """Copy the draft, for help-desks that are not connected; terminals with OSC 52 take it even from afar."""
        self.app.copy_to_clipboard(self.query_one(DraftView).text)
        self.say("Copied.")
