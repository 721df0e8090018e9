"""Verdict, Ask, Terms, Entry: an ask and the permission that may follow it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from typing import Literal

from pydantic import AwareDatetime

from copilot.errors import RefusedAction
from copilot.playbook.models import AskKind
from copilot.reading.models import Outcome
from copilot.tickets.models import Model

AskState = Literal[
    "drafted", "sent", "granted", "declined", "conditional", "unclear", "expired", "withdrawn", "dropped"
]
Answer = Literal["granted", "declined", "conditional", "unclear", "withdrawn", "expired", "erased"]
"""What a ledger entry records; `expired` (nobody answered, or the agreed time is over) and `erased` are ours."""
YES: frozenset[Answer] = frozenset(["granted", "conditional"])
Place = Literal["website", "social", "sales", "internal"]
PLACES: tuple[Place, ...] = ("website", "social", "sales", "internal")
NameStyle = Literal["full", "first", "initials", "anonymous"]
NAME_STYLES: tuple[NameStyle, ...] = ("full", "first", "initials", "anonymous")
Condition = Literal["name_style", "place", "edit_words", "legal_approval", "other"]
MET_BY_TERMS: frozenset[str] = frozenset(["name_style", "place"])
"""Conditions that the recorded terms themselves meet; any other keeps the story waiting for the customer."""


class Reason(Model):
    """One rule of the gate and how it came out; `final` marks a no that nothing overrides (law, or the customer's own)."""

    rule: str
    ok: bool
    text: str
    final: bool = False


class Verdict(Model):
    """What the gate says, with every reason."""

    ok: bool
    reasons: tuple[Reason, ...]

    @property
    def against(self) -> tuple[Reason, ...]:
        """The reasons for a no."""
        return tuple(reason for reason in self.reasons if not reason.ok)

    @property
    def why_not(self) -> str:
        """The reasons for a no as one line."""
        return "; ".join(reason.text for reason in self.against)


class Ask(Model):
    """One permission-to-share ask. `words` are the exact customer's words it quotes, `text` the whole block sent."""

    id: str
    ticket_ref: str
    customer_key: str
    kind: AskKind
    play_id: str
    wording: str
    words: str
    text: str
    state: AskState = "drafted"
    created_at: AwareDatetime
    sent_at: AwareDatetime | None = None
    answered_at: AwareDatetime | None = None
    message_id: str = ""
    reminded_at: AwareDatetime | None = None
    override: str = ""
    """Why somebody asked although the gate said no; empty where it said yes."""
    referral: str = ""
    """Token of the link by which the customer recommends us, once they agreed to."""
    before: str = ""
    """Words they agreed to already and that these would take the place of; empty where they were not asked before."""

    def sent(self, message_id: str, at: AwareDatetime) -> Ask:
        """The ask as it went out.

        Raises:
            RefusedAction: It already did, or was dropped.
        """
        if self.state != "drafted":
            raise RefusedAction(f"This ask is {self.state} and cannot be sent again.")
        return self.model_copy(update={"state": "sent", "sent_at": at, "message_id": message_id})

    def reminded(self, at: AwareDatetime) -> Ask:
        """The ask after its one reminder.

        Raises:
            RefusedAction: It was answered, or reminded of already.
        """
        if self.state != "sent":
            raise RefusedAction(f"This ask is {self.state}; only one that waits for an answer is reminded of.")
        if self.reminded_at is not None:
            raise RefusedAction("The customer was reminded once; more would be pressing.")
        return self.model_copy(update={"reminded_at": at})

    def dropped(self) -> Ask:
        """The ask taken out of the draft again.

        Raises:
            RefusedAction: The customer has it already.
        """
        if self.state != "drafted":
            raise RefusedAction(f"This ask is {self.state}; only one that was not sent can be dropped.")
        return self.model_copy(update={"state": "dropped"})

    def answered(self, answer: Answer, at: AwareDatetime) -> Ask:
        """The ask after an answer.

        Raises:
            RefusedAction: It was never sent, or the answer does not follow from its state.
        """
        if self.state in ("drafted", "dropped"):
            raise RefusedAction("The customer has not been asked yet.", hint="Send the ask first.")
        if answer == "erased":
            raise RefusedAction("Erasing a customer is no answer of theirs.")
        if answer == "expired":
            if self.state not in ("sent", "unclear", "granted", "conditional"):
                raise RefusedAction(f"This ask is {self.state}; nothing of it can run out.")
            return self.model_copy(update={"state": "expired", "answered_at": at})
        if answer == "withdrawn" and self.state not in ("granted", "conditional"):
            raise RefusedAction("Only a permission that was given can be withdrawn.", hint="Record a decline instead.")
        if self.state == "withdrawn":
            raise RefusedAction("The customer withdrew; a new permission needs a new ask.")
        if self.state == "declined" and answer != "declined":
            raise RefusedAction("The customer said no; a new permission needs a new ask.")
        if answer == "unclear" and self.state in ("granted", "conditional"):
            raise RefusedAction(
                "The customer's yes stands until they take it back.",
                hint="Record a withdrawal, or a yes on conditions.",
            )
        return self.model_copy(update={"state": answer, "answered_at": at})


class Terms(Model):
    """What the customer allowed.

    Attributes:
        until: The last day on which the words may be used; None until they take it back.
        disclosure: The sentence about a gift or credit that they were shown, which goes out with the words.
        shown_as: The name as they saw it when they chose it ("a customer" in their language); empty where they saw none.
    """

    places: tuple[Place, ...] = ()
    name_style: NameStyle = "anonymous"
    company: bool = False
    conditions: tuple[Condition, ...] = ()
    until: date | None = None
    disclosure: str = ""
    shown_as: str = ""


PERSONAL = frozenset(["ticket_ref", "customer_key", "words", "words_hash", "answer_text", "message_id"])
"""Fields of an entry that go when the customer is erased."""
PERSONAL_TERMS = ("shown_as", "disclosure")
"""The same of its terms."""
BY_CUSTOMER = "the customer, on their page"
AGAIN = "/consent#again"
"""How the wording of an ask about other words ends: a no to it leaves what was agreed before."""


class Entry(Model):
    """One line of the permission ledger; never changed, never removed. Its words can be erased, and then are empty."""

    seq: int
    ask_id: str
    ticket_ref: str = ""
    customer_key: str = ""
    answer: Answer
    words: str = ""
    """The exact words shown to the customer, or as they changed them on their page."""
    words_hash: str = ""
    """SHA-256 of the words, in hex."""
    wording: str
    terms: Terms
    answer_text: str = ""
    """What the customer wrote, or pressed."""
    channel: str
    message_id: str = ""
    at: AwareDatetime
    by: str
    erased: bool = False

    @property
    def personal_part(self) -> dict[str, object]:
        """What goes when the customer is erased."""
        of_terms = {name: getattr(self.terms, name) for name in PERSONAL_TERMS}
        return {**self.model_dump(mode="json", include=set(PERSONAL)), **of_terms}

    @property
    def public_part(self) -> dict[str, object]:
        """What stays: that, when and how something was answered, under which wording and terms."""
        kept = self.model_dump(mode="json", exclude={*PERSONAL, "seq", "erased"})
        return {**kept, "terms": {name: value for name, value in kept["terms"].items() if name not in PERSONAL_TERMS}}

    def hashed(self) -> Entry:
        """The entry with the hash of its words."""
        return self.model_copy(update={"words_hash": hashlib.sha256(self.words.encode()).hexdigest()})


def counting(entries: Sequence[Entry]) -> list[Entry]:
    """The entries of a ticket that say what may be used, in their order.

    Left out is what settles nothing (unclear) and a no, or silence, to a question about other words that was never answered
    by a yes: what was agreed before stands.
    """
    agreed: set[str] = set()
    out = []
    for entry in entries:
        idle = entry.wording.endswith(AGAIN) and entry.answer in ("declined", "expired") and entry.ask_id not in agreed
        if entry.answer in YES:
            agreed.add(entry.ask_id)
        if entry.answer != "unclear" and not idle:
            out.append(entry)
    return out


class Give(Model):
    """Something given to a customer that asked for nothing: a thank-you, a favour."""

    what: str
    by: str
    at: AwareDatetime


class Kind(Model):
    """A kind of ask.

    Attributes:
        outcomes: The outcomes of signals that propose it.
        ease: What it asks of the customer, in a few words.
        after: What follows a yes, and who does it.
    """

    outcomes: tuple[Outcome, ...] = ()
    ease: str = ""
    after: str = ""


class Policy(Model):
    """The asking policy: front matter of `playbooks/asking.md`, explained there."""

    wording: str
    cool_down_days: int = 120
    yearly_budget: int = 2
    pause_after_decline_days: int = 365
    answer_within_days: int = 21
    remind_after_days: int = 7
    gives_between_asks: int = 1
    purposes: tuple[str, ...] = ()
    prior_notice: str = ""
    link_line: str = "You can read it, change it and answer on this page: {link}"
    take_down_days: int = 7
    recheck_days: int = 365
    regions: dict[str, Literal["allowed", "customer-began", "never"]] = {}
    disclosures: dict[str, str] = {}
    kinds: dict[AskKind, Kind] = {
        "quote": Kind(outcomes=("testimonial",)),
        "share": Kind(outcomes=("social_share",)),
        "refer": Kind(outcomes=("referral",)),
        "tag": Kind(),
    }

    def kind_of(self, outcome: str) -> AskKind | None:
        """The kind of ask that an outcome proposes."""
        return next((name for name, kind in self.kinds.items() if outcome in kind.outcomes), None)
