"""Pre-fills a micro-story from the reading and what the agent did. Words of ours are ours; quotes are the customer's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from copilot.drafting.composer import best_quote, fill
from copilot.errors import RefusedAction
from copilot.reading.models import MOODS, Mood, Outcome, Reading, SignalDefinition
from copilot.stories.models import Quote, Story
from copilot.text import digest, sentences, shorten
from copilot.tickets.models import Ticket
from copilot.tickets.store import customer_key

GIFTS = frozenset(["unexpected_upgrade", "surprise_gesture"])
"""Signals near which something was given: a material connection to disclose."""
HOOKS: dict[str, str] = {
    "proactive_fix": "Fixed before they had to ask",
    "unexpected_upgrade": "More than they paid for",
    "quick_compassionate_reply": "A fast answer from a human being",
    "creative_workaround": "The way round that nobody had thought of",
    "saved_deadline": "Just in time",
    "surprise_gesture": "A small thing that nobody asked for",
    "milestone": "The first big step",
    "loyal_enthusiast": "Still with us, and glad of it",
    "promoter": "The one who tells the others",
    "shout_out": "The people behind the answer",
}


def compose_story(
    ticket: Ticket,
    reading: Reading,
    definitions: Mapping[str, SignalDefinition],
    disclosures: Mapping[str, str],
    play_id: str,
    asked_words: str,
    by: str,
    now: datetime,
) -> Story:
    """A story to look over, not to trust: hook, moment and catalyst are first drafts for a person.

    Args:
        play_id: The play last used in the thread, if any.
        asked_words: The words an ask in this ticket quotes; the story quotes the same.

    Raises:
        RefusedAction: The customer wrote nothing.
    """
    target = ticket.target
    if target is None:
        raise RefusedAction("There is no story in a ticket whose customer has not written.")
    signal = next((label.name for label in reading.delight), "")
    outcome: Outcome = (definitions[signal].outcome if signal in definitions else None) or "testimonial"
    quote = asked_words or best_quote(ticket, reading)
    source = next((m for m in reversed(ticket.customer_messages) if quote and quote in m.text), target)
    helped = last_help(ticket)
    gift = any(label.name in GIFTS for label in reading.signals)
    opening = ticket.customer_messages[0]
    return Story(
        id="s-" + digest(ticket.ref)[:10],
        ticket_ref=ticket.ref,
        customer_key=customer_key(ticket),
        customer_name=ticket.customer.name,
        customer_company=ticket.customer.company,
        hook=HOOKS.get(signal, ticket.title),
        moment=f"A customer wrote to us about: {shorten(_first_sentence(opening.text), 140)}"
        if opening is not target
        else ticket.title,
        catalyst=f"{helped[0] or 'We'}: {shorten(helped[1], 200)}" if helped else "",
        play_id=play_id,
        signal=signal,
        outcome=outcome,
        quotes=(Quote(text=quote, message_id=source.id),) if quote else (),
        gift=gift,
        disclosure=fill(disclosures.get(signal, ""), {"customer.first_name": "The customer"})
        if gift
        else "",  # they choose later how they are named
        created_at=now,
        updated_at=now,
        by=by,
        turn=_turn(reading),
        products=ticket.tags,
    )


def _turn(reading: Reading) -> tuple[Mood, ...]:
    """The lowest mood before the last, and the last."""
    moods = [point.mood for point in reading.path]
    return (min(moods[:-1], key=MOODS.index), moods[-1]) if len(moods) > 1 else ()


def last_help(ticket: Ticket) -> tuple[str, str] | None:
    """(agent, what they wrote) of the last answer before the customer's last message."""
    before = ticket.messages
    target = ticket.target
    if target is not None:
        before = ticket.messages[: ticket.messages.index(target)]
    agent = next((m for m in reversed(before) if m.role == "agent"), None)
    return (agent.author, agent.text) if agent else None


def _first_sentence(text: str) -> str:
    return next((text[start:end] for start, end in sentences(text)), text)
