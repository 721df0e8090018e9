"""One function says where a story stands; every list, export and screen calls it. Quotes are proved verbatim here."""

from __future__ import annotations

from collections.abc import Sequence

from copilot.asking.models import MET_BY_TERMS, Entry, Terms
from copilot.errors import RefusedAction
from copilot.stories.models import Approval, Export, Quote, Standing, Story
from copilot.tickets.models import Customer, Ticket


def standing(story: Story, ledger: Sequence[Entry], asked: bool, approval: Approval | None) -> Standing:
    """The state of a story from facts alone.

    Args:
        ledger: Ledger entries of the story's ticket, in order.
        asked: Whether an ask about this ticket was sent.
        approval: Marketing's latest approval of the story, if any.
    """
    entry = next((e for e in reversed(ledger) if e.answer != "unclear"), None)
    if entry is None:
        if asked:
            return Standing(story=story, state="awaiting_customer", why="asked; no clear answer yet")
        return Standing(story=story, state="noticed", why="the customer has not been asked")
    if entry.answer == "withdrawn":
        return Standing(
            story=story, state="withdrawn", why="the customer took the permission back", permission=entry.seq
        )
    if entry.answer == "declined":
        return Standing(story=story, state="withdrawn", why="the customer said no", permission=entry.seq)
    terms, who = entry.terms, attribution(story, entry.terms)
    open_conditions = [c for c in entry.terms.conditions if c not in MET_BY_TERMS]
    waiting = ""
    if not story.quotes:
        waiting = "it has no quote"
    elif missing := unpermitted(story, entry):
        waiting = f"“{missing[0].text[:60]}” is not what the customer agreed to; it needs a new ask"
    elif open_conditions:
        waiting = f"the customer's condition is open: {', '.join(c.replace('_', ' ') for c in open_conditions)}"
    elif not entry.terms.places:
        waiting = "no place was agreed"
    if waiting:
        return Standing(
            story=story, state="awaiting_customer", why=waiting, terms=terms, attribution=who, permission=entry.seq
        )
    if story.gift and not story.disclosure.strip():
        why = "something was given, and the disclosure is missing"
        return Standing(
            story=story, state="awaiting_marketing", why=why, terms=terms, attribution=who, permission=entry.seq
        )
    if approval is None or approval.fingerprint != story.fingerprint or approval.entry != entry.seq:
        why = (
            "marketing has not approved it"
            if approval is None
            else "it was edited, or the terms changed, after the approval"
        )
        return Standing(
            story=story, state="awaiting_marketing", why=why, terms=terms, attribution=who, permission=entry.seq
        )
    return Standing(
        story=story,
        state="ready",
        why="both keys are turned",
        terms=terms,
        attribution=who,
        permission=entry.seq,
        approved_by=approval.by,
    )


def unpermitted(story: Story, entry: Entry) -> list[Quote]:
    """Quotes that are not exactly the words the customer agreed to."""
    return [quote for quote in story.quotes if quote.text != entry.words]


def attribution(story: Story, terms: Terms) -> str:
    """The name as the customer chose it."""
    words = story.customer_name.split()
    name = {
        "full": story.customer_name if "@" not in story.customer_name else "",  # an address is never published
        "first": Customer(id=story.customer_key, name=story.customer_name).first_name,
        "initials": " ".join(f"{word[0].upper()}." for word in words if word[0].isalpha()),
        "anonymous": "",
    }[terms.name_style] or "a customer"
    return f"{name}, {story.customer_company}" if terms.company and story.customer_company else name


def approve(where: Standing, by: str) -> int:
    """Check that marketing may turn its key now; return the ledger entry the approval is of.

    Raises:
        RefusedAction: Nobody is named, or the customer's key is not turned for exactly these words.
    """
    if not by.strip():
        raise RefusedAction("A story is approved by a person with a name.", hint="Set `agent` or give --by.")
    if where.state == "ready":
        raise RefusedAction("It is approved already.")
    if where.state != "awaiting_marketing" or where.permission is None:
        raise RefusedAction(f"It cannot be approved: {where.why}.", hint="The customer's key comes first.")
    if where.story.gift and not where.story.disclosure.strip():
        raise RefusedAction("Something was given, so the disclosure must be written first.")
    texts = (where.story.hook, where.story.moment, where.story.catalyst, where.story.disclosure)
    if any("[[" in text for text in texts):
        raise RefusedAction("The story has an open [[blank]].", hint="Fill it in, then approve.")
    return where.permission


def prove_quotes(story: Story, ticket: Ticket) -> None:
    """Check that every quote is verbatim in the message it names.

    Raises:
        RefusedAction: One is not; the model never writes a customer's words, and neither does anybody else.
    """
    texts = {message.id: message.text for message in ticket.customer_messages}
    for quote in story.quotes:
        if not quote.text.strip() or quote.text not in texts.get(quote.message_id, ""):
            raise RefusedAction(
                f"“{quote.text[:80]}” is not verbatim in the customer's message.",
                hint="Choose one of the customer's sentences.",
            )


def export_of(where: Standing, approval: Approval) -> Export:
    """What leaves the house for a ready story.

    Raises:
        RefusedAction: It is not ready.
    """
    if where.state != "ready" or where.terms is None or where.permission is None:
        raise RefusedAction(f"Story {where.story.id} is not ready: {where.why}.")
    story = where.story
    return Export(
        id=story.id,
        hook=story.hook,
        moment=story.moment,
        catalyst=story.catalyst,
        quote=story.quotes[0].text,
        attribution=where.attribution,
        places=where.terms.places,
        outcome=story.outcome,
        signal=story.signal,
        disclosure=story.disclosure if story.gift else "",
        permission=where.permission,
        approved_by=approval.by,
        approved_at=approval.at,
    )
