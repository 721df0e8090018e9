"""Story and its states. The state is never stored: it follows from the ledger and marketing's approval every time."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from copilot.asking.models import Terms
from copilot.reading.models import Outcome
from copilot.text import digest
from copilot.tickets.models import Model

StoryState = Literal["noticed", "awaiting_customer", "awaiting_marketing", "ready", "withdrawn"]
STATES: tuple[StoryState, ...] = ("noticed", "awaiting_customer", "awaiting_marketing", "ready", "withdrawn")


class Quote(Model):
    """Words of the customer's, and the message they stand in."""

    text: str
    message_id: str


class Story(Model):
    """One micro-story.

    Attributes:
        hook: One line that makes a reader stop.
        moment: What happened, in a sentence or two, in our words.
        catalyst: What the agent did; `play_id` is the play that was used, if one was.
        outcome: What the story is for.
        disclosure: The sentence that must go out with it when something was given; empty when nothing was.
    """

    id: str
    ticket_ref: str
    customer_key: str
    customer_name: str
    customer_company: str = ""
    hook: str
    moment: str
    catalyst: str
    play_id: str = ""
    signal: str = ""
    outcome: Outcome = "testimonial"
    quotes: tuple[Quote, ...] = ()
    gift: bool = False
    disclosure: str = ""
    created_at: AwareDatetime
    updated_at: AwareDatetime
    by: str

    @property
    def fingerprint(self) -> str:
        """Hash of all that is released: an approval is of this, and dies with any edit."""
        kept = {"id", "ticket_ref", "customer_key", "play_id", "created_at", "updated_at", "by"}
        return digest(self.model_dump_json(exclude=kept))


class Approval(Model):
    """Marketing's key: of exactly one fingerprint and one ledger entry."""

    story_id: str
    fingerprint: str
    entry: int
    by: str
    at: AwareDatetime


class Standing(Model):
    """Where a story stands, why, and under what terms it may be used."""

    story: Story
    state: StoryState
    why: str
    terms: Terms | None = None
    attribution: str = ""
    permission: int | None = None
    """Number of the ledger entry it rests on."""
    approved_by: str = ""


class Export(Model):
    """A story as it leaves the house: nothing but what the customer and marketing approved."""

    id: str
    hook: str
    moment: str
    catalyst: str
    quote: str
    attribution: str
    places: tuple[str, ...]
    outcome: str
    signal: str
    disclosure: str
    permission: int = Field(description="Number of the ledger entry.")
    approved_by: str
    approved_at: AwareDatetime
