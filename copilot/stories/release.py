"""One function says where a story stands; every list, export and screen calls it. Quotes are proved verbatim here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date

from copilot.asking.models import MET_BY_TERMS, YES, Entry, NameStyle, Terms, counting
from copilot.errors import RefusedAction
from copilot.stories.claims import claims_in
from copilot.stories.models import Approval, Export, Publication, Quote, Standing, Story, StoryState
from copilot.stories.trim import turned
from copilot.tickets.models import Customer, Ticket


def standing(
    story: Story,
    ledger: Sequence[Entry],
    asked: bool,
    approval: Approval | None,
    publications: Sequence[Publication] = (),
    today: date | None = None,
) -> Standing:
    """The state of a story from facts alone.

    Args:
        ledger: Ledger entries of the story's ticket, in order.
        asked: Whether an ask about this ticket was sent.
        approval: Marketing's latest approval of the story, if any.
        publications: Where it stands or stood.
        today: The day on which a permission must still run; None looks at no day.
    """
    answers = counting(ledger)
    # That nobody answered a later ask takes nothing back.
    entry = next((e for e in reversed(answers) if e.answer != "expired"), answers[-1] if answers else None)
    base = Standing(
        story=story, state="noticed", why="the customer has not been asked", publications=tuple(publications)
    )
    if entry is None:
        if asked:
            return base.model_copy(update={"state": "awaiting_customer", "why": "asked; no clear answer yet"})
        return base
    known = base.model_copy(update={"permission": entry.seq})
    if entry.answer not in YES:
        state, why = ENDED[entry.answer]
        return known.model_copy(update={"state": state, "why": why})
    known = known.model_copy(update={"terms": entry.terms, "attribution": attribution(story, entry.terms)})
    if entry.terms.until is not None and today is not None and today > entry.terms.until:
        return known.model_copy(update={"state": "expired", "why": f"the permission ran until {entry.terms.until}"})
    if waiting := _waits_for_customer(story, entry):
        return known.model_copy(update={"state": "awaiting_customer", "why": waiting})
    if waiting := _waits_for_marketing(story, entry, approval):
        return known.model_copy(update={"state": "awaiting_marketing", "why": waiting})
    assert approval is not None
    stands = [p for p in publications if p.removed_at is None and p.take_down_by is None]
    done = {"state": "ready", "why": "both keys are turned", "approved_by": approval.by, "approved_at": approval.at}
    if stands:
        done |= {"state": "published", "why": "it stands on " + ", ".join(dict.fromkeys(p.place for p in stands))}
    return known.model_copy(update=done)


ENDED: Mapping[str, tuple[StoryState, str]] = {
    "withdrawn": ("withdrawn", "the customer took the permission back"),
    "declined": ("withdrawn", "the customer said no"),
    "expired": ("expired", "the customer did not answer in time, or the agreed time is over"),
    "erased": ("withdrawn", "the customer was erased"),
}


def _waits_for_customer(story: Story, entry: Entry) -> str:
    open_conditions = [c for c in entry.terms.conditions if c not in MET_BY_TERMS]
    if not story.quotes:
        return "it has no quote"
    if missing := unpermitted(story, entry):
        return f"“{missing[0].text[:60]}” is not what the customer agreed to; it needs a new ask"
    if open_conditions:
        return f"the customer's condition is open: {', '.join(c.replace('_', ' ') for c in open_conditions)}"
    return "" if entry.terms.places else "no place was agreed"


def _waits_for_marketing(story: Story, entry: Entry, approval: Approval | None) -> str:
    if story.gift and not story.disclosure.strip():
        return "something was given, and the disclosure is missing"
    if approval is None:
        return "marketing has not approved it"
    if approval.fingerprint != story.fingerprint or approval.entry != entry.seq:
        return "it was edited, or the terms changed, after the approval"
    return "its proof was taken away" if approval.claims and not story.proof.strip() else ""


def claims_of(story: Story) -> list[str]:
    """What in a story somebody must be able to prove."""
    return claims_in(
        story.hook, story.moment, story.catalyst, story.disclosure, *(quote.text for quote in story.quotes)
    )


def unpermitted(story: Story, entry: Entry) -> list[Quote]:
    """Quotes that are neither the words the customer agreed to, nor a faithful part of them."""
    return [quote for quote in story.quotes if turned(entry.words, quote.text)]


def attribution(story: Story, terms: Terms) -> str:
    """The name as the customer chose it, in the words they saw where they saw any."""
    if terms.shown_as:
        return terms.shown_as
    name = name_as(story.customer_name, terms.name_style) or "a customer"
    return f"{name}, {story.customer_company}" if terms.company and story.customer_company else name


def name_as(name: str, style: NameStyle) -> str:
    """A customer's name in a style; empty for none, and an address is never one."""
    return {
        "full": name if "@" not in name else "",
        "first": Customer(id="-", name=name).first_name,
        "initials": " ".join(f"{word[0].upper()}." for word in name.split() if word[0].isalpha()),
        "anonymous": "",
    }[style]


