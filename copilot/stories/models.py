"""Story and its states. The state is never stored: it follows from the ledger and marketing's approval every time."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import AwareDatetime, Field

from copilot.asking.models import Place, Terms
from copilot.reading.models import Mood, Outcome
from copilot.text import digest
from copilot.tickets.models import Model

StoryState = Literal["noticed", "awaiting_customer", "awaiting_marketing", "ready", "published", "withdrawn", "expired"]
STATES: tuple[StoryState, ...] = (
    "noticed", "awaiting_customer", "awaiting_marketing", "ready", "published", "withdrawn", "expired"
)  # fmt: skip
RELEASED: frozenset[StoryState] = frozenset(["ready", "published"])
"""States in which both keys are turned: what may leave the house, by whatever door."""


class Quote(Model):
    """Words of the customer's, and the message they stand in.

    `original` is what they were before the customer changed them on their page, or marketing shortened them; empty where
    nobody did.
    """

    text: str
    message_id: str
    original: str = ""


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
    proof: str = ""
    """Where the numbers and comparisons in it are proved; empty while nobody has."""
    recheck_at: AwareDatetime | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime
    by: str
    turn: tuple[Mood, ...] = ()
    """The customer's mood when the story began and when it was told; empty where it was not read."""
    products: tuple[str, ...] = ()
    """What the conversation was about: its tags."""

    @property
    def fingerprint(self) -> str:
        """Hash of all that is released: an approval is of this, and dies with any edit."""
        kept = {
            "id",
            "ticket_ref",
            "customer_key",
            "play_id",
            "created_at",
            "updated_at",
            "by",
            "proof",
            "recheck_at",
            "turn",
            "products",
        }
        return digest(self.model_dump_json(exclude=kept))


class Approval(Model):
    """Marketing's key: of exactly one fingerprint and one ledger entry; `claims` are what then had to be proved."""

    story_id: str
    fingerprint: str
    entry: int
    by: str
    at: AwareDatetime
    claims: tuple[str, ...] = ()


class Publication(Model):
    """One place where a story stands, or stood.

    Attributes:
        address: The page, post or deck, so that somebody can find it again.
        take_down_by: By when it must be gone; None while it may stand.
        proof: How somebody knows that it is gone.
    """

    id: int = 0
    story_id: str
    place: Place
    address: str
    campaign: str = ""
    by: str
    at: AwareDatetime
    take_down_by: AwareDatetime | None = None
    reason: str = ""
    removed_at: AwareDatetime | None = None
    removed_by: str = ""
    proof: str = ""


class Tombstone(Model):
    """A story that had left the house and may not be used any more: whoever pulled it takes it out."""

    id: str
    gone_at: AwareDatetime
    change: int


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
    approved_at: AwareDatetime | None = None
    publications: tuple[Publication, ...] = ()

    @property
    def released(self) -> bool:
        """Whether both keys are turned, now: the one question that every door asks."""
        return self.state in RELEASED


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
    until: date | None = Field(default=None, description="Last day on which it may be used.")
    permission: int = Field(description="Number of the ledger entry.")
    approved_by: str
    approved_at: AwareDatetime
