"""The ask gate: one pure function from what is known to a verdict with reasons. It stands above every campaign."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from copilot.asking.models import Ask, Give, Policy, Reason, Verdict
from copilot.reading.models import HAPPY, UNHAPPY, Reading
from copilot.tickets.models import Ticket

KIND_WORDS = {"staff": "works for us", "partner": "works with us", "minor": "is a minor"}
YEAR = timedelta(days=365)


class Known(NamedTuple):
    """What is known of the person beside the conversation, of any queue and department.

    Attributes:
        history: All asks of theirs.
        other_open: Refs of their other open tickets.
        paused_by: Who paused all asks of theirs; empty when nobody did.
        gives: What they were given that asked for nothing.
    """

    history: Sequence[Ask] = ()
    other_open: Sequence[str] = ()
    paused_by: str = ""
    gives: Sequence[Give] = ()


def judge(
    ticket: Ticket,
    reading: Reading,
    policy: Policy,
    known: Known,
    quote: str,
    now: datetime,
    purpose: str = "",
) -> Verdict:
    """Whether to ask this customer, in this conversation, now.

    Args:
        quote: The words an ask would quote; empty when none can be.
        purpose: What another department's campaign asks for; empty for the desk's own asks.
    """
    reasons = [
        _confirmed(ticket, reading),
        _mood(reading),
        _risks(reading),
        _others(known.other_open),
        _tactful(reading),
        Reason(
            rule="quote", ok=bool(quote), text="there are words worth quoting" if quote else "nothing quotable was said"
        ),
        *_history(known.history, policy, now),
        _balance(known.history, known.gives, policy),
        _paused(known.paused_by),
        _person(ticket),
        _region(ticket, policy),
    ]
    if purpose:
        reasons.append(_purpose(purpose, policy))
    return Verdict(ok=all(reason.ok for reason in reasons), reasons=tuple(reasons))


def judge_again(ticket: Ticket, reading: Reading, policy: Policy, known: Known, now: datetime) -> Verdict:
    """Whether to ask about other words than those a customer has agreed to.

    That they said yes is reason enough to ask; that they are unhappy, wait for something, or were asked so of late is none.
    """
    asks_on = _asks_on(ticket)
    cool = timedelta(days=policy.cool_down_days)
    last = max((ask.sent_at for ask in known.history if ask.before and ask.sent_at is not None), default=None)
    warm = last is not None and now - last < cool
    kept = [reason for reason in _history(known.history, policy, now) if reason.rule in ("declined", "unanswered")]
    reasons = (
        Reason(
            rule="resolved",
            ok=not asks_on,
            text="the customer's last words are a question" if asks_on else "no question is open",
        ),
        Reason(rule="mood", ok=reading.read and reading.mood not in UNHAPPY, text=f"the customer is {reading.mood}"),
        _risks(reading),
        _others(known.other_open),
        Reason(
            rule="cool-down",
            ok=not warm,
            text=f"asked about other words on {last:%Y-%m-%d}" if warm else "not asked about other words of late",
        ),
        *kept,
        _paused(known.paused_by),
        _person(ticket),
        _region(ticket, policy),
    )
    return Verdict(ok=all(reason.ok for reason in reasons), reasons=reasons)


def _others(other_open: Sequence[str]) -> Reason:
    return Reason(
        rule="other-tickets",
        ok=not other_open,
        text=f"{len(other_open)} other open ticket{'s' * (len(other_open) > 1)} ({', '.join(other_open[:3])})"
        if other_open
        else "no other open ticket",
    )


def _paused(paused_by: str) -> Reason:
    return Reason(
        rule="do-not-ask",
        ok=not paused_by,
        text=f"asks are paused by {paused_by}" if paused_by else "asks are not paused",
        final=True,
    )


def _asks_on(ticket: Ticket) -> bool:
    """Whether the customer's last words are a question."""
    return ticket.target is not None and ticket.target.text.rstrip().endswith("?")


def _confirmed(ticket: Ticket, reading: Reading) -> Reason:
    """Resolved by status, or the customer's own last words say so; a new question opens it again."""
    confirmed = bool(reading.signals)
    resolved = ticket.status in ("resolved", "closed")
    if _asks_on(ticket):
        return Reason(rule="resolved", ok=False, text="the customer's last words are a question")
    text = "resolved" if resolved else "the customer confirmed it" if confirmed else "not resolved or confirmed yet"
    return Reason(rule="resolved", ok=resolved or confirmed, text=text)