def approve(where: Standing, by: str) -> int:
    """Check that marketing may turn its key now; return the ledger entry the approval is of.

    Raises:
        RefusedAction: Nobody is named, or the customer's key is not turned for exactly these words.
    """
    if not by.strip():
        raise RefusedAction("A story is approved by a person with a name.", hint="Set `agent` or give --by.")
    if where.released:
        raise RefusedAction("It is approved already.")
    if where.state != "awaiting_marketing" or where.permission is None:
        raise RefusedAction(f"It cannot be approved: {where.why}.", hint="The customer's key comes first.")
    if where.story.gift and not where.story.disclosure.strip():
        raise RefusedAction("Something was given, so the disclosure must be written first.")
    texts = (where.story.hook, where.story.moment, where.story.catalyst, where.story.disclosure)
    if any("[[" in text for text in texts):
        raise RefusedAction("The story has an open [[blank]].", hint="Fill it in, then approve.")
    if named := _unwanted_name(where, texts):
        raise RefusedAction(
            f"The story names the customer ({named}), who chose to be shown as {where.attribution}.",
            hint="Write it without the name.",
        )
    if (claims := claims_of(where.story)) and not where.story.proof.strip():
        raise RefusedAction(
            f"It claims something that must be proved: {', '.join(claims[:3])}.",
            hint="Write down where the proof is, then approve.",
        )
    return where.permission


def _unwanted_name(where: Standing, texts: Sequence[str]) -> str:
    """A part of the customer's name, or their company's, in our words that they did not agree to show."""
    assert where.terms is not None
    shown = where.attribution.casefold()
    company = where.story.customer_company
    parts = [part.strip(".,") for part in where.story.customer_name.split()] + ([company] if company else [])
    for part in parts:
        word = re.compile(rf"(?<!\w){re.escape(part.casefold())}(?!\w)")
        hidden = len(part) > 2 and not word.search(shown)
        if hidden and any(word.search(text.casefold()) for text in texts):
            return part
    return ""


def prove_quotes(story: Story, ticket: Ticket, approved: Sequence[str] = ()) -> None:
    """Check that every quote is verbatim in the message it names, or in words the customer approved.

    Args:
        approved: What the customer agreed to, as they left it on their page.

    Raises:
        RefusedAction: One is not; the model never writes a customer's words, and neither does anybody else.
    """
    texts = {message.id: message.text for message in ticket.customer_messages}
    for quote in story.quotes:
        theirs = (texts.get(quote.message_id, ""), *approved)
        if not quote.text.strip() or not any(quote.text in text for text in theirs):
            raise RefusedAction(
                f"“{quote.text[:80]}” is not verbatim in the customer's message.",
                hint="Choose one of the customer's sentences.",
            )


def export_of(where: Standing) -> Export:
    """What leaves the house for a story that both keys release. Every door calls this, and no other makes an `Export`.

    Raises:
        RefusedAction: It is not released.
    """
    if not where.released or where.terms is None or where.permission is None or where.approved_at is None:
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
        until=where.terms.until,
        approved_by=where.approved_by,
        approved_at=where.approved_at,
    )
