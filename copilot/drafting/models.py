"""Draft and Finding. A draft only moves along proposed → edited → approved → sent, or to discarded."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from copilot.errors import RefusedAction
from copilot.playbook.models import Tone
from copilot.tickets.models import Model

DraftState = Literal["proposed", "edited", "approved", "sent", "discarded"]
Source = Literal["composer", "play", "agent", "ask"]


class Part(Model):
    """A paragraph and where it came from; `citation` is empty for what the composer or the agent wrote."""

    text: str
    source: Source
    play_id: str = ""
    citation: str = ""


class DraftFinding(Model):
    """Something the checks say about a draft: `text[start:end]` are the words meant."""

    rule: str
    blocking: bool
    message: str
    start: int
    end: int


class Draft(Model):
    """A reply on its way. `based_on` is the version of the ticket it answers."""

    id: str
    ticket_ref: str
    based_on: str
    text: str
    tone: Tone
    parts: tuple[Part, ...] = ()
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
