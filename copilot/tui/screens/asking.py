"""What concerns asking beside the ask itself: over the gate, later, reviews, gives, what is due. A mixin of the desk's screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import work

from copilot.drafting.models import Draft
from copilot.telling import Due
from copilot.tui.screens.base import DeskedScreen
from copilot.tui.screens.confirm import Why
from copilot.tui.screens.drafts import Sheet
from copilot.tui.show import MUTED
from copilot.tui.widgets.drafting import DraftView
from copilot.tui.widgets.safe import Piece


class Asking(DeskedScreen):
    """The actions beside the ask."""

    if TYPE_CHECKING:  # the desk's screen has these
        ref: str

        def save_now(self) -> None: ...
        def show_draft(self, draft: Draft | None) -> None: ...
        def reopen(self) -> None: ...

    @work(exclusive=True, group="act", exit_on_error=False)
    async def action_override(self) -> None:
        """Ask although the gate says no, with a reason that is kept; never against law or the customer's own wish."""
        self.save_now()
        view, ref, desk = self.query_one(DraftView), self.ref, self.desk_app.desk
        reason = await self.app.push_screen_wait(
            Why("Ask although the gate says no? Your name and this reason are kept.", "Ask")
        )
        if reason is None:
            return
        draft = view.draft or await self.attempt(lambda: desk.draft(ref))
        if draft is None:
            return
        begun = draft
        done = await self.attempt(lambda: desk.add_ask(begun, reason))
        if ref == self.ref:
            self.show_draft(done[0] if done else begun)

    @work(exclusive=True, group="act", exit_on_error=False)
    async def action_ask_later(self) -> None:
        """Ask once the customer has confirmed that it is solved."""
        ref, desk = self.ref, self.desk_app.desk
        await self.attempt(lambda: desk.schedule_ask(ref))
        self.say("Noted: to be asked once the customer has confirmed. `D` shows when that is due.")

    @work(exclusive=True, group="act", exit_on_error=False)
    async def action_review(self) -> None:
        """Put the neutral invitation to a public review into the draft, where it is this conversation's turn."""
        desk = self.desk_app.desk
        await self._put_in(desk.telling.review_invitation, desk.invite_to_review)

    @work(exclusive=True, group="act", exit_on_error=False)
    async def action_remind(self) -> None:
        """Put the one reminder of an ask that nobody answered into the draft."""
        desk = self.desk_app.desk
        await self._put_in(desk.telling.reminder, desk.remind)

    async def _put_in(self, words: Callable[[str], str], put: Callable[[Draft], Draft]) -> None:
        """Where there are `words` for the open ticket now, let `put` add them to its draft; begin one where there is none."""
        self.save_now()
        view, ref, desk = self.query_one(DraftView), self.ref, self.desk_app.desk
        if await self.attempt(lambda: words(ref)) is None:
            return
        draft = view.draft or await self.attempt(lambda: desk.draft(ref))
        if draft is None:
            return
        begun = draft
        made = await self.attempt(lambda: put(begun))
        if ref == self.ref:
            self.show_draft(made or begun)

    @work(exclusive=True, group="act", exit_on_error=False)
    async def action_give(self) -> None:
        """Record a thank-you or a favour that asked for nothing."""
        ref, desk = self.ref, self.desk_app.desk
        what = await self.app.push_screen_wait(Why("What was given that asked for nothing?", "Record it"))
        if what is not None:
            await self.attempt(lambda: desk.give(ref, what))
            self.reopen()

    @work(exclusive=True, group="act", exit_on_error=False)
    async def action_due(self) -> None:
        """What waits for somebody: reminders, take-downs, re-checks, proofs, reviews."""
        found = await self.attempt(self.desk_app.desk.telling.due)
        if found is not None:
            self.app.push_screen(Sheet("Due", *_lines(found)))


def _lines(due: Due) -> list[Piece]:
    parts: list[tuple[str, list[str]]] = [
        ("Take down", [f"{p.take_down_by:%Y-%m-%d}  {p.place}: {p.address} ({p.reason})" for p in due.take_downs]),
        ("Remind, once and gently", [f"{a.sent_at:%Y-%m-%d}  {a.ticket_ref}: “{a.words}”" for a in due.reminders]),
        (
            "Ask when confirmed",
            [
                f"{wanted.ref}: {'resolved now' if now else 'waits for the customer'}"
                for wanted, now in due.scheduled
                if not wanted.words
            ],
        ),
        ("Ask about other words", [f"{w.ref}, for {w.by}: “{w.words}”" for w, _ in due.scheduled if w.words]),
        ("Check again", [f"{s.id}  {s.hook}: still a customer, still true?" for s in due.rechecks]),
        ("Prove", [f"{where.story.id}  {', '.join(claims)}" for where, claims in due.substantiations]),
        ("Invite to review", [f"{turn.ref}, number {turn.number}" for turn in due.reviews]),
    ]
    out: list[Piece] = []
    for title, lines in parts:
        out += [(f"{title}\n", "bold"), ("\n".join(lines) + "\n\n" if lines else "nothing\n\n", "" if lines else MUTED)]
    return out