def _mood(reading: Reading) -> Reason:
    if not reading.read:
        return Reason(rule="mood", ok=False, text=f"the mood is not known ({reading.why_not})")
    if reading.sarcasm:
        return Reason(rule="mood", ok=False, text="the customer sounds sarcastic")
    return Reason(rule="mood", ok=reading.mood in HAPPY, text=f"the customer is {reading.mood}")


def _risks(reading: Reading) -> Reason:
    names = ", ".join(label.name.replace("_", " ") for label in reading.risks)
    return Reason(rule="risk", ok=not reading.risks, text=f"open risk: {names}" if names else "no open risk")


def _tactful(reading: Reading) -> Reason:
    ok = reading.ask_ok or bool(reading.delight)
    return Reason(
        rule="tact", ok=ok, text="there is warmth to build on" if ok else "plain thanks, no moment to build on"
    )


def _history(history: Sequence[Ask], policy: Policy, now: datetime) -> list[Reason]:
    sent = [ask for ask in history if ask.sent_at is not None]
    last = max((ask.sent_at for ask in sent if ask.sent_at), default=None)
    pause = timedelta(days=policy.pause_after_decline_days)
    refused = [a.answered_at or a.sent_at for a in sent if a.state in ("declined", "withdrawn")]
    declined = [at for at in refused if at is not None and now - at < pause]
    waiting = [
        a
        for a in sent
        if a.state == "sent" and a.sent_at and now - a.sent_at < timedelta(days=policy.answer_within_days)
    ]
    year = [a for a in sent if a.sent_at and now - a.sent_at < YEAR]
    cool = timedelta(days=policy.cool_down_days)
    warm = last is not None and now - last < cool
    return [
        Reason(rule="declined", ok=not declined, text="said no before" if declined else "never said no", final=True),
        Reason(
            rule="unanswered", ok=not waiting, text="an ask waits for its answer" if waiting else "no ask is waiting"
        ),
        Reason(
            rule="cool-down",
            ok=not warm,
            text=f"asked {(now - last).days} days ago; {policy.cool_down_days} must pass"
            if warm and last
            else "cool-down is over",
        ),
        Reason(
            rule="budget",
            ok=len(year) < policy.yearly_budget,
            text=f"{len(year)} of {policy.yearly_budget} asks this year",
        ),
    ]


def _balance(history: Sequence[Ask], gives: Sequence[Give], policy: Policy) -> Reason:
    """Between two asks the customer was given something that asked for nothing."""
    last = max((ask.sent_at for ask in history if ask.sent_at is not None), default=None)
    since = [give for give in gives if last is None or give.at > last]
    ok = last is None or len(since) >= policy.gives_between_asks
    text = f"{len(since)} given since the last ask" if last is not None else "never asked before"
    return Reason(rule="balance", ok=ok, text=text if ok else f"{text}; thank them first, asking for nothing")


def _purpose(purpose: str, policy: Policy) -> Reason:
    """A campaign may ask for what customers' words were given for, and nothing else."""
    ok = purpose in policy.purposes
    known = ", ".join(policy.purposes) or "none"
    text = f"for {purpose}" if ok else f"{purpose} is none of the purposes that asks are for ({known})"
    return Reason(rule="purpose", ok=ok, text=text, final=True)


def _person(ticket: Ticket) -> Reason:
    kind = ticket.customer.kind
    return Reason(
        rule="person",
        ok=kind == "customer",
        text="a customer"
        if kind == "customer"
        else f"{ticket.customer.first_name or 'this person'} {KIND_WORDS[kind]}",
        final=True,
    )


def _region(ticket: Ticket, policy: Policy) -> Reason:
    country = ticket.customer.country.upper()
    regions = {code.upper(): rule for code, rule in policy.regions.items()}
    rule = regions.get(country, "allowed")
    began = ticket.messages[0].role == "customer" and not ticket.messages[0].automatic
    told = bool(policy.prior_notice.strip())
    ok = rule == "allowed" or (rule == "customer-began" and began and told)
    text = {
        "allowed": "no rule for this region" if country else "region unknown, no rule applies",
        "customer-began": f"{country}: the customer began this conversation"
        if ok
        else f"{country}: only where the customer began"
        if told
        else f"{country}: only after prior notice; `prior_notice` in asking.md says where customers are told",
        "never": f"{country}: asks are not allowed",
    }[rule]
    return Reason(rule="region", ok=ok, text=text, final=True)
