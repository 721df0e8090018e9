"""Draft and Finding. A draft only moves along proposed → edited → approved → sent, or to discarded."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from copilot.errors import RefusedAction
from copilot.playbook.models import Tone
from copilot.tickets.models import Model

DraftState = Literal["proposed", "edited", "approved", "sent", "discarded"]
Source = Literal["composer", "play", "model", "agent", "ask", "review", "reminder"]
Length = Literal["short", "normal", "long"]
LENGTHS: tuple[Length, ...] = ("short", "normal", "long")
Slot = Literal["greeting", "lead", "body", "outcome", "next", "pivot", "closing", "signature", "ask", "inserted"]


class Part(Model):
    """A paragraph and where it came from; `citation` is empty for what the composer or the agent wrote.

    Attributes:
        slot: Its place in a reply: what another setting of the dial puts in its stead.
    """

    text: str
    source: Source
    play_id: str = ""
    citation: str = ""
    slot: Slot = "body"


class ModelParagraph(Model):
    """A paragraph as a model answers it."""

    model_config = {"extra": "ignore"}

    text: str
    plays: tuple[str, ...] = ()


class ModelReply(Model):
    """A reply as a model answers it: paragraphs with the plays they rest on, what is left blank, questions for the agent."""

    model_config = {"extra": "ignore"}

    paragraphs: tuple[ModelParagraph, ...] = Field(min_length=1)
    blanks: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()


class DraftFinding(Model):
    """Something the checks say about a draft: `text[start:end]` are the words meant, `mend` what one key puts there."""

    rule: str
    blocking: bool
    message: str
    start: int
    end: int
    mend: str | None = None


class Draft(Model):
    """A reply on its way. `based_on` is the version of the ticket it answers."""

    id: str
    ticket_ref: str
    based_on: str
    text: str
    tone: Tone
    length: Length = "normal"
    variant: int = 0
    """Which of the plays' wordings it took."""
    parts: tuple[Part, ...] = ()
    model: str = ""
    """Who wrote it; empty is the offline composer."""
    prompt: str = ""
    """Id and version of the prompt, `draft/2`."""
    note: str = ""
    """What the agent should know of how it came about: why it was drafted offline, what was left out, what to find out."""
    state: DraftState = "proposed"
    created_at: AwareDatetime
    updated_at: AwareDatetime
    approved_by: str = ""
    sent_as: str = ""
    """Message id of the reply."""

    def edit(self, text: str, at: AwareDatetime) -> Draft:
        """The draft with other words; an approval does not survive an edit.

        Raises:
            RefusedAction: It was sent or discarded.
        """
        self._open("edited")
        return self.model_copy(update={"text": text, "state": "edited", "approved_by": "", "updated_at": at})

    def approve(self, by: str, at: AwareDatetime, findings: tuple[DraftFinding, ...]) -> Draft:
        """The draft approved by a person.

        Raises:
            RefusedAction: Nobody is named, a blocking finding stands, or it was sent or discarded.
        """
        self._open("approved")
        if not by.strip():
            raise RefusedAction("A reply is approved by a person with a name.", hint="Set `agent` in delight.toml.")
        blocking = [finding for finding in findings if finding.blocking]
        if blocking:
            raise RefusedAction(
                f"The reply cannot go out: {blocking[0].message}.",
                hint=f"{len(blocking)} blocking finding{'s' if len(blocking) > 1 else ''} to mend.",
            )
        return self.model_copy(update={"state": "approved", "approved_by": by, "updated_at": at})

    def sent(self, message_id: str, at: AwareDatetime) -> Draft:
        """The draft as sent.

        Raises:
            RefusedAction: No person approved these words.
        """
        if self.state != "approved":
            raise RefusedAction("Only an approved reply is sent.", hint="Approve it first.")
        return self.model_copy(update={"state": "sent", "sent_as": message_id, "updated_at": at})

    def discard(self, at: AwareDatetime) -> Draft:
        """The draft thrown away; it is kept for the record.

        Raises:
            RefusedAction: It was sent.
        """
        self._open("discarded")
        return self.model_copy(update={"state": "discarded", "updated_at": at})

    def _open(self, wish: str) -> None:
        if self.state in ("sent", "discarded"):
            raise RefusedAction(f"This draft was {self.state} and cannot be {wish}.", hint="Draft a new reply.")
