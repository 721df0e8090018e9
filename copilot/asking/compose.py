"""Writes an ask from a page's wording, around the customer's verbatim words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from copilot.asking.consent import Texts
from copilot.asking.models import AGAIN, Ask, Entry, Policy
from copilot.drafting.composer import fill
from copilot.errors import RefusedAction
from copilot.playbook.models import AskKind, Match, Page, Play
from copilot.reading.models import Reading, SignalDefinition
from copilot.text import digest
from copilot.tickets.models import Ticket
from copilot.tickets.store import customer_key


def ask_play(
    reading: Reading,
    matches: Sequence[Match],
    pages: Sequence[Page],
    definitions: Mapping[str, SignalDefinition],
    policy: Policy,
) -> Play | None:
    """The ask that fits: of the page answering the strongest signal, else of the best match that has one, else any quote.

    The signal's outcome names the kind, as `kinds` of the policy says (proactive fix → testimonial → quote).
    """
    wanted: AskKind | None = None
    for label in reading.delight:
        definition = definitions.get(label.name)
        wanted = policy.kind_of(definition.outcome or "") if definition else None
        plays = [
            play for page in pages if label.name in page.signals and page.locale == "en" for play in page.of("ask")
        ]
        best = next((play for play in plays if play.name == wanted), plays[0] if plays else None)
        if best is not None:
            return best
    matched = [play for match in matches for play in match.page.of("ask")]
    others = [play for page in pages if page.locale == "en" for play in page.of("ask") if play.name == "quote"]
    return next(iter(matched or others), None)


def compose_ask(
    ticket: Ticket, play: Play, values: Mapping[str, str], policy: Policy, now: datetime, override: str = ""
) -> Ask:
    """The ask as it will stand in the draft; one wording of the play, fixed by the ticket.

    Args:
        override: Why somebody asks although the gate says no.

    Raises:
        RefusedAction: There are no words to quote.
    """
    quote = values.get("customer.quote", "")
    if not quote:
        raise RefusedAction("There is nothing to quote in the customer's last message.")
    fitting = sorted(play.phrasings, key=lambda p: sum("{" + name + "}" in p.text for name in _missing(values)))
    chosen = fitting[int(digest(ticket.ref, play.id), 16) % len(fitting)] if not _missing(values) else fitting[0]
    return Ask(
        id="a-" + digest(ticket.ref, quote, now.isoformat())[:10],
        ticket_ref=ticket.ref,
        customer_key=customer_key(ticket),
        kind=play.name,
        play_id=play.id,
        wording=f"{policy.wording}/{play.id}",
        words=quote,
        text=fill(chosen.text, values),
        created_at=now,
        override=override,
    )


def compose_again(
    ticket: Ticket, words: str, agreed: Entry, texts: Texts, values: Mapping[str, str], now: datetime
) -> Ask:
    """A question about other words than those the customer agreed to; its text is of the page's texts, in their language.

    Args:
        agreed: What they agreed to.
    """
    said = {**values, "words": words}
    return Ask(
        id="a-" + digest(ticket.ref, words, now.isoformat())[:10],
        ticket_ref=ticket.ref,
        customer_key=customer_key(ticket),
        kind="quote",
        play_id="",
        wording=f"{texts.version}/{texts.locale}{AGAIN}",
        words=words,
        text=texts.say("again", said),
        created_at=now,
        before=agreed.words,
    )


def with_link(ask: Ask, line: str, link: str) -> Ask:
    """The ask with the line that leads to the customer's page."""
    return ask.model_copy(update={"text": f"{ask.text} {line.replace('{link}', link)}"}) if link else ask


def _missing(values: Mapping[str, str]) -> list[str]:
    return [name for name in ("customer.first_name", "agent.name") if name not in values]
